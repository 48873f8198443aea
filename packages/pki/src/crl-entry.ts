/** Entries of a revocation list (RFC 5280 §5.3): positions, times and reasons in typed arrays, over the bytes of the list. */
import { DerReader, decodeObjectIdentifier, MalformedError, tags } from './der.ts'
import { parseGeneralNames } from './extension.ts'
import type { GeneralName } from './general-name.ts'
import { reasonNumber, reasonOfNumber } from './revocation-reason.ts'

/** The entries of one list, in its order. */
export interface EntryTable {
  readonly count: number
  /** Where in `raw` the serial's content begins, and how long it is. */
  readonly serialStarts: Uint32Array
  readonly serialLengths: Uint8Array
  /** Seconds since 1970; a revocation before 1970 counts as 1970, one after 2106 as 2106. */
  readonly revokedSeconds: Uint32Array
  readonly reasons: Uint8Array
  /** From which entry on, ascending, the certificates are of another issuer than the list's, and of which. */
  readonly issuers: readonly EntryIssuer[]
  /** Whether an entry says `removeFromCRL`. */
  readonly hasRemoval: boolean
  readonly unprocessed: string | undefined
}

/** CertificateIssuer (RFC 5280 §5.3.3): of an entry and those after it. */
export interface EntryIssuer {
  readonly first: number
  readonly names: readonly GeneralName[]
}

/** Reads the entries that stand between two positions. Throws `MalformedError`. */
export function readEntries(bytes: Uint8Array, start: number, end: number): EntryTable {
  // The shortest entry has 20 bytes: header 2, serial 3, UTCTime 15.
  let capacity = Math.ceil((end - start) / 20)
  if (end - start > 1_000_000) capacity = Math.ceil((end - start) / 32)
  let serialStarts = new Uint32Array(capacity)
  let serialLengths = new Uint8Array(capacity)
  let revokedSeconds = new Uint32Array(capacity)
  let reasons = new Uint8Array(capacity)
  let unprocessed: string | undefined
  const issuers: EntryIssuer[] = []
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
      if (read.issuer !== undefined) issuers.push({ first: count, names: read.issuer })
    }
    count++
  }
  return {
    count,
    serialStarts,
    serialLengths,
    revokedSeconds,
    reasons,
    issuers,
    hasRemoval: reasons.includes(removeFromCrl),
    unprocessed,
  }
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

interface EntryExtensions {
  readonly reason: number
  readonly issuer?: readonly GeneralName[] | undefined
  readonly unprocessed?: string | undefined
}

function readEntryExtensions(entry: DerReader): EntryExtensions {
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
  let issuer: readonly GeneralName[] | undefined
  let unprocessed: string | undefined
  const seen = new Set<string>()
  do {
    const { id, isCritical, value } = readExtension(list, seen)
    if (id === '2.5.29.21') {
      const inner = new DerReader(value)
      reason = checkedReason(inner.readUnsigned(255, tags.enumerated), list.position)
      inner.finish()
    } else if (id === certificateIssuerId) issuer = parseGeneralNames(new DerReader(value))
    else if (isCritical) unprocessed ??= id
  } while (!list.isAtEnd)
  return { reason, issuer, unprocessed }
}

function checkedReason(number: number, offset: number): number {
  if (reasonOfNumber(number) === undefined) throw new MalformedError('value-invalid', offset)
  return number
}

/** Reads one Extension, whose identifier is not among those seen. Throws `MalformedError`. */
export function readExtension(
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

/** CertificateIssuer. */
export const certificateIssuerId = '2.5.29.29'
const removeFromCrl = reasonNumber('removeFromCRL')
/** No entry is as old as that: UTCTime begins in 1950. */
const noTime = -(2 ** 40)
const isReason = Array.from({ length: 256 }, (_, i) => reasonOfNumber(i) !== undefined)
const monthLengths = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const monthBegins = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
// RFC 5280 §4.1.2.2 allows 20 octets; twice that is read, so that an odd authority's list stays readable.
const serialBytesMax = 40
/** The table of a list without entries. */
export const noEntries: EntryTable = {
  count: 0,
  serialStarts: new Uint32Array(0),
  serialLengths: new Uint8Array(0),
  revokedSeconds: new Uint32Array(0),
  reasons: new Uint8Array(0),
  issuers: [],
  hasRemoval: false,
  unprocessed: undefined,
}
