/**
 * What each revision of a PDF changed, object by object and told by what it means. Everything that can be reached from the
 * trailer is compared; what has no rule of its own is told as a change of the setting that holds it, so that nothing is
 * passed over. Based on what attacks on signed PDFs have done: incremental saving, shadow documents (hide, replace, hide and
 * replace), evil annotations, sneaky signatures.
 */
import type { PdfChange } from './change.ts'
import { ChangeList } from './change-list.ts'
import type { PdfEntry } from './cross-reference.ts'
import type { PdfDocument } from './document.ts'
import { compareFields, compareForm, readFieldPair } from './form-comparison.ts'
import { ObjectGraph } from './object-graph.ts'
import { comparePages, type KnownWidgets, type PageTree, readPageTree } from './page-comparison.ts'
import type { PdfSignature } from './signature-dictionary.ts'
import { compareStructure } from './structure-comparison.ts'
import { isKind, type PdfValue, reference } from './value.ts'
import { ValueComparison } from './value-comparison.ts'

/** What every revision after `first` changed, in order. Throws `MalformedError`. */
export function changesAfter(
  document: PdfDocument,
  first: number,
  signatures: readonly PdfSignature[],
): readonly PdfChange[] {
  if (first >= document.newest) return []
  let tree = readPageTree(document, first)
  const graph = new ObjectGraph(document, first, tree.numbers)
  let reached = graph.reachable()
  const found: PdfChange[] = []
  for (let view = first + 1; view <= document.newest; view++) {
    const made = signatures.filter(each => each.revision === view)
    const next = readPageTree(document, view)
    const trees = { before: tree, after: next }
    const result = changesOf(document, { trees, graph, made, reached }, view)
    found.push(...result.changes)
    reached = result.reached
    tree = next
  }
  return found
}

interface Step {
  readonly trees: { readonly before: PageTree; readonly after: PageTree }
  /** As of the revision before. */
  readonly graph: ObjectGraph
  readonly reached: ReadonlySet<number>
  readonly made: readonly PdfSignature[]
}

function changesOf(
  document: PdfDocument,
  { trees, graph, reached: reachedBefore, made }: Step,
  after: number,
): { readonly changes: readonly PdfChange[]; readonly reached: ReadonlySet<number> } {
  const before = after - 1
  const named = new Set(document.numbersOf(after).filter(each => isMoved(document, each, after)))
  const ledBefore = graph.leadingTo(named)
  graph.advance(trees.after.numbers)
  const reachedAfter = graph.reachable()
  const unsettled = new Set([...ledBefore, ...graph.leadingTo(named)])
  const pages = new Set([...trees.before.numbers].filter(each => trees.after.numbers.has(each)))
  const comparison = new ValueComparison({ document, before, after, unsettled, pages })
  const changes = new ChangeList(after)
  compareTrailers(comparison, changes)
  const fields = readFieldPair(comparison)
  comparePages(trees, fields.widgets, comparison, changes)
  compareCatalogues(fields.widgets, comparison, changes)
  compareFields(fields, made, comparison, changes)
  const revealed = revealedObjects(comparison, { named, reachedBefore, reachedAfter })
  if (revealed > 0) changes.add('object-revealed', { count: revealed })
  const idle = [...named].filter(
    each => !reachedBefore.has(each) && !reachedAfter.has(each) && !graph.isStructure(each),
  )
  if (idle.length > 0) changes.add('object-unreferenced', { count: idle.length })
  return { changes: changes.all(), reached: reachedAfter }
}

/** Whether a revision puts an object somewhere else than where it was; to say the same again is no change. */
function isMoved(document: PdfDocument, number: number, after: number): boolean {
  return !isSamePlace(document.entry(number, after - 1), document.entry(number, after))
}

function isSamePlace(one: PdfEntry | undefined, two: PdfEntry | undefined): boolean {
  if (one === undefined || one.kind === 'free') return two === undefined || two.kind === 'free'
  if (one.kind === 'offset') {
    return two?.kind === 'offset' && one.offset === two.offset && one.generation === two.generation
  }
  return two?.kind === 'compressed' && one.container === two.container && one.index === two.index
}

/**
 * Objects of the signed bytes that nothing used and that something uses now, and those to which an entry was turned
 * without writing them anew: content that lay there in wait.
 */
function revealedObjects(
  comparison: ValueComparison,
  given: {
    readonly named: ReadonlySet<number>
    readonly reachedBefore: ReadonlySet<number>
    readonly reachedAfter: ReadonlySet<number>
  },
): number {
  const { document, before, after } = comparison
  const signedEnd = document.endOf(before)
  let count = 0
  for (const number of given.reachedAfter) {
    const entry = document.entry(number, after)
    if (entry === undefined || entry.kind === 'free') continue
    if (given.named.has(number)) {
      const at = reference(number, entry.kind === 'offset' ? entry.generation : 0)
      const isOld = entry.kind === 'offset' && entry.offset < signedEnd
      if (isOld && !comparison.isSame(at, at)) count++
    } else if (!given.reachedBefore.has(number)) count++
  }
  return count
}

