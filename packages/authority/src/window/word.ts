/** The words of the window's screens. */
import type { RevocationReason } from '@sekisho/pki'
import type { Lang } from '@sekisho/web'
import type { ResidentEvent } from './event.ts'

/** The window's name on its screens. */
export const windowName = { ja: 'せきしょ町 住民窓口', en: 'Municipal window of the town' } as const

/** What happened, as buttons and notices name it. */
export const eventNames: Readonly<Record<Lang, Readonly<Record<ResidentEvent['what'], string>>>> = {
  ja: {
    card: 'カードを交付する',
    reissue: 'カードを再交付する',
    renew: '電子証明書を更新する',
    signature: '署名用電子証明書を発行する',
    'reset-pin': '暗証番号を初期化する',
    'reset-password': '署名用パスワードを初期化する',
    move: '転居・転入',
    rename: '氏名の変更',
    correct: '生年月日・性別の訂正',
    overseas: '国外転出',
    deceased: '死亡',
    'residence-lost': '在留資格の喪失',
    'end-card': 'カードの返納・廃止',
    lost: '紛失の連絡(一時停止)',
    found: '発見の届出(一時停止の解除)',
    stop: '電子証明書の利用停止',
    'key-compromised': '秘密鍵の漏えい',
    'recorded-wrongly': '電子証明書の記録誤り',
  },
  en: {
    card: 'Hand out a card',
    reissue: 'Reissue the card',
    renew: 'Renew the certificates',
    signature: 'Issue a signature certificate',
    'reset-pin': 'Reset the PIN',
    'reset-password': 'Reset the signature password',
    move: 'Move',
    rename: 'Change of name',
    correct: 'Correction of birth date or sex',
    overseas: 'Move overseas',
    deceased: 'Death',
    'residence-lost': 'Loss of the status of residence',
    'end-card': 'Give the card up',
    lost: 'Lost card (hold)',
    found: 'Card found (lift the hold)',
    stop: 'Stop the certificates',
    'key-compromised': 'Leaked private key',
    'recorded-wrongly': 'Error in a certificate',
  },
}

/** What each event does, in one sentence. */
export const effectTexts: Readonly<Record<Lang, Readonly<Record<ResidentEvent['what'], string>>>> =
  {
    ja: {
      card: '電子証明書を発行し、暗証番号を設定したカードを渡します。',
      reissue: '今のカードと電子証明書は使えなくなり、新しいカードに発行します。',
      renew: 'カードの電子証明書を新しくします。今の電子証明書は失効します。',
      signature: '署名用電子証明書だけを新しくします。利用者証明用はそのままです。',
      'reset-pin': '新しい暗証番号を設定し、入力できる回数を戻します。',
      'reset-password': '新しいパスワードを設定し、入力できる回数を戻します。',
      move: '署名用電子証明書が失効します。利用者証明用はそのままです。',
      rename: '署名用電子証明書が失効します。利用者証明用はそのままです。',
      correct: '署名用電子証明書が失効します。利用者証明用はそのままです。',
      overseas:
        '署名用電子証明書が失効します。引き続き使う手続をしないと、カードと利用者証明用も使えなくなります。',
      deceased: 'カードと両方の電子証明書が使えなくなります。',
      'residence-lost': 'カードと両方の電子証明書が使えなくなります。',
      'end-card': '返納、盗難、個人番号の変更などで、カードと両方の電子証明書が使えなくなります。',
      lost: '両方の電子証明書を一時停止します。',
      found: '一時停止を解除し、電子証明書を再び有効にします。',
      stop: '両方の電子証明書が失効します。カードはそのままです。',
      'key-compromised': '両方の電子証明書が失効します。カードはそのままです。',
      'recorded-wrongly': '両方の電子証明書が失効します。続けて電子証明書を更新してください。',
    },
    en: {
      card: 'Issues certificates and hands out a card with its PIN and password set.',
      reissue: 'The present card and its certificates end; a new card takes their place.',
      renew: 'New certificates onto the card. The present ones are revoked.',
      signature: 'A new signature certificate alone. The authentication certificate stays.',
      'reset-pin': 'Sets a new PIN and gives all tries back.',
      'reset-password': 'Sets a new password and gives all tries back.',
      move: 'The signature certificate is revoked. The authentication certificate stays.',
      rename: 'The signature certificate is revoked. The authentication certificate stays.',
      correct: 'The signature certificate is revoked. The authentication certificate stays.',
      overseas:
        'The signature certificate is revoked, and without continued use the card and the other one too.',
      deceased: 'The card and both certificates end.',
      'residence-lost': 'The card and both certificates end.',
      'end-card':
        'Given back, stolen, or the my number changed: the card and both certificates end.',
      lost: 'Both certificates are held.',
      found: 'The hold is lifted and the certificates are valid again.',
      stop: 'Both certificates are revoked. The card stays.',
      'key-compromised': 'Both certificates are revoked. The card stays.',
      'recorded-wrongly': 'Both certificates are revoked. Renew them next.',
    },
  }

