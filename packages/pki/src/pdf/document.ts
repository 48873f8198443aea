/**
 * A PDF as a reader sees it at each of its revisions (ISO 32000-2 §7.3.10, §7.5). Strict and bounded: objects must stand
 * where the cross-references say, containers must hold what is looked for, nothing is repaired, and hostile files end in
 * `MalformedError` soon. Memory holds the cross-references and some objects, never the bytes of pages.
 */
import { MalformedError } from '../der.ts'
import { type ByteRange, type ByteSource, bytesAt, sameBytes, sourceOf } from './byte-source.ts'
import type { PdfEntry } from './cross-reference.ts'
import { decodeStream } from './filter.ts'
import { objectNumberMax, PdfLexer } from './lexer.ts'
import { type PdfRevision, readRevisions } from './revision.ts'
import {
  countOf,
  isKind,
  nameOf,
  nothing,
  type PdfDictionary,
  type PdfReference,
  type PdfStream,
  type PdfValue,
} from './value.ts'
import { readAt } from './window.ts'

/** Largest object stream, inflated. Writers put some hundred objects into each. */
const containerBytesMax = 16 * 1024 * 1024
/** All that one document may inflate, counted each time: a file of ordinary form needs far less. */
const inflatedBytesMax = 1024 * 1024 * 1024
/** Inflated object streams that are kept. */
const keptContainerBytesMax = 32 * 1024 * 1024
/** Objects that are kept. */
const keptObjectsMax = 20_000
/** How often objects are looked at in all. Ten thousand pages with twenty signatures need a tenth of it. */
const looksMax = 5_000_000

interface Container {
  readonly bytes: Uint8Array
  /** Object numbers and where they begin in `bytes`, two by two. */
  readonly index: readonly number[]
}

/** An open document. Reading it throws `MalformedError` and nothing else. */
export class PdfDocument {
  readonly source: ByteSource
  /** Oldest first. */
  readonly revisions: readonly PdfRevision[]
  /** Entries of all revisions but the first, by object number, oldest first. */
  readonly #later = new Map<number, { readonly revision: number; readonly entry: PdfEntry }[]>()
  readonly #objects = new Map<string, PdfValue>()
  readonly #containers = new Map<string, Container>()
  #keptContainerBytes = 0
  #inflatedBytes = 0
  #looks = 0
  readonly #compared = new Map<string, boolean>()

  constructor(source: ByteSource) {
    this.source = source
    this.revisions = readRevisions(source)
    for (const [revision, each] of this.revisions.entries()) {
      if (revision > 0) this.#addLater(revision, each)
    }
    this.#checkContainers()
  }

  /** Whether any revision says that it is encrypted. Nothing of such a file is understood here. */
  get isEncrypted(): boolean {
    return this.revisions.some(each => each.trailer.entries.has('Encrypt'))
  }

  /** The number of the newest revision, counted from 0. */
  get newest(): number {
    return this.revisions.length - 1
  }

  /** The end of a revision in bytes. */
  endOf(view: number): number {
    return this.revisions[view]?.end ?? 0
  }

  /** Where an object lies as of a revision; undefined: nowhere. */
  entry(number: number, view: number): PdfEntry | undefined {
    return this.#find(number, view)?.entry
  }

  /** The revision whose entry for an object counts as of a revision. */
  revisionOf(number: number, view: number): number | undefined {
    return this.#find(number, view)?.revision
  }

  /** Object numbers that the sections of a revision name, each once. */
  numbersOf(revision: number): readonly number[] {
    const sections = this.revisions[revision]?.sections ?? []
    return [...new Set(sections.flatMap(each => [...each.entries.numbers]))]
  }

