/**
 * Strict DER reader (X.690 §8, §10, §11).
 *
 * Reads in place: everything that is bytes is a subarray of the input. Refuses whatever DER does not allow: indefinite
 * or non-minimal lengths, non-minimal integers and object identifiers, BOOLEAN other than 00/FF, non-zero padding bits,
 * trailing data. High tag numbers are not supported, because no structure of this project has them.
 * Every refusal is a `MalformedError`.
 */
import type { Instant } from './reason.ts'

/** Why bytes were refused. */
export type MalformedCode =
  | 'truncated'
  | 'trailing-bytes'
  | 'length-not-minimal'
  | 'length-indefinite'
  | 'tag-unexpected'
  | 'tag-unsupported'
  | 'integer-not-minimal'
  | 'integer-out-of-range'
  | 'boolean-invalid'
  | 'identifier-invalid'
  | 'bit-string-invalid'
  | 'string-invalid'
  | 'time-invalid'
  | 'null-invalid'
  | 'default-encoded'
  | 'too-deep'
  | 'too-large'
  | 'too-many'
  | 'value-invalid'
  | 'extension-duplicate'
  | 'algorithm-mismatch'
  | 'version-unsupported'
  | 'document-type-refused'
  | 'encoding-unsupported'
  | 'too-costly'

/** Thrown by every parser of this package, and nothing else is, when bytes are not what they should be. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError'
  readonly code: MalformedCode
  /** Where in the input the trouble begins, in bytes. */
  readonly offset: number
  constructor(code: MalformedCode, offset: number, detail = '') {
    super(`${code} at byte ${offset}${detail === '' ? '' : `: ${detail}`}`)
    this.code = code
    this.offset = offset
  }
}

/** Universal tags, and the two context-specific forms as functions. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  sequence: 0x30,
  set: 0x31,
  numericString: 0x12,
  printableString: 0x13,
  teletexString: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  visibleString: 0x1a,
  universalString: 0x1c,
  bmpString: 0x1e,
} as const

/** Context-specific primitive tag [n]. */
export function contextPrimitive(number: number): number {
  return 0x80 | number
}

/** Context-specific constructed tag [n]. */
export function contextConstructed(number: number): number {
  return 0xa0 | number
}

/** Deepest nesting read. A certificate nests 9 deep, a CMS with certificates 14; OpenSSL's ASN.1 parser stops at 30. */
export const derDepthMax = 30

/** A BIT STRING: `bytes` with the last `unusedBits` bits being padding. */
export interface BitString {
  readonly unusedBits: number
  readonly bytes: Uint8Array
}

/**
 * A cursor over the elements that stand one after another in a stretch of bytes. Reading moves the cursor; `finish`
 * refuses what is left over.
 */
export class DerReader {
  readonly bytes: Uint8Array
  /** First byte that has not been read. */
  position: number
  end: number
  readonly depth: number
  /** Tag and content limits of the element that `next` found last. */
  tag = 0
  contentStart = 0
  contentEnd = 0

  constructor(bytes: Uint8Array, start = 0, end = bytes.length, depth = 0) {
    if (depth > derDepthMax) throw new MalformedError('too-deep', start)
    this.bytes = bytes
    this.position = start
    this.end = end
    this.depth = depth
  }

  /** Whether everything has been read. */
  get isAtEnd(): boolean {
    return this.position >= this.end
  }

  /** Reuses this reader for another stretch of the same bytes: for lists of a million entries. */
  moveTo(start: number, end: number): void {
    this.position = start
    this.end = end
  }

  /** Tag of the next element, or -1 at the end. */
  peek(): number {
    return this.position < this.end ? (this.bytes[this.position] ?? -1) : -1
  }

