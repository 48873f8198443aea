/**
 * The judging of one signed file, as work for a thread: it may be large, or made to take long, and the server goes on answering
 * meanwhile. This file is those threads' module; what goes in and out is plain data.
 */
import { createHash } from 'node:crypto'
import type { HolderFacts } from '@sekisho/contract'
import {
  type ByteSource,
  type Certificate,
  type CertificateProfile,
  checkIssued,
  type CmsContent,
  contentOfSource,
  describeSignedFile,
  generalPolicy,
  KeyCache,
  MalformedError,
  ocspCertId,
  type OcspCertId,
  ocspLimits,
  parseCertificate,
  parseCrl,
  type RevocationEvidence,
  RevocationIndex,
  type SignedFileDemands,
  type SignedFileDescription,
  type SignedFileKind,
  type SignedFileReport,
  sourceOf,
  validateSignedFile,
} from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import { openPositionedFile } from '@sekisho/runtime/files'
import { serveThread } from '@sekisho/runtime/thread'
import { holderFacts } from './holder.ts'
import type { RecognisedMaterial } from './recognised.ts'
import { openSnapshotPlace, type SnapshotPlace } from './revocation-file.ts'
import { issuerKeyId } from './trust.ts'

/** Bytes of a file: held, or of a file of any size that stays as it is until it was judged. */
export type GivenFile =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly path: string }

/** Content beside a signature: bytes, a file, or its hashes. */
export type GivenContent = GivenFile | Extract<CmsContent, { kind: 'hashes' }>

/** One question, with everything that decides. */
export type FileQuestion = {
  readonly kind: SignedFileKind
  readonly file: GivenFile
  readonly content: GivenContent | undefined
  readonly files: readonly (readonly [uri: string, content: GivenContent])[]
  /** The request that a time-stamp answers. */
  readonly query: Uint8Array | undefined
  readonly purpose: 'signature' | 'authentication'
  readonly at: Instant
  readonly trust: {
    readonly mode: 'town' | 'production'
    readonly profile: CertificateProfile
    /** DER. */
    readonly anchors: readonly Uint8Array[]
    readonly stampAnchors: readonly Uint8Array[]
    readonly stampLists: readonly Uint8Array[]
  }
  /** Instead of citizens one kind of holder of another PKI; then its lists tell of revocation. */
  readonly recognised: RecognisedMaterial | undefined
  readonly revocation:
    | { readonly kind: 'unchecked' }
    /** The snapshot in force; `version` says which, so that it is opened once. Undefined: there is none yet. */
    | {
        readonly kind: 'lists'
        readonly version: number
        readonly place: SnapshotPlace | undefined
      }
    | { readonly kind: 'answers'; readonly responses: readonly Uint8Array[] }
}

/** A signer whose certificate an anchor has issued. */
export type CitizenSigner = {
  readonly issuerKeyId: string
  /** Hex. */
  readonly serial: string
  /** SHA-256 (hex) of the certificate. */
  readonly certificateSha256: string
  /** To ask OCSP about. */
  readonly certId: OcspCertId
}

/** What was found. */
export type FileFindings = {
  readonly report: SignedFileDescription
  /** SHA-256 (hex) of the file. */
  readonly fileSha256: string
  readonly citizens: readonly CitizenSigner[]
  /** Of each signature that passed as that of another kind of holder. */
  readonly holders: readonly (HolderFacts | undefined)[]
}

/** Keys kept loaded in a thread. */
const keysMax = 4096

const keys = new KeyCache(keysMax)
let opened: { readonly version: number; readonly index: RevocationIndex } | undefined

function judge(asked: FileQuestion): FileFindings {
  using file = openGiven(asked.file)
  // First, because what the judgement finds may be views of what was read last.
  const fileSha256 = sha256Of(file.source)
  const signers = asked.recognised === undefined ? citizens(asked) : others(asked.recognised)
  const report = validateSignedFile({
    kind: asked.kind,
    file: file.bytes ?? file.source,
    content: asked.content === undefined ? undefined : readContent(asked.content),
    files: new Map(asked.files.map(([uri, content]) => [uri, readContent(content)])),
    coverage: 'whole',
    query: asked.query,
    algorithm: undefined,
    at: asked.at,
    ...signers,
    timeStamps: {
      anchors: asked.trust.stampAnchors.map(parseCertificate),
      intermediates: [],
      revocation: { ...nothingCollected, lists: asked.trust.stampLists.map(parseCrl) },
      policy: generalPolicy,
    },
    policy: generalPolicy,
    keys,
  })
  const { recognised } = asked
  return {
    report: describeSignedFile(report),
    fileSha256,
    citizens: recognised === undefined ? citizensOf(report, signers.anchors) : [],
    holders: report.signatures.map(({ verdict, certificate }) =>
      recognised === undefined || verdict !== 'passed' || certificate === undefined
        ? undefined
        : holderFacts(recognised.kind, certificate),
    ),
  }
}

