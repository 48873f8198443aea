/** What a person demands of the platform at every service: the PIN always, also where a card would answer without (C9, B12). */
import type { Instant } from '@sekisho/runtime/clock'
import type { Reader, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** Whether the person demands the PIN always. */
export async function demandsPin(db: Reader<PlatformTables>, personId: string): Promise<boolean> {
  const row = await db
    .selectFrom('person_wish')
    .select('pin_always')
    .where('person_id', '=', personId)
    .executeTakeFirst()
  return row?.pin_always ?? false
}

/** Sets it. False when it was so already. */
export async function demandPin(
  tx: Transaction<PlatformTables>,
  given: { readonly personId: string; readonly pinAlways: boolean; readonly at: Instant },
): Promise<boolean> {
  const { personId, pinAlways, at } = given
  if ((await demandsPin(tx, personId)) === pinAlways) return false
  const wish = { pin_always: pinAlways, changed_at: at }
  await tx
    .insertInto('person_wish')
    .values({ person_id: personId, ...wish })
    .onConflict(conflict => conflict.column('person_id').doUpdateSet(wish))
    .execute()
  return true
}
