/** Compares the forms of two revisions: fields, values, appearances, signatures (ISO 32000-2 §12.7). */
import type { ChangeList } from './change-list.ts'
import type { PdfDocument } from './document.ts'
import { type PdfField, readFields } from './form-field.ts'
import type { KnownWidgets } from './page-comparison.ts'
import type { PdfSignature } from './signature-dictionary.ts'
import type { PdfReference, PdfValue } from './value.ts'
import type { ValueComparison } from './value-comparison.ts'

/** The fields of both revisions. */
export interface FieldPair {
  readonly before: readonly PdfField[]
  readonly after: readonly PdfField[]
  readonly widgets: KnownWidgets
}

/** Reads the fields of both revisions. */
export function readFieldPair({ document, before, after }: ValueComparison): FieldPair {
  const old = readFields(document, before)
  const now = readFields(document, after)
  const widgets = (list: readonly PdfField[]): readonly number[] =>
    list.flatMap(each => each.widgets.map(widget => widget.number))
  const fields = (list: readonly PdfField[]): readonly number[] => list.map(each => each.at.number)
  const known = { before: new Set(widgets(old)), after: new Set(widgets(now)) }
  // Only what is compared in both revisions is.
  const inBoth = new Set([...widgets(now), ...fields(now)])
  const apart = new Set([...widgets(old), ...fields(old)].filter(each => inBoth.has(each)))
  return { before: old, after: now, widgets: { ...known, apart } }
}

/** Compares what the form as a whole says, given the values of `/AcroForm`. */
export function compareForm(
  one: PdfValue | undefined,
  two: PdfValue | undefined,
  { apart }: KnownWidgets,
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const { document } = comparison
  const before = document.entries(one, comparison.before)
  const after = document.entries(two, comparison.after)
  const isNew = before.size === 0
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    // Fields are compared one by one; the order of calculation names them only.
    if (key === 'Fields') continue
    const known = key === 'CO' ? apart : undefined
    if (comparison.isSame(before.get(key), after.get(key), known)) continue
    const isHarmless =
      (key === 'SigFlags' && isMoreFlags(before.get(key), after.get(key))) ||
      (key === 'DR' && isExtended(before.get(key), after.get(key), comparison)) ||
      // A form that comes with a signature brings its default appearance.
      (isNew && (key === 'DA' || key === 'Q'))
    if (!isHarmless) changes.add('form-changed', { key })
  }
}

function isMoreFlags(one: PdfValue | undefined, two: PdfValue | undefined): boolean {
  const before = typeof one === 'number' ? one : 0
  return typeof two === 'number' && (two & before) === before
}

// Default resources may grow, for the appearances of new fields; what is there must stay.
function isExtended(
  one: PdfValue | undefined,
  two: PdfValue | undefined,
  comparison: ValueComparison,
): boolean {
  const { document } = comparison
  const after = document.entries(two, comparison.after)
  return [...document.entries(one, comparison.before)].every(([kind, value]) => {
    if (comparison.isSame(value, after.get(kind))) return true
    const now = document.entries(after.get(kind), comparison.after)
    return [...document.entries(value, comparison.before)].every(([name, each]) =>
      comparison.isSame(each, now.get(name)),
    )
  })
}

/** Compares field by field. `made`: the signatures that the later revision brought. */
export function compareFields(
  fields: FieldPair,
  made: readonly PdfSignature[],
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const old = new Map(fields.before.map(each => [each.at.number, each]))
  const now = new Set(fields.after.map(each => each.at.number))
  for (const field of fields.before) {
    if (now.has(field.at.number)) continue
    changes.add('form-field-removed', { field: field.name })
    if (isSigned(field, comparison, comparison.before)) {
      changes.add('signature-removed', { field: field.name })
    }
  }
  for (const field of fields.after) {
    const previous = old.get(field.at.number)
    if (previous === undefined) compareNewField(field, made, comparison, changes)
    else compareField(previous, field, { ...fields.widgets, made }, comparison, changes)
  }
}

function isSigned(field: PdfField, comparison: ValueComparison, view: number): boolean {
  return field.type === 'Sig' && comparison.document.resolve(field.value, view) !== null
}

function compareNewField(
  field: PdfField,
  made: readonly PdfSignature[],
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const evidence = { field: field.name, isNewField: true }
  if (field.type !== 'Sig' || !field.isTerminal) {
    changes.add('form-field-added', evidence)
    return
  }
  const { document, after } = comparison
  for (const at of [field.at, ...field.widgets]) {
    for (const key of ['A', 'AA']) {
      if (document.entries(at, after).has(key)) changes.add('actions-changed', { key })
    }
  }
  const isShown = field.widgets.some(each => isVisible(each, document, after))
  if (isShown) changes.add('signature-field-shown', evidence)
  if (isSigned(field, comparison, after)) tellSignature(field, true, made, changes)
  else if (!isShown) changes.add('signature-field-added', evidence)
}

