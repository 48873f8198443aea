/**
 * The page's half of the card ceremony (`docs/protocol/reader.md`): the form that carries a request to a reader and its
 * answer back, and the script that talks to the reader. The script holds no secret and builds nothing that is signed.
 *
 * The page that shows the form must not set `Cross-Origin-Opener-Policy: same-origin`, which would cut the wallet window
 * off, and needs `connect-src` for the agent's address. Without script nothing can reach a reader: the form says so.
 */
import { type ReaderRequest, readerRequest } from '@sekisho/contract/reader'
import type { Asset } from './asset.ts'
import { cardCeremonyScript } from './browser/card-ceremony.ts'
import { say, type Lang, type Words } from './lang.ts'
import { html, type Markup } from './markup.ts'

/** The readers a page offers: the wallet's origin, and the agent's WebSocket address on the loopback. */
export type CeremonyReaders = { readonly wallet?: string; readonly agent?: string }

/** The address of the ceremony script at the page's own origin. */
export const cardCeremonyPath = '/assets/card-ceremony.js'

/**
 * The form with its buttons and its line of news. `action` receives `answer` (the reader's answer as JSON, refusals
 * too) and the `hidden` inputs. Name `cardCeremonyPath` among the page's scripts.
 *
 * @throws Error for a request that is none, a reader address of another form, or no reader at all.
 */
export function cardCeremonyForm(given: {
  readonly action: string
  readonly request: ReaderRequest
  readonly readers: CeremonyReaders
  readonly lang: Lang
  readonly hidden?: Readonly<Record<string, string>>
}): Markup {
  const { lang, readers } = given
  const request = JSON.stringify(readerRequest.parse(given.request))
  const offered = Object.entries(checkedReaders(readers))
  return html`<form id="card-ceremony" method="post" action="${given.action}" data-request="${request}" data-readers="${offered
    .map(([name, address]) => `${name}=${address}`)
    .join(';')}" data-lang="${lang}">
<input type="hidden" name="answer" value="">
${Object.entries(given.hidden ?? {}).map(
  ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
)}
<div class="actions">
${offered.map(
  ([name], at) =>
    html`<button type="button" class="button ${at === 0 ? 'first' : 'second'}" data-reader="${name}">${say(
      name === 'wallet' ? words.wallet : words.agent,
      lang,
    )}</button>`,
)}
</div>
<p id="card-ceremony-news" role="status" aria-live="polite"></p>
<noscript><p>${say(words.script, lang)}</p></noscript>
</form>`
}

/** Addresses in the form that the script and the content security policy expect. */
function checkedReaders(readers: CeremonyReaders): CeremonyReaders {
  const { wallet, agent } = readers
  if (wallet === undefined && agent === undefined) throw new Error('no reader is offered')
  if (wallet !== undefined && new URL(wallet).origin !== wallet) {
    throw new Error('the wallet is named by its origin')
  }
  if (agent !== undefined && !/^ws:\/\/127\.0\.0\.1:\d{1,5}$/.test(agent)) {
    throw new Error('the agent is named as ws://127.0.0.1:PORT')
  }
  return readers
}

const words = {
  wallet: { ja: 'ウォレットのカードを使う', en: 'Use a card in the wallet' },
  agent: { ja: 'カードリーダーを使う', en: 'Use a card reader' },
  script: {
    ja: 'カードの読み取りには、ブラウザーの JavaScript を有効にしてください。',
    en: 'To read a card, allow JavaScript in your browser.',
  },
} as const satisfies Record<string, Words>

/** The script as a file to serve. */
export const cardCeremonyAsset: Asset = {
  path: cardCeremonyPath,
  contentType: 'text/javascript; charset=utf-8',
  body: cardCeremonyScript,
}
