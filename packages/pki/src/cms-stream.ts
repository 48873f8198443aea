/**
 * Containers too large to hold: the attached content is hashed where it lies, piece by piece, and what is left is a small
 * container beside its content (RFC 5652 §5.2). DER and BER alike; nothing but the content may be large.
 */
import { hashAlgorithm, type HashName } from './algorithm.ts'
import { withDefiniteLengths } from './ber.ts'
import { contentTypes } from './cms.ts'
import type { CmsContent } from './cms-signer.ts'
import { RunningDigest } from './crypto.ts'
import { bytesEqual, contextConstructed, DerReader, MalformedError, tags } from './der.ts'
import { explicit, objectIdentifier, sequence } from './der-writer.ts'
import { bytesAt, type ByteSource } from './pdf/byte-source.ts'

/** A container without its content, and the hashes of what was taken out; undefined: it had none. */
export interface DetachedCms {
  readonly cms: Uint8Array
  readonly content: CmsContent | undefined
}

/** Most bytes of everything beside the content: what a container in memory may have. */
const restBytesMax = 128 * 1024 * 1024
/** Longest header of an element: tag, and a length in eight octets. */
const headerBytesMax = 10
/** Large enough that the calls cost nothing, small enough that memory stays flat. */
const pieceBytes = 1024 * 1024
/** Most pieces of an octet string: a terabyte in pieces of a kilobyte would take a day. */
const piecesMax = 16 * 1024 * 1024

/** Takes the content out of a container. Throws `MalformedError`. */
export function detachContent(source: ByteSource): DetachedCms {
  const walk = new Walk(source)
  walk.enter(tags.sequence)
  const type = walk.whole(tags.objectIdentifier)
  if (!bytesEqual(type, objectIdentifier(contentTypes.signedData))) {
    throw new MalformedError('value-invalid', 0, 'not SignedData')
  }
  walk.enter(contextConstructed(0))
  walk.enter(tags.sequence)
  const version = walk.whole(tags.integer)
  const algorithms = walk.whole(tags.set)
  walk.enter(tags.sequence)
  const contentType = walk.whole(tags.objectIdentifier)
  const content = walk.isAtEnd() ? undefined : hashContent(walk, hashesOf(algorithms))
  walk.leave()
  const rest: Uint8Array[] = []
  while (!walk.isAtEnd()) rest.push(walk.any())
  walk.leave()
  walk.leave()
  walk.leave()
  if (!walk.isDone()) throw new MalformedError('trailing-bytes', 0)
  const signed = sequence(version, algorithms, sequence(contentType), ...rest)
  return { cms: sequence(type, explicit(0, signed)), content }
}

// Which hashes will be asked for stands in the container; those that are not named there are not computed.
function hashesOf(algorithms: Uint8Array): readonly HashName[] {
  const set = new DerReader(algorithms).enter(tags.set)
  const names = new Set<HashName>()
  while (!set.isAtEnd) {
    const name = hashAlgorithm(set.readRaw())
    if (name !== 'weak' && name !== 'unsupported') names.add(name)
  }
  return [...names]
}

/** Content of any size beside a signature: held where it is small, else its hashes, read piece by piece. */
export function contentOfSource(source: ByteSource): CmsContent {
  if (source.length <= heldBytesMax) {
    return { kind: 'bytes', bytes: Uint8Array.from(bytesAt(source, 0, source.length)) }
  }
  const digests = contentHashes.map(name => ({ name, running: new RunningDigest(name) }))
  for (let at = 0; at < source.length; at += pieceBytes) {
    const piece = bytesAt(source, at, Math.min(pieceBytes, source.length - at))
    for (const { running } of digests) running.update(piece)
  }
  const hashes = Object.fromEntries(digests.map(({ name, running }) => [name, running.finish()]))
  return { kind: 'hashes', hashes }
}

/** Larger content is never held. */
const heldBytesMax = 16 * 1024 * 1024
const contentHashes = ['sha256', 'sha384', 'sha512'] as const satisfies readonly HashName[]

function hashContent(walk: Walk, names: readonly HashName[]): CmsContent {
  const digests = names.map(name => ({ name, running: new RunningDigest(name) }))
  walk.enter(contextConstructed(0))
  walk.octets(piece => {
    for (const { running } of digests) running.update(piece)
  })
  walk.leave()
  const hashes = Object.fromEntries(digests.map(({ name, running }) => [name, running.finish()]))
  return { kind: 'hashes', hashes }
}

interface Header {
  readonly tag: number
  readonly start: number
  /** Undefined: indefinite. */
  readonly end: number | undefined
}

