/** Routes of what is kept for a provider (C1, C3): results, proofs that they are gone, checks of certificates by the provider's own ids. */
import {
  certificateCheckAnswer,
  certificateCheckRequest,
  deletionProof,
  keptResult,
  keptResultList,
  type ProviderScope,
} from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import { checkCertificate } from '../confirm/certificate-alias.ts'
import { deleteResult, deletionOf, listResults, readResult } from '../confirm/kept-result.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

/** Adds the routes; `authorise` refuses whoever may not. */
export function addResultRoutes(
  app: App,
  world: World,
  authorise: (request: Request, scope: ProviderScope) => Promise<Provider>,
): void {
  const tags = ['provider']
  const params = z.object({ id: z.string().max(64) })
  const querystring = z.object({ after: z.string().max(64).default('') })
  app.get(
    '/v1/results',
    { schema: { tags, querystring, response: { 200: keptResultList } } },
    async request => listResults(world, await authorise(request, 'verify'), request.query.after),
  )
  app.get(
    '/v1/results/:id',
    { schema: { tags, params, response: { 200: keptResult } } },
    async request => readResult(world, await authorise(request, 'verify'), request.params.id),
  )
  app.delete(
    '/v1/results/:id',
    { schema: { tags, params, response: { 200: deletionProof } } },
    async request => deleteResult(world, await authorise(request, 'verify'), request.params.id),
  )
  app.get(
    '/v1/results/:id/deletion',
    { schema: { tags, params, response: { 200: deletionProof } } },
    async request => deletionOf(world, await authorise(request, 'verify'), request.params.id),
  )
  app.post(
    '/v1/certificate-checks',
    {
      schema: { tags, body: certificateCheckRequest, response: { 200: certificateCheckAnswer } },
    },
    async request => checkCertificate(world, await authorise(request, 'verify'), request.body),
  )
}