const ja = {
  find: '住民をさがす',
  lead: '体験用の町の窓口です。架空の住民にカードを交付したり、届出を受け付けたりできます。',
  municipality: '市区町村',
  all: 'すべての市区町村',
  name: '氏名',
  nameHint:
    '一部でもさがせます。例: 佐藤。空欄のままさがすと、体験用に用意された人が先に並びます。',
  search: 'さがす',
  people: '体験用に用意された人',
  found: 'さがした結果',
  newestFirst: '発行の新しい順',
  perform: '手続をする',
  accept: '届出を受け付ける',
  more: '件数が多いため、はじめの50人だけを表示しています。',
  none: '該当する住民はいません。',
  state: '状態',
  persona: '体験用の設定',
  status: { resident: '住民', overseas: '国外転出', deceased: '死亡', removed: '消除' },
  done: '受け付けました',
  address: '住所',
  born: '生年月日',
  unknownDay: '不詳',
  gender: '性別',
  genders: { male: '男', female: '女', unknown: '不明' },
  formerSurname: '旧氏',
  ward: '成年被後見人',
  card: 'カード',
  noCard: '交付されていません',
  cardName: 'ウォレットでのカード名',
  until: 'まで有効',
  cardExpired: '有効期限が切れています',
  certificates: '電子証明書',
  noCertificates: '発行された電子証明書はありません。',
  kind: '種類',
  kinds: { signature: '署名用', authentication: '利用者証明用' },
  begins: '発行日',
  ends: '有効期限',
  states: { valid: '有効', held: '一時停止', revoked: '失効', expired: '期限切れ' },
  events: '届出と手続',
  noEvents: 'この人について受け付けられる届出はありません。',
  ofCard: 'カードと電子証明書',
  ofSecrets: '暗証番号の初期化',
  ofRecord: '住民票の届出',
  ofStops: '紛失・利用停止',
  withAuthentication: '利用者証明用電子証明書を発行する',
  withSignature: '署名用電子証明書を発行する',
  noSignature: '15歳未満の方、成年被後見人、国外転出者には、署名用電子証明書を発行しません。',
  pinAlways: 'いつも暗証番号を求める',
  pin: '暗証番号(利用者証明用、数字4桁)',
  password: '署名用パスワード(英数字6〜16文字)',
  newAddress: '新しい住所',
  newName: '新しい氏名',
  newNameHint: '姓と名の間に空白を入れてください。例: 田中 美咲',
  unchanged: '変更しない',
  continues: 'カードと利用者証明用電子証明書を引き続き使う',
}

type WindowWords = {
  readonly [Key in keyof typeof ja]: (typeof ja)[Key] extends string
    ? string
    : Readonly<Record<keyof (typeof ja)[Key], string>>
}

const en: WindowWords = {
  find: 'Find a resident',
  lead: 'The window of the practice town: hand out cards to synthetic residents and take their notifications.',
  municipality: 'Municipality',
  all: 'All municipalities',
  name: 'Name',
  nameHint:
    'A part is enough, for example 佐藤. Without a name the people prepared for practice come first.',
  search: 'Find',
  people: 'People prepared for practice',
  found: 'Found',
  newestFirst: 'Newest first',
  perform: 'Do it',
  accept: 'Accept it',
  more: 'There are many; only the first 50 are shown.',
  none: 'No such resident.',
  state: 'State',
  persona: 'Prepared as',
  status: {
    resident: 'Resident',
    overseas: 'Moved overseas',
    deceased: 'Deceased',
    removed: 'Removed from the register',
  },
  done: 'Done',
  address: 'Address',
  born: 'Born',
  unknownDay: 'day unknown',
  gender: 'Sex',
  genders: { male: 'Male', female: 'Female', unknown: 'Unknown' },
  formerSurname: 'Former surname',
  ward: 'Adult ward',
  card: 'Card',
  noCard: 'None handed out',
  cardName: 'Name of the card in the wallet',
  until: 'valid until',
  cardExpired: 'has expired',
  certificates: 'Certificates',
  noCertificates: 'No certificate was issued.',
  kind: 'Kind',
  kinds: { signature: 'Signature', authentication: 'Authentication' },
  begins: 'Issued',
  ends: 'Valid until',
  states: { valid: 'Valid', held: 'Held', revoked: 'Revoked', expired: 'Expired' },
  events: 'What can be done',
  noEvents: 'Nothing can be done for this person any more.',
  ofCard: 'Card and certificates',
  ofSecrets: 'PIN and password',
  ofRecord: 'Resident record',
  ofStops: 'Loss and stops',
  withAuthentication: 'Issue an authentication certificate',
  withSignature: 'Issue a signature certificate',
  noSignature: 'Under-15s, adult wards and people overseas are issued no signature certificate.',
  pinAlways: 'Always ask for the PIN',
  pin: 'PIN (authentication, 4 digits)',
  password: 'Signature password (6 to 16 letters and digits)',
  newAddress: 'New address',
  newName: 'New name',
  newNameHint: 'With a space between family and given name, for example 田中 美咲',
  unchanged: 'No change',
  continues: 'Keep using the card and its authentication certificate',
}

/** All other words. */
export const windowWords: Readonly<Record<Lang, WindowWords>> = { ja, en }

/** What a revocation code says to people. */
export const reasonNames: Readonly<
  Record<Lang, Readonly<Partial<Record<RevocationReason, string>>>>
> = {
  ja: {
    affiliationChanged: '住民票の記載の変更または消除',
    cessationOfOperation: '利用の終了',
    certificateHold: '紛失の連絡',
    keyCompromise: '秘密鍵の漏えい',
    superseded: '更新・再交付',
  },
  en: {
    affiliationChanged: 'record changed or removed',
    cessationOfOperation: 'use ended',
    certificateHold: 'reported lost',
    keyCompromise: 'key leaked',
    superseded: 'renewed or reissued',
  },
}
