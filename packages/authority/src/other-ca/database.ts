/**
 * Tables of the other CAs and of the companies' register, each with the one folder that touches it. They stand in the authority's schema, with steps of
 * their own. Instants are bigint milliseconds of domain time.
 */
import type { RevocationReason } from '@sekisho/pki'
import { type Generated, type Kysely, type Migrations, sql } from '@sekisho/runtime/store'
import type { LeafKind, OtherCaId } from './kind.ts'

/** `other-ca/`: every certificate issued to a holder or to another CA. */
type OtherCertificateTable = {
  ca: OtherCaId
  serial: string
  kind: LeafKind | 'cross'
  /** Of a cross-certificate: the CA that it is for. */
  crossed: OtherCaId | null
  /** Corporate number, of certificates that say something of a corporation. */
  corporation: string | null
  /** Of those that end with the office of one representative. */
  representative_id: string | null
  /** SHA-256 of what was applied with, so that the same application is answered with the same certificate. */
  application: string | null
  der: Uint8Array
  not_before: number
  not_after: number
  state: 'valid' | 'revoked'
  reason: RevocationReason | null
  revoked_at: number | null
}

/** `other-ca/`: the newest lists of each CA. */
type OtherListTable = {
  ca: OtherCaId
  number: number
  this_update: number
  next_update: number
  der: Uint8Array
}

/** `other-ca/`: CAs whose list no longer tells all; written with the change, deleted by publication. */
type OtherListChangeTable = {
  ca: OtherCaId
}

/** `corporation/`: the register 商業登記簿 and the corporate numbers 法人番号. */
type CorporationTable = {
  /** 13 digits. */
  number: string
  name: string
  name_romaji: string
  head_office: string
  registered_at: number
  closed_at: number | null
  close_cause: string | null
  /** Whom it merged into. */
  successor: string | null
}

/** `corporation/`: those who represent corporations, present and past. */
type RepresentativeTable = {
  id: string
  corporation: string
  name: string
  name_romaji: string
  title: string
  since: number
  until: number | null
}

/** `corporation/`: entries of the register, in order. */
type CorporationEventTable = {
  id: string
  corporation: string
  kind: string
  /** What it was before, where something was changed. */
  before: string | null
  at: number
  /** Rises with every entry. */
  position: Generated<number>
}

/** The tables. */
export type OtherTables = {
  other_certificate: OtherCertificateTable
  other_list: OtherListTable
  other_list_change: OtherListChangeTable
  corporation: CorporationTable
  representative: RepresentativeTable
  corporation_event: CorporationEventTable
}

const statements = [
  `create table corporation (
    number text primary key check (number ~ '^[0-9]{13}$'),
    name text not null,
    name_romaji text not null,
    head_office text not null,
    registered_at bigint not null,
    closed_at bigint,
    close_cause text,
    successor text references corporation,
    check ((closed_at is null) = (close_cause is null)))`,
  `create table representative (
    id text primary key,
    corporation text not null references corporation,
    name text not null,
    name_romaji text not null,
    title text not null,
    since bigint not null,
    until bigint)`,
  'create index representative_corporation on representative (corporation)',
  `create table corporation_event (
    id text primary key,
    corporation text not null references corporation,
    kind text not null,
    before text,
    at bigint not null,
    position bigint generated always as identity)`,
  'create index corporation_event_corporation on corporation_event (corporation)',
  `create table other_certificate (
    ca text not null,
    serial text not null,
    kind text not null,
    crossed text,
    corporation text references corporation,
    representative_id text references representative,
    application text unique,
    der bytea not null,
    not_before bigint not null,
    not_after bigint not null,
    state text not null check (state in ('valid', 'revoked')),
    reason text,
    revoked_at bigint,
    primary key (ca, serial),
    check ((kind = 'cross') = (crossed is not null)),
    check ((state = 'valid') = (revoked_at is null)),
    check ((state = 'valid') = (reason is null)))`,
  'create index other_certificate_corporation on other_certificate (corporation)',
  "create index other_certificate_revoked on other_certificate (ca) where state = 'revoked'",
  `create table other_list (
    ca text not null,
    number integer not null,
    this_update bigint not null,
    next_update bigint not null,
    der bytea not null,
    primary key (ca, number))`,
  'create table other_list_change (ca text not null)',
]

/** From a schema without them to the tables above. */
export const otherMigrations: Migrations = {
  'other-ca-0001-foundation': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
