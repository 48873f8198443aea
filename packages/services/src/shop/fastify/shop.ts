/** A shop on Fastify that people log in to with their cards (D25). */
import { createSite, type Sekisho } from '@sekisho/sdk'
import fastify, { type FastifyInstance } from 'fastify'

/** Makes the shop. */
export async function fastifyShop(
  sekisho: Sekisho,
  given: { readonly origin: string; readonly secret: string },
): Promise<FastifyInstance> {
  const site = await createSite(sekisho, { ...given, attributes: ['name'] })
  const app = fastify()
  app.addHook('onRequest', async (request, reply) => {
    if (await site.node(request.raw, reply.raw)) reply.hijack()
  })
  app.get('/', async request => {
    const visitor = await site.visitor(request.headers.cookie)
    return { subject: visitor?.subject ?? null, name: visitor?.claims.name ?? null }
  })
  return app
}
