/** The screens of a card step, Japanese first. */
import type { ReaderRequest } from '@sekisho/contract/reader'
import type { Refusal, RefusalCode } from '@sekisho/contract'
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
} from '@sekisho/web'
import { attributeWords, type AttributeScope } from '../confirm/statement.ts'
import type { Provider } from '../providers/registry.ts'
import { sessionDays } from '../session/provider-session.ts'

/** The platform's name on its screens. */
export const serviceName = {
  ja: 'せきしょ 共通認証基盤',
  en: 'Sekisho authentication platform',
} as const

/** What the pages of all card steps have in common. */
export type CardPage = {
  readonly lang: Lang
  readonly provider: Provider
  /** Where the step lies; its answer is posted there, and its refusal to `…/refuse` below. */
  readonly path: string
  /** What is to be known of a step that was begun elsewhere: told first. */
  readonly origin?: readonly (readonly [string, string])[]
  /** What a person must make sure of before the card is used. */
  readonly caution?: { readonly title: string; readonly text: string }
  /** Other ways than the card. */
  readonly others?: Markup
  /** Whether the service may stay logged in. */
  readonly isStanding: boolean
  readonly readers: CeremonyReaders
  readonly request: ReaderRequest
}

const words = {
  ja: {
    login: 'カードでログイン',
    loginLead:
      'マイナンバーカードの利用者証明用電子証明書で、ログインします。氏名や住所は送られません。',
    identify: '本人確認',
    identifyLead: 'マイナンバーカードの署名用電子証明書で、次の同意書に署名します。',
    sign: '文書への署名',
    signLead: '次の文書に、マイナンバーカードの署名用電子証明書で署名します。',
    to: 'ログイン先',
    receiver: '提供先',
    asker: '依頼元',
    purpose: '利用目的',
    released: '提供する情報',
    nothing: 'なし',
    choose: '提供する情報を選ぶ',
    chooseText: '外した情報は提供しません。サービスによっては、手続を続けられないことがあります。',
    chooseButton: '選んだ情報で同意書を作り直す',
    pin4: '必要なもの',
    pin4Text: 'マイナンバーカードと、数字4桁の暗証番号',
    pinSign: 'マイナンバーカードと、英数字6〜16文字の署名用パスワード',
    statement: '署名する同意書',
    document: '署名する文書',
    binary: 'この文書はリーダーの画面で表示されます。',
    renewed: 'カードを更新した方へ',
    renewedText:
      '初めてのカードのときは、更新前の登録を探すため、認証局に一つ前の電子証明書の番号を照会します。引き継ぐのは、引き継ぎに同意した登録だけです。',
    standing: 'ログインの維持',
    standingText: `このサービスは、カードを使わずに最長${sessionDays}日間ログインを維持できます。カードの失効や同意の撤回で終わり、「あなたの同意と利用記録」からいつでも終えられます。`,
    again: 'もう一度カードを使う',
    refuse: 'やめてサービスに戻る',
  },
  en: {
    login: 'Log in with the card',
    loginLead:
      'You log in with the authentication certificate of your My Number card. No name or address is sent.',
    identify: 'Identity confirmation',
    identifyLead: 'You sign this statement with the signature certificate of your My Number card.',
    sign: 'Sign a document',
    signLead: 'You sign this document with the signature certificate of your My Number card.',
    to: 'You log in to',
    receiver: 'Released to',
    asker: 'Asked by',
    purpose: 'Purpose',
    released: 'Released',
    nothing: 'nothing',
    choose: 'Choose what is released',
    chooseText: 'What you untick is not released. Some services cannot go on without it.',
    chooseButton: 'Make the statement anew',
    pin4: 'You need',
    pin4Text: 'your My Number card and its 4-digit PIN',
    pinSign: 'your My Number card and its signature password (6 to 16 letters and digits)',
    statement: 'The statement you sign',
    document: 'The document you sign',
    binary: 'The reader will show this document.',
    renewed: 'If you renewed your card',
    renewedText:
      'For a card we have not met, the authority is asked for the number of the certificate before it. Only a registration that you agreed to carry over is carried over.',
    standing: 'Staying logged in',
    standingText: `This service may stay logged in for up to ${sessionDays} days without your card. It ends when the card or your consent ends, and you can end it at any time in “Your consents and records”.`,
    again: 'Use the card again',
    refuse: 'Stop and go back',
  },
} as const

/** Page of a login. */
export function loginPage(given: CardPage): string {
  const say = words[given.lang]
  return frame(given, say.login, [
    html`<p class="lead">${say.loginLead}</p>`,
    pairs([
      [say.to, given.provider.name],
      [say.purpose, given.provider.purpose],
      ...standingOf(given),
      [say.pin4, say.pin4Text],
      [say.renewed, say.renewedText],
    ]),
  ])
}

