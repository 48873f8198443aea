/**
 * What makes a signed file last, the same for every form: a time-stamp, the evidence by which it can be judged later, and
 * archive time-stamps over both before keys and authorities age (ETSI EN 319 102-1 §5.6).
 */
import { readZip } from '../archive/zip.ts'
import type { Certificate } from '../certificate.ts'
import { parseSignedData } from '../cms.ts'
import { digest } from '../crypto.ts'
import { changeAsicFile } from './asic.ts'
import { addSignatureTimeStamp } from './cades.ts'
import { addCadesValidationData, prepareArchiveTimeStamp } from './cades-archive.ts'
import { asicDocument, asicSignature, type SignatureFormat } from './document.ts'
import { addJadesTimeStamp, addJadesValidationData, jadesToBeStamped } from './jades.ts'
import { addPdfValidationData, preparePdfTimeStamp } from './pades-archive.ts'
import { patched } from './pdf-update.ts'
import {
  addXmlSignatureTimeStamp,
  addXmlValidationData,
  prepareXmlArchiveTimeStamp,
  xmlSignatureToBeStamped,
} from './xades-unsigned.ts'

/** Forms that hold more than the signature. */
export type LastingFormat = Exclude<SignatureFormat, 'raw'>

/** A time-stamp that lacks only the token. */
export interface PreparedStamp {
  /** SHA-256 of what is to be stamped. */
  readonly imprint: Uint8Array
  /** The file with the token in it. It is put in as it is: judge it first. Throws `MalformedError` for one that is none. */
  finish(token: Uint8Array): Uint8Array
}

/** Evidence, encoded. */
export interface LastingEvidence {
  readonly certificates: readonly Certificate[]
  readonly lists: readonly Uint8Array[]
  readonly responses: readonly Uint8Array[]
}

/** A time-stamp over the signature of a file with one signer. Throws `MalformedError` for a file that is none. */
export function prepareFirstStamp(format: LastingFormat, file: Uint8Array): PreparedStamp {
  switch (format) {
    case 'cades': {
      const [signer] = parseSignedData(file).signers
      if (signer === undefined) throw new RangeError('no signer')
      const imprint = digest('sha256', signer.signature)
      return { imprint, finish: token => addSignatureTimeStamp(file, 0, token) }
    }
    case 'xades': {
      const imprint = digest('sha256', xmlSignatureToBeStamped(file, 0))
      return { imprint, finish: token => addXmlSignatureTimeStamp(file, 0, token) }
    }
    case 'pades':
      return pdfStamp(file)
    case 'jades': {
      const imprint = digest('sha256', jadesToBeStamped(file, 0))
      return { imprint, finish: token => addJadesTimeStamp(file, 0, token) }
    }
    case 'asice': {
      const inner = prepareFirstStamp('xades', signatureIn(file))
      return { imprint: inner.imprint, finish: token => withSignature(file, inner.finish(token)) }
    }
    default:
      return format satisfies never
  }
}

/** A time-stamp over all that the file holds by now; undefined: this form has none. Throws as `prepareFirstStamp`. */
export function prepareArchiveStamp(
  format: LastingFormat,
  file: Uint8Array,
): PreparedStamp | undefined {
  switch (format) {
    case 'cades':
      return prepareArchiveTimeStamp(file, 0, { hash: 'sha256', contentHash: undefined })
    case 'xades': {
      const { toBeStamped, finish } = prepareXmlArchiveTimeStamp(file, 0, new Map())
      return { imprint: digest('sha256', toBeStamped), finish }
    }
    case 'pades':
      return pdfStamp(file)
    case 'jades':
      return undefined
    case 'asice': {
      const files = new Map([[asicDocument, { kind: 'bytes', bytes: documentIn(file) } as const]])
      const { toBeStamped, finish } = prepareXmlArchiveTimeStamp(signatureIn(file), 0, files)
      return {
        imprint: digest('sha256', toBeStamped),
        finish: token => withSignature(file, finish(token)),
      }
    }
    default:
      return format satisfies never
  }
}

/** The file with evidence in it, beside what is there. Throws `MalformedError` for a file that is none. */
export function withEvidence(
  format: LastingFormat,
  file: Uint8Array,
  evidence: LastingEvidence,
): Uint8Array {
  switch (format) {
    case 'cades':
      return addCadesValidationData(file, evidence)
    case 'xades':
      return addXmlValidationData(file, 0, {
        certificates: evidence.certificates.map(each => each.raw),
        crls: evidence.lists,
        ocsps: evidence.responses,
      })
    case 'pades':
      return patched(file, addPdfValidationData(file, evidence))
    case 'jades':
      return addJadesValidationData(file, 0, {
        certificates: evidence.certificates.map(each => each.raw),
        crls: evidence.lists,
        ocsps: evidence.responses,
      })
    case 'asice':
      return withSignature(file, withEvidence('xades', signatureIn(file), evidence))
    default:
      return format satisfies never
  }
}

function signatureIn(container: Uint8Array): Uint8Array {
  return partOf(container, asicSignature)
}

function documentIn(container: Uint8Array): Uint8Array {
  return partOf(container, asicDocument)
}

function partOf(container: Uint8Array, name: string): Uint8Array {
  const found = readZip(container).find(each => each.name === name)
  if (found === undefined) throw new RangeError(`no file ${name}`)
  return found.bytes
}

function withSignature(container: Uint8Array, signature: Uint8Array): Uint8Array {
  return changeAsicFile(container, asicSignature, () => signature)
}

// Named by what it covers, so that the same file gets the same field again.
function pdfStamp(file: Uint8Array): PreparedStamp {
  const field = `TimeStamp ${file.length}`
  const prepared = preparePdfTimeStamp({ pdf: file, field, hash: 'sha256' })
  return { imprint: prepared.value, finish: token => patched(file, prepared.finish(token)) }
}
