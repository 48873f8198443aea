/**
 * A table of positive serials below 2^32, each with a reason, in as few bytes as a fast search allows. Large tables are
 * cut into 2^16 groups by the upper half of the serial, and keep the lower half. Where a serial would stand among evenly
 * spread ones is looked at first, and it is hardly ever far from there: one wait for memory answers most questions.
 *
 * Tables are read where they lie in a snapshot (`docs/protocol/revocation-snapshot.md`) and never copied.
 */
import { reasonNumber } from './revocation-reason.ts'

/**
 * How a table is laid out. `sorted`: whole serials. `even`: lower halves, and for each group how far its first row is from
 * where it were if serials were spread evenly. `uneven`: lower halves, and for each group its first row.
 */
export type TableForm = 'sorted' | 'even' | 'uneven'

/** The rows that become a table, ascending by serial. A serial may stand in several rows. */
export interface SerialRows {
  readonly count: number
  readonly serials: Uint32Array
  readonly reasons: Uint8Array
}

const groupCount = 2 ** 16
const lowMask = 2 ** 16 - 1
const deviationMax = 2 ** 15 - 1
/** So many rows are looked at one by one before the group is halved again and again instead. */
const stepsMax = 32

/** A table over the bytes of a snapshot. */
export class SerialTable {
  readonly form: TableForm
  readonly count: number
  /** First row of each group, or its deviation; one more than there are groups. */
  readonly #starts: Int16Array | Uint32Array
  /** Rows of a group if all were the same; 0: `#starts` are rows. */
  readonly #scale: number
  /** Lower halves, or whole serials. */
  readonly #lows: Uint16Array | Uint32Array
  readonly #reasons: Uint16Array

  /** Reads a table that begins at `offset`, a multiple of 8; it has `serialTableBytes` of them. */
  constructor(form: TableForm, count: number, buffer: ArrayBufferLike, offset: number) {
    const { starts, lows, reasons } = viewsOf(form, count, buffer, offset)
    this.form = form
    this.count = count
    this.#starts = starts
    this.#scale = form === 'even' ? count / groupCount : 0
    this.#lows = lows
    this.#reasons = reasons
  }

