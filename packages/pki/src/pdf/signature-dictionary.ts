/**
 * Signatures as they stand in a PDF (ISO 32000-2 §12.8): which bytes they claim to sign, what they hold, what they permit
 * to change. Says nothing yet about who signed.
 *
 * The byte range must leave out the hexadecimal string of `/Contents`, that string alone, and reach to the end of the
 * revision in which the signature came. Everything else has been an attack: universal forgery (missing or odd entries),
 * wrapping (another range), hidden bytes in the gap or in the padding.
 */
import { withDefiniteLengths } from '../ber.ts'
import { MalformedError } from '../der.ts'
import { type Instant, type Reason, reason } from '../reason.ts'
import { bytesAt, type SignedRange } from './byte-source.ts'
import type { PdfDocument } from './document.ts'
import { type PdfField, readFields } from './form-field.ts'
import { isSpace } from './lexer.ts'
import { countOf, isKind, nameOf, type PdfDictionary, type PdfValue, textOf } from './value.ts'

/** Most signatures and document time-stamps of one file. */
const signaturesMax = 128

/** What the signer says of itself. Nothing of it is proven, and it decides nothing. */
export interface PdfClaims {
  readonly at: Instant | undefined
  readonly name: string | undefined
  readonly reason: string | undefined
  readonly location: string | undefined
  readonly contact: string | undefined
}

/** Fields that may not change any more. */
export interface FieldLock {
  readonly action: 'all' | 'include' | 'exclude'
  readonly fields: readonly string[]
}

/** What a signature permits to happen after it (§12.8.2.2, §12.8.2.4, §12.7.5.5). */
export interface PdfPermissions {
  /** 1 nothing, 2 filling forms and signing, 3 annotating as well; undefined: it does not say. */
  readonly docMdp: 1 | 2 | 3 | undefined
  readonly locks: readonly FieldLock[]
}

/** A signature or a document time-stamp. */
export interface PdfSignature {
  readonly kind: 'signature' | 'time-stamp'
  readonly field: string
  /** Object numbers of the field and of the signature dictionary; undefined: it has none. */
  readonly fieldNumber: number
  readonly number: number | undefined
  /** The revision that brought it, counted from 0. */
  readonly revision: number
  readonly subFilter: string | undefined
  /** Undefined when something is wrong with it. */
  readonly range: SignedRange | undefined
  /** The container without its padding. */
  readonly contents: Uint8Array | undefined
  readonly claims: PdfClaims
  readonly permissions: PdfPermissions
  /** What is wrong with its form. */
  readonly reasons: readonly Reason[]
}

/** Every signature that any revision brought, oldest first, also those that a later revision took away. */
export function readSignatures(document: PdfDocument): readonly PdfSignature[] {
  const found: PdfSignature[] = []
  const seen = new Set<string>()
  for (let view = 0; view <= document.newest; view++) {
    for (const field of readFields(document, view)) {
      if (field.type !== 'Sig' || !field.isTerminal) continue
      if (document.resolve(field.value, view) === null) continue
      const value = isKind(field.value, 'reference') ? field.value.number : 'direct'
      const key = `${field.at.number} ${value}`
      if (seen.has(key)) continue
      seen.add(key)
      if (found.length >= signaturesMax) throw new MalformedError('too-many', 0, 'signatures')
      found.push(readSignature(document, field, view))
    }
  }
  return found
}

function readSignature(document: PdfDocument, field: PdfField, view: number): PdfSignature {
  const value = document.resolve(field.value, view)
  const { entries } = isKind(value, 'dictionary') ? value : { entries: new Map<string, PdfValue>() }
  const subFilter = nameOf(document.resolve(entries.get('SubFilter'), view))
  const type = nameOf(document.resolve(entries.get('Type'), view))
  const located = locate(document, field.value, entries, view)
  const { range, contents } = 'reasons' in located ? noRange : located
  return {
    kind: type === 'DocTimeStamp' || subFilter === 'ETSI.RFC3161' ? 'time-stamp' : 'signature',
    field: field.name,
    fieldNumber: field.at.number,
    number: isKind(field.value, 'reference') ? field.value.number : undefined,
    revision: view,
    subFilter,
    range,
    contents,
    claims: readClaims(document, entries, view),
    permissions: readPermissions(document, field.dictionary, entries, view),
    reasons: 'reasons' in located ? located.reasons : [],
  }
}

const noRange = { range: undefined, contents: undefined }

type Located =
  | { readonly range: SignedRange; readonly contents: Uint8Array }
  | { readonly reasons: readonly Reason[] }

function locate(
  document: PdfDocument,
  at: PdfValue,
  entries: ReadonlyMap<string, PdfValue>,
  view: number,
): Located {
  const incomplete = (entry: string): Located => ({
    reasons: [reason('pdf-signature-incomplete', { entry })],
  })
  const broken = (rule: string): Located => ({
    reasons: [reason('pdf-byte-range-invalid', { rule })],
  })
  // Inside an object stream the bytes of the contents would not be in the file as such.
  if (!isKind(at, 'reference') || document.entry(at.number, view)?.kind !== 'offset') {
    return incomplete('V')
  }
  // Both must stand in the dictionary itself: what is referred to could be exchanged.
  const contents = entries.get('Contents')
  if (!isKind(contents, 'string') || contents.bytes.length === 0) return incomplete('Contents')
  const given = entries.get('ByteRange')
  if (!isKind(given, 'array')) return incomplete('ByteRange')
  const numbers = given.items.map(countOf)
  if (!numbers.every(each => each !== undefined)) return incomplete('ByteRange')
  const [start = 0, length = 0, second = 0, rest = 0] = numbers
  if (numbers.length !== 4) return broken('count')
  if (start !== 0) return broken('start')
  const isGap = contents.isHex && length === contents.start && second === contents.end
  // Nothing but digits: what would be skipped as white space could hide something.
  if (!isGap || contents.end - contents.start !== 2 * contents.bytes.length + 2)
    return broken('gap')
  const end = second + rest
  if (!isEndOfRevision(document, end, view)) return broken('end')
  const container = withoutPadding(contents.bytes)
  if (container === undefined) return broken('padding')
  return { range: { gap: { start: contents.start, end: contents.end }, end }, contents: container }
}

