/**
 * The pages between a provider and its answer: what is asked of the person, the card step, the way back. One page per kind
 * (login, identify, sign); the form works with any reader of `docs/protocol/reader.md`.
 */
import { acr, problemOf, Refusal } from '@sekisho/contract'
import type { App, Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { CeremonyReaders } from '@sekisho/web'
import { z } from 'zod'
import { answerBytesMax } from '../confirm/answer.ts'
import { refuseTransaction } from '../confirm/sign.ts'
import type { Step } from '../confirm/step.ts'
import type { Upstreams } from '../gateway/upstream.ts'
import { messages } from '../message.ts'
import { enterByTicket } from '../own-page/ticket.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { admittedProvider, askCard, finishCard, kindOf, outcomeOf } from './card-step.ts'
import { addGatewaySteps, gatewayParts, linkAfterCard } from './gateway-route.ts'
import { refusedPage } from './interaction-page.ts'
import type { Interaction, OpenId } from './open-id.ts'
import { assertOwnPost } from './own-post.ts'
import { browserCookie, ensureBrowser, langFor, prefersHtml, sendPage } from './screen.ts'

/** What these pages need. */
export type InteractionWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly readers: CeremonyReaders
  /** Other OpenID Providers. */
  readonly upstreams: Upstreams
}

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
  const admitted = (asked: Interaction): Promise<Provider> => admittedProvider(world, asked)
  addGatewaySteps(app, { ...given, admitted }, (request, reply, step) =>
    told(given, request, reply, step),
  )
}

/**
 * Runs a step of this browser's interaction. A refusal is shown with the ways on; it does not end the interaction.
 * Refusal `interaction-unknown` when this browser has no such interaction.
 */
function told(
  given: InteractionWorld,
  request: Request & { readonly params: { readonly uid: string } },
  reply: Reply,
  step: (interaction: Interaction) => Promise<Reply>,
): Promise<Reply> {
  return given.openId.run(() => tellRefusals(given, request, reply, step))
}

async function tellRefusals(
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
      path: `/interaction/${interaction.uid}`,
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
  const entered = await enter(given, request, reply, provider, interaction)
  if (entered !== undefined) return entered
  const browser = ensureBrowser(cookie, request, reply, world.random)
  const lang = langFor(request, interaction.lang)
  const { isStanding } = interaction
  const path = `/interaction/${interaction.uid}`
  const parts = await gatewayParts(given, provider, interaction, lang)
  const common = { lang, provider, path, isStanding, readers: given.readers, ...parts }
  const page = await askCard(world, interaction, browser, { ...common, url: request.url })
  return send(given, reply, interaction, page)
}

/** Somebody who comes from the portal needs no second card step for a login (ADR 0011). */
async function enter(
  given: InteractionWorld,
  request: Request,
  reply: Reply,
  provider: Provider,
  interaction: Interaction,
): Promise<Reply | undefined> {
  if (kindOf(interaction) !== 'login') return undefined
  const { uid, hint, ageMax } = interaction
  const entered = await enterByTicket(given.world, request, { uid, provider, hint, ageMax })
  if (entered === undefined) return undefined
  const { personId, serial, authenticatedAt } = entered
  const done = { personId, acr: acr.card, scopes: ['openid'] }
  const outcome = await outcomeOf(given, interaction, serial, done)
  const authTime = Math.floor(authenticatedAt / 1000)
  const address = await given.openId.finish(request, reply, { ...outcome, authTime })
  return reply.redirect(address, 303)
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
  let personId = ''
  const address = await finishCard(given, step, interaction, text, outcome => {
    ;({ personId } = outcome)
    return given.openId.finish(request, reply, outcome)
  })
  await linkAfterCard(world, interaction, { personId, answer: text })
  world.log.write(messages['platform.interaction-finished'], {
    kind: kindOf(interaction),
    provider: provider.id,
  })
  return reply.redirect(address, 303)
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
