/**
 * "Log in with the card" for any site (D25): the addresses, the session and the state between leaving and coming back, over the web's own
 * `Request` and `Response` and for Node's servers. What is kept lies encrypted in the browser's cookies, so that a site needs no store.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { EncryptJWT, jwtDecrypt } from 'jose'
import { z } from 'zod'
import type { Acr } from '@sekisho/contract'
import { SekishoError } from './failure.ts'
import type { IdentityScope } from './arrival.ts'
import type { Sekisho } from './sekisho.ts'

/** Who is logged in. */
export type Visitor = {
  readonly subject: string
  readonly acr: string
  /** Consented attributes of an identification; empty after a login. */
  readonly claims: Readonly<Record<string, unknown>>
}

/** How a site is to behave. */
export type SiteOptions = {
  /** 32 bytes or more that only the site's servers know; the same on all of them. */
  readonly secret: string
  /** Where the site is: `https://shop.example`. The registered redirect is `callback` under it. */
  readonly origin: string
  readonly paths?: Partial<Record<'login' | 'join' | 'callback' | 'logout', string>>
  /** What `join` asks for; without it there is no such address. */
  readonly attributes?: readonly IdentityScope[]
  /** Seconds a session lasts. */
  readonly sessionSeconds?: number
  /** Where the browser goes afterwards; `/` unless told. */
  readonly home?: string
  /** What a visitor is told when the platform refuses; by default a plain page with the code. */
  refused?(error: SekishoError): Response
}

/** A site that people log in to with their cards. */
export type Site = {
  /** Answers the site's addresses for logging in and out; undefined for every other. */
  handle(request: Request): Promise<Response | undefined>
  /** The same for servers of Node, such as Express and Fastify: whether it was one of its addresses, and is answered. */
  node(request: IncomingMessage, response: ServerResponse): Promise<boolean>
  /** Who is logged in, by the `cookie` header; undefined: nobody. */
  visitor(cookies: string | null | undefined): Promise<Visitor | undefined>
}

const visitorShape = z.object({
  subject: z.string(),
  acr: z.string(),
  claims: z.record(z.string(), z.unknown()),
})
const pendingShape = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  acr: z.custom<Acr>(value => typeof value === 'string'),
})

/**
 * Makes the site. Throws `RangeError` for a secret under 32 bytes.
 *
 * ```js
 * const site = await createSite(sekisho, { origin: 'https://shop.example', secret: process.env.SECRET })
 * const answer = await site.handle(request)   // /login, /callback, /logout
 * const who = await site.visitor(request.headers.get('cookie'))
 * ```
 */
export async function createSite(sekisho: Sekisho, options: SiteOptions): Promise<Site> {
  const secretBytes = new TextEncoder().encode(options.secret)
  if (secretBytes.length < 32) throw new RangeError('the secret has 32 bytes or more')
  const key = new Uint8Array(await crypto.subtle.digest('SHA-256', secretBytes))
  const { origin, home = '/' } = options
  const paths = {
    login: '/login',
    join: '/join',
    callback: '/callback',
    logout: '/logout',
    ...options.paths,
  }
  const isSecure = new URL(origin).protocol === 'https:'
  const name = (what: string): string => `${isSecure ? '__Host-' : ''}sekisho-${what}`
  const seal = (what: string, content: Record<string, unknown>, seconds: number) =>
    new EncryptJWT(content)
      .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', typ: what })
      .setIssuer(origin)
      .setExpirationTime(`${seconds} seconds`)
      .encrypt(key)
  const open = async <T>(
    what: string,
    cookies: string,
    shape: z.ZodType<T>,
  ): Promise<T | undefined> => {
    const sealed = cookieOf(cookies, name(what))
    if (sealed === undefined) return undefined
    try {
      const { payload } = await jwtDecrypt(sealed, key, { issuer: origin, typ: what })
      return shape.safeParse(payload).data
    } catch {
      return undefined
    }
  }
  const cookie = (what: string, value: string, seconds: number): string =>
    `${name(what)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${isSecure ? '; Secure' : ''}`
  const go = (to: string, cookies: readonly string[]): Response =>
    new Response(null, {
      status: 303,
      headers: [
        ['location', to],
        ['cache-control', 'no-store'],
        ...cookies.map((one): [string, string] => ['set-cookie', one]),
      ],
    })
  const begin = async (kind: 'login' | 'join'): Promise<Response> => {
    const { url, pending } =
      kind === 'login'
        ? await sekisho.beginLogin()
        : await sekisho.beginIdentify([...(options.attributes ?? [])])
    return go(url, [
      cookie('pending', await seal('pending', pending, pendingSeconds), pendingSeconds),
    ])
  }
  const finish = async (request: Request): Promise<Response> => {
    const pending = await open('pending', request.headers.get('cookie') ?? '', pendingShape)
    const forget = cookie('pending', '', 0)
    if (pending === undefined) return go(paths.login, [forget])
    const { subject, acr, claims } = await sekisho.finish(
      `${origin}${pathOf(request.url)}`,
      pending,
    )
    const { sub: _itself, ...released } = claims
    const seconds = options.sessionSeconds ?? sessionSeconds
    const session = await seal('session', { subject, acr, claims: released }, seconds)
    return go(home, [forget, cookie('session', session, seconds)])
  }

  const handle: Site['handle'] = async request => {
    const { pathname } = new URL(request.url)
    const isRead = request.method === 'GET'
    try {
      if (pathname === paths.login && isRead) return await begin('login')
      if (pathname === paths.join && isRead && options.attributes !== undefined)
        return await begin('join')
      if (pathname === paths.callback && isRead) return await finish(request)
    } catch (error) {
      if (!(error instanceof SekishoError)) throw error
      return options.refused?.(error) ?? refusedPage(error)
    }
    if (pathname !== paths.logout || request.method !== 'POST') return undefined
    // A form of another site cannot log anybody out.
    if (request.headers.get('origin') !== origin) return new Response(null, { status: 403 })
    return go(home, [cookie('session', '', 0)])
  }
  return {
    handle,
    node: async (request, response) => {
      const headers = new Headers()
      for (const one of ['cookie', 'origin'] as const) {
        const value = request.headers[one]
        if (value !== undefined) headers.set(one, value)
      }
      const { method = 'GET', url = '/' } = request
      const answer = await handle(new Request(new URL(url, origin), { method, headers }))
      if (answer === undefined) return false
      response.statusCode = answer.status
      for (const [header, value] of answer.headers)
        if (header !== 'set-cookie') response.setHeader(header, value)
      response.setHeader('set-cookie', answer.headers.getSetCookie())
      response.end(await answer.text())
      return true
    },
    visitor: async cookies => open('session', cookies ?? '', visitorShape),
  }
}

/** Seconds within which somebody who left comes back. */
const pendingSeconds = 15 * 60
const sessionSeconds = 60 * 60

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

function cookieOf(cookies: string, name: string): string | undefined {
  const found = cookies.split(';').find(one => one.trim().startsWith(`${name}=`))
  return found?.trim().slice(name.length + 1)
}

function refusedPage(error: SekishoError): Response {
  const text = `<!doctype html><html lang="ja"><meta charset="utf-8"><title>${error.code}</title><p>手続を進められません。 / This cannot go on.</p><p><code>${error.code}</code></p>`
  return new Response(text, {
    status: error.status ?? 403,
    headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' },
  })
}
