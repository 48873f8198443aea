/**
 * Telling providers that sessions ended (OpenID Connect Back-Channel Logout 1.0): a logout token that names the person by the pairwise
 * subject of that provider, and no session, sent until it is taken or a day has passed. Times are protocol time.
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'

type NoticeWorld = {
  readonly store: Store<PlatformTables>
  readonly log: Log
  /** Sends one; false when it was not taken. True also where the provider wants none. */
  readonly send: (providerId: string, personId: string) => Promise<boolean>
}

/** Notices sent in one round. */
const roundMax = 100
/** Milliseconds until the second attempt; doubled each time, to an hour at most. It also covers one attempt of another node. */
const pauseMs = 5_000
const pauseMsMax = 3600 * 1000
/** Milliseconds after which a provider has missed it: no session of its own should be older. */
const lifetimeMs = 24 * 3600 * 1000

/** Sends what is due. How many were taken. */
export async function sendNotices(world: NoticeWorld, now: Instant): Promise<number> {
  const due = await world.store.read(db =>
    db
      .selectFrom('logout_notice')
      .selectAll()
      .where('retry_at', '<=', now)
      .orderBy('id')
      .limit(roundMax)
      .execute(),
  )
  let taken = 0
  for (const notice of due) {
    if (!(await claim(world, notice, now))) continue
    const isTaken = await world.send(notice.provider_id, notice.person_id)
    const isMissed = !isTaken && now - notice.made_at > lifetimeMs
    if (isTaken || isMissed)
      await world.store.transaction(tx =>
        tx.deleteFrom('logout_notice').where('id', '=', notice.id).execute(),
      )
    if (isTaken) taken++
    else
      world.log.write(messages[isMissed ? 'platform.logout-missed' : 'platform.logout-not-taken'], {
        provider: notice.provider_id,
      })
  }
  return taken
}

/** Of several nodes one sends: the attempt is noted before it is made. */
async function claim(
  world: NoticeWorld,
  notice: { readonly id: number; readonly failures: number; readonly retry_at: number },
  now: Instant,
): Promise<boolean> {
  const pause = Math.min(pauseMs * 2 ** Math.min(notice.failures, 20), pauseMsMax)
  const changed = await world.store.transaction(tx =>
    tx
      .updateTable('logout_notice')
      .set({ failures: notice.failures + 1, retry_at: now + pause })
      .where('id', '=', notice.id)
      .where('retry_at', '=', notice.retry_at)
      .executeTakeFirst(),
  )
  return changed.numUpdatedRows === 1n
}
