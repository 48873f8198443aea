/** The agent as a transport of the protocol suite: a page is a WebSocket client that says its `Origin`; tests only. */
import type { ReaderRequest } from '@sekisho/contract/reader'
import { silentLog } from '@sekisho/runtime/log'
import { WebSocket } from 'ws'
import type { SuitePerson } from '../protocol-suite-for-tests.ts'
import type { CardSource } from './pcsc.ts'
import type { AgentPerson, AllowedOrigins } from './person.ts'
import { type Agent, agentSubprotocol, startAgent } from './server.ts'

/** Starts an agent whose person does what `person()` says: types once, then gives up. */
export async function startTestAgent(
  cards: CardSource,
  person: () => SuitePerson,
  more: Partial<AgentPerson> = {},
): Promise<Agent & { readonly allowed: Set<string> }> {
  const allowed = new Set<string>()
  const origins: AllowedOrigins = {
    isAllowed: async origin => allowed.has(origin),
    allow: async origin => {
      allowed.add(origin)
    },
  }
  const agent = await startAgent({
    port: 0,
    cards,
    origins,
    log: silentLog(),
    person: {
      allowOrigin: async () => true,
      confirm: async () => true,
      async enterPin({ trouble }) {
        const now = person()
        if (now === 'cancels' || trouble !== undefined) return undefined
        return { typed: new TextEncoder().encode(now.types), isLastConfirmed: false }
      },
      ...more,
    },
  })
  return { ...agent, allowed }
}

/** Connects as a page of that origin; rejects when the agent refuses the upgrade. */
export function connectPage(
  url: string,
  origin: string | undefined,
  headers: Readonly<Record<string, string>> = {},
  subprotocol: string = agentSubprotocol,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, subprotocol, {
      headers: { ...(origin === undefined ? {} : { origin }), ...headers },
    })
    socket.once('open', () => resolve(socket))
    socket.once('error', reject)
  })
}

/** Sends a message and gives the answer, or the code with which the agent closed. */
export function askOver(socket: WebSocket, message: string | Uint8Array): Promise<unknown> {
  return new Promise(resolve => {
    socket.once('message', data => {
      if (!Buffer.isBuffer(data)) throw new Error('a text message comes as one buffer')
      resolve(JSON.parse(data.toString('utf8')))
    })
    socket.once('close', code => resolve(code))
    socket.send(message)
  })
}

/** One request on a connection of its own. */
export async function askAgent(
  url: string,
  origin: string,
  request: ReaderRequest,
): Promise<unknown> {
  const socket = await connectPage(url, origin)
  try {
    return await askOver(socket, JSON.stringify(request))
  } finally {
    socket.terminate()
  }
}