  /** An object as of a revision; null when there is none. The value of a reference is never a reference. */
  object(target: PdfReference, view: number): PdfValue {
    if (++this.#looks > looksMax) throw new MalformedError('too-many', 0, 'objects in all')
    const entry = this.entry(target.number, view)
    if (entry === undefined || entry.kind === 'free') return null
    // An object of another generation is not there (§7.3.10).
    const generation = entry.kind === 'offset' ? entry.generation : 0
    if (generation !== target.generation) return null
    const key = this.#keyOf(target.number, entry, view)
    const known = this.#objects.get(key)
    if (known !== undefined) return known
    const value: PdfValue =
      entry.kind === 'offset'
        ? this.#readObject(target.number, entry, view)
        : this.#readCompressed(target.number, entry, view)
    if (isKind(value, 'reference')) {
      throw new MalformedError('value-invalid', 0, 'reference to a reference')
    }
    if (this.#objects.size >= keptObjectsMax) this.#objects.clear()
    this.#objects.set(key, value)
    return value
  }

  /** The value itself, or the object that it refers to. */
  resolve(value: PdfValue | undefined, view: number): PdfValue {
    return isKind(value, 'reference') ? this.object(value, view) : (value ?? null)
  }

  /** A dictionary, or the dictionary of a stream; undefined: it is neither. */
  dictionary(value: PdfValue | undefined, view: number): PdfDictionary | undefined {
    const found = this.resolve(value, view)
    if (isKind(found, 'stream')) return found.dictionary
    return isKind(found, 'dictionary') ? found : undefined
  }

  /** The entries of a dictionary; none when it is none. */
  entries(value: PdfValue | undefined, view: number): ReadonlyMap<string, PdfValue> {
    return (this.dictionary(value, view) ?? nothing).entries
  }

  /** The items of an array; none when it is none. */
  items(value: PdfValue | undefined, view: number): readonly PdfValue[] {
    const found = this.resolve(value, view)
    return isKind(found, 'array') ? found.items : []
  }

  /** The document's catalogue as of a revision. */
  catalogue(view: number): PdfDictionary {
    const root = this.revisions[view]?.root
    const found = this.resolve(root, view)
    if (!isKind(found, 'dictionary')) throw new MalformedError('value-invalid', 0, 'root')
    return found
  }

  /** Where the bytes of a stream lie, as they are stored; `endstream` must follow them. */
  streamRange(stream: PdfStream, view: number): ByteRange {
    const given = stream.dictionary.entries.get('Length')
    const length = countOf(isKind(given, 'reference') ? this.#readLength(given, view) : given)
    const limit = this.endOf(view)
    if (length === undefined || stream.start + length > limit) {
      throw new MalformedError('value-invalid', stream.start, 'length')
    }
    const end = stream.start + length
    readAt(this.source, end, limit, lexer => {
      lexer.expect('endstream')
      lexer.expect('endobj')
    })
    return { start: stream.start, end }
  }

  /** Whether two streams hold the same bytes as they are stored. */
  isSameStream(a: ByteRange, b: ByteRange): boolean {
    // Many revisions may name the same two.
    const key = `${a.start} ${a.end} ${b.start} ${b.end}`
    const known = this.#compared.get(key)
    if (known !== undefined) return known
    const found = sameBytes(this.source, a, b)
    this.#compared.set(key, found)
    return found
  }

  /** The decoded bytes of a stream. */
  streamBytes(stream: PdfStream, view: number, sizeMax: number): Uint8Array {
    const { start, end } = this.streamRange(stream, view)
    if (end - start > sizeMax) throw new MalformedError('too-large', start, 'stream')
    const bytes = decodeStream(stream.dictionary, bytesAt(this.source, start, end - start), sizeMax)
    this.#inflatedBytes += bytes.length
    if (this.#inflatedBytes > inflatedBytesMax) {
      throw new MalformedError('too-large', start, 'inflated in all')
    }
    return bytes
  }

  #addLater(revision: number, given: PdfRevision): void {
    const seen = new Set<number>()
    for (const { entries } of given.sections) {
      for (const [position, number] of entries.numbers.entries()) {
        const entry = entries.entryAt(position)
        const known = this.#later.get(number)
        // Of a hybrid revision what the table hides its stream shows.
        if (seen.has(number)) known?.pop()
        seen.add(number)
        if (known === undefined) this.#later.set(number, [{ revision, entry }])
        else known.push({ revision, entry })
      }
    }
  }

  #find(
    number: number,
    view: number,
  ): { readonly revision: number; readonly entry: PdfEntry } | undefined {
    const later = this.#later.get(number)?.findLast(each => each.revision <= view)
    if (later !== undefined) return later
    let found: PdfEntry | undefined
    for (const section of this.revisions[0]?.sections ?? []) {
      const entry = section.entries.find(number)
      if (entry === undefined) continue
      found = entry
      if (entry.kind !== 'free') break
    }
    return found === undefined ? undefined : { revision: 0, entry: found }
  }

  /**
   * An object stream that is replaced changes all objects in it without naming them. Nobody needs that, so a file in which
   * an object still lies in a stream that a later revision redefines is refused.
   */
  #checkContainers(): void {
    const held = new Map<number, number[]>()
    for (const [revision, { sections }] of this.revisions.entries()) {
      for (const number of revision === 0 ? [] : this.numbersOf(revision)) {
        for (const each of held.get(number) ?? []) {
          const entry = this.entry(each, revision)
          if (entry?.kind === 'compressed' && entry.container === number) {
            throw new MalformedError('value-invalid', 0, 'object stream replaced')
          }
        }
      }
      for (const { entries } of sections) {
        for (const [position, number] of entries.numbers.entries()) {
          const entry = entries.entryAt(position)
          if (entry.kind !== 'compressed') continue
          const known = held.get(entry.container)
          if (known === undefined) held.set(entry.container, [number])
          else known.push(number)
        }
      }
    }
  }

