/** The screens of one's own records, Japanese first. */
import type { Refusal } from '@sekisho/contract'
import type { ReaderRequest } from '@sekisho/contract/reader'
import type { Instant } from '@sekisho/runtime/clock'
import {
  button,
  cardCeremonyForm,
  cardCeremonyPath,
  type CeremonyReaders,
  html,
  type Lang,
  linkButton,
  type Markup,
  notice,
  page,
  pairs,
  refusalPage,
  table,
} from '@sekisho/web'
import type { KeptDocument } from '../confirm/box.ts'
import { attributeScopes, attributeWords } from '../confirm/statement.ts'
import { serviceName } from '../login/interaction-page.ts'
import { addressOf, timeText } from './own-text.ts'
import type { Doorway } from '../rooms/room.ts'
import type { Portal } from './portal.ts'
import { portalWords } from './portal-word.ts'
import type { ConsentView, Records } from './records.ts'
import {
  dataSection,
  latestSection,
  limitSection,
  pinSection,
  serviceSection,
  gatewaySection,
  terminalSection,
  useSection,
} from './section.ts'

const words = {
  ja: {
    title: 'あなたの同意と利用記録',
    lead: 'どのサービスに何を提供することに同意したか、誰がいつ確認したかを見て、同意を撤回できます。',
    need: '必要なもの',
    needText: 'マイナンバーカードと、数字4桁の暗証番号',
    consents: '同意',
    none: '同意はまだありません。',
    to: '提供先',
    purpose: '利用目的',
    released: '提供する情報',
    nothing: 'なし(本人であることの確認のみ)',
    besides: 'あわせて同意したこと',
    given: '同意した日',
    until: '期限',
    state: '状態',
    inForce: '有効',
    runOut: '期限切れ',
    withdrawn: '撤回済み',
    replaced: '新しい同意に置き換え済み',
    withdraw: 'この同意を撤回する',
    withdrawnNotice: '同意を撤回しました',
    withdrawnText:
      'このサービスは、これから先、あなたの登録内容の変更を確認できません。すでに受け取った情報の扱いは、サービスに確かめてください。',
    requests: '確認を求められていること',
    sessions: 'ログイン中のサービス',
    noSessions: 'ログインの状態が続いているサービスはありません。',
    sessionsTold: 'カードでログインし、まだ終わっていないサービス',
    begun: 'ログインした日時',
    endSessions: 'すべてのサービスからログアウトする',
    endedNotice: 'すべてのサービスからログアウトしました',
    endedText:
      'サービスがカードなしで情報を読み直すことは、もうできません。対応しているサービスには、ログインの終わりを知らせます。',
    documents: '署名した文書',
    noDocuments: '署名した文書はまだありません。',
    boxHint:
      '証拠一式には、署名した文書、電子証明書、検証の結果と、接続なしで使える検証の画面が入っています。氏名や住所を含むため、取扱いに注意してください。',
    signedOn: '署名した日',
    level: '保存の水準',
    box: '証拠一式を取り出す',
    uses: '利用記録',
    noUses: '利用記録はまだありません。',
    usesTold: 'いつ、どのサービスが、何をしたか',
    when: '日時',
    who: 'サービス',
    what: '内容',
    self: '(本人)',
    logout: 'ログアウト',
    again: 'もう一度カードを使う',
    linkage: '更新後のカードの引き継ぎ',
    change: '登録内容の変更の確認',
    waiting: (count: number) => `${count}件が待っています。`,
    open: (title: string) => `${title}を開く`,
  },
  en: {
    title: 'Your consents and records',
    lead: 'See what you agreed to release to which service and who looked when, and withdraw consents.',
    need: 'You need',
    needText: 'your My Number card and its 4-digit PIN',
    consents: 'Consents',
    none: 'There is no consent yet.',
    to: 'Released to',
    purpose: 'Purpose',
    released: 'Released',
    nothing: 'nothing (identity is confirmed only)',
    besides: 'Agreed besides',
    given: 'Given on',
    until: 'Until',
    state: 'State',
    inForce: 'in force',
    runOut: 'run out',
    withdrawn: 'withdrawn',
    replaced: 'replaced by a later consent',
    withdraw: 'Withdraw this consent',
    withdrawnNotice: 'The consent was withdrawn',
    withdrawnText:
      'From now on this service cannot ask whether your registered facts changed. Ask the service what it does with what it has received.',
    requests: 'Requests for you',
    sessions: 'Services you are logged in to',
    noSessions: 'You are not logged in to any service.',
    sessionsTold: 'Services you logged in to with the card and have not left',
    begun: 'Logged in',
    endSessions: 'Log out of every service',
    endedNotice: 'You are logged out of every service',
    endedText:
      'No service can read your information again without the card. Services that support it are told that the login has ended.',
    documents: 'Documents you signed',
    noDocuments: 'You have not signed any document yet.',
    boxHint:
      'An evidence box holds the signed document, the certificates, the result, and a verifier that needs no connection. It contains your name and address: handle it with care.',
    signedOn: 'Signed on',
    level: 'Level of keeping',
    box: 'Export the evidence box',
    uses: 'Uses',
    noUses: 'There is no use yet.',
    usesTold: 'Which service did what, and when',
    when: 'When',
    who: 'Service',
    what: 'What',
    self: '(you)',
    logout: 'Log out',
    again: 'Use the card again',
    linkage: 'carrying over to a renewed card',
    change: 'asking whether facts changed',
    waiting: (count: number) => `${count} waiting for you.`,
    open: (title: string) => `Open: ${title}`,
  },
} as const

