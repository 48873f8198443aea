/**
 * Writes incremental updates of PDFs (ISO 32000-2 §7.5.6): the file stays as it is to the byte, new and changed objects are
 * appended with a cross-reference section of the form that the file has already, table or stream.
 */
import { digest } from '../crypto.ts'
import { concat } from '../der-writer.ts'
import { type ByteSource, bytesAt } from '../pdf/byte-source.ts'
import type { PdfDocument } from '../pdf/document.ts'
import {
  array,
  countOf,
  name,
  type PdfDictionary,
  type PdfReference,
  type PdfValue,
  reference,
  withEntries,
} from '../pdf/value.ts'

/** Bytes to be written into a file at an offset; at its end they make it longer. */
export interface PdfPatch {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** A file in memory with a patch written. */
export function patched(pdf: Uint8Array, patch: PdfPatch): Uint8Array {
  const end = patch.offset + patch.bytes.length
  const whole = new Uint8Array(Math.max(pdf.length, end))
  whole.set(pdf)
  whole.set(patch.bytes, patch.offset)
  return whole
}

/** A source with a patch at its end, without copying it. */
export function extended(source: ByteSource, patch: PdfPatch): ByteSource {
  const { offset: seam, bytes } = patch
  return {
    length: seam + bytes.length,
    read: (offset, length) => {
      if (offset >= seam) return bytes.subarray(offset - seam, offset - seam + length)
      if (offset + length <= seam) return source.read(offset, length)
      const first = bytesAt(source, offset, seam - offset)
      return concat(first, bytes.subarray(0, offset + length - seam))
    },
  }
}

/** What is written as it stands. */
interface Verbatim {
  readonly kind: 'verbatim'
  readonly parts: readonly Uint8Array[]
}

/** Gathers changed and new objects, and encodes the update. */
export class PdfUpdate {
  readonly document: PdfDocument
  readonly #objects = new Map<number, { readonly generation: number; readonly body: Verbatim }>()
  #next: number
  #catalogue: PdfDictionary

  constructor(document: PdfDocument) {
    this.document = document
    this.#catalogue = document.catalogue(document.newest)
    const { trailer } = this.#newest
    this.#next = countOf(trailer.entries.get('Size')) ?? 1
  }

  get #newest(): PdfDocument['revisions'][number] {
    const newest = this.document.revisions[this.document.newest]
    if (newest === undefined) throw new Error('a document has a revision')
    return newest
  }

  /** Writes an object anew. */
  set(at: PdfReference, value: PdfValue): void {
    this.#objects.set(at.number, { generation: at.generation, body: verbatim(encodeValue(value)) })
  }

