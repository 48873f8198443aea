/** Certificate extensions (RFC 5280 §4.2, RFC 6960 §4.2.2.2.1): their values as types. Parsers throw `MalformedError`. */
import { contextConstructed, contextPrimitive, DerReader, MalformedError, tags } from './der.ts'
import { type GeneralName, readGeneralName, readGeneralNames } from './general-name.ts'

/** Bits of KeyUsage (RFC 5280 §4.2.1.3), as masks on the number that `Certificate.keyUsage` is. */
export const keyUsages = {
  digitalSignature: 1 << 0,
  nonRepudiation: 1 << 1,
  keyEncipherment: 1 << 2,
  dataEncipherment: 1 << 3,
  keyAgreement: 1 << 4,
  keyCertSign: 1 << 5,
  crlSign: 1 << 6,
  encipherOnly: 1 << 7,
  decipherOnly: 1 << 8,
} as const

/** Object identifiers of extended key usages and access methods. */
export const purposes = {
  any: '2.5.29.37.0',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  ocspSigning: '1.3.6.1.5.5.7.3.9',
  timeStamping: '1.3.6.1.5.5.7.3.8',
} as const

/** Object identifiers of access methods (RFC 5280 §4.2.2.1). */
export const accessMethods = {
  ocsp: '1.3.6.1.5.5.7.48.1',
  issuers: '1.3.6.1.5.5.7.48.2',
} as const

/** Qualifier whose value is the address of a certification practice statement. */
export const practiceStatementId = '1.3.6.1.5.5.7.2.1'

/** The policy that stands for any policy. */
export const anyPolicy = '2.5.29.32.0'

/** Slot numbers of the extensions this package processes. */
export const extensionSlots = {
  subjectKeyIdentifier: 0,
  keyUsage: 1,
  subjectAltName: 2,
  issuerAltName: 3,
  basicConstraints: 4,
  nameConstraints: 5,
  crlDistributionPoints: 6,
  certificatePolicies: 7,
  policyMappings: 8,
  authorityKeyIdentifier: 9,
  policyConstraints: 10,
  extendedKeyUsage: 11,
  freshestCrl: 12,
  inhibitAnyPolicy: 13,
  authorityInformationAccess: 14,
  ocspNoCheck: 15,
} as const

/** RFC 5280 §4.2.1.9. */
export interface BasicConstraints {
  readonly isAuthority: boolean
  /** Intermediate certificates allowed below, self-issued ones not counted. */
  readonly pathLengthMax: number | undefined
}

/** One qualifier of a policy (RFC 5280 §4.2.1.4). */
export interface PolicyQualifier {
  readonly id: string
  /** The encoded qualifier; an IA5String when the id is `practiceStatementId`. */
  readonly value: Uint8Array
}

/** One policy that a certificate was issued under (RFC 5280 §4.2.1.4). */
export interface PolicyInformation {
  readonly id: string
  /** The encoded qualifiers: see `readPolicyQualifiers`. No judgement needs them, so they are not decoded. */
  readonly qualifiers: Uint8Array | undefined
}

/** RFC 5280 §4.2.1.5: the issuer regards the two policies as equivalent. */
export interface PolicyMapping {
  readonly issuerPolicy: string
  readonly subjectPolicy: string
}

/** RFC 5280 §4.2.1.11: after how many more certificates the demand begins; undefined: no demand. */
export interface PolicyConstraints {
  readonly requireExplicitPolicy: number | undefined
  readonly inhibitPolicyMapping: number | undefined
}

/** RFC 5280 §4.2.1.10: the bases of the subtrees. */
export interface NameConstraints {
  readonly permitted: readonly GeneralName[]
  readonly excluded: readonly GeneralName[]
}

/** RFC 5280 §4.2.1.13. */
export interface DistributionPoint {
  readonly fullName: readonly GeneralName[] | undefined
  /** The encoded RelativeDistinguishedName content, kept but not resolved. */
  readonly relativeName: Uint8Array | undefined
  /** ReasonFlags as bits; undefined means all reasons. */
  readonly reasons: number | undefined
  readonly crlIssuer: readonly GeneralName[] | undefined
}

/** RFC 5280 §4.2.1.1. */
export interface AuthorityKeyIdentifier {
  readonly keyId: Uint8Array | undefined
  readonly issuer: readonly GeneralName[] | undefined
  /** INTEGER content of the issuer certificate's serial. */
  readonly serial: Uint8Array | undefined
}

/** RFC 5280 §4.2.2.1: where something about the issuer is to be had. Never dialled. */
export interface AccessDescription {
  readonly method: string
  readonly location: GeneralName
}

/** Slot of a known extension, or -1: compares the encoded identifier, because this runs for every certificate. */
export function slotOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start === 3 && bytes[start] === 0x55 && bytes[start + 1] === 0x1d) {
    return slotByArc[bytes[start + 2] ?? 0] ?? -1
  }
  if (standsAt(bytes, start, end, accessArc)) return extensionSlots.authorityInformationAccess
  return standsAt(bytes, start, end, noCheckArc) ? extensionSlots.ocspNoCheck : -1
}

