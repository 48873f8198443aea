/** Tables of this folder: browsers in which a person looks at their own records, and tickets to services. Times are protocol time. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

export type OwnPageTables = {
  own_session: {
    /** SHA-256 (hex) of the cookie. */
    id: string
    person_id: string
    /** Link id of the certificate that opened it, and when; null in rows from before this was kept. */
    certificate_id: string | null
    opened_at: Instant | null
    expires_at: Instant
  }
  /** One entrance to one service, for the browser in which the person clicked. */
  portal_ticket: {
    /** SHA-256 (hex) of the ticket. */
    id: string
    /** SHA-256 (hex) of the cookie of the browser. */
    browser: string
    person_id: string
    provider_id: string
    certificate_id: string
    authenticated_at: Instant
    expires_at: Instant
  }
}

const statements = [
  'alter table own_session add column certificate_id text, add column opened_at bigint',
  `create table portal_ticket (
    id text primary key,
    browser text not null,
    person_id text not null,
    provider_id text not null,
    certificate_id text not null,
    authenticated_at bigint not null,
    expires_at bigint not null)`,
  'create index portal_ticket_expiry on portal_ticket (expires_at)',
]

export const ownPageMigrations: Migrations = {
  'platform-0034-portal-tickets': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
