/**
 * The tree as it is stored: tiles of 256 hashes (C2SP tlog-tiles). A tile of level L holds roots of
 * complete subtrees of 256^L leaves, so that a proof over a billion entries reads a dozen rows.
 */
import type { Reader, Transaction } from '@sekisho/runtime/store'
import { foldComplete, type SubtreeReader } from './merkle.ts'
import type { LedgerTables } from './tables.ts'
import { tileWidth } from './tile-path.ts'

/** Reads subtrees from the stored tiles, each tile once. */
export function readerOver(db: Reader<LedgerTables>): SubtreeReader {
  const known = new Map<string, Promise<readonly Uint8Array[]>>()
  return subtreesOf((level, tile) => {
    const name = `${level}/${tile}`
    const loading = known.get(name) ?? loadTile(db, level, tile)
    known.set(name, loading)
    return loading
  })
}

/** The hashes of one stored tile; empty when there is none. */
export async function loadTile(
  db: Reader<LedgerTables>,
  level: number,
  tile: number,
): Promise<readonly Uint8Array[]> {
  const row = await db
    .selectFrom('ledger_tile')
    .select('hashes')
    .where('level', '=', level)
    .where('tile', '=', tile)
    .executeTakeFirst()
  return row === undefined ? [] : hashesOf(row.hashes)
}

/** The right edge of the tree in memory, where leaves are appended. */
export interface Edge {
  readonly read: SubtreeReader
  append(leaf: Uint8Array): void
  /** Writes the tiles that have changed. */
  save(tx: Transaction<LedgerTables>): Promise<void>
}

/** Loads the last, unfinished tile of each level of a tree of this size. */
export async function loadEdge(db: Reader<LedgerTables>, size: number): Promise<Edge> {
  const levels: Uint8Array[][] = []
  const counts: number[] = []
  const changed = new Map<string, { level: number; tile: number; hashes: readonly Uint8Array[] }>()
  for (let count = size, level = 0; count > 0; count = Math.floor(count / tileWidth), level += 1) {
    const stored = await loadTile(db, level, Math.floor(count / tileWidth))
    levels[level] = stored.slice(0, count % tileWidth)
    counts[level] = count
  }
  const push = (level: number, hash: Uint8Array): void => {
    const hashes = levels[level] ?? []
    const count = (counts[level] ?? 0) + 1
    const tile = Math.floor((count - 1) / tileWidth)
    hashes.push(hash)
    levels[level] = hashes
    counts[level] = count
    changed.set(`${level}/${tile}`, { level, tile, hashes })
    if (hashes.length === tileWidth) {
      levels[level] = []
      push(level + 1, foldComplete(hashes))
    }
  }
  return {
    append: leaf => push(0, leaf),
    read: subtreesOf(async level => levels[level] ?? []),
    async save(tx) {
      for (const { level, tile, hashes } of changed.values()) {
        const row = { level, tile, hashes: Uint8Array.from(Buffer.concat(hashes)) }
        await tx
          .insertInto('ledger_tile')
          .values(row)
          .onConflict(conflict => conflict.columns(['level', 'tile']).doUpdateSet(row))
          .execute()
      }
      changed.clear()
    },
  }
}

/** Finds a complete subtree inside the tile that holds its lowest stored hashes. */
export function subtreesOf(
  load: (level: number, tile: number) => Promise<readonly Uint8Array[]>,
): SubtreeReader {
  return async (level, index) => {
    const width = 2 ** (level % tileLevels)
    const first = index * width
    const hashes = await load(Math.floor(level / tileLevels), Math.floor(first / tileWidth))
    const within = first % tileWidth
    const wanted = hashes.slice(within, within + width)
    if (wanted.length !== width) throw new Error('the stored tree is shorter than its checkpoint')
    return foldComplete(wanted)
  }
}

/** The hashes of a tile. Throws when the last one is cut off. */
export function hashesOf(bytes: Uint8Array): readonly Uint8Array[] {
  if (bytes.length % hashBytes !== 0) throw new Error('a stored tile is cut off')
  return Array.from({ length: bytes.length / hashBytes }, (_, at) =>
    bytes.slice(at * hashBytes, (at + 1) * hashBytes),
  )
}

const hashBytes = 32
const tileLevels = 8
