/**
 * Judges any kind of signed file under one set of demands and tells the outcome in one form, in the words of ETSI EN 319 102-1
 * as well: what `sekisho verify` and the platform's report stand on. Nothing is fetched.
 */
import { hashOf, type KeyFacts, type SignatureAlgorithm } from './algorithm.ts'
import { type AsicSignatureReport, validateAsic } from './asice/validation.ts'
import type { Certificate } from './certificate.ts'
import type { CmsContent } from './cms-signer.ts'
import { detachContent } from './cms-stream.ts'
import { type CmsSignerReport, validateCms } from './cms-validation.ts'
import { digest } from './crypto.ts'
import { MalformedError, toHex } from './der.ts'
import { type Indication, indicationOf, type SubIndication } from './indication.ts'
import { validateJws } from './jws/jws-validation.ts'
import type { KeyCache } from './key-cache.ts'
import { parseOcspRequest } from './ocsp.ts'
import { judgeByOcsp } from './ocsp-judgement.ts'
import { pathBudget } from './path.ts'
import { type ByteSource, bytesAt } from './pdf/byte-source.ts'
import { validatePdf } from './pdf/validation.ts'
import { type Instant, type Reason, rejectedFor, type Verdict } from './reason.ts'
import type { RevocationEvidence } from './revocation.ts'
import { verifySignature } from './signature.ts'
import { collect, judgeSigner, type SignerRules } from './signer-certificate.ts'
import { parseTimeStampRequest, parseTimeStampResponse } from './time-stamp.ts'
import { judgeTimeStamp, type TimeStampTrust } from './time-stamp-judgement.ts'
import type { ValidationPolicy } from './validation-policy.ts'
import type { XmlCovered } from './xml/xml-signer.ts'
import { validateXml, type XmlSignatureReport } from './xml/xml-validation.ts'

/** Kinds of file. `raw` is a bare signature over a document, `tsr` a time-stamp, `ocsp` a response. */
export type SignedFileKind = (typeof kinds)[number]

const kinds = ['cms', 'pdf', 'xml', 'jws', 'asice', 'tsr', 'raw', 'ocsp'] as const

/** Whether a text names a kind of file that can be judged. */
export function isSignedFileKind(text: string): text is SignedFileKind {
  return kinds.some(each => each === text)
}

/**
 * The kind that the first bytes of a file tell (a kilobyte is enough); undefined: none of those that can be told so. A time-stamp looks
 * like a CMS container.
 */
export function signedFileKindOf(bytes: Uint8Array): SignedFileKind | undefined {
  const head = new TextDecoder('latin1').decode(bytes.subarray(0, 1024)).trimStart()
  const text = head.startsWith('ï»¿') ? head.slice(3).trimStart() : head
  if (text.startsWith('%PDF-')) return 'pdf'
  if (head.startsWith('PK')) return 'asice'
  // The compact form begins with base64url of a brace; its header alone can be longer than what is looked at.
  if (text.startsWith('{') || /^e[wy][A-Za-z0-9_.-]{20,}\s*$/.test(text)) return 'jws'
  if (text.startsWith('<')) return 'xml'
  return bytes[0] === 0x30 || /^-----BEGIN (CMS|PKCS7)/.test(text) ? 'cms' : undefined
}

/** All that decides. Nothing has a default. */
export interface SignedFileDemands {
  readonly kind: SignedFileKind
  /**
   * The file: container, signature, time-stamp token or response, OCSP response. CMS and PDF may also be read in pieces, so that a
   * gigabyte needs no gigabyte of memory.
   */
  readonly file: Uint8Array | ByteSource
  /** What was signed or stamped, where it is not in the file. */
  readonly content: CmsContent | undefined
  /** Files beside a document that its references name by URI. */
  readonly files: ReadonlyMap<string, CmsContent>
  /** Of XML: whether a signature must cover the whole document, or the caller reads what each covers. */
  readonly coverage: 'whole' | 'part'
  /** The request that a time-stamp or an OCSP response answers. */
  readonly query: Uint8Array | undefined
  /** Of a bare signature; undefined: as the key suggests, with SHA-256, or SHA-384 on P-384. */
  readonly algorithm: SignatureAlgorithm | undefined
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  /** Of a bare signature: the signer's first. Of an OCSP response: the certificate asked about first, its issuer second. */
  readonly certificates: readonly Certificate[]
  readonly revocation: RevocationEvidence
  readonly timeStamps: TimeStampTrust
  readonly rules: SignerRules
  readonly policy: ValidationPolicy
  readonly keys: KeyCache
}

