/**
 * Entries of revocation lists as columns, for building snapshots: serials that fit 32 bits beside those that do not.
 * Lists of millions of entries are sorted and laid over one another in time that grows with their length alone.
 */
import type { RevocationList } from './crl.ts'
import { reasonNumber } from './revocation-reason.ts'

/** Entries with positive serials below 2^32. A column may be longer than `count`. */
export interface ShortRows {
  readonly count: number
  readonly serials: Uint32Array
  readonly reasons: Uint8Array
  /** Revocation dates in seconds since 1970. */
  readonly seconds: Uint32Array
  /** Position, among those of its key, of the partition whose list has the entry. */
  readonly partitions: Uint16Array
}

/** Entries with all other serials. */
export interface LongRows {
  readonly count: number
  readonly fingerprints: Uint32Array
  readonly reasons: Uint8Array
  readonly seconds: Uint32Array
  readonly partitions: Uint16Array
  /** Where in `bytes` the INTEGER content of each serial begins, and after the last one its end. */
  readonly starts: Uint32Array
  readonly bytes: Uint8Array
}

/** Entries of both kinds. */
export interface EntryRows {
  readonly short: ShortRows
  readonly long: LongRows
}

/** Whether INTEGER content is that of a positive serial below 2^32. */
export function isShortSerial(serial: Uint8Array): boolean {
  const length = serial.length
  const first = serial[0] ?? 0x80
  // At most four bytes, or five with a sign byte: half of all serials need one, so that a branch would be guessed wrongly.
  return first < 0x80 && ((length - 5) | ((length - 6) & (first - 1))) < 0
}

/** The 32 bits of a short serial, as a signed number: the processor is quickest with those. */
export function shortSerialBits(serial: Uint8Array): number {
  const length = serial.length
  const bits = (serial[length - 1] ?? 0) | ((serial[length - 2] ?? 0) << 8)
  if (length < 4) return bits | ((serial[length - 3] ?? 0) << 16)
  return bits | ((serial[length - 3] ?? 0) << 16) | ((serial[length - 4] ?? 0) << 24)
}

/** 28 bits that differ for most serials that differ: FNV-1a, mixed. */
export function fingerprintOf(serial: Uint8Array): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < serial.length; i++) hash = Math.imul(hash ^ (serial[i] ?? 0), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return (hash ^ (hash >>> 13)) >>> 4
}

