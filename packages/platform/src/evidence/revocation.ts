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
import type { Clock } from '@sekisho/runtime/clock'
import type { Log } from '@sekisho/runtime/log'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { messages } from '../message.ts'
import { sha256Hex } from './hash.ts'
import type { AuthorityConnector } from './connector.ts'
import { issuerKeyId, type Trust } from './trust.ts'

/** The lists in force. */
export type RevocationKeeper = {
  /** The snapshot to judge by now. */
  index(): RevocationIndex
  /** Why the newest list of a partition was not taken, if it was not. */
  refusedOf(key: {
    readonly issuerKeyId: string
    readonly distributionPoint: Uint8Array
  }): RefusalCode | undefined
  /** Takes over what is new. Refusals of the connector; what was in force stays in force until it is stale. */
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
  let index = await loadIndex(world)
  const refused = new Map<string, RefusalCode>()
  const taken = new Map<string, number>()
  let running: Promise<void> | undefined

  const takeOver = async (): Promise<void> => {
    const manifest = await world.connector.crlManifest()
    const verified: VerifiedCrl[] = []
    for (const partition of manifest.partitions) {
      const key = partitionKey(
        partition.issuerKeyId,
        Buffer.from(partition.distributionPoint, 'base64'),
      )
      if ((taken.get(key) ?? -1) >= partition.number) continue
      try {
        const crl = await fetchPartition(world, partition)
        await keep(world, partition, crl)
        verified.push(crl)
        taken.set(key, partition.number)
        refused.delete(key)
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        refused.set(key, error.code)
        world.log.write(messages['platform.revocation-update-failed'], { refusal: error.code })
      }
    }
    if (verified.length === 0) return
    index = index.withLists(verified).index
    world.log.write(messages['platform.revocation-updated'], {
      partitions: manifest.partitions.length,
      changed: verified.length,
    })
  }

  return {
    index: () => index,
    refusedOf: key => refused.get(partitionKey(key.issuerKeyId, key.distributionPoint)),
    refresh: () => {
      running ??= takeOver().finally(() => {
        running = undefined
      })
      return running
    },
  }
}

/** Fetches one list and checks everything that the manifest and the anchors let us check. */
async function fetchPartition(world: World, partition: CrlPartition): Promise<VerifiedCrl> {
  const der = await world.connector.crl(partition.path)
  if (der.length !== partition.bytes || sha256Hex(der) !== partition.sha256)
    throw new Refusal('revocation-untrusted')
  const crl = verify(world, der, partition.issuerKeyId)
  const point = Buffer.from(partition.distributionPoint, 'base64')
  const names = crl.list.scope.partition ?? []
  const isOwn = names.some(name => name.kind === 'directory' && bytesEqual(name.name.raw, point))
  if (!isOwn || crl.list.number !== partition.number) throw new Refusal('revocation-untrusted')
  return crl
}

function verify(world: World, der: Uint8Array, keyId: string): VerifiedCrl {
  const issuers = world.trust.anchors.filter(anchor => issuerKeyId(anchor) === keyId)
  try {
    const verdict = verifyCrl(parseCrl(der), issuers, world.trust.keys)
    if (verdict.kind === 'passed') return verdict.value
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
  }
  throw new Refusal('revocation-untrusted')
}

async function keep(world: World, partition: CrlPartition, crl: VerifiedCrl): Promise<void> {
  await world.store.transaction(tx =>
    tx
      .insertInto('crl')
      .values({
        issuer_key_id: partition.issuerKeyId,
        distribution_point: Buffer.from(partition.distributionPoint, 'base64'),
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

/** The newest list of each partition from the database, verified again: what was stored is not trusted either. */
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
  const lists = rows.map(row => verify(world, row.der, row.issuer_key_id))
  return RevocationIndex.empty.withLists(lists).index
}

function partitionKey(keyId: string, point: Uint8Array): string {
  return `${keyId} ${sha256Hex(point)}`
}
