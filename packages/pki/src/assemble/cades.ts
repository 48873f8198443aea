/**
 * Makes CAdES baseline signatures of level B and T (ETSI EN 319 122-1 §6) in two steps, so that a card can sign in
 * between: `prepareCades` gives what is to be signed, `finish` takes the signature.
 */
import { hashOf, type SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { contentTypes, parseSignedData } from '../cms.ts'
import { attributeIds } from '../cms-attribute.ts'
import { digest, importPublicKey } from '../crypto.ts'
import { bytesEqual } from '../der.ts'
import { time } from '../der-writer.ts'
import type { Instant } from '../reason.ts'
import { encodeHashAlgorithm } from '../algorithm.ts'
import {
  encodeAttribute,
  encodeSignedAttributes,
  encodeSignedData,
  encodeSigner,
  partsOf,
  withSigner,
  withUnsignedAttributes,
} from './signed-data.ts'

/** The document: in the container, beside it, or beside it and known by its hash alone. */
export type CadesContent =
  | { readonly kind: 'attached'; readonly bytes: Uint8Array }
  | { readonly kind: 'detached'; readonly bytes: Uint8Array }
  /** The hash is by the algorithm that the signature uses. */
  | { readonly kind: 'detached-hash'; readonly hash: Uint8Array }

/** What a signature is to be. */
export interface CadesRequest {
  readonly content: CadesContent
  readonly certificate: Certificate
  /** Certificates to put in besides: those of authorities. */
  readonly certificates: readonly Certificate[]
  readonly algorithm: SignatureAlgorithm
  /** The time that the signer claims (required by the baseline). */
  readonly signingTime: Instant
}

/** A signature that lacks only the signature. */
export interface PreparedCades {
  /** The DER SET OF signed attributes: sign this, hashing included. */
  readonly toBeSigned: Uint8Array
  /** Hash of `toBeSigned`, for a card that is given a DigestInfo (`encodeDigestInfo`). */
  readonly digest: Uint8Array
  /** The finished container. Throws `RangeError` when the signature is not one of the certificate's key. */
  finish(signature: Uint8Array): Uint8Array
}

/** Prepares a CAdES-B signature. Throws `RangeError` for a hash of the wrong length. */
export function prepareCades(request: CadesRequest): PreparedCades {
  const { certificate, algorithm, content } = request
  const hash = hashOf(algorithm)
  const contentDigest =
    content.kind === 'detached-hash' ? content.hash : digest(hash, content.bytes)
  if (contentDigest.length !== digest(hash, new Uint8Array()).length) {
    throw new RangeError('hash length')
  }
  const toBeSigned = encodeSignedAttributes({
    contentType: contentTypes.data,
    contentDigest,
    certificate,
    more: [encodeAttribute(attributeIds.signingTime, time(request.signingTime))],
  })
  return prepared(certificate, algorithm, toBeSigned, signer =>
    encodeSignedData({
      contentType: contentTypes.data,
      content: content.kind === 'attached' ? content.bytes : undefined,
      digestAlgorithms: [encodeHashAlgorithm(hash)],
      certificates: [certificate, ...request.certificates].map(each => each.raw),
      crls: [],
      ocspResponses: [],
      signers: [signer],
    }),
  )
}

/** What is to be signed, and the container that `build` makes of the signer when it has been. */
export function prepared(
  certificate: Certificate,
  algorithm: SignatureAlgorithm,
  toBeSigned: Uint8Array,
  build: (signer: Uint8Array) => Uint8Array,
): PreparedCades {
  return {
    toBeSigned,
    digest: digest(hashOf(algorithm), toBeSigned),
    finish: signature => {
      if (!importPublicKey(certificate.spki).verify(algorithm, toBeSigned, signature)) {
        throw new RangeError('the signature is not one of this certificate over these attributes')
      }
      return build(
        encodeSigner({ certificate, algorithm, signedAttributes: toBeSigned, signature }),
      )
    },
  }
}

/**
 * Adds a signature time-stamp to a signer (by position in the container), which makes level T. The token is put in as it
 * is: judge it first (`judgeTimeStamp`). Throws `MalformedError` for a container that is none, `RangeError` for a signer
 * that is not there, or when the container holds what would be lost.
 */
export function addSignatureTimeStamp(
  cms: Uint8Array,
  position: number,
  token: Uint8Array,
): Uint8Array {
  const stamp = encodeAttribute(attributeIds.signatureTimeStamp, token)
  return withSigner(parseSignedData(cms), position, each => withUnsignedAttributes(each, [stamp]))
}

/**
 * One container with the signers of both, who must have signed the same content in the same way. Throws `RangeError`
 * when they have not or something would be lost, `MalformedError` for a container that is none.
 */
export function joinSigners(first: Uint8Array, second: Uint8Array): Uint8Array {
  const a = parseSignedData(first)
  const b = parseSignedData(second)
  const isSame =
    a.contentType === b.contentType &&
    (a.content === undefined
      ? b.content === undefined
      : b.content !== undefined && bytesEqual(a.content, b.content))
  if (!isSame) throw new RangeError('the containers hold different content')
  const one = partsOf(a)
  const two = partsOf(b)
  return encodeSignedData({
    contentType: one.contentType,
    content: one.content,
    digestAlgorithms: [...one.digestAlgorithms, ...two.digestAlgorithms],
    certificates: [...one.certificates, ...two.certificates],
    crls: [...one.crls, ...two.crls],
    ocspResponses: [...one.ocspResponses, ...two.ocspResponses],
    signers: [...one.signers, ...two.signers],
  })
}
