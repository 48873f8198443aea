/**
 * Which terminals may ask cards without PIN (B12), as the authority's office has it, and what a card signs for one. Without a
 * standing that is still good nobody may: it is never taken as being in order.
 */
import { Refusal } from '@sekisho/contract'
import type { PinlessStanding } from '@sekisho/contract/authority'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { AuthorityConnector } from './connector.ts'

/** A terminal by its organisation's code and its number. */
export type PinlessTerminal = { readonly organisation: string; readonly terminal: string }

/** The standing of organisations and terminals. */
export type PinlessTerminals = {
  /**
   * Refusals `organisation-unregistered`, `organisation-withdrawn`, `terminal-unregistered`, `terminal-withdrawn`,
   * `terminal-expired`; `authority-unreachable`, `authority-answer-invalid` when there is no standing that is good now.
   */
  demand(given: PinlessTerminal): Promise<void>
}

/** Keeps the standing that was read last until its end. */
export function createPinlessTerminals(world: {
  readonly connector: AuthorityConnector
  readonly clock: Clock
}): PinlessTerminals {
  let kept: PinlessStanding | undefined
  const read = async (): Promise<PinlessStanding> => {
    const at = world.clock.now()
    const standing = await world.connector.pinlessStanding()
    const from = Date.parse(standing.thisUpdate)
    if (from > at + skewMs || Date.parse(standing.nextUpdate) <= at)
      throw new Refusal('authority-answer-invalid', { step: 'time' })
    kept = standing
    return standing
  }
  return {
    async demand(given) {
      const at = world.clock.now()
      const isGood = kept !== undefined && at < Date.parse(kept.nextUpdate)
      let standing = kept === undefined || !isGood ? await read() : kept
      // Who was entered a moment ago is asked about anew; whoever makes up names cannot make us ask all the time.
      const age = at - Date.parse(standing.thisUpdate)
      if (find(standing, given) === undefined && age > rereadMs) standing = await read()
      requireStanding(standing, given, at)
    },
  }
}

function find(standing: PinlessStanding, given: PinlessTerminal) {
  const organisation = standing.organisations.find(one => one.code === given.organisation)
  const terminal = organisation?.terminals.find(one => one.number === given.terminal)
  return organisation === undefined || terminal === undefined
    ? undefined
    : { organisation, terminal }
}

function requireStanding(standing: PinlessStanding, given: PinlessTerminal, at: Instant): void {
  const organisation = standing.organisations.find(one => one.code === given.organisation)
  if (organisation === undefined) throw new Refusal('organisation-unregistered')
  if (organisation.withdrawnAt !== null) throw new Refusal('organisation-withdrawn')
  const terminal = organisation.terminals.find(one => one.number === given.terminal)
  if (terminal === undefined) throw new Refusal('terminal-unregistered')
  if (terminal.withdrawnAt !== null) throw new Refusal('terminal-withdrawn')
  const today = dayText(at)
  const isIn = [organisation, terminal].every(one => one.until !== null && today <= one.until)
  if (!isIn) throw new Refusal('terminal-expired')
}

/** What the card signs, after `docs/protocol/pinless.md`: label, a zero byte, organisation, terminal, challenge. */
export function pinlessStatement(given: PinlessTerminal, challenge: Uint8Array): Uint8Array {
  const names = [given.organisation, `${given.organisation}-${given.terminal}`]
  const text = `${label}\0${names.map(one => one.padEnd(nameBytes)).join('')}`
  return Uint8Array.from([...new TextEncoder().encode(text), ...challenge])
}

const label = 'sekisho-card-pinless-v1'
const nameBytes = 16
/** The two programs' clocks may differ by so much, as for signed messages. */
const skewMs = 60_000
/** A standing is not read again for an unknown name sooner than this. */
const rereadMs = 10_000

/** The day in Japan, as certificates of terminals write it. */
function dayText(at: Instant): string {
  const { year, month, day } = dateInJapan(at)
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}