type SignerDemands = Pick<SignedFileDemands, 'anchors' | 'certificates' | 'revocation' | 'rules'>

function citizens({ trust, purpose, revocation }: FileQuestion): SignerDemands {
  return {
    anchors: trust.anchors.map(parseCertificate),
    certificates: [],
    revocation: evidenceOf(revocation),
    rules: {
      kind: 'profile',
      profile: trust.profile,
      purpose,
      poolKeys: trust.mode === 'town' ? 'danger-accepted' : 'refused',
    },
  }
}

function others({ anchor, cross, lists, policy }: RecognisedMaterial): SignerDemands {
  return {
    anchors: [parseCertificate(anchor)],
    certificates: cross.map(parseCertificate),
    revocation: { ...nothingCollected, lists },
    rules: {
      kind: 'standard',
      policies: {
        acceptable: [policy],
        isExplicitRequired: true,
        isMappingInhibited: false,
        isAnyInhibited: true,
      },
      purpose: undefined,
      policy: generalPolicy,
    },
  }
}

const nothingCollected = {
  kind: 'collected',
  lists: [],
  responses: [],
  limits: ocspLimits,
} as const

function evidenceOf(asked: FileQuestion['revocation']): RevocationEvidence {
  switch (asked.kind) {
    case 'unchecked':
      return { kind: 'danger-unchecked' }
    case 'answers':
      return { ...nothingCollected, responses: asked.responses, index: undefined }
    case 'lists':
      return { ...nothingCollected, index: indexOf(asked) }
    default:
      return asked satisfies never
  }
}

// Whoever asks says which snapshot is in force: an old one never answers after the switch.
function indexOf({
  version,
  place,
}: Extract<FileQuestion['revocation'], { kind: 'lists' }>): RevocationIndex {
  if (place === undefined) return RevocationIndex.empty
  if (opened?.version !== version) opened = { version, index: openSnapshotPlace(place) }
  return opened.index
}

type OpenedFile = Disposable & {
  /** Of those that are held already. */
  readonly bytes: Uint8Array | undefined
  readonly source: ByteSource
}

function openGiven(given: GivenFile): OpenedFile {
  if (given.kind === 'bytes') {
    const { bytes } = given
    return { bytes, source: sourceOf(bytes), [Symbol.dispose]: () => {} }
  }
  const file = openPositionedFile(given.path)
  if (file === undefined) throw new Error('a file to be judged is gone')
  return {
    bytes: undefined,
    source: { length: file.length, read: (offset, length) => file.view(offset, length) },
    [Symbol.dispose]: () => file[Symbol.dispose](),
  }
}

function readContent(given: GivenContent): CmsContent {
  if (given.kind !== 'file') return given
  using file = openGiven(given)
  return contentOfSource(file.source)
}

function sha256Of(source: ByteSource): string {
  const hash = createHash('sha256')
  for (let at = 0; at < source.length; at += pieceBytes) {
    hash.update(source.read(at, Math.min(pieceBytes, source.length - at)))
  }
  return hash.digest('hex')
}

// Each signer's certificate that an anchor has issued, once.
function citizensOf(
  report: SignedFileReport,
  anchors: readonly Certificate[],
): readonly CitizenSigner[] {
  const found = new Map<string, CitizenSigner>()
  for (const { certificate } of report.signatures) {
    if (certificate === undefined) continue
    const issuer = anchors.find(each => isIssuedBy(certificate, each))
    if (issuer === undefined) continue
    found.set(Buffer.from(certificate.raw).toString('base64'), {
      issuerKeyId: issuerKeyId(issuer),
      serial: certificate.serialHex,
      certificateSha256: createHash('sha256').update(certificate.raw).digest('hex'),
      certId: ocspCertId(certificate, issuer, 'sha256'),
    })
  }
  return [...found.values()]
}

function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  try {
    return (
      certificate.issuer.matches(issuer.subject) &&
      checkIssued(certificate, issuer, keys) === undefined
    )
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

const pieceBytes = 1024 * 1024

serveThread(import.meta.url, judge)
