/**
 * Which object of a PDF refers to which, so that a comparison of revisions looks only where something can have changed, and
 * finds what was hidden. Links to pages from elsewhere than the page tree are not followed, nor from pages to their parents:
 * pages are compared by themselves. What a page is the page tree says, and never what an object says of itself.
 */
import { MalformedError } from '../der.ts'
import type { PdfDocument } from './document.ts'
import { isKind, nameOf, type PdfValue, reference } from './value.ts'

interface GraphNode {
  readonly links: readonly number[]
  /** Links that lead to pages from the tree. */
  readonly kids: readonly number[]
  readonly parents: readonly number[]
  /** A cross-reference or object stream, which nothing refers to. */
  readonly isStructure: boolean
  readonly isBroken: boolean
}

/** The links of all objects as of one revision. It moves from revision to revision. */
export class ObjectGraph {
  readonly #document: PdfDocument
  readonly #nodes = new Map<number, GraphNode>()
  #view: number
  #pages: ReadonlySet<number>
  /** Who refers to an object, by kinds of links. What referred to it once stays, which does no harm. */
  readonly #linksBack = new Map<number, number[]>()
  readonly #kidsBack = new Map<number, number[]>()
  readonly #parentsBack = new Map<number, number[]>()
  #steps = 0

  /** The graph as of a revision: reads every object there is. `pages`: numbers of the nodes of its page tree. */
  constructor(document: PdfDocument, view: number, pages: ReadonlySet<number>) {
    this.#document = document
    this.#view = view
    this.#pages = pages
    for (let revision = 0; revision <= view; revision++) {
      for (const number of document.numbersOf(revision)) {
        if (!this.#nodes.has(number)) this.#add(number)
      }
    }
  }

  /** Goes on to the next revision. */
  advance(pages: ReadonlySet<number>): void {
    this.#view++
    this.#pages = pages
    for (const number of this.#document.numbersOf(this.#view)) this.#add(number)
  }

  isStructure(number: number): boolean {
    return this.#nodes.get(number)?.isStructure ?? false
  }

  /** Objects that can be reached from the trailer. Throws `MalformedError` when one of them cannot be read. */
  reachable(): ReadonlySet<number> {
    const { trailer, root } = this.#document.revisions[this.#view] ?? {}
    const info = trailer?.entries.get('Info')
    const starts = [root, info].flatMap(each => (isKind(each, 'reference') ? [each.number] : []))
    const reached = new Set<number>(starts)
    // A set goes on with what is added to it while it is gone through.
    for (const number of reached) {
      this.#step()
      if (this.#nodes.get(number)?.isBroken === true) {
        throw new MalformedError('value-invalid', 0, `object ${number}`)
      }
      for (const next of this.#next(number)) reached.add(next)
    }
    return reached
  }

  /**
   * Objects from which one of these can be reached, themselves included, perhaps with some from which it could in an earlier
   * revision.
   */
  leadingTo(targets: ReadonlySet<number>): ReadonlySet<number> {
    const found = new Set(targets)
    for (const number of found) {
      this.#step()
      const isPage = this.#pages.has(number)
      for (const each of this.#kidsBack.get(number) ?? []) found.add(each)
      for (const each of isPage ? [] : (this.#linksBack.get(number) ?? [])) found.add(each)
      for (const each of this.#parentsBack.get(number) ?? []) {
        if (!this.#pages.has(each)) found.add(each)
      }
    }
    return found
  }

  #step(): void {
    if (++this.#steps > stepsMax)
      throw new MalformedError('too-many', 0, 'objects in all revisions')
  }

  #next(number: number): readonly number[] {
    const node = this.#nodes.get(number)
    if (node === undefined) return []
    const isPage = this.#pages.has(number)
    const links = node.links.filter(each => !this.#pages.has(each))
    return [...links, ...node.kids, ...(isPage ? [] : node.parents)]
  }

  #add(number: number): void {
    this.#nodes.delete(number)
    const entry = this.#document.entry(number, this.#view)
    if (entry === undefined || entry.kind === 'free') return
    const generation = entry.kind === 'offset' ? entry.generation : 0
    try {
      const value = this.#document.object(reference(number, generation), this.#view)
      const node = nodeOf(value)
      this.#nodes.set(number, node)
      for (const each of node.links) note(this.#linksBack, each, number)
      for (const each of node.kids) note(this.#kidsBack, each, number)
      for (const each of node.parents) note(this.#parentsBack, each, number)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      this.#nodes.set(number, brokenNode)
    }
  }
}

function note(back: Map<number, number[]>, target: number, from: number): void {
  const known = back.get(target)
  if (known === undefined) back.set(target, [from])
  else known.push(from)
}

/** Most steps from object to object in all revisions: some seconds. */
const stepsMax = 20_000_000

const brokenNode: GraphNode = {
  links: [],
  kids: [],
  parents: [],
  isStructure: false,
  isBroken: true,
}

function nodeOf(value: PdfValue): GraphNode {
  const links: number[] = []
  const kids: number[] = []
  const parents: number[] = []
  const own = isKind(value, 'stream') ? value.dictionary : value
  const type = isKind(own, 'dictionary') ? nameOf(own.entries.get('Type')) : undefined
  const pending: (readonly [value: PdfValue, key: string])[] = [[own, '']]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [each, key] = next
    if (isKind(each, 'reference')) {
      const list = key === 'Parent' ? parents : key === 'Kids' || key === 'Pages' ? kids : links
      list.push(each.number)
    } else if (isKind(each, 'array')) {
      for (const item of each.items) pending.push([item, key])
    } else if (isKind(each, 'dictionary')) {
      for (const [inner, item] of each.entries) pending.push([item, inner])
    }
  }
  const isStructure = isKind(value, 'stream') && (type === 'XRef' || type === 'ObjStm')
  return { links, kids, parents, isStructure, isBroken: false }
}
