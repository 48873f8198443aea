/**
 * Revocation keeping (A4, C2): takes over what the authority publishes, verifies it, keeps every list, and switches the index
 * atomically. A list that does not verify is never taken, and is remembered so that the refusal can say so.
 */
import { Refusal, type RefusalCode } from '@sekisho/contract'
import type { CrlPartition } from '@sekisho/contract/authority'
import {
  bytesEqual,
  MalformedError,
  parseCrl,
  RevocationIndex,
  type VerifiedCrl,
  verifyCrl,
} from '@sekisho/pki'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'
import { sha256Hex } from './hash.ts'
import type { AuthorityConnector } from './connector.ts'
import { issuerKeyId, type Trust } from './trust.ts'

/** A partition: the issuing key and the distribution point's name. */
export type PartitionKey = {
  readonly issuerKeyId: string
  readonly distributionPoint: Uint8Array
}

/** The lists in force. */
export type RevocationKeeper = {
  /** The snapshot to judge by now. */
  index(): RevocationIndex
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
}

type World = {
  readonly store: Store<PlatformTables>
  readonly connector: AuthorityConnector
  readonly trust: Trust
  readonly clock: Clock
  readonly log: Log
}

/** Opens the keeper with the lists of the database in force, so that a node that restarts can judge at once. */
export async function openRevocationKeeper(world: World): Promise<RevocationKeeper> {
  const keeping: Keeping = {
    index: await loadIndex(world),
    refused: new Map(),
    taken: new Map(),
  }
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
  }
}

type Keeping = {
  index: RevocationIndex
  readonly refused: Map<string, RefusalCode>
  readonly taken: Map<string, number>
}

async function takeOver(world: World, keeping: Keeping): Promise<void> {
  const manifest = await world.connector.crlManifest()
  const verified: VerifiedCrl[] = []
  for (const partition of manifest.partitions) {
    const key = partitionKey(keyOf(partition))
    if ((keeping.taken.get(key) ?? -1) >= partition.number) continue
    try {
      const crl = await fetchPartition(world, partition)
      await keep(world, partition, crl)
      verified.push(crl)
      keeping.taken.set(key, partition.number)
      keeping.refused.delete(key)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (error.code.startsWith('revocation-')) keeping.refused.set(key, error.code)
      world.log.write(messages['platform.revocation-update-failed'], { refusal: error.code })
    }
  }
  if (verified.length > 0) {
    keeping.index = keeping.index.withLists(verified).index
    world.log.write(messages['platform.revocation-updated'], {
      partitions: manifest.partitions.length,
      changed: verified.length,
    })
  }
  const at = world.clock.now()
  const stale = keeping.index.partitions.filter(partition => partition.nextUpdate <= at).length
  if (stale > 0) world.log.write(messages['platform.revocation-stale'], { partitions: stale })
}

/** Fetches one list and checks everything that the manifest and the anchors let us check. */
async function fetchPartition(world: World, partition: CrlPartition): Promise<VerifiedCrl> {
  const der = await world.connector.crl(partition.path)
  const crl = verify(world, der, partition.issuerKeyId)
  if (crl === undefined) throw new Refusal('revocation-untrusted')
  const { distributionPoint } = keyOf(partition)
  const names = crl.list.scope.partition ?? []
  const isOwn = names.some(
    name => name.kind === 'directory' && bytesEqual(name.name.raw, distributionPoint),
  )
  // RFC 5280 §6.3.3 (b)(2): an authentic list of another distribution point says nothing here.
  if (!isOwn) throw new Refusal('revocation-wrong-partition')
  const isAnnounced =
    der.length === partition.bytes &&
    sha256Hex(der) === partition.sha256 &&
    crl.list.number === partition.number
  if (!isAnnounced) throw new Refusal('revocation-untrusted')
  return crl
}

function verify(world: World, der: Uint8Array, keyId: string): VerifiedCrl | undefined {
  const issuers = world.trust.anchors.filter(anchor => issuerKeyId(anchor) === keyId)
  try {
    const verdict = verifyCrl(parseCrl(der), issuers, world.trust.keys)
    return verdict.kind === 'passed' ? verdict.value : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

async function keep(world: World, partition: CrlPartition, crl: VerifiedCrl): Promise<void> {
  await world.store.transaction(tx =>
    tx
      .insertInto('crl')
      .values({
        issuer_key_id: partition.issuerKeyId,
        distribution_point: keyOf(partition).distributionPoint,
        number: String(crl.list.number),
        this_update: crl.list.thisUpdate,
        next_update: crl.list.nextUpdate,
        der: crl.list.raw,
        received_at: world.clock.now(),
      })
      .onConflict(conflict => conflict.doNothing())
      .execute(),
  )
}

/**
 * The newest list of each partition from the database, verified again: what was stored is not trusted either. One that does
 * not verify (altered, or of a CA that is no anchor any more) is left out: its partition is uncovered until a refresh.
 */
async function loadIndex(world: World): Promise<RevocationIndex> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('crl')
      .select(['issuer_key_id', 'der'])
      .distinctOn(['issuer_key_id', 'distribution_point'])
      .orderBy('issuer_key_id')
      .orderBy('distribution_point')
      .orderBy('this_update', 'desc')
      .execute(),
  )
  const lists: VerifiedCrl[] = []
  for (const row of rows) {
    const crl = verify(world, row.der, row.issuer_key_id)
    if (crl !== undefined) lists.push(crl)
    else
      world.log.write(messages['platform.revocation-update-failed'], {
        refusal: 'revocation-untrusted',
      })
  }
  return RevocationIndex.empty.withLists(lists).index
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
