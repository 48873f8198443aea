/**
 * Traffic for the operators' console: counted where everything passes anyway, in the log, so that nothing can be answered and not be
 * counted. A node adds its counts to the table every few seconds; a request costs one addition in memory.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import { sql, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

type Row = PlatformTables['traffic']

/** Counts of one node. */
export type Traffic = {
  /** The log that is to be written to from now on. */
  readonly log: Log
  /** Adds what was counted since to the table. What cannot be added now is kept for the next time. */
  flush(store: Store<PlatformTables>): Promise<void>
}

/** Counts what passes a log. */
export function countTraffic(log: Log): Traffic {
  let counted = new Map<string, Row>()
  const count = (kind: Row['kind'], name: string, ms: number): void => {
    const minute = Math.floor(protocolNow() / minuteMs) * minuteMs
    const key = `${minute} ${kind} ${name}`
    const row = counted.get(key)
    if (row === undefined) {
      if (counted.size < rowsMax)
        counted.set(key, { minute, kind, name, count: 1, total_ms: ms, longest_ms: ms })
      return
    }
    row.count++
    row.total_ms += ms
    row.longest_ms = Math.max(row.longest_ms, ms)
  }
  const see = (code: string, fields: unknown): void => {
    const field = (name: string): unknown =>
      typeof fields === 'object' && fields !== null ? Reflect.get(fields, name) : undefined
    if (code === 'runtime.request-answered')
      count(
        'answered',
        `${String(field('method'))} ${String(field('route'))} ${String(field('status'))}`,
        Number(field('durationMs')),
      )
    else if (code === 'runtime.request-refused' || code === 'platform.interaction-refused')
      count('refused', String(field('refusal')), 0)
  }
  return {
    log: {
      write: (message, ...fields) => {
        see(message.code, fields[0])
        log.write(message, ...fields)
      },
    },
    flush: async store => {
      const taken = counted
      if (taken.size === 0) return
      counted = new Map()
      try {
        await store.transaction(tx =>
          tx
            .insertInto('traffic')
            .values([...taken.values()])
            .onConflict(conflict =>
              conflict.columns(['minute', 'kind', 'name']).doUpdateSet({
                count: sql`traffic.count + excluded.count`,
                total_ms: sql`traffic.total_ms + excluded.total_ms`,
                longest_ms: sql`greatest(traffic.longest_ms, excluded.longest_ms)`,
              }),
            )
            .execute(),
        )
      } catch (error) {
        for (const [key, row] of taken) {
          const since = counted.get(key)
          if (since === undefined) counted.set(key, row)
          else {
            since.count += row.count
            since.total_ms += row.total_ms
            since.longest_ms = Math.max(since.longest_ms, row.longest_ms)
          }
        }
        throw error
      }
    },
  }
}

/** Traffic of the last hour, the busiest first; and of each minute of it, answered and refused. */
export async function lastHour(store: Store<PlatformTables>) {
  const since = protocolNow() - hourMs
  return store.read(async db => {
    // The sum of whole numbers is a decimal, which comes as text.
    const of = db.selectFrom('traffic').where('minute', '>=', since)
    const sums = await of
      .select(['kind', 'name'])
      .select(eb => [
        eb.fn.sum<string>('count').as('count'),
        eb.fn.sum<string>('total_ms').as('total_ms'),
        eb.fn.max<number>('longest_ms').as('longest_ms'),
      ])
      .groupBy(['kind', 'name'])
      .orderBy('count', 'desc')
      .limit(namesMax)
      .execute()
    const minutes = await of
      .select(['minute', 'kind'])
      .select(eb => eb.fn.sum<string>('count').as('count'))
      .groupBy(['minute', 'kind'])
      .orderBy('minute')
      .execute()
    return {
      sums: sums.map(({ kind, name, ...numbers }) => ({
        kind,
        name,
        count: Number(numbers.count),
        meanMs: Number(numbers.total_ms) / Number(numbers.count),
        longestMs: numbers.longest_ms,
      })),
      minutes: minutes.map(({ minute, kind, count }) => ({ minute, kind, count: Number(count) })),
    }
  })
}

/** Forgets what is older than a month. */
export async function sweepTraffic(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx
      .deleteFrom('traffic')
      .where('minute', '<', protocolNow() - 31 * 24 * hourMs)
      .execute(),
  )
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
/** Names are route patterns and refusal codes, so there are few; a bound all the same. */
const rowsMax = 10_000
const namesMax = 200
