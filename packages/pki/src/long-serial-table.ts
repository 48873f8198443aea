/**
 * A table of serials that do not fit 32 bits, of any length, in eight bytes each: a fingerprint with the reason, and
 * where in the cold part the serial stands. What the fingerprint finds is compared there, so that no answer is a guess.
 */
import { compareSerials, fingerprintOf, type LongRows } from './entry-rows.ts'

/**
 * Reads from the cold part of a snapshot: exactly `length` bytes, or it throws. Called in the midst of a judgement, so it
 * does not wait; a file is read by position.
 */
export type ColdReader = (position: number, length: number) => Uint8Array

/** What the cold part says of an entry. */
export interface ColdEntry {
  /** Revocation date in seconds since 1970. */
  readonly seconds: number
  /** Position of the partition among those of its key. */
  readonly partition: number
}

/** Where the cold part of a table lies. */
export interface ColdPlace {
  readonly read: ColdReader
  readonly position: number
  readonly length: number
}

/** A table over the bytes of a snapshot. */
export class LongSerialTable {
  readonly count: number
  /** Fingerprint and reason, ascending. */
  readonly #heads: Uint32Array
  /** Where the record of each row begins, from the start of this table's cold part. */
  readonly #offsets: Uint32Array
  readonly #cold: ColdPlace

  /** Reads a table that begins at `offset`, a multiple of 8; it has `longTableBytes` of them. */
  constructor(count: number, buffer: ArrayBufferLike, offset: number, cold: ColdPlace) {
    this.count = count
    this.#heads = new Uint32Array(buffer, offset, count)
    this.#offsets = new Uint32Array(buffer, offset + count * 4, count)
    this.#cold = cold
  }

  /** The first row of a serial, or -1. */
  find(serial: Uint8Array): number {
    const wanted = fingerprintOf(serial)
    let first = 0
    let end = this.count
    while (first < end) {
      const middle = (first + end) >>> 1
      if (this.#compare(middle, wanted, serial) < 0) first = middle + 1
      else end = middle
    }
    return first < this.count && this.#compare(first, wanted, serial) === 0 ? first : -1
  }

  /** The row after `row` when it is of the same serial, or -1. */
  next(row: number, serial: Uint8Array): number {
    const after = row + 1
    const isSame = after < this.count && this.#compare(after, fingerprintOf(serial), serial) === 0
    return isSame ? after : -1
  }

  /** Number of the reason of a row (RFC 5280 §5.3.1). */
  reasonAt(row: number): number {
    return (this.#heads[row] ?? 0) & reasonMask
  }

  /** Reads a row's cold part. */
  coldAt(row: number): ColdEntry {
    const record = this.#record(row)
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
    return { seconds: view.getUint32(0, true), partition: view.getUint16(4, true) }
  }

  /** All rows, in memory of their own. */
  rows(): LongRows {
    const { read, position, length } = this.#cold
    const records = read(position, length)
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
    const rows = {
      count: this.count,
      fingerprints: new Uint32Array(this.count),
      reasons: new Uint8Array(this.count),
      seconds: new Uint32Array(this.count),
      partitions: new Uint16Array(this.count),
      starts: new Uint32Array(this.count + 1),
      bytes: new Uint8Array(length - this.count * recordHead),
    }
    let written = 0
    for (let row = 0; row < this.count; row++) {
      const start = this.#offsets[row] ?? 0
      const serial = records.subarray(start + recordHead, this.#offsets[row + 1] ?? length)
      rows.fingerprints[row] = (this.#heads[row] ?? 0) >>> reasonBits
      rows.reasons[row] = this.reasonAt(row)
      rows.seconds[row] = view.getUint32(start, true)
      rows.partitions[row] = view.getUint16(start + 4, true)
      rows.starts[row] = written
      rows.bytes.set(serial, written)
      written += serial.length
    }
    rows.starts[this.count] = written
    return rows
  }

  #compare(row: number, fingerprint: number, serial: Uint8Array): number {
    const own = (this.#heads[row] ?? 0) >>> reasonBits
    if (own !== fingerprint) return own - fingerprint
    const found = this.#record(row).subarray(recordHead)
    // The cold part was checked when the snapshot was opened; a disk that loses bytes must not make anybody good.
    if (fingerprintOf(found) !== own) throw new Error('the cold part of a snapshot has changed')
    return compareSerials(found, serial)
  }

  #record(row: number): Uint8Array {
    const { read, position, length } = this.#cold
    const start = this.#offsets[row] ?? 0
    return read(position + start, (this.#offsets[row + 1] ?? length) - start)
  }
}

/** Bytes of a table in the hot part, a multiple of 8. */
export function longTableBytes(count: number): number {
  return count * 8
}

/** Bytes of a table's records in the cold part. */
export function longColdBytes(rows: LongRows): number {
  return rows.count * recordHead + (rows.starts[rows.count] ?? 0)
}

/** Writes rows, in order, as a table at `offset`, a multiple of 8, and their cold part at `coldOffset`. */
export function writeLongTable(
  rows: LongRows,
  buffer: ArrayBufferLike,
  offset: number,
  cold: { readonly buffer: ArrayBufferLike; readonly offset: number },
): void {
  const { count } = rows
  const heads = new Uint32Array(buffer, offset, count)
  const offsets = new Uint32Array(buffer, offset + count * 4, count)
  const bytes = new Uint8Array(cold.buffer)
  const view = new DataView(cold.buffer)
  let written = 0
  for (let row = 0; row < count; row++) {
    const serial = rows.bytes.subarray(rows.starts[row] ?? 0, rows.starts[row + 1] ?? 0)
    heads[row] = (rows.fingerprints[row] ?? 0) * 2 ** reasonBits + (rows.reasons[row] ?? 0)
    offsets[row] = written
    view.setUint32(cold.offset + written, rows.seconds[row] ?? 0, true)
    view.setUint16(cold.offset + written + 4, rows.partitions[row] ?? 0, true)
    bytes.set(serial, cold.offset + written + recordHead)
    written += recordHead + serial.length
  }
}

const reasonBits = 4
const reasonMask = 2 ** reasonBits - 1
/** Seconds and partition before the serial. */
const recordHead = 6
