/** A time-stamp authority: its certificate, tokens and responses (RFC 3161). */
import {
  encodeHashAlgorithm,
  hashOf,
  type HashName,
  type SignatureAlgorithm,
} from '../algorithm.ts'
import { encodeSignedAttributes, encodeSignedData, encodeSigner } from '../assemble/signed-data.ts'
import type { Certificate } from '../certificate.ts'
import { contentTypes } from '../cms.ts'
import { digest } from '../crypto.ts'
import {
  element,
  generalizedTime,
  integer,
  objectIdentifier,
  octetString,
  retag,
  sequence,
} from '../der-writer.ts'
import { contextPrimitive, tags } from '../der.ts'
import { keyUsages, purposes } from '../extension.ts'
import { attributeTypes, encodeName } from '../name.ts'
import type { Instant } from '../reason.ts'
import { extension, issueCertificate, keyIdentifier, type Signer } from './certificate.ts'
import type { ResponderRequest } from './jpki.ts'

/** What a token says. */
export interface TimeStampContent {
  /** The authority's policy, dotted. */
  readonly policy: string
  readonly hash: HashName
  /** Hash of what is stamped. */
  readonly value: Uint8Array
  /** Big-endian, unsigned. */
  readonly serial: Uint8Array
  /** The time told, to the millisecond. */
  readonly at: Instant
  readonly accuracyMs: number | undefined
  /** INTEGER content, as the request had it. */
  readonly nonce: Uint8Array | undefined
}

/** Who stamps. */
export interface TimeStampAuthority {
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  readonly sign: Signer
}

/** A certificate for time-stamping alone (RFC 3161 §2.3). */
export function issueTimeStampCertificate(request: ResponderRequest): Uint8Array {
  const { issuer } = request
  return issueCertificate(
    {
      serial: request.serial,
      issuer: issuer.certificate.subject,
      subject: encodeName([
        [attributeTypes.country, 'JP'],
        [attributeTypes.commonName, request.commonName],
      ]),
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      spki: request.spki,
      extensions: [
        extension.keyUsage(keyUsages.digitalSignature),
        extension.extendedKeyUsage([purposes.timeStamping], true),
        extension.authorityKeyIdentifier(keyIdentifier(issuer.certificate.spki)),
        extension.subjectKeyIdentifier(keyIdentifier(request.spki)),
      ],
    },
    issuer.algorithm,
    issuer.sign,
  )
}

/** Encodes and signs a token, with the authority's certificate in it. */
export function issueTimeStampToken(
  content: TimeStampContent,
  authority: TimeStampAuthority,
): Uint8Array {
  const { certificate, algorithm } = authority
  const info = encodeInfo(content)
  const signedAttributes = encodeSignedAttributes({
    contentType: contentTypes.timeStampInfo,
    contentDigest: digest(hashOf(algorithm), info),
    certificate,
    more: [],
  })
  const signature = authority.sign(algorithm, signedAttributes)
  return encodeSignedData({
    contentType: contentTypes.timeStampInfo,
    content: info,
    digestAlgorithms: [encodeHashAlgorithm(hashOf(algorithm))],
    certificates: [certificate.raw],
    crls: [],
    ocspResponses: [],
    signers: [encodeSigner({ certificate, algorithm, signedAttributes, signature })],
  })
}

/** A response that grants a token. */
export function issueTimeStampResponse(token: Uint8Array): Uint8Array {
  return sequence(sequence(integer(0)), token)
}

/** A response that refuses (PKIStatus 2, rejection). */
export function issueTimeStampRefusal(): Uint8Array {
  return sequence(sequence(integer(2)))
}

function encodeInfo(content: TimeStampContent): Uint8Array {
  const { accuracyMs, nonce } = content
  return sequence(
    integer(1),
    objectIdentifier(content.policy),
    sequence(encodeHashAlgorithm(content.hash), octetString(content.value)),
    integer(content.serial),
    encodeTime(content.at),
    ...(accuracyMs === undefined ? [] : [encodeAccuracy(accuracyMs)]),
    ...(nonce === undefined ? [] : [element(tags.integer, nonce)]),
  )
}

// RFC 3161 §2.4.2: a fraction only where it is not zero, and then without trailing zeros.
function encodeTime(at: Instant): Uint8Array {
  const milliseconds = ((at % 1000) + 1000) % 1000
  const whole = generalizedTime(at - milliseconds)
  if (milliseconds === 0) return whole
  const fraction = `.${String(milliseconds).padStart(3, '0').replace(/0+$/, '')}Z`
  return element(tags.generalizedTime, whole.subarray(2, 16), new TextEncoder().encode(fraction))
}

function encodeAccuracy(accuracyMs: number): Uint8Array {
  const seconds = Math.floor(accuracyMs / 1000)
  const millis = accuracyMs % 1000
  return sequence(
    ...(seconds === 0 ? [] : [integer(seconds)]),
    ...(millis === 0 ? [] : [retag(contextPrimitive(0), integer(millis))]),
  )
}
