/**
 * A household's file: who holds it may change its members' relations. Taken before the file of a member, always in the order of
 * ids, so that two members' events wait for each other instead of blocking each other for ever.
 */
import { lockInTransaction, type Store, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { nextHead, type Relation, relationToNew } from '../registry/household.ts'
import { latestBirthDate, type Resident, residentOf } from '../registry/resident.ts'

/**
 * Runs a transaction that holds the households of these residents. Should one of them change households while it waits, it
 * begins anew: so nobody ever takes a household while holding one that comes after it.
 */
export async function inHouseholds<T>(
  store: Store<AuthorityTables>,
  residentIds: readonly string[],
  work: (tx: Transaction<AuthorityTables>) => Promise<T>,
): Promise<T> {
  for (;;) {
    const outcome = await store.transaction(async tx => {
      const ids = await householdsOf(tx, residentIds)
      for (const id of ids) await lockInTransaction(tx, `household ${id}`)
      const now = await householdsOf(tx, residentIds)
      return now.join() === ids.join() ? { value: await work(tx) } : undefined
    })
    if (outcome !== undefined) return outcome.value
  }
}

/** Households of these residents, in the order of their ids. */
async function householdsOf(
  tx: Transaction<AuthorityTables>,
  residentIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await tx
    .selectFrom('resident')
    .select('household_id')
    .where('id', 'in', [...residentIds])
    .execute()
  return [...new Set(rows.flatMap(row => row.household_id ?? []))].toSorted()
}

/** Members of a household who are registered, in the order of their ids. */
export async function membersOf(
  tx: Transaction<AuthorityTables>,
  householdId: string | null,
): Promise<readonly Resident[]> {
  if (householdId === null) return []
  const rows = await tx
    .selectFrom('resident')
    .selectAll()
    .where('household_id', '=', householdId)
    .where('status', '=', 'resident')
    .orderBy('id')
    .execute()
  return rows.map(residentOf)
}

/** Takes somebody out of the household; when it was the head, another member becomes head. */
export async function leaveHousehold(
  tx: Transaction<AuthorityTables>,
  resident: Pick<Resident, 'id' | 'householdId' | 'relation'>,
): Promise<void> {
  await placeIn(tx, resident.id, { householdId: null, relation: 'head' })
  if (resident.relation !== 'head') return
  const members = await membersOf(tx, resident.householdId)
  const head = nextHead(
    members.map(({ id, relation, attributes }) => ({
      id,
      relation,
      birth: latestBirthDate(attributes),
    })),
  )
  if (head !== undefined) await makeHead(tx, members, head)
}

/** Makes a member head and says of everybody else what they are to the new head. */
export async function makeHead(
  tx: Transaction<AuthorityTables>,
  members: readonly Pick<Resident, 'id' | 'relation' | 'householdId'>[],
  head: { readonly id: string; readonly relation: Relation },
): Promise<void> {
  for (const { id, relation, householdId } of members)
    await placeIn(tx, id, {
      householdId,
      relation: id === head.id ? 'head' : relationToNew(head.relation, relation),
    })
}

/** Writes somebody's place in a household, or in none. */
export async function placeIn(
  tx: Transaction<AuthorityTables>,
  id: string,
  place: { readonly householdId: string | null; readonly relation: Relation },
): Promise<void> {
  await tx
    .updateTable('resident')
    .set({ household_id: place.householdId, relation: place.relation })
    .where('id', '=', id)
    .execute()
}
