/**
 * Whether a certificate of any PKI may be relied on: a path to an anchor (RFC 5280 §6.1) on which nothing is revoked (§6.3, RFC 6960).
 * Where a certificate on one path is revoked or its status unknown, another path is looked for: a bridge or a renewed authority offers several.
 */
import type { Certificate } from './certificate.ts'
import type { OcspLimits } from './ocsp-judgement.ts'
import { type PathDemands, type VerifiedPath, verifyPath } from './path.ts'
import { type Reason, rankOf, type Verdict } from './reason.ts'
import { judgeRevocation, type RevocationEvidence, withListsParsed } from './revocation.ts'

/** All that decides, everything in any order. */
export interface CertificateDemands extends Omit<PathDemands, 'admit'> {
  /** Revocation lists, of whatever issuer and kind. */
  readonly lists: readonly Uint8Array[]
  /** OCSP responses, to requests without nonce. */
  readonly responses: readonly Uint8Array[]
  readonly ocspLimits: OcspLimits
  /** Whose status is judged: of every certificate but the anchor, of the leaf alone, of none at the caller's own danger. */
  readonly revocation: 'required' | 'leaf' | 'danger-off'
}

/**
 * Judges a certificate. A pass holds the path and the policies that hold along it. Signers of lists are looked for among `intermediates` as well
 * as authorities. Of several failures the highest-ranked is told.
 */
export function validateCertificate(
  leaf: Certificate,
  demands: CertificateDemands,
): Verdict<VerifiedPath> {
  if (demands.revocation === 'danger-off') return verifyPath(leaf, demands)
  const evidences = new Map<Certificate, RevocationEvidence>()
  const evidenceFor = (anchor: Certificate): RevocationEvidence => {
    const evidence = evidences.get(anchor) ?? collected(leaf, anchor, demands)
    evidences.set(anchor, evidence)
    return evidence
  }
  let best: Rejection | undefined
  const admit = (path: VerifiedPath): Reason | undefined => {
    const found = firstRejection(path, evidenceFor(path.anchor), demands)
    if (found === undefined) return undefined
    if (best === undefined || rankOf(found.reasons[0].code) > rankOf(best.reasons[0].code)) {
      best = found
    }
    return found.reasons[0]
  }
  const verdict = verifyPath(leaf, { ...demands, admit })
  // The same with all its reasons.
  const told = verdict.kind === 'passed' ? undefined : verdict.reasons[0]
  return best !== undefined && told === best.reasons[0] ? best : verdict
}

type Rejection = Exclude<Verdict<never>, { readonly kind: 'passed' }>

function collected(
  leaf: Certificate,
  anchor: Certificate,
  { lists, responses, ocspLimits: limits, intermediates }: CertificateDemands,
): RevocationEvidence {
  const signers = { anchor, certificates: [leaf, ...intermediates] }
  return withListsParsed({ kind: 'collected', lists, responses, limits, signers })
}

function firstRejection(
  path: VerifiedPath,
  evidence: RevocationEvidence,
  { at, keys, revocation }: CertificateDemands,
): Rejection | undefined {
  const judged = revocation === 'leaf' ? [path.leaf] : path.certificates
  for (const [i, certificate] of judged.entries()) {
    const issuer = path.certificates[i + 1] ?? path.anchor
    const found = judgeRevocation(certificate, issuer, { at, evidence, keys })
    if (found.kind !== 'passed') return found
  }
  return undefined
}
