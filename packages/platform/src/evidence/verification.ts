/** The judge: the trust core's verdict over the platform's anchors, lists and clock, as refusals or as a report. */
import { Refusal } from '@sekisho/contract'
import {
  describeValidation,
  encodeOcspRequest,
  ocspCertId,
  ocspLimits,
  partitionOf,
  readFourAttributes,
  type RevocationEvidence,
  validateSignature,
  type ValidationReport,
} from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { AuthorityConnector } from './connector.ts'
import type { Judge, Judged, SignatureToJudge, StatusNow } from './judge.ts'
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
      const { report, judged, method } = await judge(world, given)
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
        isStatusChecked: report.revocation !== undefined,
        method,
      }
    },
    statusOf: certificate => statusOf(world, certificate),
  }
}

/** Reasons that tell something of the person, together with the other certificate (flows.md §3). */
const endedBy: Readonly<Record<string, StatusNow>> = {
  superseded: 'superseded',
  affiliationChanged: 'changed',
  cessationOfOperation: 'ceased',
}

/**
 * What the lists say first, so that a certificate that was revoked and has since expired is told as revoked for as long as it
 * is listed; then its end.
 */
function statusOf(world: World, certificate: Parameters<Judge['statusOf']>[0]): StatusNow {
  const at = world.clock.now()
  const anchor = world.trust.anchors.find(one => issuerKeyId(one) === certificate.issuerKeyId)
  if (anchor === undefined) throw new Refusal('revocation-unavailable')
  const answer = world.keeper
    .index()
    .lookupSerial(anchor.spki, integerContent(certificate.serial), at)
  const isPast = certificate.notAfter < at
  switch (answer.state) {
    case 'good':
      if (!isPast) return 'valid'
      return certificate.notAfter === 0 ? 'unlisted' : 'expired'
    case 'held':
      return 'held'
    case 'revoked':
      return endedBy[answer.reason] ?? 'revoked'
    case 'stale':
      throw new Refusal('revocation-stale')
    case 'not-covered':
      throw new Refusal('revocation-unavailable')
    default:
      return answer satisfies never
  }
}

async function judge(
  world: World,
  given: SignatureToJudge,
): Promise<{
  readonly report: ValidationReport
  readonly judged: Judged | undefined
  readonly method: 'crl' | 'ocsp'
}> {
  const at = world.clock.now()
  const validate = (revocation: RevocationEvidence): ValidationReport =>
    validateSignature({
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
  const byList =
    given.revocation === 'crl'
      ? validate({ kind: 'index', index: world.keeper.index() })
      : undefined
  const method = byList === undefined || isTooOld(byList, given.freshnessMs) ? 'ocsp' : 'crl'
  const report =
    method === 'crl' && byList !== undefined
      ? byList
      : await validateByOcsp(world, given.purpose, validate)
  if (report.verdict.kind !== 'passed') return { report, judged: undefined, method }
  const { certificate, path, kind } = report.verdict.value
  const attributes = kind === 'signature' ? readFourAttributes(certificate) : undefined
  if (attributes !== undefined && attributes.kind !== 'passed')
    return { report: { ...report, verdict: attributes }, judged: undefined, method }
  return {
    report,
    method,
    judged: {
      reference: { issuerKeyId: issuerKeyId(path.anchor), serial: certificate.serialHex },
      purpose: kind,
      notAfter: certificate.notAfter,
      distributionPoint: partitionOf(certificate)?.raw ?? null,
      attributes: attributes?.value,
      at,
      policy: world.trust.profile.version,
      method,
      // Made only for those who keep it: it costs as much as reading the certificate.
      get evidence() {
        return describeValidation(report)
      },
    },
  }
}

/** Whether what passed by a list rests on one that is older than the provider takes. What failed by it fails. */
function isTooOld(report: ValidationReport, freshnessMs: number | undefined): boolean {
  if (freshnessMs === undefined || report.verdict.kind !== 'passed') return false
  const { source } = report.verdict.value.notRevoked
  return source === undefined || report.demands.at - source.thisUpdate > freshnessMs
}

/**
 * Asks the authority about a certificate only once everything else about it and the signature is good, so that nobody makes
 * us ask (and pay) about serials of their choosing.
 */
async function validateByOcsp(
  world: World,
  purpose: SignatureToJudge['purpose'],
  validate: (revocation: RevocationEvidence) => ValidationReport,
): Promise<ValidationReport> {
  const before = validate({ kind: 'danger-unchecked' })
  if (before.verdict.kind !== 'passed') return { ...before, revocation: undefined }
  const { certificate, path } = before.verdict.value
  const nonce = world.random.bytes(nonceBytes)
  const request = encodeOcspRequest([ocspCertId(certificate, path.anchor, 'sha256')], nonce)
  const response = await world.connector.ocsp(purpose, request)
  return validate({ kind: 'ocsp', response, nonce, limits: ocspLimits })
}

/**
 * The refusal for a report. Where lists are missing or stale because the newest one did not verify, that is the reason worth
 * telling.
 */
function refusalFor(world: World, report: ValidationReport) {
  if (report.verdict.kind === 'passed') throw new Error('nothing to refuse')
  const [first] = report.verdict.reasons
  const refusal = refusalOf(first.code, report.demands.purpose)
  if (refusal !== 'revocation-unavailable' && refusal !== 'revocation-stale') return refusal
  const { certificate, path, demands } = report
  if (demands.revocation.kind !== 'index' || path?.kind !== 'passed') return refusal
  const point = certificate === undefined ? undefined : partitionOf(certificate)
  if (point === undefined) return refusal
  const key = { issuerKeyId: issuerKeyId(path.value.anchor), distributionPoint: point.raw }
  return world.keeper.refusedOf(key) ?? refusal
}

/** A serial's hex as INTEGER content: with the sign byte that a leading one bit needs. */
function integerContent(hex: string): Uint8Array {
  const bytes = Buffer.from(hex, 'hex')
  return (bytes[0] ?? 0) >= 0x80 ? new Uint8Array([0, ...bytes]) : new Uint8Array(bytes)
}
