/**
 * Results kept for providers (C1, C3): as they were given, until a day that the provider chose; then they are gone, and the ledger says
 * so. What is kept names no person: verdict, reasons, hash of the document, how the check was made, the provider's id of the certificate.
 */
import { type DeletionProof, type KeptResult, keptResult, Refusal } from '@sekisho/contract'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Ledger } from '@sekisho/ledger'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { sha256Hex } from '../evidence/hash.ts'
import type { Provider } from '../providers/registry.ts'

type ResultWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly ledger: Ledger
}

const dayMs = 24 * 3600 * 1000
/** Results of one page. */
const pageMax = 100
/** Results that one round deletes. */
const roundMax = 500

/** Until when a result is kept. */
export function keptUntil(at: Instant, days: number): string {
  return new Date(at + days * dayMs).toISOString()
}

/** Keeps results inside the transaction in which they become durable. */
export async function keepResults(
  tx: Transaction<PlatformTables>,
  kept: readonly { readonly providerId: string; readonly result: KeptResult }[],
): Promise<void> {
  if (kept.length === 0) return
  await tx
    .insertInto('kept_result')
    .values(
      kept.map(({ providerId, result }) => ({
        id: result.id,
        provider_id: providerId,
        result: JSON.stringify(result),
        kept_until: Date.parse(result.keptUntil),
      })),
    )
    .execute()
}

/** One result. Refusal `result-unknown`, also for what is another provider's or gone. */
export async function readResult(
  world: Pick<ResultWorld, 'store' | 'clock'>,
  provider: Provider,
  id: string,
): Promise<KeptResult> {
  const row = await world.store.read(db =>
    db
      .selectFrom('kept_result')
      .select('result')
      .where('provider_id', '=', provider.id)
      .where('id', '=', id)
      .where('kept_until', '>', world.clock.now())
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('result-unknown')
  return keptResult.parse(row.result)
}

/** Results after an id, in the order of ids: random, so that the order tells nothing. */
export async function listResults(
  world: Pick<ResultWorld, 'store' | 'clock'>,
  provider: Provider,
  after: string,
): Promise<{ readonly results: KeptResult[]; readonly isComplete: boolean }> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('kept_result')
      .select('result')
      .where('provider_id', '=', provider.id)
      .where('id', '>', after)
      .where('kept_until', '>', world.clock.now())
      .orderBy('id')
      .limit(pageMax + 1)
      .execute(),
  )
  return {
    results: rows.slice(0, pageMax).map(row => keptResult.parse(row.result)),
    isComplete: rows.length <= pageMax,
  }
}

/** Deletes one at the provider's wish. Refusal `result-unknown` where there is none. */
export async function deleteResult(
  world: ResultWorld,
  provider: Provider,
  id: string,
): Promise<DeletionProof> {
  const deleted = await world.store.transaction(tx =>
    remove(tx, world, { providerId: provider.id, id, why: 'asked' }),
  )
  if (!deleted) throw new Refusal('result-unknown')
  return deletionOf(world, provider, id)
}

/** That a result is gone. Refusal `result-unknown` for one that is not, or never was. */
export async function deletionOf(
  world: Pick<ResultWorld, 'store' | 'ledger'>,
  provider: Provider,
  id: string,
): Promise<DeletionProof> {
  const row = await world.store.read(db =>
    db
      .selectFrom('deleted_result')
      .select(['why', 'entry_id', 'deleted_at'])
      .where('provider_id', '=', provider.id)
      .where('id', '=', id)
      .executeTakeFirst(),
  )
  const entry = row === undefined ? undefined : await world.ledger.openEntry(row.entry_id)
  if (row === undefined || entry === undefined) throw new Refusal('result-unknown')
  const proof =
    entry.index === undefined ? undefined : await world.ledger.inclusionProof(entry.index)
  return {
    id,
    deletedAt: new Date(row.deleted_at).toISOString(),
    why: row.why,
    salt: Buffer.from(entry.disclosed.salt).toString('base64'),
    entry: Buffer.from(entry.disclosed.entry).toString('base64'),
    inclusion:
      proof === undefined
        ? null
        : { ...proof, path: proof.path.map(hash => Buffer.from(hash).toString('base64')) },
  }
}

/** Deletes what has been kept for its time. How many. */
export async function sweepResults(world: ResultWorld): Promise<number> {
  const due = await world.store.read(db =>
    db
      .selectFrom('kept_result')
      .select(['provider_id', 'id'])
      .where('kept_until', '<=', world.clock.now())
      .orderBy('kept_until')
      .limit(roundMax)
      .execute(),
  )
  let deleted = 0
  for (const { provider_id: providerId, id } of due)
    if (
      await world.store.transaction(tx => remove(tx, world, { providerId, id, why: 'retention' }))
    )
      deleted++
  return deleted
}

/** Removes a result and records it, in one transaction; of two that try, one does. */
async function remove(
  tx: Transaction<PlatformTables>,
  world: Pick<ResultWorld, 'ledger' | 'clock'>,
  given: {
    readonly providerId: string
    readonly id: string
    readonly why: 'asked' | 'retention'
  },
): Promise<boolean> {
  const { providerId, id, why } = given
  const at = world.clock.now()
  const row = await tx
    .deleteFrom('kept_result')
    .where('provider_id', '=', providerId)
    .where('id', '=', id)
    .returning('result')
    .executeTakeFirst()
  if (row === undefined) return false
  const entryId = await world.ledger.record(tx, entries['platform.result-deleted'], {
    at,
    providerId,
    values: {
      result: id,
      // As the schema orders its members, so that a copy at the provider can be hashed alike.
      resultSha256: sha256Hex(Buffer.from(JSON.stringify(keptResult.parse(row.result)))),
      why,
    },
  })
  await tx
    .insertInto('deleted_result')
    .values({ id, provider_id: providerId, why, entry_id: entryId, deleted_at: at })
    .execute()
  return true
}
