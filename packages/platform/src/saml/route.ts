/**
 * The SAML 2.0 identity provider for old systems (C5, `docs/protocol/saml.md`): signed requests come by address or form, the person sees the
 * same pages and does the same card step as with OpenID, and the answer goes back signed, by a form.
 */
import { X509Certificate } from 'node:crypto'
import { Refusal, type RefusalCode, type SamlMetadata } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import type { App, Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { Keyring } from '@sekisho/runtime/keyring'
import { type CeremonyReaders, formSenderAsset } from '@sekisho/web'
import { z } from 'zod'
import { answerBytesMax } from '../confirm/answer.ts'
import { releasedBy } from '../confirm/release.ts'
import type { Step } from '../confirm/step.ts'
import {
  admittedProvider,
  askCard,
  type CardAsked,
  finishCard,
  kindOf,
} from '../login/card-step.ts'
import { assertOwnPost } from '../login/own-post.ts'
import type { OpenId, Outcome } from '../login/open-id.ts'
import { browserCookie, ensureBrowser, langFor, sendPage } from '../login/screen.ts'
import { messages } from '../message.ts'
import { knownSubject } from '../people/link.ts'
import { activeEntity } from '../providers/entity.ts'
import type { World } from '../world.ts'
import { type Answered, loginAnswer, refusalAnswer } from './answer.ts'
import { readAuthnRequest, type SamlStatus } from './authn-request.ts'
import { type Arrived, readPost, readRedirect } from './binding.ts'
import { endNamedSessions, logoutAnswer } from './logout.ts'
import { metadataDocument, samlPlaces } from './metadata.ts'
import { answerPage, refusedSamlPage } from './page.ts'
import { createSamlSigner, type SamlSigner } from './signer.ts'
import { answerRequest, keepRequest, openRequest, type WaitingRequest } from './waiting.ts'

type SamlWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly readers: CeremonyReaders
  readonly signer: () => Promise<SamlSigner>
}

/** Adds the routes under `/saml`. */
export function addSamlRoutes(
  app: App,
  given: Omit<SamlWorld, 'signer'> & { readonly keyring: Keyring },
): void {
  const { world } = given
  const saml = { ...given, signer: createSamlSigner(given.keyring, world.issuer) }
  const places = samlPlaces(world.issuer)
  const hide = true
  const form = z.object({ SAMLRequest: z.string(), RelayState: z.string().optional() })
  app.get('/saml/metadata', { schema: { hide } }, async (_request, reply) =>
    reply
      .type('application/samlmetadata+xml; charset=utf-8')
      .send(await metadataDocument(await saml.signer(), places)),
  )
  app.get(formSenderAsset.path, { schema: { hide } }, (_request, reply) =>
    reply.type(formSenderAsset.contentType).send(formSenderAsset.body),
  )
  app.get('/saml/sso', { schema: { hide } }, (request, reply) =>
    shown(saml, request, reply, () => begin(saml, request, reply, readRedirect(queryOf(request)))),
  )
  app.post('/saml/sso', { schema: { body: form, hide } }, (request, reply) =>
    shown(saml, request, reply, () => begin(saml, request, reply, readPost(request.body))),
  )
  app.get('/saml/slo', { schema: { hide } }, (request, reply) =>
    shown(saml, request, reply, () => leave(saml, reply, readRedirect(queryOf(request)))),
  )
  addCardRoutes(app, saml)
}

