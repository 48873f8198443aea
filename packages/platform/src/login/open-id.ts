/**
 * The OpenID Provider (C5): the certified library, configured, behind an interface of our own. This folder alone imports it.
 *
 * Every authorization asks for the card anew: there is no standing login at the platform that a second provider could
 * use without the person. Claims come from the userinfo endpoint only.
 */
import type { IncomingMessage } from 'node:http'
import { type Acr, acr, Refusal, type RefusalCode } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { RawHandler, Reply, Request } from '@sekisho/runtime/http'
import type { CompiledQuery } from '@sekisho/runtime/store'
import { errors, type KoaContextWithOIDC, Provider } from 'oidc-provider'
import { type Asked, askedOf, cardMethods } from './asked.ts'
import { messages } from '../message.ts'
import type { Provider as RegisteredProvider } from '../providers/registry.ts'
import { configuration } from './configuration.ts'
import type { OpenIdWorld } from './open-id-world.ts'
import { stateId } from './protocol-change.ts'
import { createProtocolRequests, type ProtocolRequests } from './protocol-request.ts'
import { isDeferring, settling } from './settling.ts'
import {
  type Binding,
  isCertificateProven,
  proofSeconds,
  type ProvenCall,
  readProof,
} from './proof-of-possession.ts'
import { answerDeferred, type DeferredAnswer } from './deferred.ts'
import { codeErrors } from './openid-error.ts'
import { slowingDown } from './polling.ts'

/** What a provider asked for by way of the browser. */
export type Interaction = Asked & {
  readonly redirectUri: string
  /** The provider as it was registered when the interaction was read; undefined: it is still to be read. */
  readonly provider?: RegisteredProvider | undefined
}

/** The person has done what was asked. */
export type Outcome = {
  readonly personId: string
  readonly acr: Acr
  readonly grantId: string
  readonly scopes: readonly string[]
  /** When the card step was: seconds, protocol time. */
  readonly authTime: number
}

/** The holder of a token. */
export type Bearer = {
  readonly providerId: string
  readonly scopes: ReadonlySet<string>
  readonly binding: Binding | undefined
}

export type OpenId = {
  readonly handler: RawHandler
  /** Runs a request of ours in which the other functions are called: what they read is read once. */
  run<T>(work: () => T): T
  /** Runs what makes a grant and notes an outcome, and gives what it writes as a statement for the caller's transaction. */
  collect<T>(
    work: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly writes: CompiledQuery }>
  /** The interaction of this browser. Refusal `interaction-unknown` when it is over or another browser's. */
  interaction(request: Request, reply: Reply): Promise<Interaction>
  /** Makes the grant that the tokens of this outcome will carry. */
  createGrant(given: {
    personId: string
    providerId: string
    scopes: readonly string[]
  }): Promise<string>
  /** Notes the outcome; the address that takes the browser back to the provider. */
  finish(request: Request, reply: Reply, outcome: Outcome): Promise<string>
  /** Notes a refusal (`access_denied`, the code as description); the address that takes the browser back. */
  refuse(request: Request, reply: Reply, code: RefusalCode): Promise<string>
  /** Answers a back-channel login and tells the provider if it wants that. False when it was answered or has run out. */
  answerBackchannel(requestId: string, answer: DeferredAnswer): Promise<boolean>
  /** Whose an ID token is that this platform issued, expired or not. Undefined for anything else. */
  readIdToken(
    token: string,
  ): Promise<{ readonly providerId: string; readonly subject: string } | undefined>
  /** Sends a logout token to a provider. False when it was not taken; true also where the provider wants none. */
  sendLogout(providerId: string, personId: string): Promise<boolean>
  /** Who holds an access token obtained with client credentials, its scopes, and the key that it is bound to. */
  bearer(token: string): Promise<Bearer | undefined>
  /** Whether a call proves the key that its token is bound to. A proof serves once. */
  isProven(providerId: string, binding: Binding, call: ProvenCall): Promise<boolean>
}

