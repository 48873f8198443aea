/** The wallet's screens. */
import { type CardReason, cardReasons } from '@sekisho/card'
import { type Refusal, refusals } from '@sekisho/contract'
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
  say,
  type Words,
} from '@sekisho/web'
import type { Asked } from '../asked.ts'
import { secretOf } from '../ceremony.ts'
import type { CardTrouble, DeskCeremony, Standing } from './desk.ts'
import { words } from './words.ts'

/** How a synthetic citizen's card is called; `note` may tell the PIN, because nobody else knows it. */
export type CardLabel = { readonly name: Words; readonly note?: Words }

/** What every screen needs. */
export type Screen = {
  readonly lang: Lang
  readonly labels: Readonly<Record<string, CardLabel>>
}

/** Where the window's script is served. */
export const walletScriptPath = '/assets/wallet-reader.js'

/** The wallet's front page: which cards there are. */
export function walletHome(screen: Screen, personas: readonly string[]): string {
  const { lang } = screen
  const list = html`<ul class="cards">${personas.map(
    persona =>
      html`<li><h3>${nameMarkup(screen, persona)}</h3>${noteOf(screen, persona)}<p><a href="/cards/${persona}">${say(words.look, lang)}</a></p></li>`,
  )}</ul>`
  return frame(screen, words.homeTitle, '/', [
    html`<p class="lead">${say(words.homeLead, lang)}</p>`,
    html`<h2>${say(words.cards, lang)}</h2>`,
    personas.length === 0 ? notice('info', say(words.noCards, lang)) : list,
  ])
}

/** What a card says about a key when asked without a PIN: tries left, or why it cannot be used. */
export type KeyState =
  | { readonly triesLeft: number | undefined }
  | { readonly trouble: CardTrouble }

/** One card, as the reader sees it without any PIN. */
export function walletCard(
  screen: Screen,
  persona: string,
  keys: { readonly authentication: KeyState; readonly signature: KeyState },
): string {
  const { lang } = screen
  const row = (key: KeyState): Markup | string =>
    'trouble' in key ? troubleText(key.trouble, lang) : triesText(key.triesLeft, lang)
  return frame(
    screen,
    { ja: nameOf(screen, persona), en: nameOf(screen, persona) },
    `/cards/${persona}`,
    [
      noteOf(screen, persona) ?? html``,
      pairs([
        [say(words.authenticationKey, lang), row(keys.authentication)],
        [say(words.signatureKey, lang), row(keys.signature)],
      ]),
      html`<p class="hint">${say(words.window, lang)}</p>`,
      linkButton('/', say(words.back, lang), 'second'),
    ],
  )
}

/** The window before its request has come. */
export function waitingPage(screen: Screen, token: string): string {
  const { lang } = screen
  const line = (name: string, kind: 'info' | 'error', text: Words): Markup =>
    html`<div data-line="${name}"${name === 'waiting' ? null : html` hidden`}>${notice(kind, say(text, lang))}</div>`
  return frame(screen, words.readerTitle, undefined, [
    html`<div id="wallet-waiting" data-token="${token}">${[
      line('waiting', 'info', words.waiting),
      line('alone', 'error', words.alone),
      line('malformed', 'error', words.malformed),
      line('fault', 'error', words.fault),
    ]}</div><noscript>${notice('error', say(words.script, lang))}</noscript>`,
  ])
}

