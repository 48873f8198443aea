/**
 * Requests that ask too often whether a person has answered (RFC 8628 §3.5, CIBA §11): each that comes before the interval is over is told to slow down, and the interval
 * grows. Who asks slowly is served; an answer that is there is given at once. Times are protocol time.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import { sql, type Store } from '@sekisho/runtime/store'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { PlatformTables } from '../database.ts'
import { stateId } from './protocol-change.ts'

/** Seconds between two requests where nothing else was said (RFC 8628 §3.2), and by how much each that is early adds to them. */
const intervalSeconds = 5
const intervalSecondsMax = 60
/** Milliseconds by which a request may be early: what networks add to one and not to the next. */
const jitterMs = 500
/** Milliseconds for which what is asked about may wait. */
const waitingMs = 10 * 60 * 1000

/** Turns `authorization_pending` into `slow_down` where the request came too early. */
export function slowingDown(
  store: Store<PlatformTables>,
): (ctx: KoaContextWithOIDC, next: () => Promise<void>) => Promise<void> {
  return async (ctx, next) => {
    await next()
    const body: unknown = ctx.body
    const isPending =
      typeof body === 'object' &&
      body !== null &&
      'error' in body &&
      body.error === 'authorization_pending'
    if (!isPending) return
    const { device_code, auth_req_id } = ctx.oidc.params ?? {}
    const asked = device_code ?? auth_req_id
    if (typeof asked === 'string' && (await isEarly(store, stateId(asked))))
      ctx.body = { error: 'slow_down', error_description: 'wait longer between two requests' }
  }
}

/** Notes a request; whether it came before the interval was over. Of many at the same time one did not. */
async function isEarly(store: Store<PlatformTables>, id: string): Promise<boolean> {
  const now = protocolNow()
  const early = sql<boolean>`poll.asked_at > excluded.asked_at - poll.interval_seconds * 1000 + ${jitterMs}`
  const row = await store.transaction(tx =>
    tx
      .insertInto('poll')
      .values({
        id,
        asked_at: now,
        interval_seconds: intervalSeconds,
        is_early: false,
        expires_at: now + waitingMs,
      })
      .onConflict(conflict =>
        conflict.column('id').doUpdateSet({
          asked_at: now,
          is_early: early,
          interval_seconds: sql<number>`case when ${early}
            then least(poll.interval_seconds + ${intervalSeconds}::integer, ${intervalSecondsMax}::integer)
            else poll.interval_seconds end`,
        }),
      )
      .returning('is_early')
      .executeTakeFirstOrThrow(),
  )
  return row.is_early
}

/** Forgets what cannot be asked about any more. */
export async function sweepPolls(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('poll').where('expires_at', '<', protocolNow()).execute(),
  )
}
