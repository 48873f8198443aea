/**
 * The server every program stands on: Fastify with zod guards, one renderer of refusals, strict
 * hosts, static security headers, health, readiness and draining.
 */
import {
  createServer as createNodeServer,
  type IncomingMessage,
  type Server as NodeServer,
  type ServerResponse,
} from 'node:http'
import formbody from '@fastify/formbody'
import swagger from '@fastify/swagger'
import { Refusal } from '@sekisho/contract'
import fastify, { type FastifyInstance } from 'fastify'
import {
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
  type ZodTypeProvider,
} from 'fastify-type-provider-zod'
import type { Effects } from './effects.ts'
import { defineMessages, type Log } from './log.ts'
import { createProbes, type Probes } from './probes.ts'
import { answerRefusal, type RefusalPage, refusalOf, writeRefusal } from './refusal-answer.ts'
import { securityHeaders } from './security-headers.ts'

export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify'
export { type AdminHandlers, type AdminSocket, adminSocket, callAdmin } from './admin-socket.ts'
export { type Cookie, createCookie } from './cookie.ts'
export { type Locale, localeOf, type RefusalPage } from './refusal-answer.ts'
export { contentSecurityPolicy, type PolicyOverrides } from './security-headers.ts'

/** Fastify whose routes are typed by their zod schemas. */
export type App = FastifyInstance<
  NodeServer,
  IncomingMessage,
  ServerResponse,
  FastifyInstance['log'],
  ZodTypeProvider
>

/** A handler of bare Node requests, such as `oidc-provider`'s `callback()`. */
export type RawHandler = (request: IncomingMessage, response: ServerResponse) => unknown

/** One program's server. */
export interface Server {
  /** Routes go here, before `listen`. */
  readonly app: App
  /**
   * Adds something that must hold before traffic is sent here (`/ready`). A probe that throws or
   * takes longer than two seconds counts as not ready; its name is shown, its reason is not.
   */
  probe(name: string, holds: () => Promise<boolean>): void
  /**
   * Hands every request whose path is `prefix` or lies under it to a bare handler, before Fastify
   * sees it. Host check and security headers apply. Unless `keepPath`, the handler sees the path
   * without the prefix, and the whole in `originalUrl` (as under Express). `prefix` may be one exact
   * path, such as `/.well-known/openid-configuration`.
   */
  mount(
    prefix: string,
    handler: RawHandler,
    given?: { readonly keepPath?: boolean; readonly contentSecurityPolicy?: string },
  ): void
  /** Starts to listen. `port` 0 takes a free one. Resolves to the bound address. */
  listen(port: number, host?: string): Promise<{ readonly port: number; readonly url: string }>
  /** Aborted when `stop` begins, so that streams to browsers can end. */
  readonly stopping: AbortSignal
  /** Not ready at once; requests in progress may end within `drainMs`; then all is closed. */
  stop(): Promise<void>
}

/** What a server is made of. */
export type ServerSettings = {
  /** The program's name, shown by `/health`. */
  readonly name: string
  readonly log: Log
  /** Scheme, host and port under which browsers reach it: `http://localhost:4000`. No path. */
  readonly publicOrigin: string
  /** Further origins it answers under. */
  readonly otherOrigins?: readonly string[]
  readonly bodyBytesMax?: number
  readonly drainMs?: number
  /** Serves `/openapi.json`, made from the routes' schemas. */
  readonly openapi?: {
    readonly title: string
    readonly version: string
    readonly description: string
  }
  /** Renders a refusal for a browser; without it browsers get the problem document too. */
  readonly renderRefusalPage?: RefusalPage
  readonly effects?: Effects | undefined
}

/** Makes a server that does not listen yet. */
export async function createServer(given: ServerSettings): Promise<Server> {
  const stopping = new AbortController()
  const mounts: Mount[] = []
  const hosts = [given.publicOrigin, ...(given.otherOrigins ?? [])].map(hostOf)
  const headers = securityHeaders(given.publicOrigin)

  const app: App = fastify({
    logger: false,
    bodyLimit: given.bodyBytesMax ?? bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    forceCloseConnections: 'idle',
    trustProxy: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 200 },
    serverFactory: inner =>
      createNodeServer({ maxHeaderSize: headerBytesMax }, (request, response) => {
        for (const [name, value] of headers) response.setHeader(name, value)
        const path = pathOf(request)
        if (!hosts.includes(request.headers.host?.toLowerCase() ?? '') && !openPaths.has(path)) {
          writeRefusal(response, new Refusal('host-foreign'))
          return
        }
        if (stopping.signal.aborted && !openPaths.has(path)) {
          response.setHeader('connection', 'close')
          writeRefusal(response, new Refusal('shutting-down'))
          return
        }
        const mounted = mounts.find(mount => mount.covers(path))
        if (mounted === undefined) inner(request, response)
        else mounted.serve(request, response)
      }),
  }).withTypeProvider<ZodTypeProvider>()

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(serializerCompiler)
  await app.register(formbody, { bodyLimit: given.bodyBytesMax ?? bodyBytesMax })
  if (given.openapi !== undefined) await describeRoutes(app, given.openapi, given.publicOrigin)
  answerErrors(app, given)
  const probes = createProbes(stopping.signal)
  answerProbes(app, given.name, probes)
  app.addHook('onResponse', async (request, reply) => {
    given.log.write(messages['runtime.request-answered'], {
      method: request.method,
      // The pattern, not the address: ids in a path belong to people.
      route: request.routeOptions.url ?? '(none)',
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    })
  })
  app.addHook('onSend', async () => {
    given.effects?.mark('answer-sent')
  })

  return {
    app,
    probe: probes.add,
    stopping: stopping.signal,
    mount(prefix, handler, options = {}) {
      mounts.push(createMount(prefix, handler, options))
    },
    async listen(port, host = '127.0.0.1') {
      const url = await app.listen({ port, host })
      const bound = app.server.address()
      if (typeof bound !== 'object' || bound === null) throw new Error('the server has no port')
      given.log.write(messages['runtime.server-listening'], { name: given.name, port: bound.port })
      return { port: bound.port, url }
    },
    async stop() {
      stopping.abort(new Error('the server stops'))
      const force = setTimeout(() => app.server.closeAllConnections(), given.drainMs ?? drainMs)
      await app.close()
      clearTimeout(force)
      given.log.write(messages['runtime.server-stopped'], { name: given.name })
    },
  }
}

