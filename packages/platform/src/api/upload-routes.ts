/**
 * The way in for files of any size, such as `/v1/uploads` (draft-ietf-httpbis-resumable-upload): begun by POST, continued by
 * PATCH, asked about by HEAD, so that a connection that breaks costs what was on its way and nothing more.
 */
import { Readable } from 'node:stream'
import { type ProviderScope, Refusal, uploadBytesMax, uploadState } from '@sekisho/contract'
import type { App, Reply, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import type { Uploads } from '../evidence/upload.ts'
import type { Provider } from '../providers/registry.ts'

/** Where uploads come in, and what for. */
export type UploadPlace = {
  readonly path: string
  readonly scope: ProviderScope
  readonly bytesMax: number
}

/** Adds the routes; `authorise` refuses whoever may not. */
export function addUploadRoutes(
  app: App,
  uploads: Uploads,
  authorise: (request: Request, scope: ProviderScope) => Promise<Provider>,
  given: UploadPlace = { path: '/v1/uploads', scope: 'verify', bytesMax: uploadBytesMax },
): void {
  const { path, scope } = given
  const tags = ['provider']
  const params = z.object({ id: z.string().max(64) })
  // The bytes go by as they come; nobody holds them.
  if (!app.hasContentTypeParser('application/partial-upload'))
    app.addContentTypeParser('application/partial-upload', (_request, payload, done) =>
      done(null, payload),
    )
  app.post(path, { schema: { tags, response: { 201: uploadState } } }, async (request, reply) => {
    const provider = await authorise(request, scope)
    const state = await uploads.begin(provider.id)
    tell(reply, state, given)
    return reply.code(201).header('location', `${path}/${state.id}`).send(state)
  })
  app.patch(`${path}/:id`, { schema: { tags, params } }, async (request, reply) => {
    // Whoever is refused does not go on sending.
    reply.header('connection', 'close')
    const provider = await authorise(request, scope)
    const state = await uploads.append({
      providerId: provider.id,
      id: request.params.id,
      offset: offsetOf(request),
      body: bodyOf(request.body),
      isLast: isComplete(request),
    })
    reply.removeHeader('connection')
    tell(reply, state, given)
    return reply.code(204).send()
  })
  app.head(`${path}/:id`, { schema: { tags, params } }, async (request, reply) => {
    const provider = await authorise(request, scope)
    tell(reply, await uploads.stateOf(provider.id, request.params.id), given)
    return reply.code(204).send()
  })
  app.delete(`${path}/:id`, { schema: { tags, params } }, async (request, reply) => {
    const provider = await authorise(request, scope)
    await uploads.remove(provider.id, request.params.id)
    return reply.code(204).send()
  })
}

function bodyOf(body: unknown): AsyncIterable<Uint8Array> {
  if (body instanceof Readable) return body
  throw new Refusal('request-malformed', { fields: 'content-type' })
}

/** `Upload-Complete`, a boolean of RFC 9651: `?1` says that nothing follows. */
function isComplete(request: Request): boolean {
  const given = request.headers['upload-complete']
  if (given === '?1' || given === '?0') return given === '?1'
  throw new Refusal('request-malformed', { fields: 'Upload-Complete' })
}

function offsetOf(request: Request): number {
  const given = request.headers['upload-offset']
  if (typeof given === 'string' && /^\d{1,15}$/.test(given)) return Number(given)
  throw new Refusal('request-malformed', { fields: 'Upload-Offset' })
}

function tell(
  reply: Reply,
  state: z.infer<typeof uploadState>,
  { bytesMax }: Pick<UploadPlace, 'bytesMax'>,
): void {
  reply.header('upload-offset', String(state.offset))
  reply.header('upload-complete', state.complete ? '?1' : '?0')
  reply.header('upload-limit', `max-size=${bytesMax}`)
}
