/** Tables of this folder: sessions of people at providers, and notices of their end. Times are protocol time. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Generated, type Migrations, sql } from '@sekisho/runtime/store'

/** The tables. */
export type SessionTables = {
  provider_session: {
    /** The grant that its tokens carry. */
    grant_id: string
    person_id: string
    provider_id: string
    /** Link id of the certificate that opened it; without that one it ends. */
    certificate_id: string
    /** Whether a refresh token was allowed. */
    is_standing: boolean
    begun_at: Instant
    until: Instant
    ended_at: Instant | null
  }
  logout_notice: {
    id: Generated<number>
    provider_id: string
    person_id: string
    made_at: Instant
    /** Deliveries that failed, and the time before which none is tried. */
    failures: Generated<number>
    retry_at: Generated<number>
  }
}

const statements = [
  `create table provider_session (
    grant_id text primary key,
    person_id text not null,
    provider_id text not null,
    certificate_id text not null,
    is_standing boolean not null,
    begun_at bigint not null,
    until bigint not null,
    ended_at bigint)`,
  'create index provider_session_person on provider_session (person_id, provider_id) where ended_at is null',
  'create index provider_session_certificate on provider_session (certificate_id) where ended_at is null',
  'create index provider_session_until on provider_session (until)',
  `create table logout_notice (
    id bigint generated always as identity primary key,
    provider_id text not null,
    person_id text not null,
    made_at bigint not null,
    failures integer not null default 0,
    retry_at bigint not null default 0)`,
  'create index logout_notice_due on logout_notice (retry_at)',
]

/** The step that makes them. */
export const sessionMigrations: Migrations = {
  'platform-0020-sessions': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