/** The pages of one login. */
function addCardRoutes(app: App, saml: SamlWorld): void {
  const { issuer } = saml.world
  const cookie = browserCookie(issuer, '/saml')
  const params = z.object({ uid: z.string().max(64) })
  const hide = true
  app.get('/saml/login/:uid', { schema: { params, hide } }, (request, reply) =>
    shown(saml, request, reply, () => show(saml, cookie, request, reply, request.params.uid)),
  )
  app.post(
    '/saml/login/:uid',
    { bodyLimit: answerBytesMax, schema: { params, body: z.object({ answer: z.string() }), hide } },
    (request, reply) => {
      assertOwnPost(request, issuer)
      const { uid } = request.params
      return shown(saml, request, reply, () =>
        receive(saml, cookie, request, reply, { uid, answer: request.body.answer }),
      )
    },
  )
  app.post('/saml/login/:uid/refuse', { schema: { params, hide } }, (request, reply) => {
    assertOwnPost(request, issuer)
    return shown(saml, request, reply, async () => {
      const waiting = await openRequest(
        saml.world.store,
        request.params.uid,
        ensureBrowser(cookie, request, reply, saml.world.random),
      )
      await answerRequest(saml.world.store, waiting.uid)
      const why = { status: 'RequestDenied', code: 'consent-refused' } as const
      return sendRefusal(saml, request, reply, waiting, why)
    })
  })
}

/** Takes a request up: the person goes on at an address of its own, where the browser's cookies come along. */
async function begin(
  saml: SamlWorld,
  request: Request,
  reply: Reply,
  arrived: Arrived,
): Promise<Reply> {
  const { world } = saml
  const { provider, saml: registered } = await activeEntity(world.store, arrived.issuer)
  const root = arrived.verified(keysOf(registered))
  const { singleSignOn: destination } = samlPlaces(world.issuer)
  const now = protocolNow()
  const asked = readAuthnRequest(root, { saml: registered, destination, now })
  const uid = await keepRequest(world, provider.id, asked, arrived.relayState)
  if (asked.unmet === undefined) return reply.redirect(`/saml/login/${uid}`, 303)
  const waiting = { ...asked, uid, providerId: provider.id, requestId: asked.id }
  const { relayState } = arrived
  const code = asked.unmet === 'NoAuthnContext' ? 'acr-unmet' : 'saml-request-malformed'
  const why = { status: asked.unmet, code } as const
  return sendRefusal(saml, request, reply, { ...waiting, relayState }, why)
}

/** Ends sessions at the provider's word, and sends the browser back where answers are taken. */
async function leave(saml: SamlWorld, reply: Reply, arrived: Arrived): Promise<Reply> {
  const { world } = saml
  const { provider, saml: registered } = await activeEntity(world.store, arrived.issuer)
  const root = arrived.verified(keysOf(registered))
  const { singleLogout: destination, entityId: issuer } = samlPlaces(world.issuer)
  const address = registered.single_logout_service
  if (address === undefined) throw new Refusal('redirect-mismatch')
  const now = protocolNow()
  const { relayState } = arrived
  const of = { providerId: provider.id, destination, now }
  const requestId = await endNamedSessions(world, root, of)
  const id = `_${world.random.token(128)}`
  const to = { issuer, address, requestId, relayState, id, now }
  return reply.redirect(await logoutAnswer(await saml.signer(), to), 303)
}

async function show(
  saml: SamlWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  uid: string,
): Promise<Reply> {
  const { world, readers } = saml
  const browser = ensureBrowser(cookie, request, reply, world.random)
  const asked = cardAsked(await openRequest(world.store, uid, browser))
  const provider = await admittedProvider(world, asked)
  const page = await askCard(world, asked, browser, {
    lang: langFor(request),
    provider,
    path: `/saml/login/${uid}`,
    url: request.url,
    isStanding: false,
    readers,
  })
  return sendPage(reply, { page, readers, formOrigins: [] })
}

