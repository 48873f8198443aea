/**
 * Distinguished names and their comparison (RFC 5280 §7.1).
 *
 * Attribute values compare by caseIgnoreMatch with the string preparation of RFC 4518: characters that carry no
 * meaning are dropped, NFKC, case folding, insignificant space handling. So the same Japanese name matches in
 * PrintableString, UTF8String or BMPString, in full-width or half-width letters. Values that are not character strings
 * compare byte by byte. NOT done: the prohibition and bidirectional steps (they reject, and rejecting here would only
 * make names unequal, which byte comparison of the rest already does), and attribute-specific rules other than
 * caseIgnore.
 */
import {
  bytesEqual,
  DerReader,
  decodeObjectIdentifier,
  decodeString,
  MalformedError,
  tags,
  toHex,
} from './der.ts'
import { objectIdentifier, printableString, sequence, setOf, utf8String } from './der-writer.ts'

/** One attribute of a name: type and value. */
export interface NameAttribute {
  /** Object identifier of the attribute type, dotted. */
  readonly type: string
  /** Text of the value; hexadecimal of the element, after `#`, when it is not a character string. */
  readonly text: string
  /** The encoded value with tag and length. */
  readonly raw: Uint8Array
}

/** Object identifiers of the attribute types that names in this PKI use. */
export const attributeTypes = {
  commonName: '2.5.4.3',
  country: '2.5.4.6',
  locality: '2.5.4.7',
  state: '2.5.4.8',
  organization: '2.5.4.10',
  organizationalUnit: '2.5.4.11',
  email: '1.2.840.113549.1.9.1',
} as const

const textTypes: ReadonlySet<string> = new Set(Object.values(attributeTypes))

/** Most relative names in a name. The longest in JPKI is the distribution point's, 6. */
const relativeNamesMax = 64

/** A distinguished name. Its attributes are decoded when first asked for. */
export class Name {
  /** The encoded Name. */
  readonly raw: Uint8Array
  #relativeNames: readonly (readonly NameAttribute[])[] | undefined
  #key: string | undefined

  constructor(raw: Uint8Array) {
    this.raw = raw
  }

  /** Whether the name has no attribute at all. */
  get isEmpty(): boolean {
    return this.raw.length === 2
  }

  /** Relative names from the root down, each a set of attributes. Throws `MalformedError`. */
  get relativeNames(): readonly (readonly NameAttribute[])[] {
    this.#relativeNames ??= parseRelativeNames(this.raw)
    return this.#relativeNames
  }

  /** Throws `MalformedError` unless every attribute can be read. */
  assertReadable(): void {
    // Plain names are gone through without making anything of them; what is not plain is read as a whole.
    if (!isPlain(this.raw)) this.#relativeNames ??= parseRelativeNames(this.raw)
  }

  /** Text that is equal exactly for names that match. Throws `MalformedError`. */
  get key(): string {
    this.#key ??= this.relativeNames.map(relativeNameKey).join('\n')
    return this.#key
  }

  /** Value of the first attribute of a type, if there is one. */
  attribute(type: string): string | undefined {
    for (const set of this.relativeNames) {
      for (const attribute of set) if (attribute.type === type) return attribute.text
    }
    return undefined
  }

  /** Whether two names match under RFC 5280 §7.1. May throw `MalformedError`. */
  matches(other: Name): boolean {
    if (bytesEqual(this.raw, other.raw)) return true
    return haveSameTypes(this.raw, other.raw) && this.key === other.key
  }

  /** Whether this name lies in the subtree that `base` heads: `base` is a prefix (RFC 5280 §7.1). */
  isWithin(base: Name): boolean {
    const own = this.relativeNames
    const above = base.relativeNames
    if (above.length > own.length) return false
    return above.every((set, i) => relativeNameKey(set) === relativeNameKey(own[i] ?? []))
  }

