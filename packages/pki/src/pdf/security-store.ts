/** The document security store: certificates and revocation evidence that a PDF brings along (ETSI EN 319 142-1 §5.4.2). */
import { crlBytesMax } from '../crl.ts'
import { MalformedError } from '../der.ts'
import type { PdfDocument } from './document.ts'
import { isKind, type PdfValue } from './value.ts'

/** What a store holds, unparsed. */
export interface SecurityStore {
  readonly certificates: readonly Uint8Array[]
  readonly lists: readonly Uint8Array[]
  readonly responses: readonly Uint8Array[]
}

/** Most entries of each kind: ten signers, each with path, responders and time-stamp authority, renewed several times. */
const entriesMax = 256
/** A certificate or an OCSP response with its certificates. */
const smallBytesMax = 256 * 1024

/**
 * Reads the store as of a revision, the parts that it keeps for single signatures included. What cannot be read is passed
 * over: it is evidence that is missing, not a document that is broken.
 */
export function readSecurityStore(document: PdfDocument, view: number): SecurityStore {
  try {
    const store = document.entries(document.catalogue(view).entries.get('DSS'), view)
    const own = document.entries(store.get('VRI'), view)
    const related = [...own.values()].slice(0, entriesMax).map(each => document.entries(each, view))
    const all = (key: string, relatedKey: string): readonly PdfValue[] => [
      ...document.items(store.get(key), view),
      ...related.flatMap(each => document.items(each.get(relatedKey), view)),
    ]
    return {
      certificates: readStreams(document, all('Certs', 'Cert'), view, smallBytesMax),
      lists: readStreams(document, all('CRLs', 'CRL'), view, crlBytesMax),
      responses: readStreams(document, all('OCSPs', 'OCSP'), view, smallBytesMax),
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return { certificates: [], lists: [], responses: [] }
  }
}

function readStreams(
  document: PdfDocument,
  values: readonly PdfValue[],
  view: number,
  sizeMax: number,
): readonly Uint8Array[] {
  const found = new Map<number, Uint8Array>()
  // All of a kind together may be as large as one list.
  let left = Math.max(crlBytesMax, sizeMax)
  for (const at of values) {
    if (!isKind(at, 'reference') || found.has(at.number)) continue
    if (found.size >= entriesMax) break
    try {
      const stream = document.object(at, view)
      if (!isKind(stream, 'stream')) continue
      const bytes = document.streamBytes(stream, view, Math.min(sizeMax, left))
      left -= bytes.length
      found.set(at.number, bytes)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
  }
  return [...found.values()]
}
