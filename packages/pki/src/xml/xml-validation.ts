/**
 * The complete judgement of XML signatures (XMLDSig 1.1) and of XAdES baseline levels B to LTA (ETSI EN 319 132-1 §6): for
 * each signature what exactly it covers, by which certificate, whether that certificate served at the time that counts, and
 * what time-stamps prove. docs/protocol/xml-signature.md says what is accepted.
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
import { type TimeStampTrust, type ValidTimeStamp, trustWith } from '../time-stamp-judgement.ts'
import { coversWhole } from './coverage.ts'
import { reasonOf, type XmlFiles } from './reference.ts'
import { XmlBudget, XmlSource } from './source.ts'
import { checkXmlSignature, type XmlCovered, type XmlFindings } from './xml-signer.ts'
import { proveXmlTimes, type XmlTimeProofs } from './xml-time-proof.ts'

/**
 * What a signature is, or must be at least: XMLDSig; certificate bound (B); time proven (T); all evidence in the document (LT);
 * an archive time-stamp over all of it (LTA).
 */
export type XmlLevel = 'xmldsig' | 'xades-b' | 'xades-t' | 'xades-lt' | 'xades-lta'

/** All that decides. Nothing has a default. */
export interface XmlDemands {
  /** The document that holds the signatures. */
  readonly xml: Uint8Array
  /** Files that references may name, by the very URI. Nothing else is looked up anywhere. */
  readonly files: XmlFiles
  /**
   * `whole`: each signature must cover the document outside signatures, what it holds itself, and every file. `part`: the
   * caller reads in the report what is covered and uses nothing else.
   */
  readonly coverage: 'whole' | 'part'
  readonly level: XmlLevel
  /** The time of judgement. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  /** Certificates besides those in the document: of signers, of authorities. */
  readonly certificates: readonly Certificate[]
  /** Where it is lists or all that is at hand, lists and OCSP responses in the document count as well. */
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  /** Undefined: no time-stamp authority is trusted, and no time is proven. */
  readonly timeStamps: TimeStampTrust | undefined
  readonly keys: KeyCache
}

/** What has been found good about one signature, when everything was. */
export interface ValidXmlSignature {
  readonly certificate: Certificate
  /** Undefined under rules that know no kinds. */
  readonly kind: CertificateKind | undefined
  readonly path: VerifiedPath
  /** For every certificate of the path below the anchor, leaf first. */
  readonly standings: readonly CertificateStanding[]
  readonly level: XmlLevel
  /** The earliest time at which the signature is proven to have existed; undefined: only now. */
  readonly provenAt: Instant | undefined
  /** Each thing that is covered; what is not among them is not signed. */
  readonly covered: readonly XmlCovered[]
  /** Whether that is everything (`XmlDemands.coverage`). */
  readonly isWhole: boolean
}

/** The judgement of one signature with all that it rests on. */
export interface XmlSignatureReport {
  readonly verdict: Verdict<ValidXmlSignature>
  readonly id: string | undefined
  /** Where ds:Signature stands. */
  readonly path: string
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly level: XmlLevel
  /** What the signer says of the time, which proves nothing and decides nothing. */
  readonly claimedAt: Instant | undefined
  readonly provenAt: Instant | undefined
  /** Each signature time-stamp. One that is bad gives no time and does no harm: anyone may have added it. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
  /** Each archive time-stamp. */
  readonly archiveTimeStamps: readonly Verdict<ValidTimeStamp>[]
  /** References whose digest is right, also of a signature that did not pass. */
  readonly covered: readonly XmlCovered[]
  readonly isWhole: boolean
  /** Position of the signature in whose unsigned properties this one stands, as its counter-signature. */
  readonly countersigns: number | undefined
}

/** The judgement of a document: passed when it has signatures and all but counter-signatures passed. */
export interface XmlReport {
  readonly verdict: Verdict<readonly ValidXmlSignature[]>
  /** Every ds:Signature, in document order. */
  readonly signatures: readonly XmlSignatureReport[]
}

interface Prepared {
  readonly source: XmlSource
  readonly budget: XmlBudget
  readonly demands: XmlDemands
}

interface Found {
  readonly findings: XmlFindings
  readonly path: string
  readonly countersigns: number | undefined
}

/** Judges a document and each of its signatures. Throws nothing, whatever the bytes. */
export function validateXml(given: XmlDemands): XmlReport {
  const budget = new XmlBudget()
  const { timeStamps } = given
  const demands = {
    ...given,
    revocation: withListsParsed(given.revocation),
    timeStamps:
      timeStamps === undefined
        ? undefined
        : { ...timeStamps, revocation: withListsParsed(timeStamps.revocation) },
  }
  try {
    const signatures = XmlSource.read(demands.xml, budget, source =>
      judgeAll({ source, budget, demands }),
    )
    return { verdict: together(signatures), signatures }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return { verdict: rejected([reasonOf(error)]), signatures: [] }
  }
}

function judgeAll(prepared: Prepared): readonly XmlSignatureReport[] {
  const { source, budget, demands } = prepared
  const elements = source.signatures()
  const all = elements.map((element, position) => ({
    findings: checkXmlSignature({
      source,
      position,
      files: demands.files,
      certificates: demands.certificates,
      keys: demands.keys,
      budget,
    }),
    path: source.pathOf(element),
  }))
  return all.map(({ findings, path }, position) => {
    const parent = all.findIndex(each =>
      each.findings.unsigned.counterSignatures.some(
        one => elements[position]?.isSameNode(one) === true,
      ),
    )
    const countersigns = parent < 0 ? undefined : parent
    return judge({ findings, path, countersigns }, prepared)
  })
}

