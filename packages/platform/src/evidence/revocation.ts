/**
 * Revocation keeping (A4, C2): takes over what the authority publishes, verifies it, keeps every list, and switches the index
 * atomically. A list that does not verify is never taken, and is remembered so that the refusal can say so.
 */
import { Refusal, type RefusalCode } from '@sekisho/contract'
import type { CrlPartition } from '@sekisho/contract/authority'
import {
  MalformedError,
  parseCrl,
  RevocationIndex,
  type RevocationList,
  verifyCrl,
} from '@sekisho/pki'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'
import type { AuthorityConnector } from './connector.ts'
import { sha256Hex } from './hash.ts'
import {
  openSnapshotFiles,
  openSnapshotPlace,
  type RevocationFolder,
  type SnapshotPlace,
} from './revocation-file.ts'
import { type PastQuestion, type PastStatus, statusAsKnown } from './revocation-history.ts'
import { keptLists, keepList, newestLists, type PartitionKey } from './revocation-list.ts'
import { beginRevocationWork, type CheckedList, type RevocationWork } from './revocation-work.ts'
import { issuerKeyId, type Trust } from './trust.ts'

/** The lists in force. */
export type RevocationKeeper = {
  /** The snapshot to judge by now. */
  index(): RevocationIndex
  /** The same for a thread: where the snapshot is, and which of this keeper's it is. Undefined: it is empty. */
  place(): { readonly version: number; readonly place: SnapshotPlace | undefined }
  /** Whether the newest list of a partition was fetched and found not to be trusted. */
  refusedOf(key: PartitionKey): RefusalCode | undefined
  /**
   * Whether judgements can be made at all: some list is in force and fresh. A single stale one refuses the people of its
   * partition and is told in the log; it does not take the node away from everybody else.
   */
  isUsable(at: Instant): boolean
  /**
   * Takes over what was published before the call. Refusals of the connector; what was in force stays in force until it is
   * stale.
   */
  refresh(): Promise<void>
  /** The status of a certificate at one time, as far as it was known at another, by the lists that were kept. */
  statusAsKnown(question: PastQuestion): Promise<PastStatus>
}

/** What the keeper works with. */
export type RevocationWorld = {
  readonly store: Store<PlatformTables>
  readonly connector: AuthorityConnector
  readonly trust: Trust
  readonly clock: Clock
  readonly log: Log
  /** Where snapshots are kept for the next start; undefined: nowhere, and a start builds from the database. */
  readonly revocationFolder: RevocationFolder | undefined
  /** Lists of more bytes than this together, or an index with so many bytes, are worked on in a thread of their own. */
  readonly revocationBytesHere: number
}

/** Opens the keeper with the lists of the database in force, so that a node that restarts can judge at once. */
export async function openRevocationKeeper(world: RevocationWorld): Promise<RevocationKeeper> {
  const keeping = await openKept(world)
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  const run = (): Promise<void> => {
    running = takeOver(world, keeping).finally(() => {
      running = undefined
    })
    return running
  }
  return {
    index: () => keeping.index,
    place: () => ({ version: keeping.version, place: keeping.place }),
    refusedOf: key => keeping.refused.get(partitionKey(key)),
    isUsable: at => keeping.index.partitions.some(partition => partition.nextUpdate > at),
    refresh: () => {
      if (running === undefined) return run()
      // The one in progress may have read the manifest before the caller's news; all who ask meanwhile share one more.
      next ??= running
        .catch(() => {})
        .then(() => {
          next = undefined
          return run()
        })
      return next
    },
    statusAsKnown: question =>
      statusAsKnown(question, world, der => verified(world, question.issuerKeyId, der)),
  }
}

type Keeping = {
  index: RevocationIndex
  /** Where the snapshot of `index` is; undefined: it is empty. */
  place: SnapshotPlace | undefined
  /** Grows with every switch. */
  version: number
  readonly refused: Map<string, RefusalCode>
  /** Numbers of the lists in force. */
  readonly taken: Map<string, number>
}