/** What is asked, and the step the ceremony stands at. */
export function ceremonyPage(
  screen: Screen,
  ceremony: DeskCeremony,
  given: {
    readonly token: string
    readonly personas: readonly string[]
    readonly persona: string | undefined
  },
): string {
  const { lang } = screen
  const path = `/ceremonies/${ceremony.token}`
  const { standing } = ceremony
  const step =
    standing.kind === 'enter-pin'
      ? pinStep(screen, ceremony.asked, standing, path, given.token)
      : standing.kind === 'choose-card'
        ? cardStep(screen, standing, path, given)
        : html``
  const title = ceremony.asked.kind === 'authenticate' ? words.loginTitle : words.signTitle
  return frame(screen, title, path, [
    pairs([
      [say(words.askedBy, lang), html`<strong>${ceremony.origin}</strong>`],
      [say(words.purpose, lang), say(words.purposes[ceremony.asked.request.purpose], lang)],
    ]),
    documentOf(screen, ceremony.asked, path),
    step,
    html`<form method="post" action="${path}/stop"><input type="hidden" name="token" value="${given.token}">${button(
      say(standing.kind === 'choose-card' && standing.trouble ? words.giveUp : words.cancel, lang),
      'second',
    )}</form>`,
  ])
}

/** The answer is on its way to the page that asked. */
export function finishedPage(screen: Screen, standing: Standing, origin: string): string {
  const { lang } = screen
  if (standing.kind !== 'finished') throw new Error('the ceremony is not finished')
  const { answer } = standing
  const told =
    answer.type === 'refused'
      ? notice(
          'warning',
          refusals[answer.code][lang],
          refusals[answer.code][lang === 'ja' ? 'remedyJa' : 'remedyEn'],
        )
      : notice('success', say(words.done, lang))
  return frame(screen, words.finishedTitle, undefined, [
    html`<div id="wallet-finished" data-answer="${JSON.stringify(answer)}" data-origin="${origin}">${told}</div>`,
    html`<p>${say(words.returnTo, lang)} <strong>${origin}</strong></p>`,
  ])
}

/** A refusal of the wallet's own server. */
export function walletRefusalPage(refusal: Refusal, lang: Lang): string {
  return refusalPage(refusal, { lang, service: serviceOf(lang) })
}

function cardStep(
  screen: Screen,
  standing: Extract<Standing, { kind: 'choose-card' }>,
  path: string,
  given: {
    readonly token: string
    readonly personas: readonly string[]
    readonly persona: string | undefined
  },
): Markup {
  const { lang } = screen
  const { trouble } = standing
  const told =
    trouble === undefined
      ? null
      : notice('error', troubleText(trouble, lang), advice(trouble, lang))
  if (given.personas.length === 0) return html`${told}${notice('info', say(words.noCards, lang))}`
  const chosen = given.persona ?? given.personas[0]
  return html`${told}<form method="post" action="${path}/card">
<input type="hidden" name="token" value="${given.token}">
<fieldset><legend>${say(words.chooseCard, lang)}</legend>${given.personas.map(
    persona =>
      html`<p class="choice"><label><input type="radio" name="persona" value="${persona}"${persona === chosen ? html` checked` : null}><span>${nameMarkup(screen, persona)} ${noteInLabel(screen, persona)}</span></label></p>`,
  )}</fieldset>
<div class="actions">${button(say(words.insert, lang))}</div></form>`
}

function pinStep(
  screen: Screen,
  asked: Asked,
  standing: Extract<Standing, { kind: 'enter-pin' }>,
  path: string,
  token: string,
): Markup {
  const { lang } = screen
  const { trouble, triesLeft } = standing
  const isLogin = secretOf(asked) === 'authentication'
  const isLast = triesLeft === 1
  const error =
    trouble === undefined
      ? undefined
      : trouble === 'last-try-unconfirmed'
        ? say(words.confirmFirst, lang)
        : cardReasons[trouble][lang]
  return html`<h2>${say(words.enter, lang)}</h2>
${pairs([
  [say(words.card, lang), nameMarkup(screen, standing.persona)],
  [say(words.tries, lang), html`<strong id="tries-left">${triesText(triesLeft, lang)}</strong>`],
])}
${isLast ? notice('warning', say(words.lastTry, lang), say(isLogin ? words.lastPin : words.lastPassword, lang)) : null}
<form method="post" action="${path}/pin" autocomplete="off">
<input type="hidden" name="token" value="${token}">
<div data-focus>${field({
    name: 'pin',
    type: 'password',
    label: say(isLogin ? words.pin : words.password, lang),
    hint: say(isLogin ? words.pinHint : words.passwordHint, lang),
    required: true,
    autocomplete: 'off',
    inputmode: isLogin ? 'numeric' : 'text',
    maxlength: isLogin ? 4 : 16,
    ...(error === undefined ? {} : { error }),
  })}</div>
${isLast ? html`<p><label><input type="checkbox" name="confirm" value="yes" required> ${say(words.confirmLast, lang)}</label></p>` : null}
<div class="actions">${button(say(isLogin ? words.login : words.sign, lang))}</div></form>`
}

