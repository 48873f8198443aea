/** The tables of procedures. Times are domain time unless said otherwise. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

export type ProcedureTables = {
  /** One running or ended case; what happened in it stands in its events. */
  procedure_case: {
    id: string
    definition: string
    version: number
    /** Number of its last event: who writes the next must have read this one. */
    last_event: number
    /** When the next deadline passes; null: none does. */
    due_at: Instant | null
    begun_at: Instant
    ended_at: Instant | null
    /** The applicant's own name for it: the same one again is the same case. */
    request_key: string
  }
  /** Its history; content sealed under the key of the case. */
  procedure_event: {
    case_id: string
    number: number
    kind: string
    sealed: Uint8Array
    at: Instant
  }
  /** Who takes part, to find cases by. */
  procedure_party: {
    case_id: string
    party: string
    role: string
    /** `person <id>`, `organisation <number>`, `municipality <code>`, `provider <id>`. */
    owner: string
  }
  /** Tasks that are open, to find work by. */
  procedure_task: {
    case_id: string
    task: string
    owner: string
    opened_at: Instant
    deadline: Instant | null
    is_handed_over: boolean
  }
  procedure_document: {
    id: string
    case_id: string
    task: string
    name: string
    media_type: string
    sha256: string
    sealed: Uint8Array
    at: Instant
  }
  /** Filled in and not yet signed; sealed under the person's key. Real time. */
  procedure_draft: { id: string; person_id: string; sealed: Uint8Array; expires_at: Instant }
  /** Partners whom a person has agreed to tell of a move, beforehand and one by one (flows.md §13). */
  procedure_agreement: {
    person_id: string
    provider_id: string
    agreed_at: Instant
  }
  /** Who was invited, so that nobody is invited twice for one change. */
  procedure_invitation: { person_id: string; certificate_id: string; invited_at: Instant }
}

const statements = [
  `create table procedure_case (
    id text primary key,
    definition text not null,
    version integer not null,
    last_event integer not null,
    due_at bigint,
    begun_at bigint not null,
    ended_at bigint,
    request_key text not null unique)`,
  'create index procedure_case_due on procedure_case (due_at) where due_at is not null',
  `create table procedure_event (
    case_id text not null references procedure_case,
    number integer not null,
    kind text not null,
    sealed bytea not null,
    at bigint not null,
    primary key (case_id, number))`,
  `create table procedure_party (
    case_id text not null references procedure_case,
    party text not null,
    role text not null,
    owner text not null,
    primary key (case_id, party))`,
  'create index procedure_party_owner on procedure_party (owner, case_id)',
  `create table procedure_task (
    case_id text not null references procedure_case,
    task text not null,
    owner text not null,
    opened_at bigint not null,
    deadline bigint,
    is_handed_over boolean not null,
    primary key (case_id, task))`,
  'create index procedure_task_owner on procedure_task (owner, opened_at)',
  'create index procedure_task_handed on procedure_task (opened_at) where is_handed_over',
  `create table procedure_document (
    id text primary key,
    case_id text not null references procedure_case,
    task text not null,
    name text not null,
    media_type text not null,
    sha256 text not null,
    sealed bytea not null,
    at bigint not null)`,
  'create index procedure_document_case on procedure_document (case_id)',
  `create table procedure_draft (
    id text primary key,
    person_id text not null,
    sealed bytea not null,
    expires_at bigint not null)`,
  'create index procedure_draft_expiry on procedure_draft (expires_at)',
  `create table procedure_agreement (
    person_id text not null,
    provider_id text not null,
    agreed_at bigint not null,
    primary key (person_id, provider_id))`,
  `create table procedure_invitation (
    person_id text not null,
    certificate_id text not null,
    invited_at bigint not null,
    primary key (person_id, certificate_id))`,
]

/** The steps that make them. */
export const procedureMigrations: Migrations = {
  'procedures-0001-cases': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
