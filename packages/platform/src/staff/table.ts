/** Tables of the operator's staff and of what they do in pairs (C8). */
import { type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

export type StaffTables = {
  staff_member: {
    id: string
    name: string
    /** Space-separated. */
    roles: string
    /** SHA-256 (hex) of the code by which a passkey may be registered once; null: none is open. */
    enrolment: string | null
    enrolment_until: number | null
    state: 'active' | 'retired'
    added_at: number
  }
  /** What two people do: one proposes, another decides. */
  staff_act: {
    id: string
    kind: string
    body: unknown
    reason: string
    proposed_by: string
    proposed_at: number
    expires_at: number
    /** `running`: decided, and not known to be done; whoever decides again repeats it. */
    state: 'waiting' | 'running' | 'done' | 'declined' | 'refused'
    decided_by: string | null
    decided_at: number | null
    /** Code of the refusal that it met when it was carried out. */
    refusal: string | null
  }
}

const statements = [
  `create table staff_member (
    id text primary key,
    name text not null,
    roles text not null,
    enrolment text,
    enrolment_until bigint,
    state text not null check (state in ('active', 'retired')),
    added_at bigint not null,
    check ((enrolment is null) = (enrolment_until is null)))`,
  `create table staff_act (
    id text primary key,
    kind text not null,
    body jsonb not null,
    reason text not null,
    proposed_by text not null references staff_member,
    proposed_at bigint not null,
    expires_at bigint not null,
    state text not null check (state in ('waiting', 'running', 'done', 'declined', 'refused')),
    decided_by text references staff_member,
    decided_at bigint,
    refusal text,
    check (decided_by is null or state = 'declined' or decided_by <> proposed_by),
    check ((state = 'waiting') = (decided_by is null)),
    check ((state = 'refused') = (refusal is not null)))`,
  "create index staff_act_open on staff_act (proposed_at) where state in ('waiting', 'running')",
  'create index staff_act_proposed on staff_act (proposed_at)',
]

export const staffMigrations: Migrations = {
  'platform-0041-staff': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
