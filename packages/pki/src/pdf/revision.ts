/**
 * The revisions of a PDF (ISO 32000-2 §7.5.6): each incremental update with its cross-reference sections, oldest first.
 *
 * The chain is followed from the end of the file and must tile it: a revision begins where the one before ended, its
 * sections and all objects that they name lie before its own end, and its `startxref` names its newest section. So no
 * byte that comes later can change what an earlier revision says.
 */
import { MalformedError } from '../der.ts'
import { type ByteSource, bytesAt } from './byte-source.ts'
import { entriesMax, type PdfSection, readSection } from './cross-reference.ts'
import { isSpace } from './lexer.ts'
import { countOf, isKind, type PdfDictionary, type PdfReference } from './value.ts'
import { readAt } from './window.ts'

/** Most revisions: fifty people who sign, each with time-stamp, validation data and a filled form. */
const revisionsMax = 256
/** Largest file: what ten digits of a cross-reference table can name. */
const pdfBytesMax = 9_999_999_999
/** White space that may stand after the end of a file. */
const trailingSpaceMax = 1024

/** One revision. */
export interface PdfRevision {
  /** Offset of its first byte. */
  readonly start: number
  /** Offset after its `%%EOF`, and after the end of line there, if any. */
  readonly endOfMark: number
  readonly end: number
  /** The trailer that counts. */
  readonly trailer: PdfDictionary
  readonly root: PdfReference
  /** In the order in which they are searched: a table, then the stream of a hybrid file; two in a linearised file. */
  readonly sections: readonly PdfSection[]
}

/** Reads the chain. Throws `MalformedError`. */
export function readRevisions(source: ByteSource): readonly PdfRevision[] {
  if (source.length > pdfBytesMax) throw new MalformedError('too-large', 0, 'file')
  checkHeader(source)
  const groups = grouped(readChain(source, readStart(source)), source)
  const revisions: PdfRevision[] = []
  for (const sections of groups) {
    const start = revisions.at(-1)?.end ?? 0
    revisions.push(readRevision(source, start, sections))
  }
  const last = revisions.at(-1)
  if (last === undefined || !isAllSpace(source, last.end)) {
    throw new MalformedError('trailing-bytes', last?.end ?? 0)
  }
  return revisions
}

function checkHeader(source: ByteSource): void {
  const head = latin1(bytesAt(source, 0, Math.min(16, source.length)))
  if (!/^%PDF-(?:1\.[0-7]|2\.0)[\r\n \t]/.test(head))
    throw new MalformedError('value-invalid', 0, 'header')
}

/** The offset that the last `startxref` names. */
function readStart(source: ByteSource): number {
  const length = Math.min(source.length, trailingSpaceMax + 64)
  const tail = latin1(bytesAt(source, source.length - length, length))
  const at = tail.lastIndexOf('startxref')
  const found = /^startxref[\r\n \t]+(\d{1,10})[\r\n \t]+%%EOF[\r\n \t]*$/.exec(tail.slice(at))
  if (at < 0 || found === null) throw new MalformedError('truncated', source.length, 'startxref')
  return Number(found[1])
}

interface ChainLink {
  /** A table, or a stream, and after a table the stream that a hybrid file has besides. */
  readonly sections: readonly PdfSection[]
  readonly previous: number | undefined
}

// Newest first. No section is met twice, so that the chain ends.
function readChain(source: ByteSource, start: number): readonly ChainLink[] {
  const links: ChainLink[] = []
  const seen = new Set<number>()
  let entries = 0
  for (let at: number | undefined = start; at !== undefined; ) {
    if (seen.has(at)) throw new MalformedError('value-invalid', at, 'cross-reference cycle')
    if (seen.size >= revisionsMax) throw new MalformedError('too-many', at, 'revisions')
    seen.add(at)
    const newest = readSection(source, at, source.length)
    const sections = [newest, ...readHybrid(source, newest)]
    for (const each of sections) entries += each.entries.numbers.length
    if (entries > entriesMax) throw new MalformedError('too-many', at, 'cross-reference entries')
    const { entries: trailer } = newest.trailer
    const previous: number | undefined = countOf(trailer.get('Prev'))
    if (previous === undefined && trailer.has('Prev')) {
      throw new MalformedError('value-invalid', at, 'previous section')
    }
    links.push({ sections, previous })
    at = previous
  }
  return links
}

