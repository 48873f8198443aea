/** The fields of a form and their widgets (ISO 32000-2 §12.7). */
import { MalformedError } from '../der.ts'
import type { PdfDocument } from './document.ts'
import {
  isKind,
  nameOf,
  type PdfDictionary,
  type PdfReference,
  type PdfValue,
  textOf,
} from './value.ts'

/** Most fields and widgets of one form. A tax return has some thousand. */
const fieldsMax = 20_000
/** Deepest nesting of fields. */
const depthMax = 32

/** A field, or a group of fields. */
export interface PdfField {
  /** Fully qualified: the partial names joined by full stops. */
  readonly name: string
  readonly at: PdfReference
  readonly dictionary: PdfDictionary
  /** `Tx`, `Btn`, `Ch`, `Sig`, its own or inherited. */
  readonly type: string | undefined
  /** The value as it stands, its own or inherited: often a reference. */
  readonly value: PdfValue
  /** Whether it has a value and no fields below it. */
  readonly isTerminal: boolean
  /** What is shown of it; the field itself when it is its own widget. */
  readonly widgets: readonly PdfReference[]
}

interface Inherited {
  readonly name: string
  readonly type: string | undefined
  readonly value: PdfValue
  readonly depth: number
}

// The fields of the last two revisions that were asked for: each is compared with the one before and the one after.
const lately = new WeakMap<PdfDocument, Map<number, readonly PdfField[]>>()

/** All fields and groups as of a revision, groups before what they hold. Throws `MalformedError` for cycles and excess. */
export function readFields(document: PdfDocument, view: number): readonly PdfField[] {
  const known = lately.get(document) ?? new Map<number, readonly PdfField[]>()
  lately.set(document, known)
  const fields = known.get(view) ?? collectFields(document, view)
  known.delete(view)
  known.set(view, fields)
  const [oldest] = known.keys()
  if (known.size > 2 && oldest !== undefined) known.delete(oldest)
  return fields
}

function collectFields(document: PdfDocument, view: number): readonly PdfField[] {
  const form = document.entries(document.catalogue(view).entries.get('AcroForm'), view)
  const fields: PdfField[] = []
  const seen = new Set<number>()
  const visit = (at: PdfValue, above: Inherited): void => {
    // A field that is no object of its own cannot be told from another after a change.
    if (!isKind(at, 'reference')) throw new MalformedError('value-invalid', 0, 'field')
    if (above.depth > depthMax) throw new MalformedError('too-deep', 0, 'fields')
    const dictionary = document.resolve(at, view)
    if (!isKind(dictionary, 'dictionary')) return
    if (seen.has(at.number)) throw new MalformedError('value-invalid', 0, 'field twice')
    if (seen.size >= fieldsMax) throw new MalformedError('too-many', 0, 'fields')
    seen.add(at.number)
    const own = inherit(document, dictionary, above, view)
    const kids = document.items(dictionary.entries.get('Kids'), view)
    const below = kids.filter(each => document.entries(each, view).has('T'))
    const isTerminal = below.length === 0
    const widgets = isTerminal ? kids.filter(each => isKind(each, 'reference')) : []
    const isWidget = nameOf(dictionary.entries.get('Subtype')) === 'Widget'
    const { name, type, value } = own
    fields.push({
      name,
      at,
      dictionary,
      type,
      value,
      isTerminal,
      widgets: isWidget ? [at, ...widgets] : widgets,
    })
    for (const each of below) visit(each, own)
  }
  for (const each of document.items(form.get('Fields'), view)) {
    visit(each, { name: '', type: undefined, value: null, depth: 0 })
  }
  return fields
}

function inherit(
  document: PdfDocument,
  { entries }: PdfDictionary,
  above: Inherited,
  view: number,
): Inherited {
  const part = textOf(document.resolve(entries.get('T'), view)) ?? ''
  return {
    name: above.name === '' || part === '' ? above.name + part : `${above.name}.${part}`,
    type: nameOf(document.resolve(entries.get('FT'), view)) ?? above.type,
    value: entries.get('V') ?? above.value,
    depth: above.depth + 1,
  }
}
