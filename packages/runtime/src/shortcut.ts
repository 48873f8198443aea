/**
 * A short way for short machine questions: a reader of plain HTTP/1.1 POST requests (RFC 9112) that stands before Node's HTTP
 * server on the same port. Where an answer lies ready, Node's own request and response objects cost several times what finding it
 * does.
 *
 * It knows one form of request and no other: one of its addresses, the expected host and content type, a `content-length`, the
 * whole in at most two pieces. Whatever deviates by an octet is given back unread to Node's server, with the connection: chunked
 * bodies, `Expect`, `Connection: close`, other addresses, doubled fields, slow senders, anything malformed. So what a client is
 * told, and every limit against slow or hostile ones, is in one place, and a request is never read in two ways.
 */
import type { Socket } from 'node:net'
import { protocolNow } from './clock.ts'

/** A question that may take the short way. */
export type Shortcut = {
  /** The whole address, without a query. */
  readonly path: string
  readonly questionType: string
  readonly answerType: string
  /** Longer ones take the ordinary way; less than one packet of the loopback. */
  readonly questionBytesMax: number
  /**
   * The body of an answer with status 200. Undefined, or a fault: the request takes the ordinary way, where it is answered or
   * refused as any other.
   */
  readonly answer: (
    question: Uint8Array,
  ) => Uint8Array | undefined | Promise<Uint8Array | undefined>
}

/** The short ways of one server. */
export interface Shortcuts {
  add(shortcut: Shortcut): void
  /** Takes a new connection; `ordinary` is Node's own listener, which gets what does not belong here. */
  serve(socket: Socket, ordinary: (socket: Socket) => void): void
  /** Ends connections that wait for a next question; those that are being answered end afterwards. */
  stop(): void
  /** Ends all connections at once. */
  cutOff(): void
}

/** Short ways for requests whose `Host` is one of these. `idleMs`: how long a connection may wait for its next question. */
export function createShortcuts(hosts: ReadonlySet<string>, idleMs = idleMsDefault): Shortcuts {
  const shortcuts = new Map<string, Shortcut>()
  const connections = new Set<Connection>()
  const date = createDate()
  let isStopped = false
  return {
    add(shortcut) {
      shortcuts.set(`POST ${shortcut.path} HTTP/1.1`, shortcut)
    },
    serve(socket, ordinary) {
      if (shortcuts.size === 0 || isStopped) {
        ordinary(socket)
        return
      }
      const connection = createConnection(socket, {
        read: bytes => readRequest(bytes, shortcuts, hosts),
        write: ({ shortcut }, answer) => written(shortcut, answer, date()),
        leave: () => connections.delete(connection),
        idleMs,
        isStopped: () => isStopped,
        ordinary,
      })
      connections.add(connection)
    },
    stop() {
      isStopped = true
      for (const each of connections) each.endIdle()
    },
    cutOff() {
      for (const each of connections) each.cutOff()
    },
  }
}

type Connection = { endIdle(): void; cutOff(): void }

/** What a connection is told by the server. */
type Context = {
  read(bytes: Buffer): Request | 'incomplete' | 'ordinary'
  write(request: Request, answer: Uint8Array): Buffer
  leave(): void
  readonly idleMs: number
  isStopped(): boolean
  ordinary(socket: Socket): void
}

/** A whole request at the beginning of what has arrived. */
type Request = {
  readonly shortcut: Shortcut
  readonly question: Buffer
  /** Octets of head and body. */
  readonly length: number
}

function createConnection(socket: Socket, context: Context): Connection {
  let held: Buffer = nothing
  let pieces = 0
  let isBusy = false
  let wasAnswered = false

  const handOver = (): false => {
    leave()
    socket.setTimeout(0)
    for (const [event, listener] of listeners) socket.off(event, listener)
    if (held.length > 0) socket.unshift(held)
    context.ordinary(socket)
    socket.resume()
    return false
  }
  const leave = (): void => context.leave()
  /** Answers what is there, one after the other, as long as the client takes the answers. */
  const advance = (): void => {
    let goesOn = true
    while (goesOn) goesOn = answerNext()
  }
  /** Whether the next may be answered now. */
  const answerNext = (): boolean => {
    if (held.length === 0) return false
    const request = context.isStopped() ? 'ordinary' : context.read(held)
    if (request === 'incomplete' && pieces < piecesMax) return false
    if (typeof request === 'string') return handOver()
    const answer = answerOf(request)
    if (!(answer instanceof Promise)) return send(answer, request) && !isBusy
    waitFor(answer, request)
    return false
  }
  /** False: the connection is not ours any more. */
  const send = (answer: Uint8Array | undefined, request: Request): boolean => {
    if (answer === undefined) return handOver()
    held = held.subarray(request.length)
    pieces = held.length === 0 ? 0 : 1
    wasAnswered = true
    const isTaken = socket.write(context.write(request, answer))
    // Not before it has read these does a client get further ones.
    if (!isTaken) pauseUntil(resume => socket.once('drain', resume))
    return true
  }
  const waitFor = (answer: Promise<Uint8Array | undefined>, request: Request): void =>
    pauseUntil(resume => {
      const go = (found: Uint8Array | undefined): void => {
        if (!socket.destroyed && send(found, request)) resume()
      }
      void answer.then(go, () => go(undefined))
    })
  const pauseUntil = (begin: (resume: () => void) => void): void => {
    isBusy = true
    socket.pause()
    begin(() => {
      isBusy = socket.writableNeedDrain
      if (isBusy) return
      advance()
      if (isBusy || !socket.listeners('data').includes(onData)) return
      socket.resume()
      if (context.isStopped()) endIdle()
    })
  }
  const onData = (piece: Buffer): void => {
    held = held.length === 0 ? piece : Buffer.concat([held, piece])
    pieces++
    advance()
  }
  const endIdle = (): void => {
    if (!isBusy && held.length === 0) socket.destroySoon()
  }
  const onTimeout = (): void => {
    if (isBusy) {
      // Has taken nothing of its answer for so long.
      if (socket.writableNeedDrain) socket.destroy()
      return
    }
    // Slow senders are dealt with by Node's limits, counted from now on.
    if (held.length > 0 || !wasAnswered) handOver()
    else socket.destroy()
  }
  const listeners: readonly (readonly [string, (piece: Buffer) => void])[] = [
    ['data', onData],
    ['timeout', onTimeout],
    ['close', leave],
    ['end', () => socket.end()],
    ['error', () => socket.destroy()],
  ]
  for (const [event, listener] of listeners) socket.on(event, listener)
  socket.setTimeout(context.idleMs)
  return { endIdle, cutOff: () => socket.destroy() }
}

