/**
 * Calls to other programs: one `fetch` with limits that are on by default, and the signed messages
 * of the authority connection (`docs/protocol/authority-messages-signing.md`).
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import {
  connect,
  createServer as createTcpServer,
  isIP,
  type LookupFunction,
  type Socket,
} from 'node:net'
import { Agent, fetch as undiciFetch } from 'undici'
import type { Effects } from './effects.ts'
import { isLocalName, isPublicAddress, type Reach } from './reach.ts'
import type { AnswerToSign } from './signed-messages.ts'
import { assertOutsideTransaction } from './transaction-scope.ts'

export {
  type AnswerToSign,
  createNonceMemory,
  type MessageKey,
  type NonceMemory,
  type RequestToSign,
  type SignedHeaders,
  signAnswer,
  signRequest,
  type VerifiedRequest,
  verifyAnswer,
  verifyRequest,
} from './signed-messages.ts'

/** The shape of the platform's own `fetch`, so that libraries that take one take ours. */
export type Fetch = typeof globalThis.fetch

/** Why a call brought no answer. What a caller does about it is fail closed. */
export type NetworkFaultKind = 'unreachable' | 'timeout' | 'answer-too-large' | 'not-allowed'

/** A call that brought no usable answer. Holds the origin called, never path or query. */
export class NetworkFault extends Error {
  readonly kind: NetworkFaultKind
  readonly origin: string

  constructor(kind: NetworkFaultKind, origin: string, cause: unknown) {
    super(`${origin}: ${kind}`, { cause })
    this.name = 'NetworkFault'
    this.kind = kind
    this.origin = origin
  }
}

/** A `fetch` and the connections it keeps. */
export interface Caller {
  readonly fetch: Fetch
  /** Closes the kept connections; calls in progress end first. */
  close(): Promise<void>
}

/**
 * Makes a `fetch` that
 *
 * - resolves `localhost` and every name under it to 127.0.0.1 (RFC 6761 §6.3), as browsers do and
 *   Node does not;
 * - follows no redirect unless the call says `redirect: 'follow'`: a 3xx comes back as it is;
 * - ends with `NetworkFault` after `timeoutMs` in all, body included, or at the first byte of the
 *   answer beyond `answerBytesMax`, counted after decompression;
 * - throws a fault when called inside a database transaction;
 * - with `reach`, goes only where that allows (`NetworkFault` `not-allowed`) and follows no redirect at all: for addresses that
 *   somebody else has named.
 *
 * Not done: retries, caching, proxies of the environment, cookies.
 */
export function createFetch(
  given: {
    readonly timeoutMs?: number
    readonly answerBytesMax?: number
    readonly effects?: Effects | undefined
    readonly reach?: Reach | undefined
  } = {},
): Caller {
  const timeoutMs = given.timeoutMs ?? defaultTimeoutMs
  const answerBytesMax = given.answerBytesMax ?? defaultAnswerBytesMax
  const { reach } = given
  const agent = new Agent({ connect: { lookup: lookupWithin(reach), timeout: timeoutMs } })

  const call = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    assertOutsideTransaction('a network call')
    const origin = originOf(input)
    if (reach !== undefined && !isAddressWithin(reach, input))
      throw new NetworkFault('not-allowed', origin, undefined)
    const deadline = AbortSignal.timeout(timeoutMs)
    const own = init.signal ?? undefined
    const signal = own === undefined ? deadline : AbortSignal.any([deadline, own])
    given.effects?.mark('request-sent')
    try {
      const answer = await fetchWithAgent(input, {
        redirect: 'manual',
        ...init,
        ...(reach === undefined || init.redirect !== 'follow'
          ? {}
          : { redirect: 'manual' as const }),
        signal,
        dispatcher: agent,
      })
      given.effects?.mark('answer-received')
      return limitBody(answer, answerBytesMax, origin, deadline)
    } catch (error) {
      if (own?.aborted === true && !deadline.aborted) throw error
      throw new NetworkFault(
        deadline.aborted ? 'timeout' : isOutOfReach(error) ? 'not-allowed' : 'unreachable',
        origin,
        error,
      )
    }
  }
  return { fetch: call, close: () => agent.close() }
}

/** undici's `fetch` and the platform's differ in their types only; the dispatcher is undici's own. */
const fetchWithAgent = undiciFetch as unknown as (
  input: string | URL | Request,
  init: Omit<RequestInit, 'dispatcher'> & { readonly dispatcher: Agent },
) => Promise<Response>

/**
 * An answer as `verifyAnswer` wants it, its body read to the end. A fault of the network while
 * reading is a `NetworkFault` like any other.
 */
export async function receivedAnswer(response: Response): Promise<AnswerToSign> {
  const body = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: Object.fromEntries(response.headers), body }
}

/** A TCP port of the loopback that was free a moment ago; for tests and for a first choice of ports. */
export async function freePort(): Promise<number> {
  const server = createTcpServer()
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port)
        else reject(new Error('the listening socket has no port'))
      })
    })
  })
}

