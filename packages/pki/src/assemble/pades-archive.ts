/**
 * What keeps a signed PDF verifiable: the security store (PAdES-LT) and document time-stamps (PAdES-LTA), each an update to
 * be appended (ETSI EN 319 142-1 §5.4, §6).
 */
import type { HashName } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { bytesEqual } from '../der.ts'
import type { ByteSource } from '../pdf/byte-source.ts'
import { readSecurityStore } from '../pdf/security-store.ts'
import { array, dictionary, isKind, name, withEntries } from '../pdf/value.ts'
import { parseTimeStampToken } from '../time-stamp.ts'
import { addSlot, isAmong, openUnencrypted } from './pades.ts'
import { placeSignature } from './pdf-field.ts'
import { type PdfPatch, PdfUpdate } from './pdf-update.ts'

/** Certificates of all paths, and evidence that none of them is revoked. */
export interface PdfValidationData {
  readonly certificates: readonly Certificate[]
  /** Revocation lists, encoded. */
  readonly lists: readonly Uint8Array[]
  /** OCSP responses, encoded. */
  readonly responses: readonly Uint8Array[]
}

/**
 * Adds to the security store what is not in it yet. It is put in as it is: what it is worth the one who verifies decides.
 * Throws `MalformedError` for a file that is none, `RangeError` when it is encrypted.
 */
export function addPdfValidationData(
  pdf: ByteSource | Uint8Array,
  data: PdfValidationData,
): PdfPatch {
  const document = openUnencrypted(pdf)
  const view = document.newest
  const present = readSecurityStore(document, view)
  const update = new PdfUpdate(document)
  const given = document.catalogue(view).entries.get('DSS')
  const store = document.dictionary(given, view) ?? dictionary({})
  const merged = (key: string, known: readonly Uint8Array[], more: readonly Uint8Array[]) => {
    const before = document.items(store.entries.get(key), view)
    const added = more
      .filter((each, i) => !isAmong(known, each) && !isAmong(more.slice(0, i), each))
      .map(each => update.addStream(each))
    return before.length + added.length === 0 ? {} : { [key]: array([...before, ...added]) }
  }
  const certificates = data.certificates.map(each => each.raw)
  const changed = withEntries(store, {
    ...merged('Certs', present.certificates, certificates),
    ...merged('CRLs', present.lists, data.lists),
    ...merged('OCSPs', present.responses, data.responses),
  })
  if (isKind(given, 'reference')) update.set(given, changed)
  else update.changeCatalogue({ DSS: update.add(changed) })
  return update.encode().patch
}

/** A document time-stamp that lacks only the token. */
export interface PreparedPdfTimeStamp {
  /** What the token must be about: the hash of all that it will cover. */
  readonly hash: HashName
  readonly value: Uint8Array
  /** The update to append. Throws `RangeError` when the token is about something else or too large, `MalformedError` when it is none. */
  finish(token: Uint8Array): PdfPatch
}

/** A token with three certificates has some 6 kB. */
const tokenBytesUsual = 16 * 1024

/**
 * Prepares a document time-stamp in a new field that shows nothing. Throws `MalformedError` for a file that is none,
 * `RangeError` where the document does not allow it.
 */
export function preparePdfTimeStamp(request: {
  readonly pdf: ByteSource | Uint8Array
  readonly field: string
  readonly hash: HashName
  /** Bytes kept for the token; undefined: enough for one of usual size. */
  readonly tokenBytesMax?: number | undefined
}): PreparedPdfTimeStamp {
  const { hash } = request
  const update = new PdfUpdate(openUnencrypted(request.pdf))
  const entries = {
    Type: name('DocTimeStamp'),
    Filter: name('Adobe.PPKLite'),
    SubFilter: name('ETSI.RFC3161'),
  }
  const slot = addSlot(update, entries, request.tokenBytesMax ?? tokenBytesUsual)
  placeSignature(update, request.field, slot.at, 'time-stamp')
  const { patch, contentDigest: value } = slot.layOut(hash)
  return {
    hash,
    value,
    finish: token => {
      const { imprint } = parseTimeStampToken(token).info
      if (imprint.hash !== hash || !bytesEqual(imprint.value, value)) {
        throw new RangeError('the token is about something else')
      }
      return slot.fill(patch, token)
    },
  }
}
