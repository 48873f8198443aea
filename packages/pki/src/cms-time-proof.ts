/**
 * What time-stamps prove about one CMS signer: signature time-stamps (RFC 3161 appendix A) and archive time-stamps
 * (ETSI EN 319 122-1 §5.5.3). The newest is judged now; an older one that a good newer one covers is judged for the time
 * that the newer one proves (EN 319 102-1 §5.6.2.3), so that it outlives its authority's certificate.
 */
import {
  archiveInput,
  coversValue,
  type HashIndex,
  missingFromContainer,
  readHashIndex,
} from './cms-archive.ts'
import type { CmsSigner, SignedData } from './cms.ts'
import { attributeIds } from './cms-attribute.ts'
import type { CmsContent } from './cms-signer.ts'
import { digest } from './crypto.ts'
import { MalformedError } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import { type Instant, rejectedFor, type Verdict } from './reason.ts'
import { parseTimeStampToken, type TimeStampInfo } from './time-stamp.ts'
import { judgeTimeStamp, type TimeStampTrust, type ValidTimeStamp } from './time-stamp-judgement.ts'

/** Most signature time-stamps of one signer that are looked at. */
const timeStampsMax = 4
/** Most archive time-stamps: with one every five years a signature is kept for forty. */
const archiveTimeStampsMax = 8

/** What the time-stamps of one signer amount to. */
export interface TimeProofs {
  /** Each signature time-stamp. One that is bad gives no time and does no harm: anyone may have added it. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
  /** Each archive time-stamp, as they stand in the container. */
  readonly archiveTimeStamps: readonly Verdict<ValidTimeStamp>[]
  /** The earliest time at which the signature is proven to have existed; undefined: only now. */
  readonly provenAt: Instant | undefined
}

/** What the proofs are judged by. */
export interface TimeProofDemands {
  readonly data: SignedData
  readonly content: CmsContent | undefined
  /** The time of judgement. */
  readonly at: Instant
  readonly trust: TimeStampTrust
  readonly keys: KeyCache
}

interface ArchiveStamp {
  readonly token: Uint8Array
  readonly info: TimeStampInfo
  readonly index: HashIndex
}

interface Proof {
  readonly index: HashIndex
  readonly provenAt: Instant
}

/** Judges all time-stamps of a signer. */
export function proveTimes(signer: CmsSigner, demands: TimeProofDemands): TimeProofs {
  const archive = judgeArchive(signer, demands)
  const id = attributeIds.signatureTimeStamp
  const timeStamps = valuesOf(signer, id)
    .slice(0, timeStampsMax)
    .map(token =>
      judgeTimeStamp({
        token,
        stamped: { kind: 'bytes', bytes: signer.signature },
        nonce: undefined,
        at: demands.at,
        provenAt: earliest(archive.proofs, id, token),
        trust: demands.trust,
        keys: demands.keys,
      }),
    )
  const proven = [
    ...timeStamps.flatMap(each => (each.kind === 'passed' ? [each.value.provenAt] : [])),
    ...archive.proofs.map(each => each.provenAt),
  ]
  const provenAt = proven.length === 0 ? undefined : Math.min(...proven)
  return { timeStamps, archiveTimeStamps: archive.verdicts, provenAt }
}

function judgeArchive(
  signer: CmsSigner,
  demands: TimeProofDemands,
): { readonly verdicts: readonly Verdict<ValidTimeStamp>[]; readonly proofs: readonly Proof[] } {
  const read = valuesOf(signer, attributeIds.archiveTimeStampV3)
    .slice(0, archiveTimeStampsMax)
    .map(readArchiveStamp)
  const newestFirst = read.filter(each => 'token' in each).toSorted((a, b) => b.info.at - a.info.at)
  const proofs: Proof[] = []
  const judged = new Map<ArchiveStamp, Verdict<ValidTimeStamp>>()
  for (const stamp of newestFirst) {
    const verdict = judgeArchiveStamp(stamp, signer, demands, proofs)
    judged.set(stamp, verdict)
    if (verdict.kind === 'passed') {
      proofs.push({ index: stamp.index, provenAt: verdict.value.provenAt })
    }
  }
  const verdicts = read.map(each =>
    'token' in each ? (judged.get(each) ?? rejectedFor('time-stamp-malformed')) : each,
  )
  return { verdicts, proofs }
}

function judgeArchiveStamp(
  stamp: ArchiveStamp,
  signer: CmsSigner,
  demands: TimeProofDemands,
  newer: readonly Proof[],
): Verdict<ValidTimeStamp> {
  const { data, content } = demands
  const { token, info, index } = stamp
  const part = missingFromContainer(index, data, signer)
  if (part !== undefined) return rejectedFor('archive-index-mismatch', { part })
  const { hash } = info.imprint
  if (hash === 'weak' || hash === 'unsupported') {
    return rejectedFor(`algorithm-${hash}`, { field: 'messageImprint' })
  }
  const contentHash =
    content?.kind === 'bytes' ? digest(hash, content.bytes) : content?.hashes[hash]
  if (contentHash === undefined) return rejectedFor('cms-content-missing', { needed: hash })
  return judgeTimeStamp({
    token,
    stamped: { kind: 'bytes', bytes: archiveInput(data, signer, contentHash, index) },
    nonce: undefined,
    at: demands.at,
    provenAt: earliest(newer, attributeIds.archiveTimeStampV3, token),
    trust: demands.trust,
    keys: demands.keys,
  })
}

function readArchiveStamp(token: Uint8Array): ArchiveStamp | Verdict<never> {
  try {
    const { data, info } = parseTimeStampToken(token)
    const [stamper] = data.signers
    if (stamper === undefined) return rejectedFor('time-stamp-malformed')
    return { token, info, index: readHashIndex(stamper) }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return rejectedFor('time-stamp-malformed', { detail: error.code })
  }
}

// The earliest time at which good stamps prove that a value of an unsigned attribute existed.
function earliest(proofs: readonly Proof[], id: string, value: Uint8Array): Instant | undefined {
  const times = proofs.filter(each => coversValue(each.index, id, value)).map(each => each.provenAt)
  return times.length === 0 ? undefined : Math.min(...times)
}

function valuesOf(signer: CmsSigner, id: string): readonly Uint8Array[] {
  return signer.unsignedAttributes.filter(each => each.id === id).flatMap(each => each.values)
}
