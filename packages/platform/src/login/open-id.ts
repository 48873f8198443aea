/**
 * The OpenID Provider (C5): the certified library, configured, behind an interface of our own. This folder alone imports it.
 *
 * Every authorization asks for the card anew: there is no standing login at the platform that a second provider could
 * use without the person. Claims come from the userinfo endpoint only.
 */
import type { IncomingMessage } from 'node:http'
import {
  acr,
  type Acr,
  isRefusalCode,
  problemOf,
  Refusal,
  type RefusalCode,
} from '@sekisho/contract'
import type { RawHandler, Reply, Request } from '@sekisho/runtime/http'
import type { Log } from '@sekisho/runtime/log'
import type { Store } from '@sekisho/runtime/store'
import {
  type AdapterPayload,
  Provider,
  errors,
  interactionPolicy,
  type JWK,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import { attributeScopes } from '../confirm/statement.ts'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'
import type { Provider as Registered } from '../providers/registry.ts'
import { protocolStateOf } from './protocol-state.ts'

/** What the OpenID Provider needs to know of the rest. */
export type OpenIdWorld = {
  readonly issuer: string
  readonly store: Store<PlatformTables>
  readonly log: Log
  /** Private JWKs with `kid`; the ES256 one signs ID tokens. */
  readonly keys: readonly JWK[]
  /** Secrets (newest first) that sign the protocol's cookies. */
  readonly cookieSecrets: readonly string[]
  findProvider(id: string): Promise<Registered | undefined>
  subjectOf(providerId: string, personId: string): Promise<string | undefined>
  /** Claims released by a grant; empty after a login. */
  releasedBy(grantId: string): Promise<Readonly<Record<string, unknown>>>
  renderPage(
    refusal: Refusal,
    request: { readonly url: string; readonly cookie: string | undefined },
  ): string
}

/** What a provider asked for, as the interaction's pages need it. */
export type Interaction = {
  readonly uid: string
  readonly providerId: string
  readonly scopes: readonly string[]
  readonly acr: Acr
  readonly redirectUri: string
  readonly signingTransaction: string | undefined
  /** Language that the provider asks for (`ui_locales`). */
  readonly lang: 'ja' | 'en' | undefined
}

/** The person has done what was asked. */
export type Outcome = { readonly personId: string; readonly acr: Acr; readonly grantId: string }

export type OpenId = {
  readonly handler: RawHandler
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
  /** Who holds an access token obtained with client credentials, and its scopes. */
  bearer(
    token: string,
  ): Promise<{ readonly providerId: string; readonly scopes: ReadonlySet<string> } | undefined>
}

const prefix = '/oidc'

/** Builds the OpenID Provider. */
export function createOpenId(world: OpenIdWorld): OpenId {
  const provider = new Provider(world.issuer, configuration(world))
  // Scheme and host are ours to say, whatever stands before us: see `prepare`.
  provider.proxy = true
  provider.use(codeErrors)
  provider.use(withoutSession)
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
      return callback(request, response)
    },
    interaction: async (request, reply) => {
      prepare(request.raw, world.issuer)
      return interactionOf(await details(provider, request, reply))
    },
    createGrant: async given => {
      const grant = new provider.Grant({ accountId: given.personId, clientId: given.providerId })
      grant.addOIDCScope(given.scopes.join(' '))
      return grant.save()
    },
    finish: (request, reply, outcome) =>
      conclude(request, reply, {
        login: {
          accountId: outcome.personId,
          acr: outcome.acr,
          amr: ['hwk', 'mfa', 'pin', 'sc'],
          remember: false,
        },
        consent: { grantId: outcome.grantId },
      }),
    refuse: (request, reply, code) =>
      conclude(request, reply, { error: 'access_denied', error_description: code }),
    bearer: async token => {
      const found = await provider.ClientCredentials.find(token)
      if (found?.clientId === undefined || found.isExpired) return undefined
      return { providerId: found.clientId, scopes: new Set((found.scope ?? '').split(' ')) }
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

/** Keeps the library's session from reaching the browser. */
async function withoutSession(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next()
  const cookies = ctx.response.headers['set-cookie']
  if (!Array.isArray(cookies)) return
  const kept = cookies.filter(cookie => !isSessionCookie(cookie))
  if (kept.length === 0) ctx.remove('set-cookie')
  else ctx.set('set-cookie', kept)
}

function isSessionCookie(pair: string): boolean {
  return pair.startsWith('sekisho_session=') || pair.startsWith('sekisho_session.sig=')
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
  const { client_id, scope, acr_values, redirect_uri, signing_transaction, ui_locales } =
    found.params
  const wanted = textOf(acr_values).split(' ')
  const scopes = textOf(scope).split(' ')
  // Attributes and signatures can only come from the signature certificate, whatever was asked for.
  const isSigned =
    wanted.includes(acr.cardSigned) ||
    signing_transaction !== undefined ||
    attributeScopes.some(attribute => scopes.includes(attribute))
  return {
    uid: found.uid,
    providerId: textOf(client_id),
    scopes,
    acr: isSigned ? acr.cardSigned : acr.card,
    redirectUri: textOf(redirect_uri),
    signingTransaction: signing_transaction === undefined ? undefined : textOf(signing_transaction),
    lang: langAsked(textOf(ui_locales)),
  }
}

/** The first language of a list (BCP 47 tags) that the screens speak. */
function langAsked(locales: string): 'ja' | 'en' | undefined {
  const found = locales
    .split(' ')
    .map(tag => /^(ja|en)(?:-|$)/i.exec(tag)?.[1]?.toLowerCase())
    .find(tag => tag !== undefined)
  return found === 'ja' || found === 'en' ? found : undefined
}

/** A parameter of the request; the library has refused repeated ones, so it is one text or absent. */
function textOf(parameter: unknown): string {
  return typeof parameter === 'string' ? parameter : ''
}

function configuration(world: OpenIdWorld): ConstructorParameters<typeof Provider>[1] {
  return {
    adapter: protocolStateOf(world.store, id => clientOf(world, id)),
    jwks: { keys: [...world.keys] },
    clientAuthMethods: ['private_key_jwt'],
    clientDefaults: {
      token_endpoint_auth_method: 'private_key_jwt',
      id_token_signed_response_alg: 'ES256',
      subject_type: 'pairwise',
      response_types: ['code'],
      grant_types: ['authorization_code', 'client_credentials'],
    },
    responseTypes: ['code'],
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: async (_ctx, accountId, client) => {
      const subject = await world.subjectOf(client.clientId, accountId)
      if (subject === undefined)
        throw new Error('a person without a pairwise id towards this provider')
      return subject
    },
    acrValues: [acr.card, acr.cardSigned],
    scopes: [
      'openid',
      'name',
      'address',
      'birthdate',
      'gender',
      'sign',
      'verify',
      'change',
      'statement',
    ],
    claims: {
      openid: ['sub'],
      name: ['name', 'name_substitutes'],
      address: ['address', 'address_substitutes'],
      birthdate: ['birthdate'],
      gender: ['gender'],
    },
    extraParams: ['signing_transaction'],
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: true },
      clientCredentials: { enabled: true },
      rpInitiatedLogout: { enabled: false },
      userinfo: { enabled: true },
      resourceIndicators: { enabled: false },
    },
    pkce: { required: () => true },
    // There is no session that a token could end with.
    expiresWithSession: () => Promise.resolve(false),
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      idTokenSigningAlgValues: ['ES256'],
    },
    routes: {
      authorization: `${prefix}/authorize`,
      pushed_authorization_request: `${prefix}/par`,
      token: `${prefix}/token`,
      userinfo: `${prefix}/userinfo`,
      jwks: `${prefix}/jwks`,
    },
    cookies: {
      keys: [...world.cookieSecrets],
      names: {
        session: 'sekisho_session',
        interaction: 'sekisho_interaction',
        resume: 'sekisho_resume',
      },
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    interactions: {
      policy: cardEveryTime(),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    loadExistingGrant: async ctx => {
      const grantId = ctx.oidc.result?.consent?.grantId
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId)
    },
    findAccount: (_ctx, accountId, token) => ({
      accountId,
      claims: async () => ({
        ...(token !== undefined && 'grantId' in token && token.grantId !== undefined
          ? await world.releasedBy(token.grantId)
          : {}),
        sub: accountId,
      }),
    }),
    renderError: (ctx, out, error) => {
      const refusal = new Refusal(codeOf(ctx, out.error, error))
      ctx.type = 'html'
      ctx.body = world.renderPage(refusal, { url: ctx.url, cookie: ctx.get('cookie') || undefined })
    },
    ttl: lifetimesSeconds,
  }
}

