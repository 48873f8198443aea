/**
 * As of which moments a signature may be judged (ETSI EN 319 102-1 §5.6): now, by the caller's evidence and that in the
 * file; and at each time at which a good document time-stamp proves that the file with its evidence existed. Who would
 * have accepted the signature then, by evidence that was there then, may accept it still.
 */
import type { Certificate } from '../certificate.ts'
import { cmsPathBudget } from '../cms-signer.ts'
import type { KeyCache } from '../key-cache.ts'
import { ocspLimits } from '../ocsp-judgement.ts'
import { type Instant, rankOf, type Reason, reason, rejected, type Verdict } from '../reason.ts'
import { type RevocationEvidence, withListsParsed, withMore } from '../revocation.ts'
import { judgeSigner, type SignerJudgement, type SignerRules } from '../signer-certificate.ts'
import {
  judgeTimeStamp,
  type TimeStampDemands,
  type TimeStampTrust,
  type ValidTimeStamp,
} from '../time-stamp-judgement.ts'

/** Evidence of the file as of some revision. */
export interface Evidence {
  readonly certificates: readonly Certificate[]
  readonly revocation: RevocationEvidence
  readonly lists: readonly Uint8Array[]
  readonly responses: readonly Uint8Array[]
}

/** A time, and the evidence of the file that is proven to have existed by then. */
export interface Moment {
  readonly at: Instant
  /** The revision whose time-stamp proves it; undefined: now. */
  readonly revision: number | undefined
  readonly evidence: Evidence
}

/** Evidence of a file in the form in which certificates are judged by it; answers are as fresh as the caller wants them. */
export function evidenceOf(
  given: Omit<Evidence, 'revocation'>,
  caller: RevocationEvidence,
): Evidence {
  const { lists, responses } = given
  const limits = 'limits' in caller ? caller.limits : ocspLimits
  const revocation = withListsParsed({ kind: 'collected', lists, responses, limits })
  return { ...given, revocation }
}

interface Attempt {
  readonly moment: Moment
  readonly revocation: RevocationEvidence
  /**
   * Whether evidence of the file counts, which anyone may have put there: then the authorities that sign evidence must
   * not have ended by the moment, because who has the key of an ended authority can make evidence of any date.
   */
  readonly isFromFile: boolean
}

/** The ways in which something may be judged, in the order in which they are tried. `caller` undefined: by the file alone. */
function attemptsAt(
  moments: readonly Moment[],
  caller: RevocationEvidence | undefined,
): readonly Attempt[] {
  return moments.flatMap(moment => {
    const { evidence } = moment
    const fromFile = { moment, revocation: evidence.revocation, isFromFile: true }
    if (caller === undefined || moment.revision !== undefined) return [fromFile]
    const alone = { moment, revocation: caller, isFromFile: false }
    if (evidence.lists.length + evidence.responses.length === 0) return [alone]
    if (caller.kind === 'danger-unchecked') return [alone]
    const isJoinable = caller.kind === 'crls' || caller.kind === 'collected'
    const joined = isJoinable ? withListsParsed(withMore(caller, evidence)) : evidence.revocation
    return [alone, { moment, revocation: joined, isFromFile: true }]
  })
}

/** What the certificate of a signer is judged by. */
export interface SignerAsOf {
  readonly provenAt: Instant | undefined
  readonly anchors: readonly Certificate[]
  readonly certificates: readonly Certificate[]
  /** Undefined: the evidence of the file alone. */
  readonly revocation: RevocationEvidence | undefined
  readonly rules: SignerRules
  readonly keys: KeyCache
  readonly moments: readonly Moment[]
}

/** The first judgement that accepts the certificate or finds it revoked; else the most telling. */
export function judgeSignerAsOf(certificate: Certificate, given: SignerAsOf): SignerJudgement {
  let best: SignerJudgement | undefined
  for (const attempt of attemptsAt(given.moments, given.revocation)) {
    const { at, evidence } = attempt.moment
    const judged = judgeSigner(certificate, {
      at,
      provenAt: given.provenAt,
      anchors: given.anchors,
      intermediates: [...given.certificates, ...evidence.certificates],
      revocation: attempt.revocation,
      rules: given.rules,
      budget: cmsPathBudget,
      keys: given.keys,
    })
    if (judged.standings?.kind === 'failed') return judged
    const ended = attempt.isFromFile && isGood(judged) ? checkIssuers(judged, at) : undefined
    if (ended === undefined && isGood(judged)) return judged
    const found = ended === undefined ? judged : { ...judged, standings: rejected([ended]) }
    if (best === undefined || rankOfStanding(found) > rankOfStanding(best)) best = found
  }
  if (best === undefined) throw new Error('there is always a moment')
  return best
}

// That evidence was good but for the authority behind it says more than that there was none.
function rankOfStanding({ standings }: SignerJudgement): number {
  if (standings === undefined || standings.kind === 'passed') return 0
  const [{ code }] = standings.reasons
  return code === 'certificate-expired' ? Number.POSITIVE_INFINITY : rankOf(code)
}

/** Whether every step of a judgement passed. */
export function isGood(judged: SignerJudgement): boolean {
  const { key, classified, path, standings } = judged
  return [key, classified, path, standings].every(each => each?.kind === 'passed')
}

function checkIssuers(judged: SignerJudgement, at: Instant): Reason | undefined {
  if (judged.path.kind !== 'passed') return undefined
  const { certificates, anchor } = judged.path.value
  const ended = [...certificates.slice(1), anchor].find(each => each.notAfter < at)
  return ended === undefined
    ? undefined
    : reason('certificate-expired', { role: 'issuer', at, notAfter: ended.notAfter })
}

/** What a token is judged by. */
export interface TokenAsOf {
  readonly token: Uint8Array
  readonly stamped: TimeStampDemands['stamped']
  /** A time at which the token is proven to have existed; undefined: now. */
  readonly provenAt: Instant | undefined
  readonly trust: TimeStampTrust
  /** Whether the evidence of the file alone counts. */
  readonly isByFileAlone: boolean
  readonly keys: KeyCache
  readonly moments: readonly Moment[]
}

/** The first verdict that accepts the token or finds its authority revoked; else the most telling. */
export function judgeTokenAsOf(given: TokenAsOf): Verdict<ValidTimeStamp> {
  const { trust, isByFileAlone, ...rest } = given
  let best: Verdict<ValidTimeStamp> | undefined
  for (const attempt of attemptsAt(given.moments, isByFileAlone ? undefined : trust.revocation)) {
    const { at, evidence } = attempt.moment
    const verdict = judgeTimeStamp({
      ...rest,
      nonce: undefined,
      at,
      // By evidence of the file everything up to the anchor must hold at the moment itself.
      provenAt: attempt.isFromFile ? undefined : given.provenAt,
      trust: {
        ...trust,
        intermediates: [...(isByFileAlone ? [] : trust.intermediates), ...evidence.certificates],
        revocation: attempt.revocation,
      },
    })
    if (verdict.kind === 'passed' || verdict.reasons.some(each => final.has(each.code))) {
      return verdict
    }
    if (best === undefined || rankOfVerdict(verdict) > rankOfVerdict(best)) best = verdict
  }
  if (best === undefined) throw new Error('there is always a moment')
  return best
}

function rankOfVerdict(verdict: Verdict<unknown>): number {
  return verdict.kind === 'passed' ? 0 : rankOf(verdict.reasons[0].code)
}

const final: ReadonlySet<string> = new Set(['certificate-revoked', 'certificate-held'])
