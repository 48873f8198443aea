/** Tables of this folder: SAML requests that wait for the person, and those that were used. Times are protocol time. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/** The tables. */
export type SamlTables = {
  saml_request: {
    /** Random; stands in the address of the pages of this login. */
    uid: string
    provider_id: string
    /** The request's own id, which the answer repeats: it is taken once. */
    request_id: string
    /** SHA-256 (hex) of the cookie of the browser that opened the first page; null: none has yet. */
    browser: string | null
    /** Where the answer is posted. */
    consumer: string
    relay_state: string | null
    /** Space-separated. */
    scopes: string
    acr: 'card' | 'card-signed'
    state: 'open' | 'answered'
    begun_at: Instant
    expires_at: Instant
  }
}

const statements = [
  `create table saml_request (
    uid text primary key,
    provider_id text not null,
    request_id text not null,
    browser text,
    consumer text not null,
    relay_state text,
    scopes text not null,
    acr text not null check (acr in ('card', 'card-signed')),
    state text not null check (state in ('open', 'answered')),
    begun_at bigint not null,
    expires_at bigint not null,
    unique (provider_id, request_id))`,
  'create index saml_request_expiry on saml_request (expires_at)',
  // An entity id is one provider's.
  `create unique index provider_entity on provider ((metadata->'sekisho_saml'->>'entity_id'))
    where metadata->'sekisho_saml' is not null`,
]

/** The step that makes them. */
export const samlMigrations: Migrations = {
  'platform-0050-saml': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
