/** Routes of a provider's own customer numbers, and of terminals and households that several people share (C4). */
import {
  customerDecision,
  customerLink,
  customerLinkList,
  customerLinkRequest,
  type ProviderScope,
  terminal,
  terminalRequest,
  viewerRequest,
} from '@sekisho/contract'
import type { App, Request } from '@sekisho/runtime/http'
import { z } from 'zod'
import { attributesShown } from '../confirm/shown-attributes.ts'
import {
  decideCustomer,
  linkCustomer,
  listCustomers,
  readCustomer,
  type ShownAttributes,
  unlinkCustomer,
} from '../people/customer.ts'
import { chooseViewer, linkTerminal, readTerminal, unlinkTerminal } from '../people/terminal.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

type Authorise = (request: Request, scope: ProviderScope) => Promise<Provider>

/** Adds the routes; `authorise` refuses whoever may not. */
export function addLinkRoutes(app: App, world: World, authorise: Authorise): void {
  const tags = ['provider']
  const params = z.object({ id: z.string().max(64) })
  const querystring = z.object({
    state: z.enum(['linked', 'waiting', 'refused', 'ended']).default('waiting'),
    after: z.string().max(64).default(''),
  })
  const response = { 200: customerLink }
  const shown: ShownAttributes = (db, of) =>
    attributesShown(db, world, { ...of, at: world.clock.now() })
  const path = '/v1/customer-links'
  app.post(path, { schema: { tags, body: customerLinkRequest, response } }, async request => {
    const { id } = await authorise(request, 'link')
    return linkCustomer(world, id, request.body, shown)
  })
  app.get(
    path,
    { schema: { tags, querystring, response: { 200: customerLinkList } } },
    async request => listCustomers(world, (await authorise(request, 'link')).id, request.query),
  )
  app.get(`${path}/:id`, { schema: { tags, params, response } }, async request =>
    readCustomer(world, (await authorise(request, 'link')).id, request.params.id),
  )
  app.delete(`${path}/:id`, { schema: { tags, params, response } }, async request =>
    unlinkCustomer(world, (await authorise(request, 'link')).id, request.params.id),
  )
  app.post(
    `${path}/:id/decision`,
    { schema: { tags, params, body: customerDecision, response } },
    async request => {
      const { id } = await authorise(request, 'link')
      return decideCustomer(world, id, { ...request.body, id: request.params.id })
    },
  )
  addTerminalRoutes(app, world, authorise)
}

function addTerminalRoutes(app: App, world: World, authorise: Authorise): void {
  const tags = ['provider']
  const params = z.object({ id: z.string().max(64) })
  const response = { 200: terminal }
  const path = '/v1/terminals'
  app.post(path, { schema: { tags, body: terminalRequest, response } }, async request =>
    linkTerminal(world, (await authorise(request, 'link')).id, request.body),
  )
  app.get(`${path}/:id`, { schema: { tags, params, response } }, async request =>
    readTerminal(world, (await authorise(request, 'link')).id, request.params.id),
  )
  app.post(
    `${path}/:id/viewer`,
    { schema: { tags, params, body: viewerRequest, response } },
    async request => {
      const { id } = await authorise(request, 'link')
      return chooseViewer(world, id, { id: request.params.id, subject: request.body.subject })
    },
  )
  app.delete(
    `${path}/:id/people/:subject`,
    {
      schema: { tags, params: params.extend({ subject: z.string().max(64) }), response },
    },
    async request => {
      const { id } = await authorise(request, 'link')
      return unlinkTerminal(world, id, request.params)
    },
  )
}
