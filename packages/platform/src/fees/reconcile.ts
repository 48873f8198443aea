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

/** Queries that the authority charges for one by one. */
const chargedKinds: ReadonlySet<string> = new Set(['corresponding-serial', 'latest-attributes'])

/** Our queries by their keys, and whether each is on a bill. */
async function billedByKey(store: Store<PlatformTables>): Promise<ReadonlyMap<string, boolean>> {
  return store.read(async db => {
    const intents = await db
      .selectFrom('intent')
      .select(['id', 'charged_at'])
      .where('kind', '=', 'corresponding-serial')
      .execute()
    const asking = await db
      .selectFrom('latest_consent')
      .select('pending')
      .where('pending', 'is not', null)
      .execute()
    const answered = await db
      .selectFrom('usage')
      .select('transaction')
      .where('transaction', 'like', 'latest %')
      .execute()
    return new Map([
      ...intents.map(each => [each.id, each.charged_at !== null] as const),
      ...asking.map(each => [each.pending ?? '', false] as const),
      ...answered.map(each => [each.transaction.slice('latest '.length), true] as const),
    ])
  })
}

/** Compares a month (`YYYY-MM` in Japan). Refusals of the connector. */
export async function reconcile(
  world: { readonly store: Store<PlatformTables>; readonly connector: AuthorityConnector },
  month: string,
): Promise<Reconciliation> {
  const { lines, totalYen } = await world.connector.usageStatement(month)
  const charged = lines.filter(line => chargedKinds.has(line.kind))
  const known = await billedByKey(world.store)
  const own = charged.filter(line => known.has(line.idempotencyKey))
  const billed = own.filter(line => known.get(line.idempotencyKey) === true)
  return {
    month,
    counted: charged.length,
    authorityYen: totalYen,
    billed: billed.length,
    unbilled: own.length - billed.length,
    unknown: charged.length - own.length,
  }
}
