import { type Command, composeResponse, parseCommand } from '../apdu.ts'
import type { Card } from '../exchange.ts'
import { statusWords } from '../status.ts'
import { answerCommand } from './application.ts'
import { freshSession, type Inside, type Reply } from './session.ts'
import { type CardState, withFewerTries } from './state.ts'

/** ATR on contacts, without historical bytes (jpki.md §1.8). */
export const contactAtr: Uint8Array = Uint8Array.of(
  0x3b,
  0xe0,
  0x00,
  0xff,
  0x81,
  0x31,
  0xfe,
  0x45,
  0x14,
)

/** A card in its holder's hand: a `Card` that can also lose power. */
export interface VirtualCard extends Card {
  transmit(command: Uint8Array): Promise<Uint8Array>
  /** Power lost or the field left: no application selected, no PIN verified. Counters stay. */
  reset(): void
}

/**
 * Puts power on a card with this state. One command runs at a time, in the order received. Whatever changes in the
 * card is handed to `onChange` and awaited before the answer leaves, so that a wrong try is written down even if the
 * process dies right after; when `onChange` throws, the card answers 6581, keeps the lower counters and the old secrets,
 * and is not verified.
 *
 * `transmit` never throws and answers at least a status word. A private key has no way out.
 */
export function createVirtualCard(
  state: CardState,
  given: {
    readonly onChange: (state: CardState) => void | Promise<void>
    /** Random bytes for challenges; without, the card gives none, so that no terminal can prove itself. */
    readonly random?: (size: number) => Uint8Array
  },
): VirtualCard {
  const inside: Inside = {
    state,
    session: freshSession(),
    keys: new Map(),
    random: given.random,
  }
  let last: Promise<unknown> = Promise.resolve()

  const run = async (bytes: Uint8Array): Promise<Uint8Array> => {
    const command = parseCommand(bytes)
    if (command === undefined) return composeResponse(statusWords.lengthWrong)
    const { session } = inside
    const reply = answerCommand(inside, session, command)
    if (reply.change !== undefined) {
      const before = inside.state
      inside.state = reply.change
      try {
        await given.onChange(reply.change)
      } catch {
        inside.state = withFewerTries(before, reply.change)
        // Power may have gone meanwhile.
        if (inside.session === session)
          inside.session = freshSession(session.application, session.aid)
        return composeResponse(statusWords.memoryFault)
      }
    }
    reply.settle?.()
    return finish(command, reply)
  }

  return {
    transmit(bytes) {
      const copy = Uint8Array.from(bytes)
      const answer = last.then(() => run(copy)).finally(() => copy.fill(0))
      last = answer.catch(() => undefined)
      return answer
    },
    reset() {
      inside.session = freshSession()
    },
  }
}

/** Le decides how much leaves: too small for an answer that comes whole only → 6Cxx. */
function finish(given: Command, reply: Reply): Uint8Array {
  const data = reply.data ?? new Uint8Array(0)
  if (reply.status !== statusWords.ok || data.length === 0)
    return composeResponse(reply.status, data)
  if (given.le === undefined) return composeResponse(statusWords.lengthWrong)
  if (data.length <= given.le) return composeResponse(statusWords.ok, data)
  return composeResponse(0x6c00 | (data.length & 255))
}
