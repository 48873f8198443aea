/**
 * Notifications 届出 that change a resident's record or stop certificates (A1, A3, A8): each event in one transaction with its
 * effect on the certificates (flows.md §3). Refusals `resident-unknown`; `event-not-possible` where nothing is there to change.
 */
import { Refusal } from '@sekisho/contract'
import { municipalityOf } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { jsonb, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { fullWidth, substitutesOf } from '../registry/character.ts'
import { type Resident, residentAttributes, type ResidentAttributes } from '../registry/resident.ts'
import { type Cause, hold, release, revoke } from '../revocation/revoke.ts'
import type { World } from '../world.ts'
import { lockResident, record } from './resident-file.ts'

/** Runs an event in a transaction over the resident's file, and notes it. */
async function notify(
  world: World,
  residentId: string,
  kind: string,
  effect: (tx: Transaction<AuthorityTables>, resident: Resident, at: Instant) => Promise<unknown>,
): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    await effect(tx, await lockResident(tx, residentId), at)
    await record(tx, world, residentId, kind, at)
  })
}

/** A move within Japan, or back from overseas: a new address, perhaps in another municipality. Ends the signature certificate. */
export function move(
  world: World,
  residentId: string,
  to: { readonly municipality: string; readonly address: string },
): Promise<void> {
  if (municipalityOf(to.municipality) === undefined)
    throw new Refusal('request-malformed', { fields: 'municipality' })
  const address = fullWidth(to.address)
  return notify(world, residentId, 'moved', async (tx, resident, at) => {
    if (resident.status !== 'resident' && resident.status !== 'overseas')
      throw new Refusal('event-not-possible')
    await changeRecord(tx, resident, at, {
      municipality: to.municipality,
      attributes: {
        ...resident.attributes,
        address,
        addressSubstitutes: substitutesOf(address),
      },
    })
  })
}

/** A new name; the surname before it is kept as former surname 旧氏. Ends the signature certificate. */
export function rename(world: World, residentId: string, to: string): Promise<void> {
  const name = fullWidth(to)
  return notify(world, residentId, 'renamed', async (tx, resident, at) => {
    requireRegistered(resident)
    const surnameOf = (text: string): string | null => text.split('　')[0] ?? null
    const { attributes } = resident
    const formerSurname =
      surnameOf(attributes.name) === surnameOf(name)
        ? attributes.formerSurname
        : surnameOf(attributes.name)
    await changeRecord(tx, resident, at, {
      municipality: resident.municipality,
      attributes: { ...attributes, name, nameSubstitutes: substitutesOf(name), formerSurname },
    })
  })
}

/** A correction of birth date or sex in the resident record. Ends the signature certificate. */
export function correct(
  world: World,
  residentId: string,
  to: {
    readonly birthDate?: ResidentAttributes['birthDate'] | undefined
    readonly gender?: ResidentAttributes['gender'] | undefined
  },
): Promise<void> {
  return notify(world, residentId, 'corrected', async (tx, resident, at) => {
    requireRegistered(resident)
    const { municipality, attributes } = resident
    const { birthDate = attributes.birthDate, gender = attributes.gender } = to
    await changeRecord(tx, resident, at, {
      municipality,
      attributes: { ...attributes, birthDate, gender },
    })
  })
}

/** What takes a resident out of the record. `overseas` with `continues`: the card stays in use (A9). */
export type Removal =
  | { readonly why: 'deceased' | 'removed' }
  | { readonly why: 'overseas'; readonly continues: boolean }

/** Death, loss of the status of residence, or a move overseas: ends both certificates and the card, unless it continues. */
export function removeFromRegister(
  world: World,
  residentId: string,
  removal: Removal,
): Promise<void> {
  return notify(world, residentId, removal.why, async (tx, resident, at) => {
    requireRegistered(resident, removal.why === 'deceased' ? ['resident', 'overseas'] : undefined)
    await tx
      .updateTable('resident')
      .set({ status: removal.why, recorded_at: at })
      .where('id', '=', residentId)
      .execute()
    if (removal.why === 'overseas' && removal.continues) {
      await revoke(tx, residentId, 'attributes-changed', at)
      return
    }
    await revoke(tx, residentId, 'removed-from-register', at)
    await endActiveCard(tx, residentId)
  })
}

/** The card ends without another: given back, stolen for good, my number changed. Ends both certificates. */
export function endCard(world: World, residentId: string): Promise<void> {
  return notify(world, residentId, 'card-ended', async (tx, _resident, at) => {
    if ((await endActiveCard(tx, residentId)) === 0) throw new Refusal('card-not-issued')
    await revoke(tx, residentId, 'card-ended', at)
  })
}

/** The holder has the certificates stopped for good, tells that a key leaked, or an error was found in them. */
export function endCertificates(
  world: World,
  residentId: string,
  why: Extract<Cause, 'stopped-by-holder' | 'key-compromised' | 'recorded-wrongly'>,
): Promise<void> {
  return notify(world, residentId, why, async (tx, _resident, at) =>
    requireChanged(await revoke(tx, residentId, why, at)),
  )
}

/** The card is lost: everything on it is held at once (A8). */
export function reportLost(world: World, residentId: string): Promise<void> {
  return notify(world, residentId, 'lost', async (tx, _resident, at) =>
    requireChanged(await hold(tx, residentId, at)),
  )
}

/** The card was found: the hold is lifted, where the regime in force allows it. */
export function reportFound(world: World, residentId: string): Promise<void> {
  return notify(world, residentId, 'found', async tx => {
    if (!world.rules.holds.areLiftable) throw new Refusal('event-not-possible')
    requireChanged(await release(tx, residentId))
  })
}

/** Writes a changed record and ends the signature certificate. A change that changes nothing is not one. */
async function changeRecord(
  tx: Transaction<AuthorityTables>,
  resident: Resident,
  at: Instant,
  next: Pick<Resident, 'municipality' | 'attributes'>,
): Promise<void> {
  const parsed = residentAttributes.safeParse(next.attributes)
  if (!parsed.success) throw new Refusal('request-malformed', { fields: 'attributes' })
  const before = { municipality: resident.municipality, attributes: resident.attributes }
  const after = { municipality: next.municipality, attributes: parsed.data }
  if (resident.status === 'resident' && JSON.stringify(before) === JSON.stringify(after))
    throw new Refusal('event-not-possible')
  await tx
    .updateTable('resident')
    .set({
      status: 'resident',
      municipality: after.municipality,
      attributes: jsonb<unknown>(after.attributes),
      recorded_at: at,
    })
    .where('id', '=', resident.id)
    .execute()
  await revoke(tx, resident.id, 'attributes-changed', at)
}

async function endActiveCard(
  tx: Transaction<AuthorityTables>,
  residentId: string,
): Promise<number> {
  const ended = await tx
    .updateTable('card')
    .set({ state: 'ended' })
    .where('resident_id', '=', residentId)
    .where('state', '=', 'active')
    .returning('id')
    .execute()
  return ended.length
}

function requireRegistered(
  resident: Resident,
  among: readonly Resident['status'][] = ['resident'],
): void {
  if (!among.includes(resident.status)) throw new Refusal('event-not-possible')
}

function requireChanged(count: number): void {
  if (count === 0) throw new Refusal('event-not-possible')
}