  /** Moves over the next element and notes its tag and content limits. */
  next(): void {
    const bytes = this.bytes
    const start = this.position
    const end = this.end
    if (start + 2 > end) throw new MalformedError('truncated', start)
    const tag = bytes[start] ?? 0
    if ((tag & 0x1f) === 0x1f || tag === 0) throw new MalformedError('tag-unsupported', start)
    let length = bytes[start + 1] ?? 0
    let contentStart = start + 2
    if (length >= 0x80) {
      const count = length & 0x7f
      if (count === 0) throw new MalformedError('length-indefinite', start)
      if (count > 4) throw new MalformedError('too-large', start)
      if (contentStart + count > end) throw new MalformedError('truncated', start)
      length = 0
      for (let i = 0; i < count; i++) length = length * 256 + (bytes[contentStart + i] ?? 0)
      if (length < 0x80 || length < 256 ** (count - 1)) {
        throw new MalformedError('length-not-minimal', start)
      }
      contentStart += count
    }
    const contentEnd = contentStart + length
    if (contentEnd > end) throw new MalformedError('truncated', start)
    this.tag = tag
    this.contentStart = contentStart
    this.contentEnd = contentEnd
    this.position = contentEnd
  }

  /** Moves over the next element, which must have the tag. */
  expect(tag: number): void {
    const start = this.position
    this.next()
    if (this.tag !== tag) {
      throw new MalformedError('tag-unexpected', start, `expected ${tag.toString(16)}`)
    }
  }

  /** Content of the next element, which must have the tag. */
  readContent(tag: number): Uint8Array {
    this.expect(tag)
    return this.bytes.subarray(this.contentStart, this.contentEnd)
  }

  /** The next element with its header, whatever its tag. */
  readRaw(): Uint8Array {
    const start = this.position
    this.next()
    return this.bytes.subarray(start, this.position)
  }

  /** The next element with its header; it must have the tag. */
  readRawOf(tag: number): Uint8Array {
    const start = this.position
    this.expect(tag)
    return this.bytes.subarray(start, this.position)
  }

  /** A reader over the content of the next element, which must have the (constructed) tag. */
  enter(tag: number): DerReader {
    this.expect(tag)
    return new DerReader(this.bytes, this.contentStart, this.contentEnd, this.depth + 1)
  }

  /** As `enter`, or `undefined` when the next element has another tag. */
  enterOptional(tag: number): DerReader | undefined {
    return this.peek() === tag ? this.enter(tag) : undefined
  }

  /** Refuses bytes that were not read. */
  finish(): void {
    if (this.position !== this.end) throw new MalformedError('trailing-bytes', this.position)
  }

  /** INTEGER content: minimal two's complement, big-endian. */
  readInteger(): Uint8Array {
    return this.readIntegerOf(tags.integer)
  }

  /** INTEGER content under an implicit or enumerated tag. */
  readIntegerOf(tag: number): Uint8Array {
    this.skipInteger(tag)
    return this.bytes.subarray(this.contentStart, this.contentEnd)
  }

  /** Moves over an INTEGER after checking it; `contentStart` and `contentEnd` then tell where it is. */
  skipInteger(tag: number = tags.integer): void {
    const start = this.position
    this.expect(tag)
    const first = this.bytes[this.contentStart] ?? 0
    const length = this.contentEnd - this.contentStart
    if (length === 0) throw new MalformedError('integer-not-minimal', start)
    if (length > 1) {
      const second = this.bytes[this.contentStart + 1] ?? 0
      const redundant = (first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)
      if (redundant) throw new MalformedError('integer-not-minimal', start)
    }
  }

  /** A non-negative INTEGER up to `max` (at most 2^53 - 1). */
  readUnsigned(max: number, tag: number = tags.integer): number {
    const start = this.position
    const content = this.readIntegerOf(tag)
    if (content.length > 7 || (content[0] ?? 0) >= 0x80) {
      throw new MalformedError('integer-out-of-range', start)
    }
    let value = 0
    for (const byte of content) value = value * 256 + byte
    if (value > max) throw new MalformedError('integer-out-of-range', start)
    return value
  }

