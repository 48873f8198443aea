/**
 * An outsider's reading of a published log (C2SP tlog-tiles): checkpoint, cosignatures, all hashes from where the last reading
 * ended, and the places of entries that somebody holds. It needs nothing of the operator but the key. Pure: files are read by
 * whoever asks.
 */
import { foldComplete, inclusionPath, nodeHash } from './merkle.ts'
import { splitNote } from './note.ts'
import { failed, type Verdict } from './reason.ts'
import { hashesOf, subtreesOf } from './tile.ts'
import { logFilePath, tileWidth, tileWidthIn } from './tile-path.ts'
import { type Cosignature, verifyCosignatures, type WitnessKey } from './cosignature.ts'
import {
  type Checkpoint,
  type DisclosedEntry,
  type LogKey,
  verifyCheckpoint,
  verifyEntry,
} from './judgement.ts'

/** Files of a log by their address below its own; undefined: there is no such file. */
export type LogSource = { read(path: string): Promise<Uint8Array | undefined> }

/** What is kept from one reading to the next. Whoever can alter it can be lied to, so it lies with the auditor. */
export type KeptAudit = {
  /** The checkpoint that was read, as it stood. */
  readonly checkpoint: string
  /** Roots of the complete subtrees that the tree consists of, largest first, in base64. */
  readonly edge: readonly string[]
}

/** An entry that somebody holds, and where it is said to stand. */
export type Receipt = DisclosedEntry & { readonly index: number }

/** What a reading found. */
export type PublishedAudit = {
  readonly checkpoint: Checkpoint
  readonly cosignatures: readonly Cosignature[]
  /** Size of the log at the last reading; undefined: there was none. */
  readonly before: number | undefined
  readonly kept: KeptAudit
}

/**
 * Reads the log. `needed`: how many of `witnesses` must have cosigned. With `kept`, hashes are read from there on, and the whole must
 * continue it; without, or with `isWhole`, from the first. Fails with the first reason met.
 */
export async function auditPublished(given: {
  readonly source: LogSource
  readonly logKey: LogKey
  readonly witnesses: readonly WitnessKey[]
  readonly needed: number
  readonly kept?: KeptAudit | undefined
  readonly receipts?: readonly Receipt[]
  readonly isWhole?: boolean
}): Promise<Verdict<PublishedAudit>> {
  const { source, logKey } = given
  const bytes = await source.read(logFilePath({ kind: 'checkpoint' }))
  if (bytes === undefined) return failed('checkpoint-missing')
  const text = new TextDecoder().decode(bytes)
  const head = verifyCheckpoint(text, logKey)
  if (head.kind === 'failed') return head
  const note = splitNote(text)
  if (note === undefined) return failed('checkpoint-malformed')
  const cosigned = verifyCosignatures(note, given.witnesses)
  if (cosigned.kind === 'failed') return cosigned
  if (cosigned.value.length < given.needed) return failed('cosignatures-missing')
  const checkpoint = head.value

  const begun = beginOf(given.kept, logKey)
  if (begun.kind === 'failed') return begun
  const before = begun.value
  if (before.size > checkpoint.size) return failed('log-shortened')
  const tree = await readTree(source, checkpoint, {
    before,
    from: given.isWhole === true ? emptyTree : before,
  })
  if (tree.kind === 'failed') return tree
  for (const receipt of given.receipts ?? []) {
    const placed = await placeOf(source, receipt, checkpoint)
    if (placed.kind === 'failed') return placed
  }
  const kept = { checkpoint: text, edge: tree.value.edge.map(base64) }
  const value = {
    checkpoint,
    cosignatures: cosigned.value,
    before: given.kept === undefined ? undefined : before.size,
    kept,
  }
  return { kind: 'passed', value }
}

/** A tree by the roots of its complete subtrees, largest first: as many as its size has binary ones. */
type Tree = { readonly size: number; readonly edge: readonly Uint8Array[] }
const emptyTree: Tree = { size: 0, edge: [] }

/** What the last reading ended with, if it can be what it says. */
function beginOf(kept: KeptAudit | undefined, logKey: LogKey): Verdict<Tree> {
  if (kept === undefined) return { kind: 'passed', value: emptyTree }
  const head = verifyCheckpoint(kept.checkpoint, logKey)
  if (head.kind === 'failed') return failed('kept-state-wrong')
  const tree = {
    size: head.value.size,
    edge: kept.edge.map(text => Uint8Array.from(Buffer.from(text, 'base64'))),
  }
  const isOwn = tree.edge.length === onesIn(tree.size) && equal(rootOfEdge(tree), head.value.root)
  return isOwn ? { kind: 'passed', value: tree } : failed('kept-state-wrong')
}

