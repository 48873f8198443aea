/** Puts a signature into a form: into a field that waits for one, or into a new one that shows nothing. */
import type { PdfDocument } from '../pdf/document.ts'
import { type PdfField, readFields } from '../pdf/form-field.ts'
import { type PdfSignature, readSignatures } from '../pdf/signature-dictionary.ts'
import {
  array,
  countOf,
  dictionary,
  isKind,
  name,
  type PdfDictionary,
  type PdfReference,
  type PdfValue,
  withEntries,
} from '../pdf/value.ts'
import { type PdfUpdate, textString } from './pdf-update.ts'

/** §12.5.3: printed, and not to be moved. */
const widgetFlags = 4 | 128
/** §12.7.3: signatures exist, and the file is to be appended to only. */
const signatureFlags = 1 | 2
/** Deepest page tree that is walked down to the first page. */
const pageDepthMax = 64

/**
 * Makes `value` the value of the signature field of this name. A new field is invisible and lies on the first page. Throws
 * `RangeError` when the field is of another type or signed, or a signature in the document forbids it.
 */
export function placeSignature(
  update: PdfUpdate,
  field: string,
  value: PdfReference,
  kind: PdfSignature['kind'],
  more: Readonly<Record<string, PdfValue>> = {},
): void {
  const { document } = update
  const view = document.newest
  const known = readFields(document, view).find(each => each.name === field)
  // Time-stamps may be added to whatever is certified (ISO 32000-2 §12.8.2.2.2).
  if (kind === 'signature') checkPermitted(document, field, known)
  if (known === undefined) {
    const added = addField(update, field, value, more)
    withForm(update, form => {
      const fields = document.items(form.entries.get('Fields'), view)
      return { Fields: array([...fields, added]) }
    })
    return
  }
  const isFree =
    known.type === 'Sig' && known.isTerminal && document.resolve(known.value, view) === null
  if (!isFree) throw new RangeError(`the field ${field} does not wait for a signature`)
  update.set(known.at, withEntries(known.dictionary, { V: value, ...more }))
  withForm(update, () => ({}))
}

// Sets entries of the form, and that there are signatures.
function withForm(
  update: PdfUpdate,
  entries: (form: PdfDictionary) => Readonly<Record<string, PdfValue>>,
): void {
  const { document } = update
  const given = document.catalogue(document.newest).entries.get('AcroForm')
  const form = document.dictionary(given, document.newest) ?? dictionary({})
  const flags = countOf(document.resolve(form.entries.get('SigFlags'), document.newest)) ?? 0
  const changed = withEntries(form, { ...entries(form), SigFlags: flags | signatureFlags })
  if (isKind(given, 'reference')) update.set(given, changed)
  else update.changeCatalogue({ AcroForm: changed })
}

// What a signature forbids is not done, because it would make that signature bad.
function checkPermitted(document: PdfDocument, field: string, known: PdfField | undefined): void {
  for (const { permissions } of readSignatures(document)) {
    if (permissions.docMdp === 1)
      throw new RangeError('the document is certified against any change')
    const isLocked = permissions.locks.some(({ action, fields }) => {
      const isNamed = fields.some(each => field === each || field.startsWith(`${each}.`))
      return action === 'all' || (action === 'include' ? isNamed : !isNamed)
    })
    if (known !== undefined && isLocked) throw new RangeError(`the field ${field} is locked`)
  }
}

function addField(
  update: PdfUpdate,
  field: string,
  value: PdfReference,
  more: Readonly<Record<string, PdfValue>>,
): PdfReference {
  if (field === '' || field.includes('.'))
    throw new RangeError('a new field has a name without full stops')
  const { document } = update
  const view = document.newest
  const page = firstPage(document)
  const added = update.add(
    dictionary({
      Type: name('Annot'),
      Subtype: name('Widget'),
      FT: name('Sig'),
      T: textString(field),
      V: value,
      Rect: array([0, 0, 0, 0]),
      F: widgetFlags,
      P: page.at,
      ...more,
    }),
  )
  const given = page.value.entries.get('Annots')
  const annotations = array([...document.items(given, view), added])
  if (isKind(given, 'reference')) update.set(given, annotations)
  else update.set(page.at, withEntries(page.value, { Annots: annotations }))
  return added
}

function firstPage(document: PdfDocument): {
  readonly at: PdfReference
  readonly value: PdfDictionary
} {
  const view = document.newest
  let at: PdfValue | undefined = document.catalogue(view).entries.get('Pages')
  for (let depth = 0; depth < pageDepthMax; depth++) {
    const value = document.resolve(at, view)
    if (!isKind(at, 'reference') || !isKind(value, 'dictionary')) break
    const kids = document.resolve(value.entries.get('Kids'), view)
    if (!isKind(kids, 'array')) return { at, value }
    at = kids.items[0]
  }
  throw new RangeError('the document has no page')
}
