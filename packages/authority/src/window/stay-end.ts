/** Ends of stay that have passed: the municipality removes such a resident ex officio, and with that the card ends (flows.md §3). */
import { Refusal } from '@sekisho/contract'
import type { World } from '../world.ts'
import { removeFromRegister } from './notification.ts'

/** Most that one call removes, so that a clock turned by years does not hold everything else up. */
const removedMax = 100

/**
 * Removes whose stay has ended; returns how many. The real procedure waits for the immigration agency's notice and has a
 * grace of two months for who applied in time; a town has neither.
 */
export async function endStaysDue(world: World): Promise<number> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('resident')
      .select('id')
      .where('stay_until', '<', world.clock.now())
      .where('stay_until', 'is not', null)
      .where('status', '=', 'resident')
      .orderBy('stay_until')
      .limit(removedMax)
      .execute(),
  )
  let removed = 0
  for (const { id } of rows)
    try {
      await removeFromRegister(world, id, { why: 'stay-ended' })
      removed++
    } catch (error) {
      // Extended or removed at the window in this very moment.
      if (!(error instanceof Refusal)) throw error
    }
  return removed
}
