/** Tables of retention: who asked to be erased or was, and legal holds. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

export type RetentionTables = {
  retention_person: {
    person_id: string
    /** Null: they did not ask. */
    asked_at: Instant | null
    /** How many holds last. */
    holds: number
    erased_at: Instant | null
    /** Which entry of the ledger tells of it. */
    entry_id: string | null
  }
  legal_hold: {
    id: string
    person_id: string
    ground: string
    placed_by: string
    placed_at: Instant
    ended_by: string | null
    ended_at: Instant | null
  }
}

const statements = [
  `create table retention_person (
    person_id text primary key,
    asked_at bigint,
    holds integer not null check (holds >= 0),
    erased_at bigint,
    entry_id text,
    check (erased_at is null or holds = 0))`,
  `create index retention_person_asked on retention_person (asked_at)
    where asked_at is not null and erased_at is null`,
  `create table legal_hold (
    id text primary key,
    person_id text not null references retention_person,
    ground text not null,
    placed_by text not null,
    placed_at bigint not null,
    ended_by text,
    ended_at bigint,
    check ((ended_at is null) = (ended_by is null)))`,
]

export const retentionMigrations: Migrations = {
  'platform-0010-retention': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