/** One signature, or one time-stamp or answer. */
export interface SignatureOutcome {
  readonly verdict: 'passed' | 'failed' | 'indeterminate'
  readonly indication: Indication
  readonly subIndication: SubIndication | undefined
  readonly reasons: readonly Reason[]
  /** The format and level reached, such as `cades-t`. */
  readonly level: string
  /** Of the signer: personal. Undefined: none was found. */
  readonly certificate: Certificate | undefined
  readonly algorithm: string | undefined
  /** What the signer says of the time, which proves nothing. */
  readonly claimedAt: Instant | undefined
  /** A time at which the signature is proven to have existed. */
  readonly provenAt: Instant | undefined
  /** What is covered, where a signature may cover a part. */
  readonly covers: readonly string[]
  /** What was changed in a PDF since, in words. */
  readonly changes: readonly ChangeTold[]
}

/** A change to a PDF after a signature. */
export interface ChangeTold {
  readonly code: string
  readonly ja: string
  readonly en: string
  readonly isPermitted: boolean
}

/** The outcome for a file: that of its worst signature. */
export interface SignedFileReport {
  readonly kind: SignedFileKind
  readonly verdict: 'passed' | 'failed' | 'indeterminate'
  readonly indication: Indication
  readonly subIndication: SubIndication | undefined
  readonly reasons: readonly Reason[]
  readonly signatures: readonly SignatureOutcome[]
  /** Name of the policy that it was judged by, and of the profile where one was demanded. */
  readonly policy: string
}

/** A report as plain data, for JSON, people and evidence stores. Times in ISO 8601. */
export interface SignedFileDescription extends Omit<SignedFileReport, 'signatures'> {
  readonly signatures: readonly (Omit<
    SignatureOutcome,
    'certificate' | 'claimedAt' | 'provenAt'
  > & {
    /** SHA-256 of the signer's certificate in hexadecimal: for a citizen's certificate it is personal. */
    readonly signer: string | undefined
    readonly claimedAt: string | undefined
    readonly provenAt: string | undefined
  })[]
}

/** Plain data of a report. */
export function describeSignedFile(report: SignedFileReport): SignedFileDescription {
  return {
    ...report,
    signatures: report.signatures.map(({ certificate, claimedAt, provenAt, ...rest }) => ({
      ...rest,
      signer: certificate === undefined ? undefined : toHex(digest('sha256', certificate.raw)),
      claimedAt: iso(claimedAt),
      provenAt: iso(provenAt),
    })),
  }
}

function iso(at: Instant | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString()
}

/** Judges a file. Throws nothing, whatever the bytes. */
export function validateSignedFile(demands: SignedFileDemands): SignedFileReport {
  const { kind, file } = demands
  if (kind === 'cms') return judgeCms(demands)
  if (kind === 'pdf') return judgePdf(demands)
  const held = {
    ...demands,
    file: file instanceof Uint8Array ? file : bytesAt(file, 0, file.length),
  }
  switch (kind) {
    case 'xml':
      return judgeXml(held)
    case 'jws':
      return judgeJws(held)
    case 'asice':
      return judgeAsic(held)
    case 'tsr':
      return single(held, judgeStamp(held))
    case 'raw':
      return single(held, judgeRaw(held))
    case 'ocsp':
      return single(held, judgeOcsp(held))
    default:
      return kind satisfies never
  }
}

type HeldDemands = SignedFileDemands & { readonly file: Uint8Array }

function judgeCms(demands: SignedFileDemands): SignedFileReport {
  const { file } = demands
  try {
    const { cms, content } =
      file instanceof Uint8Array ? { cms: file, content: undefined } : detachContent(file)
    const { verdict, signers } = validateCms({
      ...demands,
      cms,
      content: content ?? demands.content,
      level: 'cms',
    })
    return reportOf(demands, verdict, signers.map(outcomeOfSigner))
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return reportOf(demands, rejectedFor('cms-malformed', { detail: error.code }), [])
  }
}

function judgePdf(demands: SignedFileDemands): SignedFileReport {
  const report = validatePdf({ ...demands, pdf: demands.file, level: 'pdf-cms' })
  const outcomes = report.signatures.map(each => {
    const covers = [`revision ${each.revision + 1} of ${report.revisions}`]
    const changes = each.changes.map(({ code, ja, en, isPermitted }) => ({
      code,
      ja,
      en,
      isPermitted,
    }))
    if (each.kind === 'signature') {
      const { claims } = each
      return outcome(each.verdict, { ...each, claimedAt: claims.at, covers, changes })
    }
    const valid = each.verdict.kind === 'passed' ? each.verdict.value : undefined
    return outcome(each.verdict, {
      level: 'document-time-stamp',
      certificate: valid?.certificate,
      algorithm: undefined,
      provenAt: valid?.provenAt,
      covers,
      changes,
    })
  })
  return reportOf(demands, report.verdict, outcomes)
}

