/**
 * Whether a value says the same in two revisions, references followed. Two references to one object are the same without
 * looking when nothing that can be reached from it changed.
 */
import type { PdfDocument } from './document.ts'
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
  readonly #unsettled: ReadonlySet<number>
  readonly #pages: ReadonlySet<number>
  /** Pairs of references that were found the same, nothing being apart. */
  readonly #same = new Set<string>()

  /**
   * `unsettled`: objects from which something that changed can be reached. `pages`: nodes of both page trees, which are
   * compared by themselves, so that a link to one counts as such only.
   */
  constructor(given: {
    readonly document: PdfDocument
    readonly before: number
    readonly after: number
    readonly unsettled: ReadonlySet<number>
    readonly pages: ReadonlySet<number>
  }) {
    this.document = given.document
    this.before = given.before
    this.after = given.after
    this.#unsettled = given.unsettled
    this.#pages = given.pages
  }

  /** Whether two values say the same. `apart`: more objects that are compared by themselves where these values stand. */
  isSame(
    a: PdfValue | undefined,
    b: PdfValue | undefined,
    apart: ReadonlySet<number> = none,
  ): boolean {
    const pairs: (readonly [PdfValue, PdfValue])[] = [[a ?? null, b ?? null]]
    const seen = new Set<string>()
    for (let pair = pairs.pop(); pair !== undefined; pair = pairs.pop()) {
      const [one, two] = pair
      if (isKind(one, 'reference') && isKind(two, 'reference')) {
        const isOne = one.number === two.number && one.generation === two.generation
        const isApart = (at: PdfReference): boolean =>
          this.#pages.has(at.number) || apart.has(at.number)
        if (isOne && (!this.#unsettled.has(one.number) || isApart(one))) continue
        if (isApart(one) || isApart(two)) return false
        const mark = `${one.number} ${one.generation} ${two.number} ${two.generation}`
        if (seen.has(mark) || (apart === none && this.#same.has(mark))) continue
        seen.add(mark)
      }
      const first = this.document.resolve(one, this.before)
      const second = this.document.resolve(two, this.after)
      const inner = this.#pairsOf(first, second)
      if (inner === undefined) return false
      for (const each of inner) pairs.push(each)
    }
    // All that was met is the same, given that all of it is.
    if (apart === none) for (const mark of seen) this.#same.add(mark)
    return true
  }

  /** What must be the same for two values to be; undefined: they differ. */
  #pairsOf(one: PdfValue, two: PdfValue): readonly (readonly [PdfValue, PdfValue])[] | undefined {
    if (isKind(one, 'array') && isKind(two, 'array')) {
      if (one.items.length !== two.items.length) return undefined
      return one.items.map((item, i) => [item, two.items[i] ?? null])
    }
    if (isKind(one, 'dictionary') && isKind(two, 'dictionary')) return dictionaryPairs(one, two)
    if (isKind(one, 'stream') && isKind(two, 'stream')) return this.#streamPairs(one, two)
    return isSameScalar(one, two) ? [] : undefined
  }

  #streamPairs(
    one: PdfStream,
    two: PdfStream,
  ): readonly (readonly [PdfValue, PdfValue])[] | undefined {
    const a = this.document.streamRange(one, this.before)
    const b = this.document.streamRange(two, this.after)
    return this.document.isSameStream(a, b)
      ? dictionaryPairs(one.dictionary, two.dictionary)
      : undefined
  }
}

const none: ReadonlySet<number> = new Set()

function dictionaryPairs(
  one: PdfDictionary,
  two: PdfDictionary,
): readonly (readonly [PdfValue, PdfValue])[] {
  const keys = new Set([...one.entries.keys(), ...two.entries.keys()])
  // An entry that is null is one that is not there (§7.3.7).
  return [...keys].map(key => [one.entries.get(key) ?? null, two.entries.get(key) ?? null])
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
