/** The other CAs over HTTP: roots, cross-certificates, lists, OCSP. Signed objects, which go as they are to whoever asks. */
import { Refusal } from '@sekisho/contract'
import { crossCertificateList } from '@sekisho/contract/authority'
import type { App } from '@sekisho/runtime/http'
import { z } from 'zod'
import { otherCaIds } from './kind.ts'
import { answerOtherOcsp } from './ocsp.ts'
import { readCross, readOtherList } from './publication.ts'
import type { OtherWorld } from './world.ts'

/** Adds `GET /other-ca/{ca}/root.cer`, `…/list.crl`, `POST …/ocsp` and `GET /other-ca/cross-certificates`. */
export async function addOtherCaRoutes(app: App, world: OtherWorld): Promise<void> {
  const params = z.object({ ca: z.enum(otherCaIds) })
  app.get('/other-ca/:ca/root.cer', { schema: { params } }, (request, reply) => {
    const { raw } = world.cas[request.params.ca].certificate
    return reply.type('application/pkix-cert').send(Buffer.from(raw))
  })
  app.get('/other-ca/:ca/list.crl', { schema: { params } }, async (request, reply) => {
    const der = await readOtherList(world, request.params.ca)
    if (der === undefined) throw new Refusal('not-found')
    return reply.type('application/pkix-crl').send(Buffer.from(der))
  })
  app.get(
    '/other-ca/cross-certificates',
    { schema: { response: { 200: crossCertificateList } } },
    async () => ({
      certificates: (await readCross(world)).map(({ issuer, subject, der }) => ({
        issuer,
        subject,
        certificate: Buffer.from(der).toString('base64'),
      })),
    }),
  )
  // The body is taken as bytes.
  await app.register(async given => {
    const scope = given as App
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/ocsp-request',
      { parseAs: 'buffer', bodyLimit: requestBytesMax },
      (_request, body, done) => done(null, body),
    )
    scope.post('/other-ca/:ca/ocsp', { schema: { params } }, async (request, reply) => {
      const der = request.body instanceof Uint8Array ? request.body : new Uint8Array()
      const answer = await answerOtherOcsp(world, request.params.ca, der)
      return reply.type('application/ocsp-response').send(Buffer.from(answer))
    })
  })
}

const requestBytesMax = 16 * 1024
