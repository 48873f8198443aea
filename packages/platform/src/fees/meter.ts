/**
 * Fees 手数料 (C7, flows.md §5): ¥20 per signature-certificate check, ¥2 per authentication check or corresponding serial,
 * the same for CRL and OCSP. A charge has the key (provider, transaction, kind), so a retry, a crash or a second node cannot
 * make two of it. Not done here: yearly counting, reductions, the platform's own charge.
 */
import type { FeeStatement, UsageKind } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { sql, type Store, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { settleIntent } from '../evidence/intent.ts'

/** The tariff in yen (S1). */
export const tariffYen: Readonly<Record<UsageKind, number>> = {
  'signature-check': 20,
  'authentication-check': 2,
  'corresponding-serial': 2,
}

/** A use that is charged. */
export type Use = {
  readonly providerId: string
  readonly transaction: string
  readonly kind: UsageKind
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
  if (uses.length === 0) return
  // In the order of the key, so that two transactions with the same charges cannot wait in a circle.
  const sorted = uses.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  await sql`
    insert into usage (provider_id, transaction, kind, fee_yen, month, at)
    select * from unnest(
      ${sorted.map(use => use.providerId)}::text[],
      ${sorted.map(use => use.transaction)}::text[],
      ${sorted.map(use => use.kind)}::text[],
      ${sorted.map(use => tariffYen[use.kind])}::integer[],
      ${sorted.map(use => monthOf(use.at))}::text[],
      ${sorted.map(use => String(use.at))}::bigint[]
    )
    on conflict (provider_id, transaction, kind) do nothing`.execute(tx)
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
  await charge(tx, { ...use, kind: 'corresponding-serial' })
}

/** The statement of one provider for a month in Japan. */
export async function statementOf(
  store: Store<PlatformTables>,
  providerId: string,
  month: string,
): Promise<FeeStatement> {
  const rows = await store.read(db =>
    db
      .selectFrom('usage')
      .select(({ fn }) => [
        'kind',
        fn.countAll<number>().as('count'),
        fn.sum<number>('fee_yen').as('fee'),
      ])
      .where('provider_id', '=', providerId)
      .where('month', '=', month)
      .groupBy('kind')
      .orderBy('kind')
      .execute(),
  )
  const lines = rows.map(row => ({
    kind: row.kind,
    count: row.count,
    feeYen: row.fee,
  }))
  return { month, lines, totalYen: lines.reduce((sum, line) => sum + line.feeYen, 0) }
}

/** `YYYY-MM` in Japan at an instant. */
export function monthOf(at: Instant): string {
  const date = dateInJapan(at)
  return `${date.year}-${String(date.month).padStart(2, '0')}`
}
