/**
 * The pages between a provider and its answer: what is asked of the person, the card step, the way back. One page per kind
 * (login, identify, sign); the form works with any reader of `docs/protocol/reader.md`.
 */
import { acr, problemOf, Refusal } from '@sekisho/contract'
import type { ReaderRequest, SignRequest } from '@sekisho/contract/reader'
import { protocolNow } from '@sekisho/runtime/clock'
import type { App, Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { CeremonyReaders } from '@sekisho/web'
import { parseCertificate } from '@sekisho/pki'
import { z } from 'zod'
import { answerBytesMax, fromBase64Url, parseAnswer } from '../confirm/answer.ts'
import { finishIdentify } from '../confirm/identify.ts'
import { finishLogin } from '../confirm/login.ts'
import { keepRelease } from '../confirm/release.ts'
import { finishSign, refuseTransaction, waitingTransaction } from '../confirm/sign.ts'
import { attributeScopes, type AttributeScope, composeStatement } from '../confirm/statement.ts'
import type { Step } from '../confirm/step.ts'
import { messages } from '../message.ts'
import { activeProvider, type Provider } from '../providers/registry.ts'
import { beginSession, sessionMs } from '../session/provider-session.ts'
import type { World } from '../world.ts'
import { beginCeremony, type Browser } from './ceremony.ts'
import { identifyPage, loginPage, refusedPage, signPage } from './interaction-page.ts'
import type { Interaction, OpenId, Outcome } from './open-id.ts'
import { assertOwnPost } from './own-post.ts'
import { browserCookie, ensureBrowser, langFor, prefersHtml, sendPage } from './screen.ts'

/** What these pages need. */
export type InteractionWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly readers: CeremonyReaders
}

/** A release outlives the tokens that can read it. */
const releaseLifetimeMs = 20 * 60 * 1000

/** Adds the routes under `/interaction/`. */
export function addInteractionRoutes(app: App, given: InteractionWorld): void {
  const { world } = given
  const cookie = browserCookie(world.issuer, '/interaction')
  const params = z.object({ uid: z.string().max(64) })
  const hide = true

  app.get('/interaction/:uid', { schema: { params, hide } }, (request, reply) =>
    told(given, request, reply, interaction => show(given, cookie, request, reply, interaction)),
  )
  app.post(
    '/interaction/:uid',
    { bodyLimit: answerBytesMax, schema: { params, body: z.object({ answer: z.string() }), hide } },
    (request, reply) => {
      assertOwnPost(request, world.issuer)
      return told(given, request, reply, interaction =>
        receive(given, cookie, request, reply, interaction, request.body.answer),
      )
    },
  )
  app.post('/interaction/:uid/refuse', { schema: { params, hide } }, (request, reply) => {
    assertOwnPost(request, world.issuer)
    return told(given, request, reply, interaction => refuse(given, request, reply, interaction))
  })
}

/**
 * Runs a step of this browser's interaction. A refusal is shown with the ways on; it does not end the interaction.
 * Refusal `interaction-unknown` when this browser has no such interaction.
 */
async function told(
  given: InteractionWorld,
  request: Request & { readonly params: { readonly uid: string } },
  reply: Reply,
  step: (interaction: Interaction) => Promise<Reply>,
): Promise<Reply> {
  const interaction = await given.openId.interaction(request, reply)
  if (interaction.uid !== request.params.uid) throw new Refusal('interaction-unknown')
  try {
    return await step(interaction)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    given.world.log.write(messages['platform.interaction-refused'], {
      kind: kindOf(interaction),
      provider: interaction.providerId,
      refusal: error.code,
    })
    if (!prefersHtml(request)) throw error
    const page = refusedPage(error, {
      lang: langFor(request, interaction.lang),
      uid: interaction.uid,
    })
    return send(given, reply.code(problemOf(error).status), interaction, page)
  }
}