async function takeOver(world: RevocationWorld, keeping: Keeping): Promise<void> {
  const manifest = await world.connector.crlManifest()
  const news = manifest.partitions.filter(
    partition => (keeping.taken.get(partitionKey(keyOf(partition))) ?? -1) < partition.number,
  )
  if (news.length > 0) {
    const changed = await takeIn(world, keeping, news)
    if (changed > 0) {
      world.log.write(messages['platform.revocation-updated'], {
        partitions: manifest.partitions.length,
        changed,
      })
    }
  }
  const at = world.clock.now()
  const stale = keeping.index.partitions.filter(partition => partition.nextUpdate <= at).length
  if (stale > 0) world.log.write(messages['platform.revocation-stale'], { partitions: stale })
}

/** Fetches, verifies and keeps lists, then switches to an index that has them. How many it took. */
async function takeIn(
  world: RevocationWorld,
  keeping: Keeping,
  news: readonly CrlPartition[],
): Promise<number> {
  const bytes = news.reduce((sum, each) => sum + each.bytes, 0)
  await using work = await beginWork(world, keeping.place, bytes)
  const taken = new Map<string, number>()
  for (const partition of news) {
    const key = keyOf(partition)
    try {
      const have = keeping.taken.get(partitionKey(key)) ?? -1
      const checked = await takeShortest(world, work, partition, have)
      taken.set(partitionKey(key), checked.number)
      keeping.refused.delete(partitionKey(key))
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.code.startsWith('revocation-')) keeping.refused.set(partitionKey(key), error.code)
      world.log.write(messages['platform.revocation-update-failed'], { refusal: error.code })
    }
  }
  if (taken.size === 0) return 0
  await switchTo(world, keeping, work)
  for (const [key, number] of taken) keeping.taken.set(key, number)
  return taken.size
}

/** The delta, where that is less to fetch and the list `have` allows it (RFC 5280 §5.2.4), else the full list, which says the same. */
async function takeShortest(
  world: RevocationWorld,
  work: RevocationWork,
  partition: CrlPartition,
  have: number,
): Promise<CheckedList & { readonly number: number }> {
  const { delta } = partition
  if (delta !== undefined && delta.base <= have && delta.bytes < partition.bytes) {
    const { path, bytes, sha256 } = delta
    try {
      return await takePartition(world, work, { ...partition, path, bytes, sha256 })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      world.log.write(messages['platform.revocation-update-failed'], { refusal: error.code })
    }
  }
  return takePartition(world, work, partition)
}

/** Fetches one list and has everything checked that the manifest and the anchors let us check. */
async function takePartition(
  world: RevocationWorld,
  work: RevocationWork,
  partition: CrlPartition,
): Promise<CheckedList & { readonly number: number }> {
  const der = await world.connector.crl(partition.path)
  const key = keyOf(partition)
  const checked = await work.check({
    der,
    issuers: issuersOf(world, key.issuerKeyId),
    distributionPoint: key.distributionPoint,
    announced: partition,
  })
  if (checked.kind === 'refused') throw new Refusal(checked.code)
  await keepList(world, { ...key, ...checked, der })
  return checked
}

async function switchTo(
  world: RevocationWorld,
  keeping: Keeping,
  work: RevocationWork,
): Promise<void> {
  const place = await work.build(world.revocationFolder)
  // From here on nobody who asks is answered from the old one.
  keeping.index = openSnapshotPlace(place)
  keeping.place = place
  keeping.version += 1
}

/**
 * The snapshot that this node wrote last, if it is of lists that the database has and of CAs that are anchors, brought up to
 * the newest lists of the database; else an index built from those. Lists are verified again: what was stored is not trusted
 * either. One that does not verify (altered, or of a CA that is no anchor any more) is left out: its partition is uncovered
 * until a refresh.
 */
