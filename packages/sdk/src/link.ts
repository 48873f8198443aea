/** The connection of one provider to the platform: discovery, client authentication, access tokens, keys. */
import { type ProviderScope, receipt, type Receipt } from '@sekisho/contract'
import {
  createRemoteJWKSet,
  customFetch as joseFetch,
  errors,
  importJWK,
  type JWK,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import * as oidc from 'openid-client'
import { ask } from './answer.ts'
import { createBinding } from './dpop.ts'
import { SekishoError } from './failure.ts'
import type { SekishoOptions } from './options.ts'

/** A call of the REST interface. Only one with an idempotency key, or of reading, is `isSafe`. */
export type Call = {
  readonly body?: unknown
  readonly idempotencyKey?: string
  readonly isSafe: boolean
}

/** A request as it is sent. */
export type Piece = {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'HEAD' | 'DELETE'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Blob | string
  readonly isSafe: boolean
}

export type Link = {
  config(): Promise<oidc.Configuration>
  /** What binds tokens to a key, where they are to be bound. */
  proof(): Promise<oidc.DPoPOptions>
  /** Calls with an access token for this scope; the answer's JSON. */
  call(
    method: 'GET' | 'POST' | 'DELETE',
    path: string,
    scope: ProviderScope,
    given: Call,
  ): Promise<unknown>
  /** Sends with an access token for this scope; the whole answer. */
  send(scope: ProviderScope, piece: Piece): Promise<Response>
  /** Checks a JWS: the platform's signature, for this provider, of this `typ`. Its payload. Rejects with `signature-invalid`. */
  verify(jws: string, typ: string): Promise<JWTPayload>
  /** Checks a receipt: the platform's signature, this provider, this document. */
  verifyReceipt(jws: string, document: Uint8Array): Promise<Receipt>
}

/** Seconds before its end at which an access token is no longer used, for clocks that differ and calls under way. */
const tokenReserveSeconds = 30

type Token = { readonly value: Promise<string>; usableUntil: number }

/** Makes the connection. Nothing is fetched before the first use. */
export function createLink(options: SekishoOptions): Link {
  const doFetch = options.fetch ?? fetch
  const config = configurationOf(options, doFetch)
  const tokens = new Map<string, Token>()
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined

  const { proof, authorization } = createBinding(options.isTokenBound === true, config)

  /** Callers at the same time share one request; a failed one is forgotten. */
  const token = (scope: string): Promise<string> => {
    const known = tokens.get(scope)
    if (known !== undefined && performance.now() < known.usableUntil) return known.value
    const granting = (async () =>
      oidc.clientCredentialsGrant(await config(), { scope }, await proof()))()
    const fresh: Token = {
      value: granting.then(granted => granted.access_token),
      usableUntil: Number.POSITIVE_INFINITY,
    }
    tokens.set(scope, fresh)
    granting.then(
      granted => {
        const seconds = (granted.expires_in ?? 60) - tokenReserveSeconds
        fresh.usableUntil = performance.now() + seconds * 1000
      },
      () => tokens.delete(scope),
    )
    return fresh.value
  }

  const behalf: Readonly<Record<string, string>> =
    options.onBehalfOf === undefined ? {} : { 'sekisho-on-behalf-of': options.onBehalfOf }

  const sendOnce: Link['send'] = async (scope, { method, path, headers, body, isSafe }) => {
    const { href: url } = new URL(path, options.issuer)
    const proven = await authorization(method, url, await token(scope))
    const response = await ask(doFetch, {
      url,
      // A proof serves once, so that the same request cannot be sent again as it is.
      isSafe: isSafe && options.isTokenBound !== true,
      init: {
        method,
        redirect: 'error',
        headers: { ...proven, ...behalf, ...headers },
        ...(body === undefined ? {} : { body }),
      },
    })
    if (!response.ok) throw new SekishoError('unexpected', { status: response.status })
    return response
  }

  const send: Link['send'] = async (scope, piece) => {
    const isCached = tokens.has(scope)
    try {
      return await sendOnce(scope, piece)
    } catch (thrown) {
      const isStale =
        isCached && thrown instanceof SekishoError && thrown.code === 'provider-unauthenticated'
      if (!isStale) throw thrown
      // The platform forgot the token (it was restored, or its keys were changed): nothing was done, a new one may do.
      tokens.delete(scope)
      return sendOnce(scope, piece)
    }
  }

  const verify: Link['verify'] = async (jws, typ) => {
    const metadata = (await config()).serverMetadata()
    if (metadata.jwks_uri === undefined) throw new SekishoError('unexpected')
    keys ??= createRemoteJWKSet(new URL(metadata.jwks_uri), {
      [joseFetch]: (url, init) => ask(doFetch, { url, init, isSafe: true }),
    })
    const expected = { issuer: metadata.issuer, audience: options.clientId, typ }
    try {
      return (await jwtVerify(jws, keys, expected)).payload
    } catch (cause) {
      if (cause instanceof errors.JOSEError) throw new SekishoError('signature-invalid', { cause })
      throw cause
    }
  }

  return {
    config,
    proof,
    send,
    call: async (method, path, scope, { body, idempotencyKey, isSafe }) => {
      const response = await send(scope, {
        method,
        path,
        isSafe,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return response.json()
    },
    verify,
    verifyReceipt: async (jws, document) => {
      const payload = await verify(jws, 'sekisho-receipt+jwt')
      const parsed = receipt.parse(payload)
      if (parsed.document.sha256 !== (await sha256Hex(document)))
        throw new SekishoError('signature-invalid')
      return parsed
    },
  }
}

/** Discovery, once; after a failure the next call tries again. */
function configurationOf(
  options: SekishoOptions,
  doFetch: typeof fetch,
): () => Promise<oidc.Configuration> {
  let configuration: Promise<oidc.Configuration> | undefined
  const discover = async (): Promise<oidc.Configuration> => {
    const { kid } = options.privateKey
    const key = await privateKeyOf(options.privateKey)
    return oidc.discovery(
      new URL(options.issuer),
      options.clientId,
      { redirect_uris: [options.redirectUri] },
      oidc.PrivateKeyJwt({ key, ...(kid === undefined ? {} : { kid }) }),
      {
        [oidc.customFetch]: (url, init) =>
          ask(doFetch, { url, init: requestOf(init), isSafe: init.method === 'GET' }),
        execute: options.dangerAllowHttp ? [oidc.allowInsecureRequests] : [],
      },
    )
  }
  return () => {
    configuration ??= discover().catch((thrown: unknown) => {
      configuration = undefined
      throw thrown
    })
    return configuration
  }
}

/** The library's own type of a request differs from the platform's in what a body may be; ours are texts. */
function requestOf(init: oidc.CustomFetchOptions): RequestInit {
  const { method, headers, redirect, signal, body } = init
  return {
    method,
    headers,
    redirect,
    ...(signal ? { signal } : {}),
    ...(body === undefined || body === null ? {} : { body: bodyOf(body) }),
  }
}

function bodyOf(body: unknown): string | URLSearchParams {
  if (typeof body === 'string' || body instanceof URLSearchParams) return body
  throw new TypeError('a request with another body than a form')
}

async function privateKeyOf(jwk: JWK) {
  const key = await importJWK(jwk, jwk.alg ?? 'ES256')
  if (!(key instanceof CryptoKey) || key.type !== 'private')
    throw new TypeError('the private key is not a private JWK')
  return key
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}
