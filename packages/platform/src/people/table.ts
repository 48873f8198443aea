/** Tables of what people decide about identity links (C4): decisions, conflicts, customer numbers, terminals and households. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Generated, type Migrations, sql } from '@sekisho/runtime/store'

export type LinkTables = {
  /** Registrations brought together or taken apart by people, with all that was moved, so that it can be undone. */
  identity_decision: {
    id: string
    /** The order in which decisions were made. */
    position: Generated<number>
    kind: 'merge' | 'split'
    /** Who stays. */
    person_id: string
    /** Who was merged into them, or came out of them. */
    other_id: string
    moved: unknown
    reason: string
    decided_by: string
    decided_at: Instant
    undone_by: string | null
    undone_at: Instant | null
  }
  /** Two registrations to which the certificates of one card belong: a step was refused, and people decide. */
  identity_case: {
    id: string
    person_id: string
    other_id: string
    met_at: Instant
    state: 'open' | 'merged' | 'dismissed'
  }
  /** A provider's own customer number, linked to a person by proof, or waiting for a clerk. */
  customer_link: {
    id: string
    provider_id: string
    person_id: string
    /** Keyed hash (hex) of the number. */
    number_hash: string
    /** The number, under the key of `sealed_for`. */
    sealed: Uint8Array
    sealed_for: string
    state: 'linked' | 'waiting' | 'refused' | 'ended'
    /** What was compared and found, without the attributes themselves. */
    found: unknown
    clerk: string | null
    created_at: Instant
    decided_at: Instant | null
  }
  /** A receiver, a household or a device that several people may share, as one provider numbers it. */
  terminal: {
    id: string
    provider_id: string
    kind: 'tv' | 'household' | 'device'
    number_hash: string
    /** Who is looking, chosen and proven by card; null: nobody. */
    viewer_id: string | null
    viewer_until: Instant | null
    created_at: Instant
  }
  /** What a person demands everywhere. */
  person_wish: { person_id: string; pin_always: boolean; changed_at: Instant }
  /** Limits that a person set to a scope of a consent. */
  consent_limit: {
    consent_id: string
    scope: string
    ended_at: Instant | null
    until: Instant | null
    uses_max: number | null
    uses: Generated<number>
    /** Number of the day in Japan on which a use was last counted. */
    used_on: Generated<number | null>
  }
  terminal_person: { terminal_id: string; person_id: string; linked_at: Instant }
}

const statements = [
  'alter table person add column merged_into text',
  'create index person_merged on person (merged_into) where merged_into is not null',
  'alter table pairwise add column seen_at bigint',
  `create table identity_decision (
    id text primary key,
    position bigint generated always as identity,
    kind text not null check (kind in ('merge', 'split')),
    person_id text not null,
    other_id text not null,
    moved jsonb not null,
    reason text not null,
    decided_by text not null,
    decided_at bigint not null,
    undone_by text,
    undone_at bigint,
    check ((undone_by is null) = (undone_at is null)))`,
  'create index identity_decision_person on identity_decision (person_id)',
  'create index identity_decision_other on identity_decision (other_id)',
  `create table identity_case (
    id text primary key,
    person_id text not null,
    other_id text not null,
    met_at bigint not null,
    state text not null check (state in ('open', 'merged', 'dismissed')),
    check (person_id < other_id))`,
  "create unique index identity_case_open on identity_case (person_id, other_id) where state = 'open'",
  `create table customer_link (
    id text primary key,
    provider_id text not null,
    person_id text not null,
    number_hash text not null,
    sealed bytea not null,
    sealed_for text not null,
    state text not null check (state in ('linked', 'waiting', 'refused', 'ended')),
    found jsonb not null,
    clerk text,
    created_at bigint not null,
    decided_at bigint,
    check ((state = 'waiting') = (decided_at is null)))`,
  "create unique index customer_link_number on customer_link (provider_id, number_hash) where state = 'linked'",
  "create unique index customer_link_linked on customer_link (provider_id, person_id) where state = 'linked'",
  `create unique index customer_link_waiting on customer_link (provider_id, person_id, number_hash)
    where state = 'waiting'`,
  'create index customer_link_person on customer_link (person_id)',
  `create table terminal (
    id text primary key,
    provider_id text not null,
    kind text not null check (kind in ('tv', 'household', 'device')),
    number_hash text not null,
    viewer_id text,
    viewer_until bigint,
    created_at bigint not null,
    unique (provider_id, kind, number_hash),
    check ((viewer_id is null) = (viewer_until is null)))`,
  `create table terminal_person (
    terminal_id text not null references terminal,
    person_id text not null,
    linked_at bigint not null,
    primary key (terminal_id, person_id))`,
  'create index terminal_person_person on terminal_person (person_id)',
]

const wishStatements = [
  `create table person_wish (
    person_id text primary key,
    pin_always boolean not null,
    changed_at bigint not null)`,
  `create table consent_limit (
    consent_id text not null references consent,
    scope text not null,
    ended_at bigint,
    until bigint,
    uses_max integer check (uses_max > 0),
    uses integer not null default 0,
    used_on integer,
    primary key (consent_id, scope))`,
  'alter table consent add column purpose text',
  'alter table ceremony add column attributes text',
]

export const linkMigrations: Migrations = {
  'platform-0033-limits': async db => {
    for (const statement of wishStatements) await sql.raw(statement).execute(db)
  },
  'platform-0031-links': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