/** Lifetimes in seconds. A person has ten minutes for a card step; a token outlives the calls of one page. */
const lifetimesSeconds = {
  AccessToken: 10 * 60,
  AuthorizationCode: 60,
  ClientCredentials: 10 * 60,
  Grant: 20 * 60,
  IdToken: 10 * 60,
  Interaction: 10 * 60,
  // Never reaches a browser; it lives for one answer.
  Session: 60,
}

/** The library's policy, but the card is asked for at every authorization and consent is part of that step. */
function cardEveryTime() {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  policy
    .get('login')
    ?.checks.add(
      new interactionPolicy.Check(
        'card_required',
        'the card is asked for at every authorization',
        ctx =>
          ctx.oidc.result?.login === undefined
            ? interactionPolicy.Check.REQUEST_PROMPT
            : interactionPolicy.Check.NO_NEED_TO_PROMPT,
      ),
    )
  return policy
}

async function clientOf(world: OpenIdWorld, id: string): Promise<AdapterPayload | undefined> {
  const found = await world.findProvider(id)
  if (found === undefined || found.state !== 'active') return undefined
  const { client_id, client_name, client_uri, redirect_uris, jwks, scope } = found.metadata
  // Only what was checked at registration reaches the library. The sector of pairwise ids is the provider, a legal entity,
  // whatever hosts it uses: subjects are looked up by its id. The type of payloads is one for all models; a client's is its
  // metadata.
  return {
    client_id,
    client_name,
    ...(client_uri === undefined ? {} : { client_uri }),
    redirect_uris,
    jwks,
    scope,
    subject_type: 'pairwise',
    token_endpoint_auth_method: 'private_key_jwt',
  } as unknown as AdapterPayload
}

