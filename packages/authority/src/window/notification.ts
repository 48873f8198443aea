/**
 * Notifications 届出 that change a resident's record, and what ends or stops certificates (A1, A3, A8). Each event is one transaction
 * with its effect (`effect.ts`). Refusals `resident-unknown`; `event-not-possible` where nothing is there to change.
 */
import { Refusal } from '@sekisho/contract'
import { municipalityOf } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { jsonb, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { fullWidth, substitutesOf } from '../registry/character.ts'
import {
  endOfStay,
  type ForeignStay,
  foreignStay,
  lastsLonger,
  nameWithAlias,
} from '../registry/foreign-stay.ts'
import type { Relation } from '../registry/household.ts'
import { type Resident, residentAttributes, type ResidentAttributes } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { notify, requirePossible, takeEffect } from './effect.ts'
import { leaveHousehold, inHouseholds, makeHead, membersOf, placeIn } from './household-file.ts'
import { lockResident } from './resident-file.ts'

/** Where somebody moves, and with whom. */
export type Move = {
  readonly municipality: string
  readonly address: string
  /** The whole household moves; else this person alone, into a household of their own. */
  readonly withHousehold?: boolean | undefined
}

/** A move within Japan, or back from overseas: a new address, perhaps in another municipality. */
export async function move(world: World, residentId: string, to: Move): Promise<void> {
  if (municipalityOf(to.municipality) === undefined)
    throw new Refusal('request-malformed', { fields: 'municipality' })
  const at = world.clock.now()
  await inHouseholds(world.store, [residentId], async tx => {
    const resident = await lockResident(tx, residentId)
    requirePossible(resident, 'moved')
    const members = await membersOf(tx, resident.householdId)
    const others = members.filter(member => member.id !== residentId)
    await changeAddress(tx, resident, to, at)
    await takeEffect(tx, world, { residentId, kind: 'moved', at })
    if (to.withHousehold === true && others.length > 0) {
      for (const { id } of others) {
        const other = await lockResident(tx, id)
        await changeAddress(tx, other, to, at)
        await takeEffect(tx, { ...world, notice: undefined }, { residentId: id, kind: 'moved', at })
      }
      return
    }
    if (others.length > 0) await leaveHousehold(tx, resident)
    if (others.length > 0 || resident.householdId === null)
      await placeIn(tx, residentId, { householdId: world.random.uuidv7(at), relation: 'head' })
  })
}

/** Moves into the household that another resident lives in, as after a marriage; only a change of address ends anything. */
export async function joinHousehold(
  world: World,
  residentId: string,
  to: { readonly of: string; readonly relation: Exclude<Relation, 'head'> },
): Promise<void> {
  const at = world.clock.now()
  await inHouseholds(world.store, [residentId, to.of], async tx => {
    const resident = await lockResident(tx, residentId)
    const host = await findHost(tx, to.of)
    if (host.householdId === resident.householdId) throw new Refusal('event-not-possible')
    const { municipality, attributes } = host
    const isMove =
      resident.status !== 'resident' ||
      municipality !== resident.municipality ||
      attributes.address !== resident.attributes.address
    const kind = isMove ? 'moved' : 'household-joined'
    requirePossible(resident, kind)
    if (isMove) await changeAddress(tx, resident, { municipality, address: attributes.address }, at)
    await leaveHousehold(tx, resident)
    await placeIn(tx, residentId, { householdId: host.householdId, relation: to.relation })
    await takeEffect(tx, world, { residentId, kind, at })
  })
}

/** Another head of the household 世帯主変更. */
export async function becomeHead(world: World, residentId: string): Promise<void> {
  const at = world.clock.now()
  await inHouseholds(world.store, [residentId], async tx => {
    const resident = await lockResident(tx, residentId)
    requirePossible(resident, 'head-changed')
    if (resident.relation === 'head') throw new Refusal('event-not-possible')
    await makeHead(tx, await membersOf(tx, resident.householdId), resident)
    await takeEffect(tx, world, { residentId, kind: 'head-changed', at })
  })
}

/**
 * A new name, as by marriage; the surname before it is kept as former surname 旧氏. With a stay, the alias stays beside it.
 */
export function rename(
  world: World,
  residentId: string,
  to: { readonly name: string; readonly reading?: string | undefined },
): Promise<void> {
  return notify(world, residentId, 'renamed', async (tx, resident, at) => {
    const { attributes, stay } = resident
    const name = nameWithAlias(fullWidth(to.name), stay?.alias ?? null)
    const surnameOf = (text: string): string | null => text.split('　')[0] ?? null
    const formerSurname =
      stay !== null || surnameOf(attributes.name) === surnameOf(name)
        ? attributes.formerSurname
        : surnameOf(attributes.name)
    await changeRecord(tx, resident, at, { ...named(attributes, name), formerSurname })
    if (to.reading !== undefined)
      await tx
        .updateTable('resident')
        .set({ reading: to.reading })
        .where('id', '=', residentId)
        .execute()
  })
}

/** A foreign resident's alias 通称 is entered, changed or struck out: it is part of the name. */
export function changeAlias(world: World, residentId: string, alias: string | null): Promise<void> {
  return notify(world, residentId, 'alias-changed', async (tx, resident, at) => {
    if (resident.stay === null) throw new Refusal('event-not-possible')
    const stay = { ...resident.stay, alias: alias === null ? null : fullWidth(alias) }
    const name = nameWithAlias(resident.attributes.name, stay.alias)
    await changeRecord(tx, resident, at, named(resident.attributes, name))
    await writeStay(tx, residentId, stay)
  })
}

/** A correction of birth date or sex in the resident record, ex officio or on request. */
export function correct(
  world: World,
  residentId: string,
  to: {
    readonly birthDate?: ResidentAttributes['birthDate'] | undefined
    readonly gender?: ResidentAttributes['gender'] | undefined
  },
): Promise<void> {
  return notify(world, residentId, 'corrected', async (tx, { id, attributes, ...resident }, at) => {
    const { birthDate = attributes.birthDate, gender = attributes.gender } = to
    await changeRecord(tx, { id, attributes, ...resident }, at, {
      ...attributes,
      birthDate,
      gender,
    })
  })
}

/**
 * A correction so slight that the law does not count it: a clerical slip, a place that got another name. Whether it is one is
 * the municipality's judgement; certificates stay, with the text they have.
 */
export function correctTrivially(
  world: World,
  residentId: string,
  to: { readonly name?: string | undefined; readonly address?: string | undefined },
): Promise<void> {
  return notify(world, residentId, 'corrected-trivially', async (tx, resident, at) => {
    const { name, address } = resident.attributes
    const withName = named(resident.attributes, fullWidth(to.name ?? name))
    await changeRecord(tx, resident, at, located(withName, fullWidth(to.address ?? address)))
  })
}

/** What takes a resident out of the record. `overseas` with `continues`: the card stays in use (A9). */
export type Removal =
  | { readonly why: 'deceased' | 'removed' | 'stay-ended' }
  | { readonly why: 'overseas'; readonly continues: boolean }

/** Death, loss of the status of residence, a stay that ended, or a move overseas. */
export async function removeFromRegister(
  world: World,
  residentId: string,
  removal: Removal,
): Promise<void> {
  const at = world.clock.now()
  const { why } = removal
  const kind = why === 'overseas' && !removal.continues ? 'overseas-for-good' : why
  await inHouseholds(world.store, [residentId], async tx => {
    const resident = await lockResident(tx, residentId)
    requirePossible(resident, kind)
    if (why === 'removed' && resident.stay === null) throw new Refusal('event-not-possible')
    if (why === 'stay-ended' && !((endOfStay(resident.stay) ?? at) < at))
      throw new Refusal('event-not-possible')
    await tx
      .updateTable('resident')
      .set({ status: why === 'stay-ended' ? 'removed' : why, recorded_at: at })
      .where('id', '=', residentId)
      .execute()
    await leaveHousehold(tx, resident)
    await takeEffect(tx, world, { residentId, kind, at })
  })
}

/** The stay of a foreign resident is extended, or its category changes, as the immigration agency tells. The card follows at the window. */
export function extendStay(
  world: World,
  residentId: string,
  to: Pick<ForeignStay, 'category' | 'until'>,
): Promise<void> {
  return notify(world, residentId, 'stay-extended', async (tx, { stay }) => {
    if (stay === null) throw new Refusal('event-not-possible')
    const next = foreignStay.safeParse({ ...stay, category: to.category, until: to.until })
    if (!next.success) throw new Refusal('request-malformed', { fields: 'until' })
    if (!lastsLonger(next.data, stay)) throw new Refusal('event-not-possible')
    await writeStay(tx, residentId, next.data)
  })
}

/** Guardianship of an adult 成年後見 begins or ends. Who is no ward any more may have a signature certificate again. */
export function changeGuardianship(
  world: World,
  residentId: string,
  isWard: boolean,
): Promise<void> {
  return notify(world, residentId, isWard ? 'ward-begun' : 'ward-ended', async (tx, resident) => {
    if (resident.isWard === isWard) throw new Refusal('event-not-possible')
    await tx.updateTable('resident').set({ is_ward: isWard }).where('id', '=', residentId).execute()
  })
}

/** Another my number, because the present one leaked: the card that shows it ends. */
export function changeNumber(world: World, residentId: string): Promise<void> {
  return notify(world, residentId, 'number-changed', async tx => {
    if (!(await world.numbers.change(tx, residentId))) throw new Refusal('event-not-possible')
  })
}

/** The card is found again: the hold is lifted, where the regime in force allows it. */
export async function reportFound(world: World, residentId: string): Promise<void> {
  if (!world.rules.holds.areLiftable) throw new Refusal('event-not-possible')
  await notify(world, residentId, 'found')
}

/** A member of a household that others can join or be born into. Refusals `resident-unknown`, `event-not-possible`. */
export async function findHost(
  tx: Transaction<AuthorityTables>,
  residentId: string,
): Promise<Resident & { readonly householdId: string }> {
  const host = await lockResident(tx, residentId)
  if (host.status !== 'resident' || host.householdId === null)
    throw new Refusal('event-not-possible')
  return { ...host, householdId: host.householdId }
}

function named(attributes: ResidentAttributes, name: string): ResidentAttributes {
  return { ...attributes, name, nameSubstitutes: substitutesOf(name) }
}

function located(attributes: ResidentAttributes, address: string): ResidentAttributes {
  return { ...attributes, address, addressSubstitutes: substitutesOf(address) }
}

async function changeAddress(
  tx: Transaction<AuthorityTables>,
  resident: Resident,
  to: Pick<Move, 'municipality' | 'address'>,
  at: Instant,
): Promise<void> {
  const next = located(resident.attributes, fullWidth(to.address))
  await changeRecord(tx, resident, at, next, to.municipality)
}

/** Writes a changed record. A change that changes nothing is not one. */
async function changeRecord(
  tx: Transaction<AuthorityTables>,
  resident: Resident,
  at: Instant,
  attributes: ResidentAttributes,
  municipality: string = resident.municipality,
): Promise<void> {
  const parsed = residentAttributes.safeParse(attributes)
  if (!parsed.success) throw new Refusal('request-malformed', { fields: 'attributes' })
  const text = (one: Pick<Resident, 'municipality' | 'attributes'>): string =>
    JSON.stringify([one.municipality, residentAttributes.parse(one.attributes)])
  if (resident.status === 'resident' && text(resident) === text({ municipality, attributes }))
    throw new Refusal('event-not-possible')
  await tx
    .updateTable('resident')
    .set({
      status: 'resident',
      municipality,
      attributes: jsonb<unknown>(parsed.data),
      recorded_at: at,
    })
    .where('id', '=', resident.id)
    .execute()
}

async function writeStay(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  stay: ForeignStay,
): Promise<void> {
  await tx
    .updateTable('resident')
    .set({ stay: jsonb<unknown>(stay), stay_until: endOfStay(stay) ?? null })
    .where('id', '=', residentId)
    .execute()
}