/** The page before the card was used. */
export function entrancePage(given: {
  readonly lang: Lang
  readonly request: ReaderRequest
  readonly readers: CeremonyReaders
  /** Where the browser goes after the card; undefined: to the records. */
  readonly next: string | undefined
}): string {
  const { lang, next } = given
  const say = words[lang]
  return frame(lang, [
    html`<p class="lead">${say.lead}</p>`,
    pairs([[say.need, say.needText]]),
    cardCeremonyForm({
      action:
        next === undefined ? addressOf(lang) : `/me?${new URLSearchParams({ next }).toString()}`,
      request: given.request,
      readers: given.readers,
      lang,
    }),
  ])
}

/** What a person can have done on this page. */
export const doneThings = ['withdrawn', 'sessions-ended', 'changed'] as const
export type DoneThing = (typeof doneThings)[number]

/** The records. `told` says what the person has just done. */
export function recordsPage(given: {
  readonly lang: Lang
  readonly records: Records
  readonly portal: Portal
  readonly rooms: readonly (Doorway & { readonly count: number })[]
  readonly at: Instant
  readonly told: DoneThing | undefined
}): string {
  const { lang, records, portal } = given
  const say = words[lang]
  return frame(lang, [
    html`<p class="lead">${say.lead}</p>`,
    toldBlock(given.told, lang),
    ...given.rooms.map(room => roomSection(room, lang)),
    serviceSection(portal.services, lang),
    html`<h2>${say.consents}</h2>`,
    records.consents.length === 0
      ? html`<p>${say.none}</p>`
      : html`${records.consents.map(consent => consentBlock(consent, given))}`,
    latestSection(portal.latest, lang),
    pinSection(portal.isPinDemanded, lang),
    terminalSection(portal.terminals, lang),
    gatewaySection(portal.gateways, lang),
    html`<p><a href="${addressOf(lang, '/requests')}">${say.requests}</a></p>`,
    sessionsBlock(records.sessions, lang),
    html`<h2>${say.documents}</h2>`,
    records.documents.length === 0
      ? html`<p>${say.noDocuments}</p>`
      : html`<p>${say.boxHint}</p>${records.documents.map(each => documentBlock(each, lang))}`,
    html`<h2>${say.uses}</h2>`,
    portal.uses.length === 0
      ? html`<p>${say.noUses}</p>`
      : useSection(portal.uses, lang, {
          told: say.usesTold,
          columns: [say.when, say.who, say.what],
          self: say.self,
        }),
    dataSection(lang),
    html`<form id="logout" method="post" action="${addressOf(lang, '/logout')}">${button(say.logout, 'second')}</form>`,
  ])
}

