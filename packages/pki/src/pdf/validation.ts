/**
 * The complete judgement of signed PDFs, PAdES baseline levels B to LTA (ETSI EN 319 142-1): each signature and document
 * time-stamp, what was signed, by whom, whether the certificate served at the time that counts, and what happened to the
 * document since. docs/protocol/pdf-signature.md says what is accepted.
 */
import type { HashName, SignatureAlgorithm } from '../algorithm.ts'
import { type Certificate, parseCertificate } from '../certificate.ts'
import { type MalformedCode, MalformedError } from '../der.ts'
import type { KeyCache } from '../key-cache.ts'
import {
  type Instant,
  type NonEmpty,
  passed,
  type Reason,
  reason,
  rejected,
  rejectedFor,
  type Verdict,
} from '../reason.ts'
import { type RevocationEvidence, withListsParsed } from '../revocation.ts'
import type { SignerRules } from '../signer-certificate.ts'
import type { TimeStampTrust, ValidTimeStamp } from '../time-stamp-judgement.ts'
import {
  type ByteSource,
  digestRanges,
  prefixOf,
  type SignedRange,
  sourceOf,
} from './byte-source.ts'
import { judgeChanges, type JudgedPdfChange, type PdfChange, reasonOfChanges } from './change.ts'
import { changesAfter } from './comparison.ts'
import { PdfDocument } from './document.ts'
import { type Evidence, evidenceOf, type Moment } from './moment.ts'
import { readSecurityStore } from './security-store.ts'
import {
  type PdfClaims,
  type PdfPermissions,
  type PdfSignature,
  readSignatures,
} from './signature-dictionary.ts'
import {
  type DocumentTimeStamp,
  hashOfSignature,
  judgeDocumentTimeStamp,
  judgeSignature,
  type PdfLevel,
  type ValidPdfSignature,
} from './signature-judgement.ts'

/** All that decides. Nothing has a default. */
export interface PdfDemands {
  /** The file, in memory or read in pieces. */
  readonly pdf: ByteSource | Uint8Array
  readonly level: PdfLevel
  /** The time of judgement. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  /** Certificates besides those in the file: of signers, of authorities. */
  readonly certificates: readonly Certificate[]
  /** What the caller has. Evidence in the file counts besides, as of when it is proven to have existed. */
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  /** Undefined: no time-stamp authority is trusted, and no time is proven. */
  readonly timeStamps: TimeStampTrust | undefined
  readonly keys: KeyCache
}

/** What is told of a signature and of a document time-stamp alike. */
interface Appearance {
  /** Full name of the field. */
  readonly field: string
  /** The revision that brought it, counted from 0. */
  readonly revision: number
  /** How many bytes of the file, from the first, are the document as it was signed; undefined: its form is wrong. */
  readonly signedBytes: number | undefined
  /** Whether nothing at all came after it. */
  readonly isOfWholeFile: boolean
  readonly subFilter: string | undefined
  /** What the signer says of itself: it proves nothing and decides nothing. */
  readonly claims: PdfClaims
  /** What this signature and those before it permit to happen afterwards. */
  readonly permissions: PdfPermissions
  /** What happened to the document since, in order. */
  readonly changes: readonly JudgedPdfChange[]
}

