/** Tables of what is kept for providers: results, proofs that they are gone, and their ids of certificates. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

export type ConfirmationTables = {
  /** A provider's own id of a certificate: random, another one for every provider. */
  certificate_alias: {
    id: string
    provider_id: string
    /** Keyed hash (hex) over provider, issuer key and serial, by which the same certificate is found again. */
    question: string
    /** Reference, kind and end of the certificate, under the master key. */
    sealed: Uint8Array
    created_at: Instant
  }
  /** Results as they were given. */
  kept_result: {
    id: string
    provider_id: string
    result: unknown
    kept_until: Instant
  }
  /** Consents to the latest attributes that people sign as documents (A14). */
  latest_consent: {
    number: string
    provider_id: string
    person_id: string
    /** Space-separated. */
    attributes: string
    /** Last day, `YYYY-MM-DD` in Japan. */
    until: string
    /** The signing transaction; the consent is given once that is signed. */
    transaction_id: string
    uses_max: number | null
    uses: number
    /** Key of a question to the authority that is not answered yet. */
    pending: string | null
    made_at: Instant
    withdrawn_at: Instant | null
    /** When the authority heard of the withdrawal. */
    told_at: Instant | null
  }
  /** Which entry of the ledger tells that a result is gone. */
  deleted_result: {
    id: string
    provider_id: string
    why: 'asked' | 'retention'
    entry_id: string
    deleted_at: Instant
  }
}

const statements = [
  `create table certificate_alias (
    id text primary key,
    provider_id text not null,
    question text not null unique,
    sealed bytea not null,
    created_at bigint not null)`,
  `create table kept_result (
    id text not null,
    provider_id text not null,
    result jsonb not null,
    kept_until bigint not null,
    primary key (provider_id, id))`,
  'create index kept_result_until on kept_result (kept_until)',
  `create table deleted_result (
    id text not null,
    provider_id text not null,
    why text not null check (why in ('asked', 'retention')),
    entry_id text not null,
    deleted_at bigint not null,
    primary key (provider_id, id))`,
]

const latestStatements = [
  `create table latest_consent (
    number text primary key,
    provider_id text not null,
    person_id text not null,
    attributes text not null,
    until text not null,
    transaction_id text not null unique,
    uses_max integer check (uses_max > 0),
    uses integer not null,
    pending text,
    made_at bigint not null,
    withdrawn_at bigint,
    told_at bigint)`,
  'create index latest_consent_person on latest_consent (person_id, provider_id)',
  `create index latest_consent_untold on latest_consent (withdrawn_at)
    where withdrawn_at is not null and told_at is null`,
]

export const confirmationMigrations: Migrations = {
  'platform-0032-latest-consents': async db => {
    for (const statement of latestStatements) await sql.raw(statement).execute(db)
  },
  'platform-0030-kept-results': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
