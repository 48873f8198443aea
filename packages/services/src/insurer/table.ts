/** The insurer's tables: annuities, campaigns of the yearly report 現況届, how each annuity stands in them, and stops of payment. */
import type { Instant } from '@sekisho/runtime/clock'
import { type Migrations, sql } from '@sekisho/runtime/store'

/**
 * How an annuity stands in a campaign. `confirmed`: alive by the certificate, nothing was asked; `waiting`: asked, no answer yet; `unchanged`: confirmed by the
 * card after a notice; `changed`: something about the person changed; `possibly-deceased`: to be looked into in the field.
 */
export const standings = [
  'confirmed',
  'waiting',
  'unchanged',
  'changed',
  'possibly-deceased',
] as const
export type Standing = (typeof standings)[number]

export type InsurerTables = {
  annuity: {
    /** Policy number. */
    number: string
    /** The insurer's id of the person. */
    subject: string
    yen_per_year: number
    state: 'paid' | 'stopped'
  }
  campaign: { id: string; begun_at: Instant; until: Instant; ended_at: Instant | null }
  report: {
    campaign: string
    annuity: string
    /** Null: not looked at yet. */
    standing: Standing | null
    noticed_at: Instant | null
    answered_at: Instant | null
    /** The signed report's transaction, and its receipt (JWS). */
    signing: string | null
    receipt: string | null
    /** What is kept between leaving for the signature and coming back; null: nobody is on the way. */
    pending: unknown
  }
  /** Employees who may work with this, by the insurer's id of them. */
  employee: { subject: string; name: string }
  /** A stop of payment is proposed by one and decided by another. */
  stop: {
    id: string
    annuity: string
    reason: string
    proposed_by: string
    proposed_at: Instant
    decided_by: string | null
    decided_at: Instant | null
    state: 'proposed' | 'approved' | 'refused'
  }
}

const statements = [
  `create table annuity (
    number text primary key,
    subject text not null,
    yen_per_year integer not null,
    state text not null check (state in ('paid', 'stopped')))`,
  'create index annuity_subject on annuity (subject)',
  `create table campaign (
    id text primary key,
    begun_at bigint not null,
    until bigint not null,
    ended_at bigint)`,
  `create table report (
    campaign text not null references campaign,
    annuity text not null references annuity,
    standing text check (standing in ('confirmed', 'waiting', 'unchanged', 'changed', 'possibly-deceased')),
    noticed_at bigint,
    answered_at bigint,
    signing text,
    receipt text,
    pending jsonb,
    primary key (campaign, annuity))`,
  'create index report_signing on report (signing) where signing is not null',
  'create index report_unseen on report (campaign, annuity) where standing is null',
  'create index report_standing on report (campaign, standing, annuity)',
  'create table employee (subject text primary key, name text not null)',
  `create table stop (
    id text primary key,
    annuity text not null references annuity,
    reason text not null,
    proposed_by text not null,
    proposed_at bigint not null,
    decided_by text,
    decided_at bigint,
    state text not null check (state in ('proposed', 'approved', 'refused')),
    check ((state = 'proposed') = (decided_by is null)),
    check (decided_by is distinct from proposed_by))`,
  "create unique index stop_open on stop (annuity) where state = 'proposed'",
]

/** From an empty schema to the tables above. */
export const insurerMigrations: Migrations = {
  'insurer-0001-annuities': async db => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
