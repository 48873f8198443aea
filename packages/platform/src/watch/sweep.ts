/**
 * The sweep (C14): after new lists have come, what changed in each partition is found by laying its lists before and after over each
 * other; of those certificates the linked ones are looked up, and of their holders' consented watchers those are told for whom the
 * meaning is another than the last one told. Whoever has not changed costs nothing. A partition's events and its cursor are one
 * transaction: killed at any moment, nothing is told twice or not at all.
 */
import { Refusal } from '@sekisho/contract'
import { parseCrl, type RevocationList, toHex } from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import { lockInTransaction, type Reader, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import type { Judge } from '../evidence/judge.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { listsInForce, newestLists, type PartitionKey } from '../evidence/revocation-list.ts'
import { messages } from '../message.ts'
import { linksOfSerials } from '../people/link.ts'
import { endSessionsOfChanged } from '../session/provider-session.ts'
import type { EventWorld } from './event.ts'
import { tellWatchers } from './watcher.ts'
import type { ChangeListener } from './listener.ts'

/** What a sweep works with. */
export type SweepWorld = EventWorld & {
  readonly changeListeners: readonly ChangeListener[]
  readonly judge: Judge
  readonly clock: Clock
  readonly log: Log
}

/** Certificates looked up in one statement: enough that statements cost little, few enough that nothing grows. */
const batch = 2000

/**
 * Sweeps every partition with lists that were not swept yet. How many events it made. A partition where somebody's other certificate cannot
 * be judged now, because its lists are stale for instance, waits for the next sweep and keeps no other one waiting.
 */
export async function sweepChanges(world: SweepWorld): Promise<number> {
  let events = 0
  for (const partition of await newestLists(world))
    try {
      events += await sweepPartition(world, partition)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      world.log.write(messages['platform.sweep-waits'], { refusal: error.code })
    }
  return events
}

async function sweepPartition(
  world: SweepWorld,
  partition: PartitionKey & { readonly number: number },
): Promise<number> {
  const name = `${partition.issuerKeyId} ${sha256Hex(partition.distributionPoint)}`
  const cursor = await world.store.read(db => cursorOf(db, name))
  if (cursor !== undefined && Number(cursor.number) >= partition.number) return 0
  const at = world.clock.now()
  // Of what was known before the first sweep nobody is told.
  const changed =
    cursor === undefined
      ? []
      : changesBetween(
          await entriesAt(world, partition, cursor.swept_at),
          await entriesAt(world, partition, at),
        )
  return world.store.transaction(async tx => {
    await lockInTransaction(tx, `watch ${name}`)
    // Of several nodes one sweeps a partition; the others find it swept.
    if ((await cursorOf(tx, name))?.number !== cursor?.number) return 0
    const events = await tellChanges(tx, world, partition.issuerKeyId, { changed, at })
    const swept = { number: String(partition.number), swept_at: at }
    await tx
      .insertInto('watch_cursor')
      .values({ partition: name, ...swept })
      .onConflict(conflict => conflict.column('partition').doUpdateSet(swept))
      .execute()
    return events
  })
}

function cursorOf(db: Reader<PlatformTables>, name: string) {
  return db
    .selectFrom('watch_cursor')
    .select(['number', 'swept_at'])
    .where('partition', '=', name)
    .executeTakeFirst()
}

/** Serials whose entry came, went or became another. */
function changesBetween(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  const changed: string[] = []
  for (const [serial, reason] of after) if (before.get(serial) !== reason) changed.push(serial)
  for (const serial of before.keys()) if (!after.has(serial)) changed.push(serial)
  return changed
}

/**
 * Tells of changed certificates, a batch at a time in the order of their serials, which is that of the links' index: each batch costs the same
 * few statements, whoever is concerned. How many events.
 */
async function tellChanges(
  tx: Transaction<PlatformTables>,
  world: SweepWorld,
  issuerKeyId: string,
  { changed, at }: { readonly changed: readonly string[]; readonly at: number },
): Promise<number> {
  const sorted = changed.toSorted()
  let events = 0
  for (let from = 0; from < sorted.length; from += batch) {
    const links = await linksOfSerials(tx, issuerKeyId, sorted.slice(from, from + batch))
    if (links.length === 0) continue
    await endSessionsOfChanged(tx, world.judge, links)
    const people = [...new Set(links.map(link => link.person_id))]
    events += await tellWatchers(tx, world, people, at)
    for (const tell of world.changeListeners) await tell(tx, people)
  }
  return events
}

/** What these providers were last told of one registration they were told of another now (C4). */
export async function moveTold(
  tx: Transaction<PlatformTables>,
  given: { readonly from: string; readonly to: string; readonly providers: readonly string[] },
): Promise<void> {
  await tx
    .updateTable('watch_told')
    .set({ person_id: given.to })
    .where('person_id', '=', given.from)
    .where('provider_id', 'in', [...given.providers])
    .execute()
}

/** The entries of a partition as they were known at a time: reason by serial. */
async function entriesAt(
  world: SweepWorld,
  partition: PartitionKey,
  at: number,
): Promise<Map<string, string>> {
  const lists = await listsInForce(world, partition, { until: at, knownAt: at })
  const entries = new Map<string, string>()
  if (lists === undefined) return entries
  const lay = (list: RevocationList): void => {
    for (let index = 0; index < list.count; index++) {
      const serial = serialText(list.serialAt(index))
      const { reason } = list.entryAt(index)
      if (reason === 'removeFromCRL') entries.delete(serial)
      else entries.set(serial, reason)
    }
  }
  lay(parseCrl(lists.full))
  if (lists.delta !== undefined) lay(parseCrl(lists.delta))
  return entries
}

/** As links have it: without a sign octet. */
function serialText(serial: Uint8Array): string {
  const hex = toHex(serial)
  return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex
}
