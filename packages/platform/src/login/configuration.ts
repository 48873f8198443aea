/** How the OpenID library is configured: what is offered, for how long, and where it asks us. */
import { acr, Refusal } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import {
  type AdapterPayload,
  type AuthorizationDetail,
  type Configuration,
  errors,
  interactionPolicy,
  type KoaContextWithOIDC,
} from 'oidc-provider'
import { sessionMs } from '../session/provider-session.ts'
import type { ClientCertificates } from './client-certificate.ts'
import { createCookieSignatures } from './cookie-signature.ts'
import { clientOf, readRegisteredKeys } from './client-metadata.ts'
import { type BackchannelAsked, isMessage } from '../approval/backchannel.ts'
import { askedOf } from './asked.ts'
import {
  isVerifiedRequest,
  recordType,
  trustFramework,
  verifiableClaims,
  type Verification,
  verifiedClaims,
} from './verified-claims.ts'
import type { OpenIdWorld } from './open-id-world.ts'
import { codeOf } from './openid-error.ts'
import type { ProtocolRequests } from './protocol-request.ts'
import { type ClientLookup, protocolStateOf } from './protocol-state.ts'
import { PublishedKey } from './token-key.ts'
import { isSigningIntent, signingIntentType } from './signing-intent.ts'

/** Where the protocol's own endpoints lie. */
const prefix = '/oidc'

/** The library's configuration. Nothing is left to a default that it warns about. */
export function configuration(world: OpenIdWorld, requests: ProtocolRequests): Configuration {
  return {
    adapter: protocolStateOf(world.store, requests, clientLookup(requests)),
    jwks: { keys: world.keys.map(key => new PublishedKey(key)) },
    clientAuthMethods: [
      'private_key_jwt',
      ...(world.certificates === undefined ? [] : certificateMethods),
    ],
    assertJwtClientAuthClaimsAndHeader: assertAuthentication,
    extraClientMetadata: { properties: ['sekisho_profile'] },
    clientDefaults: {
      token_endpoint_auth_method: 'private_key_jwt',
      id_token_signed_response_alg: 'ES256',
      authorization_signed_response_alg: 'ES256',
      subject_type: 'pairwise',
      response_types: ['code'],
      grant_types: ['authorization_code', 'client_credentials'],
    },
    responseTypes: ['code'],
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: async (_ctx, accountId, client) => {
      const subject =
        requests.subject(client.clientId, accountId) ??
        (await world.subjectOf(client.clientId, accountId))
      if (subject === undefined)
        throw new Error('a person without a pairwise id towards this provider')
      return subject
    },
    acrValues: [acr.card, acr.cardSigned],
    ...claimsOffered,
    extraParams: ['signing_transaction', 'device_name'],
    features: features(world),
    pkce: { required: () => true },
    issueRefreshToken: (_ctx, client, source) =>
      Promise.resolve(
        client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
      ),
    // A stolen one is found out when the second of both uses it. FAPI 2.0 §5.3.2.1 binds tokens to keys instead, and wants no rotation.
    rotateRefreshToken: ctx => !isFapi(ctx.oidc.client),
    fetch: async (url, init) => {
      const address = url instanceof Request ? url.url : url.toString()
      return (await readRegisteredKeys(address, world.findProvider)) ?? world.fetch(url, init)
    },
    // The sector is the provider; nothing is looked up to find it.
    sectorIdentifierUriValidate: () => false,
    // There is no session that a token could end with.
    expiresWithSession: () => Promise.resolve(false),
    enabledJWA: {
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA'],
      idTokenSigningAlgValues: ['ES256'],
      authorizationSigningAlgValues: ['ES256'],
      requestObjectSigningAlgValues: strongAlgorithms,
      dPoPSigningAlgValues: strongAlgorithms,
    },
    ...endpoints(world),
    interactions: {
      policy: cardEveryTime(),
      url: (_ctx, interaction) => `/interaction/${interaction.uid}`,
    },
    loadExistingGrant: async ctx => {
      const grantId = ctx.oidc.result?.consent?.grantId
      return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId)
    },
    findAccount: async (ctx, given, token) => {
      // A hint at the back channel is an ID token, whose subject is the provider's own name for the person.
      const accountId =
        ctx.oidc.route === 'backchannel_authentication' && ctx.oidc.entities.IdTokenHint
          ? await world.personOf(ctx.oidc.client?.clientId ?? '', given)
          : given
      if (accountId === undefined) return undefined
      const grantId = token !== undefined && 'grantId' in token ? token.grantId : undefined
      // Without the card being used, the one that began it must still be valid.
      if (token?.kind === 'RefreshToken' && !(await world.isStanding(grantId ?? '')))
        return undefined
      return {
        accountId,
        claims: async (_use, _scope, wanted) => {
          const released: Readonly<Record<string, unknown>> =
            grantId === undefined || requests.isWithoutRelease(grantId)
              ? {}
              : await world.releasedBy(grantId)
          const { verification } = released
          const verified =
            wanted?.['verified_claims'] === undefined || verification === undefined
              ? undefined
              : verifiedClaims(wanted['verified_claims'], {
                  claims: released,
                  verification: verification as Verification,
                  now: protocolNow(),
                })
          return {
            ...released,
            ...(verified === undefined ? {} : { verified_claims: verified }),
            sub: accountId,
          }
        },
      }
    },
    renderError: (ctx, out, error) => {
      const refusal = new Refusal(codeOf(ctx, out.error, error))
      ctx.type = 'html'
      ctx.body = world.renderPage(refusal, { url: ctx.url, cookie: ctx.get('cookie') || undefined })
    },
    ttl: lifetimesSeconds,
  }
}

