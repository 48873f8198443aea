/**
 * Tables of the PIN-less office, which alone touches them. They stand in the authority's schema, with steps of their own. Instants are
 * bigint milliseconds of domain time, days YYYYMMDD in Japan.
 */
import { type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

/** An organisation 特定機関, or one site or terminal of it, as the policy has it: whatever has a code of its own. */
type PinlessOrganisationTable = {
  /** 7 digits. */
  code: string
  name: string
  /** The site or terminal that the code is for; empty: the whole organisation. */
  unit: string
  spki: Uint8Array
  /** The newest CV certificate and its last day. */
  certificate: Uint8Array | null
  until: string | null
  state: 'active' | 'withdrawn'
  registered_at: number
  withdrawn_at: number | null
  withdrawn_for: string | null
}

/** Terminals, each with the last day of the newest certificate that was entered. */
type PinlessTerminalTable = {
  organisation: string
  number: string
  spki: Uint8Array
  until: string
  state: 'active' | 'withdrawn'
  entered_at: number
  withdrawn_at: number | null
  withdrawn_for: string | null
}

/** The tables. */
export type PinlessTables = {
  pinless_organisation: PinlessOrganisationTable
  pinless_terminal: PinlessTerminalTable
}

const statements = [
  'create sequence pinless_code as integer start 9200001 maxvalue 9299999 no cycle',
  `create table pinless_organisation (
    code text primary key check (code ~ '^[0-9]{7}$'),
    name text not null,
    unit text not null,
    spki bytea not null,
    certificate bytea,
    until text,
    state text not null check (state in ('active', 'withdrawn')),
    registered_at bigint not null,
    withdrawn_at bigint,
    withdrawn_for text,
    check ((certificate is null) = (until is null)),
    check ((state = 'withdrawn') = (withdrawn_at is not null)))`,
  "create unique index pinless_organisation_active on pinless_organisation (name, unit) where state = 'active'",
  `create table pinless_terminal (
    organisation text not null references pinless_organisation,
    number text not null,
    spki bytea not null,
    until text not null,
    state text not null check (state in ('active', 'withdrawn')),
    entered_at bigint not null,
    withdrawn_at bigint,
    withdrawn_for text,
    primary key (organisation, number),
    check ((state = 'withdrawn') = (withdrawn_at is not null)))`,
]

/** From a schema without them to the tables above. */
export const pinlessMigrations: Migrations = {
  'pinless-office-0001-foundation': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
