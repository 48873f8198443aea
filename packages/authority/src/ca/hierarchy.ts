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
import { certificateLint, type Place } from '../lint/certificate-lints.ts'
import { type CrlFacts, crlLint } from '../lint/crl-lints.ts'
import { lintedSigner } from '../lint/lint.ts'
import { type OcspFacts, ocspLint } from '../lint/ocsp-lints.ts'
import type { GenerationKind } from './generation-kind.ts'

/** A signing key of the authority. */
export type CaKey = {
  readonly spki: Uint8Array
  readonly sign: Signer
  readonly algorithm: SignatureAlgorithm
}

/**
 * One key generation of one CA. Its key signs only what the lints let pass (`LintFault`), so there is no bare signer to be had.
 */
export type CaGeneration = {
  readonly kind: CertificateKind
  readonly generation: number
  /** What its certificates and cards are like. */
  readonly rules: GenerationKind
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  /** Hex of the subject key identifier: the name of this key between authority and verifiers. */
  readonly keyId: string
  /** Signs leaves of holders who live in a municipality. */
  issuerFor(place: Place): IssuingAuthority
  /** Signs the one list that the facts are about. */
  listSigner(facts: CrlFacts): Signer
  /**
   * Who signs OCSP answers at an instant. Its certificate says that nobody need check it, so it is short-lived: a new one each
   * month of domain time, good for two, within the CA's own.
   */
  responderAt(at: Instant): Responder
}

/** A delegated OCSP responder. */
export type Responder = {
  readonly certificate: Certificate
  /** Signs the one answer that the facts are about. */
  signerFor(facts: OcspFacts): OcspResponder
}

/** All generations of both CAs. */
export type Hierarchy = {
  readonly profile: CertificateProfile
  /** Every CA certificate: what verifiers take as anchors. */
  readonly anchors: readonly Certificate[]
  /** Takes in a generation that a key ceremony has made. */
  add(plan: GenerationPlan): void
  /** Number of the newest generation of a CA, also of one that has not begun. */
  newest(kind: CertificateKind): number
  /** The generation that issues at an instant. A fault when none is in force. */
  issuing(kind: CertificateKind, at: Instant): CaGeneration
  /** Generations whose certificate is valid at an instant: they issue lists and answers. */
  inForce(at: Instant): readonly CaGeneration[]
}

/** When a generation's key and certificate begin; they end after the years of its kind (jpki.md §2.1). */
export type GenerationPlan = {
  readonly kind: CertificateKind
  readonly generation: number
  readonly rules: GenerationKind
  readonly notBefore: Instant
  readonly ca: CaKey
  readonly responder: CaKey
  /** Its certificate, if a key ceremony has made it; else it is made here, by a key that can sign now. */
  readonly certificate?: Uint8Array | undefined
}

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
    get anchors() {
      return generations.map(generation => generation.certificate)
    },
    add: plan => {
      generations.push(createGeneration(profile, plan))
    },
    newest: kind =>
      Math.max(...generations.filter(one => one.kind === kind).map(one => one.generation)),
    inForce,
    issuing: (kind, at) => {
      const found = inForce(at).findLast(generation => generation.kind === kind)
      if (found === undefined) throw new Error(`no CA for ${kind} is in force`)
      return found
    },
  }
}

/** Makes the self-signed certificate of a generation; `LintFault` when it would break a rule. */
export function certifyGeneration(
  profile: CertificateProfile,
  plan: Omit<GenerationPlan, 'responder' | 'certificate'>,
): Uint8Array {
  const end = new Date(plan.notBefore)
  end.setUTCFullYear(end.getUTCFullYear() + plan.rules.caYears)
  const { spki, algorithm, sign } = plan.ca
  const facts = { ca: plan.kind, profile, kind: 'ca', issuer: undefined, place: undefined } as const
  return issueAuthorityCertificate({
    profile,
    kind: plan.kind,
    serial: serialOf(plan.generation),
    notBefore: plan.notBefore,
    notAfter: Date.UTC(end.getUTCFullYear(), end.getUTCMonth(), end.getUTCDate() - 1, 14, 59, 59),
    spki,
    algorithm,
    sign: lintedSigner(sign, certificateLint(facts)),
  })
}

function createGeneration(profile: CertificateProfile, plan: GenerationPlan): CaGeneration {
  const { algorithm, sign } = plan.ca
  const common = { ca: plan.kind, profile }
  const certificate = parseCertificate(plan.certificate ?? certifyGeneration(profile, plan))
  const issuing = (kind: CertificateKind | 'responder', place?: Place): IssuingAuthority => {
    const lint = certificateLint({ ...common, kind, issuer: certificate, place })
    return { certificate, algorithm, sign: lintedSigner(sign, lint) }
  }
  const keyId = certificate.subjectKeyIdentifier
  if (keyId === undefined) throw new Error('a CA certificate without key identifier')
  return {
    kind: plan.kind,
    generation: plan.generation,
    rules: plan.rules,
    certificate,
    algorithm,
    keyId: toHex(keyId),
    issuerFor: place => issuing(plan.kind, place),
    listSigner: facts => lintedSigner(sign, crlLint(certificate, facts)),
    responderAt: createResponders(issuing('responder'), {
      key: plan.responder,
      name: `${plan.kind} ${plan.generation}`,
    }),
  }
}

/** Responder certificates of a CA by month; the present one is kept. */
export function createResponders(
  issuer: IssuingAuthority,
  plan: { readonly key: CaKey; readonly name: string },
): (at: Instant) => Responder {
  let present: { readonly month: number; readonly responder: Responder } | undefined
  const ca = issuer.certificate
  return at => {
    const month = Math.floor(at / responderMonthMs)
    if (present?.month === month) return present.responder
    const certificate = parseCertificate(
      issueResponderCertificate({
        issuer,
        serial: serialOf(responderSerials + month),
        spki: plan.key.spki,
        notBefore: Math.max(month * responderMonthMs, ca.notBefore),
        notAfter: Math.min((month + 2) * responderMonthMs - 1000, ca.notAfter),
        commonName: `OCSP responder ${plan.name}`,
      }),
    )
    const { algorithm, sign } = plan.key
    const signerFor = (facts: OcspFacts): OcspResponder => {
      const lint = ocspLint({ issuer: ca, responder: certificate }, facts)
      return { certificate, isAuthority: false, algorithm, sign: lintedSigner(sign, lint) }
    }
    present = { month, responder: { certificate, signerFor } }
    return present.responder
  }
}

const responderMonthMs = 30 * 24 * 3600 * 1000
/** Serials of responders lie above those of CAs (below 256) and below those of people (four octets). */
const responderSerials = 0x1000

function serialOf(value: number): Uint8Array {
  return new Uint8Array([value >> 8, value & 0xff])
}