/** Builds the OpenID Provider. */
export function createOpenId(world: OpenIdWorld): OpenId {
  const requests = createProtocolRequests(world.store)
  const configured = configuration(world, requests)
  const provider = new Provider(world.issuer, configured)
  // Scheme and host are ours to say, whatever stands before us: see `prepare`.
  provider.proxy = true
  provider.use(codeErrors)
  provider.use(slowingDown(world.store))
  provider.use(settling(requests, configured))
  provider.use(withoutSession)
  provider.use(trueDiscovery)
  provider.on('server_error', (_ctx: KoaContextWithOIDC, fault: Error) =>
    world.log.write(messages['platform.openid-fault'], { fault }),
  )
  const callback = provider.callback()
  const conclude = async (
    request: Request,
    reply: Reply,
    result: Parameters<Provider['interactionResult']>[2],
  ): Promise<string> => {
    try {
      const options = { mergeWithLastSubmission: false }
      return await provider.interactionResult(request.raw, reply.raw, result, options)
    } catch (error) {
      if (error instanceof errors.SessionNotFound) throw new Refusal('interaction-unknown')
      throw error
    }
  }
  return {
    handler: (request, response) => {
      prepare(request, world.issuer)
      return requests.run({ isDeferring: isDeferring(request) }, async () => {
        await foresee(requests, request)
        return callback(request, response)
      })
    },
    run: work => requests.run({ isDeferring: false }, work),
    collect: work => requests.collect(work),
    interaction: async (request, reply) => {
      prepare(request.raw, world.issuer)
      const asked = interactionOf(await details(provider, request, reply))
      return { ...asked, provider: requests.seenProvider(asked.providerId) }
    },
    createGrant: async given => {
      const grant = new provider.Grant({ accountId: given.personId, clientId: given.providerId })
      grant.addOIDCScope(given.scopes.join(' '))
      // About the attributes of these scopes and no others.
      grant.addOIDCClaims(['verified_claims'])
      return grant.save()
    },
    finish: (request, reply, outcome) =>
      conclude(request, reply, {
        login: {
          accountId: outcome.personId,
          acr: outcome.acr,
          ...(outcome.acr === acr.gateway ? {} : { amr: [...cardMethods] }),
          ts: outcome.authTime,
          remember: false,
        },
        consent: { grantId: outcome.grantId },
      }),
    refuse: (request, reply, code) =>
      conclude(request, reply, {
        error: code === 'acr-unmet' ? 'unmet_authentication_requirements' : 'access_denied',
        error_description: code,
      }),
    answerBackchannel: async (requestId, answer) => {
      const key = { kind: 'BackchannelAuthenticationRequest', id: stateId(requestId) } as const
      if (!(await answerDeferred(world.store, key, answer))) return false
      await ping(provider, requestId)
      return true
    },
    readIdToken: token => readIdToken(provider, token),
    sendLogout: (providerId, personId) => sendLogout(provider, providerId, personId),
    bearer: async token => {
      const found = await provider.ClientCredentials.find(token)
      if (found?.clientId === undefined || found.isExpired) return undefined
      const scopes = new Set((found.scope ?? '').split(' '))
      return { providerId: found.clientId, scopes, binding: bindingOf(found) }
    },
    isProven: async (providerId, binding, call) => {
      if (binding.kind === 'certificate') return isCertificateProven(binding, call)
      const now = Math.floor(protocolNow() / 1000)
      const id = readProof(binding, call, now)
      if (id === undefined) return false
      try {
        return await provider.ReplayDetection.unique(`${providerId} /v1`, id, now + proofSeconds)
      } catch (error) {
        if (error instanceof errors.InvalidGrant) return false
        throw error
      }
    },
  }
}

/**
 * Makes a bare request say what is true of it: the scheme and host are those of the issuer (a proxy may have ended TLS; other
 * hosts were refused before), and there is no session. The library would take an account from the session's cookie; here
 * nobody is ever logged in at the platform itself, so a second person at the same browser must not meet the first.
 */
function prepare(request: IncomingMessage, issuer: string): void {
  const { protocol, host } = new URL(issuer)
  request.headers['x-forwarded-proto'] = protocol.slice(0, -1)
  request.headers['x-forwarded-host'] = host
  const { cookie } = request.headers
  if (cookie === undefined) return
  const kept = cookie.split(';').filter(pair => !isSessionCookie(pair.trim()))
  request.headers.cookie = kept.join(';')
}

