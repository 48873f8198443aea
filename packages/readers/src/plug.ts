/**
 * Plugs a virtual card into the machine's PC/SC service by vpcd, the virtual reader of Virtual Smart Card: the card is a TCP
 * client of the reader, messages have a 16-bit length before them, and a message of one byte is a command of the reader
 * itself. From then on every PC/SC program, OpenSC's included, sees a card.
 */
import { connect, type Socket } from 'node:net'
import { contactAtr, type VirtualCard } from '@sekisho/card/virtual'
import { Refusal } from '@sekisho/contract'

/** A card in the machine's reader. */
export interface Plug {
  /** Resolves when the card is out: pulled by `unplug`, or because the reader went away. */
  readonly ended: Promise<'unplugged' | 'reader-gone'>
  /** Pulls the card; a command in progress ends first. */
  unplug(): Promise<void>
}

/** Where vpcd listens unless its configuration says otherwise (8C7B hex). */
const vpcdPort = 35963

/**
 * Plugs a card into the reader at `port` of the loopback.
 *
 * Throws the refusal `reader-absent` when no reader listens there (is pcscd running, with vpcd?).
 */
export async function plugCard(
  card: VirtualCard,
  given: { readonly port?: number } = {},
): Promise<Plug> {
  const socket = await connected(given.port ?? vpcdPort)
  let last: Promise<unknown> = Promise.resolve()
  let isPulled = false
  readMessages(socket, message => {
    last = last.then(async () => {
      const answer = await answerMessage(card, message)
      if (answer !== undefined && socket.writable) socket.write(framed(answer))
    })
    // The virtual card never rejects; should anything do so, the card falls out rather than lie still.
    last.catch((fault: unknown) => socket.destroy(fault instanceof Error ? fault : undefined))
  })
  const ended = new Promise<'unplugged' | 'reader-gone'>(resolve => {
    socket.once('close', () => {
      card.reset()
      resolve(isPulled ? 'unplugged' : 'reader-gone')
    })
  })
  socket.on('error', () => socket.destroy())
  return {
    ended,
    async unplug() {
      isPulled = true
      await last
      socket.end()
      socket.destroy()
      await ended
    },
  }
}

async function answerMessage(
  card: VirtualCard,
  message: Uint8Array,
): Promise<Uint8Array | undefined> {
  if (message.length !== 1) return card.transmit(message)
  const [command] = message
  if (command === control.atr) return contactAtr
  if (command === control.off || command === control.on || command === control.reset) card.reset()
  return undefined
}

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.setNoDelay(true)
    socket.once('connect', () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', () => reject(new Refusal('reader-absent')))
  })
}

/** Gathers pieces into messages; vpcd writes length and content apart. */
function readMessages(socket: Socket, take: (message: Uint8Array) => void): void {
  let pending = Buffer.alloc(0)
  socket.on('data', (piece: Buffer) => {
    pending = Buffer.concat([pending, piece])
    while (pending.length >= 2) {
      const end = 2 + pending.readUInt16BE(0)
      if (pending.length < end) return
      take(Uint8Array.from(pending.subarray(2, end)))
      pending = pending.subarray(end)
    }
  })
}

function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.from([message.length >> 8, message.length & 255, ...message])
}

const control = { off: 0, on: 1, reset: 2, atr: 4 } as const
