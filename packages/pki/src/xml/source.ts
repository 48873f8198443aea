/**
 * A parsed XML document, in memory that must be given back: the one file that reaches libxml2. Nothing is ever fetched: a
 * document type is refused before the parser sees it, so that there are no entities, and the parser has no network client.
 */
import {
  ParseOption,
  XmlC14NMode,
  XmlDocument,
  type XmlElement,
  XmlElement as ElementClass,
  XmlError,
  XmlXPath,
} from 'libxml2-wasm'
import { concat } from '../der-writer.ts'
import { MalformedError } from '../der.ts'
import type { CanonicalForm, CanonicalKind } from './canonical-form.ts'
import { dsig } from './namespace.ts'
import { byteCost, scanXml } from './structure.ts'

/** Most signatures in one document, as signers of a CMS container. */
export const signaturesMax = 32

/**
 * What all parsing and canonicalising of one judgement may cost together (units: see `XmlStructure.cost`), some three
 * seconds. Of a document of 32 MiB one signature may cover all, and be judged with its time-stamps.
 */
const costMax = 2 ** 30

/** One step to a sibling, in the same units. */
const stepCost = 10

/** What is left to spend; shared by all documents of one judgement. */
export class XmlBudget {
  #left = costMax

  /** Throws `MalformedError` (`too-costly`) when there is not as much left. */
  spend(cost: number): void {
    this.#left -= cost
    if (this.#left < 0) throw new MalformedError('too-costly', 0)
  }
}

/** A document. Its memory is not collected in time: use `read`, or `open` with `using`. */
export class XmlSource implements Disposable {
  readonly #bytes: Uint8Array
  readonly #document: XmlDocument
  readonly #cost: number
  readonly #budget: XmlBudget
  #byId: ReadonlyMap<string, readonly XmlElement[]> | undefined

  private constructor(bytes: Uint8Array, document: XmlDocument, cost: number, budget: XmlBudget) {
    this.#bytes = bytes
    this.#document = document
    this.#cost = cost
    this.#budget = budget
  }

  /** Parses. Throws `MalformedError` for anything that is not well-formed with namespaces, or that is refused. */
  static open(bytes: Uint8Array, budget: XmlBudget): XmlSource {
    const { cost } = scanXml(bytes)
    budget.spend(cost + bytes.length * byteCost)
    return new XmlSource(bytes, parse(bytes), cost, budget)
  }

  /**
   * Parses, gives the document to `use` and takes its memory back. As `open` with `using`, a word that not every browser knows: for
   * what judges, as that runs there too. Throws as `open` and `use` do.
   */
  static read<T>(bytes: Uint8Array, budget: XmlBudget, use: (source: XmlSource) => T): T {
    const source = XmlSource.open(bytes, budget)
    try {
      return use(source)
    } finally {
      source[Symbol.dispose]()
    }
  }

  [Symbol.dispose](): void {
    this.#document.dispose()
  }

  get root(): XmlElement {
    return this.#document.root
  }

  /** Whether processing instructions stand outside the root element, where they can tell how to show the document. */
  get hasOuterInstructions(): boolean {
    return this.#document.eval(outerInstructions) === true
  }