/** Registered providers as clients. Those that were read with a state of the request are not read again. */
function clientLookup(requests: ProtocolRequests): ClientLookup {
  // By registration: what is read anew and has not changed is the same client.
  const clients = new WeakMap<object, AdapterPayload>()
  return async id => {
    const found = await requests.provider(id)
    if (found?.state !== 'active') return undefined
    const client = clients.get(found.metadata) ?? clientOf(found)
    if (client !== undefined) clients.set(found.metadata, client)
    return client
  }
}

/** Scopes and the claims that each opens. */
const claimsOffered = {
  scopes: [
    'openid',
    'name',
    'address',
    'birthdate',
    'gender',
    'sign',
    'verify',
    'change',
    'link',
    'statement',
    'mandate',
    'procedure',
    'mail',
    'offline_access',
  ],
  claims: {
    openid: ['sub'],
    name: ['name', 'name_substitutes'],
    address: ['address', 'address_substitutes'],
    birthdate: ['birthdate'],
    gender: ['gender'],
    verified_claims: null,
  },
}

/** The library's features: all that is offered is named, and what is not is off. */
function features(world: OpenIdWorld): NonNullable<Configuration['features']> {
  return {
    devInteractions: { enabled: false },
    pushedAuthorizationRequests: { enabled: true },
    clientCredentials: { enabled: true },
    // Ours (`session/logout.ts`): the library's ends its own session, and there is none.
    rpInitiatedLogout: { enabled: false },
    backchannelLogout: { enabled: true },
    introspection: { enabled: true, allowedPolicy: isOwnToken },
    revocation: { enabled: true, allowedPolicy: isOwnToken },
    requestObjects: { enabled: true, assertJwtClaimsAndHeader: assertRequestObject },
    jwtResponseModes: { enabled: true },
    dPoP: { enabled: true, allowReplay: false },
    ...(world.certificates === undefined ? {} : { mTLS: mutualTls(world.certificates) }),
    fapi: { enabled: true, profile: (_ctx, client) => (isFapi(client) ? '2.0' : undefined) },
    deviceFlow: { enabled: true, deviceInfo: () => ({}) },
    ciba: backchannel(world),
    richAuthorizationRequests: signingIntents(),
    claimsParameter: { enabled: true, assertClaimsParameter: assertClaims },
    userinfo: { enabled: true },
    externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    // Authorization details need a resource to stand for; there is one, the platform itself, and no other can be named.
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx: KoaContextWithOIDC) =>
        Promise.resolve(
          ctx.oidc.params?.['authorization_details'] === undefined ? [] : world.issuer,
        ),
      useGrantedResource: () => Promise.resolve(false),
      getResourceServerInfo: (_ctx: KoaContextWithOIDC, resource: string) =>
        resource === world.issuer
          ? Promise.resolve({
              scope: '',
              audience: world.issuer,
              accessTokenFormat: 'opaque' as const,
            })
          : Promise.reject(new errors.InvalidTarget()),
    },
  }
}

const certificateMethods = ['tls_client_auth', 'self_signed_tls_client_auth'] as const

/** Algorithms that providers sign requests and proofs with; RS256 is left to their authentication (FAPI 2.0 §5.4.1). */
const strongAlgorithms = ['ES256', 'PS256', 'EdDSA'] as const

/** Whether a provider is held to FAPI 2.0. */
function isFapi(client: unknown): boolean {
  return (
    typeof client === 'object' &&
    client !== null &&
    'sekisho_profile' in client &&
    client.sekisho_profile === 'fapi2'
  )
}

