/**
 * The log as anybody may read it: files by address (C2SP tlog-tiles). Nothing of it is secret: tiles are hashes, and what stands
 * for an entry is the hash of salt and content (`docs/protocol/ledger.md`), which tells nobody anything.
 */
import type { Store } from '@sekisho/runtime/store'
import type { LedgerTables } from './tables.ts'
import { loadTile } from './tile.ts'
import { parseLogFilePath, tileWidth } from './tile-path.ts'

/** One file of the log. */
export type PublishedFile = {
  readonly contentType: string
  readonly body: Uint8Array
  /** It never changes, so anybody may keep it. */
  readonly isImmutable: boolean
}

/** The file at an address below the log's own; undefined when there is none. `checkpoint`: the one that is to be shown. */
export async function readPublishedFile(
  given: {
    readonly store: Store<LedgerTables>
    readonly checkpoint: () => Promise<string | undefined>
  },
  path: string,
): Promise<PublishedFile | undefined> {
  const file = parseLogFilePath(path)
  if (file === undefined) return undefined
  if (file.kind === 'checkpoint') {
    const note = await given.checkpoint()
    if (note === undefined) return undefined
    const body = new TextEncoder().encode(note)
    return { contentType: 'text/plain; charset=utf-8', body, isImmutable: false }
  }
  const hashes =
    file.kind === 'tile'
      ? await given.store.read(db => loadTile(db, file.level, file.tile))
      : await contentHashes(given.store, file.tile)
  // A tile that has grown beyond a width still has the narrower one in it.
  if (hashes.length < file.width) return undefined
  const pieces = hashes
    .slice(0, file.width)
    .flatMap(hash => (file.kind === 'tile' ? [hash] : [lengthOfHash, hash]))
  const body = Uint8Array.from(Buffer.concat(pieces))
  return { contentType: 'application/octet-stream', body, isImmutable: true }
}

async function contentHashes(
  store: Store<LedgerTables>,
  tile: number,
): Promise<readonly Uint8Array[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('ledger_entry')
      .select('content_hash')
      .where('leaf_index', '>=', tile * tileWidth)
      .where('leaf_index', '<', (tile + 1) * tileWidth)
      .orderBy('leaf_index')
      .execute(),
  )
  return rows.map(row => row.content_hash)
}

/** Entries are preceded by their length in two bytes, high byte first. */
const lengthOfHash = Uint8Array.of(0, 32)
