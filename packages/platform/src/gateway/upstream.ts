/**
 * Other OpenID Providers (認証連携), towards which the platform is a relying party: code with PKCE, `private_key_jwt`, nonce, and the issuer told apart by
 * the address of the answer and by `iss` (RFC 9207). Tokens are verified with the library's non-repudiation checks: by signature, though they come over TLS.
 */
import { Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Keyring, SigningKey } from '@sekisho/runtime/keyring'
import type { Fetch } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import * as oidc from 'openid-client'
import { sha256Hex } from '../evidence/hash.ts'

/** One of them, as the operator has configured it. */
export type UpstreamSettings = {
  /** In addresses and registrations: letters of the alphabet, digits, `-`. */
  readonly id: string
  readonly name: { readonly ja: string; readonly en: string }
  readonly issuer: string
  /** What it knows the platform as. */
  readonly clientId: string
}

/** What is remembered between leaving and coming back. */
export type Leaving = { readonly state: string; readonly nonce: string; readonly verifier: string }

/** All that are configured. */
export type Upstreams = {
  /** Those of these ids, in the configured order. */
  among(ids: readonly string[]): readonly UpstreamSettings[]
  /** Where the browser goes. Refusals `not-found`, `gateway-unreachable`. */
  leave(id: string, leaving: Leaving): Promise<string>
  /**
   * Who came back with an answer: SHA-256 (hex) of issuer and subject. Refusals `gateway-refused` when it was told no, `gateway-answer-invalid`,
   * `gateway-unreachable`, `not-found`.
   */
  arrive(id: string, query: string, leaving: Leaving): Promise<string>
  /** The key by which the platform authenticates, for their registrations: a JWK Set. */
  keys(): Promise<{ readonly keys: readonly object[] }>
}

type UpstreamWorld = {
  readonly origin: string
  readonly keyring: Keyring
  readonly random: Random
  /** Reaches no further than other people's addresses may lie. */
  readonly fetch: Fetch
  readonly mode: 'town' | 'production'
}

/** Milliseconds for which what an upstream says of itself is kept. */
const discoveryMs = 10 * 60 * 1000

/** Seconds a call to one may take, while somebody waits. */
const callSeconds = 10

/** Makes them; nothing is asked of anybody before somebody wants to go there. */
export function createUpstreams(
  settings: readonly UpstreamSettings[],
  world: UpstreamWorld,
): Upstreams {
  const key = once(() => world.keyring.signingKey('gateway', 'ec-p256'))
  const known = new Map<string, { readonly server: oidc.ServerMetadata; readonly until: number }>()
  const settingsOf = (id: string): UpstreamSettings => {
    const found = settings.find(each => each.id === id)
    if (found === undefined) throw new Refusal('not-found')
    return found
  }
  const redirectUri = (id: string): string => `${world.origin}/gateway/${id}/callback`
  const configured = async (id: string, proof: oidc.ClientAuth): Promise<oidc.Configuration> => {
    const kept = known.get(id)
    const fresh = kept !== undefined && kept.until > protocolNow() ? kept.server : undefined
    const made = await configurationOf(settingsOf(id), world, proof, fresh)
    if (fresh === undefined)
      known.set(id, { server: plain(made.serverMetadata()), until: protocolNow() + discoveryMs })
    return made
  }
  return {
    among: ids => settings.filter(each => ids.includes(each.id)),
    leave: (id, { state, nonce, verifier }) =>
      refusing(async () => {
        const parameters = {
          redirect_uri: redirectUri(id),
          scope: 'openid',
          code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          state,
          nonce,
        }
        return oidc.buildAuthorizationUrl(await configured(id, oidc.None()), parameters).href
      }),
    arrive: (id, query, { state, nonce, verifier }) =>
      refusing(async () => {
        const proof = await authentication(settingsOf(id), await key(), world.random)
        const tokens = await oidc.authorizationCodeGrant(
          await configured(id, proof),
          new URL(`${redirectUri(id)}?${query}`),
          {
            pkceCodeVerifier: verifier,
            expectedState: state,
            expectedNonce: nonce,
            idTokenExpected: true,
          },
        )
        const { iss, sub } = tokens.claims() ?? {}
        if (iss === undefined || sub === undefined) throw new Refusal('gateway-answer-invalid')
        return sha256Hex(Buffer.from(JSON.stringify([iss, sub])))
      }),
    keys: async () => {
      const { publicKey, keyId } = await key()
      const jwk = publicKey.export({ format: 'jwk' })
      return { keys: [{ ...jwk, kid: keyId, alg: 'ES256', use: 'sig' }] }
    },
  }
}

/** Made anew for each use, so that keys are asked for each time: an upstream may change them from one login to the next. */
async function configurationOf(
  { issuer, clientId }: UpstreamSettings,
  world: UpstreamWorld,
  proof: oidc.ClientAuth,
  server: oidc.ServerMetadata | undefined,
): Promise<oidc.Configuration> {
  const fetch: oidc.CustomFetch = (url, init) => world.fetch(url, init as RequestInit)
  const execute = [
    oidc.enableNonRepudiationChecks,
    // As everything of a practice town.
    ...(world.mode === 'town' ? [oidc.allowInsecureRequests] : []),
  ]
  if (server === undefined) {
    const options = { [oidc.customFetch]: fetch, timeout: callSeconds, execute }
    return oidc.discovery(new URL(issuer), clientId, undefined, proof, options)
  }
  const made = new oidc.Configuration(server, clientId, undefined, proof)
  made[oidc.customFetch] = fetch
  made.timeout = callSeconds
  for (const setting of execute) setting(made)
  return made
}

/** RFC 7523 §2.2, by a key that the library never meets. The audience is the issuer, and no endpoint that somebody else could name. */
async function authentication(
  { issuer, clientId }: UpstreamSettings,
  key: SigningKey,
  random: Random,
): Promise<oidc.ClientAuth> {
  const now = Math.floor(protocolNow() / 1000)
  const claims = {
    iss: clientId,
    sub: clientId,
    aud: issuer,
    jti: random.token(128),
    iat: now,
    exp: now + 60,
  }
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'ES256', kid: key.keyId })}.${part(claims)}`
  const signature = Buffer.from(await key.sign(new TextEncoder().encode(signed)))
  return (_server, _client, body) => {
    body.set('client_id', clientId)
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer')
    body.set('client_assertion', `${signed}.${signature.toString('base64url')}`)
  }
}

/** As it was told, without what the library hangs on it. */
function plain(server: oidc.ServerMetadata): oidc.ServerMetadata {
  return JSON.parse(JSON.stringify(server)) as oidc.ServerMetadata
}

/** Turns what goes wrong into refusals: who did not answer, who said no, and whose answer cannot be believed. */
async function refusing<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Refusal) throw error
    if (error instanceof oidc.AuthorizationResponseError) throw new Refusal('gateway-refused')
    if (!(error instanceof Error)) throw error
    // The library wraps what its fetch throws; what it says of answers is for its own log.
    const isAway = chainOf(error).some(each => each.name === 'NetworkFault')
    const isServer = error instanceof oidc.ResponseBodyError && error.status >= 500
    throw new Refusal(isAway || isServer ? 'gateway-unreachable' : 'gateway-answer-invalid')
  }
}

function chainOf(error: Error): readonly Error[] {
  return error.cause instanceof Error ? [error, ...chainOf(error.cause)] : [error]
}

/** The same answer for all who ask; asked anew where it failed. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined
      throw error
    })
    return made
  }
}
