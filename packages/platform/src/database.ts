/**
 * Every table of the platform, each with the one folder that touches it. Instants are bigint milliseconds; bytes are
 * bytea; SQL never asks the server for the time.
 */
import { type PasskeyTables, passkeyMigrations } from './passkey/table.ts'
import { gatewayMigrations, type GatewayTables } from './gateway/table.ts'
import { samlMigrations, type SamlTables } from './saml/table.ts'
import { pollingMigrations, type PollingTables } from './login/polling-table.ts'
import { type TokenKeyTables, tokenKeyMigrations } from './login/token-key-table.ts'
import { type RetentionTables, retentionMigrations } from './controls/retention-table.ts'
import { type ControlTables, controlMigrations } from './controls/table.ts'
import { type OnboardingTables, onboardingMigrations } from './onboarding/table.ts'
import { type TrafficTables, trafficMigrations } from './traffic/table.ts'
import { type StaffTables, staffMigrations } from './staff/table.ts'
import { type ConfirmationTables, confirmationMigrations } from './confirm/table.ts'
import { type ApprovalTables, approvalMigrations } from './approval/table.ts'
import { sessionMigrations, type SessionTables } from './session/table.ts'
import { ownPageMigrations, type OwnPageTables } from './own-page/table.ts'
import { linkMigrations, type LinkTables } from './people/table.ts'
import type { ChangeMeaning, FeeMethod, FeePurpose, RefusalCode } from '@sekisho/contract'
import { ledgerMigrations, type LedgerTables } from '@sekisho/ledger'
import { personKeyMigrations, type PersonKeyTables } from '@sekisho/runtime/keys'
import {
  type ColumnType,
  type Generated,
  type Kysely,
  type Migrations,
  sql,
} from '@sekisho/runtime/store'

/** `providers/`: who may ask for what. */
type ProviderTable = {
  id: string
  /** OpenID client metadata with the `sekisho_` members, public keys only. */
  metadata: unknown
  state: 'active' | 'suspended'
  created_at: number
}

/** `login/`: short-lived state of the OpenID protocol. Secrets are stored as their SHA-256. */
type ProtocolTable = {
  kind: string
  id: string
  payload: unknown
  uid: string | null
  grant_id: string | null
  consumed_at: number | null
  expires_at: number
}

/** `login/`: one card step asked of one browser. */
type CeremonyTable = {
  id: string
  uid: string
  kind: 'login' | 'identify' | 'sign'
  provider_id: string
  /** SHA-256 (hex) of the cookie of the browser that began. */
  browser: string
  /** SHA-256 (hex) of the challenge, of the statement or of the document: what is to be signed. */
  asked: string
  /** The statement to be signed by *identify*, as shown; null otherwise. */
  statement: Uint8Array | null
  /** Space-separated: what the person chose to release by *identify*; null: all that was asked. */
  attributes: ColumnType<string | null, string | null | undefined, never>
  transaction_id: string | null
  /** The time that the signer of a container claims, in whole seconds of domain time; null where no container is made. */
  signing_time: number | null
  state: 'open' | 'used'
  created_at: number
  expires_at: number
}

/** `people/`: a person needs no attribute to exist. */
type PersonTable = {
  id: string
  created_at: number
  /** Of a registration that was brought into another (C4): whose records are read together with it. */
  merged_into: ColumnType<string | null, string | null | undefined, string | null>
}

/** `people/`: the one place where a serial stands in the clear; other tables name a certificate by `id`. */
type CertificateLinkTable = {
  id: string
  issuer_key_id: string
  serial: string
  kind: 'signature' | 'authentication'
  person_id: string
  /** How the link was proven: the authority's correspondence or succession, or the card itself when first met. */
  proof: 'correspondence' | 'succession' | 'first-met'
  distribution_point: Uint8Array | null
  /** The certificate is certainly not expired before this; 0 when nothing is known. */
  not_after: number
  linked_at: number
}

/** `people/`: what a provider knows a person by: 128 random bits. */
type PairwiseTable = {
  provider_id: string
  person_id: string
  subject: string
  created_at: number
  /** When the person last showed the card there; null: not since this is kept. */
  seen_at: ColumnType<number | null, number | null | undefined, number | null>
}

