/** The tables of the mailbox (C11). What people write is sealed; what must be counted, ordered or ended is in the clear. */
import type { MailEvent, MailKind, MailState } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import { type Generated, type Migrations, type Selectable, sql } from '@sekisho/runtime/store'

/** Whose a box is. */
export type BoxKind = 'person' | 'organisation' | 'municipality' | 'provider' | 'system'

/** Where a recipient has put a message. */
export type Folder = 'in' | 'archive' | 'bin'

export type MailboxTables = {
  mailbox_box: {
    id: string
    kind: BoxKind
    /** Person's id, corporate number, municipality's code, provider's id, or a system's name. */
    owner: string
    /** What others see; null for people. */
    name: string | null
    /** The provider that posts and fetches for this box. */
    provider_id: string | null
    /** Whose key it is sealed under: the person's, or the box's own. */
    key_id: string
    /** The number that the next delivered message gets. */
    next_number: Generated<number>
    held_count: Generated<number>
    held_bytes: Generated<number>
    created_at: Instant
  }
  mailbox_member: { box_id: string; person_id: string; role: 'reader' | 'clerk'; since: Instant }
  mailbox_sender_day: { box_id: string; day: number; count: number }
  mailbox_message: {
    id: string
    sender_box: string
    recipient_box: string
    kind: MailKind
    state: MailState
    /** The place in the recipient's box; null until it is delivered. Committed in this order. */
    number: number | null
    /** The content under the message's own key; null once erased. */
    sealed: Uint8Array | null
    /** That key, under the key of either box; null once erased. */
    sender_key: Uint8Array | null
    recipient_key: Uint8Array | null
    /** Bytes that count against quotas. */
    bytes: number
    folder: Folder
    request_key: string
    request_hash: string
    why: string | null
    posted_at: Instant
    delivered_at: Instant | null
    read_at: Instant | null
    ended_at: Instant | null
    expires_at: Instant | null
    /** When it came into its folder, or ended; retention counts from here. */
    moved_at: Instant | null
    /** When checks are tried next (real time); null: nothing to check. */
    try_at: Instant | null
    tries: Generated<number>
  }
  mailbox_document: {
    message_id: string
    position: number
    /** The bytes under the message's key, for a small one. */
    sealed: Uint8Array | null
    /** The file in the folder, for a large one. */
    file: string | null
  }
  mailbox_event: {
    message_id: string
    event: MailEvent
    at: Instant
    /** The receipt's payload, under the key of the sender's box. */
    sealed: Uint8Array
    entry_id: string
    /** The signed receipt, once somebody fetched it. */
    receipt: string | null
  }
  /** People to whom companies may write whom they never enrolled with (D20). */
  mailbox_opening: {
    person_id: string
    /** Keyed hash (hex) of the birth date, by which they are looked up. */
    birth_hash: string
    /** Name, address and birth date as the signature certificate had them, under the person's key. */
    sealed: Uint8Array
    kinds: readonly MailKind[]
    /** Boxes from which mail is taken; null: from any. */
    senders: readonly string[] | null
    /** Of what was signed. */
    consent_sha256: string
    opened_at: Instant
    ended_at: Instant | null
  }
  /** Files of messages that are posted line by line. */
  mailbox_bulk: {
    id: string
    box_id: string
    provider_id: string
    sender_name: string
    request_key: string
    sha256: string
    /** The file in the vault, and its key under that of the box; null once done. */
    file: string | null
    file_key: Uint8Array | null
    length: number
    /** Bytes and lines that are done. */
    position: number
    lines: number
    posted: number
    postal: number
    refused: number
    created_at: Instant
    ended_at: Instant | null
    /** When a node may take it up (real time). */
    try_at: Instant
  }
  /** Where a person wants to be told. */
  mailbox_contact: {
    person_id: string
    /** The address, under the person's key. */
    sealed: Uint8Array
    /** SHA-256 (hex) of the code, salted with the person's id. */
    code_hash: string
    code_until: Instant
    tries: number
    sent_at: Instant
    confirmed_at: Instant | null
  }
  /** People who are to be told that something came. */
  mailbox_notice: { person_id: string; id: string; try_at: Instant; tries: number }
  mailbox_bulk_line: {
    job_id: string
    line: number
    key: string | null
    outcome: 'posted' | 'postal' | 'refused'
    detail: string | null
  }
}

/** A message as it is read. */
export type MessageRow = Selectable<MailboxTables['mailbox_message']>

