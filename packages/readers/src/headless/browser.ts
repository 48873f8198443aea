/**
 * As much of a browser as a login walks through: cookies by host with SameSite, redirects, `Origin` and fetch metadata
 * (W3C Fetch Metadata), no script. One page at a time.
 *
 * Not done: frames, scripts, `meta refresh`, content security policy, history, storage.
 */
import { Cookie, CookieJar, getPublicSuffix } from 'tough-cookie'

/** Where a navigation ended. `body` is the text of the answer. */
export type Page = {
  readonly url: string
  readonly status: number
  readonly contentType: string
  /** Of the last `referrer-policy` header; decides which `Origin` a form of this page sends. */
  readonly referrerPolicy: string
  readonly body: string
}

/** A navigation to carry out; `form` is the urlencoded body of a POST. */
export type Navigation = {
  readonly url: string
  readonly form?: URLSearchParams
  /** The page that the link or form stood on; `undefined` for a typed address. */
  readonly initiator: Pick<Page, 'url' | 'referrerPolicy'> | undefined
}

/** Why a walk cannot go on. */
export type WalkFaultCode =
  | 'address-malformed'
  | 'redirect-limit'
  | 'redirect-elsewhere'
  | 'ceremony-unexpected'
  | 'ceremony-malformed'
  | 'ceremony-limit'
  | 'page-absent'
  | 'form-absent'
  | 'field-absent'

/** Thrown when a walk cannot go on. `detail` names a purpose, form or field; never a query of an address. */
export class WalkFault extends Error {
  readonly code: WalkFaultCode

  constructor(code: WalkFaultCode, detail: string) {
    super(`${code}: ${detail}`)
    this.name = 'WalkFault'
    this.code = code
  }
}

/** Goes where it is told, follows redirects and keeps cookies. */
export type Navigate = (given: Navigation) => Promise<Page>

/** Redirects of one navigation; browsers stop at 20 (Fetch §4.4). */
const redirectsMax = 20

/** A fresh browser without cookies. `fetch` must follow no redirects by itself. */
export function createBrowser(fetch: typeof globalThis.fetch): Navigate {
  const jar = new CookieJar(undefined, { prefixSecurity: 'silent' })
  return async given => {
    let { url, form } = { url: addressOf(given.url), form: given.form }
    const chain = given.initiator === undefined ? [] : [new URL(given.initiator.url)]
    for (let hop = 0; hop <= redirectsMax; hop++) {
      chain.push(url)
      const answer = await fetch(url, {
        redirect: 'manual',
        method: form === undefined ? 'GET' : 'POST',
        headers: await headersOf(jar, url, form !== undefined, given.initiator, chain),
        ...(form === undefined ? {} : { body: form.toString() }),
      })
      await keepCookies(jar, url, answer)
      const location = redirectStatuses.has(answer.status) ? answer.headers.get('location') : null
      if (location === null) return pageOf(url, answer)
      await answer.body?.cancel()
      url = nextAddress(location, url)
      if (answer.status !== 307 && answer.status !== 308) form = undefined
    }
    throw new WalkFault('redirect-limit', `more than ${redirectsMax}`)
  }
}

async function headersOf(
  jar: CookieJar,
  url: URL,
  isPost: boolean,
  initiator: Navigation['initiator'],
  chain: readonly URL[],
): Promise<Record<string, string>> {
  const relation = relationOf(chain, initiator)
  const sameSiteContext = relation === 'cross-site' ? (isPost ? 'none' : 'lax') : 'strict'
  const cookie = await jar.getCookieString(url.href, { sameSiteContext })
  return {
    accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
    'accept-language': 'ja,en;q=0.5',
    'user-agent': 'SekishoHeadlessReader',
    'sec-fetch-site': relation,
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    ...(cookie === '' ? {} : { cookie }),
    ...(isPost
      ? {
          origin: originOf(chain, relation, initiator?.referrerPolicy ?? ''),
          'content-type': 'application/x-www-form-urlencoded',
        }
      : {}),
  }
}

/** How far the whole chain of redirects has left the place it began at. */
function relationOf(chain: readonly URL[], initiator: Navigation['initiator']): string {
  if (initiator === undefined) return 'none'
  const [first, ...rest] = chain
  if (first === undefined || rest.every(url => url.origin === first.origin)) return 'same-origin'
  return rest.every(url => siteOf(url) === siteOf(first)) ? 'same-site' : 'cross-site'
}

/**
 * `Origin` of a POST (Fetch §3.2): the initiator's; `null` once a redirect has carried it across another origin, and where
 * the page's referrer policy keeps it back, which `no-referrer` does even towards the page's own origin.
 */
function originOf(chain: readonly URL[], relation: string, referrerPolicy: string): string {
  const [first, second, ...rest] = chain
  if (first === undefined || referrerPolicy === 'no-referrer') return 'null'
  if (referrerPolicy === 'same-origin' && relation !== 'same-origin') return 'null'
  return rest.every(url => url.origin === second?.origin) ? first.origin : 'null'
}

/** Scheme and registrable domain (HTML "same site"). */
function siteOf(url: URL): string {
  const domain = getPublicSuffix(url.hostname, { allowSpecialUseDomain: true, ignoreError: true })
  return `${url.protocol}//${domain ?? url.hostname}`
}

async function keepCookies(jar: CookieJar, url: URL, answer: Response): Promise<void> {
  for (const line of answer.headers.getSetCookie()) {
    const cookie = Cookie.parse(line)
    if (cookie === undefined) continue
    // Browsers take a cookie that says nothing as Lax (RFC 6265bis §5.7).
    cookie.sameSite ??= 'lax'
    await jar.setCookie(cookie, url.href, { ignoreError: true })
  }
}

async function pageOf(url: URL, answer: Response): Promise<Page> {
  return {
    url: url.href,
    status: answer.status,
    contentType: answer.headers.get('content-type') ?? '',
    referrerPolicy: answer.headers.get('referrer-policy')?.split(',').at(-1)?.trim() ?? '',
    body: await answer.text(),
  }
}

function addressOf(text: string): URL {
  if (!URL.canParse(text)) throw new WalkFault('address-malformed', 'not an address')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new WalkFault('address-malformed', url.protocol)
  }
  return url
}

function nextAddress(location: string, from: URL): URL {
  if (!URL.canParse(location, from.href))
    throw new WalkFault('redirect-elsewhere', 'not an address')
  const url = new URL(location, from.href)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new WalkFault('redirect-elsewhere', url.protocol)
  }
  return url
}

const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
