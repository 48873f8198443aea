/** The browser's half of the card ceremony, as text: it runs in the page, never here. */
import type { Words } from '../lang.ts'

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
