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

export const confirmationMigrations: Migrations = {
  'platform-0030-kept-results': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
