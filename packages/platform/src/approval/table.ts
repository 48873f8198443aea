/** Tables of this folder: device codes that a browser has taken up, wrong codes, and back-channel requests. Times are protocol time. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/** The tables. */
export type ApprovalTables = {
  device_approval: {
    id: string
    /** The device code as the protocol's state stores it: taken up once, by one browser. */
    device_id: string
    /** SHA-256 (hex) of the browser's cookie. */
    browser: string
    expires_at: Instant
  }
  user_code_miss: { browser: string; at: Instant }
  backchannel_request: {
    id: string
    /** `auth_req_id`, worth something to its provider alone. */
    request_id: string
    provider_id: string
    person_id: string
    /** What the provider shows where the request began, to be typed by the person. */
    binding_message: string
    scopes: string
    acr: 'card' | 'card-signed'
    state: 'open' | 'matched' | 'ended'
    /** Wrong binding messages typed. */
    misses: number
    begun_at: Instant
    expires_at: Instant
  }
}

const statements = [
  `create table device_approval (
    id text primary key,
    device_id text not null unique,
    browser text not null,
    expires_at bigint not null)`,
  'create table user_code_miss (browser text not null, at bigint not null)',
  'create index user_code_miss_at on user_code_miss (at)',
  `create table backchannel_request (
    id text primary key,
    request_id text not null unique,
    provider_id text not null,
    person_id text not null,
    binding_message text not null,
    scopes text not null,
    acr text not null check (acr in ('card', 'card-signed')),
    state text not null check (state in ('open', 'matched', 'ended')),
    misses integer not null,
    begun_at bigint not null,
    expires_at bigint not null)`,
  'create index backchannel_request_person on backchannel_request (person_id, expires_at)',
  `create index protocol_user_code on protocol ((payload->>'userCode')) where kind = 'DeviceCode'`,
]

/** The step that makes them. */
export const approvalMigrations: Migrations = {
  'platform-0021-approvals': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
