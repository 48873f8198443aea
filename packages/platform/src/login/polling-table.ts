/** Tables of this folder: when waiting logins were last asked about. Times are protocol time. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/** The tables. */
export type PollingTables = {
  poll: {
    /** Device code or `auth_req_id`, as the protocol's state stores it. */
    id: string
    asked_at: Instant
    /** Seconds that must lie between two requests. */
    interval_seconds: number
    /** Whether the last request came before they were over. */
    is_early: boolean
    expires_at: Instant
  }
}

const statements = [
  `create table poll (
    id text primary key,
    asked_at bigint not null,
    interval_seconds integer not null,
    is_early boolean not null,
    expires_at bigint not null)`,
  'create index poll_expiry on poll (expires_at)',
]

/** The step that makes them. */
export const pollingMigrations: Migrations = {
  'platform-0052-polling': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
