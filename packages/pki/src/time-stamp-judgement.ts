/** Judges RFC 3161 time-stamp tokens: what they stamp, who signed them, and whether that authority is trusted now. */
import type { Certificate } from './certificate.ts'
import { checkSigner, type CmsContent, cmsPathBudget, readCertificates } from './cms-signer.ts'
import { digest } from './crypto.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { purposes } from './extension.ts'
import { integerContent } from './der-writer.ts'
import type { KeyCache } from './key-cache.ts'
import {
  type Instant,
  passed,
  type Reason,
  reason,
  rejected,
  rejectedFor,
  type Verdict,
} from './reason.ts'
import { type RevocationEvidence, withListsParsed, withMore } from './revocation.ts'
import { collect, judgeSigner } from './signer-certificate.ts'
import type { ValidationPolicy } from './validation-policy.ts'
import { parseTimeStampToken, type TimeStampInfo, type TimeStampToken } from './time-stamp.ts'

/** Which time-stamp authorities are trusted. */
export interface TimeStampTrust {
  readonly anchors: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  /** Evidence for every certificate between the authority and its anchor. */
  readonly revocation: RevocationEvidence
  /** Until when keys of authorities are accepted; undefined: as long as their size is allowed at all. */
  readonly policy?: ValidationPolicy | undefined
}

/** The same trust with what a signed file brings along. */
export function trustWith(
  given: TimeStampTrust,
  held: {
    readonly certificates: readonly Certificate[]
    readonly lists: readonly Uint8Array[]
    readonly responses: readonly Uint8Array[]
  },
): TimeStampTrust {
  return {
    ...given,
    intermediates: [...given.intermediates, ...held.certificates],
    revocation: withListsParsed(withMore(given.revocation, held)),
  }
}

/** What a token is judged by. */
export interface TimeStampDemands {
  readonly token: Uint8Array
  /** What it must be about. */
  readonly stamped: CmsContent
  /** The nonce of our request, unsigned; undefined: none was sent. */
  readonly nonce: Uint8Array | undefined
  /** The time of judgement: the authority's certificate must be good then as well as when it stamped. */
  readonly at: Instant
  /**
   * A time at which the token is proven to have existed, by a later token over it: the authority's certificate is then
   * judged for that time, as a signer's is. Undefined: it is known to exist only now.
   */
  readonly provenAt?: Instant | undefined
  readonly trust: TimeStampTrust
  readonly keys: KeyCache
}

/** A token found good. */
export interface ValidTimeStamp {
  readonly info: TimeStampInfo
  readonly certificate: Certificate
  /**
   * The latest time that the token allows, which is what it tells plus how far that may be off, but not after the time of
   * judgement: what was stamped existed by then.
   */
  readonly provenAt: Instant
}

/**
 * Judges a token. The authority's certificate must be for time-stamping alone, critically so (RFC 3161 §2.3), and must
 * be bound by the signature (§2.4.1, RFC 5816). A token that outlives its authority's certificate needs a later one over it
 * (`provenAt`). NOT done: the authority's policy, which the caller reads in `info`.
 */
export function judgeTimeStamp(demands: TimeStampDemands): Verdict<ValidTimeStamp> {
  let token: TimeStampToken
  try {
    token = parseTimeStampToken(demands.token)
  } catch (error) {
    if (error instanceof MalformedError)
      return rejectedFor('time-stamp-malformed', { detail: error.code })
    throw error
  }
  const { data, info } = token
  const [signer] = data.signers
  if (signer === undefined || data.content === undefined) return rejectedFor('time-stamp-malformed')
  const reasons: Reason[] = checkInfo(info, demands)
  const bag = readCertificates(data.certificates)
  const found = checkSigner(signer, {
    data,
    content: { kind: 'bytes', bytes: data.content },
    certificates: [...bag, ...demands.trust.intermediates],
    isVersion1Binding: true,
    isCounterSignature: false,
    keys: demands.keys,
  })
  reasons.push(...found.reasons)
  if (!found.isCertificateProtected) {
    reasons.push(
      reason('signed-attributes-invalid', { attribute: 'signingCertificate', rule: 'missing' }),
    )
  }
  const { certificate } = found
  const unfit = certificate === undefined ? [] : checkAuthority(certificate, info, bag, demands)
  const [first, ...rest] = [...reasons, ...unfit]
  if (first !== undefined) return rejected([first, ...rest])
  if (certificate === undefined) return rejectedFor('signer-certificate-missing')
  const latest = info.at + (info.accuracyMs ?? 0)
  return passed({ info, certificate, provenAt: Math.min(latest, demands.at) })
}

function checkInfo(info: TimeStampInfo, demands: TimeStampDemands): Reason[] {
  const reasons: Reason[] = []
  if (info.hasUnknownCritical) reasons.push(reason('time-stamp-malformed', { field: 'extensions' }))
  if (info.at - (info.accuracyMs ?? 0) > demands.at + skewMs) {
    reasons.push(reason('time-stamp-in-future', { at: demands.at, told: info.at }))
  }
  const { nonce } = demands
  if (nonce !== undefined) {
    const isSame = info.nonce !== undefined && bytesEqual(info.nonce, integerContent(nonce))
    if (!isSame) reasons.push(reason('time-stamp-nonce-mismatch'))
  }
  const { hash, value } = info.imprint
  if (hash === 'weak' || hash === 'unsupported') {
    reasons.push(reason(`algorithm-${hash}`, { field: 'messageImprint' }))
    return reasons
  }
  const { stamped } = demands
  const actual = stamped.kind === 'bytes' ? digest(hash, stamped.bytes) : stamped.hashes[hash]
  if (actual === undefined) reasons.push(reason('cms-content-missing', { needed: hash }))
  else if (!bytesEqual(actual, value)) reasons.push(reason('time-stamp-imprint-mismatch'))
  return reasons
}

function checkAuthority(
  certificate: Certificate,
  info: TimeStampInfo,
  bag: readonly Certificate[],
  demands: TimeStampDemands,
): readonly Reason[] {
  const { trust, at, keys } = demands
  const reasons: Reason[] = []
  try {
    const usages = certificate.extendedKeyUsage ?? []
    const isAlone = usages.length === 1 && usages[0] === purposes.timeStamping
    if (!isAlone || !certificate.isCritical('extendedKeyUsage')) {
      reasons.push(reason('time-stamp-authority-unfit'))
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    reasons.push(reason('certificate-malformed', { detail: error.code }))
  }
  if (info.at < certificate.notBefore) {
    reasons.push(
      reason('certificate-not-yet-valid', { at: info.at, notBefore: certificate.notBefore }),
    )
  }
  const { key, classified, path, standings } = judgeSigner(certificate, {
    at,
    provenAt: demands.provenAt,
    isFreshThenEnough: true,
    anchors: trust.anchors,
    intermediates: [...trust.intermediates, ...bag],
    revocation: trust.revocation,
    rules: {
      kind: 'standard',
      policies: anyPolicies,
      purpose: purposes.timeStamping,
      policy: trust.policy,
    },
    budget: cmsPathBudget,
    keys,
  })
  const verdicts = [key, classified, path, standings]
  if (verdicts.some(each => each !== undefined && each.kind !== 'passed')) {
    const found = collect(verdicts)
    if (found.kind !== 'passed') reasons.push(...found.reasons)
  }
  return reasons
}

/** How far an authority's clock may run ahead of ours, as with OCSP (`ocspLimits`). */
const skewMs = 60_000

const anyPolicies = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
} as const
