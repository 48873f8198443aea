/**
 * Judges the certificate of a signer: key, kind and purpose, path, revocation. Shared by bare signatures and CMS. Where
 * a time-stamp proves that the signature existed at a time, the certificate is judged for that time: see `standingOf`.
 */
import type { Certificate } from './certificate.ts'
import type { PublicKey } from './crypto.ts'
import { parseCrl, RevocationList } from './crl.ts'
import { MalformedError } from './der.ts'
import { keyUsages } from './extension.ts'
import type { KeyCache } from './key-cache.ts'
import { parseOcspResponse } from './ocsp.ts'
import { type PathBudget, type PathDemands, type VerifiedPath, verifyPath } from './path.ts'
import type { PolicyInputs } from './policy-graph.ts'
import { isPoolKey } from './pool-key.ts'
import {
  type CertificateKind,
  type CertificateProfile,
  classifyLeaf,
  isKeyAllowed,
} from './profile.ts'
import {
  type Instant,
  passed,
  type Reason,
  reason,
  rejected,
  rejectedFor,
  type Verdict,
  nonEmpty,
} from './reason.ts'
import { judgeRevocation, type NotRevoked, type RevocationEvidence } from './revocation.ts'
import type { RevocationReason } from './revocation-reason.ts'
import { checkKeyTerms, type ValidationPolicy } from './validation-policy.ts'

/** What a signer's certificate must be. */
export type SignerRules =
  | {
      /** A JPKI certificate of one kind, issued by an anchor itself. */
      readonly kind: 'profile'
      readonly profile: CertificateProfile
      readonly purpose: CertificateKind
      /** `refused` wherever anything is at stake; `danger-accepted` in a town and in tests. */
      readonly poolKeys: 'refused' | 'danger-accepted'
    }
  | {
      /** RFC 5280 alone: any certificate whose key usage, where it is limited, lets it sign. */
      readonly kind: 'standard'
      readonly policies: PolicyInputs
      /** An extended key usage that a certificate which limits its usages must allow. */
      readonly purpose: string | undefined
      /** Until when keys are accepted; undefined: as long as their size is allowed at all. */
      readonly policy?: ValidationPolicy | undefined
    }

/** All that decides. */
export interface SignerDemands {
  /** The time of judgement. */
  readonly at: Instant
  /** A time at which the signature is proven to have existed; undefined: it is known to exist only now. */
  readonly provenAt: Instant | undefined
  /**
   * Whether evidence that was fresh at the proven time serves as well (EN 319 102-1 §5.2.5). So it is for time-stamp authorities, whose
   * evidence has to be gathered before the time-stamp that proves the time is made.
   */
  readonly isFreshThenEnough?: boolean
  readonly anchors: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  readonly budget: PathBudget
  readonly keys: KeyCache
}

/** How a certificate stands: not revoked, or revoked only after the signature was proven to exist. */
export type CertificateStanding =
  | { readonly kind: 'not-revoked'; readonly notRevoked: NotRevoked }
  | { readonly kind: 'revoked-later'; readonly revokedAt: Instant }

/** Each step by itself; `standings` holds one for every certificate of the path below the anchor, leaf first. */
export interface SignerJudgement {
  readonly key: Verdict<PublicKey>
  readonly classified: Verdict<CertificateKind | undefined>
  readonly path: Verdict<VerifiedPath>
  readonly standings: Verdict<readonly CertificateStanding[]> | undefined
}

/** Takes every step that can be taken. */
export function judgeSigner(certificate: Certificate, demands: SignerDemands): SignerJudgement {
  const key = loadKey(certificate, demands.keys)
  const classified = classify(certificate, key, demands.rules)
  const path = withinTerms(findPath(certificate, classified, demands), demands)
  const standings = path.kind === 'passed' ? standingsOf(path.value, demands) : undefined
  if (standings === undefined || standings.kind === 'passed') {
    return { key, classified, path, standings }
  }
  const other = otherPath(certificate, classified, demands)
  return { key, classified, path, standings, ...other }
}

// A path on which every certificate stands; of JPKI's certificates there is one path at most.
function otherPath(
  certificate: Certificate,
  classified: Verdict<CertificateKind | undefined>,
  demands: SignerDemands,
): Pick<SignerJudgement, 'path' | 'standings'> | undefined {
  if (demands.rules.kind === 'profile') return undefined
  let standings: Verdict<readonly CertificateStanding[]> | undefined
  const admit = (path: VerifiedPath): Reason | undefined => {
    const outdated = withinTerms(passed(path), demands)
    if (outdated.kind !== 'passed') return outdated.reasons[0]
    standings = standingsOf(path, demands)
    return standings.kind === 'passed' ? undefined : standings.reasons[0]
  }
  const path = findPath(certificate, classified, demands, admit)
  return path.kind === 'passed' ? { path, standings } : undefined
}

/** A signer about whom nothing was found wrong. */
export interface GoodSigner {
  readonly certificate: Certificate
  readonly kind: CertificateKind | undefined
  readonly path: VerifiedPath
  readonly standings: readonly CertificateStanding[]
}

