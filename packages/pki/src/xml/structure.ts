/**
 * Looks through the bytes of an XML document before a parser sees them: refuses what is never read (document types, other
 * encodings), bounds size, depth and the work that canonicalisation would take, and tells where elements stand. Whether
 * the document is well-formed is for the parser to say; of one that is, this scan reads the same elements.
 */
import { MalformedError } from '../der.ts'

/** Largest document read: the tree of a dense one takes more than ten times its bytes while it is judged. */
export const xmlBytesMax = 32 * 1024 * 1024
/** Deepest nesting: libxml2's own limit, which its recursion is built for. */
const depthMax = 256
/** Most elements: some 100 bytes of memory each, which the parser keeps for good. An annual report in XBRL has some 100,000. */
const elementsMax = 400_000
/** Most attributes and namespace declarations of one element: canonicalisation sorts them by insertion. */
const attributesMax = 256
/** Most namespace declarations in scope: inclusive canonicalisation compares all with all at each element. */
const scopeMax = 512

/** What a byte costs to read or to write, in the units of `XmlStructure.cost`: 15 ns, measured. */
export const byteCost = 6

/** Where one element stands, as byte offsets. */
export interface ElementPlace {
  /** Of `<`. */
  readonly start: number
  /** After the name in the start tag. */
  readonly nameEnd: number
  /** After the start tag. */
  readonly contentStart: number
  /** Of `</`; for `<a/>` that is `contentStart`. */
  readonly contentEnd: number
  readonly isEmptyTag: boolean
}

/** What the scan found. */
export interface XmlStructure {
  /**
   * What a walk through the document may cost at most, in units of some two nanoseconds: the depth of each node, and the squares
   * of attributes and of namespaces in scope. What is written in its course costs besides (`byteCost`).
   */
  readonly cost: number
  /** In the order of their start tags; empty unless asked for. */
  readonly places: readonly ElementPlace[]
}

interface Scope {
  readonly index: number
  readonly declarations: number
}

/**
 * Scans a document. Throws `MalformedError`: `document-type-refused`, `encoding-unsupported` (anything but UTF-8 and XML
 * 1.0), `too-large`, `too-deep`, `too-many`, `truncated`.
 */
export function scanXml(bytes: Uint8Array, isPlacesWanted = false): XmlStructure {
  if (bytes.length > xmlBytesMax) throw new MalformedError('too-large', 0)
  const scan = new Scan(bytes, isPlacesWanted)
  return scan.run(readDeclaration(bytes))
}

// Returns where the document proper begins.
function readDeclaration(bytes: Uint8Array): number {
  const [a, b] = bytes
  // Byte order marks of UTF-16 and UTF-32, and their `<` without one (XML 1.0 appendix F.1).
  const isWide = (a === 0xfe && b === 0xff) || (a === 0xff && b === 0xfe) || a === 0 || b === 0
  if (isWide) throw new MalformedError('encoding-unsupported', 0)
  const start = a === 0xef && b === 0xbb && bytes[2] === 0xbf ? 3 : 0
  const head = latin1(bytes.subarray(start, start + declarationMax))
  if (!/^<\?xml[\s?]/.test(head)) return start
  const end = head.indexOf('?>')
  if (end < 0) throw new MalformedError('truncated', start)
  const declaration = head.slice(0, end)
  const version = /\sversion\s*=\s*["']([^"']*)["']/.exec(declaration)?.[1]
  const encoding = /\sencoding\s*=\s*["']([^"']*)["']/.exec(declaration)?.[1] ?? 'utf-8'
  if (version !== '1.0') throw new MalformedError('encoding-unsupported', start, 'version')
  if (encoding.toLowerCase() !== 'utf-8') throw new MalformedError('encoding-unsupported', start)
  return start + end + 2
}

class Scan {
  readonly #bytes: Uint8Array
  readonly #isPlacesWanted: boolean
  readonly #places: ElementPlace[] = []
  readonly #open: Scope[] = []
  #elements = 0
  #cost = 0

  constructor(bytes: Uint8Array, isPlacesWanted: boolean) {
    this.#bytes = bytes
    this.#isPlacesWanted = isPlacesWanted
  }