/** `people/`: who may know what about whom until when (C9). */
type ConsentTable = {
  id: string
  person_id: string
  provider_id: string
  /** Space-separated: attribute scopes, `linkage`, `change`. */
  scopes: string
  /** The purpose as the statement said it; null: given before that was kept. */
  purpose: ColumnType<string | null, string | null | undefined, string | null>
  statement_sha256: string
  /** The signature certificate that signed, and from which attributes were released. */
  certificate_id: string
  /** `replaced` by a later consent of the same person towards the same provider. */
  state: 'given' | 'withdrawn' | 'replaced'
  given_at: number
  until: number
  ended_at: number | null
}

/** `evidence/`: queries to the authority: written before they are sent, finished by their answer. */
type IntentTable = {
  id: string
  kind: 'corresponding-serial' | 'predecessor'
  /** Keyed hash (hex) over kind, issuer key and serial: the same question is asked under the same id. */
  question: string
  /** The query as it was first put, sealed: it is repeated to the letter. */
  query: Uint8Array
  state: 'asked' | 'answered'
  /** Signed answer of the authority as received, sealed. */
  answer: Uint8Array | null
  created_at: number
  answered_at: number | null
  /** When the fee of the query was put on a provider's bill: once. */
  charged_at: number | null
}

/** `evidence/`: signed documents with certificate and judgement, sealed under the person's key. */
type ContainerTable = {
  id: string
  person_id: string
  provider_id: string
  kind: 'identify' | 'sign' | 'login' | 'verification'
  sealed: Uint8Array
  judged_at: number
  policy: string
  /** What the sealed content holds: a bare signature or a signed file. */
  format: 'raw' | 'cades' | 'xades' | 'pades' | 'jades' | 'asice'
  /** Level reached, such as `cades-lt`; null for what has none. */
  level: string | null
  /** When something is to be added, so that it lasts; null: nothing can be. */
  due_at: number | null
  /** Until when the newest time-stamp is believed; null: there is none. */
  stamped_until: number | null
  /** The signing transaction that it came of. */
  transaction_id: string | null
}

/** `evidence/`: every CRL ever taken over, so that "status at T as known at K" can be answered. */
type CrlTable = {
  issuer_key_id: string
  distribution_point: Uint8Array
  number: string
  /** Number of the list that this one is a delta to; empty: a full list. Both may have the same number. */
  delta_base: string
  this_update: number
  next_update: number
  der: Uint8Array
  received_at: number
}

/** `confirm/`: attributes released to one provider by one grant, sealed. */
type ReleaseTable = {
  grant_id: string
  person_id: string
  provider_id: string
  sealed: Uint8Array
  expires_at: number
}

/** `confirm/`: documents that providers want signed. */
type SigningTable = {
  id: string
  provider_id: string
  person_id: string
  subject: string
  title: string
  media_type: 'text/plain' | 'application/json' | 'application/pdf'
  format: ContainerTable['format']
  document: Uint8Array
  document_sha256: string
  request_key: string
  request_sha256: string
  state: 'waiting' | 'signed' | 'refused'
  refusal: RefusalCode | null
  receipt: string | null
  created_at: number
  expires_at: number
  ended_at: number | null
}

/** `fees/`: one row per charge; its key makes it exactly one (C7). */
type UsageTable = {
  provider_id: string
  transaction: string
  kind: 'signature-check' | 'authentication-check' | 'corresponding-serial'
  /** The list's price when it was metered; what a month costs is rated anew from the rest. */
  fee_yen: number
  /** `YYYY-MM` in Japan. */
  month: string
  at: number
  method: ColumnType<FeeMethod, FeeMethod | undefined, never>
  purpose: ColumnType<FeePurpose, FeePurpose | undefined, never>
  /** Pairwise subject of a current-status check, so that a person can be counted once a year. */
  subject: string | null
}

/** `fees/`: tariffs that an operator added. A row never changes. */
type TariffTable = { id: string; definition: unknown; added_at: number }

/** `fees/`: from which month which tariff is in force. */
type TariffAdoptionTable = { month: string; tariff_id: string; adopted_at: number }

