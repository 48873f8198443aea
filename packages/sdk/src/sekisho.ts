/**
 * What a service provider needs: log a person in with the card, identify, have a document signed, verify, ask for changes.
 * Catalogue C3, C5, C6, C10. Runs wherever `fetch` and WebCrypto are.
 */
import {
  acr,
  changeAnswer,
  type ChangeAnswer,
  feeStatement,
  type FeeStatement,
  identityClaims,
  type IdentityClaims,
  type ProviderScope,
  receipt,
  type Receipt,
  type RefusalCode,
  signingTransactionCreated,
  type SigningTransactionCreated,
  type SigningTransactionRequest,
  signingTransactionResult,
  verificationReport,
  type VerificationReport,
  type VerificationRequest,
} from '@sekisho/contract'
import { createRemoteJWKSet, customFetch as joseFetch, importJWK, type JWK, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { failureOf, refusalIn, SekishoError } from './failure.ts'

/** A provider's registration and the world it runs in. */
export type SekishoOptions = {
  /** Issuer of the platform, exactly as in its discovery document. */
  readonly issuer: string
  readonly clientId: string
  /** The private key whose public half is registered (JWK with `kid`; ES256 or RS256). */
  readonly privateKey: JWK
  /** Where the browser comes back to; one of the registered addresses. */
  readonly redirectUri: string
  /** Defaults to the global `fetch`. */
  readonly fetch?: typeof fetch
  /** Allows `http:` issuers, for a town on this machine. Never in production. */
  readonly dangerAllowHttp?: boolean
}

/** What the provider keeps in the browser's session between leaving and coming back. JSON. */
export type Pending = {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  readonly acr: string
  readonly transaction?: string
}

/** A person who has come back. */
export type Arrival = {
  /** Stable pairwise id of this person for this provider; it says nothing about the person. */
  readonly subject: string
  readonly acr: string
  /** The consented claims of *identify*; only `sub` after a login. */
  readonly claims: IdentityClaims
}

/** A finished signature: the receipt is what a provider keeps and can verify later with the platform's keys. */
export type Signed = { readonly receipt: Receipt; readonly jws: string }

export type IdentityScope = Extract<ProviderScope, 'name' | 'address' | 'birthdate' | 'gender'>

/** The client of one provider. Every method throws {@link SekishoError}. */
export type Sekisho = {
  /** Begins a login with the authentication certificate. Send the browser to `url`, keep `pending`. */
  beginLogin(): Promise<{ readonly url: string; readonly pending: Pending }>
  /** Begins an identity confirmation with the signature certificate. */
  beginIdentify(
    scopes: readonly IdentityScope[],
  ): Promise<{ readonly url: string; readonly pending: Pending }>
  /** Ends either, with the address the browser came back to. */
  finish(callback: string, pending: Pending): Promise<Arrival>
  /** Submits a document to be signed by one person. `idempotencyKey` makes a repeated call harmless. */
  createSigning(
    request: Omit<SigningTransactionRequest, 'document'> & { readonly document: Uint8Array },
    idempotencyKey: string,
  ): Promise<SigningTransactionCreated>
  /** Sends that person to sign. */
  beginSigning(transaction: string): Promise<{ readonly url: string; readonly pending: Pending }>
  /** Ends it: verifies the receipt against the platform's keys and this document. */
  finishSigning(callback: string, pending: Pending, document: Uint8Array): Promise<Signed>
  /** Has a raw signature judged. */
  verify(request: {
    readonly document: Uint8Array
    readonly signature: Uint8Array
    readonly certificate: Uint8Array
  }): Promise<VerificationReport>
  /** Asks whether the person's attributes may have changed since (変更確認). */
  confirmChange(subject: string): Promise<ChangeAnswer>
  /** The fees of a month, `YYYY-MM`. */
  statement(month: string): Promise<FeeStatement>
}

/** Creates the client. Nothing is fetched before the first call. */
export function createSekisho(options: SekishoOptions): Sekisho {
  const link = createLink(options)
  const begin = async (
    scope: string,
    acrValue: string,
    more: Record<string, string> = {},
  ): Promise<{ url: string; pending: Pending }> => {
    const config = await link.config()
    const verifier = oidc.randomPKCECodeVerifier()
    const pending: Pending = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier,
      acr: acrValue,
      ...(more.signing_transaction === undefined ? {} : { transaction: more.signing_transaction }),
    }
    const url = await oidc.buildAuthorizationUrlWithPAR(config, {
      redirect_uri: options.redirectUri,
      scope,
      acr_values: acrValue,
      state: pending.state,
      nonce: pending.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...more,
    })
    return { url: url.href, pending }
  }

  const finish = async (callback: string, pending: Pending): Promise<Arrival> => {
    const config = await link.config()
    const tokens = await oidc.authorizationCodeGrant(config, new URL(callback), {
      pkceCodeVerifier: pending.verifier,
      expectedState: pending.state,
      expectedNonce: pending.nonce,
      idTokenExpected: true,
    })
    const identity = tokens.claims()
    // A weaker authentication than the one asked for is no authentication.
    if (identity === undefined || identity.acr !== pending.acr) throw new SekishoError('unexpected')
    const claims = await oidc.fetchUserInfo(config, tokens.access_token, identity.sub)
    return { subject: identity.sub, acr: pending.acr, claims: identityClaims.parse(claims) }
  }

  return guarded({
    beginLogin: () => begin('openid', acr.card),
    beginIdentify: scopes => begin(['openid', ...scopes].join(' '), acr.cardSigned),
    finish,
    createSigning: async (request, idempotencyKey) =>
      signingTransactionCreated.parse(
        await link.call('POST', '/v1/signing-transactions', 'sign', {
          body: { ...request, document: toBase64(request.document) },
          idempotencyKey,
        }),
      ),
    beginSigning: transaction =>
      begin('openid sign', acr.cardSigned, { signing_transaction: transaction }),
    finishSigning: async (callback, pending, document) => {
      await finish(callback, pending)
      const path = `/v1/signing-transactions/${encodeURIComponent(pending.transaction ?? '')}`
      const result = signingTransactionResult.parse(await link.call('GET', path, 'sign'))
      if (result.state === 'refused') throw new SekishoError(result.code)
      if (result.state !== 'signed') throw new SekishoError('unexpected')
      return { receipt: await link.verifyReceipt(result.receipt, document), jws: result.receipt }
    },
    verify: async request =>
      verificationReport.parse(
        await link.call('POST', '/v1/verifications', 'verify', {
          body: {
            document: toBase64(request.document),
            signature: toBase64(request.signature),
            certificate: toBase64(request.certificate),
            purpose: 'signature',
          } satisfies VerificationRequest,
        }),
      ),
    confirmChange: async subject =>
      changeAnswer.parse(await link.call('POST', '/v1/changes', 'change', { body: { subject } })),
    statement: async month =>
      feeStatement.parse(
        await link.call('GET', `/v1/statements/${encodeURIComponent(month)}`, 'statement'),
      ),
  })
}

