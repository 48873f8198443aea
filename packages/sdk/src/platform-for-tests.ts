/** A platform as a `fetch`, with keys of its own, that a test bends: what the SDK must notice is what is bent. */
import { createHash } from 'node:crypto'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { createSekisho, type Sekisho } from './sekisho.ts'

/** What the platform answers instead of the truth. */
export type Bending = {
  readonly issuerInDiscovery?: string
  readonly nonce?: string
  readonly acr?: string
  readonly userinfoSubject?: string
  readonly receipt?: JWTPayload
  /** Answers a request before the platform does; `undefined` leaves it to the platform. */
  before?(request: { readonly path: string; readonly count: number }): Response | undefined
}

/** A request as the platform saw it. */
export type Seen = {
  readonly method: string
  readonly path: string
  readonly form: URLSearchParams
  readonly authorization: string | undefined
}

export const issuer = 'https://platform.example'
const statement = {
  month: '2026-11',
  provider: 'shop',
  tariff: 'ministry-list',
  state: 'running',
  version: 0,
  lines: [],
  own: [],
  feesYen: 0,
  ownYen: 0,
  totalYen: 0,
}
const redirectUri = 'https://shop.example/callback'

/** A client and the platform it talks to. */
export async function clientAndPlatform(bending: Bending = {}): Promise<{
  readonly sekisho: Sekisho
  readonly seen: Seen[]
  /** The address to which the platform sends the browser back. */
  callback(url: string, more?: Readonly<Record<string, string>>): string
}> {
  const client = await generateKeyPair('ES256', { extractable: true })
  const platform = await generateKeyPair('ES256', { extractable: true })
  const seen: Seen[] = []
  const asked = new Map<string, URLSearchParams>()
  const sign = (payload: JWTPayload, typ?: string): Promise<string> =>
    new SignJWT(payload)
      .setProtectedHeader({ alg: 'ES256', kid: 'p', ...(typ === undefined ? {} : { typ }) })
      .setIssuer(issuer)
      .setAudience('shop')
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(platform.privateKey)

  const routes: Readonly<Record<string, (request: Seen) => Promise<Response>>> = {
    '/.well-known/openid-configuration': async () => json(discovery(bending)),
    '/jwks': async () =>
      json({ keys: [{ ...(await exportJWK(platform.publicKey)), kid: 'p', alg: 'ES256' }] }),
    '/par': async ({ form }) => {
      const uri = `urn:request:${asked.size}`
      asked.set(uri, form)
      return json({ request_uri: uri, expires_in: 60 }, 201)
    },
    '/token': async ({ form }) => {
      if (form.get('grant_type') === 'client_credentials')
        return json({ access_token: `t-${seen.length}`, token_type: 'Bearer', expires_in: 600 })
      const request = asked.get(form.get('code') ?? '')
      const verifier = form.get('code_verifier') ?? ''
      const challenge = createHash('sha256').update(verifier).digest('base64url')
      if (request?.get('code_challenge') !== challenge) return json({ error: 'invalid_grant' }, 400)
      const nonce = bending.nonce ?? request.get('nonce')
      const identity = { sub: 's1', nonce, acr: bending.acr ?? request.get('acr_values') }
      return json({ access_token: 'u', token_type: 'Bearer', id_token: await sign(identity) })
    },
    '/userinfo': async () => json({ sub: bending.userinfoSubject ?? 's1', name: '佐藤　花子' }),
    '/v1/signing-transactions/tx': async () => {
      const receipt = await sign(bending.receipt ?? receiptOf({}), 'sekisho-receipt+jwt')
      return json({ id: 'tx', state: 'signed', signedAt: '2026-11-20T00:00:00.000Z', receipt })
    },
    '/v1/statements/2026-11': async () => json(statement),
    '/v1/signing-transactions': async () =>
      json({ id: 'tx', expiresAt: '2026-11-20T00:00:00.000Z' }, 201),
  }
  const answer: typeof fetch = async (input, init = {}) => {
    const request = new Request(input, init)
    const { pathname } = new URL(request.url)
    const form = new URLSearchParams(await request.text())
    const authorization = request.headers.get('authorization') ?? undefined
    seen.push({ method: request.method, path: pathname, form, authorization })
    const count = seen.filter(one => one.path === pathname).length
    const bent = bending.before?.({ path: pathname, count })
    if (bent !== undefined) return bent
    const last = seen.at(-1)
    if (last === undefined) throw new Error('no request was seen')
    return (await routes[pathname]?.(last)) ?? json({}, 404)
  }
  const privateKey = { ...(await exportJWK(client.privateKey)), kid: 'c', alg: 'ES256' }
  return {
    sekisho: createSekisho({ issuer, clientId: 'shop', privateKey, redirectUri, fetch: answer }),
    seen,
    callback: (url, more = {}) => {
      const code = new URL(url).searchParams.get('request_uri') ?? ''
      const state = asked.get(code)?.get('state') ?? ''
      return `${redirectUri}?${new URLSearchParams({ code, state, iss: issuer, ...more }).toString()}`
    },
  }
}

/** The payload of a receipt for the document `a`, but for what is given. */
export function receiptOf(given: Readonly<Record<string, unknown>>): JWTPayload {
  return {
    iss: issuer,
    sub: 's1',
    jti: 'tx',
    verdict: 'passed',
    policy: 'p',
    document: {
      sha256: createHash('sha256').update('a').digest('hex'),
      mediaType: 'text/plain',
      title: 't',
    },
    ...given,
  }
}

/** A problem document as the platform sends it. */
export function problem(code: string, status: number): Response {
  return new Response(JSON.stringify({ code, status }), {
    status,
    headers: { 'content-type': 'application/problem+json' },
  })
}

function discovery(bending: Bending): unknown {
  return {
    issuer: bending.issuerInDiscovery ?? issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    pushed_authorization_request_endpoint: `${issuer}/par`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['ES256'],
    authorization_response_iss_parameter_supported: true,
  }
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { 'content-type': 'application/json' },
  })
}