/** `fees/`: statements of months that have ended; a correction is a row with the next version. */
type FeeStatementTable = {
  provider_id: string
  month: string
  version: number
  statement: unknown
  /** Why it was corrected; null for the first. */
  reason: string | null
  made_at: number
}

/** `watch/`: how a provider hears of changes. */
type WatchStreamTable = {
  provider_id: string
  delivery: 'push' | 'poll'
  endpoint: string | null
  /** Sent with each push. */
  authorization_header: string | null
  /** Pushes that failed in a row, and the real time before which none is tried. */
  failures: Generated<number>
  retry_at: Generated<number>
  created_at: number
}

/** `watch/`: events, as tokens that say meaning and pairwise subject and nothing else. */
type WatchEventTable = {
  position: Generated<number>
  provider_id: string
  jti: string
  token: string
  made_at: number
  acknowledged_at: number | null
}

/** `watch/`: what a provider was last told of a person. */
type WatchToldTable = { provider_id: string; person_id: string; meaning: ChangeMeaning }

/** `watch/`: up to which list each partition was swept. */
type WatchCursorTable = { partition: string; number: string; swept_at: number }

/** `evidence/`: anchors that came after the start. */
type AnchorTable = { sha256: string; der: Uint8Array; added_at: number }

/** `confirm/`: challenges for answers without PIN that wait for theirs. */
type PinlessChallengeTable = {
  /** SHA-256 (hex) of the challenge. */
  id: string
  provider_id: string
  expires_at: number
}

/** The platform's tables, with those that person keys and the ledger bring. */
export type PlatformTables = PersonKeyTables &
  LedgerTables &
  SessionTables &
  ApprovalTables &
  ConfirmationTables &
  LinkTables &
  OwnPageTables &
  PasskeyTables &
  StaffTables &
  TrafficTables &
  ControlTables &
  RetentionTables &
  TokenKeyTables &
  SamlTables &
  PollingTables &
  GatewayTables &
  OnboardingTables & {
    anchor: AnchorTable
    watch_stream: WatchStreamTable
    watch_event: WatchEventTable
    watch_told: WatchToldTable
    watch_cursor: WatchCursorTable
    provider: ProviderTable
    protocol: ProtocolTable
    ceremony: CeremonyTable
    person: PersonTable
    certificate_link: CertificateLinkTable
    pairwise: PairwiseTable
    consent: ConsentTable
    intent: IntentTable
    container: ContainerTable
    crl: CrlTable
    release: ReleaseTable
    signing: SigningTable
    pinless_challenge: PinlessChallengeTable
    usage: UsageTable
    tariff: TariffTable
    tariff_adoption: TariffAdoptionTable
    fee_statement: FeeStatementTable
  }

