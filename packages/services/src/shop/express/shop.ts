/** A shop on Express that people log in to with their cards (D25). */
import { createSite, type Sekisho } from '@sekisho/sdk'
import express, { type Express } from 'express'

/** Makes the shop. */
export async function expressShop(
  sekisho: Sekisho,
  given: { readonly origin: string; readonly secret: string },
): Promise<Express> {
  const site = await createSite(sekisho, { ...given, attributes: ['name'] })
  const app = express()
  app.use((request, response, next) => {
    site.node(request, response).then(isDone => isDone || next(), next)
  })
  app.get('/', async (request, response) => {
    const visitor = await site.visitor(request.headers.cookie)
    response.json({ subject: visitor?.subject ?? null, name: visitor?.claims.name ?? null })
  })
  return app
}