  /** BOOLEAN: 00 or FF only (X.690 §11.1). */
  readBoolean(tag: number = tags.boolean): boolean {
    const start = this.position
    this.expect(tag)
    const value = this.bytes[this.contentStart]
    if (this.contentEnd - this.contentStart !== 1 || (value !== 0 && value !== 0xff)) {
      throw new MalformedError('boolean-invalid', start)
    }
    return value === 0xff
  }

  /** BOOLEAN DEFAULT FALSE: absent means false, and an encoded FALSE is refused (X.690 §11.5). */
  readDefaultFalse(tag: number = tags.boolean): boolean {
    if (this.peek() !== tag) return false
    const start = this.position
    if (!this.readBoolean(tag)) throw new MalformedError('default-encoded', start)
    return true
  }

  readNull(): void {
    const start = this.position
    this.expect(tags.null)
    if (this.contentEnd !== this.contentStart) throw new MalformedError('null-invalid', start)
  }

  readOctetString(): Uint8Array {
    return this.readContent(tags.octetString)
  }

  /** BIT STRING: padding bits must be zero (X.690 §11.2.1). */
  readBitString(tag: number = tags.bitString): BitString {
    const start = this.position
    this.expect(tag)
    const unusedBits = this.bytes[this.contentStart] ?? 8
    const length = this.contentEnd - this.contentStart
    if (length === 0 || unusedBits > 7 || (length === 1 && unusedBits !== 0)) {
      throw new MalformedError('bit-string-invalid', start)
    }
    const last = this.bytes[this.contentEnd - 1] ?? 0
    if (length > 1 && (last & ((1 << unusedBits) - 1)) !== 0) {
      throw new MalformedError('bit-string-invalid', start)
    }
    return { unusedBits, bytes: this.bytes.subarray(this.contentStart + 1, this.contentEnd) }
  }

  /** BIT STRING that holds whole bytes: keys and signatures. */
  readBitStringBytes(): Uint8Array {
    const start = this.position
    const { unusedBits, bytes } = this.readBitString()
    if (unusedBits !== 0) throw new MalformedError('bit-string-invalid', start)
    return bytes
  }

  /**
   * Named-bit BIT STRING as a number, bit 0 of the standard being bit 0 of the result. Trailing zero bits are refused
   * (X.690 §11.2.2). Up to 24 bits.
   */
  readNamedBits(tag: number = tags.bitString): number {
    const start = this.position
    const { unusedBits, bytes } = this.readBitString(tag)
    if (bytes.length > 3) throw new MalformedError('bit-string-invalid', start)
    const last = bytes[bytes.length - 1]
    if (last !== undefined && ((last >> unusedBits) & 1) === 0) {
      throw new MalformedError('bit-string-invalid', start)
    }
    let bits = 0
    for (let i = 0; i < bytes.length * 8; i++) {
      if ((bytes[i >> 3] ?? 0) & (0x80 >> (i & 7))) bits |= 1 << i
    }
    return bits
  }

  /** OBJECT IDENTIFIER in dotted form. */
  readObjectIdentifier(tag: number = tags.objectIdentifier): string {
    const start = this.position
    this.expect(tag)
    return decodeObjectIdentifier(this.bytes, this.contentStart, this.contentEnd, start)
  }

  /** UTCTime or GeneralizedTime in the one form DER and RFC 5280 §4.1.2.5 allow: seconds present, `Z`, no fraction. */
  readTime(): Instant {
    const tag = this.peek()
    if (tag === tags.utcTime) return this.readUtcTime()
    return this.readGeneralizedTime()
  }

  readUtcTime(): Instant {
    const start = this.position
    this.expect(tags.utcTime)
    if (this.contentEnd - this.contentStart !== 13) throw new MalformedError('time-invalid', start)
    const year = digits(this.bytes, this.contentStart, 2, start)
    return instant(year >= 50 ? 1900 + year : 2000 + year, this.bytes, this.contentStart + 2, start)
  }

