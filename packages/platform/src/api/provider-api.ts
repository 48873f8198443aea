/**
 * The REST interface for providers under `/v1` (C1, C3, C7, C10). Who calls is known by an access token of its own, and by the key
 * that it is bound to, if it is; what may be called, by its scope; nothing here returns a serial, an attribute or revocation data.
 */
import {
  changeAnswer,
  changeRequest,
  feeForecast,
  feeStatement,
  fileVerificationReport,
  fileVerificationRequest,
  inlineFileBytesMax,
  pinlessChallenge,
  pinlessVerificationReport,
  pinlessVerificationRequest,
  type ProviderScope,
  Refusal,
  refusals,
  signingTransactionCreated,
  signingTransactionRequest,
  signedFileAnswer,
  signingTransactionResult,
  verificationReport,
  verificationRequest,
} from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { shareReads } from '@sekisho/runtime/store'
import { z } from 'zod'
import { boxForProvider } from '../confirm/box.ts'
import { confirmChange } from '../confirm/change.ts'
import { createTransaction, signedFileOf, transactionResult } from '../confirm/sign.ts'
import { verifyForProvider } from '../confirm/verify.ts'
import { verifyFileForProvider } from '../confirm/verify-file.ts'
import { challengePinless, verifyPinless } from '../confirm/verify-pinless.ts'
import { forecastFor } from '../fees/forecast.ts'
import { statementOf } from '../fees/statement.ts'
import { createStatementFiles } from '../fees/statement-file.ts'
import type { ClientCertificates } from '../login/client-certificate.ts'
import type { Bearer, OpenId } from '../login/open-id.ts'
import { messages } from '../message.ts'
import { activeProvider, type Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { addWatchRoutes } from '../watch/route.ts'
import { addLatestRoutes } from './latest-routes.ts'
import { addLinkRoutes } from './link-routes.ts'
import { addResultRoutes } from './result-routes.ts'
import { actingFor, addPrincipalRoute, onBehalfHeader } from './agent.ts'
import { limitCalls } from './limits.ts'
import { traceCalls } from './trace-calls.ts'
import { addUploadRoutes } from './upload-routes.ts'

/** What the interface works with. */
export type ApiWorld = {
  readonly world: World
  readonly openId: OpenId
  /** How providers' certificates come in; undefined: none do. */
  readonly certificates: ClientCertificates | undefined
}

/** Adds the routes of the interface and the list of refusals; what authorises calls, for the routes of rooms. */
export function addProviderApi(app: App, given: ApiWorld): Authorise {
  const { world } = given
  const tags = ['provider']
  const limit = limitCalls(app)
  const note = traceCalls(app, world.tracer)
  const known = authorising(given)
  const authorise: Authorise = async (request, scope) => {
    const provider = await known(request, scope)
    note(request, provider)
    limit(request, provider)
    return provider
  }

  addSigningRoutes(app, world, authorise)
  addUploadRoutes(app, world.uploads, authorise)
  addWatchRoutes(app, world, authorise)
  addPinlessRoutes(app, world, authorise)
  addResultRoutes(app, world, authorise)
  addLinkRoutes(app, world, authorise)
  addLatestRoutes(app, world, authorise)
  app.post(
    '/v1/verifications',
    { schema: { tags, body: verificationRequest, response: { 200: verificationReport } } },
    async request => verifyForProvider(world, await authorise(request, 'verify'), request.body),
  )
  app.post(
    '/v1/file-verifications',
    {
      bodyLimit: fileRequestBytesMax,
      schema: { tags, body: fileVerificationRequest, response: { 200: fileVerificationReport } },
    },
    async request => verifyFileForProvider(world, await authorise(request, 'verify'), request.body),
  )
  app.post(
    '/v1/changes',
    { schema: { tags, body: changeRequest, response: { 200: changeAnswer } } },
    async request => confirmChange(world, await authorise(request, 'change'), request.body),
  )
  addPrincipalRoute(app, world, authorise)
  addFeeRoutes(app, world, authorise)
  app.get('/refusals', { schema: { tags } }, () => Promise.resolve(refusals))
  return authorise
}

function addFeeRoutes(app: App, world: World, authorise: Authorise): void {
  const tags = ['provider']
  const params = z.object({ month: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/) })
  const files = createStatementFiles(world)
  app.get(
    '/v1/statements/:month',
    { schema: { tags, params, response: { 200: feeStatement } } },
    async request => {
      const provider = await authorise(request, 'statement')
      return statementOf(world, provider.id, request.params.month)
    },
  )
  for (const [format, type] of [
    ['csv', 'text/csv; charset=utf-8'],
    ['pdf', 'application/pdf'],
  ] as const)
    app.get(
      `/v1/statements/:month/${format}`,
      { schema: { tags, params } },
      async (request, reply) => {
        const { id } = await authorise(request, 'statement')
        const { month } = request.params
        const name = `attachment; filename="${id}-${month}.${format}"`
        const file = Buffer.from(await files[format](id, month))
        return reply.type(type).header('content-disposition', name).send(file)
      },
    )
  app.get('/v1/forecast', { schema: { tags, response: { 200: feeForecast } } }, async request =>
    forecastFor(world, (await authorise(request, 'statement')).id),
  )
}

