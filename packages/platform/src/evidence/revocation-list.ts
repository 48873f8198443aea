/** The lists that were taken over, as the database keeps them: every one, so that it can be told later what was known when. */
import type { Clock, Instant } from '@sekisho/runtime/clock'
import { sql, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** A partition: the issuing key and the distribution point's name. */
export type PartitionKey = {
  readonly issuerKeyId: string
  readonly distributionPoint: Uint8Array
}

/** Where the lists are, and the time at which new ones come. */
export type ListWorld = { readonly store: Store<PlatformTables>; readonly clock: Clock }

/** Keeps a list that was verified. One that is kept already stays as it is. */
export async function keepList(
  world: ListWorld,
  list: PartitionKey & {
    readonly number: number
    readonly deltaBase: number | undefined
    readonly thisUpdate: number
    readonly nextUpdate: number
    readonly der: Uint8Array
  },
): Promise<void> {
  await world.store.transaction(tx =>
    tx
      .insertInto('crl')
      .values({
        issuer_key_id: list.issuerKeyId,
        distribution_point: list.distributionPoint,
        number: String(list.number),
        delta_base: list.deltaBase === undefined ? fullList : String(list.deltaBase),
        this_update: list.thisUpdate,
        next_update: list.nextUpdate,
        der: list.der,
        received_at: world.clock.now(),
      })
      .onConflict(conflict => conflict.doNothing())
      .execute(),
  )
}

/** The newest list of each partition: its number, and the bytes of it. */
export async function newestLists(
  world: ListWorld,
): Promise<readonly (PartitionKey & { readonly number: number; readonly bytes: number })[]> {
  // From partition to partition along the index: years of lists are not gone through.
  const newest = sql<NewestRow>`(
      with recursive partition as (
        (select issuer_key_id, distribution_point from crl
          order by issuer_key_id, distribution_point limit 1)
        union all
        select next.issuer_key_id, next.distribution_point from partition, lateral (
          select issuer_key_id, distribution_point from crl
            where (issuer_key_id, distribution_point)
              > (partition.issuer_key_id, partition.distribution_point)
            order by issuer_key_id, distribution_point limit 1) next)
      select partition.*, newest.* from partition, lateral (
        select number, length(der) as bytes from crl
          where issuer_key_id = partition.issuer_key_id
            and distribution_point = partition.distribution_point
          order by number::bigint desc limit 1) newest)`.as('newest')
  const rows = await world.store.read(db => db.selectFrom(newest).selectAll().execute())
  return rows.map(row => ({
    issuerKeyId: row.issuer_key_id,
    distributionPoint: row.distribution_point,
    number: Number(row.number),
    bytes: row.bytes,
  }))
}

type NewestRow = {
  readonly issuer_key_id: string
  readonly distribution_point: Uint8Array
  readonly number: string
  readonly bytes: number
}

/** The lists that make the newest state of a partition: the newest full one, then the deltas since, oldest first. One at a time. */
export async function* keptLists(world: ListWorld, key: PartitionKey): AsyncGenerator<Uint8Array> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('crl')
      .select(['number', 'delta_base'])
      .where('issuer_key_id', '=', key.issuerKeyId)
      .where('distribution_point', '=', key.distributionPoint)
      .orderBy(sql`number::bigint`, 'desc')
      .orderBy('delta_base', 'desc')
      .limit(deltasMax)
      .execute(),
  )
  const full = rows.findIndex(row => row.delta_base === fullList)
  for (const row of rows.slice(0, full < 0 ? rows.length : full + 1).reverse()) {
    const { der } = await world.store.read(db =>
      db
        .selectFrom('crl')
        .select('der')
        .where('issuer_key_id', '=', key.issuerKeyId)
        .where('distribution_point', '=', key.distributionPoint)
        .where('number', '=', row.number)
        .where('delta_base', '=', row.delta_base)
        .executeTakeFirstOrThrow(),
    )
    yield der
  }
}

/** The newest full list of a partition, if it was issued at `since` or later. */
export async function fullListSince(
  world: ListWorld,
  key: PartitionKey,
  since: Instant,
): Promise<Uint8Array | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('crl')
      .select('der')
      .where('issuer_key_id', '=', key.issuerKeyId)
      .where('distribution_point', '=', key.distributionPoint)
      .where('delta_base', '=', fullList)
      .where('this_update', '>=', since)
      .orderBy(sql`number::bigint`, 'desc')
      .limit(1)
      .executeTakeFirst(),
  )
  return row?.der
}

/** The newest full list of a partition up to a time, and the newest delta over it, among those that had come by another. */
export async function listsInForce(
  world: ListWorld,
  key: PartitionKey,
  given: { readonly until: number; readonly knownAt: number },
): Promise<{ readonly full: Uint8Array; readonly delta: Uint8Array | undefined } | undefined> {
  const newest = (kind: 'full' | 'delta', over?: string) =>
    world.store.read(db =>
      db
        .selectFrom('crl')
        .select(['number', 'der'])
        .where('issuer_key_id', '=', key.issuerKeyId)
        .where('distribution_point', '=', key.distributionPoint)
        .where('this_update', '<=', given.until)
        .where('received_at', '<=', given.knownAt)
        .where('delta_base', kind === 'full' ? '=' : '<>', fullList)
        .$if(over !== undefined, query =>
          query
            .where(sql<boolean>`number::bigint > ${over}::bigint`)
            .where(sql<boolean>`nullif(delta_base, '')::bigint <= ${over}::bigint`),
        )
        .orderBy(sql`number::bigint`, 'desc')
        .limit(1)
        .executeTakeFirst(),
    )
  const full = await newest('full')
  if (full === undefined) return undefined
  const delta = await newest('delta', full.number)
  return { full: full.der, delta: delta?.der }
}

/** When the first list after a time was issued, among those that had come by another; undefined: there is none. */
export async function nextListAfter(
  world: ListWorld,
  key: PartitionKey,
  given: { readonly at: number; readonly knownAt: number },
): Promise<number | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('crl')
      .select('this_update')
      .where('issuer_key_id', '=', key.issuerKeyId)
      .where('distribution_point', '=', key.distributionPoint)
      .where('this_update', '>', given.at)
      .where('received_at', '<=', given.knownAt)
      .orderBy('this_update')
      .limit(1)
      .executeTakeFirst(),
  )
  return row?.this_update
}

/** What stands in `delta_base` of a full list. */
const fullList = ''
/** A full list at least once in so many. */
const deltasMax = 1000
