/**
 * The town's time-stamp authority (RFC 3161), as an accredited operator would run it: a root of its own, one certificate a year for
 * time-stamping, and a list of the root's by which that certificate can be shown not revoked. Its clock is the town's.
 */
import {
  type Certificate,
  digest,
  encodeName,
  type HashName,
  keyUsages,
  MalformedError,
  parseCertificate,
  parseTimeStampRequest,
} from '@sekisho/pki'
import {
  extension,
  issueCertificate,
  issueCrl,
  issueTimeStampCertificate,
  issueTimeStampRefusal,
  issueTimeStampResponse,
  issueTimeStampToken,
  keyIdentifier,
} from '@sekisho/pki/issue'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { CaKey } from '../ca/hierarchy.ts'

/** What stamps. */
export type Stamper = {
  /** What verifiers take as anchor for time-stamps. */
  readonly root: Certificate
  /** The response to a request, both DER. A request that is malformed or asks for what is not offered gets a refusal. */
  answer(request: Uint8Array): Uint8Array
  /** The root's list at the present instant, DER: nothing is revoked. */
  list(): Uint8Array
}

/** When root and stamping key begin, and their keys. */
export type StamperPlan = {
  readonly root: CaKey
  readonly stamping: CaKey
  readonly organization: string
  readonly notBefore: Instant
}

/** Policy of the stamps, in the arc for examples (ITU-T X.660): a town has no arc of its own. */
const policy = '2.999.392.1'
/** Half a second: the platform and the town read one clock. */
const accuracyMs = 500
const serialBytes = 8
const rootYears = 30
const stampingYears = 5
const dayMs = 24 * 3600 * 1000

/** Makes the authority of a plan. */
export function createStamper(
  plan: StamperPlan,
  world: { readonly clock: Clock; readonly random: Random },
): Stamper {
  const root = stampRootOf(plan)
  const issuer = { certificate: root, algorithm: plan.root.algorithm, sign: plan.root.sign }
  const { algorithm, sign } = plan.stamping
  const certificateOf = (year: number): Certificate =>
    parseCertificate(
      issueTimeStampCertificate({
        issuer,
        serial: Uint8Array.of(year >> 8, year & 0xff),
        spki: plan.stamping.spki,
        notBefore: Math.max(Date.UTC(year, 0, 1), plan.notBefore),
        notAfter: Math.min(Date.UTC(year + stampingYears, 0, 1), root.notAfter),
        commonName: `Time-stamp authority ${year}`,
      }),
    )
  // A new certificate each year, so that what is stamped later is believed longer.
  let present: { readonly year: number; readonly certificate: Certificate } | undefined
  const certificateAt = (at: Instant): Certificate => {
    const year = new Date(at).getUTCFullYear()
    if (present?.year !== year) present = { year, certificate: certificateOf(year) }
    return present.certificate
  }
  return {
    root,
    answer: request => {
      const asked = readRequest(request)
      if (asked === undefined) return issueTimeStampRefusal()
      const serial = world.random.bytes(serialBytes)
      const at = world.clock.now()
      const content = { policy, serial, at, accuracyMs, ...asked }
      const certificate = certificateAt(at)
      return issueTimeStampResponse(issueTimeStampToken(content, { certificate, algorithm, sign }))
    },
    list: () => {
      const day = Math.floor(world.clock.now() / dayMs)
      return issueCrl(
        {
          issuer: root.subject,
          issuerKeyId: keyIdentifier(root.spki),
          thisUpdate: day * dayMs,
          nextUpdate: (day + 2) * dayMs,
          number: day,
          partition: undefined,
          deltaBase: undefined,
          entries: [],
        },
        plan.root.algorithm,
        plan.root.sign,
      )
    },
  }
}

/** The root's certificate. */
export function stampRootOf({ root, organization, notBefore }: StamperPlan): Certificate {
  const name = encodeName([
    ['2.5.4.6', 'JP'],
    ['2.5.4.10', organization],
    ['2.5.4.3', 'Time-stamp root'],
  ])
  const content = {
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBefore,
    notAfter: notBefore + rootYears * 365 * dayMs,
    spki: root.spki,
    extensions: [
      extension.keyUsage(keyUsages.keyCertSign | keyUsages.crlSign),
      extension.basicConstraints(true),
      extension.subjectKeyIdentifier(keyIdentifier(root.spki)),
    ],
  }
  return parseCertificate(issueCertificate(content, root.algorithm, root.sign))
}

function readRequest(
  request: Uint8Array,
):
  | { readonly hash: HashName; readonly value: Uint8Array; readonly nonce: Uint8Array | undefined }
  | undefined {
  try {
    const { imprint, nonce, policy: wanted } = parseTimeStampRequest(request)
    const { hash, value } = imprint
    if (hash === 'weak' || hash === 'unsupported') return undefined
    if (value.length !== digest(hash, new Uint8Array()).length) return undefined
    return wanted === undefined || wanted === policy ? { hash, value, nonce } : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
