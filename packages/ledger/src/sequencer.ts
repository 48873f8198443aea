/**
 * The sequencer gives every recorded entry its place in the log and signs the new head.
 *
 * One round is one transaction: places, tiles and checkpoint are written together or not at all, so
 * a crash at any moment loses and doubles nothing. An advisory lock lets one process at a time do a
 * round; whoever does not get it does nothing.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import { sql, type Store, type Transaction, tryLockInTransaction } from '@sekisho/runtime/store'
import { type LogSigner, signCheckpoint } from './checkpoint.ts'
import { leafHash, rootOf } from './merkle.ts'
import type { LedgerTables } from './tables.ts'
import { loadEdge } from './tile.ts'
import { type LogKey, verifyCheckpoint } from './judgement.ts'

/** What one round needs. */
export type Sequencing = {
  readonly store: Store<LedgerTables>
  readonly key: LogSigner
  readonly logKey: LogKey
}

/** The stored tree is not the one that was signed: somebody wrote to the tables. */
export class LedgerDamaged extends Error {
  constructor(what: string) {
    super(`the ledger is damaged: ${what}`)
    this.name = 'LedgerDamaged'
  }
}

/**
 * Places up to `batchMax` waiting entries and returns how many. 0 when nothing waits or another
 * process is at it. Throws `LedgerDamaged` rather than sign over a tree that was tampered with.
 */
export function sequenceBatch(given: Sequencing): Promise<number> {
  return given.store.transaction(async tx => {
    if (!(await tryLockInTransaction(tx, 'ledger sequencer'))) return 0
    const waiting = await tx
      .selectFrom('ledger_entry')
      .select(['id', 'content_hash'])
      .where('leaf_index', 'is', null)
      .orderBy('recorded_at')
      .orderBy('id')
      .limit(batchMax)
      .execute()
    if (waiting.length === 0) return 0

    const before = await lastSize(tx, given.logKey)
    const edge = await loadEdge(tx, before.size)
    const stored = await rootOf(before.size, edge.read)
    if (before.root !== undefined && !Buffer.from(stored).equals(before.root)) {
      throw new LedgerDamaged('its tiles do not give the root that was signed')
    }
    for (const { content_hash } of waiting) edge.append(leafHash(content_hash))
    const size = before.size + waiting.length
    const root = await rootOf(size, edge.read)

    await place(
      tx,
      waiting.map(({ id }) => id),
      before.size,
    )
    await edge.save(tx)
    const note = await signCheckpoint({ origin: given.logKey.origin, size, root }, given.key)
    await tx
      .insertInto('ledger_checkpoint')
      .values({ size, note, signed_at: protocolNow() })
      .execute()
    return waiting.length
  })
}

async function place(
  tx: Transaction<LedgerTables>,
  ids: readonly string[],
  first: number,
): Promise<void> {
  const places = ids.map((_, at) => String(first + at))
  await sql`
    update ledger_entry set leaf_index = placed.leaf_index
    from unnest(${[...ids]}::text[], ${places}::bigint[]) as placed (id, leaf_index)
    where ledger_entry.id = placed.id and ledger_entry.leaf_index is null`.execute(tx)
}

async function lastSize(
  tx: Transaction<LedgerTables>,
  logKey: LogKey,
): Promise<{ readonly size: number; readonly root: Uint8Array | undefined }> {
  const last = await tx
    .selectFrom('ledger_checkpoint')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst()
  if (last === undefined) return { size: 0, root: undefined }
  const verdict = verifyCheckpoint(last.note, logKey)
  if (verdict.kind !== 'passed') throw new LedgerDamaged(verdict.reason.code)
  if (verdict.value.size !== last.size) throw new LedgerDamaged('a checkpoint was moved')
  return { size: last.size, root: verdict.value.root }
}

/** One round holds the lock for some 100 ms at most. */
const batchMax = 2_000
