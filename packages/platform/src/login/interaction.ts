/**
 * The pages between a provider and its answer: what is asked of the person, the card step, the way back. One page per kind
 * (login, identify, sign); the form works with any reader of `docs/protocol/reader.md`.
 */
import { acr, Refusal, type RefusalCode } from '@sekisho/contract'
import type { ReaderRequest } from '@sekisho/contract/reader'
import { protocolNow } from '@sekisho/runtime/clock'
import {
  type App,
  type Cookie,
  contentSecurityPolicy,
  createCookie,
  type Reply,
  type Request,
} from '@sekisho/runtime/http'
import { type CeremonyReaders, langOf } from '@sekisho/web'
import { z } from 'zod'
import { parseAnswer } from '../confirm/answer.ts'
import { finishIdentify, keepRelease } from '../confirm/identify.ts'
import { finishLogin } from '../confirm/login.ts'
import { finishSign, refuseTransaction, waitingTransaction } from '../confirm/sign.ts'
import { attributeScopes, type AttributeScope, composeStatement } from '../confirm/statement.ts'
import type { Step } from '../confirm/step.ts'
import { messages } from '../message.ts'
import { activeProvider, type Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { beginCeremony, type Browser, findCeremony } from './ceremony.ts'
import { identifyPage, loginPage, signPage } from './interaction-page.ts'
import type { Interaction, OpenId } from './open-id.ts'

/** What these pages need. */
export type InteractionWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly readers: CeremonyReaders
}

/** Bits of the secret that binds a card step to a browser. */
const browserSecretBits = 256
/** A release outlives the tokens that can read it. */
const releaseLifetimeMs = 20 * 60 * 1000

/** Adds the routes under `/interaction/`. */
export function addInteractionRoutes(app: App, given: InteractionWorld): void {
  const cookie = createCookie({
    name: 'sekisho_browser',
    publicOrigin: given.world.issuer,
    sameSite: 'lax',
    path: '/interaction',
  })
  const params = z.object({ uid: z.string().max(64) })

  app.get('/interaction/:uid', { schema: { params } }, (request, reply) =>
    show(given, cookie, request, reply),
  )
  app.post(
    '/interaction/:uid',
    { schema: { params, body: z.object({ answer: z.string() }) } },
    (request, reply) => receive(given, cookie, request, reply, request.body.answer),
  )
  app.post('/interaction/:uid/refuse', { schema: { params } }, async (request, reply) => {
    const interaction = await given.openId.interaction(request, reply)
    return refuse(given, request, reply, interaction, 'consent-refused')
  })
}

/** Shows what is asked and begins a card step. */
async function show(
  given: InteractionWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
): Promise<Reply> {
  const { world } = given
  const interaction = await given.openId.interaction(request, reply)
  const provider = await activeProvider(world.store, interaction.providerId)
  const beyond = interaction.scopes.find(
    scope => !(provider.scopes as ReadonlySet<string>).has(scope),
  )
  if (beyond !== undefined) {
    world.log.write(messages['platform.scope-refused'], { provider: provider.id, scope: beyond })
    throw new Refusal('scope-exceeded', { scope: beyond })
  }
  const browser: Browser = { secret: cookie.read(request) ?? world.random.token(browserSecretBits) }
  const begun = { uid: interaction.uid, providerId: provider.id, browser }
  const lang = langOf({
    url: request.url,
    ...(request.headers.cookie === undefined ? {} : { cookie: request.headers.cookie }),
  })
  const common = { lang, provider, uid: interaction.uid, readers: given.readers }
  cookie.write(reply, browser.secret)

  if (interaction.acr === acr.card) {
    const { challenge } = await beginCeremony(world.store, world.random, {
      ...begun,
      kind: 'login',
    })
    const asked: ReaderRequest = {
      v: 1,
      type: 'authenticate',
      id: requestId(world),
      purpose: 'login',
      challenge,
    }
    return send(given, reply, interaction, loginPage({ ...common, request: asked }))
  }
  if (interaction.signingTransaction !== undefined) {
    const waiting = await waitingTransaction(world, provider, interaction.signingTransaction)
    await beginCeremony(world.store, world.random, {
      ...begun,
      kind: 'sign',
      document: waiting.document,
      transactionId: waiting.id,
    })
    const asked = signRequest(world, 'sign', waiting.title, waiting.mediaType, waiting.document)
    return send(given, reply, interaction, signPage({ ...common, request: asked, waiting }))
  }
  const attributes = attributesAsked(interaction)
  const statement = composeStatement({
    provider,
    issuer: world.issuer,
    attributes,
    at: world.clock.now(),
    number: world.random.token(128),
  })
  await beginCeremony(world.store, world.random, { ...begun, kind: 'identify', statement })
  const asked = signRequest(
    world,
    'identify',
    '本人確認と情報提供の同意書',
    'text/plain',
    statement,
  )
  return send(
    given,
    reply,
    interaction,
    identifyPage({ ...common, request: asked, attributes, statement }),
  )
}

