/**
 * DER writer: small functions that each return one encoded element. The writer is for programs, not for untrusted
 * input: wrong arguments are ordinary `RangeError`s.
 */
import { contextConstructed, contextPrimitive, tags } from './der.ts'
import type { Instant } from './reason.ts'

/** One element: tag, minimal length, and the parts as its content. */
export function element(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return elementOf(tag, parts)
}

/** As `element`, for lists too long to be arguments. */
export function elementOf(tag: number, parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const header = headerOf(tag, length)
  const out = new Uint8Array(header.length + length)
  out.set(header)
  let position = header.length
  for (const part of parts) {
    out.set(part, position)
    position += part.length
  }
  return out
}

/** Tag and minimal length of an element whose content has so many bytes. */
export function headerOf(tag: number, length: number): Uint8Array {
  if (length < 0x80) return Uint8Array.of(tag, length)
  if (length < 0x100) return Uint8Array.of(tag, 0x81, length)
  if (length < 0x10000) return Uint8Array.of(tag, 0x82, length >>> 8, length)
  if (length < 0x1000000) return Uint8Array.of(tag, 0x83, length >>> 16, length >>> 8, length)
  return Uint8Array.of(tag, 0x84, length >>> 24, length >>> 16, length >>> 8, length)
}

/** SEQUENCE of the parts. */
export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return element(tags.sequence, ...parts)
}

/** SET OF: the parts are put into DER order (X.690 §11.6). */
export function setOf(...parts: readonly Uint8Array[]): Uint8Array {
  return element(tags.set, ...[...parts].sort(compareBytes))
}

/** INTEGER from a number, a bigint, or big-endian unsigned bytes. */
export function integer(value: number | bigint | Uint8Array): Uint8Array {
  return element(tags.integer, integerContent(value))
}

/** Content of an INTEGER: minimal two's complement. */
export function integerContent(value: number | bigint | Uint8Array): Uint8Array {
  if (typeof value === 'object') {
    let start = 0
    while (start < value.length - 1 && value[start] === 0) start++
    const trimmed = value.subarray(start)
    if (trimmed.length === 0) return Uint8Array.of(0)
    return (trimmed[0] ?? 0) >= 0x80 ? concat(Uint8Array.of(0), trimmed) : trimmed
  }
  let rest = BigInt(value)
  const bytes: number[] = []
  do {
    bytes.unshift(Number(BigInt.asUintN(8, rest)))
    rest >>= 8n
  } while (!(rest === 0n && (bytes[0] ?? 0) < 0x80) && !(rest === -1n && (bytes[0] ?? 0) >= 0x80))
  return Uint8Array.from(bytes)
}

/** ENUMERATED. */
export function enumerated(value: number): Uint8Array {
  return element(tags.enumerated, integerContent(value))
}

/** BOOLEAN, true as FF. */
export function boolean(value: boolean): Uint8Array {
  return Uint8Array.of(tags.boolean, 1, value ? 0xff : 0)
}

/** NULL. */
export function nullValue(): Uint8Array {
  return Uint8Array.of(tags.null, 0)
}

/** OCTET STRING. */
export function octetString(content: Uint8Array): Uint8Array {
  return element(tags.octetString, content)
}

/** BIT STRING of whole bytes. */
export function bitString(content: Uint8Array): Uint8Array {
  return element(tags.bitString, Uint8Array.of(0), content)
}

/** Named-bit BIT STRING without trailing zero bits; bit 0 of the standard is bit 0 of `bits`. */
export function namedBits(bits: number, tag: number = tags.bitString): Uint8Array {
  if (bits === 0) return Uint8Array.of(tag, 1, 0)
  const count = 32 - Math.clz32(bits)
  const bytes = new Uint8Array(Math.ceil(count / 8))
  for (let i = 0; i < count; i++) {
    if (bits & (1 << i)) bytes[i >> 3] = (bytes[i >> 3] ?? 0) | (0x80 >> (i & 7))
  }
  return element(tag, Uint8Array.of(bytes.length * 8 - count), bytes)
}

/** OBJECT IDENTIFIER from dotted form. */
export function objectIdentifier(dotted: string, tag: number = tags.objectIdentifier): Uint8Array {
  const [root = 0, second = 0, ...arcs] = dotted.split('.').map(Number)
  if (!/^[0-2](\.\d+)+$/.test(dotted) || (root < 2 && second > 39)) {
    throw new RangeError(`not an object identifier: ${dotted}`)
  }
  const bytes: number[] = []
  for (const arc of [root * 40 + second, ...arcs]) {
    const group: number[] = [arc % 128]
    for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) {
      group.unshift(0x80 | (rest % 128))
    }
    bytes.push(...group)
  }
  return element(tag, Uint8Array.from(bytes))
}

/** UTF8String. */
export function utf8String(text: string): Uint8Array {
  return element(tags.utf8String, utf8.encode(text))
}

/** PrintableString; other characters than its own are a `RangeError`. */
export function printableString(text: string): Uint8Array {
  if (!/^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text)) throw new RangeError('not printable')
  return element(tags.printableString, utf8.encode(text))
}

/** IA5String, or an implicit tag over one. */
export function ia5String(text: string, tag: number = tags.ia5String): Uint8Array {
  const bytes = utf8.encode(text)
  if (bytes.length !== text.length) throw new RangeError('not ASCII')
  return element(tag, bytes)
}

/** The Time of RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050. Cut to whole seconds. */
export function time(at: Instant): Uint8Array {
  const year = new Date(at).getUTCFullYear()
  return year >= 1950 && year < 2050 ? utcTime(at) : generalizedTime(at)
}

/** UTCTime: for years 1950 to 2049 only. Cut to whole seconds. */
export function utcTime(at: Instant): Uint8Array {
  return element(tags.utcTime, utf8.encode(timeDigits(at).slice(2)))
}

/** GeneralizedTime, or an implicit tag over one. Cut to whole seconds. */
export function generalizedTime(at: Instant, tag: number = tags.generalizedTime): Uint8Array {
  return element(tag, utf8.encode(timeDigits(at)))
}

/** [n] EXPLICIT. */
export function explicit(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return element(contextConstructed(number), ...parts)
}

/** [n] IMPLICIT over a primitive: takes the content. */
export function implicit(number: number, content: Uint8Array): Uint8Array {
  return element(contextPrimitive(number), content)
}

/** The same element under another tag. */
export function retag(tag: number, encoded: Uint8Array): Uint8Array {
  const out = Uint8Array.from(encoded)
  out[0] = tag
  return out
}

/** One byte string out of several. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const out = new Uint8Array(length)
  let position = 0
  for (const part of parts) {
    out.set(part, position)
    position += part.length
  }
  return out
}

function timeDigits(at: Instant): string {
  const iso = new Date(at).toISOString()
  if (!/^\d{4}-/.test(iso)) throw new RangeError('year out of range')
  return `${iso.slice(0, 19).replace(/[-:T]/g, '')}Z`
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

const utf8 = new TextEncoder()