/** A pushed request is read with its client in one go, before the library asks for one after the other. */
async function foresee(requests: ProtocolRequests, request: IncomingMessage): Promise<void> {
  const [path, query] = (request.url ?? '').split('?', 2)
  if (path !== '/oidc/authorize' || query === undefined) return
  const parameters = new URLSearchParams(query)
  const uri = parameters.get('request_uri')
  if (uri === null || !uri.startsWith(pushedPrefix)) return
  const id = stateId(uri.slice(pushedPrefix.length))
  // Should it fail, the library meets the same and tells it.
  const client = parameters.get('client_id') ?? undefined
  await requests.find('PushedAuthorizationRequest', id, client).catch(() => undefined)
}

/** RFC 9126 §2.2, as the library makes them. */
const pushedPrefix = 'urn:ietf:params:oauth:request_uri:'

/** Keeps the library's session from reaching the browser. */
async function withoutSession(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next()
  const cookies = ctx.response.headers['set-cookie']
  if (!Array.isArray(cookies)) return
  const kept = cookies.filter(cookie => !isSessionCookie(cookie))
  if (kept.length === 0) ctx.remove('set-cookie')
  else ctx.set('set-cookie', kept)
}

/** Logout tokens name a person and no session, other than the library takes for granted. */
async function trueDiscovery(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next()
  const { body } = ctx
  if (typeof body === 'object' && body !== null && 'backchannel_logout_session_supported' in body)
    body.backchannel_logout_session_supported = false
}

function isSessionCookie(pair: string): boolean {
  return pair.startsWith('sekisho_session=') || pair.startsWith('sekisho_session.sig=')
}

function bindingOf(token: {
  readonly jkt?: string | undefined
  readonly 'x5t#S256'?: string | undefined
}): Binding | undefined {
  const { jkt, 'x5t#S256': x5t } = token
  if (jkt !== undefined) return { kind: 'dpop', thumbprint: jkt }
  return x5t === undefined ? undefined : { kind: 'certificate', thumbprint: x5t }
}

async function readIdToken(provider: Provider, token: string): ReturnType<OpenId['readIdToken']> {
  const [, payload = ''] = token.split('.')
  try {
    const { aud } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { aud?: unknown }
    const client = typeof aud === 'string' ? await provider.Client.find(aud) : undefined
    if (client === undefined) return undefined
    // Signature, issuer and audience; an old one still names whom it named.
    const { payload: claims } = await provider.IdToken.validate(token, client)
    // A logout token is signed alike, and is no ID token.
    if (typeof claims['sub'] !== 'string' || claims['events'] !== undefined) return undefined
    return { providerId: client.clientId, subject: claims['sub'] }
  } catch {
    return undefined
  }
}

/** CIBA §10.2, for providers that asked for it. One that misses it still finds out by asking. */
async function ping(provider: Provider, requestId: string): Promise<void> {
  const request = await provider.BackchannelAuthenticationRequest.find(requestId)
  const client = await provider.Client.find(request?.clientId ?? '')
  if (request === undefined || client?.metadata()['backchannel_token_delivery_mode'] !== 'ping')
    return
  await client.backchannelPing(request).catch(() => undefined)
}

/** The library's types leave its method out. */
type LogoutClient = {
  readonly backchannelLogoutUri?: string | undefined
  backchannelLogout(accountId: string): Promise<void>
}

async function sendLogout(
  provider: Provider,
  providerId: string,
  personId: string,
): Promise<boolean> {
  const client = (await provider.Client.find(providerId)) as unknown as LogoutClient | undefined
  if (client?.backchannelLogoutUri === undefined) return true
  try {
    await client.backchannelLogout(personId)
    return true
  } catch {
    // Whatever it was, it was not taken, and is tried again.
    return false
  }
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

async function details(provider: Provider, request: Request, reply: Reply): Promise<Details> {
  try {
    return await provider.interactionDetails(request.raw, reply.raw)
  } catch (error) {
    if (error instanceof errors.SessionNotFound) throw new Refusal('interaction-unknown')
    throw error
  }
}

function interactionOf(found: Details): Interaction {
  const { redirect_uri: redirectUri } = found.params
  return {
    ...askedOf(found.params, found.uid),
    redirectUri: typeof redirectUri === 'string' ? redirectUri : '',
  }
}
