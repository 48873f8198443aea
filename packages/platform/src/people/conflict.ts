/**
 * Conflicts of registrations (C4): the certificates of one card belong to two people. The step is refused and nothing of it is written; the
 * case is, so that the operator's clerk finds whom it concerns without asking the citizen for anything.
 */
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { IdentityConflict } from './link.ts'

/** A case as a clerk sees it. */
export type IdentityCase = {
  readonly id: string
  readonly people: readonly [string, string]
  readonly metAt: Instant
}

type ConflictWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
}

/** Runs a transaction that links certificates; a conflict opens a case before its refusal goes on. */
export async function linking<T>(
  world: ConflictWorld,
  work: (tx: Transaction<PlatformTables>) => Promise<T>,
): Promise<T> {
  try {
    return await world.store.transaction(work)
  } catch (error) {
    if (error instanceof IdentityConflict) {
      const { people } = error
      const at = world.clock.now()
      await world.store.transaction(tx => openCases(tx, people, { at, random: world.random }))
    }
    throw error
  }
}

/** Cases that wait, oldest first. */
export async function openIdentityCases(
  store: Store<PlatformTables>,
): Promise<readonly IdentityCase[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('identity_case')
      .select(['id', 'person_id', 'other_id', 'met_at'])
      .where('state', '=', 'open')
      .orderBy('met_at')
      .orderBy('id')
      .limit(casesShown)
      .execute(),
  )
  return rows.map(row => ({
    id: row.id,
    people: [row.person_id, row.other_id],
    metAt: row.met_at,
  }))
}

/** Transition open → dismissed: they stay two. False when it was not open. */
export async function dismissCase(store: Store<PlatformTables>, id: string): Promise<boolean> {
  const changed = await store.transaction(tx =>
    tx
      .updateTable('identity_case')
      .set({ state: 'dismissed' })
      .where('id', '=', id)
      .where('state', '=', 'open')
      .executeTakeFirst(),
  )
  return changed.numUpdatedRows === 1n
}

/** The case of these two is settled by bringing them together. */
export async function settleCase(
  tx: Transaction<PlatformTables>,
  people: readonly [string, string],
): Promise<void> {
  const [first, second] = people.toSorted()
  await tx
    .updateTable('identity_case')
    .set({ state: 'merged' })
    .where('person_id', '=', first ?? '')
    .where('other_id', '=', second ?? '')
    .where('state', '=', 'open')
    .execute()
}

/** Opens a case of people who may be one. Who were told to stay two, or wait already, are left as they are. */
export async function openCases(
  tx: Transaction<PlatformTables>,
  people: readonly string[],
  world: { readonly at: Instant; readonly random: Random },
): Promise<void> {
  const [first, ...others] = people.toSorted()
  if (first === undefined) return
  for (const other of others) {
    const known = await tx
      .selectFrom('identity_case')
      .select('id')
      .where('person_id', '=', first)
      .where('other_id', '=', other)
      .where('state', '<>', 'merged')
      .executeTakeFirst()
    if (known !== undefined || first === other) continue
    await tx
      .insertInto('identity_case')
      .values({
        id: world.random.uuidv7(world.at),
        person_id: first,
        other_id: other,
        met_at: world.at,
        state: 'open',
      })
      .onConflict(conflict =>
        conflict.columns(['person_id', 'other_id']).where('state', '=', 'open').doNothing(),
      )
      .execute()
  }
}

const casesShown = 200
