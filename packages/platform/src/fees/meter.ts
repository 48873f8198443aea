/**
 * Metering of what is charged (C7, flows.md §5). A use has the key (provider, transaction, kind), so a retry, a crash or a second
 * node cannot make two of it. It keeps what it takes to rate it under any tariff: kind, method, purpose, time and, for what counts
 * once a year, the person as the provider knows them.
 */
import type { FeeMethod, UsageKind } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { type CompiledQuery, sql, type Transaction, type Writer } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { settleIntent } from '../evidence/intent.ts'
import { ministryList, termsOn } from './tariff.ts'

/** A use that is charged. */
export type Use = {
  readonly providerId: string
  readonly transaction: string
  readonly kind: UsageKind
  /** By list, by immediate answer, or a question that is neither. */
  readonly method: FeeMethod
  /** Pairwise subject of a current-status check; undefined: a transaction. */
  readonly currentStatusOf?: string | undefined
  readonly at: Instant
}

/** Charges once, inside the caller's transaction; the same charge again changes nothing. */
export async function charge(tx: Transaction<PlatformTables>, use: Use): Promise<void> {
  await chargeAll(tx, [use])
}

/** Charges each of several uses once, as `charge` does. */
export async function chargeAll(
  tx: Transaction<PlatformTables>,
  uses: readonly Use[],
): Promise<void> {
  if (uses.length > 0) await tx.executeQuery(chargeStatement(tx, uses))
}

/** The same as a statement, for transactions that send several together. */
export function chargeStatement(db: Writer<PlatformTables>, uses: readonly Use[]): CompiledQuery {
  // In the order of the key, so that two transactions with the same charges cannot wait in a circle.
  const sorted = uses.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  return sql`
    insert into usage (provider_id, transaction, kind, fee_yen, month, at, method, purpose, subject)
    select * from unnest(
      ${sorted.map(use => use.providerId)}::text[],
      ${sorted.map(use => use.transaction)}::text[],
      ${sorted.map(use => use.kind)}::text[],
      ${sorted.map(listYen)}::integer[],
      ${sorted.map(use => monthOf(use.at))}::text[],
      ${sorted.map(use => String(use.at))}::bigint[],
      ${sorted.map(use => use.method)}::text[],
      ${sorted.map(use => (use.currentStatusOf === undefined ? 'transaction' : 'current-status'))}::text[],
      ${sorted.map(use => use.currentStatusOf ?? null)}::text[]
    )
    on conflict (provider_id, transaction, kind) do nothing`.compile(db)
}

/** The price on the ministry's list, whatever tariff a statement is made by. */
function listYen({ kind, at }: Use): number {
  const how = { kind, method: 'query', purpose: 'transaction', class: 'ordinary' } as const
  return termsOn(ministryList, dayOf(at), how).unitYen
}

function keyOf({ providerId, transaction, kind }: Use): string {
  return `${providerId}\n${transaction}\n${kind}`
}

/**
 * Charges for a corresponding serial that a step needed, if nobody was charged for that very query before: two providers may
 * have waited for the same answer, and the authority counts it once.
 */
export async function chargeQuery(
  tx: Transaction<PlatformTables>,
  use: { readonly providerId: string; readonly transaction: string; readonly at: Instant },
  query: string | undefined,
): Promise<void> {
  if (query === undefined || !(await settleIntent(tx, query, use.at))) return
  await charge(tx, { ...use, kind: 'corresponding-serial', method: 'query' })
}

/** `YYYY-MM` in Japan at an instant. */
export function monthOf(at: Instant): string {
  return dayOf(at).slice(0, 7)
}

/** `YYYY-MM-DD` in Japan at an instant. */
export function dayOf(at: Instant): string {
  const { year, month, day } = dateInJapan(at)
  return [
    String(year).padStart(4, '0'),
    ...[month, day].map(one => String(one).padStart(2, '0')),
  ].join('-')
}