// With or without the end of line after %%EOF; in the newest revision with what white space there is.
function isEndOfRevision(document: PdfDocument, end: number, view: number): boolean {
  const revision = document.revisions[view]
  if (revision === undefined || end < revision.endOfMark) return false
  if (end <= revision.end) return true
  if (view !== document.newest || end > document.source.length) return false
  return bytesAt(document.source, revision.end, end - revision.end).every(isSpace)
}

/** The one element at the beginning, after which only zeros may follow; undefined: something else does. */
function withoutPadding(bytes: Uint8Array): Uint8Array | undefined {
  const end = endOfElement(bytes)
  if (end === undefined || end > bytes.length) return undefined
  return bytes.subarray(end).every(byte => byte === 0) ? bytes.subarray(0, end) : undefined
}

function endOfElement(bytes: Uint8Array): number | undefined {
  const first = bytes[1] ?? 0
  if (first < 0x80) return 2 + first
  if (first > 0x80) {
    let length = 0
    for (let i = 0; i < (first & 0x7f); i++) length = length * 256 + (bytes[2 + i] ?? 0)
    return 2 + (first & 0x7f) + length
  }
  // An indefinite length ends where its element ends, which only reading it tells.
  try {
    withDefiniteLengths(bytes)
    return bytes.length
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return error.code === 'trailing-bytes' ? error.offset : undefined
  }
}

function readClaims(
  document: PdfDocument,
  entries: ReadonlyMap<string, PdfValue>,
  view: number,
): PdfClaims {
  const text = (key: string): string | undefined => textOf(document.resolve(entries.get(key), view))
  return {
    at: readDate(text('M')),
    name: text('Name'),
    reason: text('Reason'),
    location: text('Location'),
    contact: text('ContactInfo'),
  }
}

/** A date as PDF writes it (§7.9.4); undefined: it is none, or not of this calendar. */
function readDate(text: string | undefined): Instant | undefined {
  const found =
    /^D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z(?:00'?(?:00'?)?)?|([+-])(\d\d)'?(?:(\d\d)'?)?)?$/.exec(
      text ?? '',
    )
  if (found === null) return undefined
  const part = (i: number, missing: number): number => Number(found[i] ?? missing)
  const numbers = [
    part(1, 0),
    part(2, 1) - 1,
    part(3, 1),
    part(4, 0),
    part(5, 0),
    part(6, 0),
  ] as const
  const at = Date.UTC(...numbers)
  const back = new Date(at)
  const isReal =
    back.getUTCMonth() === numbers[1] &&
    back.getUTCDate() === numbers[2] &&
    numbers[3] < 24 &&
    numbers[4] < 60
  const offsetMs = (part(8, 0) * 60 + part(9, 0)) * 60_000
  return isReal ? at - (found[7] === '-' ? -offsetMs : offsetMs) : undefined
}

function readPermissions(
  document: PdfDocument,
  field: PdfDictionary,
  entries: ReadonlyMap<string, PdfValue>,
  view: number,
): PdfPermissions {
  const levels: (1 | 2 | 3)[] = []
  const locks: FieldLock[] = []
  for (const each of document.items(entries.get('Reference'), view)) {
    const made = document.entries(each, view)
    const method = nameOf(document.resolve(made.get('TransformMethod'), view))
    const parameters = document.entries(made.get('TransformParams'), view)
    if (method === 'DocMDP') levels.push(levelOf(document.resolve(parameters.get('P'), view), 2))
    if (method === 'FieldMDP') locks.push(lockOf(document, parameters, view))
  }
  const lock = document.dictionary(field.entries.get('Lock'), view)
  if (lock !== undefined) {
    locks.push(lockOf(document, lock.entries, view))
    // PDF 2.0: a lock may say a level as well.
    if (lock.entries.has('P'))
      levels.push(levelOf(document.resolve(lock.entries.get('P'), view), 1))
  }
  const [first, ...others] = levels
  const docMdp = others.reduce((least, each) => (each < (least ?? each) ? each : least), first)
  return { docMdp, locks }
}

// A level that nobody knows permits nothing.
function levelOf(value: PdfValue, missing: 1 | 2): 1 | 2 | 3 {
  if (value === null) return missing
  return value === 2 || value === 3 ? value : 1
}

function lockOf(
  document: PdfDocument,
  entries: ReadonlyMap<string, PdfValue>,
  view: number,
): FieldLock {
  const action = nameOf(document.resolve(entries.get('Action'), view))
  const fields = document
    .items(entries.get('Fields'), view)
    .map(each => textOf(document.resolve(each, view)) ?? '')
  if (action === 'Include') return { action: 'include', fields }
  // An action that nobody knows locks everything.
  return action === 'Exclude' ? { action: 'exclude', fields } : { action: 'all', fields: [] }
}
