/**
 * Tables of the loading service, which alone touches them. They stand in the authority's schema, with steps of their own. Instants are
 * bigint milliseconds of domain time where nothing else is said; secrets are stored as their SHA-256.
 */
import type { FreeType } from '@sekisho/card'
import { type Generated, type Kysely, type Migrations, sql } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'

/** Owners of applications: bodies that use the area by ordinance 条例利用, and private ones 民間. */
type OwnerTable = {
  id: string
  name: string
  kind: 'ordinance' | 'private'
  /** The ordinance, or the minister's confirmation. */
  basis: string
  /** Types that may be loaded, such as `AC`. */
  types: string
  /** Last day of the contract, YYYYMMDD. */
  until: string
  /** Key with which it signs its questions, SubjectPublicKeyInfo, and its name. */
  key_id: string
  public_key: Uint8Array
  state: 'active' | 'ended'
  registered_at: number
}

/** Applications that are contracted. */
type ApplicationTable = {
  aid: string
  owner: string
  name: string
  type: FreeType
  has_pin: boolean
  /** JSON of the files. */
  files: string
  /** The master key of the owner's keys, sealed. */
  master: Uint8Array
  state: 'active' | 'ended'
  registered_at: number
}

/** Loading terminals, each with who is responsible for it. */
type TerminalTable = {
  number: string
  place: string
  administrator: string
  /** Public half of the key that cards ask for. */
  spki: Uint8Array
  /** What the terminal's browser shows. */
  browser: string | null
  enrolment: string | null
  /** Protocol time. */
  enrolment_until: number | null
  state: 'active' | 'withdrawn'
  registered_at: number
}

/** Operators, each with one authenticator. */
type OperatorTable = {
  id: string
  name: string
  credential_id: string | null
  public_key: Uint8Array | null
  counter: number
  enrolment: string | null
  /** Protocol time. */
  enrolment_until: number | null
  state: 'active' | 'withdrawn'
  registered_at: number
}

/** What an authenticator is asked to sign at a terminal; one at a time. */
type LoadingChallengeTable = {
  terminal: string
  challenge: string
  /** Who registers an authenticator; null: somebody proves themself. */
  operator: string | null
  /** Protocol time. */
  expires_at: number
}

/** An operator at a terminal. */
type LoadingSessionTable = {
  id: string
  terminal: string
  operator: string
  /** Protocol time. */
  expires_at: number
}

/** Applications on cards, present and past. */
type LoadingTable = {
  id: string
  aid: string
  card_serial: string
  /** By which the owner knows the card's holder. */
  user_number: string
  /** `begun`: whether the card has it is not known. */
  state: 'begun' | 'loaded' | 'deleted'
  begun_at: number
  loaded_at: number | null
  deleted_at: number | null
  /** When the owner itself stopped it. */
  stopped_at: number | null
}

/** What happened, in order: who proved themself where, what was loaded, what was refused. */
type LoadingEventTable = {
  position: Generated<number>
  kind: 'verified' | 'unverified' | 'loaded' | 'deleted' | 'refused' | 'stopped'
  at: number
  terminal: string | null
  operator: string | null
  aid: string | null
  loading_id: string | null
  refusal: string | null
}

/** What owners were told to stop. */
type LoadingFeedTable = {
  owner: string
  number: number
  this_update: number
  next_update: number
  /** JSON of the entries. */
  entries: string
}

/** Audits 監査 of owners' systems, for the yearly report. */
type LoadingAuditTable = {
  owner: string
  /** Year of account, from April. */
  year: number
  result: 'satisfied' | 'findings'
  text: string
  at: number
}

/** The tables, and those of the window that are read. */
export type LoadingTables = {
  loading_owner: OwnerTable
  loading_application: ApplicationTable
  loading_terminal: TerminalTable
  loading_operator: OperatorTable
  loading_challenge: LoadingChallengeTable
  loading_session: LoadingSessionTable
  loading: LoadingTable
  loading_event: LoadingEventTable
  loading_feed: LoadingFeedTable
  loading_audit: LoadingAuditTable
} & Pick<AuthorityTables, 'card' | 'certificate'>

const statements = [
  `create table loading_owner (
    id text primary key,
    name text not null,
    kind text not null check (kind in ('ordinance', 'private')),
    basis text not null,
    types text not null check (types ~ '^A?C?D?$'),
    until text not null,
    key_id text not null unique,
    public_key bytea not null,
    state text not null check (state in ('active', 'ended')),
    registered_at bigint not null)`,
  `create table loading_application (
    aid text primary key check (aid ~ '^([0-9A-F]{2}){5,16}$'),
    owner text not null references loading_owner,
    name text not null,
    type text not null check (type in ('A', 'C', 'D')),
    has_pin boolean not null,
    files text not null,
    master bytea not null,
    state text not null check (state in ('active', 'ended')),
    registered_at bigint not null)`,
  `create table loading_terminal (
    number text primary key check (number ~ '^[A-Za-z0-9]{1,8}$'),
    place text not null,
    administrator text not null,
    spki bytea not null,
    browser text unique,
    enrolment text,
    enrolment_until bigint,
    state text not null check (state in ('active', 'withdrawn')),
    registered_at bigint not null)`,
  `create table loading_operator (
    id text primary key,
    name text not null,
    credential_id text unique,
    public_key bytea,
    counter bigint not null default 0,
    enrolment text,
    enrolment_until bigint,
    state text not null check (state in ('active', 'withdrawn')),
    registered_at bigint not null,
    check ((credential_id is null) = (public_key is null)))`,
  `create table loading_challenge (
    terminal text primary key references loading_terminal,
    challenge text not null,
    operator text references loading_operator,
    expires_at bigint not null)`,
  `create table loading_session (
    id text primary key,
    terminal text not null references loading_terminal,
    operator text not null references loading_operator,
    expires_at bigint not null)`,
  `create table loading (
    id text primary key,
    aid text not null references loading_application,
    card_serial text not null,
    user_number text not null,
    state text not null check (state in ('begun', 'loaded', 'deleted')),
    begun_at bigint not null,
    loaded_at bigint,
    deleted_at bigint,
    stopped_at bigint,
    unique (aid, user_number),
    check (state <> 'loaded' or loaded_at is not null),
    check ((state = 'deleted') = (deleted_at is not null)))`,
  "create unique index loading_present on loading (aid, card_serial) where state <> 'deleted'",
  'create index loading_loaded on loading (loaded_at)',
  `create table loading_event (
    position bigint generated always as identity primary key,
    kind text not null,
    at bigint not null,
    terminal text,
    operator text,
    aid text,
    loading_id text,
    refusal text)`,
  `create table loading_feed (
    owner text not null references loading_owner,
    number integer not null,
    this_update bigint not null,
    next_update bigint not null,
    entries text not null,
    primary key (owner, number))`,
  `create table loading_audit (
    owner text not null references loading_owner,
    year integer not null,
    result text not null check (result in ('satisfied', 'findings')),
    text text not null,
    at bigint not null,
    primary key (owner, year))`,
]

/** From a schema without them to the tables above. */
export const loadingMigrations: Migrations = {
  'card-loading-0001-foundation': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
