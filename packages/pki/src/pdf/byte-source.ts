/**
 * Where the bytes of a PDF come from: memory, or a file of any size of which small pieces are read. Reading is passed in
 * and synchronous, so that nothing here touches a disk.
 */
import type { HashName } from '../algorithm.ts'
import { RunningDigest } from '../crypto.ts'

/** Bytes that can be read in pieces. They must stay the same while a judgement runs. */
export interface ByteSource {
  /** In bytes. */
  readonly length: number
  /** Exactly `length` bytes from `offset`, good until the next read; only ever asked for bytes that there are. */
  read(offset: number, length: number): Uint8Array
}

/** A stretch of bytes: from `start` up to, not including, `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Bytes in memory as a source; what is read is a view of them. */
export function sourceOf(bytes: Uint8Array): ByteSource {
  return {
    length: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
  }
}

/** The first `end` bytes of a source: a revision as it once was. */
export function prefixOf(source: ByteSource, end: number): ByteSource {
  const length = Math.min(end, source.length)
  return { length, read: (offset, count) => source.read(offset, count) }
}

/** Reads bytes that must be there. Throws `RangeError` when the source does not keep its promise. */
export function bytesAt(source: ByteSource, offset: number, length: number): Uint8Array {
  if (offset < 0 || length < 0 || offset + length > source.length) throw new RangeError('range')
  const bytes = source.read(offset, length)
  if (bytes.length !== length) throw new RangeError('the source gave other bytes than asked for')
  return bytes
}

/** Whether two stretches of one source hold the same bytes. */
export function sameBytes(source: ByteSource, a: ByteRange, b: ByteRange): boolean {
  const length = a.end - a.start
  if (length !== b.end - b.start) return false
  if (a.start === b.start) return true
  for (let done = 0; done < length; done += pieceBytes) {
    const size = Math.min(pieceBytes, length - done)
    // The first piece may be overwritten by the second read, where a source hands out one buffer.
    const one = Uint8Array.from(bytesAt(source, a.start + done, size))
    const two = bytesAt(source, b.start + done, size)
    if (!one.every((byte, i) => byte === two[i])) return false
  }
  return true
}

/** What is hashed: everything before `gap` and everything between it and `end`. */
export interface SignedRange {
  readonly gap: ByteRange
  readonly end: number
}

/**
 * Hashes of several signed ranges in one pass. The ranges of signatures after each other share their beginnings, so that
 * ten signatures over a gigabyte cost one gigabyte and not ten.
 */
export function digestRanges(
  source: ByteSource,
  ranges: readonly SignedRange[],
  hash: HashName,
): readonly Uint8Array[] {
  const found = new Map<SignedRange, Uint8Array>()
  const common = new RunningDigest(hash)
  let position = 0
  for (const range of ranges.toSorted((a, b) => a.gap.start - b.gap.start)) {
    feed(common, source, { start: position, end: range.gap.start })
    position = range.gap.start
    const own = common.copy()
    feed(own, source, { start: range.gap.end, end: range.end })
    found.set(range, own.finish())
  }
  return ranges.map(range => found.get(range) ?? new Uint8Array())
}

function feed(digest: RunningDigest, source: ByteSource, range: ByteRange): void {
  for (let at = range.start; at < range.end; at += pieceBytes) {
    digest.update(bytesAt(source, at, Math.min(pieceBytes, range.end - at)))
  }
}

/** Large enough that the calls cost nothing, small enough that memory stays flat. */
const pieceBytes = 256 * 1024
