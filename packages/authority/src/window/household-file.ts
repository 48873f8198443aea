/**
 * A household's file: who holds it may change its members' relations. Taken before the file of a member, always in the order of
 * ids, so that two members' events wait for each other instead of blocking each other for ever.
 */
import { lockInTransaction, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { nextHead, type Relation, relationToNew } from '../registry/household.ts'
import { latestBirthDate, type Resident, residentOf } from '../registry/resident.ts'

/** Takes the households of these residents, and those that are named, for the length of the transaction. */
export async function lockHouseholds(
  tx: Transaction<AuthorityTables>,
  residentIds: readonly string[],
): Promise<void> {
  const rows = await tx
    .selectFrom('resident')
    .select('household_id')
    .where('id', 'in', [...residentIds])
    .execute()
  const ids = new Set(rows.flatMap(row => row.household_id ?? []))
  for (const id of [...ids].toSorted()) await lockInTransaction(tx, `household ${id}`)
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