/** Adds our refusal code and its texts to every OAuth error: in JSON as members, in a redirect as the description. */
async function codeErrors(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  await next()
  const location = ctx.response.get('location')
  if (location !== '' && URL.canParse(location)) {
    const coded = withCode(ctx, new URL(location))
    if (coded !== undefined) ctx.set('location', coded)
    return
  }
  const body: unknown = ctx.body
  if (ctx.status < 400 || typeof body !== 'object' || body === null || !('error' in body)) return
  const { title, title_ja, remedy, remedy_ja, actor, retry, code } = problemOf(
    new Refusal(codeOf(ctx, String(body.error), undefined)),
  )
  ctx.body = { ...body, code, title, title_ja, remedy, remedy_ja, actor, retry }
}

/** The address that takes an error back to a provider, with the code as its description unless it is one already. */
function withCode(ctx: KoaContextWithOIDC, url: URL): string | undefined {
  const error = url.searchParams.get('error')
  if (error === null || isRefusalCode(url.searchParams.get('error_description') ?? ''))
    return undefined
  url.searchParams.set('error_description', codeOf(ctx, error, undefined))
  return url.href
}

/** Our code for an error of the library. */
function codeOf(ctx: KoaContextWithOIDC, error: string, thrown: unknown): RefusalCode {
  if (thrown instanceof errors.SessionNotFound) return 'interaction-unknown'
  switch (error) {
    case 'invalid_redirect_uri':
      return 'redirect-mismatch'
    case 'invalid_client':
    case 'unauthorized_client':
      return ctx.oidc?.client === undefined && ctx.oidc?.route === 'authorization'
        ? 'provider-unknown'
        : 'provider-unauthenticated'
    case 'invalid_scope':
    case 'insufficient_scope':
      return 'scope-exceeded'
    case 'server_error':
      return 'internal-fault'
    default:
      return isWithoutPkce(ctx) ? 'pkce-missing' : 'authorization-malformed'
  }
}

function isWithoutPkce(ctx: KoaContextWithOIDC): boolean {
  const asks =
    ctx.oidc?.route === 'authorization' || ctx.oidc?.route === 'pushed_authorization_request'
  return asks && ctx.oidc.params !== undefined && ctx.oidc.params.code_challenge === undefined
}