/** Seconds by which the clock of a provider may be ahead, and for which an authentication may be good: it is remembered for as long. */
const clockSkewSeconds = 60
const authenticationSeconds = 3600

/** Beside what the library checks: of no later time, not for longer than needed, and under FAPI 2.0 for the issuer alone (§5.3.2.1). */
function assertAuthentication(
  ctx: KoaContextWithOIDC,
  claims: Readonly<Record<string, unknown>>,
): Promise<void> {
  const now = Math.floor(protocolNow() / 1000)
  const { iat, exp, aud } = claims
  const isFit =
    (iat === undefined || (typeof iat === 'number' && iat <= now + clockSkewSeconds)) &&
    typeof exp === 'number' &&
    exp <= now + authenticationSeconds &&
    (ctx.oidc.isFapi('2.0') === undefined || aud === ctx.oidc.issuer)
  return isFit
    ? Promise.resolve()
    : Promise.reject(new errors.InvalidClientAuth('not of this time, or not for this issuer'))
}

/** A signed request says for whom it is and until when, for every provider (RFC 9101 §10.2 (d)). */
function assertRequestObject(
  _ctx: KoaContextWithOIDC,
  claims: Readonly<Record<string, unknown>>,
): Promise<void> {
  const missing = ['iss', 'aud', 'exp'].find(claim => claims[claim] === undefined)
  return missing === undefined
    ? Promise.resolve()
    : Promise.reject(new errors.InvalidRequestObject(`without ${missing}`))
}

/** Where an intent to sign may be asked: where the person is shown the document on the way. */
const intentRoutes: readonly string[] = ['authorization', 'pushed_authorization_request', 'resume']

/** Authorization details of the one type that is offered. What was asked is what the card step did, or there is no code. */
function signingIntents() {
  const ofSource = (source: { readonly rar?: readonly AuthorizationDetail[] | undefined }) =>
    Promise.resolve(source.rar)
  return {
    enabled: true,
    types: {
      [signingIntentType]: {
        validate: (ctx: KoaContextWithOIDC) => {
          const { authorization_details: text, signing_transaction: other } = ctx.oidc.params ?? {}
          const isFit =
            intentRoutes.includes(ctx.oidc.route) && isSigningIntent(text) && other === undefined
          return isFit
            ? Promise.resolve()
            : Promise.reject(new errors.InvalidAuthorizationDetails('not one intent to sign'))
        },
      },
    },
    authorizationDetailsForGrantSource: (ctx: KoaContextWithOIDC) => {
      const { authorization_details: text } = ctx.oidc.params ?? {}
      const meant = typeof text === 'string' && isSigningIntent(text)
      return Promise.resolve(meant ? (JSON.parse(text) as AuthorizationDetail[]) : undefined)
    },
    authorizationDetailsForAccessToken: (
      _ctx: KoaContextWithOIDC,
      _token: unknown,
      source?: { readonly rar?: readonly AuthorizationDetail[] | undefined },
    ) => ofSource(source ?? {}),
    authorizationDetailsForIntrospection: (
      _ctx: KoaContextWithOIDC,
      token: { readonly rar?: readonly AuthorizationDetail[] | undefined },
    ) => ofSource(token),
  }
}

/** Characters of a request for claims: all attributes as verified, with evidence, have some 600. */
const claimsMax = 4096

/** Attributes come from the userinfo endpoint alone, and a request for verified ones has its form. */
function assertClaims(
  ctx: KoaContextWithOIDC,
  {
    userinfo,
    id_token: idToken,
  }: { readonly userinfo?: object | undefined; readonly id_token?: object | undefined },
): Promise<void> {
  const beyond = Object.keys(idToken ?? {}).find(name => !tokenClaims.includes(name))
  const text = ctx.oidc.params?.['claims']
  const isFit =
    beyond === undefined &&
    typeof text === 'string' &&
    text.length <= claimsMax &&
    Object.entries(userinfo ?? {}).every(([name, wanted]) =>
      name === 'verified_claims'
        ? isVerifiedRequest(wanted)
        : wanted === null || typeof wanted === 'object',
    )
  return isFit
    ? Promise.resolve()
    : Promise.reject(new errors.InvalidRequest('claims that are not offered, or not in this form'))
}

/** Claims that an ID token may be asked for. */
const tokenClaims: readonly string[] = ['sub', 'acr', 'amr', 'auth_time']

