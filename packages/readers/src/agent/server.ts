/**
 * The PC/SC agent: a reader for pages in the browser of the same machine, by a WebSocket on the loopback
 * (`docs/protocol/reader.md`, "Transports"). The origin is the browser's `Origin` header, which no page can forge; the person
 * allows each origin once, sees what is asked, and types the PIN here.
 *
 * Other programs of the machine can connect with any header they like; that is outside the threat model, and the person
 * is asked all the same.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { Refusal } from '@sekisho/contract'
import {
  messageCharactersMax,
  type ReaderAnswer,
  type ReaderRefusalCode,
  readerRefusalCodes,
} from '@sekisho/contract/reader'
import { defineMessages, type Log } from '@sekisho/runtime/log'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Asked, readAskedText } from '../asked.ts'
import { refusalOfReason, refusedAnswer } from '../card-refusal.ts'
import { prepareCeremony, presentPin, secretOf } from '../ceremony.ts'
import { isSecureOrigin } from '../origin.ts'
import type { CardSource } from './pcsc.ts'
import type { AgentPerson, AllowedOrigins } from './person.ts'

/** What an agent needs to run. */
export type AgentSettings = {
  /** On 127.0.0.1; 0 takes a free one. */
  readonly port: number
  readonly cards: CardSource
  readonly person: AgentPerson
  readonly origins: AllowedOrigins
  readonly log: Log
}

/** A running agent; `url` is what a page names in `data-readers`. */
export type Agent = { readonly url: string; stop(): Promise<void> }

/** The port of an agent unless told otherwise. */
export const agentPort = 35970

/** The WebSocket subprotocol, so that no page of another purpose gets an answer. */
export const agentSubprotocol = 'sekisho.reader.v1'

/** Pages connected at once; the second already waits for the first. */
const connectionsMax = 16
/** Characters outside ASCII take up to three bytes. */
const messageBytesMax = messageCharactersMax * 3