/** The whole document: text as it is, PDF in the browser's own viewer. */
function documentOf(screen: Screen, asked: Asked, path: string): Markup | null {
  if (asked.kind !== 'sign') return null
  const { lang } = screen
  const shown =
    asked.shown.kind === 'text'
      ? html`<pre id="document" tabindex="0">${asked.shown.text}</pre>`
      : html`<iframe id="document" class="document" src="${path}/document" title="${asked.request.title}" width="100%" height="480"></iframe>
<p><a href="${path}/document" target="_blank" rel="noopener">${say(words.openPdf, lang)}</a></p>`
  return html`<h2>${asked.request.title}</h2><p>${say(words.readFirst, lang)}</p>${shown}`
}

function frame(
  screen: Screen,
  title: Words,
  path: string | undefined,
  body: readonly (Markup | null)[],
): string {
  const { lang } = screen
  return page({
    title: say(title, lang),
    lang,
    body: body.filter(part => part !== null),
    service: serviceOf(lang),
    scripts: [walletScriptPath],
    ...(path === undefined ? {} : { path }),
  })
}

const serviceOf = (lang: Lang): { name: string; home: string } => ({
  name: say(words.service, lang),
  home: '/',
})

function nameOf(screen: Screen, persona: string): string {
  const label = screen.labels[persona]
  return label === undefined ? persona : say(label.name, screen.lang)
}

function noteOf(screen: Screen, persona: string): Markup | null {
  const note = screen.labels[persona]?.note
  return note === undefined ? null : html`<p class="hint">${say(note, screen.lang)}</p>`
}

/** The note as part of what is chosen, so that it cannot be taken for the next card's. */
function noteInLabel(screen: Screen, persona: string): Markup | null {
  const note = screen.labels[persona]?.note
  return note === undefined ? null : html`<span class="hint">${say(note, screen.lang)}</span>`
}

/** Names of residents are Japanese on every page, unless the label knows another (WCAG 3.1.2). */
function nameMarkup(screen: Screen, persona: string): Markup {
  const name = screen.labels[persona]?.name
  const isJapanese = screen.lang === 'en' && name !== undefined && name.en === name.ja
  return isJapanese ? html`<span lang="ja">${name.ja}</span>` : html`${nameOf(screen, persona)}`
}

function triesText(triesLeft: number | undefined, lang: Lang): string {
  if (triesLeft === undefined) return say(words.triesUnknown, lang)
  return lang === 'ja' ? `残り${triesLeft}回` : `${triesLeft} left`
}

function troubleText(trouble: CardTrouble, lang: Lang): string {
  return isReaderTrouble(trouble) ? refusals[trouble][lang] : cardReasons[trouble][lang]
}

function advice(trouble: CardTrouble, lang: Lang): string {
  if (isReaderTrouble(trouble)) return refusals[trouble][lang === 'ja' ? 'remedyJa' : 'remedyEn']
  return say(isForWindow(trouble) ? words.window : words.otherCard, lang)
}

function isReaderTrouble(trouble: CardTrouble): trouble is 'card-in-use' | 'card-absent' {
  return trouble === 'card-in-use' || trouble === 'card-absent'
}

function isForWindow(reason: CardReason): boolean {
  return reason === 'pin-locked' || reason === 'password-locked'
}