/** The verdict on a signature: what was found wrong with it otherwise, then with its signer. */
export function concludeSigner(
  certificate: Certificate,
  judged: SignerJudgement,
  reasons: readonly Reason[],
): Verdict<GoodSigner> {
  const { key, classified, path, standings } = judged
  const isGood =
    reasons.length === 0 &&
    key.kind === 'passed' &&
    classified.kind === 'passed' &&
    path.kind === 'passed' &&
    standings?.kind === 'passed'
  if (isGood) {
    const kind = classified.value
    return passed({ certificate, kind, path: path.value, standings: standings.value })
  }
  const found = [key, classified, path, standings].flatMap(each =>
    each === undefined || each.kind === 'passed' ? [] : each.reasons,
  )
  return rejected(nonEmpty([...reasons, ...found], reason('signature-bad')))
}

/** The rejection that several verdicts amount to; at least one of them must have rejected. */
export function collect(verdicts: readonly (Verdict<unknown> | undefined)[]): Verdict<never> {
  const reasons: Reason[] = []
  for (const each of verdicts) {
    if (each !== undefined && each.kind !== 'passed') reasons.push(...each.reasons)
  }
  const [first, ...rest] = reasons
  if (first === undefined) throw new Error('nothing was wrong')
  return rejected([first, ...rest])
}

/** The verdict that a malformed certificate amounts to; other errors are thrown on. */
export function malformedCertificate(error: unknown): Verdict<never> {
  if (error instanceof MalformedError) {
    return rejected([reason('certificate-malformed', { detail: error.code })])
  }
  throw error
}

function loadKey(certificate: Certificate, keys: KeyCache): Verdict<PublicKey> {
  try {
    return passed(certificate.publicKey(keys))
  } catch (error) {
    if (error instanceof MalformedError)
      return rejectedFor('key-unacceptable', { detail: error.code })
    throw error
  }
}

// Kind, purpose and key of the leaf.
function classify(
  certificate: Certificate,
  key: Verdict<PublicKey>,
  rules: SignerRules,
): Verdict<CertificateKind | undefined> {
  try {
    if (rules.kind === 'standard') {
      const usage = certificate.keyUsage
      const isSigning = usage === undefined || (usage & signingUsages) !== 0
      return isSigning ? passed(undefined) : rejectedFor('key-usage-unacceptable')
    }
    const classified = classifyLeaf(certificate, rules.profile)
    if (classified.kind !== 'passed') return classified
    const { kind } = classified.value.leaf
    if (key.kind !== 'passed') return passed(kind)
    if (kind !== rules.purpose) {
      return rejectedFor('wrong-purpose', { certificate: kind, purpose: rules.purpose })
    }
    if (rules.poolKeys === 'refused' && isPoolKey(certificate.spki)) {
      return rejectedFor('key-test-only')
    }
    const { facts } = key.value
    if (!isKeyAllowed(facts, rules.profile))
      return rejectedFor('key-unacceptable', { kind: facts.kind })
    return passed(kind)
  } catch (error) {
    return malformedCertificate(error)
  }
}

function findPath(
  certificate: Certificate,
  classified: Verdict<CertificateKind | undefined>,
  demands: SignerDemands,
  admit?: PathDemands['admit'],
): Verdict<VerifiedPath> {
  const { rules } = demands
  const isProfile = rules.kind === 'profile'
  return verifyPath(certificate, {
    at: demands.provenAt ?? demands.at,
    anchors: demands.anchors,
    // JPKI has one tier: the leaf's issuer is an anchor.
    intermediates: isProfile ? [] : demands.intermediates,
    policies: isProfile ? profilePolicies(rules.profile, classified) : rules.policies,
    purpose: isProfile ? undefined : rules.purpose,
    keyUsage: 0,
    keys: demands.keys,
    budget: demands.budget,
    ...(admit === undefined ? {} : { admit }),
  })
}

// Citizens' keys are the profile's business: the authority changes them for all at once.
function withinTerms(path: Verdict<VerifiedPath>, demands: SignerDemands): Verdict<VerifiedPath> {
  const { rules } = demands
  if (path.kind !== 'passed' || rules.kind !== 'standard' || rules.policy === undefined) return path
  const { certificates, anchor } = path.value
  const at = demands.provenAt ?? demands.at
  const outdated = checkKeyTerms([...certificates, anchor], at, rules.policy, demands.keys)
  return outdated === undefined ? path : rejected([outdated])
}

// The policy that makes the kind must hold all the way.
function profilePolicies(
  profile: CertificateProfile,
  classified: Verdict<CertificateKind | undefined>,
): PolicyInputs {
  const kind = classified.kind === 'passed' ? classified.value : undefined
  const known = knownPolicies.get(profile) ?? new Map<CertificateKind | undefined, PolicyInputs>()
  knownPolicies.set(profile, known)
  const inputs = known.get(kind) ?? {
    acceptable: profile.leaves
      .filter(each => kind === undefined || each.kind === kind)
      .flatMap(each => each.policies),
    isExplicitRequired: true,
    isMappingInhibited: true,
    isAnyInhibited: true,
  }
  known.set(kind, inputs)
  return inputs
}