// A counter-signature stands where anyone may have put it: a bad one does no harm.
function together(reports: readonly XmlSignatureReport[]): Verdict<readonly ValidXmlSignature[]> {
  const valid: ValidXmlSignature[] = []
  const reasons: Reason[] = []
  for (const { verdict, countersigns } of reports) {
    if (countersigns !== undefined) continue
    if (verdict.kind === 'passed') valid.push(verdict.value)
    else reasons.push(...verdict.reasons)
  }
  const [first, ...rest] = reasons
  if (first !== undefined) return rejected([first, ...rest])
  return valid.length === 0 ? rejectedFor('xml-unsigned') : passed(valid)
}

function judge(found: Found, prepared: Prepared): XmlSignatureReport {
  const { findings, path, countersigns } = found
  const { demands, source } = prepared
  const { signature, certificate, algorithm, claimedAt, covered } = findings
  const isWhole = signature !== undefined && coversWhole(source, signature, covered, demands.files)
  // What the document holds counts beside the caller's.
  const { certificates, evidence } = findings
  const trust = demands.timeStamps && trustWith(demands.timeStamps, { ...evidence, certificates })
  const { at, keys } = demands
  const proofs =
    trust === undefined ? noProofs : proveXmlTimes(findings.stamps, { at, trust, keys })
  const { provenAt } = proofs
  const level = levelOf(findings, proofs, prepared)
  const reasons = [
    ...findings.reasons,
    ...checkCoverage(found, isWhole, demands.coverage),
    ...checkLevel(level, demands.level),
  ]
  const report = {
    id: signature?.id,
    path,
    certificate,
    algorithm,
    level,
    claimedAt,
    ...proofs,
    covered,
    isWhole,
    countersigns,
  }
  if (certificate === undefined) {
    return { ...report, verdict: rejected(nonEmpty(reasons, reason('signer-certificate-missing'))) }
  }
  const judged = judgeSigner(certificate, {
    at: demands.at,
    provenAt,
    anchors: demands.anchors,
    intermediates: [...findings.certificates, ...demands.certificates],
    revocation: withListsParsed(withMore(demands.revocation, findings.evidence)),
    rules: demands.rules,
    budget: cmsPathBudget,
    keys: demands.keys,
  })
  const signer = concludeSigner(certificate, judged, reasons)
  const verdict: Verdict<ValidXmlSignature> =
    signer.kind === 'passed'
      ? passed({ ...signer.value, level, provenAt, covered, isWhole })
      : signer
  return { ...report, verdict }
}

function levelOf(findings: XmlFindings, proofs: XmlTimeProofs, prepared: Prepared): XmlLevel {
  if (!findings.isCertificateProtected) return 'xmldsig'
  if (proofs.provenAt === undefined) return 'xades-b'
  if (!isSelfContained(findings, prepared)) return 'xades-t'
  return proofs.archiveTimeStamps.some(each => each.kind === 'passed') ? 'xades-lta' : 'xades-lt'
}

// Whether what the document brings is enough, besides anchors: then it can be judged when nothing else is left.
function isSelfContained(findings: XmlFindings, prepared: Prepared): boolean {
  const { demands } = prepared
  const { certificate, certificates, evidence } = findings
  const { timeStamps, at, keys } = demands
  const isEmpty = evidence.lists.length + evidence.responses.length === 0
  if (certificate === undefined || timeStamps === undefined || isEmpty) return false
  const revocation = withListsParsed(withMore(noEvidence, evidence))
  const trust = { anchors: timeStamps.anchors, intermediates: certificates, revocation }
  const { provenAt } = proveXmlTimes(findings.stamps, { at, trust, keys })
  // The certificate itself may have come from the caller.
  const isHeld = certificates.some(each => bytesEqual(each.raw, certificate.raw))
  if (provenAt === undefined || !isHeld) return false
  const { path, standings } = judgeSigner(certificate, {
    at,
    provenAt,
    anchors: demands.anchors,
    intermediates: certificates,
    revocation,
    rules: demands.rules,
    budget: cmsPathBudget,
    keys,
  })
  return path.kind === 'passed' && standings?.kind === 'passed'
}

function checkLevel(level: XmlLevel, wanted: XmlLevel): readonly Reason[] {
  const reached = levels.indexOf(level)
  const needed = levels.indexOf(wanted)
  if (reached >= needed) return []
  if (reached < levels.indexOf('xades-b')) return [reason('xades-certificate-unprotected')]
  if (reached < levels.indexOf('xades-t')) return [reason('time-stamp-missing')]
  if (reached < levels.indexOf('xades-lt')) return [reason('validation-data-missing')]
  return [reason('archive-time-stamp-missing')]
}

function checkCoverage(
  found: Found,
  isWhole: boolean,
  wanted: XmlDemands['coverage'],
): readonly Reason[] {
  const { findings, countersigns } = found
  // What is wrong with the references themselves has been told.
  const { signature, covered } = findings
  if (signature === undefined || covered.length < signature.references.length) return []
  if (countersigns !== undefined) {
    const isOverValue = covered.some(each => each.coverage.target.kind === 'signature-value')
    return isOverValue ? [] : [reason('xml-nothing-covered', { needed: 'SignatureValue' })]
  }
  return wanted === 'whole' && !isWhole ? [reason('xml-partly-covered')] : []
}

const noEvidence: RevocationEvidence = { kind: 'crls', lists: [] }
const noProofs: XmlTimeProofs = { timeStamps: [], archiveTimeStamps: [], provenAt: undefined }
const levels: readonly XmlLevel[] = ['xmldsig', 'xades-b', 'xades-t', 'xades-lt', 'xades-lta']