  /** The first row of a serial, of which only the 32 bits count, or -1. */
  find(serial: number): number {
    if (this.form === 'sorted') return this.#halve(0, this.count, serial >>> 0)
    const starts = this.#starts
    const group = serial >>> 16
    const start = ((group * this.#scale) | 0) + (starts[group] ?? 0)
    const end = (((group + 1) * this.#scale) | 0) + (starts[group + 1] ?? 0)
    const lows = this.#lows
    const wanted = serial & lowMask
    let row = start + (Math.imul(wanted, end - start) >>> 16)
    if (end - start > groupCount) return this.#halve(start, end, wanted)
    if ((lows[row] ?? 0) < wanted) {
      const last = Math.min(end, row + stepsMax)
      do row++
      while (row < last && (lows[row] ?? 0) < wanted)
      if (row === last && row < end) return this.#halve(row, end, wanted)
    } else {
      const last = Math.max(start, row - stepsMax)
      while (row > last && (lows[row - 1] ?? 0) >= wanted) row--
      if (row === last && row > start) return this.#halve(start, row + 1, wanted)
    }
    return row < end && lows[row] === wanted ? row : -1
  }

  /** The row after `row` when it is of the same serial, or -1. */
  next(row: number, serial: number): number {
    const after = row + 1
    if (this.form === 'sorted') return this.#lows[after] === serial >>> 0 ? after : -1
    // The next group may begin with the same lower half.
    const isSame =
      this.#lows[after] === (serial & lowMask) && after < this.#start((serial >>> 16) + 1)
    return isSame ? after : -1
  }

  /** Number of the reason of a row (RFC 5280 §5.3.1). */
  reasonAt(row: number): number {
    const packed = this.#reasons[(row / reasonsPerWord) | 0] ?? 0
    const digit = ((packed / (powers[row % reasonsPerWord] ?? 1)) | 0) % reasonCodes.length
    return reasonCodes[digit] ?? 0
  }

  /** All serials, row by row, in memory of their own. */
  serials(): Uint32Array {
    const serials = new Uint32Array(this.count)
    if (this.form === 'sorted') {
      serials.set(this.#lows)
      return serials
    }
    let row = 0
    for (let group = 0; group < groupCount; group++) {
      for (const end = this.#start(group + 1); row < end; row++) {
        serials[row] = group * groupCount + (this.#lows[row] ?? 0)
      }
    }
    return serials
  }

  #start(group: number): number {
    return ((group * this.#scale) | 0) + (this.#starts[group] ?? 0)
  }

  #halve(start: number, end: number, wanted: number): number {
    const lows = this.#lows
    let first = start
    let last = end
    while (first < last) {
      const middle = (first + last) >>> 1
      if ((lows[middle] ?? 0) < wanted) first = middle + 1
      else last = middle
    }
    return first < end && lows[first] === wanted ? first : -1
  }
}

/** Bytes of a table, a multiple of 8. */
export function serialTableBytes(form: TableForm, count: number): number {
  const { lowsAt, reasonsAt } = placesOf(form, count)
  return lowsAt + reasonsAt + padded(Math.ceil(count / reasonsPerWord) * 2)
}

/** The form in which rows take the fewest bytes. */
export function tableFormOf(rows: SerialRows): TableForm {
  const form = isEven(rows) ? 'even' : 'uneven'
  const isSmaller = serialTableBytes(form, rows.count) < serialTableBytes('sorted', rows.count)
  return isSmaller ? form : 'sorted'
}

/** Writes rows as a table at `offset`, a multiple of 8, of a buffer that holds zeros there. */
export function writeSerialTable(
  form: TableForm,
  rows: SerialRows,
  buffer: ArrayBufferLike,
  offset: number,
): void {
  const { count, serials } = rows
  const { starts, lows, reasons } = viewsOf(form, count, buffer, offset)
  for (let row = 0; row < count; row++) {
    const at = (row / reasonsPerWord) | 0
    const code = codeOfReason[rows.reasons[row] ?? 0] ?? 0
    reasons[at] = (reasons[at] ?? 0) + code * (powers[row % reasonsPerWord] ?? 1)
  }
  if (form === 'sorted') {
    lows.set(serials.subarray(0, count))
    return
  }
  const scale = form === 'even' ? count / groupCount : 0
  let row = 0
  for (let group = 0; group <= groupCount; group++) {
    starts[group] = row - Math.floor(group * scale)
    for (; row < count && (serials[row] ?? 0) >>> 16 === group; row++) {
      lows[row] = (serials[row] ?? 0) & lowMask
    }
  }
}

/** The next multiple of 8. */
export function padded(length: number): number {
  return Math.ceil(length / 8) * 8
}

function isEven({ count, serials }: SerialRows): boolean {
  const scale = count / groupCount
  let row = 0
  for (let group = 0; group <= groupCount; group++) {
    if (Math.abs(row - Math.floor(group * scale)) > deviationMax) return false
    while (row < count && (serials[row] ?? 0) >>> 16 === group) row++
  }
  return true
}

// From the start of the table where the lower halves lie, and from there where the reasons lie.
function placesOf(
  form: TableForm,
  count: number,
): { readonly lowsAt: number; readonly reasonsAt: number } {
  if (form === 'sorted') return { lowsAt: 0, reasonsAt: padded(count * 4) }
  const lowsAt = padded((groupCount + 1) * (form === 'even' ? 2 : 4))
  return { lowsAt, reasonsAt: padded(count * 2) }
}

function viewsOf(form: TableForm, count: number, buffer: ArrayBufferLike, offset: number) {
  const { lowsAt, reasonsAt } = placesOf(form, count)
  const at = offset + lowsAt
  const words = Math.ceil(count / reasonsPerWord)
  const reasons = new Uint16Array(buffer, at + reasonsAt, words)
  if (form === 'sorted')
    return { starts: noStarts, lows: new Uint32Array(buffer, at, count), reasons }
  const starts =
    form === 'even'
      ? new Int16Array(buffer, offset, groupCount + 1)
      : new Uint32Array(buffer, offset, groupCount + 1)
  return { starts, lows: new Uint16Array(buffer, at, count), reasons }
}

const noStarts = new Int16Array(0)
/** The reasons that an entry in force can have; five of them fit 16 bits. */
const reasonCodes = (
  [
    'unspecified',
    'keyCompromise',
    'caCompromise',
    'affiliationChanged',
    'superseded',
    'cessationOfOperation',
    'certificateHold',
    'privilegeWithdrawn',
    'aaCompromise',
  ] as const
).map(reasonNumber)
const codeOfReason = Array.from({ length: 16 }, (_, i) => Math.max(0, reasonCodes.indexOf(i)))
const reasonsPerWord = 5
const powers = Array.from({ length: reasonsPerWord }, (_, i) => reasonCodes.length ** i)
