/** Encodes SignedData and its parts (RFC 5652 §5) as DER. */
import { encodeHashAlgorithm, encodeSignatureAlgorithm, hashOf } from '../algorithm.ts'
import type { SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { type CmsSigner, contentTypes, ocspResponseFormat, type SignedData } from '../cms.ts'
import { attributeIds } from '../cms-attribute.ts'
import { digest } from '../crypto.ts'
import { bytesEqual, contextConstructed } from '../der.ts'
import {
  explicit,
  integer,
  objectIdentifier,
  octetString,
  retag,
  sequence,
  setOf,
} from '../der-writer.ts'

/** The parts of a container, each encoded. */
export interface SignedDataParts {
  readonly contentType: string
  readonly content: Uint8Array | undefined
  readonly digestAlgorithms: readonly Uint8Array[]
  readonly certificates: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly ocspResponses: readonly Uint8Array[]
  readonly signers: readonly Uint8Array[]
}

/** Encodes ContentInfo { SignedData }; what occurs twice in a set is written once. */
export function encodeSignedData(parts: SignedDataParts): Uint8Array {
  const { contentType, content } = parts
  const certificates = unique(parts.certificates)
  const responses = parts.ocspResponses.map(each =>
    explicit(1, objectIdentifier(ocspResponseFormat), each),
  )
  const crls = unique([...parts.crls, ...responses])
  // RFC 5652 §5.1: 5 with OCSP responses; 3 when the content is not plain data, or a signer is named by its key (version 3).
  const isPlain = contentType === contentTypes.data && parts.signers.every(isVersion1)
  const signed = sequence(
    integer(responses.length > 0 ? 5 : isPlain ? 1 : 3),
    setOf(...unique(parts.digestAlgorithms)),
    sequence(
      objectIdentifier(contentType),
      ...(content === undefined ? [] : [explicit(0, octetString(content))]),
    ),
    ...(certificates.length === 0 ? [] : [retag(contextConstructed(0), setOf(...certificates))]),
    ...(crls.length === 0 ? [] : [retag(contextConstructed(1), setOf(...crls))]),
    setOf(...parts.signers),
  )
  return sequence(objectIdentifier(contentTypes.signedData), explicit(0, signed))
}

/** Encodes a SignerInfo that names its certificate by issuer and serial. `signedAttributes` is the SET OF that was signed. */
export function encodeSigner(signer: {
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  readonly signedAttributes: Uint8Array
  readonly signature: Uint8Array
}): Uint8Array {
  const { certificate, algorithm } = signer
  return sequence(
    integer(1),
    sequence(certificate.issuer.raw, integer(certificate.serial)),
    encodeHashAlgorithm(hashOf(algorithm)),
    retag(contextConstructed(0), signer.signedAttributes),
    encodeSignatureAlgorithm(algorithm),
    octetString(signer.signature),
  )
}

/** Encodes one attribute. */
export function encodeAttribute(id: string, ...values: readonly Uint8Array[]): Uint8Array {
  return sequence(objectIdentifier(id), setOf(...values))
}

/**
 * The signed attributes that every signature of ours has, as the SET OF that is signed: content type, digest of the
 * content, and the certificate (signingCertificateV2 with SHA-256, issuer and serial); then those given.
 */
export function encodeSignedAttributes(given: {
  /** Undefined for counter-signatures, which have none. */
  readonly contentType: string | undefined
  readonly contentDigest: Uint8Array
  readonly certificate: Certificate
  readonly more: readonly Uint8Array[]
}): Uint8Array {
  const { certificate, contentType } = given
  const named = sequence(
    octetString(digest('sha256', certificate.raw)),
    sequence(sequence(explicit(4, certificate.issuer.raw)), integer(certificate.serial)),
  )
  return setOf(
    ...(contentType === undefined
      ? []
      : [encodeAttribute(attributeIds.contentType, objectIdentifier(contentType))]),
    encodeAttribute(attributeIds.messageDigest, octetString(given.contentDigest)),
    encodeAttribute(attributeIds.signingCertificateV2, sequence(sequence(named))),
    ...given.more,
  )
}

/** The parts of a parsed container, to be encoded again. Throws `RangeError` when something would be lost. */
export function partsOf(data: SignedData): SignedDataParts {
  if (data.hasOthers) throw new RangeError('attribute certificates and the like are not kept')
  return { ...data, signers: data.signers.map(each => each.raw) }
}

/** The container with another encoding of one of its signers, by position. Throws `RangeError` when there is none. */
export function withSigner(
  data: SignedData,
  position: number,
  change: (signer: CmsSigner) => Uint8Array,
): Uint8Array {
  if (data.signers[position] === undefined) throw new RangeError(`no signer ${position}`)
  const signers = data.signers.map((each, i) => (i === position ? change(each) : each.raw))
  return encodeSignedData({ ...partsOf(data), signers })
}

/** A signer, encoded, with more unsigned attributes. */
export function withUnsignedAttributes(
  signer: CmsSigner,
  added: readonly Uint8Array[],
): Uint8Array {
  const present = signer.unsignedAttributes.map(each => each.raw)
  return sequence(signer.core, retag(contextConstructed(1), setOf(...present, ...added)))
}

function contentOf(encoded: Uint8Array): Uint8Array {
  const length = encoded[1] ?? 0
  return encoded.subarray(length < 0x80 ? 2 : 2 + (length & 0x7f))
}

// The version is the first element inside the SEQUENCE.
function isVersion1(signer: Uint8Array): boolean {
  return contentOf(signer)[2] === 1
}

function unique(all: readonly Uint8Array[]): readonly Uint8Array[] {
  return all.filter((each, i) => all.findIndex(other => bytesEqual(other, each)) === i)
}