function judgeXml(demands: HeldDemands): SignedFileReport {
  const { verdict, signatures } = validateXml({ ...demands, xml: demands.file, level: 'xmldsig' })
  const outcomes = signatures.map(each =>
    outcome(each.verdict, { ...each, covers: each.covered.map(describeCovered) }),
  )
  return reportOf(demands, verdict, outcomes)
}

function judgeJws(demands: HeldDemands): SignedFileReport {
  const { content, file } = demands
  const payload = content?.kind === 'bytes' ? content.bytes : undefined
  const { verdict, signatures } = validateJws({ ...demands, jws: file, payload, level: 'jws' })
  const outcomes = signatures.map(each => {
    const covers = each.covered.map(({ target }) =>
      target.kind === 'file' ? `file ${target.uri}` : 'payload',
    )
    return outcome(each.verdict, { ...each, covers })
  })
  return reportOf(demands, verdict, outcomes)
}

function judgeAsic(demands: HeldDemands): SignedFileReport {
  const report = validateAsic({ ...demands, container: demands.file, level: 'b' })
  const outcomes = report.signatures.flatMap(each => {
    const covers = each.covers.map(name => `file ${name}`)
    const inside = signersOf(each)
    // What is wrong with the file that holds the signatures is wrong with each of them.
    return inside.length === 0
      ? [
          outcome(each.verdict, {
            level: each.kind,
            certificate: undefined,
            algorithm: undefined,
            covers,
          }),
        ]
      : inside.map(one =>
          outcome(each.verdict.kind === 'passed' ? one.verdict : each.verdict, { ...one, covers }),
        )
  })
  return reportOf(demands, report.verdict, outcomes)
}

function signersOf(each: AsicSignatureReport): readonly (XmlSignatureReport | CmsSignerReport)[] {
  switch (each.kind) {
    case 'xades':
      return each.report.signatures
    case 'cades':
      return each.report?.signers ?? []
    case 'time-stamp':
      return []
    default:
      return each satisfies never
  }
}

function describeCovered({ coverage }: XmlCovered): string {
  const { target } = coverage
  switch (target.kind) {
    case 'document':
      return 'document'
    case 'element':
      return `element ${target.path}`
    case 'object':
      return `object ${target.path}`
    case 'file':
      return `file ${target.uri}`
    case 'signature-part':
    case 'signature-value':
      return `${target.kind} ${target.path}`
    case 'signed-properties':
    case 'key-info':
      return target.kind
    default:
      return target satisfies never
  }
}

function outcomeOfSigner(signer: CmsSignerReport): SignatureOutcome {
  const { verdict, level, certificate, algorithm, claimedAt, provenAt } = signer
  return outcome(verdict, { level, certificate, algorithm, claimedAt, provenAt })
}

function judgeStamp(demands: HeldDemands): SignatureOutcome {
  const { content, query, at, keys, timeStamps: trust } = demands
  const about = { level: 'time-stamp', certificate: undefined, algorithm: undefined }
  try {
    const request = query === undefined ? undefined : parseTimeStampRequest(query)
    const stamped = content ?? imprintOf(request)
    if (stamped === undefined) {
      return outcome(rejectedFor('cms-content-missing', { needed: 'query' }), about)
    }
    const token = tokenOf(demands.file)
    if (typeof token === 'number') {
      return outcome(rejectedFor('time-stamp-missing', { status: token }), about)
    }
    const nonce = request?.nonce
    const verdict = judgeTimeStamp({ token, stamped, nonce, at, trust, keys })
    if (verdict.kind !== 'passed') return outcome(verdict, about)
    const { certificate, provenAt } = verdict.value
    return outcome(verdict, { ...about, certificate, provenAt })
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return outcome(rejectedFor('time-stamp-malformed', { detail: error.code }), about)
  }
}

// A response holds a token or the status of a refusal; a bare token is taken as well.
function tokenOf(file: Uint8Array): Uint8Array | number {
  try {
    const response = parseTimeStampResponse(file)
    return response.kind === 'granted' ? response.token : response.status
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return file
  }
}

function imprintOf(
  request: ReturnType<typeof parseTimeStampRequest> | undefined,
): CmsContent | undefined {
  if (request === undefined) return undefined
  const { hash, value } = request.imprint
  if (hash === 'weak' || hash === 'unsupported') return { kind: 'hashes', hashes: {} }
  return { kind: 'hashes', hashes: { [hash]: value } }
}

