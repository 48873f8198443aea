/**
 * Certificate revocation lists (RFC 5280 §5). The entries of a list stay where they are in the input; only their
 * positions, times and reasons are kept, in typed arrays, so that a list of a million entries costs some tens of
 * megabytes and a tenth of a second. NOT done: indirect lists and lists for some reasons only (such a list is never used:
 * `crl-extension-unknown`).
 */
import type { Certificate } from './certificate.ts'
import {
  bytesEqual,
  contextConstructed,
  contextPrimitive,
  DerReader,
  decodeObjectIdentifier,
  MalformedError,
  readAll,
  tags,
} from './der.ts'
import {
  type AuthorityKeyIdentifier,
  parseAuthorityKeyIdentifier,
  readDistributionPointName,
} from './extension.ts'
import type { GeneralName } from './general-name.ts'
import { type Name, readName } from './name.ts'
import type { Instant } from './reason.ts'
import { type RevocationReason, reasonOfNumber } from './revocation-reason.ts'

/**
 * Largest list read: over a million usual entries of 37 bytes. The largest municipality has 3.8 million people, of whose
 * certificates of one kind a fifth may be revoked and unexpired.
 */
export const crlBytesMax = 40 * 1024 * 1024

/** IssuingDistributionPoint (RFC 5280 §5.2.5): which certificates a list covers. */
export interface CrlScope {
  /** Names of the partition; undefined: every certificate of the issuer. */
  readonly partition: readonly GeneralName[] | undefined
  readonly covers: 'all' | 'users' | 'authorities'
}

/** One entry of a list. */
export interface CrlEntry {
  readonly revokedAt: Instant
  readonly reason: RevocationReason
}

interface CrlFrame {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly entries: EntryTable
  readonly extensions: CrlExtensions
}

interface CrlExtensions {
  /** CRLNumber content, as a number up to 2^53 - 1. */
  readonly number: number
  readonly deltaBase: number | undefined
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  readonly scope: CrlScope
  /** Identifier of something critical that we cannot process, in the list or in an entry. */
  readonly unprocessed: string | undefined
}

interface EntryTable {
  readonly count: number
  /** Where in `raw` the serial's content begins, and how long it is. */
  readonly serialStarts: Uint32Array
  readonly serialLengths: Uint8Array
  /** Seconds since 1970; a revocation before 1970 counts as 1970, one after 2106 as 2106. */
  readonly revokedSeconds: Uint32Array
  readonly reasons: Uint8Array
  readonly unprocessed: string | undefined
}

let make: (frame: CrlFrame) => RevocationList

/** A parsed revocation list. Parsed is not verified: see `verifyCrl`. */
export class RevocationList {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  readonly number: number
  /** Number of the full list that this delta list builds on; undefined: a full list. */
  readonly deltaBase: number | undefined
  readonly authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  readonly scope: CrlScope
  readonly unprocessed: string | undefined
  readonly entries: EntryTable

  private constructor(frame: CrlFrame) {
    this.raw = frame.raw
    this.tbs = frame.tbs
    this.signatureAlgorithm = frame.signatureAlgorithm
    this.signature = frame.signature
    this.issuer = frame.issuer
    this.thisUpdate = frame.thisUpdate
    this.nextUpdate = frame.nextUpdate
    this.number = frame.extensions.number
    this.deltaBase = frame.extensions.deltaBase
    this.authorityKeyIdentifier = frame.extensions.authorityKeyIdentifier
    this.scope = frame.extensions.scope
    this.unprocessed = frame.entries.unprocessed ?? frame.extensions.unprocessed
    this.entries = frame.entries
  }

  static {
    make = frame => new RevocationList(frame)
  }

  /** Number of entries. */
  get count(): number {
    return this.entries.count
  }

  /** INTEGER content of the serial of an entry. */
  serialAt(index: number): Uint8Array {
    const start = this.entries.serialStarts[index] ?? 0
    return this.raw.subarray(start, start + (this.entries.serialLengths[index] ?? 0))
  }

  entryAt(index: number): CrlEntry {
    return {
      revokedAt: (this.entries.revokedSeconds[index] ?? 0) * 1000,
      reason: reasonOfNumber(this.entries.reasons[index] ?? 0) ?? 'unspecified',
    }
  }

  /** The last entry for a serial. Goes through the list: a `RevocationIndex` is the way to ask often. */
  find(serial: Uint8Array): CrlEntry | undefined {
    const { count, serialStarts, serialLengths } = this.entries
    const last = serial[serial.length - 1]
    for (let i = count - 1; i >= 0; i--) {
      if (serialLengths[i] !== serial.length) continue
      if (this.raw[(serialStarts[i] ?? 0) + serial.length - 1] !== last) continue
      if (bytesEqual(this.serialAt(i), serial)) return this.entryAt(i)
    }
    return undefined
  }

