/** Reading the whole log against what was signed. */
import type { Store } from '@sekisho/runtime/store'
import { foldComplete, leafHash, rootOf } from './merkle.ts'
import type { LedgerTables } from './tables.ts'
import { loadTile, readerOver } from './tile.ts'
import { tileWidth } from './tile-path.ts'
import { contentHashOf, type LogKey, saltBytes, verifyCheckpoint } from './judgement.ts'

/** What a whole reading of the log found. */
export type AuditResult =
  | { readonly kind: 'intact'; readonly size: number }
  | { readonly kind: 'damaged'; readonly what: string; readonly index: number | undefined }

/**
 * Checks that the newest checkpoint is signed, that the entries' hashes are the leaves of the stored
 * tree without gap or surplus, and that this tree has the signed root. Reads page by page.
 *
 * Entries under a person's key are checked by their hash only; `entriesOf` checks content against it.
 */
export async function auditTree(store: Store<LedgerTables>, logKey: LogKey): Promise<AuditResult> {
  const last = await store.read(db =>
    db
      .selectFrom('ledger_checkpoint')
      .selectAll()
      .orderBy('size', 'desc')
      .limit(1)
      .executeTakeFirst(),
  )
  const size = last?.size ?? 0
  const wrongLeaf = await firstWrongLeaf(store, size)
  if (wrongLeaf !== undefined) return damaged('an entry is missing or altered', wrongLeaf)
  if (last === undefined) return { kind: 'intact', size }
  const verdict = verifyCheckpoint(last.note, logKey)
  if (verdict.kind !== 'passed') return damaged(verdict.reason.code)
  if (verdict.value.size !== size) return damaged('a checkpoint was moved')
  const root = await store.read(db => rootOf(size, readerOver(db)))
  if (!Buffer.from(root).equals(verdict.value.root))
    return damaged('the root is not the signed one')
  const tiles = await firstWrongTile(store, size)
  return tiles ?? { kind: 'intact', size }
}

async function firstWrongLeaf(
  store: Store<LedgerTables>,
  size: number,
): Promise<number | undefined> {
  const beyond = await store.read(db =>
    db
      .selectFrom('ledger_entry')
      .select('leaf_index')
      .where('leaf_index', '>=', size)
      .orderBy('leaf_index')
      .limit(1)
      .executeTakeFirst(),
  )
  if (beyond !== undefined) return beyond.leaf_index ?? size
  for (let first = 0; ; first += tileWidth) {
    const [rows, hashes] = await store.read(async db => [
      await db
        .selectFrom('ledger_entry')
        .select(['leaf_index', 'person_id', 'content', 'content_hash'])
        .where('leaf_index', '>=', first)
        .where('leaf_index', '<', first + tileWidth)
        .orderBy('leaf_index')
        .execute(),
      await loadTile(db, 0, first / tileWidth),
    ])
    for (let at = 0; at < Math.max(rows.length, hashes.length); at += 1) {
      const [row, hash] = [rows[at], hashes[at]]
      if (row === undefined || hash === undefined || !matches(row, first + at, hash)) {
        return first + at
      }
    }
    if (first + hashes.length >= size || hashes.length < tileWidth) {
      return first + hashes.length === size ? undefined : first + hashes.length
    }
  }
}

/** Every stored inner hash must be that of the leaves below it; the root needs only the edge. */
async function firstWrongTile(
  store: Store<LedgerTables>,
  size: number,
): Promise<AuditResult | undefined> {
  for (let level = 1; size >= tileWidth ** level; level += 1) {
    const count = Math.floor(size / tileWidth ** level)
    for (let at = 0; at < count; at += 1) {
      const holds = await store.read(async db => {
        const stored = (await loadTile(db, level, Math.floor(at / tileWidth)))[at % tileWidth]
        const below = await loadTile(db, level - 1, at)
        if (stored === undefined || below.length !== tileWidth) return false
        return Buffer.from(stored).equals(foldComplete(below))
      })
      if (!holds) return damaged('a stored tile is altered', at * tileWidth ** level)
    }
  }
  return undefined
}

function matches(
  row: {
    leaf_index: number | null
    person_id: string | null
    content: Uint8Array
    content_hash: Uint8Array
  },
  index: number,
  leaf: Uint8Array,
): boolean {
  if (row.leaf_index !== index) return false
  if (!Buffer.from(leafHash(row.content_hash)).equals(leaf)) return false
  if (row.person_id !== null) return true
  const disclosed = { salt: row.content.slice(0, saltBytes), entry: row.content.slice(saltBytes) }
  return Buffer.from(contentHashOf(disclosed)).equals(row.content_hash)
}

function damaged(what: string, index?: number): AuditResult {
  return { kind: 'damaged', what, index }
}
