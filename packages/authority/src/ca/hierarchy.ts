/**
 * The two CAs with their key generations (A2): one DN for all generations of a kind, self-signed, single tier, each with a
 * delegated OCSP responder. New certificates come from the newest generation that has begun.
 */
import {
  type Certificate,
  type CertificateKind,
  type CertificateProfile,
  parseCertificate,
  type SignatureAlgorithm,
  toHex,
} from '@sekisho/pki'
import {
  type IssuingAuthority,
  issueAuthorityCertificate,
  issueResponderCertificate,
  type OcspResponder,
  type Signer,
} from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'

/** A signing key of the authority. */
export type CaKey = {
  readonly spki: Uint8Array
  readonly sign: Signer
  readonly algorithm: SignatureAlgorithm
}

/** One key generation of one CA. */
export type CaGeneration = IssuingAuthority & {
  readonly kind: CertificateKind
  readonly generation: number
  /** Hex of the subject key identifier: the name of this key between authority and verifiers. */
  readonly keyId: string
  /**
   * Who signs OCSP answers at an instant. Its certificate says that nobody need check it, so it is short-lived: a new one each
   * month of domain time, good for two.
   */
  responderAt(at: Instant): OcspResponder
}

/** All generations of both CAs. */
export type Hierarchy = {
  readonly profile: CertificateProfile
  /** Every CA certificate: what verifiers take as anchors. */
  readonly anchors: readonly Certificate[]
  /** The generation that issues at an instant. A fault when none is in force. */
  issuing(kind: CertificateKind, at: Instant): CaGeneration
  /** Generations whose certificate is valid at an instant: they issue lists and answers. */
  inForce(at: Instant): readonly CaGeneration[]
}

/** When a generation's key and certificate begin; ends ten years later (jpki.md §2.1). */
export type GenerationPlan = {
  readonly kind: CertificateKind
  readonly generation: number
  readonly notBefore: Instant
  readonly ca: CaKey
  readonly responder: CaKey
}

const caYears = 10

/** Builds the hierarchy of a plan; oldest first. */
export function createHierarchy(
  profile: CertificateProfile,
  plans: readonly GenerationPlan[],
): Hierarchy {
  const generations = plans.map(plan => createGeneration(profile, plan))
  const inForce = (at: Instant): readonly CaGeneration[] =>
    generations.filter(
      ({ certificate }) => certificate.notBefore <= at && at <= certificate.notAfter,
    )
  return {
    profile,
    anchors: generations.map(generation => generation.certificate),
    inForce,
    issuing: (kind, at) => {
      const found = inForce(at).findLast(generation => generation.kind === kind)
      if (found === undefined) throw new Error(`no CA for ${kind} is in force`)
      return found
    },
  }
}

function createGeneration(profile: CertificateProfile, plan: GenerationPlan): CaGeneration {
  const end = new Date(plan.notBefore)
  end.setUTCFullYear(end.getUTCFullYear() + caYears)
  const notAfter = Date.UTC(
    end.getUTCFullYear(),
    end.getUTCMonth(),
    end.getUTCDate() - 1,
    14,
    59,
    59,
  )
  const certificate = parseCertificate(
    issueAuthorityCertificate({
      profile,
      kind: plan.kind,
      serial: serialOf(plan.generation),
      notBefore: plan.notBefore,
      notAfter,
      spki: plan.ca.spki,
      algorithm: plan.ca.algorithm,
      sign: plan.ca.sign,
    }),
  )
  const issuer: IssuingAuthority = { certificate, algorithm: plan.ca.algorithm, sign: plan.ca.sign }
  const keyId = certificate.subjectKeyIdentifier
  if (keyId === undefined) throw new Error('a CA certificate without key identifier')
  return {
    ...issuer,
    kind: plan.kind,
    generation: plan.generation,
    keyId: toHex(keyId),
    responderAt: createResponders(issuer, plan),
  }
}

/** Responder certificates by month; the present one is kept. */
function createResponders(
  issuer: IssuingAuthority,
  plan: GenerationPlan,
): (at: Instant) => OcspResponder {
  let present: { readonly month: number; readonly responder: OcspResponder } | undefined
  return at => {
    const month = Math.floor(at / responderMonthMs)
    if (present?.month === month) return present.responder
    const certificate = parseCertificate(
      issueResponderCertificate({
        issuer,
        serial: serialOf(responderSerials + month),
        spki: plan.responder.spki,
        notBefore: month * responderMonthMs,
        notAfter: (month + 2) * responderMonthMs - 1000,
        commonName: `OCSP responder ${plan.kind} ${plan.generation}`,
      }),
    )
    const { algorithm, sign } = plan.responder
    present = { month, responder: { certificate, isAuthority: false, algorithm, sign } }
    return present.responder
  }
}

const responderMonthMs = 30 * 24 * 3600 * 1000
/** Serials of responders lie above those of CAs (below 256) and below those of people (four octets). */
const responderSerials = 0x1000

function serialOf(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 0xff])
}