  /** Whether the list, by its scope, speaks about a certificate of its issuer (RFC 5280 §6.3.3 (b)). */
  covers(certificate: Certificate): boolean {
    const isAuthority = certificate.basicConstraints?.isAuthority === true
    if (this.scope.covers === 'users' && isAuthority) return false
    if (this.scope.covers === 'authorities' && !isAuthority) return false
    const partition = this.scope.partition
    if (partition === undefined) return true
    const points = certificate.crlDistributionPoints
    // Without a distribution point the issuer's name stands for one (RFC 5280 §6.3.3).
    if (points === undefined) {
      return partition.some(
        each => each.kind === 'directory' && each.name.matches(certificate.issuer),
      )
    }
    return points.some(
      point =>
        point.reasons === undefined &&
        point.crlIssuer === undefined &&
        point.fullName?.some(name => partition.some(each => isSameName(each, name))),
    )
  }
}

/** Reads a DER revocation list of version 2, which must fill `der`. Throws `MalformedError`. Keeps a reference. */
export function parseCrl(der: Uint8Array): RevocationList {
  return readAll(der, crlBytesMax, reader => {
    const outer = reader.enter(tags.sequence)
    const tbsStart = outer.position
    const tbs = outer.enter(tags.sequence)
    const tbsBytes = der.subarray(tbsStart, outer.position)
    const signatureAlgorithm = outer.readRawOf(tags.sequence)
    const signature = outer.readBitStringBytes()
    outer.finish()

    const versionStart = tbs.position
    // RFC 5280 §5.1.2.1: extensions, which §5.2 demands, need version 2.
    if (tbs.peek() !== tags.integer || tbs.readUnsigned(255) !== 1) {
      throw new MalformedError('version-unsupported', versionStart)
    }
    const innerStart = tbs.position
    if (!bytesEqual(tbs.readRawOf(tags.sequence), signatureAlgorithm)) {
      throw new MalformedError('algorithm-mismatch', innerStart)
    }
    const issuer = readName(tbs)
    const thisUpdate = tbs.readTime()
    const nextUpdate = tbs.readTime()
    const hasEntries = tbs.peek() === tags.sequence
    if (hasEntries) tbs.next()
    const entries = hasEntries ? readEntries(der, tbs.contentStart, tbs.contentEnd) : noEntries
    const extensions = readExtensions(tbs.enter(contextConstructed(0)))
    tbs.finish()
    const frame = {
      signatureAlgorithm,
      signature,
      issuer,
      thisUpdate,
      nextUpdate,
      entries,
      extensions,
    }
    return make({ raw: der, tbs: tbsBytes, ...frame })
  })
}

function readEntries(bytes: Uint8Array, start: number, end: number): EntryTable {
  // The shortest entry has 20 bytes: header 2, serial 3, UTCTime 15.
  let capacity = Math.ceil((end - start) / 20)
  if (end - start > 1_000_000) capacity = Math.ceil((end - start) / 32)
  let serialStarts = new Uint32Array(capacity)
  let serialLengths = new Uint8Array(capacity)
  let revokedSeconds = new Uint32Array(capacity)
  let reasons = new Uint8Array(capacity)
  let unprocessed: string | undefined
  let count = 0
  const list = new DerReader(bytes, start, end, 3)
  const entry = new DerReader(bytes, start, end, 4)
  while (!list.isAtEnd) {
    if (count === capacity) {
      capacity *= 2
      serialStarts = grown(serialStarts, new Uint32Array(capacity))
      serialLengths = grown(serialLengths, new Uint8Array(capacity))
      revokedSeconds = grown(revokedSeconds, new Uint32Array(capacity))
      reasons = grown(reasons, new Uint8Array(capacity))
    }
    const length = usualLength(bytes, list.position, end)
    const serialStart = list.position + 4
    const timeStart = serialStart + (bytes[serialStart - 1] ?? 0) + 2
    const seconds = length > 0 ? usualSeconds(bytes, timeStart) : noTime
    if (seconds !== noTime) {
      serialStarts[count] = serialStart
      serialLengths[count] = bytes[serialStart - 1] ?? 0
      revokedSeconds[count] = Math.max(0, seconds)
      list.position += length
      // The reason is the last byte, where there is one.
      if (list.position > timeStart + 13) reasons[count] = bytes[list.position - 1] ?? 0
      count++
      continue
    }
    list.expect(tags.sequence)
    entry.moveTo(list.contentStart, list.contentEnd)
    entry.skipInteger()
    const serialLength = entry.contentEnd - entry.contentStart
    if (serialLength > serialBytesMax) {
      throw new MalformedError('too-large', list.contentStart, 'serial')
    }
    serialStarts[count] = entry.contentStart
    serialLengths[count] = serialLength
    revokedSeconds[count] = Math.min(Math.max(entry.readTime() / 1000, 0), 0xffffffff)
    if (!entry.isAtEnd) {
      const read = readEntryExtensions(entry)
      reasons[count] = read.reason
      unprocessed ??= read.unprocessed
    }
    count++
  }
  return { count, serialStarts, serialLengths, revokedSeconds, reasons, unprocessed }
}

