/**
 * What a provider's services asked lately (C6), for the inspector of its console: the last day, by log code and route. What was sent is
 * kept for services in the sandbox only, so that a request can be looked at and put again.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import { jsonb, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'

/** One thing that a service asked. */
export type Trace = {
  readonly providerId: string
  readonly at: number
  readonly what: string
  readonly status: number | null
  readonly refusal: string | null
  readonly ms: number | null
  readonly body: unknown
}

/** Takes traces and keeps them a little later, many at once; under more load than it can keep it drops the newest and goes on. */
export function createTracer(store: Store<PlatformTables>, log: Log) {
  let waiting: Trace[] = []
  return {
    note(trace: Omit<Trace, 'at'>): void {
      if (waiting.length < waitingMax) waiting.push({ ...trace, at: protocolNow() })
    },
    /** Keeps what waits. */
    async flush(): Promise<void> {
      const taken = waiting
      if (taken.length === 0) return
      waiting = []
      try {
        await store.transaction(tx =>
          tx
            .insertInto('provider_trace')
            .values(
              taken.map(({ providerId, body, ...rest }) => ({
                provider_id: providerId,
                ...rest,
                body: body === undefined || body === null ? null : jsonb(body),
              })),
            )
            .execute(),
        )
      } catch (fault) {
        // Traces are a convenience; a database that is away has other worries.
        log.write(messages['platform.background-fault'], { fault })
      }
    },
  }
}
export type Tracer = ReturnType<typeof createTracer>

/** A provider's traces, the newest first. */
export async function tracesOf(
  store: Store<PlatformTables>,
  providerId: string,
): Promise<readonly (Trace & { readonly id: number })[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('provider_trace')
      .selectAll()
      .where('provider_id', '=', providerId)
      .orderBy('id', 'desc')
      .limit(shownMax)
      .execute(),
  )
  return rows.map(({ provider_id, ...row }) => ({ ...row, providerId: provider_id }))
}

/** Forgets what is older than a day. */
export async function sweepTraces(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx
      .deleteFrom('provider_trace')
      .where('at', '<', protocolNow() - dayMs)
      .execute(),
  )
}

const waitingMax = 10_000
const shownMax = 50
const dayMs = 24 * 3600 * 1000
