/** The people who operate the platform: invited with a code, known by a passkey, retired at once and everywhere (C8). */
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { shutOut } from '../passkey/session.ts'
import { isRole, type RoleName } from './role.ts'

/** Somebody of the staff. */
export type Member = {
  readonly id: string
  readonly name: string
  readonly roles: readonly RoleName[]
  readonly state: 'active' | 'retired'
  /** Whether a code waits to be used. */
  readonly isInvited: boolean
}

/** Who is to be invited. */
export const invitation = z.strictObject({
  id: z.string().regex(/^[a-z][a-z0-9-]{1,30}$/),
  name: z.string().min(1).max(60),
  roles: z.array(z.string().refine(isRole)).min(1),
})

type StaffWorld = { readonly store: Store<PlatformTables>; readonly random: Random }

/**
 * Adds somebody, or gives an active member roles and a code anew; sessions and passkeys they had end with their old roles. Returns the code, which is
 * told to nobody else. Refusal `staff-unknown` for somebody who retired: ids are not used again.
 */
export async function inviteMember(
  world: StaffWorld,
  given: { readonly id: string; readonly name: string; readonly roles: readonly RoleName[] },
  at: Instant,
): Promise<{ readonly enrolment: string }> {
  const enrolment = world.random.token(enrolmentBits)
  const row = {
    name: given.name,
    roles: given.roles.join(' '),
    enrolment: digest(enrolment),
    enrolment_until: protocolNow() + enrolmentMs,
  }
  await world.store.transaction(async tx => {
    const kept = await tx
      .insertInto('staff_member')
      .values({ id: given.id, ...row, state: 'active', added_at: at })
      .onConflict(conflict =>
        conflict.column('id').doUpdateSet(row).where('staff_member.state', '=', 'active'),
      )
      .returning('id')
      .executeTakeFirst()
    if (kept === undefined) throw new Refusal('staff-unknown')
    await shutOut(tx, 'staff', given.id)
  })
  return { enrolment }
}

/** Who may register a passkey by a code. Refusal `staff-unknown`. */
export async function memberOfEnrolment(world: StaffWorld, enrolment: string) {
  const found = await world.store.read(db =>
    db
      .selectFrom('staff_member')
      .select(['id', 'name'])
      .where('enrolment', '=', digest(enrolment))
      .where('enrolment_until', '>', protocolNow())
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  if (found === undefined) throw new Refusal('staff-unknown')
  return found
}

/** Uses the code up, in the transaction that keeps the passkey. Refusal `staff-unknown`. */
export async function useEnrolment(tx: Transaction<PlatformTables>, id: string): Promise<void> {
  const used = await tx
    .updateTable('staff_member')
    .set({ enrolment: null, enrolment_until: null })
    .where('id', '=', id)
    .where('enrolment', 'is not', null)
    .where('state', '=', 'active')
    .returning('id')
    .executeTakeFirst()
  if (used === undefined) throw new Refusal('staff-unknown')
}

/** Somebody is of the staff no more. Refusal `staff-unknown`. */
export async function retireMember(world: StaffWorld, id: string): Promise<void> {
  await world.store.transaction(async tx => {
    const retired = await tx
      .updateTable('staff_member')
      .set({ state: 'retired', enrolment: null, enrolment_until: null })
      .where('id', '=', id)
      .returning('id')
      .executeTakeFirst()
    if (retired === undefined) throw new Refusal('staff-unknown')
    await shutOut(tx, 'staff', id)
  })
}

/** Everybody, by id. */
export async function listMembers(store: Store<PlatformTables>): Promise<readonly Member[]> {
  const rows = await store.read(db =>
    db.selectFrom('staff_member').selectAll().orderBy('id').execute(),
  )
  return rows.map(memberOf)
}

/** An active member; undefined: there is none of this id. */
export async function activeMember(
  store: Store<PlatformTables>,
  id: string,
): Promise<Member | undefined> {
  const row = await store.read(db =>
    db
      .selectFrom('staff_member')
      .selectAll()
      .where('id', '=', id)
      .where('state', '=', 'active')
      .executeTakeFirst(),
  )
  return row === undefined ? undefined : memberOf(row)
}

/** A row as a member; roles that are none any more are dropped. */
function memberOf(row: PlatformTables['staff_member']): Member {
  const { id, name, state } = row
  return {
    id,
    name,
    state,
    roles: row.roles.split(' ').filter(isRole),
    isInvited: row.enrolment !== null,
  }
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}

const enrolmentBits = 128
/** A code serves for a day. */
const enrolmentMs = 24 * 3600 * 1000