/**
 * KeyUsage as bits (`keyUsages`); an empty one is refused. Parsers here take a reader over the value and read all of
 * it; they throw `MalformedError`.
 */
export function parseKeyUsage(reader: DerReader): number {
  const bits = reader.readNamedBits()
  reader.finish()
  // RFC 5280 §4.2.1.3: at least one bit must be set.
  if (bits === 0) throw new MalformedError('value-invalid', 0, 'empty key usage')
  return bits
}

/** BasicConstraints; a path length without the authority flag is refused. */
export function parseBasicConstraints(outer: DerReader): BasicConstraints {
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const isAuthority = reader.readDefaultFalse()
  const pathLengthMax = reader.isAtEnd ? undefined : reader.readUnsigned(pathLengthLimit)
  reader.finish()
  // RFC 5280 §4.2.1.9: no path length without the authority flag.
  if (pathLengthMax !== undefined && !isAuthority) throw new MalformedError('value-invalid', 0)
  return { isAuthority, pathLengthMax }
}

/** ExtKeyUsageSyntax: at least one usage (RFC 5280 §4.2.1.12). */
export function parseExtendedKeyUsage(outer: DerReader): readonly string[] {
  return readSequenceOf(outer, reader => reader.readObjectIdentifier())
}

/** CertificatePolicies: at least one, none twice. */
export function parseCertificatePolicies(outer: DerReader): readonly PolicyInformation[] {
  const policies = readSequenceOf(outer, readPolicyInformation)
  // RFC 5280 §4.2.1.4: a policy must not appear more than once.
  if (policies.length > 1 && new Set(policies.map(each => each.id)).size !== policies.length) {
    throw new MalformedError('value-invalid', 0, 'policy named twice')
  }
  return policies
}

/** Decodes the qualifiers of a policy. Throws `MalformedError`. */
export function readPolicyQualifiers(policy: PolicyInformation): readonly PolicyQualifier[] {
  if (policy.qualifiers === undefined) return []
  return readSequenceOf(new DerReader(policy.qualifiers), reader => {
    const qualifier = reader.enter(tags.sequence)
    const id = qualifier.readObjectIdentifier()
    const value = qualifier.readRaw()
    qualifier.finish()
    return { id, value }
  })
}

/** PolicyMappings: at least one pair. Mappings of any-policy are read here and refused in the path. */
export function parsePolicyMappings(outer: DerReader): readonly PolicyMapping[] {
  return readSequenceOf(outer, reader => {
    const pair = reader.enter(tags.sequence)
    const issuerPolicy = pair.readObjectIdentifier()
    const subjectPolicy = pair.readObjectIdentifier()
    pair.finish()
    return { issuerPolicy, subjectPolicy }
  })
}

/** PolicyConstraints: at least one of the two. */
export function parsePolicyConstraints(outer: DerReader): PolicyConstraints {
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const requireExplicitPolicy = readOptionalCount(reader, contextPrimitive(0))
  const inhibitPolicyMapping = readOptionalCount(reader, contextPrimitive(1))
  reader.finish()
  if (requireExplicitPolicy === undefined && inhibitPolicyMapping === undefined) {
    throw new MalformedError('value-invalid', 0, 'empty policy constraints')
  }
  return { requireExplicitPolicy, inhibitPolicyMapping }
}

/** InhibitAnyPolicy: after how many more certificates any-policy counts for nothing (RFC 5280 §4.2.1.14). */
export function parseInhibitAnyPolicy(reader: DerReader): number {
  const count = reader.readUnsigned(pathLengthLimit)
  reader.finish()
  return count
}

/** NameConstraints: at least one subtree; minimum and maximum must be absent. */
export function parseNameConstraints(outer: DerReader): NameConstraints {
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const permitted = readSubtrees(reader.enterOptional(contextConstructed(0)))
  const excluded = readSubtrees(reader.enterOptional(contextConstructed(1)))
  reader.finish()
  if (permitted.length + excluded.length === 0) throw new MalformedError('value-invalid', 0)
  return { permitted, excluded }
}

/** GeneralNames: subject and issuer alternative names. */
export function parseGeneralNames(outer: DerReader): readonly GeneralName[] {
  const reader = outer.enter(tags.sequence)
  outer.finish()
  return readGeneralNames(reader)
}

/** CRLDistributionPoints and FreshestCRL. */
export function parseDistributionPoints(outer: DerReader): readonly DistributionPoint[] {
  return readSequenceOf(outer, reader => {
    const point = reader.enter(tags.sequence)
    const named = point.enterOptional(contextConstructed(0))
    const name = named === undefined ? undefined : readDistributionPointName(named)
    const reasons =
      point.peek() === contextPrimitive(1) ? point.readNamedBits(contextPrimitive(1)) : undefined
    const issuer = point.enterOptional(contextConstructed(2))
    point.finish()
    const crlIssuer = issuer === undefined ? undefined : readGeneralNames(issuer)
    // RFC 5280 §4.2.1.13: reasons alone are not a distribution point.
    if (name === undefined && crlIssuer === undefined) throw new MalformedError('value-invalid', 0)
    return { fullName: name?.fullName, relativeName: name?.relativeName, reasons, crlIssuer }
  })
}