/** Shows what is asked and begins a card step. */
async function show(
  given: InteractionWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  interaction: Interaction,
): Promise<Reply> {
  const { world } = given
  const provider = await admittedProvider(world, interaction)
  if (interaction.isAcrUnmet)
    return reply.redirect(await given.openId.refuse(request, reply, 'acr-unmet'), 303)
  const browser = ensureBrowser(cookie, request, reply, world.random)
  const lang = langFor(request, interaction.lang)
  const { uid, isStanding } = interaction
  const common = { lang, provider, uid, isStanding, readers: given.readers }
  const chosen = attributesChosen(interaction, request.url)
  const asked = await ask(world, provider, interaction, browser, chosen)
  const page =
    asked.kind === 'login'
      ? loginPage({ ...common, ...asked })
      : asked.kind === 'sign'
        ? signPage({ ...common, ...asked })
        : identifyPage({ ...common, ...asked })
  return send(given, reply, interaction, page)
}

/** Begins the card step that the interaction needs, and says what its page shows. */
async function ask(
  world: World,
  provider: Provider,
  interaction: Interaction,
  browser: Browser,
  attributes: readonly AttributeScope[],
) {
  const begun = { uid: interaction.uid, providerId: provider.id, browser }
  const kind = kindOf(interaction)
  if (kind === 'login') {
    const { id, challenge } = await beginCeremony(world.store, world.random, { ...begun, kind })
    const request: ReaderRequest = { v: 1, type: 'authenticate', id, purpose: 'login', challenge }
    return { kind, request }
  }
  if (kind === 'sign') {
    const waiting = await waitingTransaction(world, provider, interaction.signingTransaction ?? '')
    const { title, mediaType, document, format } = waiting
    const signingTime = format === 'raw' ? null : wholeSeconds(world.clock.now())
    const { id } = await beginCeremony(world.store, world.random, {
      ...begun,
      kind,
      document,
      transactionId: waiting.id,
      signingTime,
    })
    const container =
      format === 'raw' || signingTime === null
        ? undefined
        : { format, signingTime: new Date(signingTime).toISOString().replace('.000Z', 'Z') }
    const request = signRequest(id, 'sign', { title, mediaType, document, container })
    return { kind, waiting, request }
  }
  const statement = composeStatement({
    provider,
    issuer: world.issuer,
    attributes,
    at: world.clock.now(),
    number: world.random.token(128),
    isStanding: interaction.isStanding,
  })
  const { id } = await beginCeremony(world.store, world.random, {
    ...begun,
    kind,
    statement,
    attributes,
  })
  const document = {
    title: '本人確認と情報提供の同意書',
    mediaType: 'text/plain',
    document: statement,
  } as const
  const offered = attributesAsked(interaction)
  return { kind, attributes, offered, statement, request: signRequest(id, 'identify', document) }
}

/** Receives the reader's answer and, when all is well, sends the browser back to the provider. */
async function receive(
  given: InteractionWorld,
  cookie: Cookie,
  request: Request,
  reply: Reply,
  interaction: Interaction,
  text: string,
): Promise<Reply> {
  const { world } = given
  const secret = cookie.read(request)
  // The contract may have been narrowed or ended while the person looked for the card.
  const provider = await admittedProvider(world, interaction)
  const step: Step = {
    uid: interaction.uid,
    provider,
    browser: secret === undefined ? undefined : { secret },
    origin: world.issuer,
  }
  const outcome = await finish(given, step, interaction, text)
  const address = await given.openId.finish(request, reply, outcome)
  world.log.write(messages['platform.interaction-finished'], {
    kind: kindOf(interaction),
    provider: provider.id,
  })
  return reply.redirect(address, 303)
}

async function finish(
  given: InteractionWorld,
  step: Step,
  interaction: Interaction,
  text: string,
): Promise<Outcome> {
  const { world } = given
  const answer = parseAnswer(text)
  const kind = kindOf(interaction)
  if (kind === 'login') {
    if (answer.type !== 'authenticated') throw new Refusal('ceremony-malformed')
    const personId = await finishLogin(world, step, answer)
    return outcomeOf(given, interaction, answer, { personId, acr: acr.card, scopes: ['openid'] })
  }
  if (answer.type !== 'signed') throw new Refusal('ceremony-malformed')
  if (kind === 'sign') {
    const id = interaction.signingTransaction ?? ''
    const waiting = await waitingTransaction(world, step.provider, id)
    const personId = await finishSign(world, step, waiting, answer)
    const scopes = ['openid', 'sign']
    return outcomeOf(given, interaction, answer, { personId, acr: acr.cardSigned, scopes })
  }
  const identified = await finishIdentify(world, step, answer, attributesAsked(interaction))
  const { personId, attributes } = identified
  const scopes = ['openid', ...attributes]
  const done = { personId, acr: acr.cardSigned, scopes }
  const outcome = await outcomeOf(given, interaction, answer, done)
  await keepRelease(world, {
    grantId: outcome.grantId,
    providerId: step.provider.id,
    identified,
    expiresAt: protocolNow() + (interaction.isStanding ? sessionMs : releaseLifetimeMs),
  })
  return outcome
}

