/** Who enters the register (A1): births, arrivals from abroad, and Japanese abroad who have no record here (A9). */
import { Refusal } from '@sekisho/contract'
import {
  type CalendarDate,
  compareDates,
  dateInJapan,
  municipalityOf,
} from '@sekisho/contract/japan'
import { fullWidth, substitutesOf } from '../registry/character.ts'
import { enterResident } from '../registry/enter.ts'
import { type ForeignStay, nameWithAlias } from '../registry/foreign-stay.ts'
import { relationOfChild } from '../registry/household.ts'
import { residentAttributes, type ResidentAttributes } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { requirePossible } from './effect.ts'
import { inHouseholds } from './household-file.ts'
import { findHost } from './notification.ts'
import { record } from './resident-file.ts'

/** Whoever enters, as the notification has them. */
export type Newcomer = {
  readonly name: string
  readonly reading?: string | undefined
  readonly birthDate: ResidentAttributes['birthDate']
  readonly gender: ResidentAttributes['gender']
  readonly stay?: ForeignStay | undefined
}

/** A child is born into the household of a parent and has its address. Returns the child’s id. */
export async function recordBirth(
  world: World,
  parentId: string,
  child: Newcomer,
): Promise<string> {
  const at = world.clock.now()
  return inHouseholds(world.store, [parentId], async tx => {
    const parent = await findHost(tx, parentId)
    requirePossible(parent, 'born')
    const attributes = attributesOf(world, child, parent.attributes.address)
    const id = await enterResident(
      tx,
      world,
      {
        municipality: parent.municipality,
        attributes,
        household: { id: parent.householdId, relation: relationOfChild(parent.relation) },
        reading: child.reading,
        stay: child.stay,
      },
      at,
    )
    await record(tx, world, id, 'born', at)
    return id
  })
}

/**
 * Somebody arrives from abroad, or, `isAbroad`, is registered while living there: such a person has an address and a municipality
 * of the family register, a card, and an authentication certificate only. Returns the id.
 */
export async function registerArrival(
  world: World,
  newcomer: Newcomer & {
    readonly municipality: string
    readonly address: string
    readonly isAbroad: boolean
  },
): Promise<string> {
  if (municipalityOf(newcomer.municipality) === undefined)
    throw new Refusal('request-malformed', { fields: 'municipality' })
  if (newcomer.isAbroad && newcomer.stay !== undefined)
    throw new Refusal('request-malformed', { fields: 'stay' })
  const at = world.clock.now()
  const attributes = attributesOf(world, newcomer, newcomer.address)
  return world.store.transaction(async tx => {
    const id = await enterResident(
      tx,
      world,
      {
        municipality: newcomer.municipality,
        attributes,
        status: newcomer.isAbroad ? 'overseas' : 'resident',
        reading: newcomer.reading,
        stay: newcomer.stay,
      },
      at,
    )
    await record(tx, world, id, newcomer.isAbroad ? 'registered-abroad' : 'arrived', at)
    return id
  })
}

/** Refusal `request-malformed` for what the registry does not accept, and for who is not born yet. */
function attributesOf(world: World, newcomer: Newcomer, address: string): ResidentAttributes {
  const name = nameWithAlias(fullWidth(newcomer.name), newcomer.stay?.alias ?? null)
  const place = fullWidth(address)
  const parsed = residentAttributes.safeParse({
    name,
    nameSubstitutes: substitutesOf(name),
    formerSurname: null,
    address: place,
    addressSubstitutes: substitutesOf(place),
    birthDate: newcomer.birthDate,
    gender: newcomer.gender,
  })
  if (!parsed.success || isToCome(parsed.data.birthDate, dateInJapan(world.clock.now())))
    throw new Refusal('request-malformed', { fields: 'attributes' })
  return parsed.data
}

function isToCome(birth: ResidentAttributes['birthDate'], today: CalendarDate): boolean {
  const earliest = { year: birth.year, month: birth.month ?? 1, day: birth.day ?? 1 }
  return compareDates(earliest, today) > 0
}
