/** Attributes of a CMS signer (RFC 5652 §11, RFC 5035, RFC 3161 appendix A). */
import { hashAlgorithm, type HashName } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { digest } from './crypto.ts'
import { bytesEqual, contextConstructed, DerReader, MalformedError, tags } from './der.ts'
import { retag } from './der-writer.ts'
import { parseCertificatePolicies } from './extension.ts'
import { type GeneralName, readGeneralNames } from './general-name.ts'
import type { Instant } from './reason.ts'

/** Most attributes of one signer. A signature with every attribute that EN 319 122-1 knows has some 25. */
const attributesMax = 64
/** Most values of one attribute. */
const valuesMax = 32
/** Most certificates named by one signing-certificate attribute: the signer's and a path of the longest kind. */
const namedCertificatesMax = 16

/** Object identifiers of attributes. */
export const attributeIds = {
  contentType: '1.2.840.113549.1.9.3',
  messageDigest: '1.2.840.113549.1.9.4',
  signingTime: '1.2.840.113549.1.9.5',
  signingCertificate: '1.2.840.113549.1.9.16.2.12',
  signatureTimeStamp: '1.2.840.113549.1.9.16.2.14',
  signingCertificateV2: '1.2.840.113549.1.9.16.2.47',
  algorithmProtection: '1.2.840.113549.1.9.52',
  counterSignature: '1.2.840.113549.1.9.6',
  /** ETSI EN 319 122-1 §5.5.3. */
  archiveTimeStampV3: '0.4.0.1733.2.4',
  /** §5.5.2. */
  hashIndexV3: '0.4.0.19122.1.5',
} as const

/** One attribute: its type and its encoded values. */
export interface CmsAttribute {
  readonly id: string
  readonly raw: Uint8Array
  readonly values: readonly Uint8Array[]
}

/** The certificate that a signing-certificate attribute names first: the signer's. */
export interface NamedCertificate {
  readonly hash: HashName | 'sha1'
  readonly value: Uint8Array
  readonly issuerSerial:
    | { readonly issuer: readonly GeneralName[]; readonly serial: Uint8Array }
    | undefined
}

/** Reads the attributes that fill the reader: at least one. Throws `MalformedError`. */
export function readAttributes(reader: DerReader): readonly CmsAttribute[] {
  const attributes: CmsAttribute[] = []
  do {
    const start = reader.position
    if (attributes.length >= attributesMax) throw new MalformedError('too-many', start)
    const attribute = reader.enter(tags.sequence)
    const raw = reader.bytes.subarray(start, reader.position)
    const id = attribute.readObjectIdentifier()
    const set = attribute.enter(tags.set)
    attribute.finish()
    const values: Uint8Array[] = []
    do {
      if (values.length >= valuesMax) throw new MalformedError('too-many', set.position)
      values.push(set.readRaw())
    } while (!set.isAtEnd)
    attributes.push({ id, raw, values })
  } while (!reader.isAtEnd)
  return attributes
}

/**
 * The value of an attribute that may occur once with one value (RFC 5652 §11.1-§11.3, RFC 5035 §3). Undefined: absent.
 * Throws `MalformedError` (`too-many`) when there is more than one.
 */
export function singleValue(
  attributes: readonly CmsAttribute[],
  id: string,
): Uint8Array | undefined {
  const found = attributes.filter(each => each.id === id)
  if (found.length > 1 || (found[0]?.values.length ?? 1) > 1)
    throw new MalformedError('too-many', 0)
  return found[0]?.values[0]
}

/** Value of contentType: an object identifier. Throws `MalformedError`. */
export function readContentType(value: Uint8Array): string {
  return readWhole(value, reader => reader.readObjectIdentifier())
}

/** Value of messageDigest. Throws `MalformedError`. */
export function readMessageDigest(value: Uint8Array): Uint8Array {
  return readWhole(value, reader => reader.readOctetString())
}

