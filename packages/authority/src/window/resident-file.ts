/** A resident's file at the window: reading it, holding it while an event is dealt with, and noting the event. */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import type { LifeEventKind } from '../registry/life-event.ts'
import { type Resident, residentOf } from '../registry/resident.ts'
import type { World } from '../world.ts'

/** A resident by id. Refusal `resident-unknown`. */
export async function findResident(world: World, id: string): Promise<Resident> {
  const row = await world.store.read(db =>
    db.selectFrom('resident').selectAll().where('id', '=', id).executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('resident-unknown')
  return residentOf(row)
}

/** The same for the length of a transaction: events of one resident come one after another. Refusal `resident-unknown`. */
export async function lockResident(
  tx: Transaction<AuthorityTables>,
  id: string,
): Promise<Resident> {
  const row = await tx
    .selectFrom('resident')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('resident-unknown')
  return residentOf(row)
}

/** Notes an event, in the transaction that has its effect. A notice that was noted before is a `UniqueViolation`. */
export async function record(
  tx: Transaction<AuthorityTables>,
  world: Pick<World, 'random' | 'notice'>,
  residentId: string,
  kind: LifeEventKind,
  at: Instant,
): Promise<void> {
  await tx
    .insertInto('event')
    .values({
      id: world.random.uuidv7(at),
      resident_id: residentId,
      kind,
      at,
      notice: world.notice ?? null,
    })
    .execute()
}