// §7.5.8.4: a table may name a stream with the entries that old readers should not see.
function readHybrid(source: ByteSource, table: PdfSection): readonly PdfSection[] {
  const given = table.trailer.entries.get('XRefStm')
  if (table.form !== 'table' || given === undefined) return []
  const offset = countOf(given)
  if (offset === undefined) throw new MalformedError('value-invalid', table.offset, 'hybrid')
  const hidden = readSection(source, offset, source.length)
  if (hidden.form !== 'stream') throw new MalformedError('value-invalid', offset, 'hybrid')
  // Where both name an object, old and new readers would see different documents.
  for (const number of hidden.entries.numbers) {
    const shown = table.entries.find(number)
    if (shown !== undefined && shown.kind !== 'free') {
      throw new MalformedError('value-invalid', offset, 'hybrid object twice')
    }
  }
  return [hidden]
}

/**
 * Links as revisions, oldest first. Of a linearised file (annex F) the first revision has two: the section near the
 * beginning names the one near its end as its predecessor.
 */
function grouped(
  links: readonly ChainLink[],
  source: ByteSource,
): readonly (readonly PdfSection[])[] {
  const groups = links.map(each => each.sections).reverse()
  const [main, first] = groups
  const mainOffset = main?.[0]?.offset
  const firstOffset = first?.[0]?.offset
  if (mainOffset === undefined || firstOffset === undefined || firstOffset > mainOffset)
    return groups
  if (!isLinearised(source))
    throw new MalformedError('value-invalid', firstOffset, 'order of sections')
  return [[...(first ?? []), ...(main ?? [])], ...groups.slice(2)]
}

/** Whether the first object of the file says that it was linearised. */
function isLinearised(source: ByteSource): boolean {
  return readAt(source, 0, source.length, lexer => {
    lexer.readHead()
    const value = lexer.readValue()
    return isKind(value, 'dictionary') && value.entries.has('Linearized')
  })
}

function readRevision(
  source: ByteSource,
  start: number,
  sections: readonly PdfSection[],
): PdfRevision {
  const [newest] = sections
  if (newest === undefined) throw new MalformedError('truncated', start)
  // A stream of a hybrid file stands before its table.
  const lastEnd = Math.max(...sections.map(each => each.end))
  const endOfMark = readEndMark(source, lastEnd, newest.offset)
  const end = endOfMark + lineEndAt(source, endOfMark)
  for (const section of sections) {
    if (section.offset < start)
      throw new MalformedError('value-invalid', section.offset, 'order of sections')
    checkPlaces(section, end)
  }
  const { trailer } = newest
  const root = trailer.entries.get('Root')
  if (!isKind(root, 'reference')) throw new MalformedError('value-invalid', newest.offset, 'root')
  return { start, endOfMark, end, trailer, root, sections }
}

// Objects beyond the end of their revision could be changed by what is appended; beyond `/Size` readers disagree.
function checkPlaces(section: PdfSection, end: number): void {
  const size = countOf(section.trailer.entries.get('Size'))
  if (size === undefined) throw new MalformedError('value-invalid', section.offset, 'size')
  for (const [position, number] of section.entries.numbers.entries()) {
    if (number >= size)
      throw new MalformedError('value-invalid', section.offset, 'object beyond size')
    const entry = section.entries.entryAt(position)
    if (entry.kind === 'offset' && entry.offset >= end) {
      throw new MalformedError('value-invalid', section.offset, 'object beyond revision')
    }
  }
}

function readEndMark(source: ByteSource, from: number, newest: number): number {
  const length = Math.min(endMarkBytesMax, source.length - from)
  const text = latin1(bytesAt(source, from, length))
  const found = /^[\r\n \t]*startxref[\r\n \t]+(\d{1,10})[\r\n \t]+%%EOF/.exec(text)
  if (found === null || Number(found[1]) !== newest)
    throw new MalformedError('value-invalid', from, 'startxref')
  return from + found[0].length
}

const endMarkBytesMax = 256

function lineEndAt(source: ByteSource, at: number): number {
  const text = latin1(bytesAt(source, at, Math.min(2, source.length - at)))
  return /^(?:\r\n|\r|\n)?/.exec(text)?.[0].length ?? 0
}

function isAllSpace(source: ByteSource, from: number): boolean {
  const length = source.length - from
  if (length > trailingSpaceMax) return false
  return bytesAt(source, from, length).every(byte => byte !== 0 && isSpace(byte))
}

function latin1(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