function answerErrors(app: App, given: ServerSettings): void {
  app.setNotFoundHandler((request, reply) =>
    answerRefusal(request, reply, new Refusal('not-found'), given.renderRefusalPage),
  )
  app.setErrorHandler((error, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal !== undefined) {
      given.log.write(messages['runtime.request-refused'], {
        route: request.routeOptions.url ?? '(none)',
        refusal: refusal.code,
      })
      return answerRefusal(request, reply, refusal, given.renderRefusalPage)
    }
    given.log.write(messages['runtime.request-fault'], {
      route: request.routeOptions.url ?? '(none)',
      fault: error,
    })
    const fault = new Refusal('internal-fault')
    return answerRefusal(request, reply, fault, given.renderRefusalPage)
  })
}

function answerProbes(app: App, name: string, probes: Probes): void {
  const schema = { hide: true }
  app.get('/health', { schema }, async () => ({ status: 'ok', name }))
  app.get('/ready', { schema }, async (_request, reply) => {
    const readiness = await probes.ask()
    return reply.code(readiness.ready ? 200 : 503).send(readiness)
  })
}

async function describeRoutes(
  app: App,
  told: NonNullable<ServerSettings['openapi']>,
  publicOrigin: string,
): Promise<void> {
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info: told, servers: [{ url: publicOrigin }] },
    transform: jsonSchemaTransform,
  })
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
}

type Mount = {
  covers(path: string): boolean
  serve(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): void
}

function createMount(
  prefix: string,
  handler: RawHandler,
  given: { readonly keepPath?: boolean; readonly contentSecurityPolicy?: string },
): Mount {
  if (!prefix.startsWith('/') || (prefix.endsWith('/') && prefix !== '/')) {
    throw new Error(`${prefix} is not a mount prefix`)
  }
  const bare = prefix === '/' ? '' : prefix
  return {
    covers: path => path === prefix || path.startsWith(`${bare}/`),
    serve(request, response) {
      if (given.contentSecurityPolicy !== undefined) {
        response.setHeader('content-security-policy', given.contentSecurityPolicy)
      }
      if (given.keepPath !== true) {
        request.originalUrl = request.url ?? '/'
        const rest = request.originalUrl.slice(bare.length)
        request.url = rest.startsWith('/') ? rest : `/${rest}`
      }
      handler(request, response)
    },
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/'
}

function hostOf(origin: string): string {
  const url = new URL(origin)
  if (url.origin !== origin) throw new Error(`${origin} is not an origin`)
  return url.host
}

/** The messages of the server itself. */
const messages = defineMessages({
  'runtime.server-listening': {
    level: 'info',
    text: 'the server listens',
    fields: { name: 'code', port: 'number' },
  },
  'runtime.server-stopped': {
    level: 'info',
    text: 'the server has stopped',
    fields: { name: 'code' },
  },
  'runtime.request-answered': {
    level: 'debug',
    text: 'a request was answered',
    fields: { method: 'code', route: 'code', status: 'number', durationMs: 'number' },
  },
  'runtime.request-refused': {
    level: 'info',
    text: 'a request was refused',
    fields: { route: 'code', refusal: 'code' },
  },
  'runtime.request-fault': {
    level: 'error',
    text: 'a request ended in a fault of ours',
    fields: { route: 'code', fault: 'fault' },
  },
})

/** What load balancers ask by address; the answers say nothing that a name would protect. */
const openPaths: ReadonlySet<string> = new Set(['/health', '/ready'])
/** A form with a signed document is the largest ordinary body. */
const bodyBytesMax = 1024 * 1024
/** Cookies of several programs on one host, with room to spare. */
const headerBytesMax = 16 * 1024
/** Against bodies that trickle in (slow-loris). */
const requestTimeoutMs = 30_000
const drainMs = 5_000
