/**
 * The pages under `/me/requests`: what providers ask of a person by the back channel (CIBA). Who looks has shown a card for their own
 * records; the message that the provider shows must be typed, and the card used again, for this request alone.
 */
import { problemOf, Refusal } from '@sekisho/contract'
import type { App, Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { CeremonyReaders } from '@sekisho/web'
import { z } from 'zod'
import { answerBytesMax } from '../confirm/answer.ts'
import {
  admittedProvider,
  askCard,
  type CardAsked,
  finishCard,
  kindOf,
} from '../login/card-step.ts'
import { cardMethods } from '../login/asked.ts'
import type { OpenId } from '../login/open-id.ts'
import { assertOwnPost } from '../login/own-post.ts'
import { browserCookie, ensureBrowser, langFor, prefersHtml, sendPage } from '../login/screen.ts'
import { messages } from '../message.ts'
import { createOwnSessions, type OwnSessions } from '../own-page/own-session.ts'
import { activeProvider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import {
  endRequest,
  matchMessage,
  type WaitingRequest,
  waitingRequest,
  waitingRequests,
} from './backchannel.ts'
import {
  endPage,
  messagePage,
  refusedApprovalPage,
  requestOrigin,
  requestsPage,
  type RequestView,
} from './page.ts'

type RequestWorld = {
  readonly world: World
  readonly openId: OpenId
  readonly readers: CeremonyReaders
}

type Own = RequestWorld & { readonly cookie: Cookie; readonly sessions: OwnSessions }

const place = '/me/requests'

/** Adds the routes. */
export function addRequestRoutes(app: App, given: RequestWorld): void {
  const { world } = given
  const own: Own = {
    ...given,
    // The same as of one's own records, under which these pages lie.
    cookie: browserCookie(world.issuer, '/me'),
    sessions: createOwnSessions(world.store, world.random, world.issuer),
  }
  const params = z.object({ id: z.string().max(64) })
  const hide = true
  app.get(place, { schema: { hide } }, (request, reply) =>
    told(own, request, reply, person => list(own, request, reply, person)),
  )
  app.get(`${place}/:id`, { schema: { params, hide } }, (request, reply) =>
    told(own, request, reply, personId =>
      show(own, request, reply, { id: request.params.id, personId }),
    ),
  )
  app.post(
    `${place}/:id/message`,
    { schema: { params, body: z.object({ message: z.string().max(64) }), hide } },
    (request, reply) => {
      assertOwnPost(request, world.issuer)
      return told(own, request, reply, personId =>
        match(own, request, reply, { id: request.params.id, personId }, request.body.message),
      )
    },
  )
  app.post(
    `${place}/:id`,
    { bodyLimit: answerBytesMax, schema: { params, body: z.object({ answer: z.string() }), hide } },
    (request, reply) => {
      assertOwnPost(request, world.issuer)
      return told(own, request, reply, personId =>
        receive(own, request, reply, { id: request.params.id, personId }, request.body.answer),
      )
    },
  )
  app.post(`${place}/:id/refuse`, { schema: { params, hide } }, (request, reply) => {
    assertOwnPost(request, world.issuer)
    return told(own, request, reply, async personId => {
      const waiting = await waitingRequest(world.store, { id: request.params.id, personId })
      await refuse(own, waiting)
      return send(own, reply, endPage(langFor(request), 'refused', place))
    })
  })
}

async function list(own: Own, request: Request, reply: Reply, personId: string): Promise<Reply> {
  const waiting = await waitingRequests(own.world.store, personId)
  const views = await Promise.all(waiting.map(each => viewOf(own.world, each)))
  const isEnded = /[?&]told=ended\b/.test(request.url)
  return send(own, reply, requestsPage(langFor(request), views, isEnded))
}

async function viewOf(world: World, waiting: WaitingRequest): Promise<RequestView> {
  const { name, purpose } = await activeProvider(world.store, waiting.providerId)
  const { id, begunAt, expiresAt } = waiting
  return { id, provider: name, purpose, begunAt, expiresAt }
}

type Key = { readonly id: string; readonly personId: string }

async function show(own: Own, request: Request, reply: Reply, key: Key): Promise<Reply> {
  const { world, readers } = own
  const waiting = await waitingRequest(world.store, key)
  const lang = langFor(request)
  if (!waiting.isMatched) {
    const isMissed = /[?&]told=missed\b/.test(request.url)
    return send(own, reply, messagePage(lang, await viewOf(world, waiting), isMissed))
  }
  const asked = askedOf(waiting)
  const provider = await admittedProvider(world, asked)
  const browser = ensureBrowser(own.cookie, request, reply, world.random)
  const page = await askCard(world, asked, browser, {
    lang,
    provider,
    path: `${place}/${key.id}`,
    url: request.url,
    isStanding: asked.isStanding,
    readers,
    ...requestOrigin(lang, waiting),
  })
  return send(own, reply, page)
}

async function match(
  own: Own,
  request: Request,
  reply: Reply,
  key: Key,
  message: string,
): Promise<Reply> {
  const waiting = await waitingRequest(own.world.store, key)
  const outcome = await matchMessage(own.world.store, key, message)
  if (outcome === 'ended') await tellRefused(own, waiting)
  const query = new URLSearchParams({
    ...(outcome === 'matched' ? {} : { told: outcome }),
    ...(langFor(request) === 'en' ? { lang: 'en' } : {}),
  }).toString()
  const path = outcome === 'ended' ? place : `${place}/${key.id}`
  return reply.redirect(query === '' ? path : `${path}?${query}`, 303)
}

async function receive(
  own: Own,
  request: Request,
  reply: Reply,
  key: Key,
  answer: string,
): Promise<Reply> {
  const { world } = own
  const waiting = await waitingRequest(world.store, key)
  if (!waiting.isMatched) throw new Refusal('interaction-unknown')
  const asked = askedOf(waiting)
  const provider = await admittedProvider(world, asked)
  const secret = own.cookie.read(request)
  const step = {
    uid: asked.uid,
    provider,
    browser: secret === undefined ? undefined : { secret },
    origin: world.issuer,
    // Who looks at these pages has shown a card; another one answers nothing here.
    personId: key.personId,
  }
  const outcome = await finishCard(own, step, asked, answer)
  const isEnded = await endRequest(world.store, key)
  const isAnswered =
    isEnded &&
    (await own.openId.answerBackchannel(waiting.requestId, {
      accountId: outcome.personId,
      acr: outcome.acr,
      amr: cardMethods,
      authTime: outcome.authTime,
      grantId: outcome.grantId,
      scope: outcome.scopes.join(' '),
    }))
  if (!isAnswered) throw new Refusal('interaction-unknown')
  world.log.write(messages['platform.interaction-finished'], {
    kind: kindOf(asked),
    provider: provider.id,
  })
  return send(own, reply, endPage(langFor(request), 'done', place))
}

async function refuse(own: Own, waiting: WaitingRequest): Promise<void> {
  if (await endRequest(own.world.store, waiting)) await tellRefused(own, waiting)
}

async function tellRefused(own: Own, waiting: WaitingRequest): Promise<void> {
  await own.openId.answerBackchannel(waiting.requestId, {
    error: 'access_denied',
    errorDescription: 'consent-refused',
  })
}

/** Runs a step of the person whose records this browser may see; without one, the card is asked for first. */
async function told(
  own: Own,
  request: Request,
  reply: Reply,
  step: (personId: string) => Promise<Reply>,
): Promise<Reply> {
  try {
    const personId = await own.sessions.read(request)
    if (personId === undefined) return reply.redirect('/me', 303)
    return await step(personId)
  } catch (error) {
    if (!(error instanceof Refusal) || !prefersHtml(request)) throw error
    const page = refusedApprovalPage(error, langFor(request), place)
    return send(own, reply.code(problemOf(error).status), page)
  }
}

function askedOf(waiting: WaitingRequest): CardAsked {
  return {
    uid: `request ${waiting.id}`,
    providerId: waiting.providerId,
    scopes: waiting.scopes,
    acr: waiting.acr,
    signingTransaction: undefined,
    documentSha256: undefined,
    isStanding: waiting.scopes.includes('offline_access'),
  }
}

function send({ readers }: Own, reply: Reply, page: string): Reply {
  return sendPage(reply, { page, readers, formOrigins: [] })
}
