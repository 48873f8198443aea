/**
 * The bytes of a revocation snapshot (`docs/protocol/revocation-snapshot.md`). The hot part answers who is not valid; the
 * cold part, which may stay in a file, says since when and by whose list, and holds serials longer than 32 bits.
 */
import { digest } from './crypto.ts'
import {
  bytesEqual,
  contextConstructed,
  contextPrimitive,
  DerReader,
  MalformedError,
  tags,
} from './der.ts'
import {
  concat,
  element,
  elementOf,
  enumerated,
  explicit,
  ia5String,
  integer,
  octetString,
  sequence,
  time,
} from './der-writer.ts'
import type { EntryRows } from './entry-rows.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import { type ColdReader, longColdBytes, writeLongTable } from './long-serial-table.ts'
import { Name } from './name.ts'
import type { Instant } from './reason.ts'
import {
  padded,
  serialTableBytes,
  type TableForm,
  tableFormOf,
  writeSerialTable,
} from './serial-table.ts'
import {
  coldRecordBytes,
  coldTableBytes,
  hotTableBytes,
  SnapshotTable,
  type TableShape,
} from './snapshot-table.ts'

/** The lists of one distribution point of one key, as they are in force. */
export interface SnapshotPartition {
  /** Directory names and addresses of the distribution point; undefined: all certificates of the key. */
  readonly names: readonly GeneralName[] | undefined
  readonly covers: 'all' | 'users' | 'authorities'
  /** CRL number of the newest list. */
  readonly number: number
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  /** Entries in force. */
  readonly count: number
}

/** What is known of one issuing key. */
export interface SnapshotKey {
  /** SubjectPublicKeyInfo: what a key identifier stands for, and what no other CA can choose. */
  readonly spki: Uint8Array
  readonly partitions: readonly SnapshotPartition[]
  readonly table: SnapshotTable
}

/** A snapshot that was read. */
export interface Snapshot {
  readonly hot: Uint8Array
  readonly cold: ColdReader
  /** Length and SHA-256 that the cold part must have. */
  readonly coldLength: number
  readonly coldSha256: Uint8Array
  readonly keys: readonly SnapshotKey[]
}

/** A key to be written: with new rows, in order, or with its table as another snapshot has it. */
export interface KeyContent {
  readonly spki: Uint8Array
  readonly partitions: readonly SnapshotPartition[]
  readonly rows: EntryRows | SnapshotTable
}

/** Both parts of a snapshot, in memory that threads may share. */
export interface SnapshotBytes {
  readonly hot: Uint8Array<SharedArrayBuffer>
  readonly cold: Uint8Array<SharedArrayBuffer>
}

/** Writes a snapshot. */
export function writeSnapshot(keys: readonly KeyContent[]): SnapshotBytes {
  const shapes = keys.map(each => shapeOf(each.rows))
  const coldLength = shapes.reduce((sum, each) => sum + coldTableBytes(each), 0)
  const cold = new Uint8Array(new SharedArrayBuffer(coldLength))
  const hotLength = shapes.reduce((sum, each) => sum + hotTableBytes(each), 0)
  // The cold part's digest stands in the directory, whose length is known once it is written.
  const tables = new Uint8Array(new SharedArrayBuffer(hotLength))
  let hotAt = 0
  let coldAt = 0
  for (const [i, shape] of shapes.entries()) {
    const rows = keys[i]?.rows
    if (rows === undefined) continue
    const place = { hotAt, coldAt }
    if (rows instanceof SnapshotTable) copyTable(rows, tables, cold, place)
    else writeRows(rows, shape, tables, cold, place)
    hotAt += hotTableBytes(shape)
    coldAt += coldTableBytes(shape)
  }
  const directory = encodeDirectory(keys, shapes, cold)
  const tablesAt = padded(headBytes + directory.length)
  const hot = new Uint8Array(new SharedArrayBuffer(tablesAt + hotLength + digestBytes))
  hot.set(magic)
  new DataView(hot.buffer).setUint32(magic.length, directory.length, true)
  hot.set(directory, headBytes)
  hot.set(tables, tablesAt)
  const end = hot.length - digestBytes
  hot.set(digest('sha256', hot.subarray(0, end)), end)
  return { hot, cold }
}

/**
 * Reads a snapshot where it lies: `hot` begins at a multiple of 8 of its buffer, and nothing may change it afterwards.
 * Throws `MalformedError` when its digest is not that of its content. The cold part is not looked at: whoever opens a file
 * checks its length and digest.
 */
