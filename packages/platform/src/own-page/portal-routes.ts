/** Routes of the portal (D16): choices, devices, proofs and one's own data, for the browser in which the card was just shown. */
import { Refusal } from '@sekisho/contract'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import { withdrawLatest } from '../confirm/latest-consent.ts'
import { unlinkUpstreams } from '../gateway/login.ts'
import { assertOwnPost } from '../login/own-post.ts'
import type { World } from '../world.ts'
import type { OwnSessions } from './own-session.ts'
import { dataOf, leaveTerminal, limitWays, narrowConsent, proofOf, wishPin } from './portal.ts'
import { openService } from './ticket.ts'

/** What these routes need: the page's own sessions, and the way back to it. */
export type PortalParts = {
  readonly world: World
  readonly sessions: OwnSessions
  readonly back: (request: Request, reply: Reply, isChanged: boolean) => Reply
}

const scopes = ['name', 'address', 'birthdate', 'gender', 'linkage', 'change'] as const

/** Adds the routes. */
export function addPortalRoutes(app: App, parts: PortalParts): void {
  const { world } = parts
  const hide = true
  const id = z.object({ id: z.string().min(1).max(64) })
  /** Runs an act of the person of this browser; without one the page asks for the card. */
  const act = async (
    request: Request,
    reply: Reply,
    work: (personId: string) => Promise<boolean>,
  ): Promise<Reply> => {
    assertOwnPost(request, world.issuer)
    const person = await parts.sessions.read(request)
    if (person === undefined) return parts.back(request, reply, false)
    if (!(await work(person))) throw new Refusal('not-found')
    return parts.back(request, reply, true)
  }
  app.post(
    '/me/consents/:id/limit',
    {
      schema: {
        params: z.object({ id: z.uuid() }),
        body: z.object({ scope: z.enum(scopes), how: z.enum(limitWays) }),
        hide,
      },
    },
    (request, reply) =>
      act(request, reply, person =>
        narrowConsent(world, person, { id: request.params.id, ...request.body }),
      ),
  )
  app.post('/me/latest/:id/withdraw', { schema: { params: id, hide } }, (request, reply) =>
    act(request, reply, person => withdrawLatest(world, person, request.params.id)),
  )
  app.post(
    '/me/pin',
    { schema: { body: z.object({ always: z.enum(['yes', 'no']) }), hide } },
    (request, reply) =>
      act(request, reply, async person => {
        await wishPin(world, person, request.body.always === 'yes')
        return true
      }),
  )
  app.post('/me/terminals/:id/unlink', { schema: { params: id, hide } }, (request, reply) =>
    act(request, reply, person => leaveTerminal(world, person, request.params.id)),
  )
  app.post('/me/gateways/end', { schema: { hide } }, (request, reply) =>
    act(request, reply, async person => (await unlinkUpstreams(world, person)) > 0),
  )
  app.post('/me/services/:id/open', { schema: { params: id, hide } }, async (request, reply) => {
    assertOwnPost(request, world.issuer)
    const session = await parts.sessions.find(request)
    if (session === undefined) return parts.back(request, reply, false)
    const given = { providerId: request.params.id, session }
    return reply.redirect(await openService(world, given, reply), 303)
  })
  addDownloads(app, parts)
}

function addDownloads(app: App, { world, sessions, back }: PortalParts): void {
  const hide = true
  const send = (reply: Reply, name: string, content: unknown): Reply =>
    reply
      .type('application/json; charset=utf-8')
      .header('content-disposition', `attachment; filename="${name}"`)
      .header('cache-control', 'no-store')
      .send(`${JSON.stringify(content, null, 2)}\n`)
  app.get(
    '/me/uses/:id/proof',
    { schema: { params: z.object({ id: z.uuid() }), hide } },
    async (request, reply) => {
      const person = await sessions.read(request)
      if (person === undefined) return back(request, reply, false)
      const proof = await proofOf(world, person, request.params.id)
      if (proof === undefined) throw new Refusal('not-found')
      return send(reply, 'proof.json', proof)
    },
  )
  app.get('/me/data', { schema: { hide } }, async (request, reply) => {
    const person = await sessions.read(request)
    if (person === undefined) return back(request, reply, false)
    return send(reply, 'sekisho.json', await dataOf(world, person))
  })
}
