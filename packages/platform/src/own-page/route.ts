/** The routes of one's own records under `/me` (C9). The card opens them by a step of its own: no provider is involved. */
import { problemOf, Refusal } from '@sekisho/contract'
import type { ReaderRequest } from '@sekisho/contract/reader'
import type { App, Cookie, Reply, Request } from '@sekisho/runtime/http'
import type { CeremonyReaders } from '@sekisho/web'
import { z } from 'zod'
import { answerBytesMax, parseAnswer } from '../confirm/answer.ts'
import { boxForPerson } from '../confirm/box.ts'
import { beginCeremony } from '../login/ceremony.ts'
import { assertOwnPost } from '../login/own-post.ts'
import { browserCookie, ensureBrowser, langFor, prefersHtml, sendPage } from '../login/screen.ts'
import { messages } from '../message.ts'
import { ownProviderId } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { portalOf } from './portal.ts'
import { addPortalRoutes } from './portal-routes.ts'
import type { Doorway } from '../rooms/room.ts'
import { createVisitors, nextOf, ownUid, type Visitors } from '../rooms/visitor.ts'
import { createOwnSessions, type OwnSessions } from './own-session.ts'
import {
  type DoneThing,
  doneThings,
  entrancePage,
  recordsPage,
  refusedEntrancePage,
} from './page.ts'
import { endConsent, endEverySession, openRecords, recordsOf } from './records.ts'

type Own = {
  readonly doorways: () => readonly Doorway[]
  readonly world: World
  readonly readers: CeremonyReaders
  readonly cookie: Cookie
  readonly sessions: OwnSessions
}

/** The interaction that card steps of this page belong to. */
const uid = ownUid

/** Adds the routes; who comes to these pages, for the pages of rooms below them. */
export function addOwnPageRoutes(
  app: App,
  given: {
    readonly world: World
    readonly readers: CeremonyReaders
    /** The ways into rooms; asked at each page. */
    readonly doorways: () => readonly Doorway[]
  },
): Visitors {
  const { world } = given
  const own: Own = {
    ...given,
    cookie: browserCookie(world.issuer, '/me'),
    sessions: createOwnSessions(world.store, world.random, world.issuer),
  }
  const hide = true
  app.get('/me', { schema: { hide } }, (request, reply) =>
    told(own, request, reply, () => show(own, request, reply)),
  )
  app.post(
    '/me',
    { bodyLimit: answerBytesMax, schema: { body: z.object({ answer: z.string() }), hide } },
    (request, reply) => {
      assertOwnPost(request, world.issuer)
      return told(own, request, reply, () => enter(own, request, reply, request.body.answer))
    },
  )
  app.post(
    '/me/consents/:id/withdraw',
    { schema: { params: z.object({ id: z.uuid() }), hide } },
    async (request, reply) => {
      assertOwnPost(request, world.issuer)
      const person = await own.sessions.read(request)
      if (person === undefined) return back(request, reply)
      if (!(await endConsent(world, person, request.params.id))) throw new Refusal('not-found')
      return back(request, reply, 'withdrawn')
    },
  )
  app.post(
    '/me/containers/:id/box',
    { schema: { params: z.object({ id: z.uuid() }), hide } },
    async (request, reply) => {
      assertOwnPost(request, world.issuer)
      const person = await own.sessions.read(request)
      if (person === undefined) return back(request, reply)
      const box = await boxForPerson(world, person, request.params.id)
      return reply
        .type('application/zip')
        .header('content-disposition', 'attachment; filename="evidence.zip"')
        .header('cache-control', 'no-store')
        .send(Buffer.from(box))
    },
  )
  app.post('/me/sessions/end', { schema: { hide } }, async (request, reply) => {
    assertOwnPost(request, world.issuer)
    const person = await own.sessions.read(request)
    if (person === undefined) return back(request, reply)
    await endEverySession(world, person)
    return back(request, reply, 'sessions-ended')
  })
  addPortalRoutes(app, {
    world,
    sessions: own.sessions,
    back: (request, reply, isChanged) => back(request, reply, isChanged ? 'changed' : undefined),
  })
  app.post('/me/logout', { schema: { hide } }, async (request, reply) => {
    assertOwnPost(request, world.issuer)
    await own.sessions.end(request, reply)
    return back(request, reply)
  })
  return createVisitors(own)
}

async function show(own: Own, request: Request, reply: Reply): Promise<Reply> {
  const { world, readers } = own
  const lang = langFor(request)
  const person = await own.sessions.read(request)
  if (person !== undefined) {
    const told = doneThings.find(thing => request.url.includes(`told=${thing}`))
    const records = await recordsOf(world, person)
    const portal = await portalOf(world, person)
    const rooms = await Promise.all(
      own.doorways().map(async way => ({ ...way, count: await way.waiting(person) })),
    )
    const page = recordsPage({ lang, records, portal, rooms, at: world.clock.now(), told })
    // A form that opens a service is answered by the way there.
    const formOrigins = portal.services.flatMap(({ entrance }) =>
      entrance === undefined ? [] : [entrance],
    )
    return sendPage(reply, { page, readers, formOrigins })
  }
  const browser = ensureBrowser(own.cookie, request, reply, world.random)
  const { id, challenge } = await beginCeremony(world.store, world.random, {
    uid,
    providerId: ownProviderId,
    browser,
    kind: 'login',
  })
  const asked: ReaderRequest = { v: 1, type: 'authenticate', id, purpose: 'login', challenge }
  const next = nextOf(request.url)
  const page = entrancePage({ lang, request: asked, readers, next })
  return sendPage(reply, { page, readers, formOrigins: [] })
}

async function enter(own: Own, request: Request, reply: Reply, text: string): Promise<Reply> {
  const secret = own.cookie.read(request)
  const answer = parseAnswer(text)
  if (answer.type !== 'authenticated') throw new Refusal('ceremony-malformed')
  const browser = secret === undefined ? undefined : { secret }
  const { hand } = await openRecords(own.world, own.sessions, { uid, browser }, answer)
  hand(reply)
  const next = nextOf(request.url)
  return next === undefined ? back(request, reply) : reply.redirect(next, 303)
}

/** Runs a step on the way in; a refusal is shown with the way to try again. */
async function told(
  own: Own,
  request: Request,
  reply: Reply,
  step: () => Promise<Reply>,
): Promise<Reply> {
  try {
    return await step()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    own.world.log.write(messages['platform.interaction-refused'], {
      kind: 'records',
      provider: ownProviderId,
      refusal: error.code,
    })
    if (!prefersHtml(request)) throw error
    const page = refusedEntrancePage(error, langFor(request))
    const answer = reply.code(problemOf(error).status)
    return sendPage(answer, { page, readers: own.readers, formOrigins: [] })
  }
}

function back(request: Request, reply: Reply, told?: DoneThing): Reply {
  const query = new URLSearchParams({
    ...(told === undefined ? {} : { told }),
    ...(langFor(request) === 'en' ? { lang: 'en' } : {}),
  }).toString()
  return reply.redirect(query === '' ? '/me' : `/me?${query}`, 303)
}
