/**
 * Signed files judged for the doors: containers whose signers are citizens, over the platform's anchors, lists and clock. The
 * provider's way of asking about revocation holds for every signer.
 */
import type { CertificateReference } from '@sekisho/contract/authority'
import {
  bytesEqual,
  type Certificate,
  checkIssued,
  type CmsContent,
  encodeOcspRequest,
  generalPolicy,
  ocspCertId,
  ocspLimits,
  MalformedError,
  parseOcspResponse,
  type RevocationEvidence,
  type SignedFileDemands,
  type SignedFileKind,
  type SignedFileReport,
  validateSignedFile,
} from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { AuthorityConnector } from './connector.ts'
import type { RevocationKeeper } from './revocation.ts'
import type { StampTrust } from './time-stamp.ts'
import { issuerKeyId, type Trust } from './trust.ts'

type World = {
  readonly trust: Trust
  readonly keeper: RevocationKeeper
  readonly connector: AuthorityConnector
  readonly clock: Clock
  readonly random: Random
  readonly stamps: StampTrust
}

/** What is to be judged. */
export type FileToJudge = {
  readonly kind: SignedFileKind
  readonly file: Uint8Array
  readonly content: CmsContent | undefined
  readonly files: ReadonlyMap<string, CmsContent>
  /** The request that a time-stamp answers. */
  readonly query: Uint8Array | undefined
  readonly purpose: 'signature' | 'authentication'
  /** How revocation is looked up (per provider, C2). */
  readonly revocation: 'crl' | 'ocsp'
}

/** A judgement, and the citizens' certificates whose validity was looked up. */
export type FileJudgement = {
  readonly report: SignedFileReport
  readonly at: number
  readonly policy: string
  readonly checked: readonly CertificateReference[]
}

export type FileJudge = {
  /** Refusals only where the authority's OCSP cannot be asked: `authority-unreachable`. */
  report(given: FileToJudge): Promise<FileJudgement>
}

/** Bytes of an OCSP nonce (RFC 9654 §2.1 asks for 32). */
const nonceBytes = 32

/** Makes the judge of files. */
export function createFileJudge(world: World): FileJudge {
  return {
    report: async given => {
      const at = world.clock.now()
      const timeStamps = await world.stamps.now()
      const judge = (revocation: RevocationEvidence): SignedFileReport =>
        judgeFile(world, given, { at, revocation, timeStamps })
      const collected = { kind: 'collected', lists: [], limits: ocspLimits } as const
      const judged = (report: SignedFileReport, signers: readonly Citizen[]): FileJudgement => {
        return { report, at, policy: report.policy, checked: signers.map(referenceOf) }
      }
      if (given.revocation === 'crl') {
        const report = judge({ ...collected, responses: [], index: world.keeper.index() })
        return judged(report, citizensOf(world, report))
      }
      // What is found without asking about revocation tells whom to ask about; nobody makes us ask about strangers.
      const signers = citizensOf(world, judge({ kind: 'danger-unchecked' }))
      const responses = await askEach(world, given.purpose, signers)
      return judged(judge({ ...collected, responses, index: undefined }), signers)
    },
  }
}

function judgeFile(
  { trust }: World,
  given: FileToJudge,
  evidence: Pick<SignedFileDemands, 'at' | 'revocation' | 'timeStamps'>,
): SignedFileReport {
  return validateSignedFile({
    kind: given.kind,
    file: given.file,
    content: given.content,
    files: given.files,
    coverage: 'whole',
    query: given.query,
    algorithm: undefined,
    ...evidence,
    anchors: trust.anchors,
    certificates: [],
    rules: {
      kind: 'profile',
      profile: trust.profile,
      purpose: given.purpose,
      poolKeys: trust.mode === 'town' ? 'danger-accepted' : 'refused',
    },
    policy: generalPolicy,
    keys: trust.keys,
  })
}

function referenceOf({ certificate, issuer }: Citizen): CertificateReference {
  return { issuerKeyId: issuerKeyId(issuer), serial: certificate.serialHex }
}

type Citizen = { readonly certificate: Certificate; readonly issuer: Certificate }

// Each signer's certificate that an anchor has issued, once.
function citizensOf({ trust }: World, report: SignedFileReport): readonly Citizen[] {
  const found = new Map<string, Citizen>()
  for (const { certificate } of report.signatures) {
    if (certificate === undefined) continue
    const issuer = trust.anchors.find(each => isIssuedBy(certificate, each, trust))
    if (issuer === undefined) continue
    found.set(Buffer.from(certificate.raw).toString('base64'), { certificate, issuer })
  }
  return [...found.values()]
}

function isIssuedBy(certificate: Certificate, issuer: Certificate, trust: Trust): boolean {
  try {
    return (
      certificate.issuer.matches(issuer.subject) &&
      checkIssued(certificate, issuer, trust.keys) === undefined
    )
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

// An answer that does not bring our nonce back may be an old one: it does not count.
async function askEach(
  { connector, random }: World,
  purpose: FileToJudge['purpose'],
  citizens: readonly Citizen[],
): Promise<readonly Uint8Array[]> {
  const responses: Uint8Array[] = []
  for (const { certificate, issuer } of citizens) {
    const nonce = random.bytes(nonceBytes)
    const request = encodeOcspRequest([ocspCertId(certificate, issuer, 'sha256')], nonce)
    const response = await connector.ocsp(purpose, request)
    if (bringsBack(response, nonce)) responses.push(response)
  }
  return responses
}

function bringsBack(response: Uint8Array, nonce: Uint8Array): boolean {
  try {
    const parsed = parseOcspResponse(response)
    return parsed.kind === 'basic' && bytesEqual(parsed.nonce ?? new Uint8Array(), nonce)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}
