/**
 * The complete judgement of a citizen's signature: certificate, path, kind and purpose, revocation, signature. Both
 * that the certificate is not revoked and that the signature is right must be checked (JPKI act, article 20).
 */
import type { SignatureAlgorithm } from './algorithm.ts'
import { Certificate, parseCertificate } from './certificate.ts'
import { digest, type PublicKey } from './crypto.ts'
import { toHex } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import { pathBudget, type VerifiedPath } from './path.ts'
import type { CertificateKind, CertificateProfile } from './profile.ts'
import { type Instant, passed, type Reason, type Verdict } from './reason.ts'
import type { NotRevoked, RevocationEvidence } from './revocation.ts'
import type { RevocationSource } from './crl-judgement.ts'
import { type SignatureForm, type SignedContent, verifySignature } from './signature.ts'
import {
  type CertificateStanding,
  collect,
  judgeSigner,
  malformedCertificate,
} from './signer-certificate.ts'

/** All that decides. Nothing has a default. */
export interface ValidationDemands {
  /** The signed content. */
  readonly content: SignedContent
  readonly form: SignatureForm
  readonly signature: Uint8Array
  readonly algorithm: SignatureAlgorithm
  /** The signer's certificate: bytes, or parsed already. */
  readonly certificate: Certificate | Uint8Array
  /** The time of judgement. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  readonly revocation: RevocationEvidence
  /** What the signature was made for: to sign a document, or to log in. A certificate of the other kind is refused. */
  readonly purpose: CertificateKind
  readonly profile: CertificateProfile
  /** `refused` wherever anything is at stake; `danger-accepted` in a town and in tests. */
  readonly poolKeys: 'refused' | 'danger-accepted'
  readonly keys: KeyCache
}

/** What has been found good, when everything was. */
export interface ValidSignature {
  readonly certificate: Certificate
  readonly path: VerifiedPath
  readonly notRevoked: NotRevoked
  readonly kind: CertificateKind
}

/** The judgement with all that it rests on. Holds the certificate: personal. See `describeValidation`. */
export interface ValidationReport {
  readonly verdict: Verdict<ValidSignature>
  readonly demands: ValidationDemands
  readonly certificate: Certificate | undefined
  readonly path: Verdict<VerifiedPath> | undefined
  readonly revocation: Verdict<NotRevoked> | undefined
}

/** A report as plain data, with no serial number and no attribute in it. Times in ISO 8601. */
export interface ValidationDescription {
  readonly verdict: 'passed' | 'failed' | 'indeterminate'
  readonly reasons: readonly Reason[]
  readonly at: string
  readonly purpose: CertificateKind
  readonly algorithm: SignatureAlgorithm
  readonly form: SignatureForm
  readonly profile: string
  readonly policyVersion: string
  /** Leaf first, anchor last; the leaf without its name. */
  readonly path: readonly CertificateDescription[]
  readonly revocation:
    | {
        readonly kind: RevocationSource['kind']
        readonly thisUpdate: string
        readonly nextUpdate: string
        readonly number: number | undefined
      }
    | { readonly kind: 'unchecked' }
    | undefined
}

/** Facts of one certificate of a path. */
export interface CertificateDescription {
  /** Empty for the leaf: its name identifies a person. */
  readonly subject: string
  readonly notBefore: string
  readonly notAfter: string
  /** SHA-256 of the subject public key info; empty for the leaf. */
  readonly keyFingerprint: string
}

/**
 * Judges a signature. Every step that can be taken is taken, so that the report names all that is wrong: the verdict
 * leads with the highest-ranked reason. NOT done: whether an anchor is revoked or may be trusted at all (production
 * checks its anchors at start: `isTownAnchor`, `isPoolKey`), and reading the four attributes (`readFourAttributes`).
 */
export function validateSignature(demands: ValidationDemands): ValidationReport {
  const parsed = readCertificate(demands.certificate)
  if (parsed.kind !== 'passed') {
    return {
      verdict: parsed,
      demands,
      certificate: undefined,
      path: undefined,
      revocation: undefined,
    }
  }
  const certificate = parsed.value
  const { key, classified, path, standings } = judgeSigner(certificate, {
    at: demands.at,
    provenAt: undefined,
    anchors: demands.anchors,
    intermediates: [],
    revocation: demands.revocation,
    rules: {
      kind: 'profile',
      profile: demands.profile,
      purpose: demands.purpose,
      poolKeys: demands.poolKeys,
    },
    budget: pathBudget,
    keys: demands.keys,
  })
  const revocation = standings === undefined ? undefined : notRevokedOf(standings)
  const signed = key.kind === 'passed' ? checkSignature(key.value, demands) : key
  const isAll =
    classified.kind === 'passed' &&
    classified.value !== undefined &&
    path.kind === 'passed' &&
    revocation?.kind === 'passed' &&
    signed.kind === 'passed'
  const verdict: Verdict<ValidSignature> = isAll
    ? passed({
        certificate,
        path: path.value,
        notRevoked: revocation.value,
        kind: classified.value,
      })
    : collect([classified, path, revocation, signed])
  return { verdict, demands, certificate, path, revocation }
}

/** Plain data of a report, for JSON, people and evidence stores. */
export function describeValidation(report: ValidationReport): ValidationDescription {
  const { demands, verdict } = report
  const path = report.path?.kind === 'passed' ? report.path.value : undefined
  const found = report.revocation?.kind === 'passed' ? report.revocation.value : undefined
  const source = found?.source
  return {
    verdict: verdict.kind,
    reasons: verdict.kind === 'passed' ? [] : verdict.reasons,
    at: iso(demands.at),
    purpose: demands.purpose,
    algorithm: demands.algorithm,
    form: demands.form,
    profile: demands.profile.name,
    policyVersion: demands.profile.version,
    path: path === undefined ? [] : [...path.certificates, path.anchor].map(describeCertificate),
    revocation:
      source !== undefined
        ? {
            kind: source.kind,
            thisUpdate: iso(source.thisUpdate),
            nextUpdate: iso(source.nextUpdate),
            number: source.number,
          }
        : found === undefined
          ? undefined
          : { kind: 'unchecked' },
  }
}

function readCertificate(given: Certificate | Uint8Array): Verdict<Certificate> {
  if (given instanceof Certificate) return passed(given)
  try {
    return passed(parseCertificate(given))
  } catch (error) {
    return malformedCertificate(error)
  }
}

// Without a proven time there is but one way to stand, and one tier has one certificate.
function notRevokedOf(standings: Verdict<readonly CertificateStanding[]>): Verdict<NotRevoked> {
  if (standings.kind !== 'passed') return standings
  const [leaf] = standings.value
  if (leaf?.kind !== 'not-revoked') throw new Error('a leaf that passed is not revoked')
  return passed(leaf.notRevoked)
}

function checkSignature(key: PublicKey, demands: ValidationDemands): Verdict<true> {
  return verifySignature({
    key,
    algorithm: demands.algorithm,
    form: demands.form,
    content: demands.content,
    signature: demands.signature,
  })
}

function describeCertificate(certificate: Certificate, position: number): CertificateDescription {
  const isLeaf = position === 0
  return {
    subject: isLeaf ? '' : certificate.subject.toString(),
    notBefore: iso(certificate.notBefore),
    notAfter: iso(certificate.notAfter),
    keyFingerprint: isLeaf ? '' : toHex(digest('sha256', certificate.spki)),
  }
}

function iso(at: Instant): string {
  return new Date(at).toISOString()
}