/** Appends the published leaves to a tree, up to the size of the checkpoint, whose root must come out. */
async function readTree(
  source: LogSource,
  checkpoint: Checkpoint,
  given: { readonly before: Tree; readonly from: Tree },
): Promise<Verdict<Tree>> {
  const { before, from } = given
  const stack = stackOf(from)
  const inner = from.size === 0 ? innerReader(source, checkpoint.size) : undefined
  let size = from.size
  while (size < checkpoint.size) {
    const tile = Math.floor(size / tileWidth)
    const hashes = await readTile(source, checkpoint.size, { level: 0, tile })
    if (hashes === undefined) return failed('tile-missing')
    for (const hash of hashes.slice(size % tileWidth)) {
      push(stack, hash)
      size += 1
      if (size !== before.size) continue
      // The whole is read again: its beginning must be what was read before.
      if (!equal(rootOfEdge(treeOf(stack, size)), rootOfEdge(before)))
        return failed('consistency-wrong')
    }
    const wrong = await inner?.add(hashes)
    if (wrong !== undefined) return wrong
  }
  const wrong = await inner?.end()
  if (wrong !== undefined) return wrong
  const tree = treeOf(stack, size)
  if (equal(rootOfEdge(tree), checkpoint.root)) return { kind: 'passed', value: tree }
  return failed(from.size > 0 ? 'consistency-wrong' : 'tiles-wrong')
}

/** Compares tiles above the lowest level with what lies below them. Proofs are made of them, and the root does not need them. */
function innerReader(source: LogSource, size: number) {
  const levels: Uint8Array[][] = []
  const compare = async (
    level: number,
    tile: number,
    hashes: readonly Uint8Array[],
  ): Promise<ReturnType<typeof failed> | undefined> => {
    const read = await readTile(source, size, { level, tile })
    if (read === undefined) return failed('tile-missing')
    const isSame = read.length === hashes.length && read.every((one, at) => same(one, hashes[at]))
    return isSame ? undefined : failed('tiles-wrong')
  }
  const counts: number[] = []
  const add = async (
    level: number,
    full: readonly Uint8Array[],
  ): Promise<ReturnType<typeof failed> | undefined> => {
    const row = (levels[level] ??= [])
    row.push(foldComplete(full))
    if (row.length < tileWidth) return undefined
    levels[level] = []
    const tile = counts[level] ?? 0
    counts[level] = tile + 1
    return (await compare(level, tile, row)) ?? add(level + 1, row)
  }
  return {
    add: (hashes: readonly Uint8Array[]) =>
      hashes.length === tileWidth ? add(1, hashes) : Promise.resolve(undefined),
    end: async () => {
      for (const [level, row] of levels.entries()) {
        if (row === undefined || row.length === 0) continue
        const wrong = await compare(level, counts[level] ?? 0, row)
        if (wrong !== undefined) return wrong
      }
      return undefined
    },
  }
}

/** The entry's place, proven from the published tiles against the root that was signed. */
async function placeOf(
  source: LogSource,
  receipt: Receipt,
  checkpoint: Checkpoint,
): Promise<Verdict<unknown>> {
  const { index } = receipt
  const { size } = checkpoint
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return failed('inclusion-wrong')
  const missing = new MissingTile()
  try {
    const path = await inclusionPath(
      index,
      size,
      subtreesOf(async (level, tile) => {
        const hashes = await readTile(source, size, { level, tile })
        if (hashes === undefined) throw missing
        return hashes
      }),
    )
    return verifyEntry(receipt, { index, size, path }, checkpoint)
  } catch (error) {
    if (error === missing) return failed('tile-missing')
    throw error
  }
}

class MissingTile extends Error {}

/** A tile as wide as it is in a tree of this size; undefined when it is not there, or narrower. */
async function readTile(
  source: LogSource,
  size: number,
  { level, tile }: { readonly level: number; readonly tile: number },
): Promise<readonly Uint8Array[] | undefined> {
  const width = tileWidthIn(size, level, tile)
  const at = (hashes: number): string => logFilePath({ kind: 'tile', level, tile, width: hashes })
  // A partial tile may be gone once there is a full one.
  const bytes = (await source.read(at(width))) ?? (await source.read(at(tileWidth)))
  if (bytes === undefined || bytes.length < width * hashBytes) return undefined
  return hashesOf(bytes.subarray(0, width * hashBytes))
}

/** Complete subtrees by the number of their leaves, largest first. */
type Stack = { leaves: number; hash: Uint8Array }[]

function stackOf({ size, edge }: Tree): Stack {
  let rest = size
  return edge.map(hash => {
    let leaves = 1
    while (leaves * 2 <= rest) leaves *= 2
    rest -= leaves
    return { leaves, hash }
  })
}

function push(stack: Stack, leaf: Uint8Array): void {
  let right = { leaves: 1, hash: leaf }
  for (let left = stack.at(-1); left?.leaves === right.leaves; left = stack.at(-1)) {
    stack.pop()
    right = { leaves: right.leaves * 2, hash: nodeHash(left.hash, right.hash) }
  }
  stack.push(right)
}

function treeOf(stack: Stack, size: number): Tree {
  return { size, edge: stack.map(({ hash }) => hash) }
}

/** The root (RFC 6962 §2.1) of a tree that has one; that of an empty tree is the hash of nothing. */
function rootOfEdge({ edge }: Tree): Uint8Array {
  const [last, ...others] = edge.toReversed()
  if (last === undefined) return emptyRoot
  return others.reduce((right, left) => nodeHash(left, right), last)
}

function onesIn(size: number): number {
  return size.toString(2).replaceAll('0', '').length
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other)
}

function same(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && equal(one, other)
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

const hashBytes = 32
/** SHA-256 of nothing. */
const emptyRoot = Uint8Array.from(
  Buffer.from('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 'hex'),
)
