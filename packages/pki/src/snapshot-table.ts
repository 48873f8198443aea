/** All entries of one issuing key in a snapshot: rows of short serials, then rows of long ones. */
import { type EntryRows, isShortSerial, shortSerialBits } from './entry-rows.ts'
import {
  type ColdEntry,
  type ColdReader,
  LongSerialTable,
  longTableBytes,
} from './long-serial-table.ts'
import { padded, SerialTable, serialTableBytes, type TableForm } from './serial-table.ts'

/** What of a table is told in the directory of a snapshot. */
export interface TableShape {
  readonly form: TableForm
  readonly shortCount: number
  readonly longCount: number
  /** Bytes of the records of long serials in the cold part, without padding. */
  readonly longBytes: number
}

/** Where a table lies. */
export interface TablePlace {
  /** In the buffer of the hot part. */
  readonly offset: number
  readonly cold: ColdReader
  /** In the cold part. */
  readonly coldOffset: number
}

/** A table over the bytes of a snapshot. */
export class SnapshotTable {
  readonly shape: TableShape
  readonly place: TablePlace
  readonly buffer: ArrayBufferLike
  readonly #short: SerialTable
  readonly #long: LongSerialTable

  constructor(shape: TableShape, buffer: ArrayBufferLike, place: TablePlace) {
    const { form, shortCount, longCount, longBytes } = shape
    this.shape = shape
    this.place = place
    this.buffer = buffer
    this.#short = new SerialTable(form, shortCount, buffer, place.offset)
    const longOffset = place.offset + serialTableBytes(form, shortCount)
    this.#long = new LongSerialTable(longCount, buffer, longOffset, {
      read: place.cold,
      position: place.coldOffset + padded(shortCount * coldRecordBytes),
      length: longBytes,
    })
  }

  /** Number of rows. */
  get count(): number {
    return this.shape.shortCount + this.shape.longCount
  }

  /** The first row of a serial (INTEGER content), or -1. Reads the cold part for a long serial that looks like one held. */
  find(serial: Uint8Array): number {
    if (isShortSerial(serial)) return this.#short.find(shortSerialBits(serial))
    const row = this.#long.find(serial)
    return row < 0 ? -1 : this.shape.shortCount + row
  }

  /** The row after `row` when it is of the same serial, or -1: a serial may stand in the lists of several partitions. */
  next(row: number, serial: Uint8Array): number {
    const { shortCount } = this.shape
    if (row < shortCount) return this.#short.next(row, shortSerialBits(serial))
    const after = this.#long.next(row - shortCount, serial)
    return after < 0 ? -1 : shortCount + after
  }

  /** Number of the reason of a row (RFC 5280 §5.3.1). */
  reasonAt(row: number): number {
    const { shortCount } = this.shape
    return row < shortCount ? this.#short.reasonAt(row) : this.#long.reasonAt(row - shortCount)
  }

  /** Reads a row's cold part. */
  coldAt(row: number): ColdEntry {
    const { shortCount } = this.shape
    if (row >= shortCount) return this.#long.coldAt(row - shortCount)
    const { cold, coldOffset } = this.place
    const record = cold(coldOffset + row * coldRecordBytes, coldRecordBytes)
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength)
    return { seconds: view.getUint32(0, true), partition: view.getUint16(4, true) }
  }

  /** All rows, in memory of their own. Reads the whole cold part of the key. */
  rows(): EntryRows {
    const count = this.shape.shortCount
    const records = this.place.cold(this.place.coldOffset, count * coldRecordBytes)
    const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
    const reasons = new Uint8Array(count)
    const seconds = new Uint32Array(count)
    const partitions = new Uint16Array(count)
    for (let row = 0; row < count; row++) {
      reasons[row] = this.#short.reasonAt(row)
      seconds[row] = view.getUint32(row * coldRecordBytes, true)
      partitions[row] = view.getUint16(row * coldRecordBytes + 4, true)
    }
    const serials = this.#short.serials()
    return { short: { count, serials, reasons, seconds, partitions }, long: this.#long.rows() }
  }
}

/** Bytes of a table in the hot part. */
export function hotTableBytes({ form, shortCount, longCount }: TableShape): number {
  return serialTableBytes(form, shortCount) + longTableBytes(longCount)
}

/** Bytes of a table in the cold part. */
export function coldTableBytes({ shortCount, longBytes }: TableShape): number {
  return padded(shortCount * coldRecordBytes) + padded(longBytes)
}

/** Seconds and partition of a short serial. */
export const coldRecordBytes = 6