const statements = [
  `create table provider (
    id text primary key,
    metadata jsonb not null,
    state text not null check (state in ('active', 'suspended')),
    created_at bigint not null)`,
  `create table protocol (
    kind text not null,
    id text not null,
    payload jsonb not null,
    uid text,
    grant_id text,
    consumed_at bigint,
    expires_at bigint not null,
    primary key (kind, id))`,
  'create index protocol_uid on protocol (uid) where uid is not null',
  'create index protocol_grant on protocol (grant_id) where grant_id is not null',
  'create index protocol_expiry on protocol (expires_at)',
  `create table ceremony (
    id text primary key,
    uid text not null,
    kind text not null check (kind in ('login', 'identify', 'sign')),
    provider_id text not null,
    browser text not null,
    asked text not null,
    statement bytea,
    transaction_id text,
    state text not null check (state in ('open', 'used')),
    created_at bigint not null,
    expires_at bigint not null)`,
  'create index ceremony_asked on ceremony (asked)',
  'create index ceremony_uid on ceremony (uid, browser)',
  'create index ceremony_expiry on ceremony (expires_at)',
  'create table person (id text primary key, created_at bigint not null)',
  `create table certificate_link (
    id text not null unique,
    issuer_key_id text not null,
    serial text not null,
    kind text not null check (kind in ('signature', 'authentication')),
    person_id text not null,
    proof text not null check (proof in ('correspondence', 'succession', 'first-met')),
    distribution_point bytea,
    not_after bigint not null,
    linked_at bigint not null,
    primary key (issuer_key_id, serial))`,
  'create index certificate_link_person on certificate_link (person_id)',
  `create table pairwise (
    provider_id text not null,
    person_id text not null,
    subject text not null,
    created_at bigint not null,
    primary key (provider_id, person_id),
    unique (provider_id, subject))`,
  `create table consent (
    id text primary key,
    person_id text not null,
    provider_id text not null,
    scopes text not null,
    statement_sha256 text not null,
    certificate_id text not null,
    state text not null check (state in ('given', 'withdrawn', 'replaced')),
    given_at bigint not null,
    until bigint not null,
    ended_at bigint,
    check ((state = 'given') = (ended_at is null)),
    unique (person_id, provider_id, statement_sha256))`,
  "create unique index consent_in_force on consent (person_id, provider_id) where state = 'given'",
  `create table intent (
    id text primary key,
    kind text not null check (kind in ('corresponding-serial', 'predecessor')),
    question text not null unique,
    query bytea not null,
    state text not null check (state in ('asked', 'answered')),
    answer bytea,
    created_at bigint not null,
    answered_at bigint,
    charged_at bigint,
    check ((state = 'answered') = (answer is not null)),
    check (charged_at is null or state = 'answered'))`,
  `create table container (
    id text primary key,
    person_id text not null,
    provider_id text not null,
    kind text not null check (kind in ('identify', 'sign', 'login', 'verification')),
    sealed bytea not null,
    judged_at bigint not null,
    policy text not null)`,
  'create index container_person on container (person_id)',
  `create table crl (
    issuer_key_id text not null,
    distribution_point bytea not null,
    number text not null,
    this_update bigint not null,
    next_update bigint not null,
    der bytea not null,
    received_at bigint not null,
    primary key (issuer_key_id, distribution_point, number))`,
  `create table release (
    grant_id text primary key,
    person_id text not null,
    provider_id text not null,
    sealed bytea not null,
    expires_at bigint not null)`,
  'create index release_expiry on release (expires_at)',
  `create table signing (
    id text primary key,
    provider_id text not null,
    person_id text not null,
    subject text not null,
    title text not null,
    media_type text not null,
    document bytea not null,
    document_sha256 text not null,
    request_key text not null,
    request_sha256 text not null,
    state text not null check (state in ('waiting', 'signed', 'refused')),
    refusal text,
    receipt text,
    created_at bigint not null,
    expires_at bigint not null,
    ended_at bigint,
    check ((state = 'waiting') = (ended_at is null)),
    check ((state = 'signed') = (receipt is not null)),
    unique (provider_id, request_key))`,
  `create table own_session (
    id text primary key,
    person_id text not null,
    expires_at bigint not null)`,
  'create index own_session_expiry on own_session (expires_at)',
  `create table usage (
    provider_id text not null,
    transaction text not null,
    kind text not null check (kind in ('signature-check', 'authentication-check', 'corresponding-serial')),
    fee_yen integer not null,
    month text not null,
    at bigint not null,
    primary key (provider_id, transaction, kind))`,
  'create index usage_month on usage (provider_id, month)',
]

const deltaStatements = [
  "alter table crl add column delta_base text not null default ''",
  'alter table crl drop constraint crl_pkey',
  'alter table crl add primary key (issuer_key_id, distribution_point, number, delta_base)',
  'create index crl_newest on crl (issuer_key_id, distribution_point, (number::bigint) desc)',
]

const lastingStatements = [
  'alter table ceremony add column signing_time bigint',
  `alter table signing add column format text not null default 'raw'
    check (format in ('raw', 'cades', 'xades', 'pades'))`,
  `alter table container
    add column format text not null default 'raw' check (format in ('raw', 'cades', 'xades', 'pades')),
    add column level text,
    add column due_at bigint,
    add column stamped_until bigint,
    add column transaction_id text`,
  'create index container_due on container (due_at) where due_at is not null',
  'create index container_transaction on container (transaction_id) where transaction_id is not null',
]

