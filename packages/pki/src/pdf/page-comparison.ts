/** Compares the pages of two revisions: their order, what they show, what lies on them (ISO 32000-2 §7.7.3, §12.5). */
import { MalformedError } from '../der.ts'
import type { ChangeList } from './change-list.ts'
import type { PdfDocument } from './document.ts'
import { isKind, nameOf, type PdfDictionary, type PdfReference, type PdfValue } from './value.ts'
import type { ValueComparison } from './value-comparison.ts'

/** Most nodes of a page tree. */
const nodesMax = 200_000
const inheritable = ['Resources', 'MediaBox', 'CropBox', 'Rotate'] as const

interface Page {
  readonly at: PdfReference
  readonly dictionary: PdfDictionary
  /** Its entries with those that it inherits. */
  readonly entries: ReadonlyMap<string, PdfValue>
}

/** A page tree as of one revision. */
export interface PageTree {
  /** Numbers of all its nodes, the pages included. */
  readonly numbers: ReadonlySet<number>
  readonly pages: readonly Page[]
  /** The nodes between root and pages, by object number, in the order of the tree. */
  readonly nodes: ReadonlyMap<number, PdfDictionary>
}

/** Widgets that the form has or had, by object number: they are compared there. */
export interface KnownWidgets {
  readonly before: ReadonlySet<number>
  readonly after: ReadonlySet<number>
  /** Fields and widgets of both. */
  readonly apart: ReadonlySet<number>
}

/** Compares two page trees. */
export function comparePages(
  trees: { readonly before: PageTree; readonly after: PageTree },
  widgets: KnownWidgets,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const { before, after } = trees
  const numbers = (tree: PageTree): string => tree.pages.map(each => each.at.number).join(' ')
  if (numbers(before) !== numbers(after)) {
    changes.add('pages-changed', { before: before.pages.length, after: after.pages.length })
  }
  compareNodes(before, after, comparison, changes)
  const old = new Map(before.pages.map(each => [each.at.number, each]))
  for (const [position, page] of after.pages.entries()) {
    const previous = old.get(page.at.number)
    if (previous !== undefined) {
      comparePage(
        { before: previous, after: page, number: position + 1 },
        widgets,
        comparison,
        changes,
      )
    }
  }
}

// What pages inherit is compared with them, and so is which pages there are.
function compareNodes(
  before: PageTree,
  after: PageTree,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  for (const [number, node] of after.nodes) {
    const old = before.nodes.get(number)?.entries
    if (old === undefined) continue
    for (const key of new Set([...old.keys(), ...node.entries.keys()])) {
      if (ofTree.has(key) || comparison.isSame(old.get(key), node.entries.get(key))) continue
      changes.add('catalogue-changed', { key: `Pages/${key}` })
    }
  }
}

const ofTree: ReadonlySet<string> = new Set(['Kids', 'Parent', ...inheritable])

/**
 * Reads the page tree in order, without recursion. That a node names as its parent the one that holds it is demanded, because
 * readers take what is inherited from there. Throws `MalformedError`.
 */
export function readPageTree(document: PdfDocument, view: number): PageTree {
  const root = document.catalogue(view).entries.get('Pages') ?? null
  const pages: Page[] = []
  const nodes = new Map<number, PdfDictionary>()
  const seen = new Set<number>()
  const none: ReadonlyMap<string, PdfValue> = new Map()
  const pending = [{ at: root, parent: undefined as number | undefined, inherited: none }]
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { at, parent, inherited } = next
    if (!isKind(at, 'reference') || seen.has(at.number)) {
      throw new MalformedError('value-invalid', 0, 'page tree')
    }
    if (seen.size >= nodesMax) throw new MalformedError('too-many', 0, 'pages')
    seen.add(at.number)
    const dictionary = document.resolve(at, view)
    if (!isKind(dictionary, 'dictionary')) throw new MalformedError('value-invalid', 0, 'page')
    const { entries } = dictionary
    const named = entries.get('Parent')
    if (isKind(named, 'reference') ? named.number !== parent : parent !== undefined) {
      throw new MalformedError('value-invalid', 0, 'parent of a page')
    }
    const own = new Map(inherited)
    for (const key of inheritable) {
      const value = entries.get(key)
      if (value !== undefined) own.set(key, value)
    }
    const hasKids = isKind(document.resolve(entries.get('Kids'), view), 'array')
    const type = nameOf(document.resolve(entries.get('Type'), view))
    // One that is a page for some readers and not for others.
    if (type === (hasKids ? 'Page' : 'Pages'))
      throw new MalformedError('value-invalid', 0, 'page tree')
    if (!hasKids) {
      pages.push({ at, dictionary, entries: new Map([...own, ...entries]) })
      continue
    }
    nodes.set(at.number, dictionary)
    const kids = document.items(entries.get('Kids'), view)
    for (const kid of kids.toReversed())
      pending.push({ at: kid, parent: at.number, inherited: own })
  }
  return { pages, nodes, numbers: seen }
}

