/** A resident's entry into the register 住民票の記載, with resident code and my number. */
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { jsonb, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables, ResidentStatus } from '../database.ts'
import { endOfStay, type ForeignStay } from './foreign-stay.ts'
import type { Relation } from './household.ts'
import type { PersonalNumbers } from './personal-number.ts'
import { residentAttributes, type ResidentAttributes } from './resident.ts'

/** Who enters. */
export type Entry = {
  readonly municipality: string
  readonly attributes: ResidentAttributes
  readonly status?: Extract<ResidentStatus, 'resident' | 'overseas'> | undefined
  /** Of a household that is there; without it a new one, whose head this is. */
  readonly household?: { readonly id: string; readonly relation: Relation } | undefined
  readonly reading?: string | null | undefined
  readonly stay?: ForeignStay | null | undefined
  readonly isWard?: boolean | undefined
  readonly persona?: string | null | undefined
}

/** Enters somebody; the id. Attributes that the registry does not accept are a fault here. */
export async function enterResident(
  tx: Transaction<AuthorityTables>,
  world: { readonly random: Random; readonly numbers: PersonalNumbers },
  entry: Entry,
  at: Instant,
): Promise<string> {
  const id = world.random.uuidv7(at)
  const { status = 'resident', stay = null } = entry
  await tx
    .insertInto('resident')
    .values({
      id,
      municipality: entry.municipality,
      attributes: jsonb<unknown>(residentAttributes.parse(entry.attributes)),
      status,
      is_ward: entry.isWard ?? false,
      persona: entry.persona ?? null,
      recorded_at: at,
      household_id: status === 'resident' ? (entry.household?.id ?? id) : null,
      relation: entry.household?.relation ?? 'head',
      reading: entry.reading ?? null,
      stay: stay === null ? null : jsonb<unknown>(stay),
      stay_until: endOfStay(stay) ?? null,
    })
    .execute()
  await world.numbers.assign(tx, [id])
  return id
}
