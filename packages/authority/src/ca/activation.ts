/**
 * Opening the token of the CA keys (A2): its PIN is in two halves, each known to one operator, who enter them within ten minutes.
 * Neither alone opens it, nothing of the PIN is kept, and a half is overwritten as soon as it was used.
 */
import { Refusal } from '@sekisho/contract'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Token } from '@sekisho/runtime/pkcs11'
import { messages } from '../message.ts'

/** What one operator enters. */
export type PinHalf = {
  /** Who enters it; for the record, and to tell two people from one. */
  readonly operator: string
  readonly which: 'first' | 'second'
  /** Overwritten. */
  readonly half: Uint8Array
}

/** How far the opening is. */
export type ActivationState = 'open' | 'half-entered' | 'locked'

/** The opening of one token. */
export type Activation = {
  readonly state: ActivationState
  /**
   * Takes a half. Refusals `operators-same`, `request-malformed` when the same half comes twice, `token-pin-wrong`,
   * after which both enter their halves anew.
   */
  enter(half: PinHalf): ActivationState
  /** Closes the token: anyone may. */
  lock(operator: string): void
}

const waitMs = 10 * 60_000

/** Makes the opening. `now` is real time: operators wait in it. */
export function createActivation(world: {
  readonly token: Token
  readonly log: Log
  readonly now: Clock['now']
}): Activation {
  let entered: (PinHalf & { readonly until: Instant }) | undefined
  const forget = (): void => {
    entered?.half.fill(0)
    entered = undefined
  }
  const state = (): ActivationState => {
    if (world.token.isOpen) return 'open'
    if (entered !== undefined && world.now() > entered.until) forget()
    return entered === undefined ? 'locked' : 'half-entered'
  }
  return {
    get state() {
      return state()
    },
    enter: given => {
      if (state() === 'open') {
        given.half.fill(0)
        return 'open'
      }
      if (entered === undefined) {
        entered = { ...given, half: Uint8Array.from(given.half), until: world.now() + waitMs }
        given.half.fill(0)
        return 'half-entered'
      }
      if (entered.operator === given.operator) throw new Refusal('operators-same')
      if (entered.which === given.which) throw new Refusal('request-malformed', { fields: 'which' })
      const [first, second] = given.which === 'second' ? [entered, given] : [given, entered]
      const pin = Uint8Array.from([...first.half, ...second.half])
      const operators = `${first.operator}+${second.operator}`
      given.half.fill(0)
      forget()
      world.token.open(pin)
      world.log.write(messages['authority.keys-opened'], { operators })
      return 'open'
    },
    lock: operator => {
      forget()
      world.token.close()
      world.log.write(messages['authority.keys-closed'], { operator })
    },
  }
}