/** Receives the reader's answer and, when all is well, sends the browser back to the provider. */
async function receive(
  given: InteractionWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  text: string,
): Promise<Reply> {
  const { world } = given
  if (request.headers.origin !== undefined && request.headers.origin !== world.issuer)
    throw new Refusal('origin-foreign')
  const secret = cookie.read(request)
  const interaction = await given.openId.interaction(request, reply)
  const provider = await activeProvider(world.store, interaction.providerId)
  const step: Step = {
    uid: interaction.uid,
    provider,
    browser: secret === undefined ? undefined : { secret },
    origin: world.issuer,
  }
  const kind = kindOf(interaction)
  try {
    const outcome = await finish(given, step, interaction, text)
    world.log.write(messages['platform.interaction-finished'], { kind, provider: provider.id })
    await given.openId.finish(request, reply, outcome)
    return reply
  } catch (error) {
    if (error instanceof Refusal)
      world.log.write(messages['platform.interaction-refused'], {
        kind,
        provider: provider.id,
        refusal: error.code,
      })
    throw error
  }
}

type Outcome = Parameters<OpenId['finish']>[2]

async function finish(
  given: InteractionWorld,
  step: Step,
  interaction: Interaction,
  text: string,
): Promise<Outcome> {
  const { world, openId } = given
  const answer = parseAnswer(text)
  if (interaction.acr === acr.card) {
    if (answer.type !== 'authenticated') throw new Refusal('ceremony-malformed')
    const personId = await finishLogin(world, step, answer)
    return {
      personId,
      acr: acr.card,
      grantId: await grant(given, step.provider, personId, ['openid']),
    }
  }
  if (answer.type !== 'signed') throw new Refusal('ceremony-malformed')
  if (interaction.signingTransaction !== undefined) {
    const waiting = await waitingTransaction(world, step.provider, interaction.signingTransaction)
    const ceremony = await findCeremony(world.store, {
      asked: waiting.document,
      uid: step.uid,
      browser: step.browser,
    })
    const personId = await finishSign(world, step, ceremony, waiting, answer)
    return {
      personId,
      acr: acr.cardSigned,
      grantId: await grant(given, step.provider, personId, ['openid', 'sign']),
    }
  }
  const ceremony = await openStatement(given, step)
  const attributes = attributesAsked(interaction)
  const identified = await finishIdentify(world, step, ceremony, answer, attributes)
  const grantId = await openId.createGrant({
    personId: identified.personId,
    providerId: step.provider.id,
    scopes: ['openid', ...attributes],
  })
  const expiresAt = protocolNow() + releaseLifetimeMs
  await keepRelease(world, { grantId, providerId: step.provider.id, identified, expiresAt })
  return { personId: identified.personId, acr: acr.cardSigned, grantId }
}

function grant(
  given: InteractionWorld,
  provider: Provider,
  personId: string,
  scopes: readonly string[],
): Promise<string> {
  return given.openId.createGrant({ personId, providerId: provider.id, scopes })
}

/**
 * The statement that this browser was shown last in this interaction. A signature over any other text does not verify
 * against it.
 */
async function openStatement(given: InteractionWorld, step: Step) {
  const row = await given.world.store.read(db =>
    db
      .selectFrom('ceremony')
      .select('statement')
      .where('uid', '=', step.uid)
      .where('kind', '=', 'identify')
      .orderBy('created_at', 'desc')
      .executeTakeFirst(),
  )
  if (row === undefined || row.statement === null) throw new Refusal('challenge-unknown')
  return findCeremony(given.world.store, {
    asked: row.statement,
    uid: step.uid,
    browser: step.browser,
  })
}

async function refuse(
  given: InteractionWorld,
  request: Request,
  reply: Reply,
  interaction: Interaction,
  code: RefusalCode,
): Promise<Reply> {
  if (interaction.signingTransaction !== undefined)
    await refuseTransaction(given.world, interaction.signingTransaction, code)
  await given.openId.refuse(request, reply, code)
  return reply
}

function kindOf(interaction: Interaction): 'login' | 'identify' | 'sign' {
  if (interaction.acr === acr.card) return 'login'
  return interaction.signingTransaction === undefined ? 'identify' : 'sign'
}

function attributesAsked(interaction: Interaction): readonly AttributeScope[] {
  return attributeScopes.filter(scope => interaction.scopes.includes(scope))
}

function signRequest(
  world: World,
  purpose: 'identify' | 'sign',
  title: string,
  mediaType: 'text/plain' | 'application/json' | 'application/pdf',
  document: Uint8Array,
): ReaderRequest {
  return {
    v: 1,
    type: 'sign',
    id: requestId(world),
    purpose,
    title,
    mediaType,
    document: Buffer.from(document).toString('base64'),
  }
}

function requestId(world: World): string {
  return world.random.token(128)
}

function send(
  given: InteractionWorld,
  reply: Reply,
  interaction: Interaction,
  page: string,
): Reply {
  const agent = given.readers.agent
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header(
      'content-security-policy',
      contentSecurityPolicy({
        'script-src': ["'self'"],
        ...(agent === undefined ? {} : { 'connect-src': [agent] }),
        // Browsers apply form-action to the redirects that follow: the way back to the provider must be named.
        'form-action': ["'self'", new URL(interaction.redirectUri).origin],
      }),
    )
    .send(page)
}