  readGeneralizedTime(tag: number = tags.generalizedTime): Instant {
    const start = this.position
    this.expect(tag)
    if (this.contentEnd - this.contentStart !== 15) throw new MalformedError('time-invalid', start)
    const year = digits(this.bytes, this.contentStart, 4, start)
    return instant(year, this.bytes, this.contentStart + 4, start)
  }

  /** A character string of any of the types that occur in names. */
  readString(): string {
    const start = this.position
    this.next()
    return decodeString(this.tag, this.bytes.subarray(this.contentStart, this.contentEnd), start)
  }

  readUtf8String(tag: number = tags.utf8String): string {
    const start = this.position
    return decodeUtf8(this.readContent(tag), start)
  }

  /** IA5String, or an implicit tag over one: bytes 00-7F. */
  readIa5String(tag: number = tags.ia5String): string {
    const start = this.position
    return decodeAscii(this.readContent(tag), start)
  }
}

/** Reads one whole value: `read` must consume all that stands in `bytes`. */
export function readAll<T>(bytes: Uint8Array, sizeMax: number, read: (reader: DerReader) => T): T {
  if (bytes.length > sizeMax) throw new MalformedError('too-large', 0)
  const reader = new DerReader(bytes)
  const value = read(reader)
  reader.finish()
  return value
}

/** Dotted form of the content bytes of an OBJECT IDENTIFIER. */
export function decodeObjectIdentifier(
  bytes: Uint8Array,
  start: number,
  end: number,
  offset = start,
): string {
  if (start >= end || end - start > identifierBytesMax) {
    throw new MalformedError('identifier-invalid', offset)
  }
  // The same few identifiers stand in every certificate: the one met last in each place is remembered.
  const place = (((bytes[end - 1] ?? 0) << 2) ^ (bytes[end - 2] ?? 0) ^ (end - start)) & 0xff
  const known = identifiers[place]
  if (known !== undefined && isSameRange(known.content, bytes, start, end)) return known.text
  const text = dotted(bytes, start, end, offset)
  identifiers[place] = { content: bytes.slice(start, end), text }
  return text
}

const identifiers: ({ readonly content: Uint8Array; readonly text: string } | undefined)[] =
  Array.from({ length: 256 })

function isSameRange(content: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (content.length !== end - start) return false
  for (let i = 0; i < content.length; i++) if (content[i] !== bytes[start + i]) return false
  return true
}

function dotted(bytes: Uint8Array, start: number, end: number, offset: number): string {
  let text = ''
  let value = 0
  // Arcs of UUID-based identifiers (2.25.…) do not fit a number.
  let large = 0n
  let isFresh = true
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ?? 0
    if (isFresh && byte === 0x80) throw new MalformedError('identifier-invalid', offset)
    isFresh = byte < 0x80
    if (large > 0n || value > 2 ** 45) {
      large = (large === 0n ? BigInt(value) : large) * 128n + BigInt(byte & 0x7f)
    } else value = value * 128 + (byte & 0x7f)
    if (!isFresh) continue
    if (text === '') {
      const root = large > 0n || value >= 80 ? 2 : value >= 40 ? 1 : 0
      text = large > 0n ? `2.${large - 80n}` : `${root}.${value - root * 40}`
    } else text += `.${large > 0n ? large : value}`
    value = 0
    large = 0n
  }
  if (!isFresh) throw new MalformedError('identifier-invalid', offset)
  return text
}

/** Text of a character string with a universal tag. */
export function decodeString(tag: number, content: Uint8Array, offset = 0): string {
  switch (tag) {
    case tags.utf8String:
      return decodeUtf8(content, offset)
    case tags.printableString:
      return decodePrintable(content, offset)
    case tags.numericString:
    case tags.visibleString:
    case tags.ia5String:
      return decodeAscii(content, offset)
    case tags.teletexString:
      return latin1(content)
    case tags.bmpString:
      return decodeBmp(content, offset)
    case tags.universalString:
      return decodeUniversal(content, offset)
    default:
      throw new MalformedError('tag-unexpected', offset, 'not a character string')
  }
}