/** Passes the body on while counting it. A bodiless answer stays bodiless. */
function limitBody(
  answer: Response,
  bytesMax: number,
  origin: string,
  deadline: AbortSignal,
): Response {
  if (answer.body === null) return answer
  let bytes = 0
  const limited = answer.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes > bytesMax) {
          controller.error(new NetworkFault('answer-too-large', origin, undefined))
        } else {
          controller.enqueue(chunk)
        }
      },
    }),
  )
  const copy = new Response(readable(limited, origin, deadline), {
    status: answer.status,
    statusText: answer.statusText,
    headers: new Headers([...answer.headers]),
  })
  Object.defineProperty(copy, 'url', { value: answer.url })
  Object.defineProperty(copy, 'redirected', { value: answer.redirected })
  return copy
}

/** A body that breaks off while being read breaks off with the same typed fault. */
function readable(
  stream: ReadableStream<Uint8Array>,
  origin: string,
  deadline: AbortSignal,
): ReadableStream<Uint8Array> {
  const reader = stream.getReader()
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read()
        if (done) controller.close()
        else controller.enqueue(value)
      } catch (error) {
        controller.error(
          error instanceof NetworkFault
            ? error
            : new NetworkFault(deadline.aborted ? 'timeout' : 'unreachable', origin, error),
        )
      }
    },
    cancel: reason => reader.cancel(reason),
  })
}

function originOf(input: string | URL | Request): string {
  return new URL(input instanceof Request ? input.url : input).origin
}

/** Looks names up, and within a reach gives only addresses that are in it. */
function lookupWithin(reach: Reach | undefined): LookupFunction {
  return (hostname, options, callback) => {
    if (isLocalName(hostname)) {
      if (reach === 'public') {
        callback(new OutOfReach(), '', 4)
        return
      }
      const loopback: LookupAddress = { address: '127.0.0.1', family: 4 }
      if (options.all === true) callback(null, [loopback])
      else callback(null, loopback.address, loopback.family)
      return
    }
    if (reach === undefined) {
      systemLookup(hostname, options, callback)
      return
    }
    systemLookup(hostname, { ...options, all: true }, (error, found) => {
      const within = error === null ? found.filter(each => isPublicAddress(each.address)) : []
      const [first] = within
      if (error !== null) callback(error, '', 4)
      else if (first === undefined) callback(new OutOfReach(), '', 4)
      else if (options.all === true) callback(null, within)
      else callback(null, first.address, first.family)
    })
  }
}

/** A name that leads out of the reach. */
class OutOfReach extends Error {
  constructor() {
    super('the address is out of reach')
    this.name = 'OutOfReach'
  }
}

function isOutOfReach(error: unknown): boolean {
  return error instanceof OutOfReach || (error instanceof Error && isOutOfReach(error.cause))
}

/** Whether an address may be called at all; one written as a number needs no look-up and is judged here. */
function isAddressWithin(reach: Reach, input: string | URL | Request): boolean {
  const { protocol, hostname } = new URL(input instanceof Request ? input.url : input)
  if (protocol !== 'https:' && (protocol !== 'http:' || reach === 'public')) return false
  const bare = hostname.replace(/^\[|\]$/g, '')
  return isIP(bare) === 0 || isPublicAddress(bare)
}

/** Longer than any answer of ours should take; the caller's person is waiting. */
const defaultTimeoutMs = 10_000
/** Twice the largest delta CRL expected; full CRLs are fetched with a limit of their own. */
const defaultAnswerBytesMax = 8 * 1024 * 1024

/** Where a program on this machine or another one listens. */
export type StreamAddress =
  | { readonly host: string; readonly port: number }
  | { readonly path: string }

/**
 * Sends bytes over a connection of its own and gives what comes back, up to a limit, until the other side ends. What the other side says before
 * everything was sent ends the sending; whether that is a whole answer is for the caller to see. Throws `NetworkFault`, and what reading the bytes throws.
 */
export async function exchangeStream(
  address: StreamAddress,
  bytes: AsyncIterable<Uint8Array>,
  given: { readonly idleMs: number; readonly answerBytesMax: number },
): Promise<Uint8Array> {
  assertOutsideTransaction('a network call')
  const named = 'path' in address ? address.path : `${address.host}:${address.port}`
  const socket = connect('path' in address ? { path: address.path } : { ...address })
  const answered: Uint8Array[] = []
  let length = 0
  const ended = new Promise<void>((resolve, reject) => {
    socket.setTimeout(given.idleMs, () => socket.destroy(new Error('nothing came for too long')))
    socket.on('data', (piece: Uint8Array) => {
      length += piece.length
      if (length > given.answerBytesMax) socket.destroy(new Error('the answer is too long'))
      else answered.push(piece)
    })
    socket.once('end', resolve)
    socket.once('error', reject)
    socket.once('close', resolve)
  })
  const settled = ended.catch(() => {})
  try {
    for await (const piece of bytes) {
      if (length > 0 || socket.destroyed) break
      if (!socket.write(piece)) await Promise.race([drained(socket), settled])
    }
    await ended.catch((error: unknown) => {
      // Whoever has said what it had to say may cut off what it does not want to hear.
      if (length === 0 || length > given.answerBytesMax)
        throw new NetworkFault('unreachable', named, error)
    })
    return Uint8Array.from(Buffer.concat(answered))
  } finally {
    socket.destroy()
  }
}

function drained(socket: Socket): Promise<void> {
  return new Promise(resolve => {
    socket.once('drain', resolve)
  })
}
