/** Judges a certificate by an OCSP response: the acceptance checklist of RFC 6960 §3.2. */
import { signatureAlgorithm } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { constantTimeEqual } from './crypto.ts'
import type { RevocationSource } from './crl-judgement.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { keyUsages, purposes } from './extension.ts'
import type { KeyCache } from './key-cache.ts'
import {
  certIdMatches,
  keyHash,
  type OcspAnswer,
  type OcspResponse,
  parseOcspResponse,
} from './ocsp.ts'
import { checkIssued } from './path.ts'
import { type Instant, passed, type Reason, reason, rejected, type Verdict } from './reason.ts'

/** How old a response may be. */
export interface OcspLimits {
  /** How far a responder's clock may run ahead of ours. */
  readonly skewMs: number
  /** Oldest thisUpdate that is accepted, whatever nextUpdate says. */
  readonly ageMsMax: number
}

/**
 * Limits for JPKI: responders take new data every 15 minutes (jpki.md §2.5), so an answer older than two such rounds
 * is not news. One minute of skew: servers keep time by NTP.
 */
export const ocspLimits: OcspLimits = { skewMs: 60_000, ageMsMax: 30 * 60_000 }

/**
 * Limits for responders of any CA, where nextUpdate decides. Ten days: the longest that the CA/Browser Forum's Baseline Requirements (§4.9.10)
 * let a response live.
 */
export const generalOcspLimits: OcspLimits = { skewMs: 5 * 60_000, ageMsMax: 10 * 86_400_000 }

/** What a response is judged by. */
export interface OcspDemands {
  readonly response: Uint8Array
  readonly at: Instant
  /** The nonce of our request, which must come back; undefined: we sent none, and the limits alone keep replays out. */
  readonly nonce: Uint8Array | undefined
  readonly limits: OcspLimits
  readonly keys: KeyCache
  /**
   * Judges a delegated responder's own certificate, which the same CA issued, where that does not say that it need not be
   * judged (RFC 6960 §4.2.2.2.1); undefined: such a responder is refused.
   */
  readonly judgeResponder?: ((responder: Certificate) => Verdict<unknown>) | undefined
}

/** Judges a certificate, whose issuer was verified, by one response. */
export function judgeByOcsp(
  certificate: Certificate,
  issuer: Certificate,
  demands: OcspDemands,
): Verdict<RevocationSource> {
  try {
    const response = parseOcspResponse(demands.response)
    if (response.kind === 'unsuccessful') {
      return rejected([reason('ocsp-unsuccessful', { status: response.status })])
    }
    // 1  The answer is about this certificate.
    const answers = response.answers.filter(each => certIdMatches(each.certId, certificate, issuer))
    const [answer] = answers
    if (answer === undefined || answers.length > 1)
      return rejected([reason('ocsp-other-certificate')])
    const found =
      // 2, 3, 4  The signature is valid, of the responder that the response names, whom the issuer authorised.
      checkResponder(response, issuer, demands) ??
      checkUnderstood(response, answer, demands.nonce) ??
      // 5, 6  The times fit.
      checkWindow(response, answer, demands)
    return found === undefined ? statusOf(answer, demands.limits) : rejected([found])
  } catch (error) {
    if (error instanceof MalformedError) {
      return rejected([reason('ocsp-malformed', { detail: error.code })])
    }
    throw error
  }
}

function checkResponder(
  response: OcspResponse,
  issuer: Certificate,
  demands: OcspDemands,
): Reason | undefined {
  const algorithm = signatureAlgorithm(response.signatureAlgorithm)
  if (algorithm === 'weak' || algorithm === 'unsupported') {
    return reason('ocsp-signature-bad', { algorithm })
  }
  const candidates = isResponder(response, issuer) ? [issuer] : []
  candidates.push(...response.certificates.filter(each => isResponder(response, each)))
  let found: Reason = reason('ocsp-responder-unauthorised')
  for (const responder of candidates) {
    const isAuthority = responder === issuer || bytesEqual(responder.spki, issuer.spki)
    const refused = isAuthority ? undefined : checkDelegate(responder, issuer, demands)
    if (refused !== undefined) {
      found = refused
      continue
    }
    const key = responder.publicKey(demands.keys)
    if (key.verify(algorithm, response.tbs, response.signature)) return undefined
    found = reason('ocsp-signature-bad')
  }
  return found
}

