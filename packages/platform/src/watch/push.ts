/**
 * Delivery by push (RFC 8935): one event after the other to each receiver; one that fails is tried again, later each time, and keeps
 * the order for its provider and for nobody else.
 */
import type { Clock } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import { type Fetch, NetworkFault } from '@sekisho/runtime/net'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'
import { acknowledge } from './event.ts'

type PushWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly fetch: Fetch
  readonly log: Log
}

/** Receivers served in one round. */
const receiversMax = 100
/** Events to one receiver in one round. */
const eventsMax = 100
/** Real milliseconds until the first further attempt; doubled each time, to an hour at most. */
const pauseMs = 1000
const pauseMsMax = 3600 * 1000

/** Delivers what is due. `now` is real time. How many were taken. */
export async function pushDue(world: PushWorld, now: number): Promise<number> {
  const receivers = await world.store.read(db =>
    db
      .selectFrom('watch_stream')
      .select(['provider_id', 'endpoint', 'authorization_header'])
      .where('delivery', '=', 'push')
      .where('retry_at', '<=', now)
      .where('provider_id', 'in', eb =>
        eb.selectFrom('watch_event').select('provider_id').where('acknowledged_at', 'is', null),
      )
      .limit(receiversMax)
      .execute(),
  )
  let taken = 0
  for (const receiver of receivers) taken += await serve(world, receiver, now)
  return taken
}

async function serve(
  world: PushWorld,
  receiver: {
    readonly provider_id: string
    readonly endpoint: string | null
    readonly authorization_header: string | null
  },
  now: number,
): Promise<number> {
  const { provider_id: providerId, endpoint } = receiver
  if (endpoint === null) return 0
  const events = await world.store.read(db =>
    db
      .selectFrom('watch_event')
      .select(['jti', 'token'])
      .where('provider_id', '=', providerId)
      .where('acknowledged_at', 'is', null)
      .orderBy('position')
      .limit(eventsMax)
      .execute(),
  )
  let taken = 0
  for (const { jti, token } of events) {
    if (!(await isTaken(world, endpoint, token, receiver.authorization_header))) {
      await wait(world, providerId, now)
      return taken
    }
    await acknowledge(world.store, providerId, [jti], world.clock.now())
    taken++
  }
  await world.store.transaction(tx =>
    tx
      .updateTable('watch_stream')
      .set({ failures: 0, retry_at: 0 })
      .where('provider_id', '=', providerId)
      .execute(),
  )
  return taken
}

async function wait(world: PushWorld, providerId: string, now: number): Promise<void> {
  await world.store.transaction(async tx => {
    const row = await tx
      .updateTable('watch_stream')
      .set(eb => ({ failures: eb('failures', '+', 1) }))
      .where('provider_id', '=', providerId)
      .returning('failures')
      .executeTakeFirst()
    const pause = Math.min(pauseMs * 2 ** Math.min((row?.failures ?? 1) - 1, 20), pauseMsMax)
    await tx
      .updateTable('watch_stream')
      .set({ retry_at: now + pause })
      .where('provider_id', '=', providerId)
      .execute()
  })
  world.log.write(messages['platform.event-not-taken'], { provider: providerId })
}

/** RFC 8935 §2.2: 202 and nothing else says that the event was taken. */
async function isTaken(
  { fetch }: PushWorld,
  endpoint: string,
  token: string,
  authorization: string | null,
): Promise<boolean> {
  try {
    const answer = await fetch(endpoint, {
      method: 'POST',
      redirect: 'error',
      headers: {
        'content-type': 'application/secevent+jwt',
        accept: 'application/json',
        ...(authorization === null ? {} : { authorization }),
      },
      body: token,
    })
    return answer.status === 202
  } catch (error) {
    if (error instanceof NetworkFault || error instanceof TypeError) return false
    throw error
  }
}
