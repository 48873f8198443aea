/** Signed messages (`signed-messages.ts`) on the routes of a server. */
import type { KeyObject } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import type { App } from './app.ts'
import { protocolNow } from './clock.ts'
import {
  type MessageKey,
  type NonceMemory,
  type RequestToSign,
  signAnswer,
  verifyRequest,
} from './signed-messages.ts'

/**
 * From here on, the routes of this Fastify scope accept only signed requests and sign their answers,
 * refusals and faults included. `request.signedRequest.keyId` says who asks. Use it inside
 * `app.register(async scope => { requireSignedMessages(scope, …); scope.post(…) })`.
 *
 * A request whose signature does not hold gets an unsigned refusal: there is nothing to bind an
 * answer to.
 */
export function requireSignedMessages(
  scope: App,
  given: {
    /** As the caller writes it, whatever proxies lie between. */
    readonly publicOrigin: string
    readonly key: MessageKey
    readonly keyOf: (keyId: string) => Promise<KeyObject | undefined>
    readonly nonces: NonceMemory
  },
): void {
  scope.addHook('preValidation', async request => {
    request.signedRequest = await verifyRequest(receivedRequest(request, given.publicOrigin), {
      keyOf: given.keyOf,
      nonces: given.nonces,
      at: protocolNow(),
    })
  })
  scope.addHook('onSend', async (request, reply, payload) => {
    if (request.signedRequest === undefined) return payload
    const body = bytesOf(payload)
    const contentType = reply.getHeader('content-type')
    const headers = signAnswer(
      {
        status: reply.statusCode,
        headers: typeof contentType === 'string' ? { 'content-type': contentType } : {},
        body,
      },
      { request: request.signedRequest.request, key: given.key, at: protocolNow() },
    )
    reply.headers(headers)
    return payload
  })
}

function receivedRequest(request: FastifyRequest, publicOrigin: string): RequestToSign {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return {
    method: request.method,
    url: `${publicOrigin}${request.raw.url ?? '/'}`,
    headers,
    body: request.bodyBytes ?? new Uint8Array(),
  }
}

function bytesOf(payload: unknown): Uint8Array {
  if (payload === undefined || payload === null) return new Uint8Array()
  if (typeof payload === 'string') return new TextEncoder().encode(payload)
  if (payload instanceof Uint8Array) return payload
  throw new Error('only whole bodies can be signed')
}
