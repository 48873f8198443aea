/** The time-stamp authority over HTTP (RFC 3161 §3.4), and the list of its root. */
import type { App } from '@sekisho/runtime/http'
import type { Stamper } from './stamper.ts'

/** Adds `POST /time-stamps` and `GET /time-stamps/root.crl`. */
export async function addStampRoutes(app: App, stamper: Stamper): Promise<void> {
  app.get('/time-stamps/root.crl', (_request, reply) =>
    reply.type('application/pkix-crl').send(Buffer.from(stamper.list())),
  )
  // The body is taken as bytes.
  await app.register(async scope => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/timestamp-query',
      { parseAs: 'buffer', bodyLimit: requestBytesMax },
      (_request, body, done) => done(null, body),
    )
    scope.post('/time-stamps', (request, reply) => {
      const query = request.body instanceof Uint8Array ? request.body : new Uint8Array()
      return reply.type('application/timestamp-reply').send(Buffer.from(stamper.answer(query)))
    })
  })
}

const requestBytesMax = 16 * 1024