/** Page of an identification: the statement stands there in full. */
export function identifyPage(
  given: CardPage & {
    readonly attributes: readonly AttributeScope[]
    /** What the service asked for. */
    readonly offered: readonly AttributeScope[]
    readonly statement: Uint8Array
  },
): string {
  const say = words[given.lang]
  const list = given.attributes.map(scope => attributeWords[scope][given.lang])
  return frame(given, say.identify, [
    html`<p class="lead">${say.identifyLead}</p>`,
    pairs([
      [say.receiver, given.provider.name],
      [say.purpose, given.provider.purpose],
      [say.released, list.join(given.lang === 'ja' ? '、' : ', ') || say.nothing],
      ...standingOf(given),
      [say.pin4, say.pinSign],
    ]),
    choiceForm(given),
    html`<h2>${say.statement}</h2><pre tabindex="0" role="region" aria-label="${say.statement}">${new TextDecoder().decode(given.statement)}</pre>`,
  ])
}

/** Lets the person release less: the statement is made anew with what is left ticked. */
function choiceForm(
  given: CardPage & {
    readonly attributes: readonly AttributeScope[]
    readonly offered: readonly AttributeScope[]
  },
): Markup {
  const { lang, path, offered, attributes } = given
  const say = words[lang]
  if (offered.length === 0) return html``
  return html`<form id="choice" method="get" action="${path}"><fieldset><legend>${say.choose}</legend><p>${say.chooseText}</p><input type="hidden" name="chosen" value="1"><input type="hidden" name="lang" value="${lang}">${offered.map(
    scope =>
      html`<p><label><input type="checkbox" name="with" value="${scope}"${attributes.includes(scope) ? html` checked` : null}> ${attributeWords[scope][lang]}</label></p>`,
  )}${button(say.chooseButton, 'second')}</fieldset></form>`
}

/** Page of a signature. */
export function signPage(
  given: CardPage & {
    readonly waiting: {
      readonly title: string
      readonly mediaType: string
      readonly document: Uint8Array
    }
  },
): string {
  const say = words[given.lang]
  const { waiting } = given
  return frame(given, say.sign, [
    html`<p class="lead">${say.signLead}</p>`,
    pairs([
      [say.asker, given.provider.name],
      [say.document, waiting.title],
      ...standingOf(given),
      [say.pin4, say.pinSign],
    ]),
    html`<h2>${say.document}</h2>`,
    waiting.mediaType === 'application/pdf'
      ? html`<p>${say.binary}</p>`
      : html`<pre tabindex="0" role="region" aria-label="${say.document}">${new TextDecoder().decode(waiting.document)}</pre>`,
  ])
}

/** Refusals after which trying the same step again is of no use. */
const finalRefusals: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  'scope-exceeded',
  'provider-suspended',
  'provider-unknown',
  'transaction-unknown',
  'transaction-expired',
  'transaction-finished',
  'intent-mismatch',
  'challenge-limit',
])

/** Page of a step that was refused: what happened, what to do, and the ways on: again, or back to the service. */
export function refusedPage(refusal: Refusal, given: Pick<CardPage, 'lang' | 'path'>): string {
  const { lang, path } = given
  const say = words[lang]
  return refusalPage(refusal, {
    lang,
    service: { name: serviceName[lang], home: '/' },
    back: html`<div class="actions">${
      finalRefusals.has(refusal.code) ? null : linkButton(addressOf(path, lang), say.again)
    }</div>${refuseForm(path, lang)}`,
  })
}

function standingOf(given: CardPage): [string, string][] {
  const say = words[given.lang]
  return given.isStanding ? [[say.standing, say.standingText]] : []
}

function frame(given: CardPage, title: string, body: readonly Markup[]): string {
  const { lang, path, origin = [], caution, others } = given
  return page({
    title,
    lang,
    service: { name: serviceName[lang], home: '/' },
    path,
    scripts: [cardCeremonyPath],
    body: [
      caution === undefined ? html`` : notice('warning', caution.title, caution.text),
      origin.length === 0 ? html`` : pairs(origin.map(([name, value]) => [name, value])),
      ...body,
      cardCeremonyForm({
        action: addressOf(path, lang),
        request: given.request,
        readers: given.readers,
        lang,
      }),
      others ?? html``,
      refuseForm(path, lang),
    ],
  })
}

function refuseForm(path: string, lang: Lang): Markup {
  return html`<form id="refuse" method="post" action="${addressOf(path, lang, '/refuse')}">${button(words[lang].refuse, 'second')}</form>`
}

/** Addresses of a step keep the language that the person chose. */
function addressOf(path: string, lang: Lang, rest = ''): string {
  return `${path}${rest}${lang === 'en' ? '?lang=en' : ''}`
}
