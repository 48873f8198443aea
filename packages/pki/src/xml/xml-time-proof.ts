/**
 * What time-stamps prove about one XML signature. Each archive time-stamp is over all that stands before it, so that they are
 * judged from the last to the first: an older one that a good newer one covers is judged for the time that the newer one proves
 * (EN 319 102-1 §5.6.2.3), and so outlives its authority's certificate.
 */
import type { KeyCache } from '../key-cache.ts'
import { type Instant, rejected, type Verdict } from '../reason.ts'
import {
  judgeTimeStamp,
  type TimeStampTrust,
  type ValidTimeStamp,
} from '../time-stamp-judgement.ts'
import type { XmlStamp } from './stamped.ts'

/** What the time-stamps of one signature amount to. */
export interface XmlTimeProofs {
  /** Each signature time-stamp. One that is bad gives no time and does no harm: anyone may have added it. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
  /** Each archive time-stamp, as they stand in the document. */
  readonly archiveTimeStamps: readonly Verdict<ValidTimeStamp>[]
  /** The earliest time at which the signature is proven to have existed; undefined: only now. */
  readonly provenAt: Instant | undefined
}

/** Judges all time-stamps of a signature. */
export function proveXmlTimes(
  stamps: readonly XmlStamp[],
  given: { readonly at: Instant; readonly trust: TimeStampTrust; readonly keys: KeyCache },
): XmlTimeProofs {
  const judged = new Map<XmlStamp, Verdict<ValidTimeStamp>>()
  const proofs: { readonly position: number; readonly provenAt: Instant }[] = []
  const times: Instant[] = []
  for (const stamp of stamps.toSorted((a, b) => b.position - a.position)) {
    const newer = proofs.filter(each => each.position > stamp.position)
    const verdict = judge(stamp, earliest(newer.map(each => each.provenAt)), given)
    judged.set(stamp, verdict)
    if (verdict.kind !== 'passed') continue
    const { provenAt } = verdict.value
    times.push(provenAt)
    if (stamp.kind === 'archive') proofs.push({ position: stamp.position, provenAt })
  }
  const of = (kind: XmlStamp['kind']): readonly Verdict<ValidTimeStamp>[] =>
    stamps.flatMap(each => {
      const verdict = each.kind === kind ? judged.get(each) : undefined
      return verdict === undefined ? [] : [verdict]
    })
  return {
    timeStamps: of('signature'),
    archiveTimeStamps: of('archive'),
    provenAt: earliest(times),
  }
}

function judge(
  stamp: XmlStamp,
  provenAt: Instant | undefined,
  given: { readonly at: Instant; readonly trust: TimeStampTrust; readonly keys: KeyCache },
): Verdict<ValidTimeStamp> {
  const { stamped, token } = stamp
  if ('code' in stamped) return rejected([stamped])
  return judgeTimeStamp({ token, stamped, nonce: undefined, provenAt, ...given })
}

function earliest(times: readonly Instant[]): Instant | undefined {
  return times.length === 0 ? undefined : Math.min(...times)
}