/** Walks through nested elements of a source, holding nothing but where it stands. */
class Walk {
  readonly #source: ByteSource
  readonly #open: Header[] = []
  #position = 0
  #kept = 0

  constructor(source: ByteSource) {
    this.#source = source
  }

  /** Goes into the next element, which must have the tag. */
  enter(tag: number): void {
    const header = this.#header()
    if (header.tag !== tag) throw new MalformedError('tag-unexpected', header.start)
    this.#open.push(header)
    this.#position = header.start
  }

  /** Whether the element that was entered last has nothing more. */
  isAtEnd(): boolean {
    const end = this.#open.at(-1)?.end
    if (end !== undefined) return this.#position >= end
    const mark = this.#peek(2)
    return mark[0] === 0 && mark[1] === 0
  }

  /** Leaves the element that was entered last, which must have nothing more. */
  leave(): void {
    if (!this.isAtEnd()) throw new MalformedError('trailing-bytes', this.#position)
    const header = this.#open.pop()
    if (header?.end === undefined) this.#position += 2
    else if (header.end !== this.#position) throw new MalformedError('truncated', this.#position)
  }

  isDone(): boolean {
    return this.#position === this.#source.length
  }

  /** The next element in definite form, which must have the tag. */
  whole(tag: number): Uint8Array {
    const element = this.any()
    if (element[0] !== tag) throw new MalformedError('tag-unexpected', this.#position)
    return element
  }

  /** The next element in definite form. */
  any(): Uint8Array {
    const start = this.#position
    const header = this.#header()
    const end = header.end ?? this.#endOf(header, 0)
    this.#kept += end - start
    if (this.#kept > restBytesMax) throw new MalformedError('too-large', start)
    this.#position = end
    return withDefiniteLengths(Uint8Array.from(bytesAt(this.#source, start, end - start)))
  }

  /** Gives the content of the next element, an octet string whole or in pieces, piece by piece. */
  octets(take: (piece: Uint8Array) => void): void {
    const pending: Header[] = []
    let pieces = 0
    do {
      const inner = pending.at(-1)
      if (inner !== undefined && this.#isOver(inner)) {
        pending.pop()
        continue
      }
      if (++pieces > piecesMax || pending.length > depthMax) {
        throw new MalformedError('too-many', this.#position)
      }
      const header = this.#header()
      this.#position = header.start
      if (header.tag === (tags.octetString | 0x20)) {
        pending.push(header)
      } else if (header.tag === tags.octetString && header.end !== undefined) {
        for (let at = header.start; at < header.end; at += pieceBytes) {
          take(bytesAt(this.#source, at, Math.min(pieceBytes, header.end - at)))
        }
        this.#position = header.end
      } else throw new MalformedError('tag-unexpected', header.start)
    } while (pending.length > 0)
  }

  #isOver(header: Header): boolean {
    if (header.end !== undefined) return this.#position >= header.end
    const mark = this.#peek(2)
    if (mark[0] !== 0 || mark[1] !== 0) return false
    this.#position += 2
    return true
  }

  // Where an element of indefinite length ends, its end-of-contents included.
  #endOf(header: Header, depth: number): number {
    if (depth > depthMax) throw new MalformedError('too-deep', header.start)
    if (header.end !== undefined) return header.end
    this.#position = header.start
    for (;;) {
      const mark = this.#peek(2)
      if (mark[0] === 0 && mark[1] === 0) return this.#position + 2
      this.#position = this.#endOf(this.#header(), depth + 1)
    }
  }

  #header(): Header {
    const at = this.#position
    const bytes = this.#peek(headerBytesMax)
    const tag = bytes[0]
    const first = bytes[1]
    if (tag === undefined || first === undefined) throw new MalformedError('truncated', at)
    if ((tag & 0x1f) === 0x1f || tag === 0) throw new MalformedError('tag-unsupported', at)
    if (first === 0x80) {
      if ((tag & 0x20) === 0) throw new MalformedError('length-indefinite', at)
      return { tag, start: at + 2, end: undefined }
    }
    const count = first < 0x80 ? 0 : first & 0x7f
    if (count > 8 || bytes.length < 2 + count) throw new MalformedError('too-large', at)
    let length = first < 0x80 ? first : 0
    for (let i = 0; i < count; i++) length = length * 256 + (bytes[2 + i] ?? 0)
    const start = at + 2 + count
    const limit = this.#open.findLast(each => each.end !== undefined)?.end ?? this.#source.length
    if (start + length > limit) throw new MalformedError('truncated', at)
    return { tag, start, end: start + length }
  }

  #peek(count: number): Uint8Array {
    const left = Math.max(0, this.#source.length - this.#position)
    return bytesAt(this.#source, this.#position, Math.min(count, left))
  }
}

const depthMax = 30