/** Order of serials with the same fingerprint: by length, then by content. */
export function compareSerials(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/** The entries of a list, as they stand in it. */
export function rowsOfList(list: RevocationList, partition: number): EntryRows {
  const { count, serialStarts, serialLengths, revokedSeconds, reasons } = list.entries
  const short = newShortRows(count)
  let shortCount = 0
  let longBytes = 0
  const longAt: number[] = []
  for (let i = 0; i < count; i++) {
    const start = serialStarts[i] ?? 0
    const serial = shortSerialIn(list.raw, start, start + (serialLengths[i] ?? 0))
    if (serial < 0) {
      longAt.push(i)
      longBytes += serialLengths[i] ?? 0
      continue
    }
    short.serials[shortCount] = serial
    short.reasons[shortCount] = reasons[i] ?? 0
    short.seconds[shortCount] = revokedSeconds[i] ?? 0
    shortCount++
  }
  short.partitions.fill(partition)
  const long = newLongRows(longAt.length, longBytes)
  let written = 0
  for (const [row, i] of longAt.entries()) {
    const serial = list.serialAt(i)
    long.fingerprints[row] = fingerprintOf(serial)
    long.reasons[row] = reasons[i] ?? 0
    long.seconds[row] = revokedSeconds[i] ?? 0
    long.starts[row] = written
    long.bytes.set(serial, written)
    written += serial.length
  }
  long.starts[longAt.length] = written
  long.partitions.fill(partition)
  return { short: { ...short, count: shortCount }, long }
}

/** Rows in order: of several for one serial and partition the last, and none where that says `removeFromCRL`. */
export function settled(rows: EntryRows): EntryRows {
  const short = sortedShort(rows.short)
  const isSameShort: SameSerial = (a, b) => short.serials[a] === short.serials[b]
  const { order, isSame } = longOrder(rows.long)
  return {
    short: gatherShort(short, keptRows(short, undefined, isSameShort)),
    long: gatherLong(rows.long, keptRows(rows.long, order, isSame)),
  }
}

/** All rows of several tables, one table after the other. */
export function joined(tables: readonly EntryRows[]): EntryRows {
  const [only, ...more] = tables
  if (only !== undefined && more.length === 0) return only
  const shorts = tables.map(each => each.short)
  const short = newShortRows(shorts.reduce((sum, each) => sum + each.count, 0))
  let at = 0
  for (const each of shorts) {
    short.serials.set(each.serials.subarray(0, each.count), at)
    short.reasons.set(each.reasons.subarray(0, each.count), at)
    short.seconds.set(each.seconds.subarray(0, each.count), at)
    short.partitions.set(each.partitions.subarray(0, each.count), at)
    at += each.count
  }
  return { short, long: joinedLong(tables.map(each => each.long)) }
}

/** The rows whose partition is not among those given. */
export function withoutPartitions(rows: EntryRows, left: ReadonlySet<number>): EntryRows {
  if (left.size === 0) return rows
  const keep = (columns: { readonly count: number; readonly partitions: Uint16Array }) => {
    const kept = new Uint32Array(columns.count)
    let count = 0
    for (let i = 0; i < columns.count; i++) {
      if (!left.has(columns.partitions[i] ?? 0)) kept[count++] = i
    }
    return kept.subarray(0, count)
  }
  return {
    short: gatherShort(rows.short, keep(rows.short)),
    long: gatherLong(rows.long, keep(rows.long)),
  }
}

function joinedLong(longs: readonly LongRows[]): LongRows {
  const bytes = longs.reduce((sum, each) => sum + (each.starts[each.count] ?? 0), 0)
  const long = newLongRows(
    longs.reduce((sum, each) => sum + each.count, 0),
    bytes,
  )
  let at = 0
  let written = 0
  for (const each of longs) {
    long.fingerprints.set(each.fingerprints.subarray(0, each.count), at)
    long.reasons.set(each.reasons.subarray(0, each.count), at)
    long.seconds.set(each.seconds.subarray(0, each.count), at)
    long.partitions.set(each.partitions.subarray(0, each.count), at)
    const end = each.starts[each.count] ?? 0
    long.bytes.set(each.bytes.subarray(0, end), written)
    for (let i = 0; i <= each.count; i++) long.starts[at + i] = written + (each.starts[i] ?? 0)
    at += each.count
    written += end
  }
  return long
}

function shortSerialIn(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  const first = bytes[start] ?? 0x80
  if (length > 5 || (length === 5 && first !== 0) || first >= 0x80) return -1
  let value = 0
  for (let i = start; i < end; i++) value = value * 256 + (bytes[i] ?? 0)
  return value
}

function newShortRows(count: number): ShortRows {
  return {
    count,
    serials: new Uint32Array(count),
    reasons: new Uint8Array(count),
    seconds: new Uint32Array(count),
    partitions: new Uint16Array(count),
  }
}

function newLongRows(count: number, bytes: number): LongRows {
  return {
    count,
    fingerprints: new Uint32Array(count),
    reasons: new Uint8Array(count),
    seconds: new Uint32Array(count),
    partitions: new Uint16Array(count),
    starts: new Uint32Array(count + 1),
    bytes: new Uint8Array(bytes),
  }
}

type SameSerial = (a: number, b: number) => boolean

// By fingerprint; and rows that share one, which are few, by the serial itself.
function longOrder(rows: LongRows): { order: Uint32Array; isSame: SameSerial } {
  const { fingerprints, count } = rows
  const order = orderOf(fingerprints, count)
  const serialOf = (row: number): Uint8Array =>
    rows.bytes.subarray(rows.starts[row] ?? 0, rows.starts[row + 1] ?? 0)
  const compare = (a: number, b: number): number => compareSerials(serialOf(a), serialOf(b))
  for (let i = 0; i < count; ) {
    let end = i + 1
    while (end < count && fingerprints[order[end] ?? 0] === fingerprints[order[i] ?? 0]) end++
    if (end - i > 1) order.subarray(i, end).set([...order.subarray(i, end)].sort(compare))
    i = end
  }
  const isSame = (a: number, b: number): boolean =>
    fingerprints[a] === fingerprints[b] && compare(a, b) === 0
  return { order, isSame }
}

// Positions of the rows to keep, in order. Without an order the rows are in order themselves.
function keptRows(
  rows: { readonly count: number; readonly reasons: Uint8Array; readonly partitions: Uint16Array },
  order: Uint32Array | undefined,
  isSame: SameSerial,
): Uint32Array {
  const { count, reasons, partitions } = rows
  const rowAt = (position: number): number =>
    order === undefined ? position : (order[position] ?? 0)
  const kept = new Uint32Array(count)
  let written = 0
  for (let first = 0; first < count; ) {
    let end = first + 1
    while (end < count && isSame(rowAt(first), rowAt(end))) end++
    const begun = written
    const met = end - first > 1 ? new Set<number>() : undefined
    for (let i = end - 1; i >= first; i--) {
      const row = rowAt(i)
      const partition = partitions[row] ?? 0
      if (met?.has(partition) === true) continue
      met?.add(partition)
      if (reasons[row] !== removeFromCrl) kept[written++] = row
    }
    if (written - begun > 1) {
      kept.subarray(begun, written).sort((a, b) => (partitions[a] ?? 0) - (partitions[b] ?? 0))
    }
    first = end
  }
  return kept.subarray(0, written)
}

function gatherShort(rows: ShortRows, kept: Uint32Array): ShortRows {
  const out = newShortRows(kept.length)
  for (let i = 0; i < kept.length; i++) {
    const row = kept[i] ?? 0
    out.serials[i] = rows.serials[row] ?? 0
    out.reasons[i] = rows.reasons[row] ?? 0
    out.seconds[i] = rows.seconds[row] ?? 0
    out.partitions[i] = rows.partitions[row] ?? 0
  }
  return out
}

function gatherLong(rows: LongRows, kept: Uint32Array): LongRows {
  let bytes = 0
  for (const row of kept) bytes += (rows.starts[row + 1] ?? 0) - (rows.starts[row] ?? 0)
  const out = newLongRows(kept.length, bytes)
  let written = 0
  for (let i = 0; i < kept.length; i++) {
    const row = kept[i] ?? 0
    out.fingerprints[i] = rows.fingerprints[row] ?? 0
    out.reasons[i] = rows.reasons[row] ?? 0
    out.seconds[i] = rows.seconds[row] ?? 0
    out.partitions[i] = rows.partitions[row] ?? 0
    out.starts[i] = written
    const serial = rows.bytes.subarray(rows.starts[row] ?? 0, rows.starts[row + 1] ?? 0)
    out.bytes.set(serial, written)
    written += serial.length
  }
  out.starts[kept.length] = written
  return out
}

// Whole rows are carried through the passes: fetching them afterwards, in an order of their own, would take longer.
function sortedShort({ count, serials, reasons, seconds, partitions }: ShortRows): ShortRows {
  const facts = new Uint32Array(count)
  for (let i = 0; i < count; i++) facts[i] = ((reasons[i] ?? 0) << 16) | (partitions[i] ?? 0)
  const sorted = sortedColumns(serials.slice(0, count), [facts, seconds.slice(0, count)])
  const out = { ...newShortRows(count), serials: sorted.keys }
  const [sortedFacts, sortedSeconds] = sorted.columns
  if (sortedFacts === undefined || sortedSeconds === undefined) return out
  for (let i = 0; i < count; i++) {
    out.reasons[i] = (sortedFacts[i] ?? 0) >>> 16
    out.partitions[i] = (sortedFacts[i] ?? 0) & 0xffff
  }
  return { ...out, seconds: sortedSeconds }
}

/** Positions of the keys in ascending order; equal keys stay in the order they had. */
function orderOf(keys: Uint32Array, count: number): Uint32Array {
  const positions = new Uint32Array(count)
  for (let i = 0; i < count; i++) positions[i] = i
  return sortedColumns(keys.slice(0, count), [positions]).columns[0] ?? positions
}

interface SortedColumns {
  readonly keys: Uint32Array
  readonly columns: readonly Uint32Array[]
}

// Radix sort by 11 bits, stable. The arrays given are used up.
function sortedColumns(keys: Uint32Array, columns: readonly Uint32Array[]): SortedColumns {
  const count = keys.length
  let from: SortedColumns = { keys, columns }
  let to: SortedColumns = {
    keys: new Uint32Array(count),
    columns: columns.map(() => new Uint32Array(count)),
  }
  const places = new Uint32Array(count)
  for (let shift = 0; shift < 32; shift += digitBits) {
    const starts = new Uint32Array(digitMask + 2)
    for (let i = 0; i < count; i++) {
      const digit = ((from.keys[i] ?? 0) >>> shift) & digitMask
      starts[digit + 1] = (starts[digit + 1] ?? 0) + 1
    }
    if (starts.includes(count)) continue
    for (let digit = 0; digit < digitMask; digit++) {
      starts[digit + 1] = (starts[digit + 1] ?? 0) + (starts[digit] ?? 0)
    }
    for (let i = 0; i < count; i++) {
      const digit = ((from.keys[i] ?? 0) >>> shift) & digitMask
      const place = starts[digit] ?? 0
      starts[digit] = place + 1
      places[i] = place
    }
    scatter(from.keys, to.keys, places)
    for (const [i, column] of from.columns.entries())
      scatter(column, to.columns[i] ?? column, places)
    ;[from, to] = [to, from]
  }
  return from
}

function scatter(from: Uint32Array, to: Uint32Array, places: Uint32Array): void {
  for (let i = 0; i < from.length; i++) to[places[i] ?? 0] = from[i] ?? 0
}

/** Most partitions of one key: their positions are kept in 16 bits. Japan has some 1,900 municipalities. */
export const partitionsMax = 2 ** 16

const removeFromCrl = reasonNumber('removeFromCRL')
const digitBits = 11
const digitMask = 2 ** digitBits - 1
