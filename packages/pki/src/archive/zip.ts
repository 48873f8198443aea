/**
 * ZIP archives (PKWARE APPNOTE 6.3, as ISO/IEC 21320-1 narrows it), read strictly, so that no two readers see different files in
 * one: no gap, no overlap, nothing before, between or behind, and what is said twice is said alike.
 */
import { MalformedError } from '../der.ts'
import { crc32 } from './crc32.ts'
import { inflate } from './inflate.ts'

/** Largest archive read. */
const zipBytesMax = 64 * 1024 * 1024
/** Most entries. */
const entriesMax = 1000
/** Most bytes that all entries together unpack to. */
const unpackedMax = 256 * 1024 * 1024
/** Longest name, in bytes: as file systems have it for a path of some segments. */
const nameBytesMax = 1024

/** One file of an archive. */
export interface ZipEntry {
  readonly name: string
  readonly method: 'stored' | 'deflated'
  /** Whether the local header has extra fields. */
  readonly hasExtra: boolean
  readonly bytes: Uint8Array
}

interface Listed {
  readonly rawName: Uint8Array
  readonly name: string
  readonly flags: number
  readonly method: number
  readonly crc: number
  readonly packed: number
  readonly unpacked: number
  readonly offset: number
}

/**
 * Reads all files, in the order in which they stand; folders are left out. Throws `MalformedError`. NOT read: ZIP64,
 * encryption, archives in parts, methods other than stored and deflated.
 */
export function readZip(bytes: Uint8Array): readonly ZipEntry[] {
  if (bytes.length > zipBytesMax) throw new MalformedError('too-large', 0)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const end = findEnd(view)
  const count = view.getUint16(end + 10, true)
  const start = view.getUint32(end + 16, true)
  const isWhole =
    view.getUint16(end + 4, true) === 0 &&
    view.getUint16(end + 6, true) === 0 &&
    view.getUint16(end + 8, true) === count &&
    start + view.getUint32(end + 12, true) === end
  if (!isWhole) throw wrong(end, 'end of directory')
  if (count > entriesMax) throw new MalformedError('too-many', end, 'entries')
  const listed = readDirectory(bytes, view, { start, end, count })
  checkNames(listed)
  return readFiles(bytes, view, listed, start)
}

// §4.3.16. A comment may look like an end itself: then nobody can say which it is.
function findEnd(view: DataView): number {
  const last = view.byteLength - endBytes
  const found: number[] = []
  for (let at = last; at >= 0 && at >= last - 0xffff; at--) {
    const isEnd = view.getUint32(at, true) === endSignature
    if (isEnd && at + endBytes + view.getUint16(at + 20, true) === view.byteLength) found.push(at)
  }
  const [only, ...others] = found
  if (only === undefined) throw new MalformedError('truncated', view.byteLength, 'zip')
  if (others.length > 0) throw wrong(only, 'two ends')
  return only
}

// §4.3.12.
function readDirectory(
  bytes: Uint8Array,
  view: DataView,
  where: { readonly start: number; readonly end: number; readonly count: number },
): readonly Listed[] {
  const listed: Listed[] = []
  let at = where.start
  let unpackedAll = 0
  for (let each = 0; each < where.count; each++) {
    if (at + centralBytes > where.end || view.getUint32(at, true) !== centralSignature) {
      throw wrong(at, 'directory')
    }
    const nameLength = view.getUint16(at + 28, true)
    const extraLength = view.getUint16(at + 30, true)
    const next = at + centralBytes + nameLength + extraLength + view.getUint16(at + 32, true)
    if (next > where.end) throw wrong(at, 'directory')
    const rawName = bytes.subarray(at + centralBytes, at + centralBytes + nameLength)
    checkExtra(view, at + centralBytes + nameLength, extraLength)
    const flags = view.getUint16(at + 8, true)
    const unpacked = view.getUint32(at + 24, true)
    unpackedAll += unpacked
    if (unpackedAll > unpackedMax) throw new MalformedError('too-large', at, 'unpacked')
    // §4.4.15: the upper half is the mode of a Unix file.
    const isLink = ((view.getUint32(at + 38, true) >>> 28) & 0xf) === linkMode
    if (view.getUint16(at + 34, true) !== 0 || isLink) throw wrong(at, 'kind of entry')
    listed.push({
      rawName,
      name: readName(rawName, flags, at),
      flags,
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      unpacked,
      offset: view.getUint32(at + 42, true),
    })
    at = next
  }
  if (at !== where.end) throw wrong(at, 'directory')
  return listed
}

// §4.5: fields that would change name, sizes or secrecy.
function checkExtra(view: DataView, start: number, length: number): void {
  let at = start
  while (at + 4 <= start + length) {
    const id = view.getUint16(at, true)
    if (forbiddenExtra.has(id)) throw wrong(at, `extra field ${id}`)
    at += 4 + view.getUint16(at + 2, true)
  }
  if (at !== start + length) throw wrong(start, 'extra field')
}

function readName(raw: Uint8Array, flags: number, at: number): string {
  if (raw.length === 0 || raw.length > nameBytesMax) throw wrong(at, 'name')
  const isAscii = raw.every(each => each < 0x80)
  // Without the mark the code page is anybody's guess.
  if (!isAscii && (flags & utf8Flag) === 0) throw wrong(at, 'name without encoding')
  let name: string
  try {
    name = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(raw)
  } catch (error) {
    if (error instanceof TypeError) throw wrong(at, 'name')
    throw error
  }
  const segments = name.replace(/\/$/, '').split('/')
  const isTricky =
    /[\p{Cc}\\]|^[A-Za-z]:/u.test(name) ||
    segments.some(each => each === '' || each === '.' || each === '..')
  if (isTricky) throw wrong(at, 'name')
  return name
}

