/**
 * Cards in the machine's PC/SC readers. The library is native and needs the PC/SC service's client library, so it is loaded
 * when the agent starts and not before.
 *
 * Not done: PIN entry on the reader's own pad (PC/SC part 10).
 */
import { type Card, CardGone, selectJpki } from '@sekisho/card'
import { Refusal } from '@sekisho/contract'
import { sleep } from '@sekisho/runtime/clock'
import type * as pcscMini from 'pcsc-mini'
import type { Card as PcscCard, Client, Reader } from 'pcsc-mini'

/** Where an agent takes cards from. */
export interface CardSource {
  /**
   * Runs `use` with the card, undisturbed by other programs, and leaves the card reset.
   *
   * Throws the refusals `reader-absent`, `card-absent` and `card-in-use` (another program holds it).
   */
  withCard<T>(use: (card: Card) => Promise<T>): Promise<T>
}

/** The machine's PC/SC service. */
export interface PcscCards extends CardSource {
  stop(): void
}

/** Starts to watch the readers. Throws the refusal `reader-absent` when the machine has no PC/SC at all. */
export async function openPcsc(): Promise<PcscCards> {
  const pcsc = await loaded()
  // The library's finalizer throws, out of anybody's reach, when it collects a client whose service has gone meanwhile:
  // so none is collected before the process ends.
  const kept: Client[] = []
  process.once('exit', () => kept.splice(0))
  let watch = await watchReaders(pcsc, kept)
  return {
    stop: () => watch.stop(),
    async withCard(use) {
      if (watch.hasFailed()) {
        // The service was stopped; it may have been started again since.
        watch.stop()
        watch = await watchReaders(pcsc, kept)
      }
      if (watch.present.size === 0) throw new Refusal('reader-absent')
      const readers = [...watch.present].filter(([, isPresent]) => isPresent)
      let isBusy = false
      for (const [reader] of readers) {
        const connected = await connectedCard(pcsc, reader)
        if (connected === 'busy') isBusy = true
        if (typeof connected === 'string') continue
        const done = await useAlone(pcsc, connected, use)
        if (done !== 'not-jpki') return done.value
      }
      throw new Refusal(isBusy ? 'card-in-use' : 'card-absent')
    },
  }
}

/** The longest answer with its status word (ISO/IEC 7816-4 §5.1). */
const answerBytesMax = 65_538

type Watch = {
  /** Readers, and whether a card lies in them. */
  readonly present: ReadonlyMap<Reader, boolean>
  hasFailed(): boolean
  stop(): void
}

async function watchReaders(pcsc: Pcsc, kept: Client[]): Promise<Watch> {
  const present = new Map<Reader, boolean>()
  let isFailed = false
  const hasFailed = (): boolean => isFailed
  const client: Client = new pcsc.Client()
  kept.push(client)
  client.on('reader', reader => {
    present.set(reader, false)
    reader.on('change', status => present.set(reader, status.has(pcsc.ReaderStatus.PRESENT)))
    reader.on('disconnect', () => present.delete(reader))
  })
  client.on('error', () => {
    isFailed = true
    present.clear()
  })
  const fail = (fault: unknown): void => {
    unlessGone(fault)
    isFailed = true
  }
  try {
    client.start()
  } catch (fault) {
    fail(fault)
  }
  for (let round = 0; round < roundsMax && present.size === 0 && !hasFailed(); round++) {
    await sleep(roundMs)
  }
  return {
    present,
    hasFailed,
    stop() {
      try {
        client.stop()
      } catch (fault) {
        fail(fault)
      }
    },
  }
}

/** The service tells its readers within this time of being asked; one plugged in later is told as it comes. */
const roundsMax = 20
const roundMs = 25

type Pcsc = typeof pcscMini

async function loaded(): Promise<Pcsc> {
  try {
    return await import('pcsc-mini')
  } catch (cause) {
    // Whatever keeps a native library from loading, there is no reader to be had.
    throw Object.assign(new Refusal('reader-absent'), { cause })
  }
}

async function connectedCard(pcsc: Pcsc, reader: Reader): Promise<PcscCard | 'busy' | 'gone'> {
  try {
    return await reader.connect(pcsc.CardMode.SHARED)
  } catch (fault) {
    if (codeOf(fault) === 'SharingViolation') return 'busy'
    if (goneCodes.has(codeOf(fault))) return 'gone'
    throw fault
  }
}

/** A PC/SC transaction keeps other programs out while the PIN is verified; the reset at its end forgets the PIN. */
async function useAlone<T>(
  pcsc: Pcsc,
  connected: PcscCard,
  use: (card: Card) => Promise<T>,
): Promise<{ readonly value: T } | 'not-jpki'> {
  // Answers of extended length do not fit the library's own buffer. Commands run one after another.
  const room = new ArrayBuffer(answerBytesMax)
  const card: Card = {
    async transmit(command) {
      try {
        const answer = await connected.transmit(command, room)
        const copy = Uint8Array.from(answer)
        answer.fill(0)
        return copy
      } catch (fault) {
        if (goneCodes.has(codeOf(fault))) throw new CardGone({ cause: fault })
        throw fault
      }
    },
  }
  const leave = pcsc.CardDisposition.RESET
  try {
    const transaction = await connected.transaction()
    try {
      const selected = await selectJpki(card)
      if (selected.kind === 'refused') return 'not-jpki'
      return { value: await use(card) }
    } finally {
      await transaction.end(leave).catch(unlessGone)
    }
  } finally {
    await connected.disconnect(leave).catch(unlessGone)
  }
}

/** A card that has left needs no goodbye. */
function unlessGone(fault: unknown): void {
  if (!goneCodes.has(codeOf(fault))) throw fault
}

function codeOf(fault: unknown): string {
  return fault instanceof Error && 'code' in fault ? String(fault.code) : ''
}

const goneCodes: ReadonlySet<string> = new Set([
  'NoSmartCard',
  'RemovedCard',
  'ResetCard',
  'UnpoweredCard',
  'UnresponsiveCard',
  'ReaderUnavailable',
  'UnknownReader',
  'NoService',
  'ServiceStopped',
  'InvalidHandle',
])
