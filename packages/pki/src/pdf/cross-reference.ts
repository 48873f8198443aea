/**
 * Cross-reference sections (ISO 32000-2 §7.5.4, §7.5.8): tables of exactly twenty bytes an entry, and streams. Nothing is
 * repaired: a reader that guesses sees another document than the next one.
 */
import { MalformedError } from '../der.ts'
import { type ByteSource, bytesAt } from './byte-source.ts'
import { decodeStream } from './filter.ts'
import { objectNumberMax, type PdfLexer } from './lexer.ts'
import {
  countOf,
  isKind,
  nameOf,
  type PdfDictionary,
  type PdfStream,
  type PdfValue,
} from './value.ts'
import { readAt } from './window.ts'

/** Most entries of all sections together: ten times the objects of a document of several thousand pages. */
export const entriesMax = 1_000_000

/** Where an object lies. */
export type PdfEntry =
  | { readonly kind: 'free' }
  | { readonly kind: 'offset'; readonly offset: number; readonly generation: number }
  | { readonly kind: 'compressed'; readonly container: number; readonly index: number }

/** The entries of one section, sorted by object number. */
export interface PdfSection {
  readonly form: 'table' | 'stream'
  /** Where the section begins. */
  readonly offset: number
  /** Where it ends: after the trailer, or after `endobj`. */
  readonly end: number
  readonly trailer: PdfDictionary
  readonly entries: EntryList
}

/** Entries in three typed arrays, because a document may have a million. */
class EntryList {
  readonly numbers: Uint32Array
  readonly #places: Float64Array
  readonly #details: Int32Array

  /** `rows`: object number, place and detail, three by three; see `entryAt`. Throws `MalformedError` for a number twice. */
  constructor(rows: readonly number[]) {
    const count = rows.length / 3
    const order = Array.from({ length: count }, (_, i) => i)
    // Nearly every section is in order already.
    if (order.some(i => i > 0 && (rows[3 * i - 3] ?? 0) > (rows[3 * i] ?? 0))) {
      order.sort((a, b) => (rows[3 * a] ?? 0) - (rows[3 * b] ?? 0))
    }
    this.numbers = new Uint32Array(count)
    this.#places = new Float64Array(count)
    this.#details = new Int32Array(count)
    for (const [to, from] of order.entries()) {
      const number = rows[3 * from] ?? 0
      if (to > 0 && this.numbers[to - 1] === number) {
        throw new MalformedError('value-invalid', 0, 'object twice in a section')
      }
      this.numbers[to] = number
      this.#places[to] = rows[3 * from + 1] ?? 0
      this.#details[to] = rows[3 * from + 2] ?? 0
    }
  }

  find(number: number): PdfEntry | undefined {
    let low = 0
    let high = this.numbers.length - 1
    while (low <= high) {
      const middle = (low + high) >> 1
      const found = this.numbers[middle] ?? 0
      if (found === number) return this.entryAt(middle)
      if (found < number) low = middle + 1
      else high = middle - 1
    }
    return undefined
  }

  /** The entry at a position of `numbers`. */
  entryAt(position: number): PdfEntry {
    const place = this.#places[position] ?? 0
    const detail = this.#details[position] ?? 0
    if (detail === freeMark) return { kind: 'free' }
    if (detail >= 0) return { kind: 'offset', offset: place, generation: detail }
    return { kind: 'compressed', container: place, index: -detail - 2 }
  }
}

// How a detail is written: generation, or this, or minus two minus the index in an object stream.
const freeMark = -1

/** Reads the section at an offset, within the bytes before `limit`. Throws `MalformedError`. */
export function readSection(source: ByteSource, offset: number, limit: number): PdfSection {
  const isTable = readAt(source, offset, limit, lexer => lexer.accept('xref'))
  return isTable ? readTable(source, offset, limit) : readStreamSection(source, offset, limit)
}

function readTable(source: ByteSource, offset: number, limit: number): PdfSection {
  const rows: number[] = []
  let at = readAt(source, offset, limit, lexer => {
    lexer.expect('xref')
    return lexer.position
  })
  for (;;) {
    const head = readAt(source, at, limit, readSubsectionHead)
    if (head === undefined) break
    const { first, count, start } = head
    if (rows.length / 3 + count > entriesMax || first + count > objectNumberMax + 1) {
      throw new MalformedError('too-many', at, 'cross-reference entries')
    }
    if (start + count * entryBytes > limit) throw new MalformedError('truncated', start)
    readEntries(bytesAt(source, start, count * entryBytes), start, first, rows)
    at = start + count * entryBytes
  }
  const { trailer, end } = readAt(source, at, limit, lexer => {
    lexer.expect('trailer')
    return { trailer: lexer.readDictionary(), end: lexer.position }
  })
  return { form: 'table', offset, end, trailer, entries: new EntryList(rows) }
}

const entryBytes = 20

/** First object, count, and where the entries begin; undefined: the trailer comes next. */
function readSubsectionHead(
  lexer: PdfLexer,
): { readonly first: number; readonly count: number; readonly start: number } | undefined {
  if (lexer.accept('trailer')) return undefined
  const first = lexer.readUnsigned(objectNumberMax)
  const count = lexer.readUnsigned(entriesMax)
  // The entries begin on the next line; they are skipped to and not read as numbers.
  lexer.skipSpace()
  return { first, count, start: lexer.position }
}

