/**
 * Makes PAdES baseline signatures (ETSI EN 319 142-1 §6) in two steps, so that a card can sign in between: `preparePades`
 * gives what is to be signed, `finish` takes the signature. What is made is an update to be appended; the file itself is
 * read in pieces and may be of any size.
 */
import { encodeHashAlgorithm, hashOf, type SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { contentTypes, parseSignedData } from '../cms.ts'
import { bytesEqual, MalformedError } from '../der.ts'
import { type ByteSource, digestRanges, type SignedRange } from '../pdf/byte-source.ts'
import { openPdf, type PdfDocument } from '../pdf/document.ts'
import { type FieldLock, type PdfSignature, readSignatures } from '../pdf/signature-dictionary.ts'
import { array, dictionary, name, type PdfReference, type PdfValue } from '../pdf/value.ts'
import type { Instant } from '../reason.ts'
import type { HashName } from '../algorithm.ts'
import { addSignatureTimeStamp, prepared, type PreparedCades } from './cades.ts'
import { placeSignature } from './pdf-field.ts'
import {
  bytesOf,
  encodeValue,
  extended,
  type PdfPatch,
  PdfUpdate,
  textString,
} from './pdf-update.ts'
import { encodeSignedAttributes, encodeSignedData } from './signed-data.ts'

/** What a signature is to be. */
export interface PadesRequest {
  readonly pdf: ByteSource | Uint8Array
  /** Name of the field: one that waits for a signature, or a new one, which shows nothing. */
  readonly field: string
  readonly certificate: Certificate
  /** Certificates to put in besides: those of authorities. */
  readonly certificates: readonly Certificate[]
  readonly algorithm: SignatureAlgorithm
  /** The time that the signer claims (required by the baseline, outside the container). */
  readonly signingTime: Instant
  readonly name?: string | undefined
  readonly reason?: string | undefined
  readonly location?: string | undefined
  readonly contact?: string | undefined
  /**
   * Makes it a certification, which only the first signature can be: nothing may change afterwards (1), forms may be filled
   * and signed (2), and annotated (3).
   */
  readonly docMdp?: 1 | 2 | 3 | undefined
  /** Fields that may not change afterwards. */
  readonly lock?: FieldLock | undefined
  /** Bytes kept for the container; undefined: enough for a path and a time-stamp of usual size. */
  readonly containerBytesMax?: number | undefined
}

/** A signature that lacks only the signature. */
export interface PreparedPades extends Pick<PreparedCades, 'toBeSigned' | 'digest'> {
  /**
   * The update to append. Throws `RangeError` when the signature is not one of the certificate's key, or the container is
   * larger than what was kept for it.
   */
  finish(signature: Uint8Array): PdfPatch
}

/** A signature with four certificates and a time-stamp with three has some 16 kB. */
const containerBytesUsual = 24 * 1024

/**
 * Prepares a PAdES-B signature. Throws `MalformedError` for a file that is none, `RangeError` where the document does not
 * allow what is asked, or is encrypted.
 */
export function preparePades(request: PadesRequest): PreparedPades {
  const document = openUnencrypted(request.pdf)
  const { certificate, algorithm, docMdp } = request
  if (docMdp !== undefined && readSignatures(document).length > 0) {
    throw new RangeError('only the first signature can certify')
  }
  const update = new PdfUpdate(document)
  const slot = addSlot(update, signatureEntries(request), request.containerBytesMax)
  const lock = request.lock === undefined ? {} : { Lock: lockValue(request.lock, 'SigFieldLock') }
  placeSignature(update, request.field, slot.at, 'signature', lock)
  if (docMdp !== undefined) update.changeCatalogue({ Perms: dictionary({ DocMDP: slot.at }) })
  const hash = hashOf(algorithm)
  const { patch, contentDigest } = slot.layOut(hash)
  // EN 319 142-1 §6.3: no signing time inside, because the dictionary has one.
  const toBeSigned = encodeSignedAttributes({
    contentType: contentTypes.data,
    contentDigest,
    certificate,
    more: [],
  })
  const cms = prepared(certificate, algorithm, toBeSigned, signer =>
    encodeSignedData({
      contentType: contentTypes.data,
      content: undefined,
      digestAlgorithms: [encodeHashAlgorithm(hash)],
      certificates: [certificate, ...request.certificates].map(each => each.raw),
      crls: [],
      ocspResponses: [],
      signers: [signer],
    }),
  )
  return {
    toBeSigned,
    digest: cms.digest,
    finish: signature => slot.fill(patch, cms.finish(signature)),
  }
}

/** Opens a document that is to be written to. */
export function openUnencrypted(pdf: ByteSource | Uint8Array): PdfDocument {
  const document = openPdf(pdf)
  if (document.isEncrypted) throw new RangeError('encrypted documents are not supported')
  return document
}

/** Room for a container in an update. */
export interface ContainerSlot {
  readonly at: PdfReference
  /** Encodes the update and hashes what its byte range covers. Nothing can be added to the update afterwards. */
  layOut(hash: HashName): { readonly patch: PdfPatch; readonly contentDigest: Uint8Array }
  /** The patch with the container in its place. Throws `RangeError` when it does not fit. */
  fill(patch: PdfPatch, container: Uint8Array): PdfPatch
}

/** Adds a signature dictionary with room for a container; its byte range leaves out that room and nothing else. */
export function addSlot(
  update: PdfUpdate,
  entries: Readonly<Record<string, PdfValue>>,
  containerBytesMax: number | undefined,
): ContainerSlot {
  const room = containerBytesMax ?? containerBytesUsual
  const head = bytesOf(encodeValue(dictionary(entries)).slice(0, -2))
  const contents = bytesOf(`/Contents<${'0'.repeat(2 * room)}>`)
  const rangeKey = bytesOf('/ByteRange')
  const at = update.addVerbatim([head, contents, rangeKey, bytesOf(`${' '.repeat(rangeBytes)}>>`)])
  const inBody = head.length + '/Contents'.length
  let gap = { start: 0, end: 0 }
  return {
    at,
    layOut: hash => {
      const { patch, bodies } = update.encode()
      const start = (bodies.get(at.number) ?? 0) + inBody
      gap = { start, end: start + 2 * room + 2 }
      const range: SignedRange = { gap, end: patch.offset + patch.bytes.length }
      const text = `[0 ${gap.start} ${gap.end} ${range.end - gap.end}]`.padEnd(rangeBytes)
      const rangeAt = gap.end + rangeKey.length - patch.offset
      patch.bytes.set(bytesOf(text), rangeAt)
      const [contentDigest] = digestRanges(extended(update.document.source, patch), [range], hash)
      return { patch, contentDigest: contentDigest ?? new Uint8Array() }
    },
    fill: (patch, container) => {
      const bytes = Uint8Array.from(patch.bytes)
      bytes.set(containerText(container, room), gap.start + 1 - patch.offset)
      return { offset: patch.offset, bytes }
    },
  }
}

/** Four numbers of at most ten digits. */
const rangeBytes = '[0 9999999999 9999999999 9999999999]'.length

function containerText(container: Uint8Array, room: number): Uint8Array {
  if (container.length > room)
    throw new RangeError(`the container has ${container.length} bytes, the room ${room}`)
  const digits = [...container].map(byte => byte.toString(16).padStart(2, '0')).join('')
  return bytesOf(digits.padEnd(2 * room, '0'))
}

function signatureEntries(request: PadesRequest): Readonly<Record<string, PdfValue>> {
  const references: PdfValue[] = []
  if (request.docMdp !== undefined) {
    references.push(
      transform(
        'DocMDP',
        dictionary({ Type: name('TransformParams'), P: request.docMdp, V: name('1.2') }),
      ),
    )
  }
  if (request.lock !== undefined) {
    references.push(transform('FieldMDP', lockValue(request.lock, 'TransformParams')))
  }
  const texts = {
    Name: request.name,
    Reason: request.reason,
    Location: request.location,
    ContactInfo: request.contact,
  }
  return {
    Type: name('Sig'),
    Filter: name('Adobe.PPKLite'),
    SubFilter: name('ETSI.CAdES.detached'),
    M: textString(dateOf(request.signingTime)),
    ...Object.fromEntries(
      Object.entries(texts).flatMap(([key, text]) =>
        text === undefined ? [] : [[key, textString(text)]],
      ),
    ),
    ...(references.length === 0 ? {} : { Reference: array(references) }),
  }
}

function transform(method: string, parameters: PdfValue): PdfValue {
  return dictionary({
    Type: name('SigRef'),
    TransformMethod: name(method),
    TransformParams: parameters,
  })
}

function lockValue(lock: FieldLock, type: 'SigFieldLock' | 'TransformParams'): PdfValue {
  const actions = { all: 'All', include: 'Include', exclude: 'Exclude' } as const
  return dictionary({
    Type: name(type),
    Action: name(actions[lock.action]),
    ...(lock.action === 'all' ? {} : { Fields: array(lock.fields.map(textString)) }),
    ...(type === 'TransformParams' ? { V: name('1.2') } : {}),
  })
}

/** A date as PDF writes it (ISO 32000-2 §7.9.4), to the second. */
function dateOf(at: Instant): string {
  return `D:${new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replace(/[-:T]/g, '')}`
}

/** What a signature time-stamp is over: the value of the signature in a field. Throws like `addPdfSignatureTimeStamp`. */
export function pdfSignatureToBeStamped(pdf: ByteSource | Uint8Array, field: string): Uint8Array {
  const [signer] = parseSignedData(newestSignature(pdf, field).contents).signers
  if (signer === undefined) throw new MalformedError('truncated', 0, 'signer')
  return signer.signature
}

/**
 * Puts a signature time-stamp into the container of the newest signature, which makes level T. It goes into the room that
 * the signature leaves out, so nothing signed changes. The token is put in as it is: judge it first (`judgeTimeStamp`).
 * Throws `MalformedError` for a file that is none, `RangeError` when the field holds no signature, something came after
 * it, or the room is too small.
 */
export function addPdfSignatureTimeStamp(
  pdf: ByteSource | Uint8Array,
  field: string,
  token: Uint8Array,
): PdfPatch {
  const { contents, range } = newestSignature(pdf, field)
  const stamped = addSignatureTimeStamp(contents, 0, token)
  const room = (range.gap.end - range.gap.start - 2) / 2
  return { offset: range.gap.start + 1, bytes: containerText(stamped, room) }
}

function newestSignature(
  pdf: ByteSource | Uint8Array,
  field: string,
): PdfSignature & { readonly contents: Uint8Array; readonly range: SignedRange } {
  const document = openUnencrypted(pdf)
  const found = readSignatures(document).findLast(
    each => each.field === field && each.kind === 'signature',
  )
  const { contents, range } = found ?? {}
  if (found === undefined || contents === undefined || range === undefined) {
    throw new RangeError(`no signature in the field ${field}`)
  }
  // A later signature covers this container, so that it must stay as it is.
  if (found.revision !== document.newest) throw new RangeError('something came after the signature')
  return { ...found, contents, range }
}

/** Whether two encodings are the same; for what is put in once only. */
export function isAmong(all: readonly Uint8Array[], one: Uint8Array): boolean {
  return all.some(each => bytesEqual(each, one))
}
