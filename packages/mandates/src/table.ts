/** The tables of mandates. Times are domain time, in milliseconds. */
import type { MandateDelegate, MandateTerms } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/** Why a mandate has ended. */
export type EndCause =
  | 'revoked'
  | 'renounced'
  | 'representative-left'
  | 'corporation-closed'
  | 'parent-ended'

/** What a mandate is founded on: a corporation's representative, a person's own wish, or the law. */
export type MandateKind = 'corporate' | 'helper' | 'guardian' | 'parent' | 'heirs'

export type MandateTables = {
  mandate: {
    id: string
    /** The mandate that this one hands on; null for the first of a chain. */
    parent_id: string | null
    kind: MandateKind
    /** For whom is acted: `corporation 5999901000003`, `person <id>`, or `standing <SHA-256>` where the law says so. */
    mandator: string
    /** Who acts; null until the delegate has accepted. */
    delegate_id: string | null
    terms: MandateTerms
    /** Names and addresses, sealed under the key of `mandator`. */
    sealed: Uint8Array
    /** SHA-256 (hex) of the code by which the delegate finds it; null once accepted. */
    code_hash: string | null
    /** SHA-256 (hex) of the signed statement that gave it: the same one gives the same mandate. */
    grant_sha256: string
    /** The operator's record (JWS); null until accepted. */
    record: string | null
    state: 'offered' | 'active' | 'ended'
    ended_cause: EndCause | null
    offered_at: Instant
    accepted_at: Instant | null
    ended_at: Instant | null
  }
  /** When the register of companies was last asked about a corporation; real time. */
  corporation_seen: { mandator: string; seen_at: Instant }
}

/** Who stands in a mandate. */
export type MandateParties = {
  readonly mandator: {
    readonly name: string
    readonly title?: string | undefined
    readonly corporation?: { readonly name: string; readonly headOffice: string } | undefined
    readonly birthdate?: string | undefined
  }
  readonly delegate: MandateDelegate & { readonly birthdate?: string | undefined }
}

/** A mandate with its people. */
export type Mandate = {
  readonly row: MandateTables['mandate']
  readonly parties: MandateParties
}

const statements = [
  `create table mandate (
    id text primary key,
    parent_id text references mandate,
    kind text not null check (kind in ('corporate', 'helper', 'guardian', 'parent', 'heirs')),
    mandator text not null,
    delegate_id text,
    terms jsonb not null,
    sealed bytea not null,
    code_hash text unique,
    grant_sha256 text not null unique,
    record text,
    state text not null check (state in ('offered', 'active', 'ended')),
    ended_cause text,
    offered_at bigint not null,
    accepted_at bigint,
    ended_at bigint,
    check ((state = 'ended') = (ended_at is not null)),
    check (state <> 'active' or (delegate_id is not null and accepted_at is not null)))`,
  'create index mandate_delegate on mandate (delegate_id) where delegate_id is not null',
  'create index mandate_mandator on mandate (mandator)',
  'create index mandate_parent on mandate (parent_id) where parent_id is not null',
  `create table corporation_seen (
    mandator text primary key,
    seen_at bigint not null)`,
]

/** The steps that make them. */
export const mandateMigrations: Migrations = {
  'mandates-0001-mandates': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
