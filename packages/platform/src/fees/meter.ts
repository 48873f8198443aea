/**
 * Fees 手数料 (C7, flows.md §5): ¥20 per signature-certificate check, ¥2 per authentication check or corresponding serial,
 * the same for CRL and OCSP. A charge has the key (provider, transaction, kind), so a retry, a crash or a second node cannot
 * make two of it. Not done here: yearly counting, reductions, the platform's own charge.
 */
import type { FeeStatement, UsageKind } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { settleIntent } from '../evidence/intent.ts'

/** The tariff in yen (S1). */
export const tariffYen: Readonly<Record<UsageKind, number>> = {
  'signature-check': 20,
  'authentication-check': 2,
  'corresponding-serial': 2,
}

/** Charges once, inside the caller's transaction; the same charge again changes nothing. */
export async function charge(
  tx: Transaction<PlatformTables>,
  use: {
    readonly providerId: string
    readonly transaction: string
    readonly kind: UsageKind
    readonly at: Instant
  },
): Promise<void> {
  await tx
    .insertInto('usage')
    .values({
      provider_id: use.providerId,
      transaction: use.transaction,
      kind: use.kind,
      fee_yen: tariffYen[use.kind],
      month: monthOf(use.at),
      at: use.at,
    })
    .onConflict(conflict => conflict.columns(['provider_id', 'transaction', 'kind']).doNothing())
    .execute()
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