// §12.5.3: an empty rectangle shows nothing, and neither does one that is hidden.
function isVisible(at: PdfReference, document: PdfDocument, view: number): boolean {
  const widget = document.entries(at, view)
  const flags = document.resolve(widget.get('F'), view)
  const isHidden = typeof flags === 'number' && (flags & hiddenFlag) !== 0
  const rectangle = document
    .items(widget.get('Rect'), view)
    .map(each => document.resolve(each, view))
  const [left = 0, bottom = 0, right = 0, top = 0] = rectangle
  return !isHidden && left !== right && bottom !== top
}

const hiddenFlag = 2

function tellSignature(
  field: PdfField,
  isNewField: boolean,
  made: readonly PdfSignature[],
  changes: ChangeList,
): void {
  const signature = made.find(each => each.fieldNumber === field.at.number)
  const evidence = { field: field.name, isNewField }
  // What is no signature in form has no business in a signature field.
  if (signature === undefined || signature.reasons.length > 0) {
    changes.add('signature-incomplete', evidence)
  } else if (signature.kind === 'time-stamp') changes.add('document-time-stamp-added', evidence)
  else changes.add('signature-added', evidence)
}

function compareField(
  before: PdfField,
  after: PdfField,
  { apart, made }: Pick<KnownWidgets, 'apart'> & { readonly made: readonly PdfSignature[] },
  comparison: ValueComparison,
  changes: ChangeList,
): void {
  const field = after.name
  const wasSigned = isSigned(before, comparison, comparison.before)
  const isValueSame = comparison.isSame(before.value, after.value)
  const parts = comparePair(before.at, after.at, apart, comparison)
  const found = [...parts.settings]
  let isShownAnew = parts.isShownAnew
  if (before.name !== after.name) found.push('T')
  if (before.type !== after.type) found.push('FT')
  const widgets = (each: PdfField): string => each.widgets.map(one => one.number).join(' ')
  if (before.isTerminal !== after.isTerminal || widgets(before) !== widgets(after))
    found.push('Kids')
  for (const widget of after.widgets) {
    if (widget.number === after.at.number) continue
    const inner = comparePair(widget, widget, apart, comparison)
    found.push(...inner.settings)
    isShownAnew ||= inner.isShownAnew
  }
  const isBeingSigned = after.type === 'Sig' && !wasSigned && !isValueSame
  for (const key of new Set(found)) {
    if (actionKeys.has(key)) changes.add('actions-changed', { key, field })
    // A field that is signed becomes printable and locked, and part of the structure.
    else if (!(isBeingSigned && (key === 'F' || key === 'StructParent')))
      changes.add('form-field-changed', { field, key })
  }
  if (!isValueSame) {
    if (wasSigned) {
      const isGone = !isSigned(after, comparison, comparison.after)
      changes.add(isGone ? 'signature-removed' : 'signature-altered', { field })
    } else if (after.type === 'Sig') {
      // One that was hidden until it was signed.
      if (isUncovered(before, after, comparison)) changes.add('signature-field-shown', { field })
      tellSignature(after, false, made, changes)
    } else changes.add('form-filled', { field })
  } else if (parts.isFilled) changes.add('form-filled', { field })
  else if (isShownAnew) changes.add('form-appearance-changed', { field })
}

function isUncovered(one: PdfField, two: PdfField, comparison: ValueComparison): boolean {
  const { document, before, after } = comparison
  return (
    two.widgets.some(each => isVisible(each, document, after)) &&
    !one.widgets.some(each => isVisible(each, document, before))
  )
}

interface PartsChanged {
  /** Keys of settings that differ. */
  readonly settings: readonly string[]
  readonly isFilled: boolean
  readonly isShownAnew: boolean
}

// One dictionary: a field, a widget, or both.
function comparePair(
  one: PdfReference,
  two: PdfReference,
  apart: ReadonlySet<number>,
  comparison: ValueComparison,
): PartsChanged {
  const before = comparison.document.entries(one, comparison.before)
  const after = comparison.document.entries(two, comparison.after)
  const settings: string[] = []
  let isFilled = false
  let isShownAnew = false
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    // Values are compared with what is inherited; kids are fields or widgets by themselves.
    if (key === 'V' || key === 'Kids' || key === 'M') continue
    // A parent or page that is not of the form or the page tree is looked into.
    const isLink = key === 'Parent' || actionKeys.has(key)
    const isSame = comparison.isSame(before.get(key), after.get(key), isLink ? apart : undefined)
    if (isSame) continue
    if (key === 'AP' || key === 'AS') isShownAnew = true
    else if (key === 'I' || key === 'RV') isFilled = true
    else settings.push(key)
  }
  return { settings, isFilled, isShownAnew }
}

const actionKeys: ReadonlySet<string> = new Set(['A', 'AA'])
