/** The screens of approvals, Japanese first: a device's code, requests that wait, and what became of them. */
import type { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import {
  button,
  field,
  html,
  type Lang,
  linkButton,
  type Markup,
  notice,
  page,
  pairs,
  refusalPage,
} from '@sekisho/web'
import { serviceName } from '../login/interaction-page.ts'

const words = {
  ja: {
    deviceTitle: '機器でのログイン',
    deviceLead:
      'テレビなどの画面に表示されているコードを入力してください。次の画面で、どのサービスかを確かめてからカードを使います。',
    code: '画面のコード',
    codeHint: '英字8文字。大文字と小文字の区別はありません。',
    next: '次へ',
    alone: 'コードは、あなたの目の前の画面にあるものだけを入力してください',
    aloneText:
      '電話、メール、メッセージで知らされたコードは入力しないでください。入力すると、知らない人の機器があなたとしてログインします。',
    where: 'ログインする機器',
    elsewhere: 'ほかの機器(サービスが名前を伝えていません)',
    begun: 'ログインが始められた日時',
    cautionTitle: 'この機器は、いまあなたの目の前にありますか',
    cautionText:
      'あなたが自分で始めたログインでなければ、カードを使わずに断ってください。サービスの職員や警察が、この操作を頼むことはありません。',
    requestsTitle: '確認を求められています',
    requestsLead: 'サービスから、あなたであることの確認を求められています。',
    noRequests: '確認を求めているサービスはありません。',
    asker: '依頼元',
    purpose: '利用目的',
    until: '期限',
    message: 'サービスの画面に表示されている合言葉',
    messageHint: '合言葉は、サービスの画面や窓口で確かめてください。ここには表示されません。',
    missed: '合言葉が違います',
    missedText: '3回違うと、この依頼は終わります。',
    ended: 'この依頼は終わりました',
    endedText: '心当たりのない依頼だったときは、サービスに知らせてください。',
    requestCautionTitle: 'あなたが自分で始めた手続ですか',
    requestCautionText:
      '心当たりがなければ、カードを使わずに断ってください。電話で急がされても、応じる必要はありません。',
    refuse: '心当たりがない',
    doneTitle: '完了しました',
    doneText: '元の画面に戻ってください。この画面は閉じて構いません。',
    refusedTitle: '断りました',
    refusedText: 'この依頼では、誰もあなたとしてログインしません。',
    back: 'あなたの同意と利用記録',
    again: 'コードを入力し直す',
  },
  en: {
    deviceTitle: 'Log in on a device',
    deviceLead:
      'Type the code that the television or other device shows. On the next page you see for which service it is before you use the card.',
    code: 'Code on the screen',
    codeHint: 'Eight letters, capital or small.',
    next: 'Continue',
    alone: 'Type only a code from a screen in front of you',
    aloneText:
      'Never type a code that you were told by telephone, mail or message. Somebody else’s device would be logged in as you.',
    where: 'Device',
    elsewhere: 'another device (the service did not name it)',
    begun: 'Login begun',
    cautionTitle: 'Is this device in front of you now?',
    cautionText:
      'If you did not begin this login yourself, refuse it and do not use the card. No staff of a service and no police will ask you to do this.',
    requestsTitle: 'Requests for you',
    requestsLead: 'Services ask you to confirm that it is you.',
    noRequests: 'No service asks anything of you.',
    asker: 'Asked by',
    purpose: 'Purpose',
    until: 'Until',
    message: 'Message that the service shows',
    messageHint: 'You find the message on the screen or at the counter of the service, not here.',
    missed: 'The message is another',
    missedText: 'After three wrong messages the request ends.',
    ended: 'The request has ended',
    endedText: 'If you know nothing of it, tell the service.',
    requestCautionTitle: 'Did you begin this yourself?',
    requestCautionText:
      'If not, refuse it and do not use the card. You need not give in to anybody who hurries you on the telephone.',
    refuse: 'I know nothing of it',
    doneTitle: 'Done',
    doneText: 'Go back to where you began. You may close this page.',
    refusedTitle: 'Refused',
    refusedText: 'Nobody is logged in as you by this request.',
    back: 'Your consents and records',
    again: 'Type the code again',
  },
} as const

/** The page on which a device's code is typed. */
export function codePage(lang: Lang): string {
  const say = words[lang]
  return frame(lang, '/device', say.deviceTitle, [
    html`<p class="lead">${say.deviceLead}</p>`,
    notice('warning', say.alone, say.aloneText),
    html`<form id="code" method="post" action="${addressOf('/device', lang)}">${field({ name: 'user_code', label: say.code, hint: say.codeHint, autocomplete: 'one-time-code' })}<div class="actions">${button(say.next)}</div></form>`,
  ])
}

/** What the page of a device's card step tells first. */
export function deviceOrigin(
  lang: Lang,
  device: { readonly name: string | undefined; readonly begunAt: Instant },
) {
  const say = words[lang]
  return {
    origin: [
      [say.where, device.name ?? say.elsewhere],
      [say.begun, timeText(device.begunAt, lang)],
    ] as const,
    caution: { title: say.cautionTitle, text: say.cautionText },
  }
}

/** What the page of a back-channel request's card step tells first. */
export function requestOrigin(lang: Lang, request: { readonly begunAt: Instant }) {
  const say = words[lang]
  return {
    origin: [[say.begun, timeText(request.begunAt, lang)]] as const,
    caution: { title: say.requestCautionTitle, text: say.requestCautionText },
  }
}

/** A request as its person sees it before the card. */
export type RequestView = {
  readonly id: string
  readonly provider: string
  readonly purpose: string
  readonly begunAt: Instant
  readonly expiresAt: Instant
}

/** The requests that wait for a person. */
export function requestsPage(
  lang: Lang,
  requests: readonly RequestView[],
  isEnded: boolean,
): string {
  const say = words[lang]
  return frame(lang, '/me/requests', say.requestsTitle, [
    isEnded ? notice('warning', say.ended, say.endedText) : html``,
    html`<p class="lead">${requests.length === 0 ? say.noRequests : say.requestsLead}</p>`,
    ...requests.map(
      request =>
        html`<section aria-label="${request.provider}"><h2>${request.provider}</h2>${requestPairs(lang, request)}<div class="actions">${linkButton(addressOf(`/me/requests/${request.id}`, lang), say.next)}</div></section>`,
    ),
    html`<p><a href="${addressOf('/me', lang)}">${say.back}</a></p>`,
  ])
}

/** The page on which the message of a request is typed. */
export function messagePage(lang: Lang, request: RequestView, isMissed: boolean): string {
  const say = words[lang]
  const path = `/me/requests/${request.id}`
  return frame(lang, path, request.provider, [
    isMissed ? notice('error', say.missed, say.missedText) : html``,
    notice('warning', say.requestCautionTitle, say.requestCautionText),
    requestPairs(lang, request),
    html`<form id="match" method="post" action="${addressOf(`${path}/message`, lang)}">${field({ name: 'message', label: say.message, hint: say.messageHint, autocomplete: 'off' })}<div class="actions">${button(say.next)}</div></form>`,
    html`<form id="refuse" method="post" action="${addressOf(`${path}/refuse`, lang)}">${button(say.refuse, 'second')}</form>`,
  ])
}

function requestPairs(lang: Lang, request: RequestView): Markup {
  const say = words[lang]
  return pairs([
    [say.asker, request.provider],
    [say.purpose, request.purpose],
    [say.begun, timeText(request.begunAt, lang)],
    [say.until, timeText(request.expiresAt, lang)],
  ])
}

/** What became of it. */
export function endPage(lang: Lang, what: 'done' | 'refused', path: string): string {
  const say = words[lang]
  const [title, text] =
    what === 'done' ? [say.doneTitle, say.doneText] : [say.refusedTitle, say.refusedText]
  return frame(lang, path, title, [notice('success', title, text)])
}

/** A refusal on the way, with the way to try again. */
export function refusedApprovalPage(refusal: Refusal, lang: Lang, again: string): string {
  return refusalPage(refusal, {
    lang,
    service: { name: serviceName[lang], home: '/' },
    back: html`<p>${linkButton(addressOf(again, lang), words[lang].again)}</p>`,
  })
}

function frame(lang: Lang, path: string, title: string, body: readonly Markup[]): string {
  return page({
    title,
    lang,
    service: { name: serviceName[lang], home: '/' },
    path,
    body,
  })
}

function addressOf(path: string, lang: Lang): string {
  return `${path}${lang === 'en' ? '?lang=en' : ''}`
}

function timeText(at: Instant, lang: Lang): string {
  return new Intl.DateTimeFormat(lang === 'ja' ? 'ja-JP-u-ca-japanese' : 'en-GB', {
    dateStyle: 'long',
    timeStyle: 'short',
    timeZone: 'Asia/Tokyo',
  }).format(at)
}
