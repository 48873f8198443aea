/**
 * BER as CMS allows it (RFC 5652 §3, X.690 §8): indefinite lengths, lengths that are not minimal, octet strings in pieces.
 * Streaming producers write so. Rewritten with definite minimal lengths, which is all that our reader reads; content,
 * order of sets and all else stay as they are, so that what was DER stays the same to the byte.
 */
import { derDepthMax, MalformedError, tags } from './der.ts'
import { headerOf } from './der-writer.ts'

/** Most elements of one container. A streamed document of the largest size, in pieces of 1 kB, has 130,000. */
const elementsMax = 1_000_000

/** Rewrites one BER element that fills `ber`. Throws `MalformedError`. */
export function withDefiniteLengths(ber: Uint8Array): Uint8Array {
  const reader = new BerReader(ber)
  const { parts, length } = reader.element(0)
  if (reader.position !== ber.length) throw new MalformedError('trailing-bytes', reader.position)
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

interface Rewritten {
  readonly parts: readonly Uint8Array[]
  readonly length: number
}

interface Header {
  readonly tag: number
  readonly start: number
  /** Undefined: indefinite. */
  readonly end: number | undefined
}

class BerReader {
  readonly #bytes: Uint8Array
  #elements = 0
  position = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Moves over the next element and gives it rewritten. */
  element(depth: number): Rewritten {
    const header = this.#header(depth)
    const isString = header.tag === constructedOctetString
    const tag = isString ? tags.octetString : header.tag
    const isConstructed = (header.tag & constructed) !== 0
    const content = isConstructed
      ? this.#children(header, depth, isString)
      : this.#primitive(header)
    const head = headerOf(tag, content.length)
    return { parts: [head, ...content.parts], length: head.length + content.length }
  }

  #header(depth: number): Header {
    const start = this.position
    if (depth > derDepthMax) throw new MalformedError('too-deep', start)
    if (++this.#elements > elementsMax) throw new MalformedError('too-many', start)
    const tag = this.#byte()
    if ((tag & 0x1f) === 0x1f || tag === 0) throw new MalformedError('tag-unsupported', start)
    const first = this.#byte()
    if (first < 0x80) return this.#upTo(tag, first, start)
    if (first === 0x80) {
      if ((tag & constructed) === 0) throw new MalformedError('length-indefinite', start)
      return { tag, start: this.position, end: undefined }
    }
    if ((first & 0x7f) > lengthBytesMax) throw new MalformedError('too-large', start)
    let length = 0
    for (let i = first & 0x7f; i > 0; i--) length = length * 256 + this.#byte()
    return this.#upTo(tag, length, start)
  }

  #upTo(tag: number, length: number, start: number): Header {
    const end = this.position + length
    if (end > this.#bytes.length) throw new MalformedError('truncated', start)
    return { tag, start: this.position, end }
  }

  #primitive({ start, end }: Header): Rewritten {
    const content = this.#bytes.subarray(start, end)
    this.position = start + content.length
    return { parts: [content], length: content.length }
  }

  // Of a string in pieces only the content of the pieces counts (X.690 §8.7.3).
  #children({ start, end }: Header, depth: number, isString: boolean): Rewritten {
    const parts: Uint8Array[] = []
    let length = 0
    while (!this.#isOver(end)) {
      const at = this.position
      const child = this.element(depth + 1)
      const kept = isString ? child.parts.slice(1) : child.parts
      if (isString && child.parts[0]?.[0] !== tags.octetString) {
        throw new MalformedError('tag-unexpected', at)
      }
      for (const part of kept) {
        parts.push(part)
        length += part.length
      }
    }
    if (end !== undefined && this.position !== end) throw new MalformedError('truncated', start)
    return { parts, length }
  }

  #isOver(end: number | undefined): boolean {
    if (end !== undefined) return this.position >= end
    const isEnd = this.#bytes[this.position] === 0 && this.#bytes[this.position + 1] === 0
    if (isEnd) this.position += 2
    return isEnd
  }

  #byte(): number {
    const byte = this.#bytes[this.position]
    if (byte === undefined) throw new MalformedError('truncated', this.position)
    this.position++
    return byte
  }
}

const constructed = 0x20
const constructedOctetString = tags.octetString | constructed
/** More than 4 bytes of length would be larger than anything read here; leading zeros are allowed. */
const lengthBytesMax = 8
