/**
 * The Merkle tree of RFC 6962 §2.1 (the same as RFC 9162 §2.1): hashes, and which subtrees a proof
 * consists of. Pure; sizes and indices are whole numbers below 2^53.
 */
import { createHash } from 'node:crypto'

/** Reads the hash of the complete subtree `index` of those that have 2^level leaves. */
export type SubtreeReader = (level: number, index: number) => Promise<Uint8Array>

/** The hash of a leaf: SHA-256(0x00 ‖ data). */
export function leafHash(data: Uint8Array): Uint8Array {
  return hash(leafPrefix, data)
}

/** The hash of an inner node: SHA-256(0x01 ‖ left ‖ right). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return hash(nodePrefix, left, right)
}

/** The root over the first `size` leaves. */
export async function rootOf(size: number, read: SubtreeReader): Promise<Uint8Array> {
  return size === 0 ? hash() : hashOfRange({ start: 0, end: size }, read)
}

/** RFC 6962 §2.1.1, PATH(index, D[size]): from the leaf's neighbour to the top. */
export async function inclusionPath(
  index: number,
  size: number,
  read: SubtreeReader,
): Promise<readonly Uint8Array[]> {
  const ranges = inclusionRanges(index, { start: 0, end: size })
  return Promise.all(ranges.map(range => hashOfRange(range, read)))
}

/** RFC 6962 §2.1.2, PROOF(from, D[to]); empty when `from` is 0 or `to`. */
export async function consistencyPath(
  from: number,
  to: number,
  read: SubtreeReader,
): Promise<readonly Uint8Array[]> {
  if (from === 0) return []
  const ranges = consistencyRanges(from, { start: 0, end: to }, true)
  return Promise.all(ranges.map(range => hashOfRange(range, read)))
}

/** The root of a complete subtree from its leaves' hashes, a power of two of them. */
export function foldComplete(hashes: readonly Uint8Array[]): Uint8Array {
  let row = hashes
  while (row.length > 1) {
    const above: Uint8Array[] = []
    for (let at = 0; at + 1 < row.length; at += 2)
      above.push(nodeHash(entry(row, at), entry(row, at + 1)))
    row = above
  }
  return entry(row, 0)
}

/** Leaves `start` up to but without `end`. */
type Range = { readonly start: number; readonly end: number }

async function hashOfRange(range: Range, read: SubtreeReader): Promise<Uint8Array> {
  const size = range.end - range.start
  const level = Math.round(Math.log2(size))
  if (2 ** level === size) return read(level, range.start / size)
  const middle = range.start + leftSize(size)
  const [left, right] = await Promise.all([
    hashOfRange({ start: range.start, end: middle }, read),
    hashOfRange({ start: middle, end: range.end }, read),
  ])
  return nodeHash(left, right)
}

function inclusionRanges(index: number, range: Range): readonly Range[] {
  const size = range.end - range.start
  if (size === 1) return []
  const middle = range.start + leftSize(size)
  const left = { start: range.start, end: middle }
  const right = { start: middle, end: range.end }
  return index < middle
    ? [...inclusionRanges(index, left), right]
    : [...inclusionRanges(index, right), left]
}

function consistencyRanges(from: number, range: Range, whole: boolean): readonly Range[] {
  const size = range.end - range.start
  if (from === size) return whole ? [] : [range]
  const middle = range.start + leftSize(size)
  const left = { start: range.start, end: middle }
  const right = { start: middle, end: range.end }
  return from <= leftSize(size)
    ? [...consistencyRanges(from, left, whole), right]
    : [...consistencyRanges(from - leftSize(size), right, false), left]
}

/** The largest power of two below `size`. */
function leftSize(size: number): number {
  let left = 1
  while (left * 2 < size) left *= 2
  return left
}

function hash(...parts: readonly Uint8Array[]): Uint8Array {
  const sha256 = createHash('sha256')
  for (const part of parts) sha256.update(part)
  return Uint8Array.from(sha256.digest())
}

function entry(hashes: readonly Uint8Array[], at: number): Uint8Array {
  const found = hashes[at]
  if (found === undefined) throw new Error('a subtree has too few hashes')
  return found
}

const leafPrefix = Uint8Array.of(0)
const nodePrefix = Uint8Array.of(1)