/** Logins by the back channel (CIBA): a provider names one of its own people; the rest is done under `/me/requests`. */
function backchannel(world: OpenIdWorld) {
  return {
    enabled: true,
    deliveryModes: ['poll', 'ping'] as const,
    processLoginHint: (ctx: KoaContextWithOIDC, hint?: string) =>
      world.personOf(ctx.oidc.client?.clientId ?? '', hint ?? ''),
    processLoginHintToken: () =>
      Promise.reject(new errors.InvalidRequest('login_hint_token is not offered')),
    verifyUserCode: () => Promise.resolve(),
    validateRequestContext: () => Promise.resolve(),
    validateBindingMessage: (_ctx: KoaContextWithOIDC, message?: string) =>
      isMessage(message)
        ? Promise.resolve()
        : Promise.reject(new errors.InvalidBindingMessage('four to twelve letters and digits')),
    triggerAuthenticationDevice: (
      ctx: KoaContextWithOIDC,
      request: { readonly jti: string; readonly expiration: number },
      account: { readonly accountId: string },
    ) => {
      const { providerId, scopes, acr: level } = askedOf({ ...ctx.oidc.params }, request.jti)
      return keepOrRefuse(world, {
        requestId: request.jti,
        providerId,
        personId: account.accountId,
        bindingMessage: String(ctx.oidc.params?.['binding_message']),
        scopes,
        acr: level,
        expiresAt: protocolNow() + request.expiration * 1000,
      })
    },
  }
}

async function keepOrRefuse(world: OpenIdWorld, asked: BackchannelAsked): Promise<void> {
  try {
    await world.keepBackchannel(asked)
  } catch (error) {
    if (error instanceof Refusal) throw new errors.AccessDenied(error.code)
    throw error
  }
}

function mutualTls(certificates: ClientCertificates) {
  const find = (ctx: KoaContextWithOIDC) => certificates.of(ctx.req.headers)
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: true,
    getCertificate: find,
    certificateAuthorized: (ctx: KoaContextWithOIDC) => {
      const found = find(ctx)
      return found !== undefined && certificates.isIssued(found, protocolNow())
    },
    certificateSubjectMatches: (ctx: KoaContextWithOIDC, property: string, expected: string) => {
      const found = find(ctx)
      const kind = property === 'tls_client_auth_san_dns' ? 'DNS' : 'URI'
      return found !== undefined && certificates.hasName(found, kind, expected)
    },
  } as const
}

/** Addresses and cookies. */
function endpoints(world: OpenIdWorld) {
  return {
    discovery: {
      end_session_endpoint: `${world.issuer}/logout`,
      verified_claims_supported: true,
      trust_frameworks_supported: [trustFramework],
      evidence_supported: ['electronic_record'],
      electronic_records_supported: [recordType],
      documents_check_methods_supported: ['vcrypt'],
      claims_in_verified_claims_supported: [...verifiableClaims],
    },
    routes: {
      authorization: `${prefix}/authorize`,
      pushed_authorization_request: `${prefix}/par`,
      token: `${prefix}/token`,
      userinfo: `${prefix}/userinfo`,
      jwks: `${prefix}/jwks`,
      device_authorization: `${prefix}/device`,
      backchannel_authentication: `${prefix}/backchannel`,
      // Ours, and not under the library.
      code_verification: '/device',
      introspection: `${prefix}/introspection`,
      revocation: `${prefix}/revocation`,
    },
    cookies: {
      keys: createCookieSignatures(world.cookieSecrets),
      names: {
        session: 'sekisho_session',
        interaction: 'sekisho_interaction',
        resume: 'sekisho_resume',
      },
      long: { httpOnly: true, sameSite: 'lax', signed: true },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
  } satisfies Configuration
}

/** Lifetimes in seconds. A person has ten minutes for a card step; a token outlives the calls of one page. */
const lifetimesSeconds = {
  AccessToken: 10 * 60,
  AuthorizationCode: 60,
  ClientCredentials: 10 * 60,
  DeviceCode: 10 * 60,
  BackchannelAuthenticationRequest: 10 * 60,
  RefreshToken: sessionMs / 1000,
  // As long as anything that carries it may live; what it opens ends with its session.
  Grant: sessionMs / 1000,
  IdToken: 10 * 60,
  Interaction: 10 * 60,
  // Never reaches a browser; it lives for one answer.
  Session: 60,
}

/** The library's policy, but the card is asked for at every authorization and consent is part of that step. */
function cardEveryTime() {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  // May be asked for, as OpenID Connect Core §11 demands for `offline_access`; the card step answers it.
  policy.add(new interactionPolicy.Prompt({ name: 'consent', requestable: true }))
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

/** A token is its provider's own matter: to others it is unknown. */
function isOwnToken(
  _ctx: KoaContextWithOIDC,
  client: { readonly clientId: string },
  token: { readonly clientId?: string | undefined },
): Promise<boolean> {
  return Promise.resolve(token.clientId === client.clientId)
}
