/**
 * The complete judgement of CMS signatures and of CAdES baseline levels B and T (ETSI EN 319 122-1 §6): for each signer
 * what was signed, by which certificate, whether that certificate served at the time that counts, and what time-stamps
 * prove. docs/protocol/cms.md says what is accepted.
 */
import type { SignatureAlgorithm } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { type CmsSigner, parseSignedData, type SignedData } from './cms.ts'
import { attributeIds } from './cms-attribute.ts'
import {
  checkSigner,
  type CmsContent,
  cmsPathBudget,
  contentOf,
  readCertificates,
  type SignerFindings,
} from './cms-signer.ts'
import { MalformedError } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import type { VerifiedPath } from './path.ts'
import type { CertificateKind } from './profile.ts'
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
import { type CertificateStanding, judgeSigner, type SignerRules } from './signer-certificate.ts'
import { judgeTimeStamp, type TimeStampTrust, type ValidTimeStamp } from './time-stamp-judgement.ts'

/** What a signature is, or must be at least: plain CMS, certificate bound (B), time proven (T). */
export type CmsLevel = 'cms' | 'cades-b' | 'cades-t'

/** All that decides. Nothing has a default. */
export interface CmsDemands {
  /** The container: bytes, or parsed already. */
  readonly cms: Uint8Array | SignedData
  /** The signed document; undefined: it is in the container. When given and attached both, they must be the same. */
  readonly content: CmsContent | undefined
  readonly level: CmsLevel
  /** The time of judgement. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  /** Certificates besides those in the container: of signers, of authorities. */
  readonly certificates: readonly Certificate[]
  /** Where it is lists or all that is at hand, lists and OCSP responses in the container count as well. */
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  /** Undefined: no time-stamp authority is trusted, and no time is proven. */
  readonly timeStamps: TimeStampTrust | undefined
  readonly keys: KeyCache
}

/** What has been found good about one signer, when everything was. */
export interface ValidCmsSigner {
  readonly certificate: Certificate
  /** Undefined under rules that know no kinds. */
  readonly kind: CertificateKind | undefined
  readonly path: VerifiedPath
  /** For every certificate of the path below the anchor, leaf first. */
  readonly standings: readonly CertificateStanding[]
  readonly level: CmsLevel
  /** The earliest time at which the signature is proven to have existed; undefined: only now. */
  readonly provenAt: Instant | undefined
}