  /** One line for people: `C=JP, O=JPKI, …`. Not for comparison. */
  toString(): string {
    return this.relativeNames
      .map(set => set.map(each => `${shortName(each.type)}=${each.text}`).join(' + '))
      .join(', ')
  }
}

/** Reads a Name where the reader stands, without decoding its attributes. */
export function readName(reader: DerReader): Name {
  return new Name(reader.readRawOf(tags.sequence))
}

/**
 * A name of one attribute per relative name. Countries are PrintableString and all else UTF8String, as in JPKI
 * (jpki.md §2.1).
 */
export function encodeName(attributes: readonly (readonly [string, string])[]): Name {
  const sets = attributes.map(([type, text]) => {
    const value = type === attributeTypes.country ? printableString(text) : utf8String(text)
    return setOf(sequence(objectIdentifier(type), value))
  })
  return new Name(sequence(...sets))
}

/** Prepares a string for caseIgnoreMatch (RFC 4518 §2, §2.6.1). */
export function prepareForMatch(text: string): string {
  if (/^[!-~]+(?: [!-~]+)*$/.test(text)) return text.toLowerCase()
  let mapped = ''
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    if (isAmong(point, toSpace)) mapped += ' '
    else if (!isAmong(point, toNothing)) mapped += character
  }
  return mapped
    .normalize('NFKC')
    .toLowerCase()
    .normalize('NFKC')
    .replace(/ +/g, ' ')
    .replace(/^ | $/g, '')
}

// Names of different attribute types cannot match: this spares most comparisons the decoding of both. A relative name
// with several attributes is left to the full comparison.
function haveSameTypes(a: Uint8Array, b: Uint8Array): boolean {
  const left = new DerReader(a).enter(tags.sequence)
  const right = new DerReader(b).enter(tags.sequence)
  while (!left.isAtEnd && !right.isAtEnd) {
    const one = firstTypeOf(left)
    const other = firstTypeOf(right)
    if (one === undefined || other === undefined) return true
    if (!bytesEqual(one, other)) return false
  }
  return left.isAtEnd && right.isAtEnd
}

function firstTypeOf(names: DerReader): Uint8Array | undefined {
  const set = names.enter(tags.set)
  const attribute = set.enter(tags.sequence)
  return set.isAtEnd ? attribute.readContent(tags.objectIdentifier) : undefined
}

function relativeNameKey(set: readonly NameAttribute[]): string {
  if (set.length === 1 && set[0] !== undefined) return attributeKey(set[0])
  return set.map(attributeKey).sort().join('\t')
}

function attributeKey(attribute: NameAttribute): string {
  if (attribute.text.startsWith('#') && !isCharacterString(attribute.raw[0] ?? 0)) {
    return `${attribute.type}=${attribute.text}`
  }
  return `${attribute.type}=${JSON.stringify(prepareForMatch(attribute.text))}`
}

/**
 * Whether a name is relative names of one attribute each, with text of ASCII letters, digits, spaces and hyphens. Throws as
 * reading does.
 */
function isPlain(raw: Uint8Array): boolean {
  const reader = new DerReader(raw)
  reader.expect(tags.sequence)
  reader.finish()
  const { contentEnd } = reader
  reader.moveTo(reader.contentStart, contentEnd)
  for (let count = 0; reader.position < contentEnd; count++) {
    if (count >= relativeNamesMax) return false
    reader.expect(tags.set)
    const end = reader.contentEnd
    reader.moveTo(reader.contentStart, end)
    reader.expect(tags.sequence)
    if (reader.contentEnd !== end) return false
    reader.moveTo(reader.contentStart, end)
    reader.expect(tags.objectIdentifier)
    decodeObjectIdentifier(raw, reader.contentStart, reader.contentEnd)
    reader.next()
    if (reader.position !== end) return false
    if (reader.tag !== tags.utf8String && reader.tag !== tags.printableString) return false
    for (let at = reader.contentStart; at < end; at++) if (!isPlainOctet(raw[at] ?? 0)) return false
    reader.moveTo(end, contentEnd)
  }
  return true
}