  /** Elements ds:Signature in document order, wherever they stand. Throws `MalformedError` (`too-many`). */
  signatures(): readonly XmlElement[] {
    const found = elements(this.#document, signaturePath)
    if (found.length > signaturesMax) throw new MalformedError('too-many', 0, 'signatures')
    return found
  }

  /**
   * Elements whose `Id`, `ID` or `id` (without namespace) or `xml:id` has this value. More than one: nobody can say which
   * is meant, and whoever signed it may have meant the other.
   */
  withId(id: string): readonly XmlElement[] {
    this.#byId ??= indexIds(this.#document)
    return this.#byId.get(id) ?? []
  }

  /**
   * The same document without some of its signatures, by position; undefined: nothing would be left. To be disposed of by
   * itself.
   */
  without(positions: ReadonlySet<number>): XmlSource | undefined {
    if (this.signatures().some((each, at) => positions.has(at) && each.parent === null)) {
      return undefined
    }
    this.#budget.spend(this.#cost + this.#bytes.length * byteCost)
    const copy = new XmlSource(this.#bytes, parse(this.#bytes), this.#cost, this.#budget)
    // From the last to the first, as one may hold another.
    for (const [position, signature] of [...copy.signatures().entries()].reverse()) {
      if (positions.has(position)) signature.remove()
    }
    return copy
  }

  /** Position of an element among all elements of the document, in the order of their start tags. */
  ordinalOf(element: XmlElement): number {
    return Number(element.eval(ordinalPath))
  }

  /** Where an element stands: names with their namespaces in braces, numbered among all sibling elements from 1. */
  pathOf(element: XmlElement): string {
    const steps: string[] = []
    for (let at: XmlElement | null = element; at !== null; at = at.parent) {
      const before = Number(at.eval(siblingsPath))
      this.#budget.spend(before * stepCost)
      steps.unshift(`/{${at.namespaceUri}}${at.name}[${before + 1}]`)
    }
    return steps.join('')
  }

  /**
   * Canonical bytes of an element with all in it, or of the whole document (`undefined`). Throws `MalformedError`: a
   * relative namespace name, which has no canonical form (C14N 1.0 §1.3), or work beyond the budget.
   */
  canonicalise(apex: XmlElement | undefined, form: CanonicalForm): Uint8Array {
    this.#budget.spend(this.#cost)
    const chunks: Uint8Array[] = []
    let written = 0
    const handler = {
      write: (chunk: Uint8Array) => {
        chunks.push(Uint8Array.from(chunk))
        written += chunk.length
        return chunk.length
      },
      close: () => true,
    }
    const options = {
      mode: modes[form.kind],
      withComments: form.hasComments,
      ...(form.kind === 'exclusive' ? { inclusiveNamespacePrefixes: [...form.prefixes] } : {}),
      ...(apex === undefined ? {} : { nodeSet: new Set([apex]) }),
    }
    try {
      this.#document.canonicalize(handler, options)
    } catch (error) {
      throw malformed(error)
    }
    this.#budget.spend(written * byteCost)
    return concat(...chunks)
  }
}

function parse(bytes: Uint8Array): XmlDocument {
  let document: XmlDocument
  try {
    document = XmlDocument.fromBuffer(bytes, { encoding: 'utf-8', option: parseOptions })
  } catch (error) {
    throw malformed(error)
  }
  // The scan lets no document type through; what the parser only warns of is nothing to sign.
  if (document.dtd !== null || document.warnings.length > 0) {
    document.dispose()
    throw new MalformedError('value-invalid', 0, 'warning')
  }
  return document
}

function malformed(error: unknown): unknown {
  // The library names no kinds of errors: what it says is for people.
  return error instanceof XmlError
    ? new MalformedError('value-invalid', 0, error.message.trim().slice(0, 200))
    : error
}

function indexIds(document: XmlDocument): ReadonlyMap<string, readonly XmlElement[]> {
  const index = new Map<string, XmlElement[]>()
  for (const path of idPaths) {
    for (const attribute of document.find(path)) {
      const owner = attribute.parent
      if (owner === null) continue
      const known = index.get(attribute.content)
      if (known === undefined) index.set(attribute.content, [owner])
      // Two are too many already.
      else if (known.length === 1 && known[0]?.isSameNode(owner) === false) known.push(owner)
    }
  }
  return index
}

function elements(document: XmlDocument, path: XmlXPath): readonly XmlElement[] {
  return document.find(path).flatMap(each => (each instanceof ElementClass ? [each] : []))
}

const parseOptions =
  ParseOption.XML_PARSE_NO_XXE |
  ParseOption.XML_PARSE_NONET |
  ParseOption.XML_PARSE_NO_SYS_CATALOG |
  // Ids are compared here, by one rule for all names that they go by.
  ParseOption.XML_PARSE_SKIP_IDS |
  // The scan's limits are the narrower ones, but for texts: a signed file in base64 may be longer than ten megabytes.
  ParseOption.XML_PARSE_HUGE

const modes = {
  inclusive: XmlC14NMode.XML_C14N_1_0,
  'inclusive-1.1': XmlC14NMode.XML_C14N_1_1,
  exclusive: XmlC14NMode.XML_C14N_EXCLUSIVE_1_0,
} as const satisfies Record<CanonicalKind, number>

// Compiled once: they are part of the program.
const signaturePath = XmlXPath.compile(`(//ds:Signature)[position() <= ${signaturesMax + 1}]`, {
  ds: dsig,
})
const outerInstructions = XmlXPath.compile('boolean(/processing-instruction())')
const siblingsPath = XmlXPath.compile('count(preceding-sibling::*)')
const ordinalPath = XmlXPath.compile('count(preceding::*) + count(ancestor::*)')
const idPaths = ['//@Id', '//@ID', '//@id', '//@xml:id'].map(path => XmlXPath.compile(path))
