/** Whose boxes there are, for rooms that let people choose whom to write to, and for whom somebody acts. */
import type { Reader } from '@sekisho/runtime/store'
import { type Owner, ownerOf } from './box.ts'
import type { MailboxTables } from './table.ts'

/** A box that can be named in a list. */
export type ListedBox = { readonly owner: Owner; readonly name: string }

/** Boxes of these kinds by name; a thousand at most. */
export async function listedBoxes(
  db: Reader<MailboxTables>,
  kinds: readonly ('organisation' | 'municipality' | 'provider')[],
): Promise<readonly ListedBox[]> {
  const rows = await db
    .selectFrom('mailbox_box')
    .select(['kind', 'owner', 'name'])
    .where('kind', 'in', [...kinds])
    .orderBy('name')
    .limit(1000)
    .execute()
  return rows.map(row => ({ owner: ownerOf(row), name: row.name ?? row.owner }))
}

/** The organisations and municipalities for which a provider posts and fetches, and itself. */
export async function ownersOfProvider(
  db: Reader<MailboxTables>,
  providerId: string,
): Promise<readonly Owner[]> {
  const rows = await db
    .selectFrom('mailbox_box')
    .select(['kind', 'owner'])
    .where('provider_id', '=', providerId)
    .where('kind', '!=', 'provider')
    .execute()
  return [{ kind: 'provider', providerId }, ...rows.map(ownerOf)]
}

/** The boxes of which a person is a member, with the part they have. */
export async function membershipsOf(
  db: Reader<MailboxTables>,
  personId: string,
): Promise<readonly (ListedBox & { readonly role: 'reader' | 'clerk' })[]> {
  const rows = await db
    .selectFrom('mailbox_member')
    .innerJoin('mailbox_box', 'mailbox_box.id', 'mailbox_member.box_id')
    .select(['kind', 'owner', 'name', 'role'])
    .where('person_id', '=', personId)
    .execute()
  return rows.map(row => ({ owner: ownerOf(row), name: row.name ?? row.owner, role: row.role }))
}