export function readSnapshot(hot: Uint8Array, cold: ColdReader): Snapshot {
  const { directory, end } = openHot(hot)
  const keys: SnapshotKey[] = []
  const { length, sha256, keys: list } = readHead(directory)
  let hotAt = padded(headBytes + directory.length)
  let coldAt = 0
  while (!list.isAtEnd) {
    const { spki, shape, partitions } = readKey(list.enter(tags.sequence))
    if (hotAt + hotTableBytes(shape) > end) throw new MalformedError('truncated', hotAt)
    const place = { offset: hot.byteOffset + hotAt, cold, coldOffset: coldAt }
    keys.push({ spki, partitions, table: new SnapshotTable(shape, hot.buffer, place) })
    hotAt += hotTableBytes(shape)
    coldAt += coldTableBytes(shape)
  }
  if (hotAt !== end) throw new MalformedError('trailing-bytes', hotAt)
  return { hot, cold, coldLength: length, coldSha256: sha256, keys }
}

/** A reader of a cold part that is in memory. */
export function coldInMemory(cold: Uint8Array): ColdReader {
  return (position, length) => {
    if (position + length > cold.length) throw new RangeError('beyond the cold part')
    return cold.subarray(position, position + length)
  }
}

function shapeOf(rows: EntryRows | SnapshotTable): TableShape {
  if (rows instanceof SnapshotTable) return rows.shape
  return {
    form: tableFormOf(rows.short),
    shortCount: rows.short.count,
    longCount: rows.long.count,
    longBytes: longColdBytes(rows.long),
  }
}

function writeRows(
  rows: EntryRows,
  shape: TableShape,
  tables: Uint8Array<SharedArrayBuffer>,
  cold: Uint8Array<SharedArrayBuffer>,
  at: { readonly hotAt: number; readonly coldAt: number },
): void {
  const { short, long } = rows
  writeSerialTable(shape.form, short, tables.buffer, at.hotAt)
  const view = new DataView(cold.buffer, at.coldAt)
  for (let row = 0; row < short.count; row++) {
    view.setUint32(row * coldRecordBytes, short.seconds[row] ?? 0, true)
    view.setUint16(row * coldRecordBytes + 4, short.partitions[row] ?? 0, true)
  }
  const longAt = at.hotAt + serialTableBytes(shape.form, short.count)
  const offset = at.coldAt + padded(short.count * coldRecordBytes)
  writeLongTable(long, tables.buffer, longAt, { buffer: cold.buffer, offset })
}

function copyTable(
  table: SnapshotTable,
  tables: Uint8Array,
  cold: Uint8Array,
  at: { readonly hotAt: number; readonly coldAt: number },
): void {
  const { offset, cold: read, coldOffset } = table.place
  tables.set(new Uint8Array(table.buffer, offset, hotTableBytes(table.shape)), at.hotAt)
  cold.set(read(coldOffset, coldTableBytes(table.shape)), at.coldAt)
}

function encodeDirectory(
  keys: readonly KeyContent[],
  shapes: readonly TableShape[],
  cold: Uint8Array,
): Uint8Array {
  const encoded = keys.map((each, i) => {
    const { form, shortCount, longCount, longBytes } = shapes[i] ?? shapeOf(each.rows)
    return sequence(
      each.spki,
      enumerated(forms.indexOf(form)),
      integer(shortCount),
      integer(longCount),
      integer(longBytes),
      elementOf(tags.sequence, encodePartitions(each.partitions)),
    )
  })
  return sequence(
    integer(cold.length),
    octetString(digest('sha256', cold)),
    elementOf(tags.sequence, encoded),
  )
}

function encodePartitions(partitions: readonly SnapshotPartition[]): readonly Uint8Array[] {
  let before: Uint8Array = noBytes
  return partitions.map(partition => {
    const { names, covers, number, thisUpdate, nextUpdate, count } = partition
    const [only, ...more] = names ?? []
    const parts: Uint8Array[] = []
    if (only?.kind === 'directory' && more.length === 0) {
      const own = contentOf(only.name)
      parts.push(encodeTail(own, before))
      before = own
    } else if (names !== undefined) {
      parts.push(element(contextConstructed(0), ...names.map(encodeGeneralName)))
    }
    parts.push(
      enumerated(coverings.indexOf(covers)),
      integer(number),
      time(thisUpdate),
      time(nextUpdate),
      integer(count),
    )
    return elementOf(tags.sequence, parts)
  })
}

