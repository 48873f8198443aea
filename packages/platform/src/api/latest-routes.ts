/** Routes of the latest four attributes, by a consent that the person signed (A14, C9). */
import {
  latestAnswer,
  latestConsentCreated,
  latestConsentRequest,
  latestRequest,
  type ProviderScope,
} from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import { createLatestConsent, fetchLatest } from '../confirm/latest-consent.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

/** Adds the routes; `authorise` refuses whoever may not. */
export function addLatestRoutes(
  app: App,
  world: World,
  authorise: (request: Request, scope: ProviderScope) => Promise<Provider>,
): void {
  const tags = ['provider']
  const headers = z.object({ 'idempotency-key': z.string().min(8).max(120) })
  app.post(
    '/v1/latest-consents',
    {
      schema: {
        tags,
        headers,
        body: latestConsentRequest,
        response: { 201: latestConsentCreated },
      },
    },
    async (request, reply) => {
      const provider = await authorise(request, 'change')
      const key = request.headers['idempotency-key']
      return reply.code(201).send(await createLatestConsent(world, provider, request.body, key))
    },
  )
  app.post(
    '/v1/latest-attributes',
    { schema: { tags, body: latestRequest, response: { 200: latestAnswer } } },
    async request => fetchLatest(world, await authorise(request, 'change'), request.body.subject),
  )
}
