/**
 * The JPKI certificate profile (jpki.md §2) as data, in two sets: the real one and the town's. Tells the two kinds of
 * leaf apart and finds the CRL partition of a certificate. What is not confirmed by two sources is not demanded.
 */
import type { KeyFacts } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { keyUsages, purposes } from './extension.ts'
import { attributeTypes, encodeName, type Name } from './name.ts'
import { passed, rejectedFor, type Verdict } from './reason.ts'

/** Signature certificate 署名用電子証明書, or user-authentication certificate 利用者証明用電子証明書. */
export type CertificateKind = 'signature' | 'authentication'

/** What one kind of leaf looks like. */
export interface LeafProfile {
  readonly kind: CertificateKind
  /** Any one of these policies makes a certificate one of this kind. A list, because phones have others. */
  readonly policies: readonly string[]
  /** KeyUsage must be exactly this. */
  readonly keyUsage: number
  /** An extended key usage that must be present; undefined: not looked at. */
  readonly purpose: string | undefined
  /** Name of the issuing CA, of every generation. */
  readonly issuer: Name
  /** The issuing CA's alternative name, in Japanese. Written, never demanded. */
  readonly issuerAlternative: Name
  /** Responder address put into certificates. Written, never dialled: endpoints come from configuration. */
  readonly ocspAddress: string
}

/** One certificate profile: all that differs between real, town, and the next card generation. */
export interface CertificateProfile {
  readonly name: string
  /** Stated in every report, so that an old judgement can be understood. */
  readonly version: string
  readonly organization: string
  readonly practiceStatement: string
  readonly leaves: readonly LeafProfile[]
  /** Keys a leaf may have. */
  readonly keys: readonly KeyDemand[]
  /** Years from issue to the birthday on which a certificate ends (jpki.md §5.2). Written, never demanded. */
  readonly validityYears: number
}

/** A kind of key that leaves may have. */
export type KeyDemand =
  | { readonly kind: 'rsa'; readonly bitsMin: number }
  | { readonly kind: 'ec'; readonly curve: 'P-256' | 'P-384' }

/** Which profile and kind a certificate turned out to be. */
export interface ClassifiedLeaf {
  readonly certificate: Certificate
  readonly profile: CertificateProfile
  readonly leaf: LeafProfile
}

/**
 * Tells a leaf's kind by policy, issuer, key usage and extended key usage, which must all agree.
 * `profile-unknown` when no kind has its policy; otherwise the rule that is broken. May throw `MalformedError`.
 */
export function classifyLeaf(
  certificate: Certificate,
  profile: CertificateProfile,
): Verdict<ClassifiedLeaf> {
  const policies = certificate.policies
  const leaf = profile.leaves.find(each =>
    policies?.some(policy => each.policies.includes(policy.id)),
  )
  if (leaf === undefined) {
    return rejectedFor('profile-unknown', {
      profile: profile.name,
      policies: policies?.map(each => each.id) ?? [],
    })
  }
  if (!certificate.issuer.matches(leaf.issuer)) {
    return rejectedFor('profile-unknown', { profile: profile.name, field: 'issuer' })
  }
  if (certificate.keyUsage !== leaf.keyUsage) return rejectedFor('key-usage-unacceptable')
  if (leaf.purpose !== undefined && !certificate.extendedKeyUsage?.includes(leaf.purpose)) {
    return rejectedFor('extended-key-usage-unacceptable', { demanded: leaf.purpose })
  }
  if (certificate.basicConstraints?.isAuthority === true) {
    return rejectedFor('profile-unknown', { profile: profile.name, field: 'basicConstraints' })
  }
  return passed({ certificate, profile, leaf })
}

/** Whether a leaf's key is one that the profile allows. */
export function isKeyAllowed(facts: KeyFacts, profile: CertificateProfile): boolean {
  return profile.keys.some(demand => {
    if (demand.kind === 'rsa') return facts.kind === 'rsa' && facts.bits >= demand.bitsMin
    return facts.kind === 'ec' && facts.curve === demand.curve
  })
}