/** Value of signingTime: what the signer says, which proves nothing. Throws `MalformedError`. */
export function readSigningTime(value: Uint8Array): Instant {
  return readWhole(value, reader => reader.readTime())
}

/**
 * Value of signingCertificate (version 1: SHA-1) or signingCertificateV2 (RFC 5035 §3, §4). The default hash may be
 * encoded although DER forbids it, because signers do that. Throws `MalformedError`, also for a hash not accepted.
 */
export function readSigningCertificate(value: Uint8Array, version: 1 | 2): NamedCertificate {
  return readWhole(value, outer => {
    const attribute = outer.enter(tags.sequence)
    const list = attribute.enter(tags.sequence)
    // The policies say nothing that counts here; still they have to be what they are called.
    if (!attribute.isAtEnd)
      parseCertificatePolicies(new DerReader(attribute.readRawOf(tags.sequence)))
    attribute.finish()
    const first = readNamedCertificate(list, version)
    for (let count = 1; !list.isAtEnd; count++) {
      if (count >= namedCertificatesMax) throw new MalformedError('too-many', list.position)
      readNamedCertificate(list, version)
    }
    return first
  })
}

/**
 * Value of CMSAlgorithmProtection (RFC 6211 §2): the encoded identifiers of the digest and signature algorithms, the
 * latter under its own tag again. Throws `MalformedError`, also for a MAC algorithm, which no signature has.
 */
export function readAlgorithmProtection(value: Uint8Array): {
  readonly digest: Uint8Array
  readonly signature: Uint8Array
} {
  return readWhole(value, outer => {
    const both = outer.enter(tags.sequence)
    const hash = both.readRawOf(tags.sequence)
    const signature = both.readRawOf(contextConstructed(1))
    both.finish()
    return { digest: hash, signature: retag(tags.sequence, signature) }
  })
}

/** Whether the attribute names this certificate: its hash, and issuer and serial where given. May throw `MalformedError`. */
export function namesCertificate(named: NamedCertificate, certificate: Certificate): boolean {
  if (!bytesEqual(digest(named.hash, certificate.raw), named.value)) return false
  if (named.issuerSerial === undefined) return true
  const { issuer, serial } = named.issuerSerial
  return (
    bytesEqual(serial, certificate.serial) &&
    // RFC 5035 §4: only the issuer's name, as a directory name.
    issuer.length === 1 &&
    issuer.every(each => each.kind === 'directory' && each.name.matches(certificate.issuer))
  )
}

function readNamedCertificate(list: DerReader, version: 1 | 2): NamedCertificate {
  const entry = list.enter(tags.sequence)
  const start = entry.position
  let hash: ReturnType<typeof hashAlgorithm> | 'sha1' = version === 1 ? 'sha1' : 'sha256'
  if (version === 2 && entry.peek() === tags.sequence) {
    hash = hashAlgorithm(entry.readRawOf(tags.sequence))
  }
  if (hash === 'weak' || hash === 'unsupported') {
    throw new MalformedError('value-invalid', start, 'hash')
  }
  const value = entry.readOctetString()
  const both = entry.enterOptional(tags.sequence)
  entry.finish()
  if (both === undefined) return { hash, value, issuerSerial: undefined }
  const issuer = readGeneralNames(both.enter(tags.sequence))
  for (const each of issuer) if (each.kind === 'directory') each.name.assertReadable()
  const serial = both.readInteger()
  both.finish()
  return { hash, value, issuerSerial: { issuer, serial } }
}

/** Whether bytes are what signed attributes look like when they are signed: a SET that holds a messageDigest. */
export function looksLikeSignedAttributes(bytes: Uint8Array): boolean {
  if (bytes[0] !== tags.set) return false
  try {
    const attributes = readWhole(bytes, reader => readAttributes(reader.enter(tags.set)))
    return attributes.some(each => each.id === attributeIds.messageDigest)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

function readWhole<T>(value: Uint8Array, read: (reader: DerReader) => T): T {
  const reader = new DerReader(value)
  const found = read(reader)
  reader.finish()
  return found
}
