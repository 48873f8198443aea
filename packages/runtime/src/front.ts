/**
 * What stands before Fastify: short ways, the strict headers, the check of the host, the refusal while draining,
 * and handlers that want the bare request.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import { Refusal } from '@sekisho/contract'
import { writeRefusal } from './refusal-answer.ts'
import { securityHeaders } from './security-headers.ts'
import { createShortcuts, type Shortcut } from './shortcut.ts'

/** What answers bare Node requests, such as `oidc-provider`'s `callback()`. */
export type NodeCallback = (request: IncomingMessage, response: ServerResponse) => unknown

/** The front of one server. */
export interface Front {
  /** The HTTP server that asks `inner` only what nobody before it has answered. */
  serverFor(inner: RequestListener): Server
  /**
   * Hands every request whose path is `prefix` or lies under it to a bare callback, before Fastify
   * sees it. Host check and security headers apply. Unless `keepPath`, the callback sees the path
   * without the prefix, and the whole in `originalUrl` (as under Express). `prefix` may be one exact
   * path, such as `/.well-known/openid-configuration`.
   */
  mount(
    prefix: string,
    callback: NodeCallback,
    given?: {
      readonly keepPath?: boolean
      readonly contentSecurityPolicy?: string
      /** No browser asks here: the headers that protect pages are left out, which cost more than a short answer. */
      readonly isForMachines?: boolean
    },
  ): void
  /** Adds a short way for machine questions; see `Shortcut`. What does not take it goes to a mount or to Fastify, as ever. */
  shortcut(shortcut: Shortcut): void
  /** Ends the connections on short ways at once. */
  cutOff(): void
}

/** Makes the front of a server under these origins. */
export function createFront(
  given: { readonly publicOrigin: string; readonly otherOrigins?: readonly string[] },
  stopping: AbortSignal,
): Front {
  const hosts = new Set([given.publicOrigin, ...(given.otherOrigins ?? [])].map(hostOf))
  const headers = securityHeaders(given.publicOrigin)
  const mounts: Mount[] = []
  const shortcuts = createShortcuts(hosts)
  stopping.addEventListener('abort', shortcuts.stop)

  /** True when there is nothing left to do. */
  const refused = (path: string, request: IncomingMessage, response: ServerResponse): boolean => {
    if (openPaths.has(path)) return false
    if (!hosts.has(request.headers.host?.toLowerCase() ?? '')) {
      writeRefusal(response, new Refusal('host-foreign'))
      return true
    }
    if (stopping.aborted) {
      response.setHeader('connection', 'close')
      writeRefusal(response, new Refusal('shutting-down'))
      return true
    }
    return false
  }
  return {
    serverFor: inner => {
      const server = createServer(limits, (request, response) => {
        const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
        const mounted = mounts.find(mount => mount.covers(path))
        if (mounted?.isForMachines !== true)
          for (const [name, value] of headers) response.setHeader(name, value)
        if (refused(path, request, response)) return
        if (mounted === undefined) inner(request, response)
        else mounted.serve(request, response)
      })
      const [ordinary] = server.listeners('connection')
      if (ordinary === undefined) throw new Error('a server that takes no connections')
      server.removeAllListeners('connection')
      return server.on('connection', (socket: Socket) =>
        shortcuts.serve(socket, given => void Reflect.apply(ordinary, server, [given])),
      )
    },
    shortcut: shortcuts.add,
    cutOff: shortcuts.cutOff,
    mount(prefix, callback, options = {}) {
      mounts.push(createMount(prefix, callback, options))
    },
  }
}

type Mount = {
  readonly isForMachines: boolean
  covers(path: string): boolean
  serve(request: IncomingMessage & { originalUrl?: string }, response: ServerResponse): void
}

function createMount(
  prefix: string,
  callback: NodeCallback,
  given: NonNullable<Parameters<Front['mount']>[2]>,
): Mount {
  if (!prefix.startsWith('/') || (prefix.endsWith('/') && prefix !== '/')) {
    throw new Error(`${prefix} is not a mount prefix`)
  }
  const bare = prefix === '/' ? '' : prefix
  return {
    isForMachines: given.isForMachines ?? false,
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
      callback(request, response)
    },
  }
}

function hostOf(origin: string): string {
  const url = new URL(origin)
  if (url.origin !== origin) throw new Error(`${origin} is not an origin`)
  return url.host
}

/** What load balancers ask by address; the answers say nothing that a name would protect. */
const openPaths: ReadonlySet<string> = new Set(['/health', '/ready'])
const limits = {
  /** Cookies of several programs on one host, with room to spare. */
  maxHeaderSize: 16 * 1024,
  /** Against heads and bodies that trickle in (slow-loris). */
  headersTimeout: 10_000,
  requestTimeout: 30_000,
}
