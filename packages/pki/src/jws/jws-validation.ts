/**
 * The complete judgement of JSON Web Signatures (RFC 7515, RFC 7797) and of JAdES baseline levels B, T and LT (ETSI TS 119
 * 182-1 §6): for each signature what it covers, by which certificate, whether that certificate served at the time that counts,
 * and what time-stamps prove. docs/protocol/jws.md says what is accepted.
 */
import type { SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { cmsPathBudget } from '../cms-signer.ts'
import { bytesEqual, MalformedError } from '../der.ts'
import type { KeyCache } from '../key-cache.ts'
import type { VerifiedPath } from '../path.ts'
import type { CertificateKind } from '../profile.ts'
import {
  type Instant,
  passed,
  type Reason,
  reason,
  rejected,
  rejectedFor,
  type Verdict,
  nonEmpty,
} from '../reason.ts'
import { type RevocationEvidence, withListsParsed, withMore } from '../revocation.ts'
import {
  type CertificateStanding,
  judgeSigner,
  type SignerRules,
  concludeSigner,
} from '../signer-certificate.ts'
import {
  judgeTimeStamp,
  type TimeStampTrust,
  type ValidTimeStamp,
  trustWith,
} from '../time-stamp-judgement.ts'
import { type Jws, type JwsSignature, parseJws } from './jws.ts'
import {
  checkJwsSignature,
  type JwsCovered,
  type JwsFiles,
  type JwsFindings,
} from './jws-signer.ts'

/** What a signature is, or must be at least: JWS, certificate bound (B), time proven (T), with all evidence in it (LT). */
export type JwsLevel = 'jws' | 'jades-b' | 'jades-t' | 'jades-lt'

/** All that decides. Nothing has a default. */
export interface JwsDemands {
  /** Any serialization. */
  readonly jws: Uint8Array
  /** The payload of a detached JWS; given and attached both, they must be the same. */
  readonly payload: Uint8Array | undefined
  /** Files that `sigD` may name, by the very URI. Each must be covered by each signature. */
  readonly files: JwsFiles
  readonly level: JwsLevel
  /** The time of judgement. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  /** Certificates besides those in the JWS: of signers, of authorities. */
  readonly certificates: readonly Certificate[]
  /** Where it is lists or all that is at hand, lists and OCSP responses in the JWS count as well. */
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  /** Undefined: no time-stamp authority is trusted, and no time is proven. */
  readonly timeStamps: TimeStampTrust | undefined
  readonly keys: KeyCache
}

/** What has been found good about one signature, when everything was. */
export interface ValidJwsSignature {
  readonly certificate: Certificate
  /** Undefined under rules that know no kinds. */
  readonly kind: CertificateKind | undefined
  readonly path: VerifiedPath
  /** For every certificate of the path below the anchor, leaf first. */
  readonly standings: readonly CertificateStanding[]
  readonly level: JwsLevel
  /** The earliest time at which the signature is proven to have existed; undefined: only now. */
  readonly provenAt: Instant | undefined
  readonly covered: readonly JwsCovered[]
}

/** The judgement of one signature with all that it rests on. */
export interface JwsSignatureReport {
  readonly verdict: Verdict<ValidJwsSignature>
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly level: JwsLevel
  /** What the signer says of the time, which proves nothing and decides nothing. */
  readonly claimedAt: Instant | undefined
  readonly provenAt: Instant | undefined
  /** Each signature time-stamp. One that is bad gives no time and does no harm: anyone may have added it. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
  readonly covered: readonly JwsCovered[]
}

/** The judgement of a JWS: passed when every signature passed. */
export interface JwsReport {
  readonly verdict: Verdict<readonly ValidJwsSignature[]>
  /** In the order in which they stand. */
  readonly signatures: readonly JwsSignatureReport[]
}

/** Judges a JWS and each of its signatures. Throws nothing, whatever the bytes. */
export function validateJws(given: JwsDemands): JwsReport {
  let jws: Jws
  try {
    jws = parseJws(given.jws)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return { verdict: rejectedFor('jws-malformed', { detail: error.message }), signatures: [] }
  }
  const demands = { ...given, revocation: withListsParsed(given.revocation) }
  const signatures = jws.signatures.map(each => judge(each, jws, demands))
  return { verdict: together(signatures), signatures }
}

function together(reports: readonly JwsSignatureReport[]): Verdict<readonly ValidJwsSignature[]> {
  const valid: ValidJwsSignature[] = []
  const reasons: Reason[] = []
  for (const { verdict } of reports) {
    if (verdict.kind === 'passed') valid.push(verdict.value)
    else reasons.push(...verdict.reasons)
  }
  const [first, ...rest] = reasons
  return first === undefined ? passed(valid) : rejected([first, ...rest])
}

function judge(signature: JwsSignature, jws: Jws, demands: JwsDemands): JwsSignatureReport {
  const findings = checkJwsSignature(signature, {
    payload: jws.payload,
    detached: demands.payload,
    files: demands.files,
    certificates: demands.certificates,
    keys: demands.keys,
  })
  const { certificate, algorithm, claimedAt, covered, certificates, unsigned } = findings
  // What the JWS holds counts beside the caller's.
  const trust = demands.timeStamps && trustWith(demands.timeStamps, { ...unsigned, certificates })
  const timeStamps = judgeTimeStamps(signature, findings, demands, trust)
  const provenAt = earliest(timeStamps)
  const level = levelOf(signature, findings, provenAt, demands)
  const reasons = [
    ...findings.reasons,
    ...checkFiles(findings, demands.files),
    ...checkLevel(level, demands.level),
  ]
  const report = { certificate, algorithm, level, claimedAt, provenAt, timeStamps, covered }
  if (certificate === undefined) {
    return { ...report, verdict: rejected(nonEmpty(reasons, reason('signer-certificate-missing'))) }
  }
  const judged = judgeSigner(certificate, {
    at: demands.at,
    provenAt,
    anchors: demands.anchors,
    intermediates: [...certificates, ...demands.certificates],
    revocation: withListsParsed(withMore(demands.revocation, unsigned)),
    rules: demands.rules,
    budget: cmsPathBudget,
    keys: demands.keys,
  })
  const signer = concludeSigner(certificate, judged, reasons)
  const verdict: Verdict<ValidJwsSignature> =
    signer.kind === 'passed' ? passed({ ...signer.value, level, provenAt, covered }) : signer
  return { ...report, verdict }
}

// TS 119 182-1 §5.3.4: the stamp is over the value as base64url.
function judgeTimeStamps(
  signature: JwsSignature,
  findings: JwsFindings,
  demands: JwsDemands,
  trust: TimeStampTrust | undefined,
): readonly Verdict<ValidTimeStamp>[] {
  if (trust === undefined) return []
  const bytes = new TextEncoder().encode(signature.valueText)
  const stamped = { kind: 'bytes', bytes } as const
  const { at, keys } = demands
  return findings.unsigned.timeStamps.map(token =>
    judgeTimeStamp({ token, stamped, nonce: undefined, at, trust, keys }),
  )
}

function earliest(timeStamps: readonly Verdict<ValidTimeStamp>[]): Instant | undefined {
  const times = timeStamps.flatMap(each => (each.kind === 'passed' ? [each.value.provenAt] : []))
  return times.length === 0 ? undefined : Math.min(...times)
}

function levelOf(
  signature: JwsSignature,
  findings: JwsFindings,
  provenAt: Instant | undefined,
  demands: JwsDemands,
): JwsLevel {
  if (!findings.isCertificateProtected) return 'jws'
  if (provenAt === undefined) return 'jades-b'
  return isSelfContained(signature, findings, demands) ? 'jades-lt' : 'jades-t'
}

// Whether what the JWS brings is enough, besides anchors: then it can be judged when nothing else is left.
function isSelfContained(
  signature: JwsSignature,
  findings: JwsFindings,
  demands: JwsDemands,
): boolean {
  const { certificate, certificates, unsigned } = findings
  const { timeStamps } = demands
  const isEmpty = unsigned.lists.length + unsigned.responses.length === 0
  if (certificate === undefined || timeStamps === undefined || isEmpty) return false
  const revocation = withListsParsed(withMore(noEvidence, unsigned))
  const trust = { anchors: timeStamps.anchors, intermediates: certificates, revocation }
  const provenAt = earliest(judgeTimeStamps(signature, findings, demands, trust))
  // The certificate itself may have come from the caller.
  const isHeld = certificates.some(each => bytesEqual(each.raw, certificate.raw))
  if (provenAt === undefined || !isHeld) return false
  const { path, standings } = judgeSigner(certificate, {
    at: demands.at,
    provenAt,
    anchors: demands.anchors,
    intermediates: certificates,
    revocation,
    rules: demands.rules,
    budget: cmsPathBudget,
    keys: demands.keys,
  })
  return path.kind === 'passed' && standings?.kind === 'passed'
}

function checkLevel(level: JwsLevel, wanted: JwsLevel): readonly Reason[] {
  const reached = levels.indexOf(level)
  if (reached >= levels.indexOf(wanted)) return []
  if (level === 'jws') return [reason('jades-certificate-unprotected')]
  return [reason(level === 'jades-b' ? 'time-stamp-missing' : 'validation-data-missing')]
}

// A file beside a JWS that is about something else must not pass as signed.
function checkFiles(findings: JwsFindings, files: JwsFiles): readonly Reason[] {
  if (findings.contentReasons.length > 0) return []
  const left = [...files.keys()].filter(
    uri => !findings.covered.some(({ target }) => target.kind === 'file' && target.uri === uri),
  )
  return left.length === 0 ? [] : [reason('jws-partly-covered', { uris: left })]
}

const noEvidence: RevocationEvidence = { kind: 'crls', lists: [] }
const levels: readonly JwsLevel[] = ['jws', 'jades-b', 'jades-t', 'jades-lt']
