/**
 * Certificates of the JPKI structure (jpki.md §2): CA, both leaves, OCSP responder. Which names, policies and addresses
 * they carry is data (`CertificateProfile`). The order of extensions is that of the real authentication leaf and CA; for
 * the signature leaf, of which no real one was at hand, it is the same order with the alternative name after the policies.
 */
import type { SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { keyUsages, purposes } from '../extension.ts'
import {
  attributeNames,
  encodeBirthDate,
  encodeGender,
  type FourAttributes,
} from '../four-attributes.ts'
import { attributeTypes, encodeName, type Name } from '../name.ts'
import { type CertificateKind, type CertificateProfile, leafProfile } from '../profile.ts'
import type { Instant } from '../reason.ts'
import {
  type EncodedExtension,
  extension,
  generalName,
  issueCertificate,
  keyIdentifier,
  type Signer,
} from './certificate.ts'

/** A CA that issues: its certificate, and how to have something signed with its key. */
export interface IssuingAuthority {
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  readonly sign: Signer
}

/** What a new CA generation needs. All generations of a kind share one name. */
export interface AuthorityRequest {
  readonly profile: CertificateProfile
  readonly kind: CertificateKind
  readonly serial: Uint8Array
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly spki: Uint8Array
  readonly algorithm: SignatureAlgorithm
  readonly sign: Signer
}

/** A self-signed CA certificate as in jpki.md §2.1: no path length, no authority key identifier. */
export function issueAuthorityCertificate(request: AuthorityRequest): Uint8Array {
  const leaf = leafProfile(request.profile, request.kind)
  const name = leaf.issuer
  return issueCertificate(
    {
      serial: request.serial,
      issuer: name,
      subject: name,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      spki: request.spki,
      extensions: [
        extension.keyUsage(keyUsages.keyCertSign | keyUsages.crlSign),
        extension.subjectAltName([generalName.directory(leaf.issuerAlternative)]),
        extension.basicConstraints(true),
        extension.crlDistributionPoint(name),
        extension.subjectKeyIdentifier(keyIdentifier(request.spki)),
      ],
    },
    request.algorithm,
    request.sign,
  )
}

/** What both kinds of leaf need. */
export interface LeafRequest {
  readonly profile: CertificateProfile
  readonly issuer: IssuingAuthority
  readonly serial: Uint8Array
  readonly spki: Uint8Array
  readonly notBefore: Instant
  /** 14:59:59Z of the last day: see `lastInstantOfDay`. */
  readonly notAfter: Instant
  /** Opaque subject identifier (CN). */
  readonly commonName: string
  /** The CRL partition (see `partitionName`). */
  readonly partition: Name
}

/** What a signature leaf needs besides. */
export interface SignatureLeafRequest extends LeafRequest {
  readonly attributes: FourAttributes
  /** In romaji, as `Tokyo-to`. */
  readonly prefecture: string
  /** In romaji, as `Chiyoda-ku`. */
  readonly municipality: string
}

/** A user-authentication certificate as in jpki.md §2.2. */
export function issueAuthenticationCertificate(request: LeafRequest): Uint8Array {
  const subject = encodeName([
    [attributeTypes.country, 'JP'],
    [attributeTypes.commonName, request.commonName],
  ])
  return issueLeaf(request, 'authentication', subject, [])
}

/** A signature certificate as in jpki.md §2.3. */
export function issueSignatureCertificate(request: SignatureLeafRequest): Uint8Array {
  const { attributes } = request
  const subject = encodeName([
    [attributeTypes.country, 'JP'],
    [attributeTypes.locality, request.prefecture],
    [attributeTypes.locality, request.municipality],
    [attributeTypes.commonName, request.commonName],
  ])
  const flags = (substitutes: readonly boolean[]): string =>
    substitutes.map(each => (each ? '1' : '0')).join('')
  const names = [
    generalName.otherText(attributeNames.name, attributes.name),
    generalName.otherText(attributeNames.birthDate, encodeBirthDate(attributes.birthDate)),
    generalName.otherText(attributeNames.gender, encodeGender(attributes.gender)),
    generalName.otherText(attributeNames.address, attributes.address),
    generalName.otherText(attributeNames.nameSubstitutes, flags(attributes.nameSubstitutes)),
    generalName.otherText(attributeNames.addressSubstitutes, flags(attributes.addressSubstitutes)),
  ]
  return issueLeaf(request, 'signature', subject, [extension.subjectAltName(names)])
}

function issueLeaf(
  request: LeafRequest,
  kind: CertificateKind,
  subject: Name,
  alternative: readonly EncodedExtension[],
): Uint8Array {
  const { profile, issuer } = request
  const leaf = leafProfile(profile, kind)
  const [policy] = leaf.policies
  if (policy === undefined) throw new RangeError(`${profile.name} has no ${kind} policy`)
  const authority = issuer.certificate
  return issueCertificate(
    {
      serial: request.serial,
      issuer: authority.subject,
      subject,
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      spki: request.spki,
      extensions: [
        extension.keyUsage(leaf.keyUsage),
        ...(leaf.purpose === undefined ? [] : [extension.extendedKeyUsage([leaf.purpose])]),
        extension.policies([{ id: policy, practiceStatement: profile.practiceStatement }], true),
        ...alternative,
        extension.issuerAltName([generalName.directory(leaf.issuerAlternative)]),
        extension.crlDistributionPoint(request.partition),
        extension.ocspAccess(leaf.ocspAddress),
        extension.authorityKeyIdentifier(keyIdentifier(authority.spki), {
          issuer: authority.issuer,
          serial: authority.serial,
        }),
        extension.subjectKeyIdentifier(keyIdentifier(request.spki)),
      ],
    },
    issuer.algorithm,
    issuer.sign,
  )
}

/** What an OCSP responder's certificate needs. */
export interface ResponderRequest {
  readonly issuer: IssuingAuthority
  readonly serial: Uint8Array
  readonly spki: Uint8Array
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly commonName: string
}

/** A delegated OCSP responder's certificate (RFC 6960 §4.2.2.2), with id-pkix-ocsp-nocheck: so keep it short-lived. */
export function issueResponderCertificate(request: ResponderRequest): Uint8Array {
  const { issuer } = request
  return issueCertificate(
    {
      serial: request.serial,
      issuer: issuer.certificate.subject,
      subject: encodeName([
        [attributeTypes.country, 'JP'],
        [attributeTypes.commonName, request.commonName],
      ]),
      notBefore: request.notBefore,
      notAfter: request.notAfter,
      spki: request.spki,
      extensions: [
        extension.keyUsage(keyUsages.digitalSignature),
        extension.extendedKeyUsage([purposes.ocspSigning]),
        extension.ocspNoCheck(),
        extension.authorityKeyIdentifier(keyIdentifier(issuer.certificate.spki)),
        extension.subjectKeyIdentifier(keyIdentifier(request.spki)),
      ],
    },
    issuer.algorithm,
    issuer.sign,
  )
}

/**
 * Name of the CRL partition of a municipality (jpki.md §2.2): the CA's name without the agency, then the distribution
 * points' unit, the prefecture, and the municipality with `CRLDP`.
 */
export function partitionName(
  profile: CertificateProfile,
  kind: CertificateKind,
  prefecture: string,
  municipality: string,
): Name {
  const own = leafProfile(profile, kind).issuer.relativeNames.slice(0, 3).flat()
  return encodeName([
    ...own.map(each => [each.type, each.text] as const),
    [attributeTypes.organizationalUnit, 'CRL Distribution Points'],
    [attributeTypes.organizationalUnit, prefecture],
    [attributeTypes.commonName, `${municipality} CRLDP`],
  ])
}

/** The last instant of a day in Japan, at which certificates end: 23:59:59 there, 14:59:59Z (jpki.md §2.2). */
export function lastInstantOfDay(year: number, month: number, day: number): Instant {
  return Date.UTC(year, month - 1, day, 14, 59, 59)
}