// §7.5.4: ten digits, a space, five digits, a space, n or f, and an end of line of two bytes.
function readEntries(bytes: Uint8Array, start: number, first: number, rows: number[]): void {
  for (let at = 0; at < bytes.length; at += entryBytes) {
    const place = digitsAt(bytes, at, 10)
    const generation = digitsAt(bytes, at + 11, 5)
    const type = bytes[at + 17]
    const isGood =
      place >= 0 &&
      generation >= 0 &&
      generation <= 65_535 &&
      bytes[at + 10] === 0x20 &&
      bytes[at + 16] === 0x20 &&
      (type === 0x6e || type === 0x66) &&
      isEntryEnd(bytes[at + 18], bytes[at + 19])
    if (!isGood) throw new MalformedError('value-invalid', start + at, 'cross-reference entry')
    const number = first + at / entryBytes
    if (type === 0x6e) rows.push(number, place, generation)
    else rows.push(number, 0, freeMark)
  }
}

function isEntryEnd(a: number | undefined, b: number | undefined): boolean {
  return (a === 0x20 && (b === 0x0d || b === 0x0a)) || (a === 0x0d && b === 0x0a)
}

function digitsAt(bytes: Uint8Array, start: number, count: number): number {
  let value = 0
  for (let i = start; i < start + count; i++) {
    const digit = (bytes[i] ?? 0) - 0x30
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

function readStreamSection(source: ByteSource, offset: number, limit: number): PdfSection {
  const stream = readAt(source, offset, limit, readXrefStream)
  const { dictionary: trailer } = stream
  const length = countOf(trailer.entries.get('Length'))
  if (length === undefined || stream.start + length > limit) {
    throw new MalformedError('value-invalid', offset, 'length')
  }
  const bytes = decodeStream(trailer, bytesAt(source, stream.start, length), sectionBytesMax)
  const end = readAt(source, stream.start + length, limit, lexer => {
    lexer.expect('endstream')
    lexer.expect('endobj')
    return lexer.position
  })
  return { form: 'stream', offset, end, trailer, entries: readFields(trailer, bytes, offset) }
}

// A million entries of eight bytes.
const sectionBytesMax = 16 * 1024 * 1024

/** Reads the beginning of a cross-reference stream, whose `/Length` must stand in it. */
function readXrefStream(lexer: PdfLexer): PdfStream {
  const start = lexer.position
  lexer.readHead()
  const dictionary = lexer.readDictionary()
  if (nameOf(dictionary.entries.get('Type')) !== 'XRef') {
    throw new MalformedError('value-invalid', start, 'cross-reference section')
  }
  lexer.expect('stream')
  lexer.skipLineEnd()
  return { kind: 'stream', dictionary, start: lexer.position }
}

function readFields(trailer: PdfDictionary, bytes: Uint8Array, offset: number): EntryList {
  const fail = (detail: string): never => {
    throw new MalformedError('value-invalid', offset, detail)
  }
  const size = countOf(trailer.entries.get('Size')) ?? fail('size')
  const widths = counts(trailer.entries.get('W')) ?? fail('widths')
  const [typeWidth = 0, placeWidth = 0, detailWidth = 0] = widths
  if (widths.length !== 3 || widths.some(each => each > 6) || placeWidth === 0) fail('widths')
  const index = trailer.entries.has('Index')
    ? (counts(trailer.entries.get('Index')) ?? fail('index'))
    : [0, size]
  if (index.length % 2 !== 0) fail('index')
  const width = typeWidth + placeWidth + detailWidth
  const rows: number[] = []
  let at = 0
  for (let i = 0; i < index.length; i += 2) {
    const first = index[i] ?? 0
    const count = index[i + 1] ?? 0
    if (rows.length / 3 + count > entriesMax || first + count > objectNumberMax + 1) {
      throw new MalformedError('too-many', offset, 'cross-reference entries')
    }
    if (at + count * width > bytes.length) fail('entries')
    for (let number = first; number < first + count; number++, at += width) {
      // A type of no width is 1 (§7.5.8.2).
      const type = typeWidth === 0 ? 1 : fieldAt(bytes, at, typeWidth)
      const place = fieldAt(bytes, at + typeWidth, placeWidth)
      const detail = fieldAt(bytes, at + typeWidth + placeWidth, detailWidth)
      if (type > 2 || detail > objectNumberMax) fail('entry')
      if (type === 2 && place > objectNumberMax) fail('entry')
      rows.push(number, place, type === 0 ? freeMark : type === 1 ? detail : -detail - 2)
    }
  }
  if (at !== bytes.length) fail('entries')
  return new EntryList(rows)
}

function counts(value: PdfValue | undefined): readonly number[] | undefined {
  if (!isKind(value, 'array')) return undefined
  const found = value.items.map(countOf)
  return found.every(each => each !== undefined) ? found : undefined
}

function fieldAt(bytes: Uint8Array, start: number, width: number): number {
  let value = 0
  for (let i = start; i < start + width; i++) value = value * 256 + (bytes[i] ?? 0)
  return value
}