  /** Sets entries of the document's catalogue. */
  changeCatalogue(entries: Readonly<Record<string, PdfValue>>): void {
    this.#catalogue = withEntries(this.#catalogue, entries)
    this.set(this.#newest.root, this.#catalogue)
  }

  /** A new object. */
  add(value: PdfValue): PdfReference {
    return this.addVerbatim([bytesOf(encodeValue(value))])
  }

  /** A new object whose body is written as it stands. */
  addVerbatim(parts: readonly Uint8Array[]): PdfReference {
    const at = reference(this.#next++)
    this.#objects.set(at.number, { generation: 0, body: { kind: 'verbatim', parts } })
    return at
  }

  /** A new stream, not compressed. */
  addStream(bytes: Uint8Array): PdfReference {
    const head = bytesOf(`<</Length ${bytes.length}>>\nstream\n`)
    return this.addVerbatim([head, bytes, bytesOf('\nendstream')])
  }

  /** The update, and where in the file the body of each object begins. */
  encode(): { readonly patch: PdfPatch; readonly bodies: ReadonlyMap<number, number> } {
    const { source } = this.document
    const parts: Uint8Array[] = []
    let at = source.length
    const write = (bytes: Uint8Array): void => {
      parts.push(bytes)
      at += bytes.length
    }
    const [last] = bytesAt(source, source.length - 1, 1)
    if (last !== 0x0a && last !== 0x0d) write(bytesOf('\n'))
    const offsets = new Map<number, number>()
    const bodies = new Map<number, number>()
    const numbers = [...this.#objects.keys()].sort((a, b) => a - b)
    for (const number of numbers) {
      const object = this.#objects.get(number)
      if (object === undefined) continue
      offsets.set(number, at)
      write(bytesOf(`${number} ${object.generation} obj\n`))
      bodies.set(number, at)
      for (const part of object.body.parts) write(part)
      write(bytesOf('\nendobj\n'))
    }
    const trailer = this.#trailer(parts)
    const section =
      this.#newest.sections[0]?.form === 'stream'
        ? this.#streamSection(offsets, trailer, at)
        : this.#tableSection(offsets, trailer)
    const start = at
    write(section)
    write(bytesOf(`startxref\n${start}\n%%EOF\n`))
    return { patch: { offset: source.length, bytes: concat(...parts) }, bodies }
  }

  // What the trailer says of the document stays; the second part of the identifier tells this file from the last.
  #trailer(parts: readonly Uint8Array[]): PdfDictionary {
    const { trailer, sections } = this.#newest
    const kept = [...trailer.entries].filter(([key]) => !ofSection.has(key))
    const identifier = this.document.items(trailer.entries.get('ID'), this.document.newest)
    const [first] = identifier
    const anew = hexString(digest('sha256', concat(...parts)).subarray(0, 16))
    return withEntries(
      { kind: 'dictionary', entries: new Map(kept) },
      {
        Prev: sections[0]?.offset ?? 0,
        ...(first === undefined ? {} : { ID: array([first, anew]) }),
      },
    )
  }

  #tableSection(offsets: ReadonlyMap<number, number>, trailer: PdfDictionary): Uint8Array {
    let text = 'xref\n'
    for (const run of runsOf([...offsets.keys()])) {
      text += `${run.first} ${run.count}\n`
      for (let number = run.first; number < run.first + run.count; number++) {
        const generation = this.#objects.get(number)?.generation ?? 0
        const offset = String(offsets.get(number) ?? 0).padStart(10, '0')
        text += `${offset} ${String(generation).padStart(5, '0')} n \n`
      }
    }
    return bytesOf(`${text}trailer\n${encodeValue(withEntries(trailer, { Size: this.#next }))}\n`)
  }

  // §7.5.8: type in one byte, offset in five, generation in two; the stream lists itself.
  #streamSection(
    offsets: ReadonlyMap<number, number>,
    trailer: PdfDictionary,
    start: number,
  ): Uint8Array {
    const own = this.#next++
    const all = new Map([...offsets, [own, start]])
    const rows: number[] = []
    for (const [number, offset] of all) {
      const generation = this.#objects.get(number)?.generation ?? 0
      rows.push(1)
      for (let i = 4; i >= 0; i--) rows.push(Math.floor(offset / 2 ** (8 * i)) % 256)
      rows.push(generation >> 8, generation & 0xff)
    }
    const index = runsOf([...all.keys()]).flatMap(run => [run.first, run.count])
    const head = withEntries(trailer, {
      Type: name('XRef'),
      Size: this.#next,
      W: array([1, 5, 2]),
      Index: array(index),
      Length: rows.length,
    })
    return concat(
      bytesOf(`${own} 0 obj\n${encodeValue(head)}\nstream\n`),
      Uint8Array.from(rows),
      bytesOf('\nendstream\nendobj\n'),
    )
  }
}

/** Entries of a trailer that belong to its section and not to the document. */
const ofSection: ReadonlySet<string> = new Set(
  'Size Prev XRefStm ID Type W Index Length Filter DecodeParms'.split(' '),
)

// The numbers must be in order.
function runsOf(
  numbers: readonly number[],
): readonly { readonly first: number; readonly count: number }[] {
  const runs: { first: number; count: number }[] = []
  for (const number of numbers) {
    const last = runs.at(-1)
    if (last !== undefined && last.first + last.count === number) last.count++
    else runs.push({ first: number, count: 1 })
  }
  return runs
}

function verbatim(text: string): Verbatim {
  return { kind: 'verbatim', parts: [bytesOf(text)] }
}

/** Bytes of a string whose characters are bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** A value as PDF writes it; every character is one byte. Streams have no place of their own to be written. */
export function encodeValue(value: PdfValue): string {
  if (typeof value === 'number') return encodeNumber(value)
  if (value === null || typeof value === 'boolean') return String(value)
  switch (value.kind) {
    case 'name':
      return encodeName(value.value)
    case 'string':
      return `<${[...value.bytes].map(byte => byte.toString(16).padStart(2, '0')).join('')}>`
    case 'reference':
      return `${value.number} ${value.generation} R`
    case 'array':
      return `[${value.items.map(encodeValue).join(' ')}]`
    case 'dictionary':
      return `<<${[...value.entries].map(([key, each]) => `${encodeName(key)} ${encodeValue(each)}`).join('')}>>`
    default:
      throw new RangeError('a stream is written by itself')
  }
}

// Never with an exponent, which PDF does not know.
function encodeNumber(value: number): string {
  return Number.isInteger(value) ? value.toFixed(0) : value.toFixed(10).replace(/0+$/, '')
}

function encodeName(text: string): string {
  const safe = text.replace(/[^!-~]|[#()<>[\]{}/%]/g, each => {
    return `#${each.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  return `/${safe}`
}

/** A string of bytes. */
function hexString(bytes: Uint8Array): PdfValue {
  return { kind: 'string', bytes, isHex: true, start: 0, end: 0 }
}

/** A string of text (§7.9.2.2): as it is where it is ASCII, else UTF-16 with its mark. */
export function textString(text: string): PdfValue {
  if (/^[ -~]*$/.test(text)) return hexString(bytesOf(text))
  const bytes = [0xfe, 0xff]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    bytes.push(unit >> 8, unit & 0xff)
  }
  return hexString(Uint8Array.from(bytes))
}
