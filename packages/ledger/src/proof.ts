/** What the log shows to anybody: checkpoints, proofs and tiles. Nothing of it is secret. */
import type { Store } from '@sekisho/runtime/store'
import { consistencyPath, inclusionPath } from './merkle.ts'
import type { LedgerTables } from './tables.ts'
import { loadTile, readerOver } from './tile.ts'
import type { InclusionProof } from './judgement.ts'

/** An inclusion proof with the checkpoint it leads to. */
export type ProvenInclusion = InclusionProof & { readonly checkpoint: string }

/** The public side of a log. */
export interface Proofs {
  /** The newest signed checkpoint; undefined while the log is empty. */
  checkpoint(): Promise<string | undefined>
  /** The proof that the entry at `index` stands under the newest checkpoint; undefined beyond it. */
  inclusionProof(index: number): Promise<ProvenInclusion | undefined>
  /** The proof that the log of size `to` continues that of size `from`. Both at most the newest. */
  consistencyProof(from: number, to: number): Promise<readonly Uint8Array[]>
  /** One stored tile (C2SP tlog-tiles): up to 256 hashes, joined; empty beyond the edge. */
  tile(level: number, tile: number): Promise<Uint8Array>
}

/** Reads proofs from the stored tiles. */
export function createProofs(store: Store<LedgerTables>): Proofs {
  const newest = (): Promise<{ size: number; note: string } | undefined> =>
    store.read(db =>
      db
        .selectFrom('ledger_checkpoint')
        .select(['size', 'note'])
        .orderBy('size', 'desc')
        .limit(1)
        .executeTakeFirst(),
    )
  return {
    checkpoint: async () => (await newest())?.note,
    async inclusionProof(index) {
      const head = await newest()
      if (head === undefined || !(index >= 0 && index < head.size)) return undefined
      return store.read(async db => ({
        index,
        size: head.size,
        path: await inclusionPath(index, head.size, readerOver(db)),
        checkpoint: head.note,
      }))
    },
    async consistencyProof(from, to) {
      const size = (await newest())?.size ?? 0
      if (!(from >= 0 && from <= to && to <= size)) throw new Error('the log has no such sizes')
      return store.read(db => consistencyPath(from, to, readerOver(db)))
    },
    tile: (level, tile) =>
      store.read(async db => Uint8Array.from(Buffer.concat(await loadTile(db, level, tile)))),
  }
}