interface PagePair {
  readonly before: Page
  readonly after: Page
  /** As people count. */
  readonly number: number
}

function comparePage(
  pair: PagePair,
  widgets: KnownWidgets,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const { before, after, number: page } = pair
  const keys = new Set([...before.entries.keys(), ...after.entries.keys()])
  for (const key of keys) {
    if (key === 'Parent') continue
    const one = before.entries.get(key)
    const two = after.entries.get(key)
    if (comparison.isSame(one, two)) continue
    switch (key) {
      case 'Contents':
        changes.add('page-content-changed', { page })
        break
      case 'Resources':
        compareResources(one, two, page, comparison, changes)
        break
      case 'Annots':
        compareAnnotations(one, two, { page, widgets }, comparison, changes)
        break
      case 'AA':
        changes.add('actions-changed', { key: 'AA', page })
        break
      case 'AF':
        changes.add('attachments-changed', { page })
        break
      case 'StructParents':
        changes.add('structure-changed', { page })
        break
      case 'Metadata':
      case 'PieceInfo':
      case 'LastModified':
      case 'Tabs':
        changes.add('metadata-changed', { part: key, page })
        break
      default:
        changes.add('page-changed', { page, key })
    }
  }
}

function compareResources(
  one: PdfValue | undefined,
  two: PdfValue | undefined,
  page: number,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const { document } = comparison
  const before = document.entries(one, comparison.before)
  const after = document.entries(two, comparison.after)
  let isTold = false
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    if (comparison.isSame(before.get(key), after.get(key))) continue
    isTold = true
    if (key === 'Font') changes.add('fonts-changed', { page })
    else changes.add('page-resources-changed', { page, key })
  }
  // One of them is no dictionary at all.
  if (!isTold) changes.add('page-resources-changed', { page, key: 'Resources' })
}

interface AnnotationPlace {
  readonly page: number
  readonly widgets: KnownWidgets
}

function compareAnnotations(
  one: PdfValue | undefined,
  two: PdfValue | undefined,
  place: AnnotationPlace,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const { document } = comparison
  const { page, widgets } = place
  const before = document.items(one, comparison.before)
  const after = document.items(two, comparison.after)
  const old = numbered(before)
  const now = numbered(after)
  const kept = [...old.keys()].filter(each => now.has(each))
  // What lies above what, and annotations that are no objects of their own.
  const isOrderKept = kept.join(' ') === [...now.keys()].filter(each => old.has(each)).join(' ')
  const isRestSame = comparison.isSame(unnumbered(before), unnumbered(after))
  if (!isOrderKept || !isRestSame) changes.add('annotation-changed', { page, subtype: '' })
  for (const [number, at] of old) {
    const subtype = subtypeOf(document, at, comparison.before)
    const next = now.get(number)
    if (next === undefined) changes.add('annotation-removed', { page, subtype })
    // Of a field the form tells.
    else if (widgets.before.has(number) && widgets.after.has(number)) continue
    else if (!comparison.isSame(at, next, widgets.apart)) {
      changes.add('annotation-changed', { page, subtype })
      compareActions(at, next, place, comparison, changes)
    }
  }
  for (const [number, at] of now) {
    const isNewWidget = widgets.after.has(number) && !widgets.before.has(number)
    if (old.has(number) || isNewWidget) continue
    changes.add('annotation-added', { page, subtype: subtypeOf(document, at, comparison.after) })
    compareActions(null, at, place, comparison, changes)
  }
}

// What an annotation does when it is touched is never only a note.
function compareActions(
  one: PdfValue,
  two: PdfValue,
  { page, widgets }: AnnotationPlace,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const before = comparison.document.entries(one, comparison.before)
  const after = comparison.document.entries(two, comparison.after)
  for (const key of ['A', 'AA']) {
    if (!comparison.isSame(before.get(key), after.get(key), widgets.apart)) {
      changes.add('actions-changed', { key, page })
    }
  }
}

function numbered(items: readonly PdfValue[]): ReadonlyMap<number, PdfReference> {
  return new Map(items.flatMap(each => (isKind(each, 'reference') ? [[each.number, each]] : [])))
}

function unnumbered(items: readonly PdfValue[]): PdfValue {
  return { kind: 'array', items: items.filter(each => !isKind(each, 'reference')) }
}

function subtypeOf(document: PdfDocument, at: PdfReference, view: number): string {
  return nameOf(document.resolve(document.entries(at, view).get('Subtype'), view)) ?? ''
}
