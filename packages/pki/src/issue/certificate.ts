/** Encodes certificates (RFC 5280 §4). Everything that decides comes in as arguments; signing is done outside. */
import { encodeSignatureAlgorithm, publicKeyBits, type SignatureAlgorithm } from '../algorithm.ts'
import { digest } from '../crypto.ts'
import { contextConstructed, contextPrimitive, tags } from '../der.ts'
import {
  bitString,
  boolean,
  element,
  explicit,
  ia5String,
  implicit,
  integer,
  namedBits,
  objectIdentifier,
  octetString,
  retag,
  sequence,
  time,
  utf8String,
} from '../der-writer.ts'
import type { Name } from '../name.ts'
import type { Instant } from '../reason.ts'

/** Makes a signature: a key in memory, a hardware module, a card. ECDSA signatures are DER. */
export type Signer = (algorithm: SignatureAlgorithm, message: Uint8Array) => Uint8Array

/** One extension, ready to be put in. */
export interface EncodedExtension {
  readonly id: string
  readonly isCritical: boolean
  /** The encoded value, without the OCTET STRING around it. */
  readonly value: Uint8Array
}

/** What a certificate says. Extensions are written in the order given. */
export interface CertificateContent {
  /** Big-endian, unsigned. */
  readonly serial: Uint8Array
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly spki: Uint8Array
  readonly extensions: readonly EncodedExtension[]
}

/** Encodes and signs a v3 certificate. */
export function issueCertificate(
  content: CertificateContent,
  algorithm: SignatureAlgorithm,
  sign: Signer,
): Uint8Array {
  return signed(encodeTbsCertificate(content, algorithm), algorithm, sign)
}

/** Encodes the part of a certificate that is signed. */
export function encodeTbsCertificate(
  content: CertificateContent,
  algorithm: SignatureAlgorithm,
): Uint8Array {
  const extensions = content.extensions.map(encodeExtension)
  return sequence(
    explicit(0, integer(2)),
    integer(content.serial),
    encodeSignatureAlgorithm(algorithm),
    content.issuer.raw,
    sequence(time(content.notBefore), time(content.notAfter)),
    content.subject.raw,
    content.spki,
    ...(extensions.length === 0 ? [] : [explicit(3, sequence(...extensions))]),
  )
}

/** SEQUENCE { to be signed, algorithm, signature }: certificates, revocation lists. */
export function signed(tbs: Uint8Array, algorithm: SignatureAlgorithm, sign: Signer): Uint8Array {
  return sequence(tbs, encodeSignatureAlgorithm(algorithm), bitString(sign(algorithm, tbs)))
}

/** Encodes one extension; FALSE is left out, being the default. */
export function encodeExtension(extension: EncodedExtension): Uint8Array {
  return sequence(
    objectIdentifier(extension.id),
    ...(extension.isCritical ? [boolean(true)] : []),
    octetString(extension.value),
  )
}

/** Key identifier by RFC 5280 §4.2.1.2 method (1): SHA-1 of the key's bits. */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  return digest('sha1', publicKeyBits(spki))
}

/** GeneralName constructors. */
export const generalName = {
  directory: (name: Name): Uint8Array => explicit(4, name.raw),
  uri: (uri: string): Uint8Array => ia5String(uri, contextPrimitive(6)),
  dns: (host: string): Uint8Array => ia5String(host, contextPrimitive(2)),
  email: (address: string): Uint8Array => ia5String(address, contextPrimitive(1)),
  ip: (address: Uint8Array): Uint8Array => implicit(7, address),
  /** otherName whose value is a UTF8String. */
  otherText: (type: string, text: string): Uint8Array =>
    explicit(0, objectIdentifier(type), explicit(0, utf8String(text))),
}

/** A distribution point (RFC 5280 §4.2.1.13). */
export interface PointContent {
  readonly names?: readonly Uint8Array[] | undefined
  /** Encoded AttributeTypeAndValue. */
  readonly relativeName?: Uint8Array | undefined
  /** ReasonFlags as bits. */
  readonly reasons?: number | undefined
  readonly issuers?: readonly Name[] | undefined
}

