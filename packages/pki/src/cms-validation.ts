/**
 * The complete judgement of CMS signatures and of CAdES baseline levels B to LTA (ETSI EN 319 122-1 §6): for each signer
 * what was signed, by which certificate, whether that certificate served at the time that counts, and what time-stamps
 * prove. docs/protocol/cms.md says what is accepted.
 */
import type { SignatureAlgorithm } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { cmsBytesMax, type CmsSigner, parseSignedData, readSigner, type SignedData } from './cms.ts'
import { attributeIds } from './cms-attribute.ts'
import {
  checkSigner,
  type CmsContent,
  cmsPathBudget,
  contentOf,
  readCertificates,
  type SignerFindings,
} from './cms-signer.ts'
import { type TimeProofs, proveTimes } from './cms-time-proof.ts'
import { MalformedError, readAll } from './der.ts'
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
  nonEmpty,
} from './reason.ts'
import { type RevocationEvidence, withListsParsed, withMore } from './revocation.ts'
import {
  type CertificateStanding,
  judgeSigner,
  type SignerRules,
  concludeSigner,
} from './signer-certificate.ts'
import { type TimeStampTrust, type ValidTimeStamp, trustWith } from './time-stamp-judgement.ts'

/**
 * What a signature is, or must be at least: plain CMS; certificate bound (B); time proven (T); all evidence in the container
 * (LT); an archive time-stamp over all of it (LTA).
 */
export type CmsLevel = 'cms' | 'cades-b' | 'cades-t' | 'cades-lt' | 'cades-lta'

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
  /** Each archive time-stamp. */
  readonly archiveTimeStamps: readonly Verdict<ValidTimeStamp>[]
  /** Each counter-signature, over this signature. A bad one says nothing against this signature. */
  readonly counterSignatures: readonly CmsSignerReport[]
}

/** The judgement of a container: passed when it has signers and every one of them passed. */
export interface CmsReport {
  readonly verdict: Verdict<readonly ValidCmsSigner[]>
  /** In the order of the container. */
  readonly signers: readonly CmsSignerReport[]
}

