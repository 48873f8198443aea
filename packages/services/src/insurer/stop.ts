/** Stopping an annuity's payment: one employee proposes, another decides. Of two who decide at once one has decided. */
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { InsurerTables } from './table.ts'

export type StopWorld = {
  readonly store: Store<InsurerTables>
  readonly clock: Clock
  readonly random: Random
}

/** Why a stop was not taken. */
export type StopRefusal =
  | 'annuity-not-paid'
  | 'stop-proposed-already'
  | 'stop-needs-another'
  | 'stop-decided'

/** The employee of a subject; undefined: they are none. */
export async function employeeOf(
  { store }: Pick<StopWorld, 'store'>,
  subject: string,
): Promise<string | undefined> {
  const row = await store.read(db =>
    db.selectFrom('employee').select('name').where('subject', '=', subject).executeTakeFirst(),
  )
  return row?.name
}

/** Proposes a stop; its id, or why not. */
export async function proposeStop(
  { store, clock, random }: StopWorld,
  given: { readonly annuity: string; readonly reason: string; readonly by: string },
): Promise<{ readonly id: string } | StopRefusal> {
  return store.transaction(async tx => {
    const annuity = await tx
      .selectFrom('annuity')
      .select('state')
      .where('number', '=', given.annuity)
      .executeTakeFirst()
    if (annuity?.state !== 'paid') return 'annuity-not-paid'
    const id = random.uuidv7(clock.now())
    const made = await tx
      .insertInto('stop')
      .values({
        id,
        annuity: given.annuity,
        reason: given.reason,
        proposed_by: given.by,
        proposed_at: clock.now(),
        decided_by: null,
        decided_at: null,
        state: 'proposed',
      })
      .onConflict(conflict => conflict.doNothing())
      .executeTakeFirst()
    return made.numInsertedOrUpdatedRows === 1n ? { id } : 'stop-proposed-already'
  })
}

/** Decides about a stop that somebody else has proposed; why not, or undefined when it is decided. */
export async function decideStop(
  { store, clock }: StopWorld,
  given: { readonly id: string; readonly by: string; readonly isApproved: boolean },
): Promise<StopRefusal | undefined> {
  return store.transaction(async tx => {
    const decided = await tx
      .updateTable('stop')
      .set({
        state: given.isApproved ? 'approved' : 'refused',
        decided_by: given.by,
        decided_at: clock.now(),
      })
      .where('id', '=', given.id)
      .where('state', '=', 'proposed')
      .where('proposed_by', '!=', given.by)
      .returning('annuity')
      .executeTakeFirst()
    if (decided === undefined) {
      const found = await tx
        .selectFrom('stop')
        .select('state')
        .where('id', '=', given.id)
        .executeTakeFirst()
      return found?.state === 'proposed' ? 'stop-needs-another' : 'stop-decided'
    }
    if (given.isApproved)
      await tx
        .updateTable('annuity')
        .set({ state: 'stopped' })
        .where('number', '=', decided.annuity)
        .execute()
    return undefined
  })
}

/** Stops that wait for a second person. */
export function waitingStops({ store }: Pick<StopWorld, 'store'>) {
  return store.read(db =>
    db
      .selectFrom('stop')
      .select(['id', 'annuity', 'reason', 'proposed_by'])
      .where('state', '=', 'proposed')
      .orderBy('proposed_at')
      .execute(),
  )
}
