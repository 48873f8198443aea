/** The event stream's routes (SSF 1.0 §8, RFC 8936): configuration, verification, poll, and events from a position on. */
import { type ProviderScope, Refusal } from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { acknowledge, addVerification, eventsAfter, pendingEvents } from './event.ts'
import { deliveryMethods, findStream, putStream, removeStream, streamRequest } from './stream.ts'

/** Adds the routes; `authorise` refuses whoever may not. */
export function addWatchRoutes(
  app: App,
  world: World,
  authorise: (request: Request, scope: ProviderScope) => Promise<Provider>,
): void {
  const tags = ['provider']
  app.get('/.well-known/ssf-configuration', { schema: { tags } }, async () => ({
    spec_version: '1_0',
    issuer: world.issuer,
    jwks_uri: `${world.issuer}/oidc/jwks`,
    delivery_methods_supported: Object.values(deliveryMethods),
    configuration_endpoint: `${world.issuer}/v1/ssf/stream`,
    verification_endpoint: `${world.issuer}/v1/ssf/verify`,
    authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
    default_subjects: 'ALL',
  }))
  const own = async (request: Request) => {
    const provider = await authorise(request, 'change')
    const stream = await world.store.read(db => findStream(db, world.issuer, provider.id))
    if (stream === undefined) throw new Refusal('not-found')
    return stream
  }
  const path = '/v1/ssf/stream'
  app.get(path, { schema: { tags } }, own)
  app.post(path, { schema: { tags, body: streamRequest } }, async (request, reply) => {
    const provider = await authorise(request, 'change')
    const stream = await putStream(world, provider, request.body, world.clock.now())
    return reply.code(201).send(stream)
  })
  app.delete(path, { schema: { tags } }, async (request, reply) => {
    const provider = await authorise(request, 'change')
    await removeStream(world, provider.id)
    return reply.code(204).send()
  })
  const verify = z.strictObject({
    stream_id: z.string().max(64).optional(),
    state: z.string().max(200).optional(),
  })
  app.post('/v1/ssf/verify', { schema: { tags, body: verify } }, async (request, reply) => {
    const { stream_id: providerId } = await own(request)
    const { state } = request.body
    await addVerification(world, { providerId, state, at: world.clock.now() })
    return reply.code(204).send()
  })
  addPollRoutes(app, world, own)
}

function addPollRoutes(
  app: App,
  world: World,
  own: (request: Request) => Promise<{ readonly stream_id: string }>,
): void {
  const tags = ['provider']
  // RFC 8936 §2.2. Long polling is not done: `returnImmediately` changes nothing.
  const poll = z.strictObject({
    maxEvents: z.int().min(0).max(eventsMax).optional(),
    returnImmediately: z.boolean().optional(),
    ack: z.array(z.string().max(64)).max(eventsMax).optional(),
    setErrs: z.record(z.string().max(64), z.looseObject({ err: z.string().max(64) })).optional(),
  })
  app.post('/v1/ssf/poll', { schema: { tags, body: poll } }, async request => {
    const { stream_id: providerId } = await own(request)
    const { maxEvents = eventsMax, ack = [], setErrs = {} } = request.body
    // What a receiver cannot read it will not read later either: told in its answer, it is done with.
    await acknowledge(world.store, providerId, [...ack, ...Object.keys(setErrs)], world.clock.now())
    const { events, isMore } = await pendingEvents(world.store, providerId, maxEvents)
    return {
      sets: Object.fromEntries(events.map(({ jti, token }) => [jti, token])),
      moreAvailable: isMore,
    }
  })
  const querystring = z.object({ after: z.coerce.number().int().min(0).default(0) })
  app.get('/v1/ssf/events', { schema: { tags, querystring } }, async request => {
    const { stream_id: providerId } = await own(request)
    const found = await eventsAfter(world.store, providerId, request.query.after, eventsMax)
    return { sets: found.events.map(each => each.token), position: found.position }
  })
}

const eventsMax = 1000