const statements = [
  `create table mailbox_box (
    id text primary key,
    kind text not null check (kind in ('person', 'organisation', 'municipality', 'provider', 'system')),
    owner text not null,
    name text,
    provider_id text unique,
    key_id text not null,
    next_number bigint not null default 1,
    held_count integer not null default 0,
    held_bytes bigint not null default 0,
    created_at bigint not null,
    unique (kind, owner),
    check ((kind = 'person') = (name is null)))`,
  `create table mailbox_member (
    box_id text not null references mailbox_box,
    person_id text not null,
    role text not null check (role in ('reader', 'clerk')),
    since bigint not null,
    primary key (box_id, person_id))`,
  'create index mailbox_member_person on mailbox_member (person_id)',
  `create table mailbox_sender_day (
    box_id text not null,
    day integer not null,
    count integer not null,
    primary key (box_id, day))`,
  `create table mailbox_message (
    id text primary key,
    sender_box text not null,
    recipient_box text not null,
    kind text not null,
    state text not null
      check (state in ('posted', 'delivered', 'read', 'rejected', 'withdrawn', 'expired')),
    number bigint,
    sealed bytea,
    sender_key bytea,
    recipient_key bytea,
    bytes bigint not null,
    folder text not null check (folder in ('in', 'archive', 'bin')),
    request_key text not null,
    request_hash text not null,
    why text,
    posted_at bigint not null,
    delivered_at bigint,
    read_at bigint,
    ended_at bigint,
    expires_at bigint,
    moved_at bigint,
    try_at bigint,
    tries integer not null default 0,
    unique (sender_box, request_key),
    check ((state in ('rejected', 'withdrawn', 'expired')) = (ended_at is not null)),
    check (state not in ('delivered', 'read') or number is not null),
    check ((state = 'read') = (read_at is not null)))`,
  `create unique index mailbox_message_number on mailbox_message (recipient_box, number)
    where number is not null`,
  'create index mailbox_message_sender on mailbox_message (sender_box, id)',
  "create index mailbox_message_waiting on mailbox_message (try_at) where state = 'posted'",
  `create index mailbox_message_expiry on mailbox_message (expires_at)
    where expires_at is not null and state in ('posted', 'delivered')`,
  `create index mailbox_message_moved on mailbox_message (kind, folder, moved_at)
    where sealed is not null and moved_at is not null`,
  `create table mailbox_document (
    message_id text not null references mailbox_message,
    position integer not null,
    sealed bytea,
    file text,
    primary key (message_id, position),
    check ((sealed is null) <> (file is null)))`,
  'create index mailbox_document_file on mailbox_document (file) where file is not null',
  `create table mailbox_event (
    message_id text not null,
    event text not null,
    at bigint not null,
    sealed bytea not null,
    entry_id text not null,
    receipt text,
    primary key (message_id, event))`,
]

const listStatements = [
  'create index mailbox_message_recipient on mailbox_message (recipient_box, delivered_at)',
  'create index mailbox_message_posted on mailbox_message (sender_box, posted_at)',
  'drop index mailbox_message_sender',
]

const bulkStatements = [
  `create table mailbox_opening (
    person_id text primary key,
    birth_hash text not null,
    sealed bytea not null,
    kinds jsonb not null,
    senders jsonb,
    consent_sha256 text not null,
    opened_at bigint not null,
    ended_at bigint)`,
  'create index mailbox_opening_birth on mailbox_opening (birth_hash) where ended_at is null',
  `create table mailbox_bulk (
    id text primary key,
    box_id text not null references mailbox_box,
    provider_id text not null,
    request_key text not null,
    sha256 text not null,
    file text,
    file_key bytea,
    length bigint not null,
    position bigint not null default 0,
    lines integer not null default 0,
    posted integer not null default 0,
    postal integer not null default 0,
    refused integer not null default 0,
    created_at bigint not null,
    ended_at bigint,
    try_at bigint not null,
    unique (box_id, request_key),
    check ((file is null) = (ended_at is not null)))`,
  'create index mailbox_bulk_waiting on mailbox_bulk (try_at) where ended_at is null',
  `create table mailbox_bulk_line (
    job_id text not null,
    line integer not null,
    key text,
    outcome text not null check (outcome in ('posted', 'postal', 'refused')),
    detail text,
    primary key (job_id, line))`,
]

const noticeStatements = [
  `create table mailbox_contact (
    person_id text primary key,
    sealed bytea not null,
    code_hash text not null,
    code_until bigint not null,
    tries integer not null,
    sent_at bigint not null,
    confirmed_at bigint)`,
  `create table mailbox_notice (
    person_id text primary key,
    id text not null,
    try_at bigint not null,
    tries integer not null)`,
  'create index mailbox_notice_due on mailbox_notice (try_at)',
  "alter table mailbox_bulk add column sender_name text not null default ''",
]

export const mailboxMigrations: Migrations = {
  'mailbox-0001-boxes': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
  'mailbox-0002-lists': async db => {
    for (const statement of listStatements) await sql.raw(statement).execute(db)
  },
  'mailbox-0003-bulk': async db => {
    for (const statement of bulkStatements) await sql.raw(statement).execute(db)
  },
  'mailbox-0004-notices': async db => {
    for (const statement of noticeStatements) await sql.raw(statement).execute(db)
  },
}
