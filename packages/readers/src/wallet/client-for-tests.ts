/** Drives a wallet over HTTP as its own pages and script do; tests only. */
import { parse } from 'node-html-parser'

/** A browser window at the wallet: one session, forms sent with the `Origin` and fetch metadata a browser would add. */
export type WalletWindow = {
  /** Opens `/reader` and hands a request in, as the script does; gives the address of the ceremony. */
  open(origin: string, request: unknown): Promise<{ status: number; location: string }>
  get(path: string): Promise<{ status: number; body: string; headers: Headers }>
  /** Sends a form of the ceremony. `headers` replaces what a browser would add. */
  post(
    path: string,
    fields: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ status: number; body: string }>
  token(): string
}

/** Opens a window with a session of its own. */
export function walletWindow(url: string, fetch: typeof globalThis.fetch): WalletWindow {
  const cookies = new Map<string, string>()
  let token = ''
  const send = async (
    path: string,
    init: { method?: string; headers?: Readonly<Record<string, string>>; body?: string },
  ): Promise<Response> => {
    const cookie = [...cookies].map(pair => pair.join('=')).join('; ')
    const answer = await fetch(`${url}${path}`, {
      ...init,
      headers: { accept: 'text/html', ...(cookie && { cookie }), ...init.headers },
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (name !== undefined && value !== undefined) cookies.set(name, value)
    }
    return answer
  }
  const own = { origin: url, 'sec-fetch-site': 'same-origin' }
  return {
    token: () => token,
    async open(origin, request) {
      const page = parse(await (await send('/reader', {})).text())
      token = page.querySelector('#wallet-waiting')?.getAttribute('data-token') ?? ''
      const answer = await send('/ceremonies', {
        method: 'POST',
        headers: { ...own, 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ token, origin, request }),
      })
      const body = JSON.parse(await answer.text())
      return { status: answer.status, location: String(body.location ?? body.code) }
    },
    async get(path) {
      const answer = await send(path, {})
      return { status: answer.status, body: await answer.text(), headers: answer.headers }
    },
    async post(path, fields, headers = own) {
      const answer = await send(path, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ token, ...fields }).toString(),
      })
      return { status: answer.status, body: await answer.text() }
    },
  }
}

/** The answer that a finished page hands back, and the origin it is for. */
export function finishedAnswer(
  body: string,
): { answer: unknown; origin: string | undefined } | undefined {
  const found = parse(body).querySelector('#wallet-finished')
  const answer = found?.getAttribute('data-answer')
  if (answer === undefined) return undefined
  return { answer: JSON.parse(answer), origin: found?.getAttribute('data-origin') }
}
