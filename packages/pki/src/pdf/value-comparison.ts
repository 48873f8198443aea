/**
 * Whether a value says the same in two revisions, references followed. Two references to one object are the same without
 * looking when nothing that can be reached from it changed.
 */
import { sameBytes } from './byte-source.ts'
import type { PdfDocument } from './document.ts'
import type { ObjectGraph } from './object-graph.ts'
import {
  isKind,
  type PdfDictionary,
  type PdfReference,
  type PdfStream,
  type PdfValue,
} from './value.ts'

/** Compares values of the revision before with those of the one after. */
export class ValueComparison {
  readonly document: PdfDocument
  readonly before: number
  readonly after: number
  readonly #graph: ObjectGraph
  readonly #unsettled: ReadonlySet<number>
  /** Objects whose parent is compared by itself, so that a link to it counts as such only. */
  readonly #known = new Set<number>()

  /** `unsettled`: objects from which something that changed can be reached. */
  constructor(given: {
    readonly document: PdfDocument
    readonly before: number
    readonly after: number
    readonly graph: ObjectGraph
    readonly unsettled: ReadonlySet<number>
  }) {
    this.document = given.document
    this.before = given.before
    this.after = given.after
    this.#graph = given.graph
    this.#unsettled = given.unsettled
  }

  /** From now on a `/Parent` that is this object is not looked into. */
  knowParent(number: number): void {
    this.#known.add(number)
  }

  /** Whether something that can be reached from an object changed. */
  isUnsettled(at: PdfReference): boolean {
    return this.#unsettled.has(at.number)
  }

  /** Whether two values say the same. */
  isSame(a: PdfValue | undefined, b: PdfValue | undefined): boolean {
    const pairs: (readonly [PdfValue, PdfValue, string])[] = [[a ?? null, b ?? null, '']]
    const seen = new Set<string>()
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const [one, two, key] = pair
      if (isKind(one, 'reference') && isKind(two, 'reference')) {
        if (this.#isSettled(one, two, key)) continue
        const mark = `${one.number} ${one.generation} ${two.number} ${two.generation}`
        if (seen.has(mark)) continue
        seen.add(mark)
        if (isLinkBack(key) || this.#graph.isPage(two.number)) {
          if (one.number !== two.number || one.generation !== two.generation) return false
          continue
        }
      }
      const first = this.document.resolve(one, this.before)
      const second = this.document.resolve(two, this.after)
      const inner = this.#pairsOf(first, second, key)
      if (inner === undefined) return false
      for (const each of inner) pairs.push(each)
    }
    return true
  }

  #isSettled(one: PdfReference, two: PdfReference, key: string): boolean {
    if (one.number !== two.number || one.generation !== two.generation) return false
    if (key === 'Parent' && this.#known.has(one.number)) return true
    return !this.#unsettled.has(one.number)
  }

  /** What must be the same for two values to be; undefined: they differ. */
  #pairsOf(
    one: PdfValue,
    two: PdfValue,
    key: string,
  ): readonly (readonly [PdfValue, PdfValue, string])[] | undefined {
    if (isKind(one, 'array') && isKind(two, 'array')) {
      if (one.items.length !== two.items.length) return undefined
      return one.items.map((item, i) => [item, two.items[i] ?? null, key])
    }
    if (isKind(one, 'dictionary') && isKind(two, 'dictionary')) return dictionaryPairs(one, two)
    if (isKind(one, 'stream') && isKind(two, 'stream')) return this.#streamPairs(one, two)
    return isSameScalar(one, two) ? [] : undefined
  }

  #streamPairs(
    one: PdfStream,
    two: PdfStream,
  ): readonly (readonly [PdfValue, PdfValue, string])[] | undefined {
    const a = this.document.streamRange(one, this.before)
    const b = this.document.streamRange(two, this.after)
    return sameBytes(this.document.source, a, b)
      ? dictionaryPairs(one.dictionary, two.dictionary)
      : undefined
  }
}

// From annotations to their page, from elements of the structure upwards.
function isLinkBack(key: string): boolean {
  return key === 'P'
}

function dictionaryPairs(
  one: PdfDictionary,
  two: PdfDictionary,
): readonly (readonly [PdfValue, PdfValue, string])[] {
  const keys = new Set([...one.entries.keys(), ...two.entries.keys()])
  // An entry that is null is one that is not there (§7.3.7).
  return [...keys].map(key => [one.entries.get(key) ?? null, two.entries.get(key) ?? null, key])
}

/** Whether two values that hold no others are the same. */
function isSameScalar(one: PdfValue, two: PdfValue): boolean {
  if (isKind(one, 'name') && isKind(two, 'name')) return one.value === two.value
  if (isKind(one, 'string') && isKind(two, 'string')) {
    return (
      one.bytes.length === two.bytes.length && one.bytes.every((byte, i) => byte === two.bytes[i])
    )
  }
  return one === two
}