// Length of an entry that consists of a serial, a UTCTime and at most a reason, each in its usual form; 0: it is to be read
// step by step, be it right or wrong. Almost every entry is of this form, and this takes half the time.
function usualLength(bytes: Uint8Array, at: number, end: number): number {
  const length = bytes[at + 1] ?? 0
  const serialLength = bytes[at + 3] ?? 0
  const isFramed =
    bytes[at] === tags.sequence &&
    length < 0x80 &&
    at + 2 + length <= end &&
    bytes[at + 2] === tags.integer &&
    serialLength - 1 < serialBytesMax &&
    isMinimal(bytes, at + 4, serialLength)
  if (!isFramed) return 0
  const time = at + 4 + serialLength
  if (bytes[time] !== tags.utcTime || bytes[time + 1] !== 13) return 0
  const rest = at + 2 + length - (time + 15)
  if (rest !== 0 && rest !== reasonFrame.length + 1) return 0
  if (rest === 0) return 2 + length
  for (let i = 0; i < reasonFrame.length; i++) {
    if (bytes[time + 15 + i] !== reasonFrame[i]) return 0
  }
  return isReason[bytes[time + 15 + reasonFrame.length] ?? 0xff] === true ? 2 + length : 0
}

function isMinimal(bytes: Uint8Array, start: number, length: number): boolean {
  if (length < 2) return length === 1
  const first = bytes[start] ?? 0
  const second = bytes[start + 1] ?? 0
  return !((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80))
}

// Seconds since 1970 of YYMMDDHHMMSSZ; `noTime`: it is not such a time.
function usualSeconds(bytes: Uint8Array, start: number): number {
  const year = twoDigits(bytes, start)
  const month = twoDigits(bytes, start + 2)
  const day = twoDigits(bytes, start + 4)
  const hour = twoDigits(bytes, start + 6)
  const minute = twoDigits(bytes, start + 8)
  const second = twoDigits(bytes, start + 10)
  // A negative number of two digits stands for something that is none.
  const isNumbers = (year | month | day | hour | minute | second) >= 0
  // 1950 to 2049; the days of February in years that 4 divides, 2000 among them.
  const isLeap = year % 4 === 0
  const dayMax = month === 2 && isLeap ? 29 : (monthLengths[month] ?? 0)
  const isTime =
    isNumbers &&
    day >= 1 &&
    day <= dayMax &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    bytes[start + 12] === 0x5a
  if (!isTime) return noTime
  const years = (year >= 50 ? year - 100 : year) + 30
  // 1972 was the first leap year after 1970; years before 1970 count down.
  const leapDays = Math.floor((years + 1) / 4)
  const days =
    years * 365 + leapDays + (monthBegins[month] ?? 0) + (month > 2 && isLeap ? 1 : 0) + day - 1
  return days * 86_400 + hour * 3600 + minute * 60 + second
}

function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] ?? 0) - 0x30
  const ones = (bytes[at + 1] ?? 0) - 0x30
  return tens >>> 0 < 10 && ones >>> 0 < 10 ? tens * 10 + ones : -1
}

function grown<T extends Uint32Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}

// The only extension in almost every entry is the reason, in exactly these bytes.
const reasonFrame = [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01]

function readEntryExtensions(entry: DerReader): { reason: number; unprocessed?: string } {
  const { bytes, position } = entry
  if (entry.end - position === reasonFrame.length + 1) {
    let isUsual = true
    for (let i = 0; i < reasonFrame.length && isUsual; i++) {
      isUsual = bytes[position + i] === reasonFrame[i]
    }
    if (isUsual) return { reason: checkedReason(bytes[entry.end - 1] ?? 0, position) }
  }
  const list = entry.enter(tags.sequence)
  entry.finish()
  let reason = 0
  let unprocessed: string | undefined
  const seen = new Set<string>()
  do {
    const { id, isCritical, value } = readExtension(list, seen)
    if (id === '2.5.29.21') {
      const inner = new DerReader(value)
      reason = checkedReason(inner.readUnsigned(255, tags.enumerated), list.position)
      inner.finish()
    } else if (isCritical) unprocessed ??= id
  } while (!list.isAtEnd)
  return unprocessed === undefined ? { reason } : { reason, unprocessed }
}