function answerOf({
  shortcut,
  question,
}: Request): Uint8Array | undefined | Promise<Uint8Array | undefined> {
  try {
    return shortcut.answer(question)
  } catch {
    // The ordinary way meets the same fault and tells it.
    return undefined
  }
}

/**
 * The request at the beginning of these octets; `incomplete` when it may become one that belongs here. RFC 9112 §2–§6, of which only
 * the plainest form is taken: no line is folded, no octet is outside ASCII, and no field says anything about framing but one
 * `content-length`.
 */
function readRequest(
  bytes: Buffer,
  shortcuts: ReadonlyMap<string, Shortcut>,
  hosts: ReadonlySet<string>,
): Request | 'incomplete' | 'ordinary' {
  const end = bytes.indexOf('\r\n\r\n')
  if (end < 0 || end > headBytesMax)
    return end < 0 && bytes.length <= headBytesMax && isPost(bytes) ? 'incomplete' : 'ordinary'
  const [start = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n')
  const shortcut = shortcuts.get(start)
  const fields = shortcut === undefined ? undefined : fieldsIn(lines)
  if (shortcut === undefined || fields === undefined) return 'ordinary'
  const { host, connection = 'keep-alive' } = fields
  const length = fields['content-length']
  const isOurs =
    host !== undefined &&
    hosts.has(host.toLowerCase()) &&
    connection.toLowerCase() === 'keep-alive' &&
    fields['content-type'] === shortcut.questionType &&
    length !== undefined &&
    /^[1-9]\d{0,5}$/.test(length) &&
    Number(length) <= shortcut.questionBytesMax
  if (!isOurs) return 'ordinary'
  const from = end + 4
  const whole = from + Number(length)
  if (bytes.length < whole) return 'incomplete'
  return { shortcut, question: bytes.subarray(from, whole), length: whole }
}

/** The fields that decide; undefined when a line is not plain, one of them comes twice, or a field changes how the rest is read. */
function fieldsIn(lines: readonly string[]): Partial<Record<DecidingField, string>> | undefined {
  const found: Partial<Record<DecidingField, string>> = {}
  for (const line of lines) {
    if (!plainLine.test(line)) return undefined
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).toLowerCase()
    if (framingFields.has(name)) return undefined
    if (!isDeciding(name)) continue
    if (found[name] !== undefined) return undefined
    found[name] = line.slice(colon + 1).trim()
  }
  return found
}

function isPost(bytes: Buffer): boolean {
  return bytes.toString('latin1', 0, 5) === 'POST '.slice(0, Math.min(bytes.length, 5))
}

function isDeciding(name: string): name is DecidingField {
  return decidingFields.has(name)
}

/** The answer as it goes over the wire, in one piece. */
function written(shortcut: Shortcut, answer: Uint8Array, date: string): Buffer {
  const head = `HTTP/1.1 200 OK\r\ncontent-type: ${shortcut.answerType}\r\ncontent-length: ${answer.length}\r\ndate: ${date}\r\n\r\n`
  const whole = Buffer.allocUnsafe(head.length + answer.length)
  whole.write(head, 'latin1')
  whole.set(answer, head.length)
  return whole
}

/** The `date` field (RFC 9110 §6.6.1), made once a second. */
function createDate(): () => string {
  let second = 0
  let text = ''
  return () => {
    const now = Math.floor(protocolNow() / 1000)
    if (now !== second) {
      second = now
      text = new Date(now * 1000).toUTCString()
    }
    return text
  }
}

type DecidingField = 'host' | 'connection' | 'content-length' | 'content-type'
const decidingFields: ReadonlySet<string> = new Set<DecidingField>([
  'host',
  'connection',
  'content-length',
  'content-type',
])
/** What changes how the rest of a message, or of the connection, is to be read (RFC 9110 §7.8, §10.1.1, RFC 9112 §6). */
const framingFields: ReadonlySet<string> = new Set([
  'transfer-encoding',
  'expect',
  'upgrade',
  'trailer',
  'te',
  'keep-alive',
  'proxy-connection',
  'http2-settings',
])
/** A token, a colon, visible ASCII (RFC 9110 §5.1, §5.5). */
const plainLine = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e]*$/
const nothing = Buffer.alloc(0)
const headBytesMax = 4096
/** Head and body; who sends in more pieces is slow, or wants to be taken for it. */
const piecesMax = 2
/** As Node's own server waits for the next request. */
const idleMsDefault = 5_000
