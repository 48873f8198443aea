/** Tables of passkeys: staff and providers' people have theirs in the same ones. */
import { type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

export type PasskeyTables = {
  /** A credential of a holder such as `staff:hana`. */
  passkey: {
    credential_id: string
    holder: string
    public_key: Uint8Array
    counter: number
    added_at: number
  }
  /** A browser in which a holder proved who they are. */
  passkey_session: {
    /** SHA-256 (hex) of the cookie. */
    id: string
    holder: string
    expires_at: number
  }
  /** What one browser is asked to sign; its row goes with the answer. */
  passkey_question: {
    /** SHA-256 (hex) of the browser's cookie. */
    browser: string
    challenge: string
    /** Whose credential is to be registered; null: whose it is shall be found out. */
    holder: string | null
    /** What is to be known of a new holder once the credential is there. */
    detail: unknown
    expires_at: number
  }
}

const statements = [
  `create table passkey (
    credential_id text primary key,
    holder text not null,
    public_key bytea not null,
    counter bigint not null,
    added_at bigint not null)`,
  'create index passkey_holder on passkey (holder)',
  `create table passkey_session (
    id text primary key,
    holder text not null,
    expires_at bigint not null)`,
  'create index passkey_session_holder on passkey_session (holder)',
  'create index passkey_session_expiry on passkey_session (expires_at)',
  `create table passkey_question (
    browser text primary key,
    challenge text not null,
    holder text,
    detail jsonb,
    expires_at bigint not null)`,
  'create index passkey_question_expiry on passkey_question (expires_at)',
]

export const passkeyMigrations: Migrations = {
  'platform-0040-passkeys': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
