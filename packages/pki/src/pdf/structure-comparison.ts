/**
 * Compares the logical structure of two revisions (ISO 32000-2 §14.7): what is read aloud and copied. Programs that add a
 * field to a tagged document add an element for it; that alone is no change of what was signed.
 */
import type { ChangeList } from './change-list.ts'
import type { KnownWidgets } from './page-comparison.ts'
import { countOf, isKind, nameOf, type PdfDictionary, type PdfValue } from './value.ts'
import type { ValueComparison } from './value-comparison.ts'

/** Most nodes of a number tree. */
const treeNodesMax = 100_000

/** Compares two values of `/StructTreeRoot` that are not the same. */
export function compareStructure(
  one: PdfValue,
  two: PdfValue,
  widgets: KnownWidgets,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const isExtended = new StructureComparison(widgets, comparison).isExtended(one, two)
  changes.add(isExtended ? 'structure-extended' : 'structure-changed')
}

class StructureComparison {
  readonly #widgets: KnownWidgets
  readonly #comparison: ValueComparison
  /** Pairs of elements, by number, that are still to be compared, and those that were. */
  readonly #pending: (readonly [PdfDictionary, PdfDictionary])[] = []
  readonly #seen = new Set<number>()
  /** Elements that were added. */
  readonly #added = new Set<number>()

  constructor(widgets: KnownWidgets, comparison: ValueComparison) {
    this.#widgets = widgets
    this.#comparison = comparison
  }

  isExtended(one: PdfValue, two: PdfValue): boolean {
    const { document, before, after } = this.#comparison
    const old = document.resolve(one, before)
    const now = document.resolve(two, after)
    if (!isKind(old, 'dictionary') || !isKind(now, 'dictionary')) return false
    this.#pending.push([old, now])
    for (let pair = this.#pending.pop(); pair !== undefined; pair = this.#pending.pop()) {
      if (!this.#isElementKept(...pair)) return false
    }
    return this.#isParentTreeKept(old.entries.get('ParentTree'), now.entries.get('ParentTree'))
  }

  #isElementKept(old: PdfDictionary, now: PdfDictionary): boolean {
    const keys = new Set([...old.entries.keys(), ...now.entries.keys()])
    for (const key of keys) {
      const one = old.entries.get(key)
      const two = now.entries.get(key)
      if (key === 'K') {
        if (!this.#areKidsKept(one, two)) return false
      } else if (key === 'P') {
        if (!isSameLink(one, two)) return false
      } else if (key !== 'ParentTree' && key !== 'ParentTreeNextKey') {
        if (!this.#comparison.isSame(one, two, this.#widgets.apart)) return false
      }
    }
    return true
  }

  // Kids in their order; what is new between them must be elements of fields.
  #areKidsKept(one: PdfValue | undefined, two: PdfValue | undefined): boolean {
    const { document, before, after } = this.#comparison
    const old = listOf(document.resolve(one, before), one)
    const now = listOf(document.resolve(two, after), two)
    let next = 0
    for (const kid of now) {
      const expected = old[next]
      if (expected !== undefined && this.#isSameKid(expected, kid)) next++
      else if (!this.#isFieldElement(kid)) return false
    }
    return next === old.length
  }

  #isSameKid(one: PdfValue, two: PdfValue): boolean {
    const { document, before, after } = this.#comparison
    if (!isKind(one, 'reference') || !isKind(two, 'reference')) {
      return this.#comparison.isSame(one, two, this.#widgets.apart)
    }
    if (!isSameLink(one, two)) return false
    if (this.#seen.has(two.number)) return true
    this.#seen.add(two.number)
    const old = document.resolve(one, before)
    const now = document.resolve(two, after)
    if (!isKind(old, 'dictionary') || !isKind(now, 'dictionary')) return false
    this.#pending.push([old, now])
    return true
  }

  // An element that says nothing but that a field of the form is here.
  #isFieldElement(kid: PdfValue): boolean {
    const { document, after } = this.#comparison
    const element = document.resolve(kid, after)
    if (!isKind(kid, 'reference') || !isKind(element, 'dictionary')) return false
    const { entries } = element
    const isPlain = [...entries.keys()].every(key => ofFieldElement.has(key))
    if (!isPlain || nameOf(document.resolve(entries.get('S'), after)) !== 'Form') return false
    const inner = entries.get('K')
    const isField = listOf(document.resolve(inner, after), inner).every(each => {
      const link = document.entries(each, after)
      const target = link.get('Obj')
      const isLink = nameOf(document.resolve(link.get('Type'), after)) === 'OBJR'
      return isLink && isKind(target, 'reference') && this.#widgets.after.has(target.number)
    })
    if (isField) this.#added.add(kid.number)
    return isField
  }

  // The tree that leads from what is on pages back to elements, which have been compared.
  #isParentTreeKept(one: PdfValue | undefined, two: PdfValue | undefined): boolean {
    const { before, after } = this.#comparison
    const old = this.#numbers(one, before)
    const now = this.#numbers(two, after)
    if (old === undefined || now === undefined) return false
    for (const [number, value] of old) {
      if (!this.#isSameParents(value, now.get(number))) return false
    }
    return [...now].every(([number, value]) => {
      return old.has(number) || (isKind(value, 'reference') && this.#added.has(value.number))
    })
  }

  #isSameParents(one: PdfValue, two: PdfValue | undefined): boolean {
    if (isSameLink(one, two)) return true
    const { document, before, after } = this.#comparison
    const old = document.items(one, before)
    const now = document.items(two, after)
    const isList = isKind(document.resolve(one, before), 'array')
    return isList && old.length === now.length && old.every((each, i) => isSameLink(each, now[i]))
  }

  /** Values of a number tree; undefined: it is none, or too large. */
  #numbers(root: PdfValue | undefined, view: number): ReadonlyMap<number, PdfValue> | undefined {
    const { document } = this.#comparison
    const found = new Map<number, PdfValue>()
    const pending: PdfValue[] = [root ?? null]
    for (let visits = 0; pending.length > 0; visits++) {
      if (visits > treeNodesMax) return undefined
      const node = document.entries(pending.pop(), view)
      const entries = document.items(node.get('Nums'), view)
      for (let i = 0; i + 1 < entries.length; i += 2) {
        const number = countOf(entries[i])
        if (number === undefined || found.has(number)) return undefined
        found.set(number, entries[i + 1] ?? null)
      }
      pending.push(...document.items(node.get('Kids'), view))
    }
    return found
  }
}

/** What an element of a field may say: nothing that would be read aloud. */
const ofFieldElement: ReadonlySet<string> = new Set(['Type', 'S', 'P', 'K', 'Pg'])

function listOf(resolved: PdfValue, given: PdfValue | undefined): readonly PdfValue[] {
  if (isKind(resolved, 'array')) return resolved.items
  return given === undefined || resolved === null ? [] : [given]
}

function isSameLink(one: PdfValue | undefined, two: PdfValue | undefined): boolean {
  if (isKind(one, 'reference') && isKind(two, 'reference')) {
    return one.number === two.number && one.generation === two.generation
  }
  return one === two
}
