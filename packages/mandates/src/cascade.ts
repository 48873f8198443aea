/**
 * What the register of companies changes about mandates: when a representative leaves, the mandates they gave end with that day; when a
 * corporation is closed, all of it. The register is asked about every corporation with mandates, longest not asked first.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import { Refusal } from '@sekisho/contract'
import type { GrantWorld } from './grant.ts'
import {
  corporateNumberOfKey,
  corporationsToSee,
  endMandate,
  standingMandatesFor,
  type Tables,
} from './mandate.ts'
import { existedAt, inOffice, type RegisteredCorporation } from './register.ts'
import type { EndCause, Mandate } from './table.ts'

/** Corporations looked up in one round. */
const roundMax = 500

/** Looks up those not seen for `ageMs` (real time); mandates that ended. What cannot be asked now is asked in the next round. */
export async function followRegister(world: GrantWorld, ageMs: number): Promise<number> {
  const before = protocolNow() - ageMs
  const due = await world.store.read(db => corporationsToSee(db, { before, limit: roundMax }))
  let count = 0
  for (const mandator of due) {
    const number = corporateNumberOfKey(mandator)
    if (number === undefined) continue
    try {
      const register = await world.register.read(number)
      count += await world.store.transaction(tx => apply(tx, world, mandator, register))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      // A register that does not answer ends nothing; every check asks it itself and then says "unknown".
      return count
    }
  }
  return count
}

async function apply(
  tx: Transaction<Tables>,
  world: GrantWorld,
  mandator: string,
  register: RegisteredCorporation | undefined,
): Promise<number> {
  const now = world.clock.now()
  let count = 0
  for (const mandate of await standingMandatesFor(tx, world, mandator)) {
    const ended = endOf(mandate, register, now)
    if (ended !== undefined) count += await endMandate(tx, world, mandate.row.id, ended)
  }
  const seen_at = protocolNow()
  await tx
    .insertInto('corporation_seen')
    .values({ mandator, seen_at })
    .onConflict(conflict => conflict.column('mandator').doUpdateSet({ seen_at }))
    .execute()
  return count
}

function endOf(
  { parties }: Mandate,
  register: RegisteredCorporation | undefined,
  now: number,
): { readonly cause: EndCause; readonly at: number } | undefined {
  if (register === undefined) return { cause: 'corporation-closed', at: now }
  if (!existedAt(register, now)) {
    const { closed } = register
    return { cause: 'corporation-closed', at: closed === null ? now : Date.parse(closed.at) }
  }
  const { name, title = '' } = parties.mandator
  if (inOffice(register, { name, title }, now)) return undefined
  const left = register.representatives.findLast(
    each => each.name === name && each.title === title && each.until !== null,
  )
  const until = left?.until
  return {
    cause: 'representative-left',
    at: until === undefined || until === null ? now : Date.parse(until),
  }
}
