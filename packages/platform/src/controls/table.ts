/** The table of what people write down about rooms, partners, offices and rules (C8). Nothing here is about citizens. */
import { type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

export type ControlTables = {
  control_record: {
    id: string
    kind: 'rule' | 'entry' | 'outside-party' | 'duty' | 'officer'
    body: unknown
    recorded_by: string
    recorded_at: number
    /** When what was recorded ended: somebody left the room, a contract ran out; null: it lasts. */
    ended_at: number | null
    ended_by: string | null
  }
}

const statements = [
  `create table control_record (
    id text primary key,
    kind text not null check (kind in ('rule', 'entry', 'outside-party', 'duty', 'officer')),
    body jsonb not null,
    recorded_by text not null,
    recorded_at bigint not null,
    ended_at bigint,
    ended_by text,
    check ((ended_at is null) = (ended_by is null)))`,
  'create index control_record_kind on control_record (kind, recorded_at)',
]

export const controlMigrations: Migrations = {
  'platform-0043-controls': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