/** The profile's rules for one kind of leaf. */
export function leafProfile(profile: CertificateProfile, kind: CertificateKind): LeafProfile {
  const found = profile.leaves.find(each => each.kind === kind)
  if (found === undefined) throw new RangeError(`${profile.name} has no ${kind} leaf`)
  return found
}

/**
 * The CRL partition that covers a certificate: the directory name of its distribution point (jpki.md §2.2). Undefined
 * when it has none; then only a list without partition can cover it. May throw `MalformedError`.
 */
export function partitionOf(certificate: Certificate): Name | undefined {
  for (const point of certificate.crlDistributionPoints ?? []) {
    for (const name of point.fullName ?? []) if (name.kind === 'directory') return name.name
  }
  return undefined
}

/** Whether a CA certificate belongs to a test hierarchy: production must refuse it as an anchor. */
export function isTownAnchor(certificate: Certificate): boolean {
  const organization = certificate.subject.attribute(attributeTypes.organization)
  return organization === jpkiTown.organization
}

const { country, organization, organizationalUnit } = attributeTypes
const agency = 'Japan Agency for Local Authority Information Systems'

function leaves(
  name: string,
  policies: Readonly<Record<CertificateKind, readonly string[]>>,
  addresses: Readonly<Record<CertificateKind, string>>,
): readonly LeafProfile[] {
  const issuer = (unit: string): Name =>
    encodeName([
      [country, 'JP'],
      [organization, name],
      [organizationalUnit, unit],
      [organizationalUnit, agency],
    ])
  const alternative = (unit: string): Name =>
    encodeName([
      [country, 'JP'],
      [organization, '公的個人認証サービス'],
      [organizationalUnit, `公的個人認証サービス${unit}`],
      [organizationalUnit, '地方公共団体情報システム機構'],
    ])
  return [
    {
      kind: 'signature',
      policies: policies.signature,
      keyUsage: keyUsages.digitalSignature | keyUsages.nonRepudiation,
      purpose: undefined,
      issuer: issuer('JPKI for digital signature'),
      issuerAlternative: alternative('署名用'),
      ocspAddress: addresses.signature,
    },
    {
      kind: 'authentication',
      policies: policies.authentication,
      keyUsage: keyUsages.digitalSignature,
      purpose: purposes.clientAuth,
      issuer: issuer('JPKI for user authentication'),
      issuerAlternative: alternative('利用者証明用'),
      ocspAddress: addresses.authentication,
    },
  ]
}

/**
 * The real JPKI: cards of the present generation. Phones have policies of their own that two sources have not
 * confirmed (jpki.md §2.4); whoever knows them adds them to a copy.
 */
export const jpkiReal: CertificateProfile = {
  name: 'jpki',
  version: 'jpki-2026-11',
  organization: 'JPKI',
  practiceStatement: 'http://www.jpki.go.jp/cps.html',
  leaves: leaves(
    'JPKI',
    {
      signature: ['1.2.392.200149.8.5.1.1.20'],
      authentication: ['1.2.392.200149.8.5.1.3.30'],
    },
    {
      signature: 'http://ocspsignnorm.jpki.go.jp',
      authentication: 'http://ocspauthnorm.jpki.go.jp',
    },
  ),
  keys: [{ kind: 'rsa', bitsMin: 2048 }],
  validityYears: 5,
}

/**
 * The town: the same structure under the test hierarchy's name. The signature policy is the published test policy; the
 * authentication policy is ours, from the arc that ITU-T reserves for examples (2.999), because none is published.
 */
export const jpkiTown: CertificateProfile = {
  name: 'jpki-town',
  version: 'jpki-town-2026-11',
  organization: 'JPKI-TEST',
  practiceStatement: 'http://localhost/cps.html',
  leaves: leaves(
    'JPKI-TEST',
    { signature: ['1.2.392.200149.8.5.1.0.20'], authentication: ['2.999.200149.8.5.1.0.30'] },
    {
      signature: 'http://ocsp-signature.localhost',
      authentication: 'http://ocsp-authentication.localhost',
    },
  ),
  // The next card's keys too (jpki.md §1.10): a town can turn its clock to them.
  keys: [
    { kind: 'rsa', bitsMin: 2048 },
    { kind: 'ec', curve: 'P-384' },
  ],
  validityYears: 5,
}