function checkedReason(number: number, offset: number): number {
  if (reasonOfNumber(number) === undefined) throw new MalformedError('value-invalid', offset)
  return number
}

function readExtensions(wrapper: DerReader): CrlExtensions {
  const list = wrapper.enter(tags.sequence)
  wrapper.finish()
  let number: number | undefined
  let deltaBase: number | undefined
  let authorityKeyIdentifier: AuthorityKeyIdentifier | undefined
  let scope: CrlScope = { partition: undefined, covers: 'all' }
  let unprocessed: string | undefined
  const seen = new Set<string>()
  do {
    const start = list.position
    const { id, isCritical, value } = readExtension(list, seen)
    if (id === '2.5.29.20') {
      // RFC 5280 §5.2.3: present, and not critical.
      if (isCritical) throw new MalformedError('value-invalid', start, 'critical CRL number')
      number = readNumber(value)
    } else if (id === '2.5.29.27') deltaBase = readNumber(value)
    else if (id === '2.5.29.35')
      authorityKeyIdentifier = parseAuthorityKeyIdentifier(new DerReader(value))
    else if (id === '2.5.29.28') {
      const read = readScope(value)
      scope = read.scope
      if (read.isUnsupported) unprocessed ??= id
    } else if (isCritical) unprocessed ??= id
  } while (!list.isAtEnd)
  if (number === undefined)
    throw new MalformedError('value-invalid', list.position, 'no CRL number')
  return { number, deltaBase, authorityKeyIdentifier, scope, unprocessed }
}

function readExtension(
  list: DerReader,
  seen: Set<string>,
): { readonly id: string; readonly isCritical: boolean; readonly value: Uint8Array } {
  const start = list.position
  const extension = list.enter(tags.sequence)
  extension.expect(tags.objectIdentifier)
  const id = decodeObjectIdentifier(list.bytes, extension.contentStart, extension.contentEnd, start)
  const isCritical = extension.readDefaultFalse()
  const value = extension.readOctetString()
  extension.finish()
  if (seen.has(id)) throw new MalformedError('extension-duplicate', start)
  seen.add(id)
  return { id, isCritical, value }
}

function readNumber(value: Uint8Array): number {
  const reader = new DerReader(value)
  const number = reader.readUnsigned(Number.MAX_SAFE_INTEGER)
  reader.finish()
  return number
}

function readScope(value: Uint8Array): { scope: CrlScope; isUnsupported: boolean } {
  const outer = new DerReader(value)
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const named = reader.enterOptional(contextConstructed(0))
  const name = named === undefined ? undefined : readDistributionPointName(named)
  const isUsersOnly = reader.readDefaultFalse(contextPrimitive(1))
  const isAuthoritiesOnly = reader.readDefaultFalse(contextPrimitive(2))
  const hasReasons = reader.peek() === contextPrimitive(3)
  if (hasReasons) reader.readNamedBits(contextPrimitive(3))
  const isIndirect = reader.readDefaultFalse(contextPrimitive(4))
  const isAttributesOnly = reader.readDefaultFalse(contextPrimitive(5))
  reader.finish()
  if (isUsersOnly && isAuthoritiesOnly) throw new MalformedError('value-invalid', 0)
  return {
    scope: {
      partition: name?.fullName,
      covers: isUsersOnly ? 'users' : isAuthoritiesOnly ? 'authorities' : 'all',
    },
    isUnsupported: hasReasons || isIndirect || isAttributesOnly || name?.relativeName !== undefined,
  }
}

function isSameName(a: GeneralName, b: GeneralName): boolean {
  if (a.kind === 'directory' && b.kind === 'directory') return a.name.matches(b.name)
  return a.kind === 'uri' && b.kind === 'uri' && a.uri === b.uri
}

/** No entry is as old as that: UTCTime begins in 1950. */
const noTime = -(2 ** 40)
const isReason = Array.from({ length: 256 }, (_, i) => reasonOfNumber(i) !== undefined)
const monthLengths = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const monthBegins = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
// RFC 5280 §4.1.2.2 allows 20 octets; twice that is read, so that an odd authority's list stays readable.
const serialBytesMax = 40
const noEntries: EntryTable = {
  count: 0,
  serialStarts: new Uint32Array(0),
  serialLengths: new Uint8Array(0),
  revokedSeconds: new Uint32Array(0),
  reasons: new Uint8Array(0),
  unprocessed: undefined,
}