/** Reads the DistributionPointName that fills the reader; also used by issuingDistributionPoint. */
export function readDistributionPointName(
  reader: DerReader,
): Pick<DistributionPoint, 'fullName' | 'relativeName'> {
  const full = reader.enterOptional(contextConstructed(0))
  const fullName = full === undefined ? undefined : readGeneralNames(full)
  const relativeName =
    fullName === undefined ? reader.readContent(contextConstructed(1)) : undefined
  reader.finish()
  return { fullName, relativeName }
}

/** AuthorityKeyIdentifier of certificates and lists. */
export function parseAuthorityKeyIdentifier(outer: DerReader): AuthorityKeyIdentifier {
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const keyId =
    reader.peek() === contextPrimitive(0) ? reader.readContent(contextPrimitive(0)) : undefined
  const names = reader.enterOptional(contextConstructed(1))
  const issuer = names === undefined ? undefined : readGeneralNames(names)
  const serial =
    reader.peek() === contextPrimitive(2) ? reader.readIntegerOf(contextPrimitive(2)) : undefined
  reader.finish()
  // RFC 5280 appendix A.2: issuer and serial are both present or both absent.
  if ((issuer === undefined) !== (serial === undefined))
    throw new MalformedError('value-invalid', 0)
  return { keyId, issuer, serial }
}

/** SubjectKeyIdentifier (RFC 5280 §4.2.1.2). */
export function parseSubjectKeyIdentifier(reader: DerReader): Uint8Array {
  const keyId = reader.readOctetString()
  reader.finish()
  return keyId
}

/** AuthorityInfoAccessSyntax. */
export function parseInformationAccess(outer: DerReader): readonly AccessDescription[] {
  return readSequenceOf(outer, reader => {
    const access = reader.enter(tags.sequence)
    const method = access.readObjectIdentifier()
    const location = readGeneralName(access)
    access.finish()
    return { method, location }
  })
}

/** Whether exactly these bytes stand between two positions. */
export function standsAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  wanted: ArrayLike<number>,
): boolean {
  if (end - start !== wanted.length) return false
  for (let i = 0; i < wanted.length; i++) if (bytes[start + i] !== wanted[i]) return false
  return true
}

/** SEQUENCE SIZE (1..MAX) OF something. */
function readSequenceOf<T>(outer: DerReader, read: (reader: DerReader) => T): readonly T[] {
  const reader = outer.enter(tags.sequence)
  outer.finish()
  const out: T[] = []
  do {
    if (out.length >= extensionItemsMax) throw new MalformedError('too-many', reader.position)
    out.push(read(reader))
  } while (!reader.isAtEnd)
  return out
}

function readPolicyInformation(reader: DerReader): PolicyInformation {
  const policy = reader.enter(tags.sequence)
  const id = policy.readObjectIdentifier()
  const qualifiers = policy.isAtEnd ? undefined : policy.readRawOf(tags.sequence)
  policy.finish()
  return { id, qualifiers }
}

function readSubtrees(reader: DerReader | undefined): readonly GeneralName[] {
  if (reader === undefined) return []
  const bases: GeneralName[] = []
  do {
    if (bases.length >= extensionItemsMax) throw new MalformedError('too-many', reader.position)
    const subtree = reader.enter(tags.sequence)
    bases.push(readGeneralName(subtree))
    // RFC 5280 §4.2.1.10: minimum is zero (so not encoded) and maximum absent.
    subtree.finish()
  } while (!reader.isAtEnd)
  return bases
}

function readOptionalCount(reader: DerReader, tag: number): number | undefined {
  return reader.peek() === tag ? reader.readUnsigned(pathLengthLimit, tag) : undefined
}

/** Most items of one extension; as `generalNamesMax`. */
const extensionItemsMax = 4096
// Larger counts than any path can reach mean "no limit"; 2^31-1 keeps them small integers.
const pathLengthLimit = 0x7fffffff

// Contents of 1.3.6.1.5.5.7.1.1 and 1.3.6.1.5.5.7.48.1.5.
const accessArc = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01]
const noCheckArc = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05]

const slotByArc: Readonly<Record<number, number>> = {
  14: extensionSlots.subjectKeyIdentifier,
  15: extensionSlots.keyUsage,
  17: extensionSlots.subjectAltName,
  18: extensionSlots.issuerAltName,
  19: extensionSlots.basicConstraints,
  30: extensionSlots.nameConstraints,
  31: extensionSlots.crlDistributionPoints,
  32: extensionSlots.certificatePolicies,
  33: extensionSlots.policyMappings,
  35: extensionSlots.authorityKeyIdentifier,
  36: extensionSlots.policyConstraints,
  37: extensionSlots.extendedKeyUsage,
  46: extensionSlots.freshestCrl,
  54: extensionSlots.inhibitAnyPolicy,
}