function compareTrailers(comparison: ValueComparison, changes: ChangeList): void {
  const { document, before, after } = comparison
  const one = document.revisions[before]
  const two = document.revisions[after]
  if (one === undefined || two === undefined) return
  if (one.root.number !== two.root.number || one.root.generation !== two.root.generation) {
    changes.add('catalogue-changed', { key: 'Root' })
  }
  const info = (trailer: typeof one): PdfValue => trailer.trailer.entries.get('Info') ?? null
  if (!comparison.isSame(info(one), info(two))) changes.add('metadata-changed', { part: 'Info' })
  const name = (trailer: typeof one, view: number): PdfValue =>
    document.items(trailer.trailer.entries.get('ID'), view)[0] ?? null
  if (name(one, before) !== null && !comparison.isSame(name(one, before), name(two, after))) {
    changes.add('metadata-changed', { part: 'ID' })
  }
}

function compareCatalogues(
  widgets: KnownWidgets,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const { document } = comparison
  const before = document.catalogue(comparison.before).entries
  const after = document.catalogue(comparison.after).entries
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const one = before.get(key) ?? null
    const two = after.get(key) ?? null
    // The structure and actions name fields and widgets, which are compared by themselves.
    const apart = namesFields.has(key) ? widgets.apart : undefined
    if (key === 'Pages') comparePageRoots(one, two, changes)
    else if (key === 'AcroForm') compareForm(one, two, widgets, comparison, changes)
    else if (!comparison.isSame(one, two, apart)) {
      if (key === 'StructTreeRoot') compareStructure(one, two, widgets, comparison, changes)
      else compareEntry(key, one, two, comparison, changes)
    }
  }
}

const namesFields: ReadonlySet<string> = new Set(['StructTreeRoot', 'OpenAction', 'AA'])

// What the trees hold has been compared.
function comparePageRoots(one: PdfValue, two: PdfValue, changes: ChangeList): void {
  const isSame = isKind(one, 'reference') && isKind(two, 'reference') && one.number === two.number
  if (!isSame) changes.add('catalogue-changed', { key: 'Pages' })
}

function compareEntry(
  key: string,
  one: PdfValue,
  two: PdfValue,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  switch (key) {
    case 'DSS':
      changes.add(
        isGrown(one, two, comparison) ? 'validation-data-added' : 'validation-data-removed',
      )
      break
    case 'Metadata':
      changes.add('metadata-changed', { part: key })
      break
    case 'Extensions':
    case 'Version':
      changes.add('extensions-changed', { key })
      break
    case 'Perms':
      changes.add('permissions-changed')
      break
    case 'OpenAction':
    case 'AA':
      changes.add('actions-changed', { key })
      break
    case 'AF':
    case 'Collection':
      changes.add('attachments-changed')
      break
    case 'OCProperties':
      changes.add('layers-changed')
      break
    case 'MarkInfo':
      changes.add('structure-changed')
      break
    case 'Names':
      compareNames(one, two, comparison, changes)
      break
    default:
      changes.add('catalogue-changed', { key })
  }
}

function compareNames(
  one: PdfValue,
  two: PdfValue,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const before = comparison.document.entries(one, comparison.before)
  const after = comparison.document.entries(two, comparison.after)
  const keys = new Set([...before.keys(), ...after.keys()])
  if (keys.size === 0) changes.add('names-changed', { key: 'Names' })
  for (const key of keys) {
    if (comparison.isSame(before.get(key), after.get(key))) continue
    if (key === 'JavaScript') changes.add('javascript-changed')
    else if (key === 'EmbeddedFiles') changes.add('attachments-changed')
    else changes.add('names-changed', { key })
  }
}

// Every stream that was in the store is in it still.
function isGrown(one: PdfValue, two: PdfValue, comparison: ValueComparison): boolean {
  const { document } = comparison
  const before = document.entries(one, comparison.before)
  const after = document.entries(two, comparison.after)
  return ['Certs', 'CRLs', 'OCSPs'].every(key => {
    const now = new Map(
      document
        .items(after.get(key), comparison.after)
        .flatMap(each => (isKind(each, 'reference') ? [[each.number, each]] : [])),
    )
    return document.items(before.get(key), comparison.before).every(each => {
      const kept = isKind(each, 'reference') ? now.get(each.number) : undefined
      return kept !== undefined && comparison.isSame(each, kept)
    })
  })
}