/** A refusal on the way in, with the way to try again. */
export function refusedEntrancePage(refusal: Refusal, lang: Lang): string {
  return refusalPage(refusal, {
    lang,
    service: { name: serviceName[lang], home: '/' },
    back: html`<p>${linkButton(addressOf(lang), words[lang].again)}</p>`,
  })
}

function roomSection(room: Doorway & { readonly count: number }, lang: Lang): Markup {
  const say = words[lang]
  return html`<h2>${room.title[lang]}</h2><p>${room.lead[lang]}</p>${
    room.count === 0 ? null : html`<p><strong>${say.waiting(room.count)}</strong></p>`
  }<p>${linkButton(lang === 'en' ? `${room.path}?lang=en` : room.path, say.open(room.title[lang]))}</p>`
}

function toldBlock(told: DoneThing | undefined, lang: Lang): Markup {
  const say = words[lang]
  if (told === undefined) return html``
  if (told === 'changed')
    return notice('success', portalWords[lang].done, portalWords[lang].doneText)
  return told === 'withdrawn'
    ? notice('success', say.withdrawnNotice, say.withdrawnText)
    : notice('success', say.endedNotice, say.endedText)
}

function sessionsBlock(sessions: Records['sessions'], lang: Lang): Markup {
  const say = words[lang]
  if (sessions.length === 0) return html`<h2>${say.sessions}</h2><p>${say.noSessions}</p>`
  const rows = sessions.map(one => [
    one.provider,
    timeText(one.begunAt, lang),
    timeText(one.until, lang),
  ])
  return html`<h2>${say.sessions}</h2>${table(say.sessionsTold, [say.who, say.begun, say.until], rows)}<form id="end-sessions" method="post" action="${addressOf(lang, '/sessions/end')}">${button(say.endSessions, 'second')}</form>`
}

function consentBlock(
  consent: ConsentView,
  given: { readonly lang: Lang; readonly at: Instant },
): Markup {
  const { lang, at } = given
  const say = words[lang]
  const comma = lang === 'ja' ? '、' : ', '
  const released = attributeScopes
    .filter(scope => consent.scopes.includes(scope))
    .map(scope => attributeWords[scope][lang])
  const besides = (['linkage', 'change'] as const)
    .filter(scope => consent.scopes.includes(scope))
    .map(scope => say[scope])
  const state =
    consent.state === 'given' ? (consent.until > at ? say.inForce : say.runOut) : say[consent.state]
  return html`<section aria-label="${consent.provider}"><h3>${consent.provider}</h3>${pairs([
    [say.purpose, consent.purpose],
    [say.released, released.join(comma) || say.nothing],
    [say.besides, besides.join(comma)],
    [say.given, timeText(consent.givenAt, lang)],
    [say.until, timeText(consent.until, lang)],
    [say.state, state],
  ])}${limitSection(consent, at, lang)}${
    consent.state === 'given'
      ? html`<form id="withdraw-${consent.id}" method="post" action="${addressOf(lang, `/consents/${consent.id}/withdraw`)}">${button(say.withdraw, 'second')}</form>`
      : null
  }</section>`
}

function documentBlock(document: KeptDocument, lang: Lang): Markup {
  const say = words[lang]
  return html`<section aria-label="${document.title}"><h3>${document.title}</h3>${pairs([
    [say.who, document.provider],
    [say.signedOn, timeText(document.signedAt, lang)],
    [say.level, document.level],
  ])}<form method="post" action="${addressOf(lang, `/containers/${document.id}/box`)}">${button(say.box, 'second')}</form></section>`
}

function frame(lang: Lang, body: readonly Markup[]): string {
  return page({
    title: words[lang].title,
    lang,
    service: { name: serviceName[lang], home: '/' },
    path: '/me',
    scripts: [cardCeremonyPath],
    body,
  })
}
