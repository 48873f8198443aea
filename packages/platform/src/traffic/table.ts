/** The table of traffic: what was answered and refused, by the minute, of all nodes together. Nobody is named in it. */
import { type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

export type TrafficTables = {
  traffic: {
    /** Beginning of the minute, real time. */
    minute: number
    kind: 'answered' | 'refused'
    /** Route and status, or the refusal's code. */
    name: string
    count: number
    /** Milliseconds of all of them. */
    total_ms: number
    longest_ms: number
  }
}

export const trafficMigrations: Migrations = {
  'platform-0042-traffic': async (db: Kysely<unknown>) => {
    await sql
      .raw(
        `create table traffic (
          minute bigint not null,
          kind text not null check (kind in ('answered', 'refused')),
          name text not null,
          count bigint not null,
          total_ms bigint not null,
          longest_ms bigint not null,
          primary key (minute, kind, name))`,
      )
      .execute(db)
  },
}