  run(start: number): XmlStructure {
    const bytes = this.#bytes
    for (let at = bytes.indexOf(0x3c, start); at >= 0; at = bytes.indexOf(0x3c, at)) {
      const next = bytes[at + 1]
      if (next === 0x21) at = this.#skipMarkup(at)
      else if (next === 0x3f) at = this.#find(at + 2, '?>')
      else if (next === 0x2f) at = this.#close(at)
      else at = this.#openTag(at)
      // Text and comments are nodes as well: each costs its way up.
      this.#cost += (this.#open.length + 1) * depthCost
    }
    if (this.#open.length > 0) throw new MalformedError('truncated', bytes.length)
    return { cost: this.#cost, places: this.#places }
  }

  #skipMarkup(at: number): number {
    if (this.#startsWith(at, '<!--')) return this.#find(at + 4, '-->')
    if (this.#startsWith(at, '<![CDATA[')) return this.#find(at + 9, ']]>')
    // Anything else that begins so outside a document type is an error: nothing is lost by naming it after the likely one.
    throw new MalformedError('document-type-refused', at)
  }

  #close(at: number): number {
    const scope = this.#open.pop()
    if (scope === undefined) throw new MalformedError('value-invalid', at, 'end tag')
    const place = this.#places[scope.index]
    if (place !== undefined) this.#places[scope.index] = { ...place, contentEnd: at }
    return this.#find(at + 2, '>')
  }

  #openTag(at: number): number {
    if (++this.#elements > elementsMax) throw new MalformedError('too-many', at, 'elements')
    const tag = this.#readTag(at)
    const depth = this.#open.length
    if (depth >= depthMax) throw new MalformedError('too-deep', at)
    const declarations = (this.#open[depth - 1]?.declarations ?? 0) + tag.declarations
    if (tag.attributes > attributesMax || declarations > scopeMax) {
      throw new MalformedError('too-many', at, 'attributes')
    }
    this.#cost += tag.attributes ** 2 + declarations ** 2
    const index = this.#elements - 1
    if (this.#isPlacesWanted) {
      const { nameEnd, end: contentStart, isEmptyTag } = tag
      const contentEnd = contentStart
      this.#places.push({ start: at, nameEnd, contentStart, contentEnd, isEmptyTag })
    }
    if (!tag.isEmptyTag) this.#open.push({ index, declarations })
    return tag.end
  }

  // From `<` to after `>`, where no `>` inside quotes counts.
  #readTag(start: number): {
    readonly nameEnd: number
    readonly end: number
    readonly isEmptyTag: boolean
    readonly attributes: number
    readonly declarations: number
  } {
    const bytes = this.#bytes
    let nameEnd = 0
    let attributes = 0
    let declarations = 0
    for (let at = start + 1; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (nameEnd === 0 && (byte <= 0x20 || byte === 0x2f || byte === 0x3e)) nameEnd = at
      if (byte === 0x3e) {
        const isEmptyTag = bytes[at - 1] === 0x2f
        return { nameEnd, end: at + 1, isEmptyTag, attributes, declarations }
      }
      if (byte === 0x22 || byte === 0x27) {
        at = bytes.indexOf(byte, at + 1)
        if (at < 0) break
        attributes++
      } else if (byte === 0x78 && (bytes[at - 1] ?? 0) <= 0x20 && this.#startsWith(at, 'xmlns')) {
        declarations++
      }
    }
    throw new MalformedError('truncated', start)
  }

  #startsWith(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) {
      if (this.#bytes[at + i] !== text.charCodeAt(i)) return false
    }
    return true
  }

  // After the first occurrence of `text`.
  #find(from: number, text: string): number {
    const first = text.charCodeAt(0)
    let at = this.#bytes.indexOf(first, from)
    while (at >= 0 && !this.#startsWith(at, text)) at = this.#bytes.indexOf(first, at + 1)
    if (at < 0) throw new MalformedError('truncated', from)
    return at + text.length
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** Longest XML declaration looked at. */
const declarationMax = 256
// Measured with libxml2 as WebAssembly: 23 ns a step up the tree.
const depthCost = 9
