/** Tables of this folder: logins at other OpenID Providers that are under way, and who they are here. Times are protocol time. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/** The tables. */
export type GatewayTables = {
  upstream_login: {
    /** SHA-256 (hex) of the `state`. */
    id: string
    upstream: string
    /** The interaction that it belongs to. */
    uid: string
    /** SHA-256 (hex) of the cookie of the browser that began. */
    browser: string
    nonce: string
    verifier: string
    /** `open` → `taken` by the answer → `proven` → `used` by the login, or by the card step that links. */
    state: 'open' | 'taken' | 'proven' | 'used'
    /** SHA-256 (hex) of issuer and subject, once proven. */
    subject: string | null
    expires_at: Instant
  }
  upstream_link: {
    upstream: string
    /** SHA-256 (hex) of issuer and subject. */
    subject: string
    person_id: string
    /** The certificate of the card that proved it, while which is valid the link serves. */
    certificate_id: string
    linked_at: Instant
  }
}

const statements = [
  `create table upstream_login (
    id text primary key,
    upstream text not null,
    uid text not null,
    browser text not null,
    nonce text not null,
    verifier text not null,
    state text not null check (state in ('open', 'taken', 'proven', 'used')),
    subject text,
    expires_at bigint not null,
    check (state in ('open', 'taken') or subject is not null))`,
  'create index upstream_login_uid on upstream_login (uid)',
  'create index upstream_login_expiry on upstream_login (expires_at)',
  `create table upstream_link (
    upstream text not null,
    subject text not null,
    person_id text not null,
    certificate_id text not null,
    linked_at bigint not null,
    primary key (upstream, subject))`,
  'create index upstream_link_person on upstream_link (person_id)',
]

/** The step that makes them. */
export const gatewayMigrations: Migrations = {
  'platform-0051-gateway': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
