/**
 * Makes CAdES signatures last: the evidence by which they can be judged later (level LT), archive time-stamps over all of it
 * (level LTA, ETSI EN 319 122-1 §5.5), and counter-signatures.
 */
import {
  encodeHashAlgorithm,
  type HashName,
  hashOf,
  type SignatureAlgorithm,
} from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { parseSignedData } from '../cms.ts'
import { archiveInput, hashIndexOf } from '../cms-archive.ts'
import { attributeIds } from '../cms-attribute.ts'
import { digest } from '../crypto.ts'
import { time } from '../der-writer.ts'
import type { Instant } from '../reason.ts'
import { prepared, type PreparedCades } from './cades.ts'
import {
  encodeAttribute,
  encodeSignedAttributes,
  encodeSignedData,
  partsOf,
  withSigner,
  withUnsignedAttributes,
} from './signed-data.ts'

/**
 * Puts certificates, lists and OCSP responses into a container, beside those that are there: all between signer, time-stamp
 * authority and anchors makes level LT. Throws `MalformedError` for a container that is none.
 */
export function addCadesValidationData(
  cms: Uint8Array,
  more: {
    readonly certificates: readonly Certificate[]
    readonly lists: readonly Uint8Array[]
    readonly responses: readonly Uint8Array[]
  },
): Uint8Array {
  const parts = partsOf(parseSignedData(cms))
  return encodeSignedData({
    ...parts,
    certificates: [...parts.certificates, ...more.certificates.map(each => each.raw)],
    crls: [...parts.crls, ...more.lists],
    ocspResponses: [...parts.ocspResponses, ...more.responses],
  })
}

/** An archive time-stamp that lacks only the token. */
export interface PreparedArchiveStamp {
  /** The hash to be stamped, by the algorithm asked for. */
  readonly imprint: Uint8Array
  /** The finished container. The token is put in as it is: judge it first. Throws `MalformedError` for one that is none. */
  finish(token: Uint8Array): Uint8Array
}

/**
 * Prepares an archive time-stamp over all that the container holds for a signer (by position). For detached content its hash
 * by the same algorithm is needed. Throws `MalformedError`, and `RangeError` when signer or hash are not there.
 */
export function prepareArchiveTimeStamp(
  cms: Uint8Array,
  position: number,
  given: { readonly hash: HashName; readonly contentHash: Uint8Array | undefined },
): PreparedArchiveStamp {
  const { hash } = given
  const parsed = parseSignedData(cms)
  const digestAlgorithms = [...parsed.digestAlgorithms, encodeHashAlgorithm(hash)]
  const data = { ...parsed, digestAlgorithms }
  const signer = data.signers[position]
  if (signer === undefined) throw new RangeError(`no signer ${position}`)
  const contentHash = data.content === undefined ? given.contentHash : digest(hash, data.content)
  if (contentHash === undefined) throw new RangeError('the hash of the content is needed')
  const index = hashIndexOf(data, signer, hash)
  const finish = (token: Uint8Array): Uint8Array => {
    const indexed = withSigner(parseSignedData(token), 0, each =>
      withUnsignedAttributes(each, [encodeAttribute(attributeIds.hashIndexV3, index.raw)]),
    )
    const stamp = encodeAttribute(attributeIds.archiveTimeStampV3, indexed)
    return withSigner(data, position, each => withUnsignedAttributes(each, [stamp]))
  }
  return { imprint: digest(hash, archiveInput(data, signer, contentHash, index)), finish }
}

/** Prepares a signature over the signature of a signer, by position (RFC 5652 §11.4). Errors as with `prepareCades`. */
export function prepareCounterSignature(
  cms: Uint8Array,
  position: number,
  given: {
    readonly certificate: Certificate
    readonly algorithm: SignatureAlgorithm
    readonly signingTime: Instant
  },
): PreparedCades {
  const { certificate, algorithm } = given
  const data = parseSignedData(cms)
  const signer = data.signers[position]
  if (signer === undefined) throw new RangeError(`no signer ${position}`)
  const hash = hashOf(algorithm)
  const toBeSigned = encodeSignedAttributes({
    contentType: undefined,
    contentDigest: digest(hash, signer.signature),
    certificate,
    more: [encodeAttribute(attributeIds.signingTime, time(given.signingTime))],
  })
  return prepared(certificate, algorithm, toBeSigned, counter => {
    const attribute = encodeAttribute(attributeIds.counterSignature, counter)
    const parts = partsOf(data)
    return encodeSignedData({
      ...parts,
      certificates: [...parts.certificates, certificate.raw],
      signers: parts.signers.with(position, withUnsignedAttributes(signer, [attribute])),
    })
  })
}