/** Every method's rejection as a {@link SekishoError}. */
function guarded(client: Sekisho): Sekisho {
  const entries = Object.entries(client) as [string, (...given: unknown[]) => Promise<unknown>][]
  return Object.fromEntries(
    entries.map(([name, method]) => [
      name,
      async (...given: unknown[]) => {
        try {
          return await method(...given)
        } catch (thrown) {
          throw failureOf(thrown)
        }
      },
    ]),
  ) as Sekisho
}

type Call = { readonly body?: unknown; readonly idempotencyKey?: string }

type Link = {
  config(): Promise<oidc.Configuration>
  call(method: 'GET' | 'POST', path: string, scope: ProviderScope, given?: Call): Promise<unknown>
  verifyReceipt(jws: string, document: Uint8Array): Promise<Receipt>
}

/** Seconds before its end at which an access token is no longer used, for clocks that differ and calls under way. */
const tokenReserveSeconds = 30

function createLink(options: SekishoOptions): Link {
  const doFetch = options.fetch ?? fetch
  const tokens = new Map<string, { readonly value: string; readonly usableUntil: number }>()
  let configuration: Promise<oidc.Configuration> | undefined
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined

  const discover = async (): Promise<oidc.Configuration> => {
    const key = await importJWK(options.privateKey, options.privateKey.alg ?? 'ES256')
    if (!(key instanceof CryptoKey)) throw new TypeError('the private key is not an asymmetric JWK')
    return oidc.discovery(
      new URL(options.issuer),
      options.clientId,
      { redirect_uris: [options.redirectUri] },
      oidc.PrivateKeyJwt({
        key,
        ...(options.privateKey.kid === undefined ? {} : { kid: options.privateKey.kid }),
      }),
      {
        [oidc.customFetch]: doFetch as oidc.CustomFetch,
        execute: options.dangerAllowHttp ? [oidc.allowInsecureRequests] : [],
      },
    )
  }
  const config = (): Promise<oidc.Configuration> => {
    configuration ??= discover().catch((thrown: unknown) => {
      configuration = undefined // the next call tries again
      throw thrown
    })
    return configuration
  }

  const token = async (scope: string): Promise<string> => {
    const known = tokens.get(scope)
    if (known && performance.now() < known.usableUntil) return known.value
    const granted = await oidc.clientCredentialsGrant(await config(), { scope })
    const lifetimeMs = ((granted.expires_in ?? 60) - tokenReserveSeconds) * 1000
    tokens.set(scope, { value: granted.access_token, usableUntil: performance.now() + lifetimeMs })
    return granted.access_token
  }

  return {
    config,
    call: async (method, path, scope, given = {}) => {
      const response = await doFetch(new URL(path, options.issuer), {
        method,
        redirect: 'error',
        headers: {
          authorization: `Bearer ${await token(scope)}`,
          accept: 'application/json',
          ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(given.idempotencyKey === undefined
            ? {}
            : { 'idempotency-key': given.idempotencyKey }),
        },
        ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
      })
      const answer: unknown = await response.json()
      if (response.ok) return answer
      const code: RefusalCode | undefined = refusalIn(answer)
      throw new SekishoError(code ?? 'unexpected', { status: response.status, cause: answer })
    },
    verifyReceipt: async (jws, document) => {
      const metadata = (await config()).serverMetadata()
      if (metadata.jwks_uri === undefined) throw new SekishoError('unexpected')
      keys ??= createRemoteJWKSet(new URL(metadata.jwks_uri), { [joseFetch]: doFetch })
      const { payload } = await jwtVerify(jws, keys, {
        issuer: metadata.issuer,
        audience: options.clientId,
        typ: 'sekisho-receipt+jwt',
      })
      const parsed = receipt.parse(payload)
      if (parsed.document.sha256 !== (await sha256Hex(document)))
        throw new SekishoError('signature-invalid')
      return parsed
    },
  }
}

async function sha256Hex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)))
  return Array.from(digest, byte => byte.toString(16).padStart(2, '0')).join('')
}

function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000))
  return btoa(text)
}