async function openKept(world: RevocationWorld): Promise<Keeping> {
  const newest = await newestLists(world)
  const found =
    world.revocationFolder === undefined
      ? undefined
      : await openSnapshotFiles(world.revocationFolder)
  const kept = new Map(newest.map(each => [partitionKey(each), each.number]))
  const numbers = found === undefined ? undefined : numbersOf(world, found.index, kept)
  const keeping: Keeping = {
    index: numbers === undefined ? RevocationIndex.empty : (found?.index ?? RevocationIndex.empty),
    place: numbers === undefined ? undefined : found?.place,
    version: 0,
    refused: new Map(),
    taken: numbers ?? new Map(),
  }
  const missing = newest.filter(each => (keeping.taken.get(partitionKey(each)) ?? -1) < each.number)
  if (missing.length > 0) await takeKept(world, keeping, missing)
  return keeping
}

/** Builds in lists of the database. */
async function takeKept(
  world: RevocationWorld,
  keeping: Keeping,
  missing: readonly (PartitionKey & { readonly bytes: number })[],
): Promise<void> {
  const bytes = missing.reduce((sum, each) => sum + each.bytes, 0)
  await using work = await beginWork(world, keeping.place, bytes)
  const taken = new Map<string, number>()
  for (const key of missing) {
    for await (const der of keptLists(world, key)) {
      const checked = await work.check({
        der,
        issuers: issuersOf(world, key.issuerKeyId),
        distributionPoint: key.distributionPoint,
        announced: undefined,
      })
      if (checked.kind !== 'refused') taken.set(partitionKey(key), checked.number)
      else world.log.write(messages['platform.revocation-update-failed'], { refusal: checked.code })
    }
  }
  if (taken.size === 0) return
  await switchTo(world, keeping, work)
  for (const [key, number] of taken) keeping.taken.set(key, number)
}

/** Numbers of a snapshot's partitions; undefined: it holds something that is not of an anchor, or not in the database. */
function numbersOf(
  world: RevocationWorld,
  index: RevocationIndex,
  kept: ReadonlyMap<string, number>,
): Map<string, number> | undefined {
  const anchors = new Map(
    world.trust.anchors.map(each => [Buffer.from(each.spki).toString('base64'), issuerKeyId(each)]),
  )
  const numbers = new Map<string, number>()
  for (const { issuerKey, names, number } of index.partitions) {
    const keyId = anchors.get(Buffer.from(issuerKey).toString('base64'))
    const name = names?.find(each => each.kind === 'directory')
    if (keyId === undefined || name === undefined) return undefined
    const key = partitionKey({ issuerKeyId: keyId, distributionPoint: name.name.raw })
    if ((kept.get(key) ?? -1) < number) return undefined
    numbers.set(key, number)
  }
  return numbers
}

function beginWork(
  world: RevocationWorld,
  base: SnapshotPlace | undefined,
  bytes: number,
): Promise<RevocationWork> {
  const isLittle = Math.max(bytes, base?.hot.length ?? 0) <= world.revocationBytesHere
  return beginRevocationWork(base, isLittle ? 'here' : 'thread')
}

/** A list that one of the anchors signed with the key of that name. */
function verified(
  world: RevocationWorld,
  keyId: string,
  der: Uint8Array,
): RevocationList | undefined {
  const issuers = world.trust.anchors.filter(each => issuerKeyId(each) === keyId)
  try {
    const verdict = verifyCrl(parseCrl(der), issuers, world.trust.keys)
    return verdict.kind === 'passed' ? verdict.value.list : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

function issuersOf(world: RevocationWorld, keyId: string): readonly Uint8Array[] {
  return world.trust.anchors.filter(each => issuerKeyId(each) === keyId).map(each => each.raw)
}

function keyOf(partition: CrlPartition): PartitionKey {
  return {
    issuerKeyId: partition.issuerKeyId,
    distributionPoint: new Uint8Array(Buffer.from(partition.distributionPoint, 'base64')),
  }
}

function partitionKey(key: PartitionKey): string {
  return `${key.issuerKeyId} ${sha256Hex(key.distributionPoint)}`
}
