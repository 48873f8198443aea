/** Words of the portal's sections about choices, services, devices and proofs. */
import type { Lang } from '@sekisho/web'

const ja = {
  services: '利用しているサービス',
  servicesText:
    'カードで入ったことのあるサービスです。サービスどうしは、あなたが同じ人であることを知りません。',
  noServices: '利用しているサービスはまだありません。',
  service: 'サービス',
  open: '開く',
  opens: (service: string) => `${service}を開く`,
  openText:
    '「開く」を押したサービスだけに、あなたが来たことを伝えます。カードをもう一度使わずに入れます。',
  lastSeen: '最後にカードを使った日時',
  account: '口座・会員番号などとの結び付け',
  linked: 'あり',
  notLinked: 'なし',
  limits: '同意を狭める',
  limitsText:
    '一つの情報や許可だけを取り消したり、期限や回数を決めたりできます。広げるには、サービスで同意し直してください。',
  scope: '対象',
  how: '内容',
  apply: '狭める',
  end: '取り消す',
  month: '1か月後までにする',
  once: '1回だけにする',
  twelve: '12回までにする',
  ended: '取り消し済み',
  untilDay: (day: string) => `${day}まで`,
  times: (used: number, most: number) => `${most}回まで(${used}回使用)`,
  latest: '最新の情報の提供についての同意',
  latestText:
    '引っ越しや改姓のあと、サービスがカードなしで新しい情報を受け取ることに、署名して同意したものです。',
  noLatest: '署名した同意はまだありません。',
  attributes: '情報',
  purpose: '利用目的',
  currentStatus: '現況確認',
  until: '期限',
  used: '使用回数',
  state: '状態',
  given: '有効',
  withdrawn: '撤回済み',
  over: '終了',
  withdraw: '撤回する',
  pin: '暗証番号',
  pinOn: 'いつも暗証番号を求める設定です。カードをかざすだけの確認では、あなたと認めません。',
  pinOff: '暗証番号なしでカードをかざすだけの確認も、できる設定です。',
  pinDemand: 'いつも暗証番号を求める',
  pinRelease: '暗証番号なしの確認も認める',
  terminals: 'テレビ・機器・世帯',
  noTerminals: '結び付けたテレビや機器はありません。',
  tv: 'テレビ',
  household: '世帯',
  device: '機器',
  since: '結び付けた日',
  unlink: '結び付けを終える',
  proof: '証明を取り出す',
  proofText:
    '利用記録の一件ごとに、改ざんできない台帳に入っていることの証明を取り出せます。証明は sekisho audit verify で、だれでも確かめられます。',
  data: '自分のデータ',
  dataText: 'この画面にあるすべての記録を、一つのファイル(JSON)で取り出せます。',
  export: 'データを取り出す',
  done: '変更しました',
  doneText: 'これから先の利用に、すぐに反映されます。',
} as const

type Words = {
  readonly [K in keyof typeof ja]: (typeof ja)[K] extends (...given: infer G) => string
    ? (...given: G) => string
    : string
}

const en: Words = {
  services: 'Services you use',
  servicesText:
    'Services that you entered with the card. They do not learn from each other that you are one person.',
  noServices: 'There is no service yet.',
  service: 'Service',
  open: 'Open',
  opens: service => `Open ${service}`,
  openText:
    'Only a service that you open learns that you have come. You enter it without using the card again.',
  lastSeen: 'Card last used',
  account: 'Account or membership number',
  linked: 'linked',
  notLinked: 'not linked',
  limits: 'Narrow the consent',
  limitsText:
    'You can take back one attribute or permission, or set an end or a number of times. To widen it, consent anew at the service.',
  scope: 'What',
  how: 'How',
  apply: 'Narrow',
  end: 'take back',
  month: 'for one more month',
  once: 'one more time',
  twelve: 'twelve times at most',
  ended: 'taken back',
  untilDay: day => `until ${day}`,
  times: (used, most) => `${most} times at most (${used} used)`,
  latest: 'Consents to your latest attributes',
  latestText:
    'You signed that a service may receive your new name or address after a move or marriage, without your card.',
  noLatest: 'You have signed no such consent.',
  attributes: 'Attributes',
  purpose: 'Purpose',
  currentStatus: 'current-status check',
  until: 'Until',
  used: 'Used',
  state: 'State',
  given: 'in force',
  withdrawn: 'withdrawn',
  over: 'ended',
  withdraw: 'Withdraw',
  pin: 'PIN',
  pinOn: 'The PIN is always demanded. A card that is only held to a reader does not pass for you.',
  pinOff: 'Your card may also be confirmed by holding it to a reader, without PIN.',
  pinDemand: 'Always demand the PIN',
  pinRelease: 'Allow confirmation without PIN',
  terminals: 'Televisions, devices, households',
  noTerminals: 'No television or device is linked to you.',
  tv: 'television',
  household: 'household',
  device: 'device',
  since: 'Linked on',
  unlink: 'End this link',
  proof: 'Get the proof',
  proofText:
    'For each use you can get the proof that it stands in a ledger that nobody can alter. Anybody can check it with sekisho audit verify.',
  data: 'Your data',
  dataText: 'You can take all records of this page with you in one file (JSON).',
  export: 'Get your data',
  done: 'Changed',
  doneText: 'It holds from now on.',
}

/** The words by language. */
export const portalWords: Readonly<Record<Lang, Words>> = { ja, en }