// Names that one file system or another takes for the same, and a file that is a folder as well.
function checkNames(listed: readonly Listed[]): void {
  const files = new Set<string>()
  const folders = new Set<string>()
  for (const { name } of listed) {
    const folded = name.normalize('NFKC').toLowerCase()
    const [own, other] = folded.endsWith('/') ? [folders, files] : [files, folders]
    const bare = folded.replace(/\/$/, '')
    if (own.has(bare) || other.has(bare)) throw wrong(0, 'name twice')
    own.add(bare)
  }
  for (const path of [...files, ...folders]) {
    for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) {
      if (files.has(path.slice(0, at))) throw wrong(0, 'file and folder')
    }
  }
}

function readFiles(
  bytes: Uint8Array,
  view: DataView,
  listed: readonly Listed[],
  directory: number,
): readonly ZipEntry[] {
  const ordered = listed.toSorted((a, b) => a.offset - b.offset)
  const entries: ZipEntry[] = []
  let at = 0
  for (const [position, each] of ordered.entries()) {
    if (each.offset !== at) throw wrong(at, 'gap or overlap')
    const next = ordered[position + 1]?.offset ?? directory
    const { start, hasExtra } = readLocal(bytes, view, each, next)
    const packed = bytes.subarray(start, start + each.packed)
    checkDescriptor(view, each, start + each.packed, next)
    const unpacked = unpack(packed, each, at)
    if (!each.name.endsWith('/')) {
      const method = each.method === 0 ? 'stored' : 'deflated'
      entries.push({ name: each.name, method, hasExtra, bytes: unpacked })
    } else if (unpacked.length > 0) throw wrong(at, 'folder')
    at = next
  }
  if (at !== directory) throw wrong(at, 'gap')
  return entries
}

// §4.3.7: the local header says the same as the directory.
function readLocal(
  bytes: Uint8Array,
  view: DataView,
  each: Listed,
  next: number,
): { readonly start: number; readonly hasExtra: boolean } {
  const { offset, flags } = each
  if (offset + localBytes > next || view.getUint32(offset, true) !== localSignature) {
    throw wrong(offset, 'local header')
  }
  if ((flags & ~allowedFlags) !== 0 || (each.method !== 0 && each.method !== 8)) {
    throw wrong(offset, 'method')
  }
  const nameLength = view.getUint16(offset + 26, true)
  const extraLength = view.getUint16(offset + 28, true)
  const start = offset + localBytes + nameLength + extraLength
  if (start + each.packed > next) throw wrong(offset, 'overlap')
  checkExtra(view, offset + localBytes + nameLength, extraLength)
  const name = bytes.subarray(offset + localBytes, offset + localBytes + nameLength)
  const isLater = (flags & descriptorFlag) !== 0
  const told = [14, 18, 22].map(field => view.getUint32(offset + field, true))
  const listed = [each.crc, each.packed, each.unpacked]
  const isSame =
    name.length === each.rawName.length &&
    name.every((byte, at) => byte === each.rawName[at]) &&
    view.getUint16(offset + 6, true) === flags &&
    view.getUint16(offset + 8, true) === each.method &&
    told.every((value, at) => value === listed[at] || (isLater && value === 0))
  if (!isSame) throw wrong(offset, 'local header differs')
  return { start, hasExtra: extraLength > 0 }
}

// §4.3.9: with or without its signature, right behind the data.
function checkDescriptor(view: DataView, each: Listed, at: number, next: number): void {
  if ((each.flags & descriptorFlag) === 0) {
    if (at !== next) throw wrong(at, 'gap')
    return
  }
  const isSigned = next - at === 16 && view.getUint32(at, true) === descriptorSignature
  const start = isSigned ? at + 4 : at
  const isSame =
    next - start === 12 &&
    view.getUint32(start, true) === each.crc &&
    view.getUint32(start + 4, true) === each.packed &&
    view.getUint32(start + 8, true) === each.unpacked
  if (!isSame) throw wrong(at, 'descriptor')
}

function unpack(packed: Uint8Array, each: Listed, at: number): Uint8Array {
  const bytes = each.method === 0 ? packed : inflateWhole(packed, each.unpacked, at)
  if (bytes.length !== each.unpacked || crc32(bytes) !== each.crc) throw wrong(at, 'checksum')
  return bytes
}

// Bytes behind the end of the compressed data would be seen by nobody: without the last byte it must not come to its end.
function inflateWhole(packed: Uint8Array, size: number, at: number): Uint8Array {
  const bytes = inflate(packed, size)
  let isLonger = true
  try {
    inflate(packed.subarray(0, -1), size)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    isLonger = false
  }
  if (isLonger) throw wrong(at, 'bytes behind the data')
  return bytes
}

function wrong(at: number, what: string): MalformedError {
  return new MalformedError('value-invalid', at, what)
}

const localSignature = 0x04034b50
const centralSignature = 0x02014b50
const endSignature = 0x06054b50
const descriptorSignature = 0x08074b50
const localBytes = 30
const centralBytes = 46
const endBytes = 22
const descriptorFlag = 1 << 3
const utf8Flag = 1 << 11
/** How hard it was compressed, sizes behind the data, names in UTF-8. Encryption and patches are not. */
const allowedFlags = (1 << 1) | (1 << 2) | descriptorFlag | utf8Flag
const linkMode = 0xa
/** ZIP64, another name in Unicode, encryption. */
const forbiddenExtra: ReadonlySet<number> = new Set([0x0001, 0x7075, 0x0017, 0x9901])
