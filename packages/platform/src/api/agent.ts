/**
 * Calls of one provider for another (C15): the shared validity service of towns checks for each town under that town's contract and on
 * that town's bill. A provider names its agents in its registration; an agent names with each call for whom it is.
 */
import { type ProviderScope, Refusal } from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { shareReads } from '@sekisho/runtime/store'
import { z } from 'zod'
import { messages } from '../message.ts'
import { findProvider, listProviders, type Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

/** Names the provider for whom a call is. */
export const onBehalfHeader = 'sekisho-on-behalf-of'

/**
 * For whom an agent's call is. Refusals `agent-not-appointed`, which does not tell whether there is such a provider; `provider-suspended`;
 * `scope-exceeded` where the agent may and the one it acts for may not.
 */
export function actingFor(world: World) {
  const find = shareReads((id: string) => findProvider(world.store, id))
  return async (given: {
    readonly agent: Provider
    readonly asked: string | string[]
    readonly scope: ProviderScope
  }): Promise<Provider> => {
    const { agent, asked, scope } = given
    const principal =
      typeof asked === 'string' && asked.length <= 63 ? await find(asked) : undefined
    if (principal === undefined || !principal.metadata.sekisho_agents.includes(agent.id))
      throw new Refusal('agent-not-appointed')
    if (principal.state === 'suspended') throw new Refusal('provider-suspended')
    if (!principal.scopes.has(scope)) {
      world.log.write(messages['platform.scope-refused'], { provider: principal.id, scope })
      throw new Refusal('scope-exceeded', { scope })
    }
    return principal
  }
}

/** Adds `GET /v1/principals` (scope `verify`): for whom the caller may act. */
export function addPrincipalRoute(
  app: App,
  world: World,
  authorise: (request: Request, scope: ProviderScope) => Promise<Provider>,
): void {
  const answer = z.strictObject({
    principals: z.array(
      z.strictObject({ id: z.string(), name: z.string(), scopes: z.array(z.string()) }),
    ),
  })
  app.get(
    '/v1/principals',
    { schema: { tags: ['provider'], response: { 200: answer } } },
    async request => {
      const agent = await authorise(request, 'verify')
      const all = await listProviders(world.store)
      return {
        principals: all
          .filter(one => one.state === 'active' && one.metadata.sekisho_agents.includes(agent.id))
          .map(({ id, name, scopes }) => ({ id, name, scopes: [...scopes] })),
      }
    },
  )
}
