/**
 * A document and the form in which a card signs it: what is to be signed, and the file that comes of it. Reader and platform
 * both make it of the same document, certificate and time, so that the reader signs what it has computed itself.
 */
import { hashOf, type SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { digest, importPublicKey } from '../crypto.ts'
import type { Instant } from '../reason.ts'
import { prepareAsic } from './asic.ts'
import { prepareCades } from './cades.ts'
import { prepareJades } from './jades.ts'
import { preparePades } from './pades.ts'
import { patched } from './pdf-update.ts'
import { prepareXades } from './xades.ts'

/**
 * `raw`: the bytes of the document, and the file is the signature alone. `cades`: a container around the document. `xades`: XML
 * around the document. `pades`: the document itself, a PDF. `jades`: JSON around the document. `asice`: a ZIP with the document and an
 * XML signature beside it.
 */
export type SignatureFormat = 'raw' | 'cades' | 'xades' | 'pades' | 'jades' | 'asice'

/** A document, who signs it, and when the signer says so. */
export interface DocumentToSign {
  readonly format: SignatureFormat
  readonly document: Uint8Array
  readonly mediaType: string
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  readonly signingTime: Instant
}

/** A document that lacks only the signature. */
export interface PreparedDocument {
  readonly toBeSigned: Uint8Array
  /** Hash of `toBeSigned` by the algorithm, for a card that is given a DigestInfo. */
  readonly digest: Uint8Array
  /** The signed file. Throws `RangeError` when the signature is not one of the certificate's key. */
  finish(signature: Uint8Array): Uint8Array
}

/** Prepares a document. Throws `MalformedError` or `RangeError` for one that cannot be signed in this form. */
export function prepareDocument(given: DocumentToSign): PreparedDocument {
  const { format, document, mediaType, certificate, algorithm, signingTime } = given
  const common = { certificate, certificates: [], algorithm, signingTime }
  switch (format) {
    case 'raw':
      return bare(given)
    case 'cades':
      return prepareCades({ ...common, content: { kind: 'attached', bytes: document } })
    case 'xades':
      return prepareXades({
        ...common,
        content: { kind: 'enveloping', bytes: document, mimeType: mediaType },
        canonicalForm: 'exclusive',
      })
    case 'pades': {
      // No dot, which would make it a field in a field.
      const field = `Signature ${Math.floor(signingTime / 1000)}`
      const prepared = preparePades({ ...common, pdf: document, field })
      return {
        ...prepared,
        finish: signature => patched(document, prepared.finish(signature)),
      }
    }
    case 'jades':
      return prepareJades({
        ...common,
        content: { kind: 'attached', bytes: document, contentType: mediaType },
        serialization: 'flattened',
      })
    case 'asice':
      return prepareAsic({
        ...common,
        content: {
          kind: 'new',
          files: [{ name: asicDocument, bytes: document, mimeType: mediaType }],
        },
        format: 'xades',
      })
    default:
      return format satisfies never
  }
}

/** Name of the document in an ASiC-E container that is made here, and of its signature. */
export const asicDocument = 'document'
/** Name of the file with the signature in a container that is made here. */
export const asicSignature = 'META-INF/signatures001.xml'

function bare({ document, certificate, algorithm }: DocumentToSign): PreparedDocument {
  return {
    toBeSigned: document,
    digest: digest(hashOf(algorithm), document),
    finish: signature => {
      if (!importPublicKey(certificate.spki).verify(algorithm, document, signature)) {
        throw new RangeError('the signature is not one of this certificate over this document')
      }
      return signature
    },
  }
}
