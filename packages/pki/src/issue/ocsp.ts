/** Encodes OCSP responses (RFC 6960 §4.2). */
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { contextConstructed, contextPrimitive } from '../der.ts'
import {
  bitString,
  concat,
  element,
  enumerated,
  explicit,
  generalizedTime,
  objectIdentifier,
  octetString,
  sequence,
} from '../der-writer.ts'
import { nonceExtension, type OcspCertId } from '../ocsp.ts'
import type { Instant } from '../reason.ts'
import { type RevocationReason, reasonNumber } from '../revocation-reason.ts'
import { keyIdentifier, type Signer } from './certificate.ts'

/** The status of one certificate in a response. */
export type OcspStatus =
  | { readonly kind: 'good' }
  | { readonly kind: 'unknown' }
  | {
      readonly kind: 'revoked'
      readonly revokedAt: Instant
      readonly reason: RevocationReason
    }

/** One answer of a response. */
export interface OcspAnswerContent {
  readonly certId: OcspCertId
  readonly status: OcspStatus
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant | undefined
}

/** What a response says. */
export interface OcspResponseContent {
  readonly producedAt: Instant
  readonly answers: readonly OcspAnswerContent[]
  /** The request's nonce, to be sent back. */
  readonly nonce: Uint8Array | undefined
}

/** Who signs a response. Its certificate is put in unless it is the CA itself. */
export interface OcspResponder {
  readonly certificate: Certificate
  readonly isAuthority: boolean
  readonly algorithm: SignatureAlgorithm
  readonly sign: Signer
}

/** Encodes and signs a successful response; the responder is named by its key. */
export function issueOcspResponse(
  content: OcspResponseContent,
  responder: OcspResponder,
): Uint8Array {
  const extensions =
    content.nonce === undefined ? [] : [explicit(1, sequence(nonceExtension(content.nonce)))]
  const tbs = sequence(
    explicit(2, octetString(keyIdentifier(responder.certificate.spki))),
    generalizedTime(content.producedAt),
    sequence(...content.answers.map(encodeAnswer)),
    ...extensions,
  )
  const basic = sequence(
    tbs,
    encodeSignatureAlgorithm(responder.algorithm),
    bitString(responder.sign(responder.algorithm, tbs)),
    ...(responder.isAuthority ? [] : [explicit(0, sequence(responder.certificate.raw))]),
  )
  return sequence(
    enumerated(0),
    explicit(0, sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.1'), octetString(basic))),
  )
}

/** An unsigned refusal (RFC 6960 §4.2.1). */
export function issueOcspRefusal(
  status: 'malformedRequest' | 'internalError' | 'tryLater' | 'sigRequired' | 'unauthorized',
): Uint8Array {
  return sequence(enumerated(refusals[status]))
}

function encodeAnswer(answer: OcspAnswerContent): Uint8Array {
  return sequence(
    answer.certId.raw,
    encodeStatus(answer.status),
    generalizedTime(answer.thisUpdate),
    ...(answer.nextUpdate === undefined ? [] : [explicit(0, generalizedTime(answer.nextUpdate))]),
  )
}

function encodeStatus(status: OcspStatus): Uint8Array {
  if (status.kind === 'good') return element(contextPrimitive(0))
  if (status.kind === 'unknown') return element(contextPrimitive(2))
  const number = reasonNumber(status.reason)
  const reason = number === 0 ? new Uint8Array() : explicit(0, enumerated(number))
  return element(contextConstructed(1), concat(generalizedTime(status.revokedAt), reason))
}

const refusals = {
  malformedRequest: 1,
  internalError: 2,
  tryLater: 3,
  sigRequired: 5,
  unauthorized: 6,
} as const
