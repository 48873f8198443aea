/**
 * The server every program stands on: Fastify with zod guards, one renderer of refusals, strict
 * hosts, static security headers, health, readiness and draining.
 */
import swagger from '@fastify/swagger'
import { Refusal } from '@sekisho/contract'
import { jsonSchemaTransform } from 'fastify-type-provider-zod'
import { type App, createApp } from './app.ts'
import type { Effects } from './effects.ts'
import { createFront, type Front } from './front.ts'
import { hasCode } from './files.ts'
import { defineMessages, type Log } from './log.ts'
import { createProbes, type Probes } from './probes.ts'
import { answerRefusal, chosenLocale, type RefusalPage, refusalOf } from './refusal-answer.ts'

export type { App } from './app.ts'
export type { FastifyReply as Reply, FastifyRequest as Request } from 'fastify'
export { type AdminHandlers, type AdminSocket, adminSocket, callAdmin } from './admin-socket.ts'
export { type Cookie, createCookie } from './cookie.ts'
export type { NodeCallback, NodeCallback as RawHandler } from './front.ts'
export {
  type Locale,
  type RefusalPage,
  type RefusedRequest,
  writeRefusal,
} from './refusal-answer.ts'
export { contentSecurityPolicy, type PolicyOverrides } from './security-headers.ts'
export { requireSignedMessages } from './signed-exchange.ts'

/** One program's server. */
export interface Server {
  /** Routes go here, before `listen`. */
  readonly app: App
  /**
   * Adds something that must hold before traffic is sent here (`/ready`). A probe that throws or
   * takes longer than two seconds counts as not ready; its name is shown, its reason is not.
   */
  probe(name: string, holds: () => Promise<boolean>): void
  /** Hands requests under a path to something that wants them bare; see `NodeCallback`. */
  readonly mount: Front['mount']
  /** Answers short machine questions before Node's HTTP server reads them; see `Shortcut`. */
  readonly shortcut: Front['shortcut']
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
    /** A body for an operation, by `METHOD /path`, shown with it. */
    readonly examples?: Readonly<Record<string, unknown>>
  }
  /** Renders a refusal for a browser; without it browsers get the problem document too. */
  readonly renderRefusalPage?: RefusalPage
  readonly effects?: Effects | undefined
}

/** Makes a server that does not listen yet. */
export async function createServer(given: ServerSettings): Promise<Server> {
  const stopping = new AbortController()
  const front = createFront(given, stopping.signal)
  const app = await createApp(given.bodyBytesMax ?? bodyBytesMax, front.serverFor)
  if (given.openapi !== undefined) await describeRoutes(app, given.openapi, given.publicOrigin)
  answerErrors(app, given)
  noteAnswers(app, given)
  const probes = createProbes(stopping.signal)
  answerProbes(app, given.name, probes)

  return {
    app,
    probe: probes.add,
    stopping: stopping.signal,
    mount: front.mount,
    shortcut: front.shortcut,
    async listen(port, host = '127.0.0.1') {
      const url = await listenAt(app, port, host)
      const bound = app.server.address()
      if (typeof bound !== 'object' || bound === null) throw new Error('the server has no port')
      given.log.write(messages['runtime.server-listening'], { name: given.name, port: bound.port })
      return { port: bound.port, url }
    },
    async stop() {
      stopping.abort(new Error('the server stops'))
      const force = setTimeout(() => {
        app.server.closeAllConnections()
        front.cutOff()
      }, given.drainMs ?? drainMs)
      await app.close()
      clearTimeout(force)
      given.log.write(messages['runtime.server-stopped'], { name: given.name })
    },
  }
}

async function listenAt(app: App, port: number, host: string): Promise<string> {
  try {
    return await app.listen({ port, host })
  } catch (error) {
    if (hasCode(error, 'EADDRINUSE')) throw new Refusal('port-in-use', { port })
    throw error
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

function noteAnswers(app: App, given: ServerSettings): void {
  app.addHook('onResponse', async (request, reply) => {
    given.log.write(messages['runtime.request-answered'], {
      method: request.method,
      // The pattern, not the address: ids in a path belong to people.
      route: request.routeOptions.url ?? '(none)',
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
    })
  })
  app.addHook('onSend', async (request, reply) => {
    const chosen = chosenLocale(request)
    // What a language switch has chosen holds for the pages that follow.
    if (chosen !== undefined) {
      reply.header('set-cookie', `lang=${chosen}; Path=/; SameSite=Lax; Max-Age=31536000`)
    }
    given.effects?.mark('answer-sent')
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
  const { examples = {}, ...info } = told
  await app.register(swagger, {
    openapi: { openapi: '3.1.0', info, servers: [{ url: publicOrigin }] },
    transform: jsonSchemaTransform,
    transformObject: document => {
      if (!('openapiObject' in document)) return document.swaggerObject
      for (const [operation, example] of Object.entries(examples)) {
        const [method = '', path = ''] = operation.split(' ')
        const bodies = bodyOf(document.openapiObject.paths?.[path], method.toLowerCase())
        if (bodies === undefined) throw new Error(`${operation} is no operation with a body`)
        bodies.example = example
      }
      return document.openapiObject
    },
  })
  app.get('/openapi.json', { schema: { hide: true } }, async (_request, reply) =>
    reply.type('application/json').send(JSON.stringify(app.swagger())),
  )
}

/** The place of a JSON body's example in a path of the document. */
function bodyOf(path: unknown, method: string): { example?: unknown } | undefined {
  let found: unknown = path
  for (const name of [method, 'requestBody', 'content', 'application/json'])
    found = typeof found === 'object' && found !== null ? Reflect.get(found, name) : undefined
  return typeof found === 'object' && found !== null ? found : undefined
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

/** A form with a signed document is the largest ordinary body. */
const bodyBytesMax = 1024 * 1024
const drainMs = 5_000
