/** Our meter beside the authority's (C7): every query it counted must be one of ours, and on one bill. */
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import type { AuthorityConnector } from '../evidence/connector.ts'

/** What a month's comparison found, as numbers of charged queries. */
export type Reconciliation = {
  readonly month: string
  /** Counted by the authority. */
  readonly counted: number
  readonly authorityYen: number
  /** Of those: ours, and on a provider's bill. */
  readonly billed: number
  /** Ours, but no step that needed the answer was finished yet: the next one is billed. */
  readonly unbilled: number
  /** Never asked by us: to be taken up with the authority. */
  readonly unknown: number
}

/** Compares a month (`YYYY-MM` in Japan). Refusals of the connector. */
export async function reconcile(
  world: { readonly store: Store<PlatformTables>; readonly connector: AuthorityConnector },
  month: string,
): Promise<Reconciliation> {
  const { lines, totalYen } = await world.connector.usageStatement(month)
  const charged = lines.filter(line => line.kind === 'corresponding-serial')
  const intents = await world.store.read(db =>
    db
      .selectFrom('intent')
      .select(['id', 'charged_at'])
      .where('kind', '=', 'corresponding-serial')
      .execute(),
  )
  const known = new Map(intents.map(intent => [intent.id, intent.charged_at]))
  const own = charged.filter(line => known.has(line.idempotencyKey))
  const billed = own.filter(line => known.get(line.idempotencyKey) !== null)
  return {
    month,
    counted: charged.length,
    authorityYen: totalYen,
    billed: billed.length,
    unbilled: own.length - billed.length,
    unknown: charged.length - own.length,
  }
}
