/**
 * The two CAs with their key generations (A2): one DN for all generations of a kind, self-signed, single tier, each with a
 * delegated OCSP responder. New certificates come from the newest generation.
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
  readonly responder: OcspResponder
}

/** All generations of both CAs. */
export type Hierarchy = {
  readonly profile: CertificateProfile
  readonly generations: readonly CaGeneration[]
  /** Every CA certificate: what verifiers take as anchors. */
  readonly anchors: readonly Certificate[]
  /** The generation that issues at an instant: the newest that has begun. */
  issuing(kind: CertificateKind, at: Instant): CaGeneration
  byKeyId(keyId: string): CaGeneration | undefined
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
  return {
    profile,
    generations,
    anchors: generations.map(generation => generation.certificate),
    issuing: (kind, at) => {
      const found = generations.findLast(
        generation => generation.kind === kind && generation.certificate.notBefore <= at,
      )
      if (found === undefined) throw new Error(`no CA for ${kind}`)
      return found
    },
    byKeyId: keyId => generations.find(generation => generation.keyId === keyId),
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
  const responder = parseCertificate(
    issueResponderCertificate({
      issuer,
      serial: serialOf(0x1000 + plan.generation),
      spki: plan.responder.spki,
      notBefore: plan.notBefore,
      notAfter,
      commonName: `OCSP responder ${plan.kind} ${plan.generation}`,
    }),
  )
  const keyId = certificate.subjectKeyIdentifier
  if (keyId === undefined) throw new Error('a CA certificate without key identifier')
  return {
    ...issuer,
    kind: plan.kind,
    generation: plan.generation,
    keyId: toHex(keyId),
    responder: {
      certificate: responder,
      isAuthority: false,
      algorithm: plan.responder.algorithm,
      sign: plan.responder.sign,
    },
  }
}

function serialOf(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 0xff])
}