function isPlainOctet(octet: number): boolean {
  return (
    (octet >= 0x61 && octet <= 0x7a) ||
    (octet >= 0x41 && octet <= 0x5a) ||
    (octet >= 0x30 && octet <= 0x39) ||
    octet === 0x20 ||
    octet === 0x2d
  )
}

function parseRelativeNames(raw: Uint8Array): readonly (readonly NameAttribute[])[] {
  const outer = new DerReader(raw)
  const names = outer.enter(tags.sequence)
  outer.finish()
  const out: NameAttribute[][] = []
  while (!names.isAtEnd) {
    if (out.length >= relativeNamesMax) throw new MalformedError('too-many', names.position)
    const set = names.enter(tags.set)
    const attributes: NameAttribute[] = []
    do {
      if (attributes.length >= relativeNamesMax) throw new MalformedError('too-many', set.position)
      attributes.push(readAttribute(set.enter(tags.sequence)))
    } while (!set.isAtEnd)
    out.push(attributes)
  }
  return out
}

function readAttribute(reader: DerReader): NameAttribute {
  reader.expect(tags.objectIdentifier)
  const type = decodeObjectIdentifier(reader.bytes, reader.contentStart, reader.contentEnd)
  const start = reader.position
  const raw = reader.readRaw()
  const content = reader.bytes.subarray(reader.contentStart, reader.contentEnd)
  const text = isCharacterString(reader.tag)
    ? decodeString(reader.tag, content, start)
    : `#${toHex(raw)}`
  // RFC 5280 appendix A.1: attributes that are text must be text. Of others the type is not known here.
  if (textTypes.has(type) && text.startsWith('#') && !isCharacterString(raw[0] ?? 0))
    throw new MalformedError('tag-unexpected', start)
  reader.finish()
  return { type, text, raw }
}

function isAmong(point: number, ranges: readonly (readonly [number, number])[]): boolean {
  return ranges.some(([first, last]) => point >= first && point <= last)
}

function isCharacterString(tag: number): boolean {
  return characterStringTags.has(tag)
}

function shortName(type: string): string {
  return shortNames.get(type) ?? type
}

const characterStringTags: ReadonlySet<number> = new Set([
  tags.utf8String,
  tags.printableString,
  tags.numericString,
  tags.visibleString,
  tags.ia5String,
  tags.teletexString,
  tags.bmpString,
  tags.universalString,
])

const shortNames: ReadonlyMap<string, string> = new Map([
  [attributeTypes.commonName, 'CN'],
  [attributeTypes.country, 'C'],
  [attributeTypes.locality, 'L'],
  [attributeTypes.state, 'ST'],
  [attributeTypes.organization, 'O'],
  [attributeTypes.organizationalUnit, 'OU'],
  [attributeTypes.email, 'emailAddress'],
])

// RFC 4518 §2.2, pairs of first and last code point: soft hyphen, joiners, variation selectors, controls, object
// replacement, zero width space.
const toNothing: readonly (readonly [number, number])[] = [
  [0x00, 0x08],
  [0x0e, 0x1f],
  [0x7f, 0x84],
  [0x86, 0x9f],
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x6dd, 0x6dd],
  [0x70f, 0x70f],
  [0x1806, 0x1806],
  [0x180b, 0x180e],
  [0x200b, 0x200f],
  [0x202a, 0x202e],
  [0x2060, 0x2063],
  [0x206a, 0x206f],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffc],
  [0x1d173, 0x1d17a],
  [0xe0001, 0xe0001],
  [0xe0020, 0xe007f],
]

// RFC 4518 §2.2: line breaks, tabulation and every separator.
const toSpace: readonly (readonly [number, number])[] = [
  [0x09, 0x0d],
  [0x85, 0x85],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
]