interface Prepared {
  readonly data: SignedData
  readonly content: CmsContent | undefined
  /** Certificates of the container. */
  readonly own: readonly Certificate[]
  /** These and the caller's. */
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
  const own = readCertificates(data.certificates)
  const contained = { lists: data.crls, responses: data.ocspResponses }
  const { timeStamps } = demands
  const prepared = {
    data,
    content,
    own,
    bag: [...own, ...demands.certificates],
    revocation: withListsParsed(withMore(demands.revocation, contained)),
    timeStamps: timeStamps && trustWith(timeStamps, { certificates: own, ...contained }),
  }
  const signers = data.signers.map(signer => judge(signer, prepared, demands, 'signer'))
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

function judge(
  signer: CmsSigner,
  prepared: Prepared,
  demands: CmsDemands,
  role: 'signer' | 'counter-signer',
): CmsSignerReport {
  const { data, content, bag, revocation } = prepared
  const { keys, at } = demands
  const found = checkSigner(signer, {
    data,
    content,
    certificates: bag,
    isVersion1Binding: false,
    isCounterSignature: role === 'counter-signer',
    keys,
  })
  const proofs =
    prepared.timeStamps === undefined
      ? noProofs
      : proveTimes(signer, { data, content, at, trust: prepared.timeStamps, keys })
  const { provenAt } = proofs
  const { certificate, algorithm, claimedAt } = found
  const about = { certificate, algorithm, claimedAt, ...proofs }
  const counterSignatures =
    role === 'signer'
      ? readCounterSignatures(signer).map(each =>
          judge(each, { ...prepared, content: bytesOf(signer) }, demands, 'counter-signer'),
        )
      : []
  if (certificate === undefined) {
    const level = found.isCertificateProtected ? 'cades-b' : 'cms'
    const verdict = rejected(nonEmpty(found.reasons, reason('signer-certificate-missing')))
    return { ...about, level, counterSignatures, verdict }
  }
  const judged = judgeSigner(certificate, {
    at,
    provenAt,
    anchors: demands.anchors,
    intermediates: bag,
    revocation,
    rules: demands.rules,
    budget: cmsPathBudget,
    keys,
  })
  const level = levelOf(signer, certificate, found, proofs, prepared, demands)
  const reasons = [...found.reasons, ...checkLevel(level, found, demands.level)]
  const good = concludeSigner(certificate, judged, reasons)
  const verdict: Verdict<ValidCmsSigner> =
    good.kind === 'passed' ? passed({ ...good.value, level, provenAt }) : good
  return { ...about, level, counterSignatures, verdict }
}

// RFC 5652 §11.4. What is no signer is passed over, as a bad counter-signature would be: anyone may have added it.
function readCounterSignatures(signer: CmsSigner): readonly CmsSigner[] {
  return signer.unsignedAttributes
    .filter(each => each.id === attributeIds.counterSignature)
    .flatMap(each => each.values)
    .slice(0, counterSignaturesMax)
    .flatMap(value => {
      try {
        return [readAll(value, cmsBytesMax, readSigner)]
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error
        return []
      }
    })
}

function bytesOf(signer: CmsSigner): CmsContent {
  return { kind: 'bytes', bytes: signer.signature }
}

function levelOf(
  signer: CmsSigner,
  certificate: Certificate,
  found: SignerFindings,
  proofs: TimeProofs,
  prepared: Prepared,
  demands: CmsDemands,
): CmsLevel {
  if (!found.isCertificateProtected) return 'cms'
  if (proofs.provenAt === undefined) return 'cades-b'
  if (!isSelfContained(signer, certificate, prepared, demands)) return 'cades-t'
  return proofs.archiveTimeStamps.some(each => each.kind === 'passed') ? 'cades-lta' : 'cades-lt'
}

// Whether what the container brings is enough, besides anchors: then it can be judged when nothing else is left.
function isSelfContained(
  signer: CmsSigner,
  certificate: Certificate,
  prepared: Prepared,
  demands: CmsDemands,
): boolean {
  const { data, content, timeStamps } = prepared
  if (timeStamps === undefined || data.crls.length + data.ocspResponses.length === 0) return false
  const { at, keys } = demands
  const revocation = withMore(noEvidence, { lists: data.crls, responses: data.ocspResponses })
  const trust = { ...timeStamps, intermediates: prepared.own, revocation }
  const { provenAt } = proveTimes(signer, { data, content, at, trust, keys })
  if (provenAt === undefined) return false
  const { path, standings } = judgeSigner(certificate, {
    at,
    provenAt,
    anchors: demands.anchors,
    intermediates: prepared.own,
    revocation,
    rules: demands.rules,
    budget: cmsPathBudget,
    keys,
  })
  return path.kind === 'passed' && standings?.kind === 'passed'
}

function checkLevel(level: CmsLevel, found: SignerFindings, wanted: CmsLevel): readonly Reason[] {
  const reached = levels.indexOf(level)
  if (levels.indexOf(wanted) <= reached) return []
  if (!found.isCertificateProtected) return [reason('cades-certificate-unprotected')]
  if (reached < levels.indexOf('cades-t')) return [reason('time-stamp-missing')]
  return [reason(level === 'cades-t' ? 'validation-data-missing' : 'archive-time-stamp-missing')]
}

const levels: readonly CmsLevel[] = ['cms', 'cades-b', 'cades-t', 'cades-lt', 'cades-lta']
const noProofs: TimeProofs = { timeStamps: [], archiveTimeStamps: [], provenAt: undefined }
const noEvidence: RevocationEvidence = { kind: 'crls', lists: [] }
/** Most counter-signatures of one signer that are looked at. */
const counterSignaturesMax = 8
