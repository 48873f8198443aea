/** Tables of providers' own console (C6): their people, what they apply for, and what their services asked lately. */
import { type Generated, type Kysely, type Migrations, sql } from '@sekisho/runtime/store'

export type OnboardingTables = {
  /** A person who speaks for a firm. */
  provider_account: {
    id: string
    name: string
    company: string
    corporate_number: string
    created_at: number
  }
  provider_application: {
    provider_id: string
    account: string
    /** As it is to be registered; of an admitted one, as it is to be registered next. */
    metadata: unknown
    /** `draft` and `returned`: with the firm; `submitted`: with the operator; `admitted`: registered as it stands here. */
    stage: 'draft' | 'submitted' | 'returned' | 'admitted'
    /** Who answers for the service, and what is told to the minister; null until it is submitted. */
    facts: unknown
    contract_version: string | null
    submitted_at: number | null
    admitted_at: number | null
    /** Why it was returned. */
    remark: string | null
    changed_at: number
  }
  provider_trace: {
    id: Generated<number>
    provider_id: string
    /** Real time. */
    at: number
    /** Route, or the code of what happened. */
    what: string
    status: number | null
    refusal: string | null
    ms: number | null
    /** What was sent; of services in the sandbox only. */
    body: unknown
  }
}

const statements = [
  `create table provider_account (
    id text primary key,
    name text not null,
    company text not null,
    corporate_number text not null,
    created_at bigint not null)`,
  `create table provider_application (
    provider_id text primary key,
    account text not null references provider_account,
    metadata jsonb not null,
    stage text not null check (stage in ('draft', 'submitted', 'returned', 'admitted')),
    facts jsonb,
    contract_version text,
    submitted_at bigint,
    admitted_at bigint,
    remark text,
    changed_at bigint not null,
    check (stage in ('draft', 'returned') or (facts is not null and contract_version is not null)),
    check ((stage = 'returned') = (remark is not null)))`,
  'create index provider_application_account on provider_application (account)',
  "create index provider_application_open on provider_application (submitted_at) where stage = 'submitted'",
  `create table provider_trace (
    id bigint generated always as identity primary key,
    provider_id text not null,
    at bigint not null,
    what text not null,
    status integer,
    refusal text,
    ms bigint,
    body jsonb)`,
  'create index provider_trace_provider on provider_trace (provider_id, id)',
  'create index provider_trace_at on provider_trace (at)',
]

export const onboardingMigrations: Migrations = {
  'platform-0044-onboarding': async (db: Kysely<unknown>) => {
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
}
