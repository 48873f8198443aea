/** The judge: the trust core's verdict over the platform's anchors, lists and clock, as refusals or as a report. */
import { Refusal } from '@sekisho/contract'
import {
  type Certificate,
  describeValidation,
  encodeOcspRequest,
  MalformedError,
  ocspCertId,
  ocspLimits,
  parseCertificate,
  partitionOf,
  readFourAttributes,
  type RevocationEvidence,
  toHex,
  validateSignature,
  type ValidationReport,
} from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { AuthorityConnector } from './connector.ts'
import type { Judge, Judged, SignatureToJudge } from './judge.ts'
import { refusalOf } from './refusal.ts'
import type { RevocationKeeper } from './revocation.ts'
import { issuerKeyId, type Trust } from './trust.ts'

type World = {
  readonly trust: Trust
  readonly keeper: RevocationKeeper
  readonly connector: AuthorityConnector
  readonly clock: Clock
  readonly random: Random
}

/** Bytes of an OCSP nonce (RFC 9654 §2.1 asks for 32). */
const nonceBytes = 32

/** Makes the judge. */
export function createJudge(world: World): Judge {
  return {
    demand: async given => {
      const { report, judged } = await judge(world, given)
      if (judged !== undefined) return judged
      throw new Refusal(refusalFor(world, report))
    },
    report: async given => {
      const { report, judged } = await judge(world, given)
      const { verdict } = report
      return {
        verdict: verdict.kind,
        judgedAt: new Date(report.demands.at).toISOString(),
        policy: world.trust.profile.version,
        reasons:
          verdict.kind === 'passed'
            ? []
            : verdict.reasons.map(({ code, ja, en }) => ({ code, ja, en })),
        judged,
      }
    },
    statusOf: certificate => {
      const at = world.clock.now()
      if (certificate.notAfter !== 0 && certificate.notAfter < at) return 'expired'
      const anchor = world.trust.anchors.find(one => issuerKeyId(one) === certificate.issuerKeyId)
      if (anchor === undefined) throw new Refusal('revocation-unavailable')
      const answer = world.keeper
        .index()
        .lookupSerial(anchor.spki, integerContent(certificate.serial), at)
      switch (answer.state) {
        case 'good':
          return 'valid'
        case 'revoked':
        case 'held':
          return answer.state
        case 'stale':
          throw new Refusal('revocation-stale')
        case 'not-covered':
          throw new Refusal('revocation-unavailable')
        default:
          return answer satisfies never
      }
    },
  }
}

async function judge(
  world: World,
  given: SignatureToJudge,
): Promise<{ readonly report: ValidationReport; readonly judged: Judged | undefined }> {
  const at = world.clock.now()
  const revocation: RevocationEvidence =
    given.revocation === 'ocsp'
      ? await askOcsp(world, given)
      : { kind: 'index', index: world.keeper.index() }
  const report = validateSignature({
    content: { kind: 'bytes', bytes: given.message },
    form: 'document',
    signature: given.signature,
    algorithm: 'rsa-sha256',
    certificate: given.certificate,
    at,
    anchors: world.trust.anchors,
    revocation,
    purpose: given.purpose,
    profile: world.trust.profile,
    poolKeys: world.trust.mode === 'town' ? 'danger-accepted' : 'refused',
    keys: world.trust.keys,
  })
  if (report.verdict.kind !== 'passed') return { report, judged: undefined }
  const { certificate, path, kind } = report.verdict.value
  const attributes = kind === 'signature' ? readFourAttributes(certificate) : undefined
  if (attributes !== undefined && attributes.kind !== 'passed')
    return { report: { ...report, verdict: attributes }, judged: undefined }
  return {
    report,
    judged: {
      reference: { issuerKeyId: issuerKeyId(path.anchor), serial: certificate.serialHex },
      purpose: kind,
      notAfter: certificate.notAfter,
      distributionPoint: partitionOf(certificate)?.raw ?? null,
      attributes: attributes?.value,
      at,
      policy: world.trust.profile.version,
      evidence: describeValidation(report),
    },
  }
}

/** Asks the authority about this certificate; a certificate whose issuer is not an anchor is not asked about. */
async function askOcsp(world: World, given: SignatureToJudge): Promise<RevocationEvidence> {
  const asked = issuerOf(world, given.certificate)
  if (asked === undefined) return { kind: 'index', index: world.keeper.index() }
  const nonce = world.random.bytes(nonceBytes)
  const request = encodeOcspRequest([ocspCertId(asked.certificate, asked.issuer, 'sha256')], nonce)
  const response = await world.connector.ocsp(given.purpose, request)
  return { kind: 'ocsp', response, nonce, limits: ocspLimits }
}

function issuerOf(
  world: World,
  der: Uint8Array,
): { readonly certificate: Certificate; readonly issuer: Certificate } | undefined {
  try {
    const certificate = parseCertificate(der)
    const keyId = certificate.authorityKeyIdentifier?.keyId
    const issuer =
      keyId === undefined
        ? undefined
        : world.trust.anchors.find(anchor => issuerKeyId(anchor) === toHex(keyId))
    return issuer === undefined ? undefined : { certificate, issuer }
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/**
 * The refusal for a report. Where lists are missing or stale because the newest one did not verify, that is the reason worth
 * telling.
 */
function refusalFor(world: World, report: ValidationReport) {
  if (report.verdict.kind === 'passed') throw new Error('nothing to refuse')
  const [first] = report.verdict.reasons
  const refusal = refusalOf(first.code)
  if (refusal !== 'revocation-unavailable' && refusal !== 'revocation-stale') return refusal
  const { certificate, path } = report
  const point = certificate === undefined ? undefined : partitionOf(certificate)
  if (path?.kind !== 'passed' || point === undefined) return refusal
  const key = { issuerKeyId: issuerKeyId(path.value.anchor), distributionPoint: point.raw }
  return world.keeper.refusedOf(key) ?? refusal
}

/** A serial's hex as INTEGER content: with the sign byte that a leading one bit needs. */
function integerContent(hex: string): Uint8Array {
  const bytes = Buffer.from(hex, 'hex')
  return (bytes[0] ?? 0) >= 0x80 ? new Uint8Array([0, ...bytes]) : new Uint8Array(bytes)
}