/** Extension constructors: one for each extension this package writes. */
export const extension = {
  keyUsage: (bits: number): EncodedExtension => ({
    id: '2.5.29.15',
    isCritical: true,
    value: namedBits(bits),
  }),
  basicConstraints: (isAuthority: boolean, pathLengthMax?: number): EncodedExtension => ({
    id: '2.5.29.19',
    isCritical: true,
    value: sequence(
      ...(isAuthority ? [boolean(true)] : []),
      ...(pathLengthMax === undefined ? [] : [integer(pathLengthMax)]),
    ),
  }),
  extendedKeyUsage: (ids: readonly string[], isCritical = false): EncodedExtension => ({
    id: '2.5.29.37',
    isCritical,
    value: sequence(...ids.map(id => objectIdentifier(id))),
  }),
  /** Each policy with its practice statement's address, or without. */
  policies: (
    list: readonly { readonly id: string; readonly practiceStatement?: string }[],
    isCritical: boolean,
  ): EncodedExtension => ({
    id: '2.5.29.32',
    isCritical,
    value: sequence(...list.map(encodePolicy)),
  }),
  policyMappings: (pairs: readonly (readonly [string, string])[]): EncodedExtension => ({
    id: '2.5.29.33',
    isCritical: true,
    value: sequence(
      ...pairs.map(([from, to]) => sequence(objectIdentifier(from), objectIdentifier(to))),
    ),
  }),
  policyConstraints: (explicitAfter?: number, mappingUntil?: number): EncodedExtension => ({
    id: '2.5.29.36',
    isCritical: true,
    value: sequence(
      ...(explicitAfter === undefined ? [] : [retag(contextPrimitive(0), integer(explicitAfter))]),
      ...(mappingUntil === undefined ? [] : [retag(contextPrimitive(1), integer(mappingUntil))]),
    ),
  }),
  inhibitAnyPolicy: (after: number): EncodedExtension => ({
    id: '2.5.29.54',
    isCritical: true,
    value: integer(after),
  }),
  nameConstraints: (
    permitted: readonly Uint8Array[],
    excluded: readonly Uint8Array[],
  ): EncodedExtension => ({
    id: '2.5.29.30',
    isCritical: true,
    value: sequence(
      ...(permitted.length === 0 ? [] : [explicit(0, ...permitted.map(each => sequence(each)))]),
      ...(excluded.length === 0 ? [] : [explicit(1, ...excluded.map(each => sequence(each)))]),
    ),
  }),
  subjectAltName: (names: readonly Uint8Array[], isCritical = false): EncodedExtension => ({
    id: '2.5.29.17',
    isCritical,
    value: sequence(...names),
  }),
  issuerAltName: (names: readonly Uint8Array[]): EncodedExtension => ({
    id: '2.5.29.18',
    isCritical: false,
    value: sequence(...names),
  }),
  /** One distribution point whose full name is a directory name, as JPKI has it. */
  crlDistributionPoint: (name: Name): EncodedExtension => ({
    id: '2.5.29.31',
    isCritical: false,
    value: sequence(sequence(explicit(0, explicit(0, generalName.directory(name))))),
  }),
  /** Any distribution points; of the name either the full names or the relative one, or neither. */
  crlDistributionPoints: (points: readonly PointContent[]): EncodedExtension => ({
    id: '2.5.29.31',
    isCritical: false,
    value: sequence(...points.map(encodePoint)),
  }),
  ocspAccess: (uri: string): EncodedExtension => ({
    id: '1.3.6.1.5.5.7.1.1',
    isCritical: false,
    value: sequence(sequence(objectIdentifier('1.3.6.1.5.5.7.48.1'), generalName.uri(uri))),
  }),
  /** Key identifier, and issuer name with serial when given. */
  authorityKeyIdentifier: (
    keyId: Uint8Array,
    certificate?: { readonly issuer: Name; readonly serial: Uint8Array },
  ): EncodedExtension => ({
    id: '2.5.29.35',
    isCritical: false,
    value: sequence(
      implicit(0, keyId),
      ...(certificate === undefined
        ? []
        : [
            element(contextConstructed(1), generalName.directory(certificate.issuer)),
            retag(contextPrimitive(2), integer(certificate.serial)),
          ]),
    ),
  }),
  subjectKeyIdentifier: (keyId: Uint8Array): EncodedExtension => ({
    id: '2.5.29.14',
    isCritical: false,
    value: octetString(keyId),
  }),
  ocspNoCheck: (): EncodedExtension => ({
    id: '1.3.6.1.5.5.7.48.1.5',
    isCritical: false,
    value: Uint8Array.of(tags.null, 0),
  }),
}

function encodePoint({ names, relativeName, reasons, issuers }: PointContent): Uint8Array {
  const parts: Uint8Array[] = []
  if (names !== undefined) parts.push(explicit(0, explicit(0, ...names)))
  else if (relativeName !== undefined) parts.push(explicit(0, explicit(1, relativeName)))
  if (reasons !== undefined) parts.push(namedBits(reasons, contextPrimitive(1)))
  if (issuers !== undefined) parts.push(explicit(2, ...issuers.map(generalName.directory)))
  return sequence(...parts)
}

function encodePolicy(policy: {
  readonly id: string
  readonly practiceStatement?: string
}): Uint8Array {
  if (policy.practiceStatement === undefined) return sequence(objectIdentifier(policy.id))
  const qualifier = sequence(
    objectIdentifier('1.3.6.1.5.5.7.2.1'),
    ia5String(policy.practiceStatement),
  )
  return sequence(objectIdentifier(policy.id), sequence(qualifier))
}