async function receive(
  saml: SamlWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  { uid, answer }: { readonly uid: string; readonly answer: string },
): Promise<Reply> {
  const { world } = saml
  const browser = ensureBrowser(cookie, request, reply, world.random)
  const waiting = await openRequest(world.store, uid, browser)
  const asked = cardAsked(waiting)
  const provider = await admittedProvider(world, asked)
  const step: Step = { uid: asked.uid, provider, browser, origin: world.issuer }
  // Asked for before the card step: what cannot be signed is not done either.
  const signer = await saml.signer()
  const outcome = await finishCard(saml, step, asked, answer)
  await answerRequest(world.store, uid)
  const to = await answered(world, waiting)
  const response = await loginAnswer(signer, to, await loginOf(world, waiting, outcome))
  world.log.write(messages['platform.interaction-finished'], {
    kind: kindOf(asked),
    provider: provider.id,
  })
  return sendAnswer(saml, request, reply, waiting, response)
}

/** What was done, as the provider is told of it. */
async function loginOf(world: World, waiting: WaitingRequest, outcome: Outcome) {
  const { providerId } = waiting
  const { personId, grantId } = outcome
  const subject = await world.store.read(db => knownSubject(db, { providerId, personId }))
  if (subject === undefined) throw new Error('a person without a pairwise id after a card step')
  return {
    subject,
    acr: outcome.acr,
    at: outcome.authTime * 1000,
    session: `_${world.random.token(128)}`,
    claims: await releasedBy(world, grantId, protocolNow()),
  }
}

function cardAsked(waiting: WaitingRequest): CardAsked {
  return {
    uid: `saml ${waiting.uid}`,
    providerId: waiting.providerId,
    scopes: waiting.scopes,
    acr: waiting.acr,
    signingTransaction: undefined,
    documentSha256: undefined,
    isStanding: false,
  }
}

async function answered(world: World, waiting: WaitingRequest): Promise<Answered> {
  const { providerId, consumer, requestId } = waiting
  const provider = await admittedProvider(world, cardAsked(waiting))
  const audience = provider.metadata.sekisho_saml?.entity_id
  if (audience === undefined) throw new Refusal('provider-unknown', { provider: providerId })
  return {
    issuer: samlPlaces(world.issuer).entityId,
    audience,
    consumer,
    requestId,
    ids: [`_${world.random.token(128)}`, `_${world.random.token(128)}`],
    now: protocolNow(),
  }
}

async function sendRefusal(
  saml: SamlWorld,
  request: Request,
  reply: Reply,
  waiting: WaitingRequest,
  { status, code }: { readonly status: SamlStatus; readonly code: RefusalCode },
): Promise<Reply> {
  const { world } = saml
  world.log.write(messages['platform.interaction-refused'], {
    kind: kindOf(cardAsked(waiting)),
    provider: waiting.providerId,
    refusal: code,
  })
  const to = await answered(world, waiting)
  const response = await refusalAnswer(await saml.signer(), to, status, code)
  return sendAnswer(saml, request, reply, waiting, response)
}

function sendAnswer(
  { readers }: SamlWorld,
  request: Request,
  reply: Reply,
  { consumer, relayState }: WaitingRequest,
  response: string,
): Reply {
  const page = answerPage({ lang: langFor(request), consumer, relayState, response })
  return sendPage(reply, { page, readers, formOrigins: [new URL(consumer).origin] })
}

/** Runs a step; browsers are shown a refusal as a page. */
async function shown(
  saml: SamlWorld,
  request: Request & { readonly params?: unknown },
  reply: Reply,
  step: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    const page = refusedSamlPage(error, request)
    if (page === undefined) throw error
    const { readers } = saml
    return sendPage(reply.code(page.status), { page: page.text, readers, formOrigins: [] })
  }
}

function queryOf(request: Request): string {
  const { url } = request
  const at = url.indexOf('?')
  return at < 0 ? '' : url.slice(at + 1)
}

/** Public keys of the registered certificates. */
function keysOf(saml: SamlMetadata): readonly Uint8Array[] {
  return saml.signing_certificates.map(
    each =>
      new Uint8Array(
        new X509Certificate(Buffer.from(each, 'base64')).publicKey.export({
          type: 'spki',
          format: 'der',
        }),
      ),
  )
}
