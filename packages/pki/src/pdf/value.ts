/** The values of which a PDF consists (ISO 32000-2 §7.3), and how they are looked into. */

/** Any value. Numbers, booleans and null are themselves; the rest says its kind. */
export type PdfValue =
  | null
  | boolean
  | number
  | PdfName
  | PdfString
  | PdfReference
  | PdfArray
  | PdfDictionary
  | PdfStream

/** A name, without its slash; every character is one byte. */
export interface PdfName {
  readonly kind: 'name'
  readonly value: string
}

/** A string. Where it stood, the delimiters included, counts for the contents of a signature. */
export interface PdfString {
  readonly kind: 'string'
  readonly bytes: Uint8Array
  readonly isHex: boolean
  readonly start: number
  readonly end: number
}

/** A reference to an indirect object. */
export interface PdfReference {
  readonly kind: 'reference'
  readonly number: number
  readonly generation: number
}

/** An array. */
export interface PdfArray {
  readonly kind: 'array'
  readonly items: readonly PdfValue[]
}

/** A dictionary. No key occurs twice: such a file is refused, because programs read it differently. */
export interface PdfDictionary {
  readonly kind: 'dictionary'
  readonly entries: ReadonlyMap<string, PdfValue>
}

/** A stream: its dictionary and where its bytes begin. How many there are says `/Length`, perhaps elsewhere. */
export interface PdfStream {
  readonly kind: 'stream'
  readonly dictionary: PdfDictionary
  readonly start: number
}

/** Makes a name. */
export function name(value: string): PdfName {
  return { kind: 'name', value }
}

/** Makes a reference. */
export function reference(number: number, generation = 0): PdfReference {
  return { kind: 'reference', number, generation }
}

/** Makes an array. */
export function array(items: readonly PdfValue[]): PdfArray {
  return { kind: 'array', items }
}

/** Makes a dictionary. */
export function dictionary(entries: Readonly<Record<string, PdfValue>>): PdfDictionary {
  return { kind: 'dictionary', entries: new Map(Object.entries(entries)) }
}

/** The same dictionary with entries set; undefined removes one. */
export function withEntries(
  given: PdfDictionary,
  changes: Readonly<Record<string, PdfValue | undefined>>,
): PdfDictionary {
  const entries = new Map(given.entries)
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) entries.delete(key)
    else entries.set(key, value)
  }
  return { kind: 'dictionary', entries }
}

/** Empty, for what is not there. */
export const nothing: PdfDictionary = { kind: 'dictionary', entries: new Map() }

/** The text of a name; undefined: it is none. */
export function nameOf(value: PdfValue | undefined): string | undefined {
  return isKind(value, 'name') ? value.value : undefined
}

/** A whole number, zero or more; undefined: it is none. */
export function countOf(value: PdfValue | undefined): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** Whether a value is of a kind. */
export function isKind<K extends Exclude<PdfValue, null | boolean | number>['kind']>(
  value: PdfValue | undefined,
  kind: K,
): value is Extract<PdfValue, { readonly kind: K }> {
  return typeof value === 'object' && value !== null && value.kind === kind
}

/**
 * Text of a string (§7.9.2.2): UTF-16 or UTF-8 where a mark says so, else PDFDocEncoding. What cannot be decoded becomes
 * U+FFFD.
 */
export function textOf(value: PdfValue | undefined): string | undefined {
  if (!isKind(value, 'string')) return undefined
  const { bytes } = value
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeUtf16(bytes.subarray(2))
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(3))
  }
  let text = ''
  for (const byte of bytes) text += pdfDocCharacter(byte)
  return text
}

function decodeUtf16(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i + 1 < bytes.length; i += 2) {
    text += String.fromCharCode(((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0))
  }
  return text.toWellFormed()
}

// ISO 32000-2 annex D.3.
function pdfDocCharacter(byte: number): string {
  if (byte >= 0x18 && byte < 0x20) return docLow[byte - 0x18] ?? '\ufffd'
  if (byte >= 0x80 && byte <= 0xa0) return docHigh[byte - 0x80] ?? '\ufffd'
  return byte === 0x7f || byte === 0xad ? '\ufffd' : String.fromCharCode(byte)
}

const docLow = '\u02d8\u02c7\u02c6\u02d9\u02dd\u02db\u02da\u02dc'
const docHigh =
  '\u2022\u2020\u2021\u2026\u2014\u2013\u0192\u2044\u2039\u203a\u2212\u2030\u201e\u201c\u201d\u2018' +
  '\u2019\u201a\u2122\ufb01\ufb02\u0141\u0152\u0160\u0178\u017d\u0131\u0142\u0153\u0161\u017e\ufffd\u20ac'
