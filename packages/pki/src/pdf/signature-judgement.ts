/**
 * Judges one signature of a PDF: its form, its container over the bytes of its range, the certificate, and what time-stamps
 * prove. What happened to the document afterwards is judged in `change-judgement.ts`.
 */
import { hashAlgorithm, type HashName, type SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { parseSignedData, type SignedData } from '../cms.ts'
import { attributeIds } from '../cms-attribute.ts'
import { checkSigner, readCertificates, type SignerFindings } from '../cms-signer.ts'
import { MalformedError } from '../der.ts'
import type { KeyCache } from '../key-cache.ts'
import type { VerifiedPath } from '../path.ts'
import type { CertificateKind } from '../profile.ts'
import {
  type Instant,
  passed,
  type Reason,
  reason,
  rejected,
  type Verdict,
  nonEmpty,
} from '../reason.ts'
import type { RevocationEvidence } from '../revocation.ts'
import {
  type CertificateStanding,
  type SignerRules,
  concludeSigner,
} from '../signer-certificate.ts'
import { parseTimeStampToken } from '../time-stamp.ts'
import type { TimeStampTrust, ValidTimeStamp } from '../time-stamp-judgement.ts'
import { isGood, judgeSignerAsOf, judgeTokenAsOf, type Moment } from './moment.ts'
import type { PdfSignature } from './signature-dictionary.ts'

/**
 * What a signature is, or must be at least: plain CMS; certificate bound (B); time proven (T); all evidence in the file
 * (LT); a document time-stamp over all of it (LTA). ETSI EN 319 142-1 §6.
 */
export type PdfLevel = 'pdf-cms' | 'pades-b' | 'pades-t' | 'pades-lt' | 'pades-lta'

/** The levels, each holding those before it. */
export const pdfLevels: readonly PdfLevel[] = [
  'pdf-cms',
  'pades-b',
  'pades-t',
  'pades-lt',
  'pades-lta',
]

/** What has been found good about one signature, when everything was. */
export interface ValidPdfSignature {
  readonly certificate: Certificate
  /** Undefined under rules that know no kinds. */
  readonly kind: CertificateKind | undefined
  readonly path: VerifiedPath
  /** For every certificate of the path below the anchor, leaf first. */
  readonly standings: readonly CertificateStanding[]
  readonly level: PdfLevel
  /** The earliest time at which the signature is proven to have existed; undefined: only now. */
  readonly provenAt: Instant | undefined
}

/** A document time-stamp that was read, and once it was judged, with its verdict. */
export interface DocumentTimeStamp {
  readonly signature: PdfSignature
  readonly verdict: Verdict<ValidTimeStamp>
}

/** What one signature is judged by. */
export interface SignatureDemands {
  readonly level: PdfLevel
  readonly anchors: readonly Certificate[]
  readonly certificates: readonly Certificate[]
  readonly revocation: RevocationEvidence
  readonly rules: SignerRules
  readonly timeStamps: TimeStampTrust | undefined
  readonly keys: KeyCache
  /** Hash of the signed bytes by the algorithm that the signature or token uses. */
  readonly hash: { readonly name: HashName; readonly value: Uint8Array } | undefined
  /** Now, and the times that document time-stamps over the signature prove; newest first. */
  readonly moments: readonly Moment[]
  /** Good document time-stamps over the signature. */
  readonly documentTimeStamps: readonly DocumentTimeStamp[]
}

/** What came out. */
export interface SignatureFindings {
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly level: PdfLevel
  readonly provenAt: Instant | undefined
  /** Each signature time-stamp in the container. */
  readonly timeStamps: readonly Verdict<ValidTimeStamp>[]
  readonly verdict: Verdict<ValidPdfSignature>
}

/** Most signature time-stamps that are looked at. */
const timeStampsMax = 4

/** The hash by which a signature or token covers its bytes; undefined: it cannot be told, or is not one of ours. */
export function hashOfSignature(signature: PdfSignature): HashName | undefined {
  if (signature.contents === undefined) return undefined
  try {
    const found =
      signature.kind === 'time-stamp'
        ? parseTimeStampToken(signature.contents).info.imprint.hash
        : hashAlgorithm(parseSignedData(signature.contents).signers[0]?.digestAlgorithm ?? nothing)
    return found === 'weak' || found === 'unsupported' ? undefined : found
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

const nothing = new Uint8Array()

/** Judges a document time-stamp. `provenAt`: when a newer good one proves it to have existed. */
export function judgeDocumentTimeStamp(
  signature: PdfSignature,
  given: Pick<SignatureDemands, 'hash' | 'keys' | 'moments'> & {
    readonly trust: TimeStampTrust
    readonly provenAt: Instant | undefined
    readonly isByFileAlone: boolean
  },
): Verdict<ValidTimeStamp> {
  const [first, ...rest] = [...signature.reasons, ...checkTimeStampForm(signature)]
  if (first !== undefined) return rejected([first, ...rest])
  return judgeTokenAsOf({
    token: signature.contents ?? nothing,
    stamped: { kind: 'hashes', hashes: hashesOf(given.hash) },
    provenAt: given.provenAt,
    trust: given.trust,
    isByFileAlone: given.isByFileAlone,
    keys: given.keys,
    moments: given.moments,
  })
}

function checkTimeStampForm(signature: PdfSignature): readonly Reason[] {
  return signature.subFilter === 'ETSI.RFC3161'
    ? []
    : [reason('algorithm-unsupported', { field: 'SubFilter' })]
}

/** Judges a signature. Every step that can be taken is taken. */
export function judgeSignature(
  signature: PdfSignature,
  demands: SignatureDemands,
): SignatureFindings {
  const reasons: Reason[] = [...signature.reasons, ...checkSubFilter(signature.subFilter)]
  const data = readContainer(signature, reasons)
  const [signer] = data?.signers ?? []
  if (data === undefined || signer === undefined) return empty(signature, reasons)
  const own = readCertificates(data.certificates)
  const certificates = [...own, ...demands.certificates]
  const stored = demands.moments.flatMap(each => each.evidence.certificates)
  const found = checkSigner(signer, {
    data,
    content: { kind: 'hashes', hashes: hashesOf(demands.hash) },
    certificates: [...certificates, ...stored],
    isVersion1Binding: false,
    isCounterSignature: false,
    keys: demands.keys,
  })
  reasons.push(...found.reasons)
  const tokens = tokensOf(data)
  const timeStamps = tokens.map(token => judgeToken(token, signer.signature, demands, false))
  const provenAt = earliest([
    ...timeStamps,
    ...demands.documentTimeStamps.map(each => each.verdict),
  ])
  const { certificate, algorithm } = found
  const facts = { certificate, algorithm, provenAt, timeStamps }
  if (certificate === undefined) {
    const level = levelOfForm(signature, found)
    return {
      ...facts,
      level,
      verdict: rejected(nonEmpty(reasons, reason('signer-certificate-missing'))),
    }
  }
  const judged = judgeSignerAsOf(certificate, { ...demands, certificates, provenAt })
  const level = levelOf({ signature, found, certificate, own, data, provenAt, demands })
  reasons.push(...checkLevel(level, found, demands.level))
  const good = concludeSigner(certificate, judged, reasons)
  const verdict: Verdict<ValidPdfSignature> =
    good.kind === 'passed' ? passed({ ...good.value, level, provenAt }) : good
  return { ...facts, level, verdict }
}

function hashesOf(hash: SignatureDemands['hash']): Readonly<Partial<Record<HashName, Uint8Array>>> {
  return hash === undefined ? {} : { [hash.name]: hash.value }
}

function empty(signature: PdfSignature, reasons: readonly Reason[]): SignatureFindings {
  const nobody = { certificate: undefined, algorithm: undefined, provenAt: undefined }
  const verdict = rejected(nonEmpty(reasons, reason('cms-malformed')))
  return { ...nobody, level: levelOfForm(signature, undefined), timeStamps: [], verdict }
}

// ISO 32000-2 §12.8.3: the old forms are SHA-1 all through.
function checkSubFilter(subFilter: string | undefined): readonly Reason[] {
  switch (subFilter) {
    case 'ETSI.CAdES.detached':
    case 'adbe.pkcs7.detached':
      return []
    case 'adbe.pkcs7.sha1':
    case 'adbe.x509.rsa_sha1':
      return [reason('algorithm-weak', { field: 'SubFilter' })]
    case undefined:
      return [reason('pdf-signature-incomplete', { entry: 'SubFilter' })]
    default:
      return [reason('algorithm-unsupported', { field: 'SubFilter' })]
  }
}

// §12.8.3.3: one signer, and the content is the document and not something in the container.
function readContainer(signature: PdfSignature, reasons: Reason[]): SignedData | undefined {
  if (signature.contents === undefined) return undefined
  try {
    const data = parseSignedData(signature.contents)
    if (data.signers.length !== 1) reasons.push(reason('cms-malformed', { rule: 'signers' }))
    if (data.content !== undefined) reasons.push(reason('cms-malformed', { rule: 'attached' }))
    return data
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    reasons.push(reason('cms-malformed', { detail: error.code }))
    return undefined
  }
}

function tokensOf(data: SignedData): readonly Uint8Array[] {
  return (data.signers[0]?.unsignedAttributes ?? [])
    .filter(each => each.id === attributeIds.signatureTimeStamp)
    .flatMap(each => each.values)
    .slice(0, timeStampsMax)
}

// RFC 3161 appendix A: the stamp is over the value of the signature. A document time-stamp covers it in its turn.
function judgeToken(
  token: Uint8Array,
  value: Uint8Array,
  demands: SignatureDemands,
  isByFileAlone: boolean,
): Verdict<ValidTimeStamp> {
  const { timeStamps: trust, keys, moments } = demands
  if (trust === undefined) return rejected([reason('issuer-unknown')])
  return judgeTokenAsOf({
    token,
    stamped: { kind: 'bytes', bytes: value },
    provenAt: earliest(demands.documentTimeStamps.map(each => each.verdict)),
    trust,
    isByFileAlone,
    keys,
    moments,
  })
}

function earliest(verdicts: readonly Verdict<ValidTimeStamp>[]): Instant | undefined {
  const times = verdicts.flatMap(each => (each.kind === 'passed' ? [each.value.provenAt] : []))
  return times.length === 0 ? undefined : Math.min(...times)
}

function levelOfForm(signature: PdfSignature, found: SignerFindings | undefined): PdfLevel {
  const isBaseline = signature.subFilter === 'ETSI.CAdES.detached'
  return isBaseline && found?.isCertificateProtected === true ? 'pades-b' : 'pdf-cms'
}

interface LevelQuestion {
  readonly signature: PdfSignature
  readonly found: SignerFindings
  readonly certificate: Certificate
  /** Certificates in the container. */
  readonly own: readonly Certificate[]
  readonly data: SignedData
  readonly provenAt: Instant | undefined
  readonly demands: SignatureDemands
}

// LT and LTA: the file alone, with anchors, must be enough; now, or as of a time that a document time-stamp proves.
function levelOf(question: LevelQuestion): PdfLevel {
  const level = levelOfForm(question.signature, question.found)
  if (level === 'pdf-cms' || question.provenAt === undefined) return level
  const { moments } = question.demands
  const past = moments.filter(each => each.revision !== undefined)
  if (past.some(each => isEnough(question, each))) return 'pades-lta'
  const now = moments.filter(each => each.revision === undefined)
  return now.some(each => isEnough(question, each)) ? 'pades-lt' : 'pades-t'
}

function isEnough(question: LevelQuestion, moment: Moment): boolean {
  const { demands, certificate, own, data, signature } = question
  const { lists, responses } = moment.evidence
  const [signer] = data.signers
  if (signer === undefined || lists.length + responses.length === 0) return false
  const then = {
    ...demands,
    certificates: own,
    moments: [moment],
    // Of the document time-stamps those that came before the moment.
    documentTimeStamps: demands.documentTimeStamps.filter(
      each => moment.revision === undefined || each.signature.revision < moment.revision,
    ),
  }
  const proofs = [
    ...tokensOf(data).map(token => judgeToken(token, signer.signature, then, true)),
    ...then.documentTimeStamps.map(each =>
      each.verdict.kind === 'passed' ? judgeAlone(each, then) : each.verdict,
    ),
  ]
  const provenAt = earliest(proofs)
  if (provenAt === undefined || signature.contents === undefined) return false
  return isGood(judgeSignerAsOf(certificate, { ...then, provenAt, revocation: undefined }))
}

// Whether the file alone shows that a document time-stamp, good by what the caller has, was good at the moment.
function judgeAlone(
  stamp: DocumentTimeStamp,
  then: Pick<SignatureDemands, 'timeStamps' | 'keys' | 'moments'>,
): Verdict<ValidTimeStamp> {
  const { verdict, signature } = stamp
  if (then.timeStamps === undefined || verdict.kind !== 'passed') return verdict
  // Its imprint has been judged: what it stamped is what it says.
  const { hash, value } = verdict.value.info.imprint
  if (hash === 'weak' || hash === 'unsupported') return verdict
  return judgeDocumentTimeStamp(signature, {
    hash: { name: hash, value },
    keys: then.keys,
    moments: then.moments,
    trust: then.timeStamps,
    provenAt: undefined,
    isByFileAlone: true,
  })
}

function checkLevel(level: PdfLevel, found: SignerFindings, wanted: PdfLevel): readonly Reason[] {
  const reached = pdfLevels.indexOf(level)
  if (pdfLevels.indexOf(wanted) <= reached) return []
  if (level === 'pdf-cms') {
    return found.isCertificateProtected
      ? [reason('pades-form-missing')]
      : [reason('cades-certificate-unprotected')]
  }
  if (level === 'pades-b') return [reason('time-stamp-missing')]
  return [reason(level === 'pades-t' ? 'validation-data-missing' : 'archive-time-stamp-missing')]
}
