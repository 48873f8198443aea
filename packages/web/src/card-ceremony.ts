/**
 * The page's half of the card ceremony (`docs/protocol/reader.md`): the form that carries a request to a reader and its
 * answer back, and the script that talks to the reader. The script holds no secret and builds nothing that is signed.
 *
 * The page that shows the form must not set `Cross-Origin-Opener-Policy: same-origin`, which would cut the wallet window
 * off, and needs `connect-src` for the agent's address. Without script nothing can reach a reader: the form says so.
 */
import { type ReaderRequest, readerRequest } from '@sekisho/contract/reader'
import type { Asset } from './asset.ts'
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

/** What the script tells; the Japanese and English of each line stand side by side. */
const news = {
  open: {
    ja: '開いた画面でカードの操作を続けてください。',
    en: 'Continue with the card in the window that opened.',
  },
  blocked: {
    ja: 'ウィンドウを開けませんでした。このサイトのポップアップを許可し、もう一度ボタンを押してください。',
    en: 'The window could not be opened. Allow pop-ups for this site and press the button again.',
  },
  closed: {
    ja: 'カードの画面が閉じられました。もう一度ボタンを押すと、やり直せます。',
    en: 'The card window was closed. Press the button to try again.',
  },
  silent: {
    ja: 'カードの画面から応答がありません。画面を閉じて、もう一度ボタンを押してください。',
    en: 'The card window does not answer. Close it and press the button again.',
  },
  connecting: {
    ja: 'カードリーダーのプログラムにつないでいます。ブラウザーが許可を求めたら「許可」を選んでください。',
    en: 'Connecting to the card reader program. If the browser asks for permission, choose "Allow".',
  },
  asking: {
    ja: 'カードリーダーのプログラムの画面で操作を続けてください。',
    en: 'Continue in the card reader program.',
  },
  absent: {
    ja: 'カードリーダーのプログラムにつながりません。プログラムを起動し、ブラウザーの設定でこのサイトの「ローカルネットワークへのアクセス」を許可してから、もう一度ボタンを押してください。',
    en: 'The card reader program cannot be reached. Start it, allow this site "local network access" in the browser settings, and press the button again.',
  },
  done: { ja: '結果を送っています。', en: 'Sending the result.' },
} as const satisfies Record<string, Words>

/**
 * The script, for `<script type="module">` from the page's own origin under a strict policy. It accepts messages only
 * from the wallet's origin and the very window it opened, posts only to that origin, and takes only an answer with the
 * id that was asked.
 */
export const cardCeremonyScript = `const news = ${JSON.stringify(news)}
const windowName = 'sekisho-card'
const windowShape = 'popup,width=560,height=820'
const readyWithinMs = 15000
const lookMs = 400

function begin(form) {
  const line = document.getElementById('card-ceremony-news')
  const lang = form.dataset.lang === 'en' ? 'en' : 'ja'
  const request = JSON.parse(form.dataset.request)
  const readers = new Map(form.dataset.readers.split(';').map(entry => {
    const at = entry.indexOf('=')
    return [entry.slice(0, at), entry.slice(at + 1)]
  }))
  const buttons = [...form.querySelectorAll('button[data-reader]')]
  let stop = () => {}
  let isSent = false

  const tell = code => {
    line.textContent = news[code][lang]
    line.className = ['open', 'asking', 'connecting', 'done'].includes(code) ? 'notice info' : 'notice warning'
    line.dataset.news = code
  }
  const isAnswer = message =>
    typeof message === 'object' && message !== null && message.v === 1 && message.id === request.id &&
    ['authenticated', 'signed', 'refused'].includes(message.type)
  const send = answer => {
    if (isSent) return
    isSent = true
    stop()
    tell('done')
    for (const button of buttons) button.disabled = true
    form.elements.namedItem('answer').value = JSON.stringify(answer)
    form.submit()
  }

  const askWallet = origin => {
    const card = window.open(origin + '/reader?lang=' + lang, windowName, windowShape)
    if (card === null) return tell('blocked')
    tell('open')
    card.focus()
    let isReady = false
    const openedAt = performance.now()
    const heard = event => {
      if (event.origin !== origin || event.source !== card) return
      const message = event.data
      if (typeof message === 'object' && message !== null && message.v === 1 && message.type === 'ready') {
        isReady = true
        tell('open')
        card.postMessage(request, origin)
      } else if (isAnswer(message)) send(message)
    }
    const look = setInterval(() => {
      if (card.closed) {
        stop()
        tell('closed')
        buttons[0].focus()
      } else if (!isReady && performance.now() - openedAt > readyWithinMs) tell('silent')
    }, lookMs)
    window.addEventListener('message', heard)
    stop = () => {
      clearInterval(look)
      window.removeEventListener('message', heard)
    }
  }

  const askAgent = address => {
    tell('connecting')
    let isOver = false
    let socket
    try {
      socket = new WebSocket(address + '/', 'sekisho.reader.v1')
    } catch {
      return tell('absent')
    }
    socket.addEventListener('open', () => {
      tell('asking')
      socket.send(JSON.stringify(request))
    })
    socket.addEventListener('message', event => {
      let message
      try {
        message = JSON.parse(event.data)
      } catch {
        return
      }
      if (!isOver && isAnswer(message)) send(message)
    })
    socket.addEventListener('close', () => {
      if (!isOver) tell('absent')
    })
    stop = () => {
      isOver = true
      socket.close()
    }
  }

  for (const button of buttons) {
    button.addEventListener('click', () => {
      stop()
      const name = button.dataset.reader
      if (name === 'wallet') askWallet(readers.get(name))
      if (name === 'agent') askAgent(readers.get(name))
    })
  }
}

const form = document.getElementById('card-ceremony')
if (form !== null) begin(form)
`

/** The script as a file to serve. */
export const cardCeremonyAsset: Asset = {
  path: cardCeremonyPath,
  contentType: 'text/javascript; charset=utf-8',
  body: cardCeremonyScript,
}