// RFC 6960 §4.2.2.2: issued directly by the CA, for OCSP signing, valid now; not revoked, unless id-pkix-ocsp-nocheck says that
// this need not be asked.
function checkDelegate(
  responder: Certificate,
  issuer: Certificate,
  demands: OcspDemands,
): Reason | undefined {
  const refuse = (why: string): Reason => reason('ocsp-responder-unauthorised', { why })
  if (!responder.issuer.matches(issuer.subject)) return refuse('issuer')
  if (!responder.extendedKeyUsage?.includes(purposes.ocspSigning)) return refuse('extendedKeyUsage')
  const usage = responder.keyUsage
  if (usage !== undefined && (usage & keyUsages.digitalSignature) === 0) return refuse('keyUsage')
  if (demands.at < responder.notBefore || demands.at >= responder.notAfter + 1000)
    return refuse('validity')
  if (responder.unknownExtensions.some(each => each.isCritical)) return refuse('extension')
  if (checkIssued(responder, issuer, demands.keys) !== undefined) return refuse('signature')
  if (responder.hasOcspNoCheck) return undefined
  const judged = demands.judgeResponder?.(responder)
  if (judged === undefined) return refuse('nocheck')
  return judged.kind === 'passed' ? undefined : refuse(judged.reasons[0].code)
}

function isResponder(response: OcspResponse, certificate: Certificate): boolean {
  const { responder } = response
  if (responder.kind === 'name') return responder.name.matches(certificate.subject)
  return bytesEqual(responder.hash, keyHash(certificate, 'sha1'))
}

function checkUnderstood(
  response: OcspResponse,
  answer: OcspAnswer,
  nonce: Uint8Array | undefined,
): Reason | undefined {
  if (response.hasUnknownCritical || answer.hasUnknownCritical)
    return reason('ocsp-extension-unknown')
  if (nonce === undefined) return undefined
  const isSame = response.nonce !== undefined && constantTimeEqual(response.nonce, nonce)
  return isSame ? undefined : reason('ocsp-nonce-mismatch')
}

function checkWindow(
  response: OcspResponse,
  answer: OcspAnswer,
  demands: OcspDemands,
): Reason | undefined {
  const { at, limits } = demands
  const { thisUpdate, nextUpdate } = answer
  const { producedAt } = response
  if (Math.max(thisUpdate, producedAt) > at + limits.skewMs) {
    return reason('ocsp-not-yet-valid', { at, thisUpdate, producedAt })
  }
  const end = Math.min(nextUpdate ?? Number.POSITIVE_INFINITY, thisUpdate + limits.ageMsMax)
  if (at > end) return reason('ocsp-stale', { at, thisUpdate, until: end })
  return undefined
}

function statusOf(answer: OcspAnswer, limits: OcspLimits): Verdict<RevocationSource> {
  const { thisUpdate, nextUpdate } = answer
  const until = Math.min(nextUpdate ?? Number.POSITIVE_INFINITY, thisUpdate + limits.ageMsMax)
  switch (answer.status) {
    case 'good':
      return passed({ kind: 'ocsp', thisUpdate, nextUpdate: until, number: undefined })
    case 'unknown':
      return rejected([reason('ocsp-unknown', { thisUpdate })])
    case 'revoked': {
      const why = answer.reason ?? 'unspecified'
      const code = why === 'certificateHold' ? 'certificate-held' : 'certificate-revoked'
      const revokedAt = answer.revokedAt ?? thisUpdate
      return rejected([reason(code, { reason: why, revokedAt, thisUpdate, nextUpdate: until })])
    }
    default:
      return answer.status satisfies never
  }
}