/** Makes the grant of what was done and begins the session at the provider. */
async function outcomeOf(
  given: InteractionWorld,
  interaction: Interaction,
  answer: { readonly certificate: string },
  done: Omit<Outcome, 'grantId'> & { readonly scopes: readonly string[] },
): Promise<Outcome> {
  const { personId } = done
  const { providerId, isStanding } = interaction
  const scopes = isStanding ? [...done.scopes, 'offline_access'] : done.scopes
  const grantId = await given.openId.createGrant({ personId, providerId, scopes })
  const serial = parseCertificate(fromBase64Url(answer.certificate)).serialHex
  await beginSession(given.world.store, { grantId, personId, providerId, serial, isStanding })
  return { personId, acr: done.acr, grantId }
}

async function refuse(
  given: InteractionWorld,
  request: Request,
  reply: Reply,
  interaction: Interaction,
): Promise<Reply> {
  const { signingTransaction: id, providerId } = interaction
  if (id !== undefined) await refuseTransaction(given.world, { id, providerId }, 'consent-refused')
  return reply.redirect(await given.openId.refuse(request, reply, 'consent-refused'), 303)
}

/** The active provider, if all it asks for is within its contract. Refusals `provider-…`, `scope-exceeded`. */
async function admittedProvider(world: World, interaction: Interaction): Promise<Provider> {
  const provider = await activeProvider(world.store, interaction.providerId)
  const contracted: ReadonlySet<string> = provider.scopes
  const needed = kindOf(interaction) === 'sign' ? ['sign'] : []
  const beyond = [...interaction.scopes, ...needed].find(scope => !contracted.has(scope))
  if (beyond === undefined) return provider
  world.log.write(messages['platform.scope-refused'], { provider: provider.id, scope: beyond })
  throw new Refusal('scope-exceeded', { scope: beyond })
}

function kindOf(interaction: Interaction): 'login' | 'identify' | 'sign' {
  if (interaction.signingTransaction !== undefined) return 'sign'
  return interaction.acr === acr.card ? 'login' : 'identify'
}

function attributesAsked(interaction: Interaction): readonly AttributeScope[] {
  return attributeScopes.filter(scope => interaction.scopes.includes(scope))
}

/** Of what is asked, what the person left ticked; everything before they chose. */
function attributesChosen(interaction: Interaction, url: string): readonly AttributeScope[] {
  const asked = attributesAsked(interaction)
  const query = new URL(url, 'http://localhost').searchParams
  return query.has('chosen') ? asked.filter(scope => query.getAll('with').includes(scope)) : asked
}

function signRequest(
  id: string,
  purpose: 'identify' | 'sign',
  given: {
    readonly title: string
    readonly mediaType: 'text/plain' | 'application/json' | 'application/pdf'
    readonly document: Uint8Array
    readonly container?: SignRequest['container']
  },
): ReaderRequest {
  const { container, ...shown } = given
  const document = Buffer.from(given.document).toString('base64')
  const made = container === undefined ? {} : { container }
  return { v: 1, type: 'sign', id, purpose, ...shown, ...made, document }
}

/** Containers tell time in whole seconds. */
function wholeSeconds(at: number): number {
  return Math.floor(at / 1000) * 1000
}

/** Browsers apply form-action to the redirects that follow: the way back to the provider must be named. */
function send(
  given: InteractionWorld,
  reply: Reply,
  interaction: Interaction,
  page: string,
): Reply {
  const formOrigins = [new URL(interaction.redirectUri).origin]
  return sendPage(reply, { page, readers: given.readers, formOrigins })
}
