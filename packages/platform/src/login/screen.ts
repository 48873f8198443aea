/** What the platform's screens have in common: language, browser cookie, and how a page is sent. */
import {
  contentSecurityPolicy,
  type Cookie,
  createCookie,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import { type CeremonyReaders, type Lang, langOf } from '@sekisho/web'
import type { Browser } from './ceremony.ts'

/** Bits of the secret that binds a card step to a browser. */
const browserSecretBits = 256

/**
 * The language of a request: chosen on a page (the server remembers it), else the one that the provider asked for
 * (`ui_locales`), else Japanese.
 */
export function langFor(request: Request, asked?: Lang): Lang {
  const { cookie } = request.headers
  const hasChosen =
    /[?&]lang=(ja|en)\b/.test(request.url) || /(?:^|;\s*)lang=(ja|en)(?:;|$)/.test(cookie ?? '')
  if (!hasChosen && asked !== undefined) return asked
  return langOf({ url: request.url, ...(cookie === undefined ? {} : { cookie }) })
}

/** The cookie that binds the card steps under one path to the browser that began them. */
export function browserCookie(publicOrigin: string, path: string): Cookie {
  return createCookie({ name: 'sekisho_browser', publicOrigin, sameSite: 'lax', path })
}

/** The browser of a request, made known if it is new. */
export function ensureBrowser(
  cookie: Cookie,
  request: Request,
  reply: Reply,
  random: Random,
): Browser {
  const secret = cookie.read(request) ?? random.token(browserSecretBits)
  cookie.write(reply, secret)
  return { secret }
}

/** Sends a page with a form that reaches readers. `formOrigins`: where the form's answer may redirect to besides here. */
export function sendPage(
  reply: Reply,
  given: {
    readonly page: string
    readonly readers: CeremonyReaders
    readonly formOrigins: readonly string[]
    /** Whether the page's scripts may compile WebAssembly, and nothing else. */
    readonly mayCompile?: true
  },
): Reply {
  const { agent } = given.readers
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      contentSecurityPolicy({
        'script-src': ["'self'", ...(given.mayCompile === true ? ["'wasm-unsafe-eval'"] : [])],
        ...(agent === undefined ? {} : { 'connect-src': [agent] }),
        'form-action': ["'self'", ...given.formOrigins],
      }),
    )
    .send(given.page)
}

/** Whether a browser asks; tools get the problem document instead of a page. */
export function prefersHtml(request: Request): boolean {
  return /\btext\/html\b/i.test(request.headers.accept ?? '')
}
