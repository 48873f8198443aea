/** The agent's person at a terminal: shows on `output`, reads keys from `input`; the PIN is not echoed. */
import { type CardReason, cardReasons, type SecretKind } from '@sekisho/card'
import { type Lang, say, type Words } from '@sekisho/web'
import type { Asked } from '../asked.ts'
import type { AgentPerson } from './person.ts'

/** A terminal to read keys from; `process.stdin` is one. */
export type TerminalInput = NodeJS.ReadableStream & { setRawMode?(isRaw: boolean): unknown }

/** Where a PDF is put so that the person can look at it; gives what is shown, such as a path. */
export type ShowPdf = (document: Uint8Array) => Promise<string>

/** Makes the person at a terminal. One question is asked at a time. */
export function terminalPerson(given: {
  readonly input: TerminalInput
  readonly output: NodeJS.WritableStream
  readonly lang: Lang
  readonly showPdf: ShowPdf
}): AgentPerson {
  const { input, output, lang } = given
  const write = (text: string): unknown => output.write(text)
  const asks = async (question: string, signal: AbortSignal): Promise<boolean> => {
    write(`${question} ${say(words.yesNo, lang)} `)
    const typed = await readLine(input, signal, key => write(key))
    write('\n')
    return typed !== undefined && /^(y|yes|はい)$/i.test(textOf(typed).trim())
  }
  return {
    async allowOrigin(origin, signal) {
      return asks(`${say(words.allow, lang)}\n  ${origin}\n`, signal)
    },
    async confirm(origin, asked, signal) {
      write(`\n${say(words.asked, lang)} ${origin}\n`)
      write(`${say(words.purposes[asked.request.purpose], lang)}\n`)
      if (asked.kind === 'sign') write(await documentText(asked, given.showPdf, lang))
      return asks(say(words.goOn, lang), signal)
    },
    async enterPin({ kind, triesLeft, trouble }, signal) {
      if (trouble !== undefined) write(`${troubleText(trouble, lang)}\n`)
      const left = triesLeft === undefined ? '' : ` (${say(words.tries, lang)} ${triesLeft})`
      const isLast = triesLeft === 1
      if (isLast && !(await asks(say(words.last, lang), signal))) return undefined
      write(`${say(promptOf(kind), lang)}${left}: `)
      const typed = await readLine(input, signal, () => undefined)
      write('\n')
      if (typed === undefined || typed.length === 0) return undefined
      return { typed, isLastConfirmed: isLast }
    },
  }
}

async function documentText(
  asked: Extract<Asked, { kind: 'sign' }>,
  showPdf: ShowPdf,
  lang: Lang,
): Promise<string> {
  const rule = '-'.repeat(40)
  const shown =
    asked.shown.kind === 'text'
      ? asked.shown.text
      : `${say(words.pdf, lang)} ${await showPdf(asked.document)}`
  return `${asked.request.title}\n${rule}\n${shown}\n${rule}\n`
}

/**
 * One line as bytes, `undefined` when aborted or cancelled (Ctrl-C, Ctrl-D, end of input). On a terminal keys come one by one
 * and are echoed only by `echo`.
 */
function readLine(
  input: TerminalInput,
  signal: AbortSignal,
  echo: (key: string) => unknown,
): Promise<Uint8Array | undefined> {
  if (signal.aborted) return Promise.resolve(undefined)
  return new Promise(resolve => {
    const line = Buffer.alloc(lineBytesMax)
    let size = 0
    const end = (value: Uint8Array | undefined): void => {
      input.removeListener('data', take)
      input.removeListener('end', cancel)
      signal.removeEventListener('abort', cancel)
      input.setRawMode?.(false)
      input.pause()
      line.fill(0)
      resolve(value)
    }
    const cancel = (): void => end(undefined)
    const take = (piece: Buffer | string): void => {
      const bytes = typeof piece === 'string' ? Buffer.from(piece) : piece
      for (const [at, byte] of bytes.entries()) {
        if (byte === 0x03 || byte === 0x04) return cancel()
        if (byte === 0x0a || byte === 0x0d) {
          const rest = bytes.subarray(at + 1)
          const value = Uint8Array.from(line.subarray(0, size))
          end(value)
          if (rest.length > 0) input.unshift(rest)
          return
        }
        if (byte === 0x7f || byte === 0x08) size = Math.max(0, size - 1)
        else if (size < lineBytesMax) {
          line[size++] = byte
          echo(String.fromCharCode(byte))
        }
      }
    }
    input.setRawMode?.(true)
    input.on('data', take)
    input.once('end', cancel)
    signal.addEventListener('abort', cancel, { once: true })
    input.resume()
  })
}

const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
/** A password has 16 characters; what is longer is wrong anyway. */
const lineBytesMax = 64

const promptOf = (kind: SecretKind): Words =>
  kind === 'authentication' ? words.pin : words.password

function troubleText(trouble: CardReason | 'last-try-unconfirmed', lang: Lang): string {
  return trouble === 'last-try-unconfirmed' ? say(words.last, lang) : cardReasons[trouble][lang]
}

const words = {
  yesNo: { ja: '[はい: y / いいえ: n]', en: '[y/n]' },
  allow: {
    ja: '次のサイトがカードリーダーを使おうとしています。許可しますか。',
    en: 'This site wants to use the card reader. Allow it?',
  },
  asked: { ja: '依頼元のサイト:', en: 'Asked by the site:' },
  purposes: {
    login: { ja: '目的: ログイン', en: 'Purpose: log in' },
    identify: {
      ja: '目的: 本人確認の同意に署名',
      en: 'Purpose: sign the consent to identification',
    },
    sign: { ja: '目的: 文書に署名', en: 'Purpose: sign a document' },
  },
  goOn: { ja: 'カードを置いて、続けますか。', en: 'Place the card. Go on?' },
  pdf: { ja: '文書(PDF)はこちらで読めます:', en: 'Read the document (PDF) here:' },
  pin: { ja: '利用者証明用の暗証番号(数字4桁)', en: 'Authentication PIN (4 digits)' },
  password: {
    ja: '署名用パスワード(英数字6〜16文字)',
    en: 'Signature password (6 to 16 letters and digits)',
  },
  tries: { ja: '残り', en: 'tries left:' },
  last: {
    ja: 'これが最後の1回です。間違えるとロックされ、市区町村の窓口での初期化が必要です。入力しますか。',
    en: 'This is the last try. If it is wrong, the PIN locks and must be reset at the municipal window. Enter it?',
  },
} as const satisfies Record<string, Words | Record<string, Words>>
