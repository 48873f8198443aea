/**
 * Every table of the authority, each with the one folder that touches it. Instants are bigint milliseconds of domain time.
 */
import type { CaKind } from '@sekisho/contract/authority'
import type { RevocationReason } from '@sekisho/pki'
import { type Generated, type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

/** Whether and how somebody stands in the register; `removed`: a foreign resident whose status of residence was lost. */
export type ResidentStatus = 'resident' | 'overseas' | 'deceased' | 'removed'

/** `registry/`: residents 住民. */
type ResidentTable = {
  id: string
  /** Five digits. */
  municipality: string
  /** Parsed by `registry/resident.ts`. */
  attributes: unknown
  status: ResidentStatus
  is_ward: boolean
  /** Name of the persona, for those who have one. */
  persona: string | null
  recorded_at: number
  /** Household; null for who lives in none here: overseas, gone. */
  household_id: string | null
  /** `registry/household.ts` */
  relation: Generated<string>
  /** Reading of the name in katakana, where it is known. */
  reading: string | null
  /** Of foreign residents; parsed by `registry/foreign-stay.ts`. */
  stay: unknown
  /** Last instant of the stay, once more to be found by. */
  stay_until: number | null
}

/** `registry/personal-number.ts` alone: resident code and my number, sealed. */
type PersonalNumberTable = {
  resident_id: string
  sealed: Uint8Array
  /** How often the my number was changed. */
  changes: number
}

/** `registry/personal-number.ts` alone: the secret behind all numbers, wrapped under the master key. One row. */
type NumberKeyTable = {
  id: number
  wrapped: Uint8Array
}

/** `window/`: life events. Each is written in the transaction that has its effect at the CA: exactly once, in order. */
type EventTable = {
  id: string
  resident_id: string
  kind: string
  at: number
  /** Names the notification for whoever sent it, so that sent twice it happens once. */
  notice: string | null
  /** Rises with every event; events of one resident come one after another. */
  position: Generated<number>
}

/** `window/`: cards handed out. */
type CardTable = {
  id: string
  resident_id: string
  /** 15 digits. */
  serial: string
  expires_at: number
  state: 'active' | 'ended'
  issued_at: number
}

/** `ca/`: every certificate issued. */
type CertificateTable = {
  issuer_key_id: string
  serial: string
  ca: CaKind
  resident_id: string
  card_id: string
  municipality: string
  /** Null: registered by number alone, for somebody who never shows a card (docs/decisions). */
  der: Uint8Array | null
  not_before: number
  not_after: number
  state: 'valid' | 'held' | 'revoked'
  reason: RevocationReason | null
  revoked_at: number | null
  /** Of an authentication certificate: the one before it. */
  predecessor_issuer_key_id: string | null
  predecessor_serial: string | null
  /** Of a signature certificate: the authentication certificate beside it on the card when it was issued. */
  authentication_issuer_key_id: string | null
  authentication_serial: string | null
}

/** `revocation/`: the last few lists of each partition, so that who holds the manifest before the newest still gets what it names. */
type PublicationTable = {
  issuer_key_id: string
  municipality: string
  ca: CaKind
  number: number
  this_update: number
  next_update: number
  der: Uint8Array
  /** Hex. */
  sha256: string
  /** Number of the newest list that a daily round brought, this one included: what the next delta is made from. */
  round: number
  /** The same list as a delta; null: there was none to make it from. */
  delta: Uint8Array | null
  delta_base: number | null
  delta_sha256: string | null
}

/** `ca/`: partitions that have certificates: what publication must cover besides the town's own. */
type PartitionTable = {
  issuer_key_id: string
  municipality: string
}

/** `revocation/`: partitions in which something changed since their newest list; written with the change, deleted by publication. */
type PartitionChangeTable = {
  issuer_key_id: string
  municipality: string
}

/** `revocation/`: certificates whose status changed of late, so that no process hands out what it had answered before. */
type StatusChangeTable = {
  issuer_key_id: string
  serial: string
  /** Number of the transaction that wrote the row, which the database knows. */
  transaction_number: Generated<number>
  /** Real time, by the database. */
  recorded_at: Generated<string>
}

/** `answers/`: queries of verifiers with the answer given, so that a repetition is answered alike and counted once. */
type QueryTable = {
  verifier: string
  key: string
  kind: 'corresponding-serial' | 'predecessor' | 'age' | 'latest-attributes'
  request_sha256: string
  usage_id: string
  fee_yen: number
  answer: string
  at: number
}

/** `answers/`: nonces of signed requests until their signatures have expired. Protocol time. */
type NonceTable = {
  key_id: string
  nonce: string
  until: number
}

/** One row once the residents and personas of the town are complete. */
type SeedingTable = {
  finished_at: number
}

/** The authority's tables. */
/** `answers/`: consents to the latest attributes that may no longer be used, by verifier and number. */
type ConsentWithdrawalTable = { verifier: string; number: string; at: number }

/** `card-application/`: forms that were posted. */
type CardFormTable = {
  /** 23 digits. */
  id: string
  resident_id: string
  /** JSON of what is printed. */
  printed: string
  state: 'open' | 'used' | 'replaced'
  issued_at: number
}

/** `card-application/`: applications for cards. */
type CardApplicationTable = {
  id: string
  form_id: string
  resident_id: string
  channel: 'post' | 'phone' | 'window' | 'employer'
  employer: string | null
  /** Until delivery. */
  photo: Uint8Array | null
  declines_signature: boolean
  declines_authentication: boolean
  braille: string | null
  /** JSON. */
  representative: string | null
  state: 'received' | 'ready' | 'delivered' | 'withdrawn'
  received_at: number
  ready_at: number | null
  delivered_at: number | null
  /** JSON of the check-list. */
  checks: string | null
}

/** `ca/`: generations that key ceremonies made, besides those with which every town begins. */
type GenerationTable = {
  ca: CaKind
  generation: number
  kind: 'present' | 'next'
  not_before: number
  certificate: Uint8Array
  /** Where the keys are: parsed by nobody, written by `ca/ceremony.ts` alone. */
  ca_key: { readonly at: 'token' | 'file'; readonly name: string }
  responder_key: { readonly at: 'token' | 'file'; readonly name: string }
  responder_spki: Uint8Array
  operators: readonly string[]
  held_at: number
}

export type AuthorityTables = {
  resident: ResidentTable
  personal_number: PersonalNumberTable
  number_key: NumberKeyTable
  event: EventTable
  card: CardTable
  certificate: CertificateTable
  generation: GenerationTable
  card_form: CardFormTable
  card_application: CardApplicationTable
  consent_withdrawal: ConsentWithdrawalTable
  partition: PartitionTable
  publication: PublicationTable
  partition_change: PartitionChangeTable
  status_change: StatusChangeTable
  query: QueryTable
  nonce: NonceTable
  seeding: SeedingTable
}

const statements = [
  `create table resident (
    id text primary key,
    municipality text not null,
    attributes jsonb not null,
    status text not null check (status in ('resident', 'overseas', 'deceased', 'removed')),
    is_ward boolean not null,
    persona text unique,
    recorded_at bigint not null)`,
  'create index resident_municipality on resident (municipality)',
  `create table event (
    id text primary key,
    resident_id text not null references resident,
    kind text not null,
    at bigint not null)`,
  'create index event_resident on event (resident_id)',
  `create table card (
    id text primary key,
    resident_id text not null references resident,
    serial text not null unique,
    expires_at bigint not null,
    state text not null check (state in ('active', 'ended')),
    issued_at bigint not null)`,
  "create unique index card_active on card (resident_id) where state = 'active'",
  `create table certificate (
    issuer_key_id text not null,
    serial text not null,
    ca text not null check (ca in ('signature', 'authentication')),
    resident_id text not null references resident,
    card_id text not null references card,
    municipality text not null,
    der bytea not null,
    not_before bigint not null,
    not_after bigint not null,
    state text not null check (state in ('valid', 'held', 'revoked')),
    reason text,
    revoked_at bigint,
    predecessor_issuer_key_id text,
    predecessor_serial text,
    authentication_issuer_key_id text,
    authentication_serial text,
    primary key (issuer_key_id, serial),
    check ((state = 'valid') = (revoked_at is null)))`,
  'create index certificate_resident on certificate (resident_id)',
  // A certificate has at most one successor, so the chain of a person's authentication certificates is a line.
  'create unique index certificate_successor on certificate (predecessor_issuer_key_id, predecessor_serial)',
  // Two valid certificates of a kind on one medium are not allowed (A2).
  "create unique index certificate_one_valid on certificate (card_id, ca) where state <> 'revoked'",
  "create index certificate_not_valid on certificate (issuer_key_id, municipality) where state <> 'valid'",
  `create table publication (
    issuer_key_id text not null,
    municipality text not null,
    ca text not null,
    number integer not null,
    this_update bigint not null,
    next_update bigint not null,
    der bytea not null,
    sha256 text not null,
    primary key (issuer_key_id, municipality, number))`,
  'create table partition_change (issuer_key_id text not null, municipality text not null)',
  `create table query (
    verifier text not null,
    key text not null,
    kind text not null,
    request_sha256 text not null,
    usage_id text not null,
    fee_yen integer not null,
    answer text not null,
    at bigint not null,
    primary key (verifier, key))`,
  'create index query_month on query (verifier, at)',
  `create table nonce (
    key_id text not null,
    nonce text not null,
    until bigint not null,
    primary key (key_id, nonce))`,
  'create index nonce_until on nonce (until)',
  'create table seeding (finished_at bigint not null)',
]

// Of lists from before, the newest serves as the day's.
const deltaLists = [
  'alter table publication add column round integer',
  'update publication set round = number',
  'alter table publication alter column round set not null',
  'alter table publication add column delta bytea',
  'alter table publication add column delta_base integer',
  'alter table publication add column delta_sha256 text',
]

const statusChange = [
  `create table status_change (
    issuer_key_id text not null,
    serial text not null,
    transaction_number bigint not null default pg_current_xact_id()::text::bigint,
    recorded_at timestamptz not null default now())`,
  'create index status_change_transaction on status_change (transaction_number)',
]

const partitions = [
  `create table partition (
    issuer_key_id text not null,
    municipality text not null,
    primary key (issuer_key_id, municipality))`,
  'insert into partition select distinct issuer_key_id, municipality from certificate',
]

// Residents from before live alone and have no numbers: towns from before are begun anew to get them.
const registry = [
  'alter table resident add column household_id text',
  "alter table resident add column relation text not null default 'head'",
  'alter table resident add column reading text',
  'alter table resident add column stay jsonb',
  'alter table resident add column stay_until bigint',
  "update resident set household_id = id where status = 'resident'",
  'create index resident_household on resident (household_id)',
  "create index resident_stay_until on resident (stay_until) where stay_until is not null and status = 'resident'",
  `create table personal_number (
    resident_id text primary key references resident,
    sealed bytea not null,
    changes integer not null check (changes between 0 and 9))`,
  'create sequence personal_number_place as bigint start 1 maxvalue 999999999 no cycle',
  'create table number_key (id integer primary key check (id = 1), wrapped bytea not null)',
  'alter table event add column notice text unique',
  'alter table event add column position bigint generated always as identity',
  'alter table certificate alter column der drop not null',
]

const ceremonies = [
  `create table generation (
    ca text not null check (ca in ('signature', 'authentication')),
    generation integer not null check (generation between 3 and 255),
    kind text not null check (kind in ('present', 'next')),
    not_before bigint not null,
    certificate bytea not null,
    ca_key jsonb not null,
    responder_key jsonb not null,
    responder_spki bytea not null,
    operators jsonb not null,
    held_at bigint not null,
    primary key (ca, generation))`,
]

const cardApplications = [
  `create table card_form (
    id text primary key check (id ~ '^[0-9]{23}$'),
    resident_id text not null references resident,
    printed text not null,
    state text not null check (state in ('open', 'used', 'replaced')),
    issued_at bigint not null)`,
  'create index card_form_resident on card_form (resident_id)',
  `create table card_application (
    id text primary key,
    form_id text not null unique references card_form,
    resident_id text not null references resident,
    channel text not null check (channel in ('post', 'phone', 'window', 'employer')),
    employer text,
    photo bytea,
    declines_signature boolean not null,
    declines_authentication boolean not null,
    braille text,
    representative text,
    state text not null check (state in ('received', 'ready', 'delivered', 'withdrawn')),
    received_at bigint not null,
    ready_at bigint,
    delivered_at bigint,
    checks text)`,
  `create unique index card_application_under_way on card_application (resident_id)
    where state in ('received', 'ready')`,
  "create index card_application_received on card_application (received_at) where state = 'received'",
]

/** From an empty schema to the tables above. */
export const authorityMigrations: Migrations = {
  'authority-0001-foundation': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
  'authority-0002-status-change': async (db: Kysely<unknown>) => {
    for (const statement of statusChange) await sql.raw(statement).execute(db)
  },
  'authority-0003-delta-lists': async (db: Kysely<unknown>) => {
    for (const statement of deltaLists) await sql.raw(statement).execute(db)
  },
  'authority-0004-partition': async (db: Kysely<unknown>) => {
    for (const statement of partitions) await sql.raw(statement).execute(db)
  },
  'authority-0005-registry': async (db: Kysely<unknown>) => {
    for (const statement of registry) await sql.raw(statement).execute(db)
  },
  'authority-0006-ceremony': async (db: Kysely<unknown>) => {
    for (const statement of ceremonies) await sql.raw(statement).execute(db)
  },
  'authority-0007-answers': async (db: Kysely<unknown>) => {
    const table =
      'create table consent_withdrawal (verifier text, number text, at bigint not null, primary key (verifier, number))'
    await sql.raw(table).execute(db)
  },
  'authority-0008-caller': async (db: Kysely<unknown>) => {
    // Callers of the loss line are looked up by name.
    const index =
      "create index resident_plain_name on resident (replace(attributes->>'name', '　', ''))"
    await sql.raw(index).execute(db)
  },
  'authority-0009-card-application': async (db: Kysely<unknown>) => {
    for (const statement of cardApplications) await sql.raw(statement).execute(db)
  },
}