const knownPolicies = new WeakMap<
  CertificateProfile,
  Map<CertificateKind | undefined, PolicyInputs>
>()

function standingsOf(
  path: VerifiedPath,
  demands: SignerDemands,
): Verdict<readonly CertificateStanding[]> {
  const standings: CertificateStanding[] = []
  for (const certificate of path.certificates) {
    const issuer = path.certificates[standings.length + 1] ?? path.anchor
    const found = standingOf(certificate, issuer, demands)
    if (found.kind !== 'passed') return found
    standings.push(found.value)
  }
  return passed(standings)
}

/**
 * Without a proven time: not revoked by evidence that is fresh now. With one: not revoked by evidence that is fresh now
 * or at the end of the certificate, or that was issued between the proven time and then (or was fresh at the proven time, where that
 * is enough); or revoked after the proven
 * time for a reason that does not throw doubt on the key. Evidence from before the proven time that is no longer fresh
 * proves nothing: a revocation may have been on its way.
 */
function standingOf(
  certificate: Certificate,
  issuer: Certificate,
  demands: SignerDemands,
): Verdict<CertificateStanding> {
  const { provenAt } = demands
  const judge = (at: Instant): Verdict<NotRevoked> =>
    judgeRevocation(certificate, issuer, {
      at,
      evidence: demands.revocation,
      keys: demands.keys,
    })
  const now = judge(demands.at)
  if (provenAt === undefined) return standing(now)
  // A list may drop a certificate once it has ended, so that its silence afterwards means nothing.
  const end = Math.min(demands.at, certificate.notAfter)
  const isEnded = end < demands.at
  if (now.kind === 'failed') return revokedLater(now, provenAt)
  if (now.kind === 'passed' && !isEnded) return standing(now)
  let best = now.kind === 'passed' ? rejectedFor('revocation-missing', { at: end }) : now
  for (const at of [
    ...(isEnded ? [end] : []),
    ...issueTimes(certificate, demands, provenAt, end),
    ...(demands.isFreshThenEnough === true ? [provenAt] : []),
  ]) {
    const then = judge(at)
    if (then.kind === 'failed') return revokedLater(then, provenAt)
    if (then.kind === 'passed') return standing(then)
    best = then
  }
  return best
}

function standing(found: Verdict<NotRevoked>): Verdict<CertificateStanding> {
  return found.kind === 'passed' ? passed({ kind: 'not-revoked', notRevoked: found.value }) : found
}

function revokedLater(
  found: Verdict<never> & { readonly kind: 'failed' },
  provenAt: Instant,
): Verdict<CertificateStanding> {
  const [first, ...others] = found.reasons
  const { revokedAt, reason: why } = first.evidence
  const isLater =
    others.length === 0 &&
    first.code === 'certificate-revoked' &&
    typeof revokedAt === 'number' &&
    revokedAt > provenAt &&
    typeof why === 'string' &&
    !doubtful.has(why)
  return isLater ? passed({ kind: 'revoked-later', revokedAt }) : found
}

// Times at which evidence at hand was issued, from `from` to `to`, newest first.
function issueTimes(
  certificate: Certificate,
  demands: SignerDemands,
  from: Instant,
  to: Instant,
): readonly Instant[] {
  const { revocation } = demands
  const times: Instant[] = []
  try {
    if (revocation.kind === 'ocsp') times.push(...producedAt(revocation.response))
    if (revocation.kind === 'collected') times.push(...revocation.responses.flatMap(producedAt))
    if (revocation.kind === 'crls' || revocation.kind === 'collected') {
      for (const each of revocation.lists) {
        const list = readList(each)
        if (list?.issuer.matches(certificate.issuer)) times.push(list.thisUpdate)
      }
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
  }
  const within = times.filter(each => each >= from && each <= to)
  return [...new Set(within)].sort((a, b) => b - a).slice(0, issueTimesMax)
}

function producedAt(encoded: Uint8Array): readonly Instant[] {
  try {
    const response = parseOcspResponse(encoded)
    return response.kind === 'basic' ? [response.producedAt] : []
  } catch (error) {
    if (error instanceof MalformedError) return []
    throw error
  }
}

function readList(given: RevocationList | Uint8Array): RevocationList | undefined {
  if (given instanceof RevocationList) return given
  try {
    return parseCrl(given)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

const signingUsages = keyUsages.digitalSignature | keyUsages.nonRepudiation
/** Every time costs one judgement by all lists, so that hostile lists must not buy many. */
const issueTimesMax = 4
// The day that a list gives is when the loss was reported, not when it happened.
const doubtful: ReadonlySet<string> = new Set<RevocationReason>([
  'unspecified',
  'keyCompromise',
  'caCompromise',
  'aaCompromise',
])