/** Starts an agent on the loopback. */
export async function startAgent(settings: AgentSettings): Promise<Agent> {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: messageBytesMax,
    perMessageDeflate: false,
    handleProtocols: () => agentSubprotocol,
  })
  const server = createServer((request, response) => answerPlain(request, response, hosts()))
  const hosts = (): readonly string[] => {
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    return [`127.0.0.1:${port}`, `localhost:${port}`]
  }
  const desk = { isBusy: false }
  server.on('upgrade', (request, socket, head) => {
    const refusal = upgradeRefusal(request, hosts(), sockets.clients.size)
    if (refusal !== undefined) {
      refuseUpgrade(socket, refusal)
      return
    }
    const origin = request.headers.origin ?? ''
    sockets.handleUpgrade(request, socket, head, page => servePage(settings, desk, page, origin))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(settings.port, '127.0.0.1', resolve)
  })
  return {
    url: `ws://${hosts()[0]}`,
    async stop() {
      for (const page of sockets.clients) page.terminate()
      sockets.close()
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}

/** Preflights of Private Network Access are answered; everything else over plain HTTP is not for here. */
function answerPlain(
  request: IncomingMessage,
  response: ServerResponse,
  hosts: readonly string[],
): void {
  const { origin } = request.headers
  const isOurs = hosts.includes(request.headers.host ?? '') && isSecureOrigin(origin ?? '')
  if (request.method !== 'OPTIONS' || !isOurs || origin === undefined) {
    response.writeHead(isOurs ? 426 : 403, { connection: 'close', upgrade: 'websocket' }).end()
    return
  }
  const wantsPrivate = request.headers['access-control-request-private-network'] === 'true'
  response
    .writeHead(204, {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET',
      ...(wantsPrivate ? { 'access-control-allow-private-network': 'true' } : {}),
      vary: 'Origin, Access-Control-Request-Private-Network',
      'access-control-max-age': '600',
    })
    .end()
}

/** Why an upgrade is refused. A foreign `Host` is a rebound DNS name; a foreign `Origin` is no page that may ask. */
function upgradeRefusal(
  request: IncomingMessage,
  hosts: readonly string[],
  connections: number,
): 400 | 403 | 503 | undefined {
  if (!hosts.includes(request.headers.host ?? '')) return 403
  if (!isSecureOrigin(request.headers.origin ?? '')) return 403
  const offered = (request.headers['sec-websocket-protocol'] ?? '')
    .split(',')
    .map(one => one.trim())
  if (request.url !== '/' || !offered.includes(agentSubprotocol)) return 400
  return connections >= connectionsMax ? 503 : undefined
}

function refuseUpgrade(socket: Duplex, status: 400 | 403 | 503): void {
  socket.on('error', () => socket.destroy())
  socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}

/** One page's connection: request after request, one at a time over the whole agent. */
function servePage(
  settings: AgentSettings,
  desk: { isBusy: boolean },
  page: WebSocket,
  origin: string,
): void {
  const gone = new AbortController()
  page.on('close', () => gone.abort())
  page.on('error', () => page.terminate())
  const send = (answer: ReaderAnswer): void => {
    if (page.readyState === page.OPEN) page.send(JSON.stringify(answer))
  }
  page.on('message', (message, isBinary) => {
    if (isBinary || !Buffer.isBuffer(message)) {
      page.close(1003)
      return
    }
    const reading = readAskedText(message.toString('utf8'))
    if (reading.kind === 'unreadable') page.close(1008)
    else if (reading.kind === 'refused') send(reading.answer)
    else if (desk.isBusy) send(refusedAnswer(reading.asked.request.id, 'card-in-use'))
    else {
      desk.isBusy = true
      void answerAsked(settings, origin, reading.asked, gone.signal)
        .then(send)
        .finally(() => {
          desk.isBusy = false
        })
    }
  })
}

/** Never rejects: a refusal is answered as such, a fault is logged and answered `card-fault`. */
async function answerAsked(
  settings: AgentSettings,
  origin: string,
  asked: Asked,
  signal: AbortSignal,
): Promise<ReaderAnswer> {
  const { id, purpose } = asked.request
  try {
    const answer = await converse(settings, origin, asked, signal)
    const result = answer.type === 'refused' ? answer.code : answer.type
    settings.log.write(messages['readers.agent-answered'], { purpose, result })
    return answer
  } catch (fault) {
    if (fault instanceof Refusal && isReaderRefusal(fault.code)) {
      settings.log.write(messages['readers.agent-answered'], { purpose, result: fault.code })
      return refusedAnswer(id, fault.code)
    }
    settings.log.write(messages['readers.agent-fault'], { purpose, fault })
    return refusedAnswer(id, 'card-fault')
  }
}

/** The conversation with the person; the card is held only while it is asked something. */
async function converse(
  settings: AgentSettings,
  origin: string,
  asked: Asked,
  signal: AbortSignal,
): Promise<ReaderAnswer> {
  const { cards, person, origins } = settings
  const { id } = asked.request
  const kind = secretOf(asked)
  if (!(await origins.isAllowed(origin))) {
    if (!(await person.allowOrigin(origin, signal))) return refusedAnswer(id, 'origin-foreign')
    await origins.allow(origin)
  }
  if (!(await person.confirm(origin, asked, signal))) return refusedAnswer(id, 'ceremony-cancelled')
  const prepared = await cards.withCard(card => prepareCeremony(card, kind))
  if (prepared.kind === 'refused') return refusedAnswer(id, refusalOfReason[prepared.reason])

  let question: Parameters<AgentPerson['enterPin']>[0] = {
    kind,
    triesLeft: prepared.value.triesLeft,
    trouble: undefined,
  }
  let givingUp: ReaderRefusalCode = 'ceremony-cancelled'
  for (;;) {
    const entered = await person.enterPin(question, signal)
    if (entered === undefined || signal.aborted) return refusedAnswer(id, givingUp)
    const { typed, isLastConfirmed } = entered
    const presented = await cards
      .withCard(card => presentPin(card, { asked, origin, typed, isLastConfirmed }))
      .finally(() => typed.fill(0))
    if (presented.kind === 'done') return presented.answer
    if (presented.kind === 'unusable') return refusedAnswer(id, refusalOfReason[presented.reason])
    const { trouble, triesLeft } = presented
    question = { kind, triesLeft, trouble }
    givingUp = trouble === 'last-try-unconfirmed' ? 'ceremony-cancelled' : refusalOfReason[trouble]
  }
}

function isReaderRefusal(code: string): code is ReaderRefusalCode {
  return readerRefusalCodes.some(one => one === code)
}

const messages = defineMessages({
  'readers.agent-answered': {
    level: 'info',
    text: 'the agent answered a page',
    fields: { purpose: 'code', result: 'code' },
  },
  'readers.agent-fault': {
    level: 'error',
    text: 'the agent met a fault',
    fields: { purpose: 'code', fault: 'fault' },
  },
})