function addPinlessRoutes(app: App, world: World, authorise: Authorise): void {
  const tags = ['provider']
  app.post(
    '/v1/pinless-challenges',
    { schema: { tags, response: { 201: pinlessChallenge } } },
    async (request, reply) => {
      const provider = await authorise(request, 'verify')
      return reply.code(201).send(await challengePinless(world, provider))
    },
  )
  app.post(
    '/v1/pinless-verifications',
    {
      schema: {
        tags,
        body: pinlessVerificationRequest,
        response: { 200: pinlessVerificationReport },
      },
    },
    async request => verifyPinless(world, await authorise(request, 'verify'), request.body),
  )
}

function addSigningRoutes(app: App, world: World, authorise: Authorise): void {
  const tags = ['provider']
  const headers = z.object({ 'idempotency-key': z.string().min(8).max(128) })
  const params = z.object({ id: z.string().max(64) })
  app.post(
    '/v1/signing-transactions',
    {
      schema: {
        tags,
        headers,
        body: signingTransactionRequest,
        response: { 201: signingTransactionCreated },
      },
    },
    async (request, reply) => {
      const provider = await authorise(request, 'sign')
      const key = request.headers['idempotency-key']
      return reply.code(201).send(await createTransaction(world, provider, request.body, key))
    },
  )
  app.get(
    '/v1/signing-transactions/:id',
    {
      schema: {
        tags,
        params,
        response: { 200: signingTransactionResult },
      },
    },
    async request => transactionResult(world, await authorise(request, 'sign'), request.params.id),
  )
  app.get(
    '/v1/signing-transactions/:id/file',
    {
      schema: {
        tags,
        params,
        response: { 200: signedFileAnswer },
      },
    },
    async request => signedFileOf(world, await authorise(request, 'sign'), request.params.id),
  )
  app.get(
    '/v1/signing-transactions/:id/box',
    { schema: { tags, params } },
    async (request, reply) => {
      const provider = await authorise(request, 'sign')
      const box = await boxForProvider(world, provider, request.params.id)
      return reply.type('application/zip').send(Buffer.from(box))
    },
  )
}

/** A file and its content, each of the largest size, in base64. */
const fileRequestBytesMax = 3 * inlineFileBytesMax

/** The provider behind an access token that carries this scope. */
type Authorise = (request: Request, scope: ProviderScope) => Promise<Provider>

/**
 * Token and provider are read anew for every call, so that a suspension holds for the next one; calls with the same token
 * that arrive together share the read.
 */
function authorising(given: ApiWorld): Authorise {
  const { world, openId } = given
  const callerOf = shareReads(async token => {
    const bearer = await openId.bearer(token)
    if (bearer === undefined) throw new Refusal('provider-unauthenticated')
    return { bearer, provider: await activeProvider(world.store, bearer.providerId) }
  })
  const principalOf = actingFor(world)
  return async (request, scope) => {
    const [, scheme, token] =
      /^(Bearer|DPoP) ([\w-]{20,200})$/.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) throw new Refusal('provider-unauthenticated')
    const ticket = await ticketHolder(world, token)
    const { bearer, provider } = ticket ?? (await callerOf(token))
    if (
      ticket === undefined &&
      !(await isProven(given, request, { scheme, token, bearer, provider }))
    )
      throw new Refusal('token-unproven')
    // The contract may have been narrowed since the token was given.
    if (!bearer.scopes.has(scope) || !provider.scopes.has(scope)) {
      world.log.write(messages['platform.scope-refused'], { provider: provider.id, scope })
      throw new Refusal('scope-exceeded', { scope })
    }
    const asked = request.headers[onBehalfHeader]
    return asked === undefined ? provider : principalOf({ agent: provider, asked, scope })
  }
}

/** A request of the sandbox that is put again carries a ticket instead of a token. */
async function ticketHolder(world: World, token: string) {
  const id = world.tickets.redeem(token)
  if (id === undefined) return undefined
  const provider = await activeProvider(world.store, id)
  return { bearer: { scopes: provider.scopes }, provider }
}

/** Whether a call proves what its token is bound to; a provider held to FAPI 2.0 has no unbound ones. */
async function isProven(
  { world, openId, certificates }: ApiWorld,
  request: Request,
  given: {
    readonly scheme: string | undefined
    readonly token: string
    readonly bearer: Pick<Bearer, 'scopes'> & Partial<Bearer>
    readonly provider: Provider
  },
): Promise<boolean> {
  const { binding } = given.bearer
  if ((given.scheme === 'DPoP') !== (binding?.kind === 'dpop')) return false
  if (binding === undefined) return given.provider.metadata.sekisho_profile !== 'fapi2'
  const { dpop } = request.headers
  return openId.isProven(given.provider.id, binding, {
    method: request.method,
    url: new URL(request.url.split('?')[0] ?? '', world.issuer).href,
    token: given.token,
    proof: typeof dpop === 'string' ? dpop : undefined,
    certificate: certificates?.of(request.headers),
  })
}