function judgeRaw(demands: HeldDemands): SignatureOutcome {
  const { content, at, anchors, keys, rules, revocation } = demands
  const [certificate, ...intermediates] = demands.certificates
  const about = { level: 'raw', certificate, algorithm: demands.algorithm }
  if (certificate === undefined) return outcome(rejectedFor('signer-certificate-missing'), about)
  if (content === undefined) return outcome(rejectedFor('cms-content-missing'), about)
  const { key, classified, path, standings } = judgeSigner(certificate, {
    at,
    provenAt: undefined,
    anchors,
    intermediates,
    revocation,
    rules,
    budget: pathBudget,
    keys,
  })
  if (key.kind !== 'passed') return outcome(key, about)
  const algorithm = demands.algorithm ?? usualAlgorithm(key.value.facts)
  const signed = verifySignature({
    key: key.value,
    algorithm,
    form: 'document',
    content:
      content.kind === 'bytes'
        ? content
        : { kind: 'hash', hash: content.hashes[hashOf(algorithm)] ?? new Uint8Array() },
    signature: demands.file,
  })
  const verdicts = [classified, path, standings, signed]
  const isAll = verdicts.every(each => each?.kind === 'passed')
  return outcome(isAll ? signed : collect(verdicts), { ...about, algorithm })
}

function usualAlgorithm(facts: KeyFacts): SignatureAlgorithm {
  switch (facts.kind) {
    case 'ec':
      return facts.curve === 'P-384' ? 'ecdsa-sha384' : 'ecdsa-sha256'
    case 'ed25519':
      return 'ed25519'
    case 'rsa-pss':
      return `rsa-pss-${facts.hash ?? 'sha256'}`
    case 'rsa':
    case 'other':
      return 'rsa-sha256'
    default:
      return facts satisfies never
  }
}

function judgeOcsp(demands: HeldDemands): SignatureOutcome {
  const { file, query, at, keys, anchors, policy } = demands
  const [certificate, ...others] = demands.certificates
  const about = { level: 'ocsp', certificate: undefined, algorithm: undefined }
  if (certificate === undefined) return outcome(rejectedFor('signer-certificate-missing'), about)
  try {
    const nonce = query === undefined ? undefined : parseOcspRequest(query).nonce
    const { path } = judgeSigner(certificate, {
      at,
      provenAt: undefined,
      anchors,
      intermediates: others,
      revocation: { kind: 'danger-unchecked' },
      rules: demands.rules,
      budget: pathBudget,
      keys,
    })
    if (path.kind !== 'passed') return outcome(path, about)
    const { issuer } = path.value
    const found = judgeByOcsp(certificate, issuer, {
      response: file,
      at,
      nonce,
      limits: policy.ocsp,
      keys,
    })
    return outcome(found, about)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return outcome(rejectedFor('ocsp-malformed', { detail: error.code }), about)
  }
}

function single(demands: SignedFileDemands, found: SignatureOutcome): SignedFileReport {
  const { verdict, indication, subIndication, reasons } = found
  return {
    kind: demands.kind,
    verdict,
    indication,
    subIndication,
    reasons,
    signatures: [found],
    policy: policyOf(demands),
  }
}

function reportOf(
  demands: SignedFileDemands,
  verdict: Verdict<unknown>,
  signatures: readonly SignatureOutcome[],
): SignedFileReport {
  const isTimeProven = signatures.some(each => each.provenAt !== undefined)
  return {
    kind: demands.kind,
    verdict: verdict.kind,
    ...indicationOf(verdict, isTimeProven),
    reasons: verdict.kind === 'passed' ? [] : verdict.reasons,
    signatures,
    policy: policyOf(demands),
  }
}

function policyOf({ policy, rules }: SignedFileDemands): string {
  return rules.kind === 'profile' ? `${policy.id} ${rules.profile.version}` : policy.id
}

interface About {
  readonly level: string
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  readonly claimedAt?: Instant | undefined
  readonly provenAt?: Instant | undefined
  readonly covers?: readonly string[]
  readonly changes?: readonly ChangeTold[]
}

function outcome(verdict: Verdict<unknown>, about: About): SignatureOutcome {
  const { certificate, claimedAt, provenAt } = about
  return {
    verdict: verdict.kind,
    ...indicationOf(verdict, provenAt !== undefined),
    reasons: verdict.kind === 'passed' ? [] : verdict.reasons,
    level: about.level,
    certificate,
    algorithm: about.algorithm,
    claimedAt,
    provenAt,
    covers: about.covers ?? [],
    changes: about.changes ?? [],
  }
}