/** The judgement of one signature with all that it rests on. */
export interface PdfSignatureReport extends Appearance {
  readonly kind: 'signature'
  readonly verdict: Verdict<ValidPdfSignature>
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly level: PdfLevel
  readonly provenAt: Instant | undefined
  /** Each signature time-stamp. One that is bad gives no time and does no harm: anyone may have added it. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
}

/** The judgement of one document time-stamp. A bad one proves nothing and does no harm. */
export interface PdfTimeStampReport extends Appearance {
  readonly kind: 'time-stamp'
  readonly verdict: Verdict<ValidTimeStamp>
}

/** The judgement of a file: passed when it has signatures and every one of them passed. */
export interface PdfReport {
  readonly verdict: Verdict<readonly ValidPdfSignature[]>
  /** Signatures and document time-stamps in the order of their revisions. */
  readonly signatures: readonly (PdfSignatureReport | PdfTimeStampReport)[]
  /** How many revisions the file has. */
  readonly revisions: number
}

/** Judges a PDF and each of its signatures. Throws nothing, whatever the bytes. */
export function validatePdf(demands: PdfDemands): PdfReport {
  try {
    const document = new PdfDocument(
      demands.pdf instanceof Uint8Array ? sourceOf(demands.pdf) : demands.pdf,
    )
    if (document.isEncrypted) return refused(rejectedFor('pdf-encrypted'), document.newest + 1)
    return judgeDocument(document, demands)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    const code = overLimit.has(error.code) ? 'pdf-budget-exhausted' : 'pdf-malformed'
    return refused(rejectedFor(code, { detail: error.message }), 0)
  }
}

// More than is read here, which need not be wrong.
const overLimit: ReadonlySet<MalformedCode> = new Set(['too-deep', 'too-large', 'too-many'])

function refused(verdict: Verdict<never>, revisions: number): PdfReport {
  return { verdict, signatures: [], revisions }
}

/** The document as it was signed: the bytes that a report calls `signedBytes`, as a source. */
export function signedRevision(
  pdf: ByteSource | Uint8Array,
  report: { readonly signedBytes: number },
): ByteSource {
  return prefixOf(pdf instanceof Uint8Array ? sourceOf(pdf) : pdf, report.signedBytes)
}

type Hashes = ReadonlyMap<PdfSignature, { readonly name: HashName; readonly value: Uint8Array }>

interface Prepared {
  readonly document: PdfDocument
  readonly signatures: readonly PdfSignature[]
  readonly hashes: Hashes
  readonly changes: readonly PdfChange[]
  readonly timeStamps: TimeStampTrust | undefined
  readonly revocation: RevocationEvidence
}

function judgeDocument(document: PdfDocument, demands: PdfDemands): PdfReport {
  const signatures = readSignatures(document)
  const { timeStamps } = demands
  const [first] = signatures
  const prepared: Prepared = {
    document,
    signatures,
    hashes: hashSignedBytes(document, signatures),
    changes: first === undefined ? [] : changesAfter(document, first.revision, signatures),
    timeStamps:
      timeStamps === undefined
        ? undefined
        : { ...timeStamps, revocation: withListsParsed(timeStamps.revocation) },
    revocation: withListsParsed(demands.revocation),
  }
  const { stamps, moments } = judgeTimeStamps(prepared, demands)
  const reports = signatures.map(each =>
    each.kind === 'time-stamp'
      ? reportTimeStamp(each, stamps, prepared)
      : reportSignature(each, { stamps, moments }, prepared, demands),
  )
  return { verdict: together(reports), signatures: reports, revisions: document.newest + 1 }
}

// One pass over the file for each hash in use, which is one for nearly every file.
function hashSignedBytes(document: PdfDocument, signatures: readonly PdfSignature[]): Hashes {
  const groups = new Map<HashName, { signature: PdfSignature; range: SignedRange }[]>()
  for (const signature of signatures) {
    const name = hashOfSignature(signature)
    if (name === undefined || signature.range === undefined) continue
    const group = groups.get(name) ?? []
    groups.set(name, group)
    group.push({ signature, range: signature.range })
  }
  const hashes = new Map<PdfSignature, { readonly name: HashName; readonly value: Uint8Array }>()
  for (const [name, group] of groups) {
    const values = digestRanges(
      document.source,
      group.map(each => each.range),
      name,
    )
    for (const [i, { signature }] of group.entries()) {
      hashes.set(signature, { name, value: values[i] ?? new Uint8Array() })
    }
  }
  return hashes
}

interface Stamps {
  /** Document time-stamps with their verdicts. */
  readonly stamps: readonly DocumentTimeStamp[]
  /** Now, and the time of each good one, newest first. */
  readonly moments: readonly Moment[]
}

// EN 319 102-1 §5.6.3: from the newest to the oldest. Each good one is a moment as of which what it covers may be judged.
function judgeTimeStamps(prepared: Prepared, demands: PdfDemands): Stamps {
  const { document, timeStamps: trust } = prepared
  const stamps: DocumentTimeStamp[] = []
  const now = {
    at: demands.at,
    revision: undefined,
    evidence: readEvidence(document, document.newest, demands),
  }
  const moments: Moment[] = [now]
  const newestFirst = prepared.signatures.filter(each => each.kind === 'time-stamp').toReversed()
  for (const signature of newestFirst) {
    const times = moments.flatMap(each => (each.revision === undefined ? [] : [each.at]))
    const verdict =
      trust === undefined
        ? rejectedFor('issuer-unknown')
        : judgeDocumentTimeStamp(signature, {
            hash: prepared.hashes.get(signature),
            keys: demands.keys,
            moments,
            trust,
            provenAt: times.length === 0 ? undefined : Math.min(...times),
            isByFileAlone: false,
          })
    stamps.push({ signature, verdict })
    if (verdict.kind !== 'passed') continue
    const { revision } = signature
    moments.push({
      at: verdict.value.provenAt,
      revision,
      evidence: readEvidence(document, revision, demands),
    })
  }
  return { stamps, moments }
}

function readEvidence(document: PdfDocument, view: number, demands: PdfDemands): Evidence {
  const store = readSecurityStore(document, view)
  const certificates = store.certificates.flatMap(each => {
    try {
      return [parseCertificate(each)]
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      return []
    }
  })
  return evidenceOf({ ...store, certificates }, demands.revocation)
}

function reportTimeStamp(
  signature: PdfSignature,
  stamps: readonly DocumentTimeStamp[],
  prepared: Prepared,
): PdfTimeStampReport {
  const verdict =
    stamps.find(each => each.signature === signature)?.verdict ?? rejectedFor('time-stamp-missing')
  return { kind: 'time-stamp', verdict, ...appearanceOf(signature, prepared) }
}

function reportSignature(
  signature: PdfSignature,
  given: Stamps,
  prepared: Prepared,
  demands: PdfDemands,
): PdfSignatureReport {
  const isOver = (revision: number | undefined): boolean =>
    revision === undefined || revision > signature.revision
  const appearance = appearanceOf(signature, prepared)
  const found = judgeSignature(signature, {
    ...demands,
    revocation: prepared.revocation,
    timeStamps: prepared.timeStamps,
    hash: prepared.hashes.get(signature),
    moments: given.moments.filter(each => isOver(each.revision)),
    documentTimeStamps: given.stamps.filter(
      each => each.verdict.kind === 'passed' && isOver(each.signature.revision),
    ),
  })
  const changed = reasonOfChanges(appearance.changes, appearance.permissions)
  const reasons = [
    ...(found.verdict.kind === 'passed' ? [] : found.verdict.reasons),
    ...(changed === undefined ? [] : [changed]),
  ]
  const verdict = isNonEmpty(reasons) ? rejected(reasons) : found.verdict
  return { kind: 'signature', ...found, verdict, ...appearance }
}

function isNonEmpty(reasons: readonly Reason[]): reasons is NonEmpty<Reason> {
  return reasons.length > 0
}

function appearanceOf(signature: PdfSignature, prepared: Prepared): Appearance {
  const { field, revision, subFilter, claims, range } = signature
  const earlier = prepared.signatures.filter(each => each.revision <= revision)
  const levels = earlier.map(each => each.permissions.docMdp)
  const docMdp = ([1, 2, 3] as const).find(level => levels.includes(level))
  const permissions = { docMdp, locks: earlier.flatMap(each => each.permissions.locks) }
  const later = prepared.changes.filter(each => each.revision > revision)
  return {
    field,
    revision,
    signedBytes: range?.end,
    isOfWholeFile: range !== undefined && revision === prepared.document.newest,
    subFilter,
    claims,
    permissions,
    changes: judgeChanges(later, permissions),
  }
}

function together(
  reports: readonly (PdfSignatureReport | PdfTimeStampReport)[],
): Verdict<readonly ValidPdfSignature[]> {
  const valid: ValidPdfSignature[] = []
  const reasons: Reason[] = []
  for (const report of reports) {
    if (report.kind === 'time-stamp') continue
    if (report.verdict.kind === 'passed') valid.push(report.verdict.value)
    else reasons.push(...report.verdict.reasons)
  }
  if (isNonEmpty(reasons)) return rejected(reasons)
  return valid.length === 0 ? rejected([reason('pdf-unsigned')]) : passed(valid)
}
