/** That people are to be told of what came, in the transaction in which it came; `notice.ts` tells them. */
import type { World } from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import { sql, type Transaction } from '@sekisho/runtime/store'
import type { MailboxTables } from './table.ts'

/** Notes that people who have a confirmed address are to be told. */
export async function noteArrivals(
  tx: Transaction<MailboxTables>,
  world: Pick<World, 'random' | 'clock'>,
  people: readonly string[],
): Promise<void> {
  if (people.length === 0) return
  const wanted = [...new Set(people)].toSorted()
  const at = world.clock.now()
  await sql`
    insert into mailbox_notice (person_id, id, try_at, tries)
    select given.person_id, given.id, ${protocolNow()}::bigint, 0
    from unnest(${wanted}::text[], ${wanted.map(() => world.random.uuidv7(at))}::text[])
      as given (person_id, id)
    join mailbox_contact on mailbox_contact.person_id = given.person_id
    where mailbox_contact.confirmed_at is not null
    on conflict (person_id) do nothing`.execute(tx)
}