const formatStatements = ['signing', 'container'].flatMap(table => [
  `alter table ${table} drop constraint ${table}_format_check`,
  `alter table ${table} add constraint ${table}_format_check
    check (format in ('raw', 'cades', 'xades', 'pades', 'jades', 'asice'))`,
])

const anchorStatements = [
  'create table anchor (sha256 text primary key, der bytea not null, added_at bigint not null)',
]

const pinlessStatements = [
  `create table pinless_challenge (
    id text primary key,
    provider_id text not null,
    expires_at bigint not null)`,
  'create index pinless_challenge_expiry on pinless_challenge (expires_at)',
]

const watchStatements = [
  `create table watch_stream (
    provider_id text primary key references provider,
    delivery text not null check (delivery in ('push', 'poll')),
    endpoint text check ((delivery = 'push') = (endpoint is not null)),
    authorization_header text,
    failures integer not null default 0,
    retry_at bigint not null default 0,
    created_at bigint not null)`,
  `create table watch_event (
    position bigint generated always as identity primary key,
    provider_id text not null,
    jti text not null unique,
    token text not null,
    made_at bigint not null,
    acknowledged_at bigint)`,
  'create index watch_event_pending on watch_event (provider_id, position) where acknowledged_at is null',
  'create index watch_event_provider on watch_event (provider_id, position)',
  'create index watch_event_acknowledged on watch_event (acknowledged_at)',
  `create table watch_told (
    provider_id text not null,
    person_id text not null,
    meaning text not null,
    primary key (provider_id, person_id))`,
  'create table watch_cursor (partition text primary key, number text not null, swept_at bigint not null)',
]

// Uses from before are taken for transactions by list, which is the default of a provider.
const feeStatements = [
  `alter table usage
    add column method text not null default 'crl' check (method in ('crl', 'ocsp', 'query')),
    add column purpose text not null default 'transaction' check (purpose in ('transaction', 'current-status')),
    add column subject text`,
  'create index usage_subject on usage (provider_id, kind, subject, at) where subject is not null',
  'create table tariff (id text primary key, definition jsonb not null, added_at bigint not null)',
  `create table tariff_adoption (
    month text primary key,
    tariff_id text not null,
    adopted_at bigint not null)`,
  `create table fee_statement (
    provider_id text not null,
    month text not null,
    version integer not null,
    statement jsonb not null,
    reason text,
    made_at bigint not null,
    primary key (provider_id, month, version),
    check ((version = 1) = (reason is null)))`,
]

/** From an empty schema to the tables above. */
export const platformMigrations: Migrations = {
  ...personKeyMigrations,
  ...ledgerMigrations,
  'platform-0001-foundation': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
  'platform-0003-delta-lists': async (db: Kysely<unknown>) => {
    for (const statement of deltaStatements) await sql.raw(statement).execute(db)
  },
  'platform-0004-lasting-containers': async (db: Kysely<unknown>) => {
    for (const statement of lastingStatements) await sql.raw(statement).execute(db)
  },
  'platform-0005-formats': async (db: Kysely<unknown>) => {
    for (const statement of formatStatements) await sql.raw(statement).execute(db)
  },
  'platform-0006-anchors': async (db: Kysely<unknown>) => {
    for (const statement of anchorStatements) await sql.raw(statement).execute(db)
  },
  'platform-0007-pinless': async (db: Kysely<unknown>) => {
    for (const statement of pinlessStatements) await sql.raw(statement).execute(db)
  },
  'platform-0008-fees': async (db: Kysely<unknown>) => {
    for (const statement of feeStatements) await sql.raw(statement).execute(db)
  },
  'platform-0009-watch': async (db: Kysely<unknown>) => {
    for (const statement of watchStatements) await sql.raw(statement).execute(db)
  },
  ...sessionMigrations,
  ...approvalMigrations,
  ...confirmationMigrations,
  ...linkMigrations,
  ...ownPageMigrations,
  ...passkeyMigrations,
  ...staffMigrations,
  ...trafficMigrations,
  ...controlMigrations,
  ...retentionMigrations,
  ...tokenKeyMigrations,
  ...onboardingMigrations,
  ...samlMigrations,
  ...gatewayMigrations,
  ...pollingMigrations,
}