  // The same entry is the same object in every view, but for a length that stands elsewhere, which `streamRange` reads.
  #keyOf(number: number, entry: PdfEntry, view: number): string {
    return `${number} ${this.revisionOf(number, view) ?? 0} ${entry.kind}`
  }

  #readObject(
    number: number,
    entry: PdfEntry & { readonly kind: 'offset' },
    view: number,
  ): PdfValue {
    return readAt(this.source, entry.offset, this.#limitAt(entry.offset, view), lexer => {
      const head = lexer.readHead()
      if (head.number !== number || head.generation !== entry.generation) {
        throw new MalformedError('value-invalid', entry.offset, 'another object')
      }
      const value = lexer.readValue()
      if (lexer.accept('endobj')) return value
      lexer.expect('stream')
      if (!isKind(value, 'dictionary'))
        throw new MalformedError('value-invalid', entry.offset, 'stream')
      lexer.skipLineEnd()
      return { kind: 'stream', dictionary: value, start: lexer.position }
    })
  }

  /** The end of the revision in whose bytes an offset lies: no object reaches into the next. */
  #limitAt(offset: number, view: number): number {
    const found = this.revisions.find(each => offset < each.end)
    return Math.min(found?.end ?? 0, this.endOf(view))
  }

  // The length of a stream is a number and no stream, so that reading it does not go round in circles.
  #readLength(target: PdfReference, view: number): PdfValue {
    const entry = this.entry(target.number, view)
    if (entry?.kind !== 'offset') return this.object(target, view)
    const value = this.object(target, view)
    return isKind(value, 'stream') ? null : value
  }

  #readCompressed(
    number: number,
    entry: PdfEntry & { readonly kind: 'compressed' },
    view: number,
  ): PdfValue {
    const container = this.#container(entry.container, view)
    const found = container.index[2 * entry.index]
    const start = container.index[2 * entry.index + 1]
    if (found !== number || start === undefined || start > container.bytes.length) {
      throw new MalformedError('value-invalid', 0, 'object not in its stream')
    }
    const lexer = new PdfLexer(container.bytes.subarray(start), start, true)
    return lexer.readValue()
  }

  #container(number: number, view: number): Container {
    const key = `${number} ${this.revisionOf(number, view) ?? 0}`
    const known = this.#containers.get(key)
    if (known !== undefined) return known
    const entry = this.entry(number, view)
    // An object stream is never inside another (§7.5.7).
    if (entry?.kind !== 'offset') throw new MalformedError('value-invalid', 0, 'object stream')
    const stream = this.object({ kind: 'reference', number, generation: entry.generation }, view)
    if (!isKind(stream, 'stream') || nameOf(stream.dictionary.entries.get('Type')) !== 'ObjStm') {
      throw new MalformedError('value-invalid', entry.offset, 'object stream')
    }
    const container = this.#openContainer(stream, view)
    this.#keptContainerBytes += container.bytes.length
    if (this.#keptContainerBytes > keptContainerBytesMax) {
      this.#containers.clear()
      this.#keptContainerBytes = container.bytes.length
    }
    this.#containers.set(key, container)
    return container
  }

  #openContainer(stream: PdfStream, view: number): Container {
    // Its length must not lie in an object stream, which might be this one.
    const length = stream.dictionary.entries.get('Length')
    if (isKind(length, 'reference') && this.entry(length.number, view)?.kind !== 'offset') {
      throw new MalformedError('value-invalid', stream.start, 'length')
    }
    const bytes = this.streamBytes(stream, view, containerBytesMax)
    const count = countOf(stream.dictionary.entries.get('N'))
    const first = countOf(stream.dictionary.entries.get('First'))
    if (
      count === undefined ||
      first === undefined ||
      first > bytes.length ||
      count * 4 > first + 4
    ) {
      throw new MalformedError('value-invalid', stream.start, 'object stream')
    }
    const lexer = new PdfLexer(bytes.subarray(0, first), 0, true)
    const index: number[] = []
    for (let i = 0; i < count; i++) {
      const number = lexer.readUnsigned(objectNumberMax)
      index.push(number, first + lexer.readUnsigned(containerBytesMax))
    }
    return { bytes, index }
  }
}

/** Opens a document. Throws `MalformedError`. */
export function openPdf(pdf: ByteSource | Uint8Array): PdfDocument {
  return new PdfDocument(pdf instanceof Uint8Array ? sourceOf(pdf) : pdf)
}