/** The judgement of one signer with all that it rests on. */
export interface CmsSignerReport {
  readonly verdict: Verdict<ValidCmsSigner>
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly level: CmsLevel
  /** What the signer says of the time, which proves nothing and decides nothing. */
  readonly claimedAt: Instant | undefined
  readonly provenAt: Instant | undefined
  /** Each signature time-stamp. One that is bad gives no time and does no harm: anyone may have added it. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
}

/** The judgement of a container: passed when it has signers and every one of them passed. */
export interface CmsReport {
  readonly verdict: Verdict<readonly ValidCmsSigner[]>
  /** In the order of the container. */
  readonly signers: readonly CmsSignerReport[]
}

/** Most signature time-stamps of one signer that are looked at. */
const timeStampsMax = 4

interface Prepared {
  readonly data: SignedData
  readonly content: CmsContent | undefined
  readonly bag: readonly Certificate[]
  readonly revocation: RevocationEvidence
  readonly timeStamps: TimeStampTrust | undefined
}

/** Judges a container and each of its signers. Throws nothing, whatever the bytes. */
export function validateCms(demands: CmsDemands): CmsReport {
  const parsed = readContainer(demands.cms)
  if (parsed.kind !== 'passed') return { verdict: parsed, signers: [] }
  const data = parsed.value
  const content = contentOf(data, demands.content)
  if (content !== undefined && 'code' in content) {
    return { verdict: rejected([content]), signers: [] }
  }
  const { revocation } = demands
  const prepared = {
    data,
    content,
    bag: [...readCertificates(data.certificates), ...demands.certificates],
    revocation: withListsParsed(
      withMore(revocation, { lists: data.crls, responses: data.ocspResponses }),
    ),
    timeStamps:
      demands.timeStamps === undefined
        ? undefined
        : { ...demands.timeStamps, revocation: withListsParsed(demands.timeStamps.revocation) },
  }
  const signers = data.signers.map(signer => judge(signer, prepared, demands))
  return { verdict: together(signers), signers }
}

function readContainer(given: Uint8Array | SignedData): Verdict<SignedData> {
  if (!(given instanceof Uint8Array)) return passed(given)
  try {
    return passed(parseSignedData(given))
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return rejectedFor('cms-malformed', { detail: error.code })
  }
}

function together(signers: readonly CmsSignerReport[]): Verdict<readonly ValidCmsSigner[]> {
  const valid: ValidCmsSigner[] = []
  const reasons: Reason[] = []
  for (const { verdict } of signers) {
    if (verdict.kind === 'passed') valid.push(verdict.value)
    else reasons.push(...verdict.reasons)
  }
  const [first, ...rest] = reasons
  if (first !== undefined) return rejected([first, ...rest])
  return valid.length === 0 ? rejectedFor('cms-unsigned') : passed(valid)
}

function judge(signer: CmsSigner, prepared: Prepared, demands: CmsDemands): CmsSignerReport {
  const { data, content, bag, revocation } = prepared
  const { keys, at } = demands
  const check = { data, content, certificates: bag, isVersion1Binding: false, keys }
  const found = checkSigner(signer, check)
  const timeStamps = judgeTimeStamps(signer, demands, prepared.timeStamps)
  const proven = timeStamps.flatMap(each => (each.kind === 'passed' ? [each.value.provenAt] : []))
  const provenAt = proven.length === 0 ? undefined : Math.min(...proven)
  const level = levelOf(found, provenAt)
  const reasons = [...found.reasons, ...checkLevel(level, found, demands.level)]
  const { certificate, algorithm, claimedAt } = found
  const report = { certificate, algorithm, level, claimedAt, provenAt, timeStamps }
  if (certificate === undefined) {
    return { ...report, verdict: rejected(atLeast(reasons, 'signer-certificate-missing')) }
  }
  const { key, classified, path, standings } = judgeSigner(certificate, {
    at,
    provenAt,
    anchors: demands.anchors,
    intermediates: bag,
    revocation,
    rules: demands.rules,
    budget: cmsPathBudget,
    keys,
  })
  for (const each of [key, classified, path, standings]) {
    if (each !== undefined && each.kind !== 'passed') reasons.push(...each.reasons)
  }
  const isAll =
    reasons.length === 0 &&
    classified.kind === 'passed' &&
    path.kind === 'passed' &&
    standings?.kind === 'passed'
  const verdict: Verdict<ValidCmsSigner> = isAll
    ? passed({
        certificate,
        kind: classified.value,
        path: path.value,
        standings: standings.value,
        level,
        provenAt,
      })
    : rejected(atLeast(reasons, 'signature-bad'))
  return { ...report, verdict }
}

// RFC 3161 appendix A: the stamp is over the value of the signature.
function judgeTimeStamps(
  signer: CmsSigner,
  demands: CmsDemands,
  trust: TimeStampTrust | undefined,
): readonly Verdict<ValidTimeStamp>[] {
  if (trust === undefined) return []
  const tokens = signer.unsignedAttributes
    .filter(each => each.id === attributeIds.signatureTimeStamp)
    .flatMap(each => each.values)
  return tokens.slice(0, timeStampsMax).map(token =>
    judgeTimeStamp({
      token,
      stamped: { kind: 'bytes', bytes: signer.signature },
      nonce: undefined,
      at: demands.at,
      trust,
      keys: demands.keys,
    }),
  )
}

function levelOf(found: SignerFindings, provenAt: Instant | undefined): CmsLevel {
  if (!found.isCertificateProtected) return 'cms'
  return provenAt === undefined ? 'cades-b' : 'cades-t'
}

function checkLevel(level: CmsLevel, found: SignerFindings, wanted: CmsLevel): readonly Reason[] {
  if (wanted === 'cms') return []
  if (!found.isCertificateProtected) return [reason('cades-certificate-unprotected')]
  return wanted === 'cades-t' && level !== 'cades-t' ? [reason('time-stamp-missing')] : []
}

function atLeast(
  reasons: readonly Reason[],
  otherwise: 'signer-certificate-missing' | 'signature-bad',
): readonly [Reason, ...Reason[]] {
  const [first, ...rest] = reasons
  return first === undefined ? [reason(otherwise)] : [first, ...rest]
}
