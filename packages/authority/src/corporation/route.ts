/** The register over HTTP: corporate numbers for everybody, the extract, and mandates, which their own signature authorises. */
import {
  corporationHistory,
  corporationList,
  corporationRegister,
} from '@sekisho/contract/authority'
import type { App } from '@sekisho/runtime/http'
import { z } from 'zod'
import type { OtherWorld } from '../other-ca/world.ts'
import { readHistory, readRepresentatives, searchCorporations } from './corporation.ts'
import { grantMandate } from './mandate.ts'

/** Adds `GET /corporations?name=`, `GET /corporations/{number}`, `GET …/register`, `POST /mandates`. */
export async function addCorporationRoutes(app: App, world: OtherWorld): Promise<void> {
  const querystring = z.object({ name: z.string().trim().min(1).max(128) })
  app.get(
    '/corporations',
    { schema: { querystring, response: { 200: corporationList } } },
    async request => {
      const found = await searchCorporations(world, request.query.name)
      return { ...found, corporations: [...found.corporations] }
    },
  )
  const params = z.object({ number: z.string().regex(/^\d{13}$/) })
  app.get(
    '/corporations/:number',
    { schema: { params, response: { 200: corporationHistory } } },
    request => readHistory(world, request.params.number),
  )
  app.get(
    '/corporations/:number/register',
    { schema: { params, response: { 200: corporationRegister } } },
    async request => {
      const { number } = request.params
      const history = await readHistory(world, number)
      const representatives = (await readRepresentatives(world, number)).map(one => ({
        name: one.name,
        title: one.title,
        since: new Date(one.since).toISOString(),
        until: one.until === null ? null : new Date(one.until).toISOString(),
      }))
      return { ...history, representatives }
    },
  )
  // The body is taken as bytes.
  await app.register(async given => {
    const scope = given as App
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(
      'application/pkcs7-mime',
      { parseAs: 'buffer', bodyLimit: applicationBytesMax },
      (_request, body, done) => done(null, body),
    )
    scope.post('/mandates', async (request, reply) => {
      const cms = request.body instanceof Uint8Array ? request.body : new Uint8Array()
      const { raw } = await grantMandate(world, cms)
      return reply.type('application/pkix-cert').send(Buffer.from(raw))
    })
  })
}

const applicationBytesMax = 64 * 1024