// Partitions by one directory name each are the rule, and differ only at its end: how much is as in the one before, and
// what follows.
function encodeTail(own: Uint8Array, before: Uint8Array): Uint8Array {
  let shared = 0
  while (shared < own.length && shared < before.length && own[shared] === before[shared]) shared++
  return element(contextConstructed(1), integer(shared), octetString(own.subarray(shared)))
}

// The relative names one after the other.
function contentOf(name: Name): Uint8Array {
  return new DerReader(name.raw).readContent(tags.sequence)
}

// Other kinds of names find no partition, and are not kept.
function encodeGeneralName(name: GeneralName): Uint8Array {
  if (name.kind === 'directory') return explicit(4, name.name.raw)
  if (name.kind === 'uri') return ia5String(name.uri, contextPrimitive(6))
  throw new RangeError(`a partition by ${name.kind}`)
}

function openHot(hot: Uint8Array): { readonly directory: Uint8Array; readonly end: number } {
  if (hot.byteOffset % 8 !== 0) throw new RangeError('a snapshot begins at a multiple of 8')
  const end = hot.length - digestBytes
  if (end < headBytes) throw new MalformedError('truncated', 0)
  if (!bytesEqual(hot.subarray(0, magic.length), magic))
    throw new MalformedError('version-unsupported', 0)
  if (!bytesEqual(digest('sha256', hot.subarray(0, end)), hot.subarray(end)))
    throw new MalformedError('value-invalid', end, 'digest')
  const length = new DataView(hot.buffer, hot.byteOffset).getUint32(magic.length, true)
  if (headBytes + length > end) throw new MalformedError('truncated', magic.length)
  // In memory of its own: names are decoded from it later, which memory shared by threads does not allow everywhere.
  return { directory: hot.slice(headBytes, headBytes + length), end }
}

function readHead(directory: Uint8Array) {
  const outer = new DerReader(directory)
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const length = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
  const sha256 = reader.readOctetString()
  const keys = reader.enter(tags.sequence)
  reader.finish()
  return { length, sha256, keys }
}

function readKey(reader: DerReader) {
  const spki = reader.readRawOf(tags.sequence)
  const form = forms[reader.readUnsigned(forms.length - 1, tags.enumerated)] ?? 'sorted'
  const shortCount = reader.readUnsigned(countMax)
  const longCount = reader.readUnsigned(countMax)
  const longBytes = reader.readUnsigned(countMax)
  const list = reader.enter(tags.sequence)
  reader.finish()
  const shape = { form, shortCount, longCount, longBytes }
  return { spki, shape, partitions: readPartitions(list) }
}

function readPartitions(list: DerReader): readonly SnapshotPartition[] {
  const partitions: SnapshotPartition[] = []
  let before: Uint8Array = noBytes
  while (!list.isAtEnd) {
    const reader = list.enter(tags.sequence)
    const named = reader.enterOptional(contextConstructed(0))
    const tail = reader.enterOptional(contextConstructed(1))
    if (tail !== undefined) before = readTail(tail, before)
    const names =
      tail !== undefined
        ? [{ kind: 'directory', name: new Name(element(tags.sequence, before)) } as const]
        : named === undefined
          ? undefined
          : readGeneralNames(named)
    const covers = coverings[reader.readUnsigned(coverings.length - 1, tags.enumerated)] ?? 'all'
    const number = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
    const thisUpdate = reader.readTime()
    const nextUpdate = reader.readTime()
    const count = reader.readUnsigned(countMax)
    reader.finish()
    partitions.push({ names, covers, number, thisUpdate, nextUpdate, count })
  }
  return partitions
}

function readTail(reader: DerReader, before: Uint8Array): Uint8Array {
  const shared = reader.readUnsigned(before.length)
  const rest = reader.readOctetString()
  reader.finish()
  return concat(before.subarray(0, shared), rest)
}

const noBytes = new Uint8Array(0)
const magic = new TextEncoder().encode('SKREVOC1')
/** Magic, length of the directory, four bytes of zero. */
const headBytes = 16
const digestBytes = 32
const countMax = 2 ** 32 - 1
const forms: readonly TableForm[] = ['sorted', 'even', 'uneven']
const coverings = ['all', 'users', 'authorities'] as const