/** Strict UTF-8. */
function decodeUtf8(content: Uint8Array, offset = 0): string {
  if (content.length < 64) {
    let isAscii = true
    for (let i = 0; i < content.length; i++) {
      if ((content[i] ?? 0x80) >= 0x80) {
        isAscii = false
        break
      }
    }
    if (isAscii) return latin1(content)
  }
  try {
    return utf8.decode(content)
  } catch {
    throw new MalformedError('string-invalid', offset)
  }
}

/** Whether two byte strings are the same. Not constant-time: for public data only. */
export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  const length = a.length
  if (length !== b.length) return false
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += hexPairs[byte]
  return text
}

function decodeAscii(content: Uint8Array, offset: number): string {
  for (const byte of content) if (byte >= 0x80) throw new MalformedError('string-invalid', offset)
  return latin1(content)
}

function decodePrintable(content: Uint8Array, offset: number): string {
  const text = decodeAscii(content, offset)
  // '*', '@', '&' and '_' are outside the type but seen in issued certificates; they harm nothing here.
  if (!/^[A-Za-z0-9 '()+,\-./:=?*@&_]*$/.test(text))
    throw new MalformedError('string-invalid', offset)
  return text
}

function decodeBmp(content: Uint8Array, offset: number): string {
  if (content.length % 2 !== 0) throw new MalformedError('string-invalid', offset)
  let text = ''
  for (let i = 0; i < content.length; i += 2) {
    const unit = (content[i] ?? 0) * 256 + (content[i + 1] ?? 0)
    if (unit >= 0xd800 && unit < 0xe000) throw new MalformedError('string-invalid', offset)
    text += String.fromCharCode(unit)
  }
  return text
}

function decodeUniversal(content: Uint8Array, offset: number): string {
  if (content.length % 4 !== 0) throw new MalformedError('string-invalid', offset)
  let text = ''
  for (let i = 0; i < content.length; i += 4) {
    let point = 0
    for (let j = 0; j < 4; j++) point = point * 256 + (content[i + j] ?? 0)
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) {
      throw new MalformedError('string-invalid', offset)
    }
    text += String.fromCodePoint(point)
  }
  return text
}

function latin1(content: Uint8Array): string {
  let text = ''
  for (const byte of content) text += String.fromCharCode(byte)
  return text
}

function digits(bytes: Uint8Array, start: number, count: number, offset: number): number {
  let value = 0
  for (let i = start; i < start + count; i++) {
    const digit = (bytes[i] ?? 0) - 0x30
    if (digit < 0 || digit > 9) throw new MalformedError('time-invalid', offset)
    value = value * 10 + digit
  }
  return value
}

// `start` points at MMDDHHMMSSZ.
function instant(year: number, bytes: Uint8Array, start: number, offset: number): Instant {
  const month = digits(bytes, start, 2, offset)
  const day = digits(bytes, start + 2, 2, offset)
  const hour = digits(bytes, start + 4, 2, offset)
  const minute = digits(bytes, start + 6, 2, offset)
  const second = digits(bytes, start + 8, 2, offset)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const dayMax = month === 2 && isLeap ? 29 : (monthDays[month - 1] ?? 0)
  const isValid =
    day >= 1 &&
    day <= dayMax &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    bytes[start + 10] === 0x5a
  if (!isValid) throw new MalformedError('time-invalid', offset)
  const before = year - 1
  const leapDays = Math.floor(before / 4) - Math.floor(before / 100) + Math.floor(before / 400)
  const dayOfYear = (monthStarts[month - 1] ?? 0) + day - 1 + (month > 2 && isLeap ? 1 : 0)
  const days = before * 365 + leapDays + dayOfYear - daysTo1970
  return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
}

// An identifier longer than this has no use in a certificate; OpenSSL and webpki treat such as opaque.
const identifierBytesMax = 64
const daysTo1970 = 719162
const monthDays = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const monthStarts = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const hexPairs = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0'))
