/**
 * X.509 certificates (RFC 5280 §4.1). `parseCertificate` checks the frame, finds every extension and refuses
 * duplicates; the values of names and extensions are decoded when first asked for, and then kept.
 */
import type { PublicKey } from './crypto.ts'
import {
  contextConstructed,
  contextPrimitive,
  DerReader,
  decodeObjectIdentifier,
  MalformedError,
  readAll,
  tags,
  toHex,
} from './der.ts'
import {
  type AccessDescription,
  type AuthorityKeyIdentifier,
  type BasicConstraints,
  type DistributionPoint,
  extensionSlots,
  type NameConstraints,
  type PolicyConstraints,
  type PolicyInformation,
  type PolicyMapping,
  parseAuthorityKeyIdentifier,
  parseBasicConstraints,
  parseCertificatePolicies,
  parseDistributionPoints,
  parseExtendedKeyUsage,
  parseGeneralNames,
  parseInformationAccess,
  parseInhibitAnyPolicy,
  parseKeyUsage,
  parseNameConstraints,
  parsePolicyConstraints,
  parsePolicyMappings,
  parseSubjectKeyIdentifier,
  slotOf,
  standsAt,
} from './extension.ts'
import type { GeneralName } from './general-name.ts'
import type { KeyCache } from './key-cache.ts'
import { type Name, readName } from './name.ts'
import type { Instant } from './reason.ts'

/**
 * Largest certificate read. A card gives the length of a certificate in two bytes (jpki.md §1.6), so nothing longer can
 * come from one; real JPKI certificates have some 1,900 bytes.
 */
export const certificateBytesMax = 4 + 0xffff

/** Most extensions in one certificate. JPKI leaves have 9. */
const extensionsMax = 64

/** An extension that this package does not process. */
export interface UnknownExtension {
  readonly id: string
  readonly isCritical: boolean
  readonly value: Uint8Array
}

interface CertificateFrame {
  readonly raw: Uint8Array
  readonly tbs: Uint8Array
  readonly version: number
  readonly serial: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: Instant
  readonly notAfter: Instant
  readonly spki: Uint8Array
  /** Where in `bytes` the value of each slot begins and ends; -1: absent. */
  readonly bytes: Uint8Array
  readonly starts: readonly number[]
  readonly ends: readonly number[]
  readonly presents: number
  readonly criticals: number
  readonly unknownExtensions: readonly UnknownExtension[]
}

let make: (frame: CertificateFrame) => Certificate

/** A parsed certificate. Parsed is not verified: see `verifyPath`. Getters may throw `MalformedError`. */
export class Certificate {
  /** The whole encoding. */
  readonly raw: Uint8Array
  /** The signed part. */
  readonly tbs: Uint8Array
  /** 1, 2 or 3. */
  readonly version: number
  /** INTEGER content, as encoded. */
  readonly serial: Uint8Array
  /** Encoded AlgorithmIdentifier of the signature; the same inside and outside the signed part. */
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly issuer: Name
  readonly subject: Name
  readonly notBefore: Instant
  /** First instant of the last second of validity. */
  readonly notAfter: Instant
  /** Encoded SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly unknownExtensions: readonly UnknownExtension[]
  /** Bit n: the extension of slot n is present. */
  readonly presents: number
  /** Bit n: the extension of slot n is critical. */
  readonly criticals: number
  readonly #bytes: Uint8Array
  readonly #starts: readonly number[]
  readonly #ends: readonly number[]
  readonly #parsed: unknown[] = []
  #publicKey: PublicKey | undefined

  private constructor(frame: CertificateFrame) {
    this.raw = frame.raw
    this.tbs = frame.tbs
    this.version = frame.version
    this.serial = frame.serial
    this.signatureAlgorithm = frame.signatureAlgorithm
    this.signature = frame.signature
    this.issuer = frame.issuer
    this.subject = frame.subject
    this.notBefore = frame.notBefore
    this.notAfter = frame.notAfter
    this.spki = frame.spki
    this.unknownExtensions = frame.unknownExtensions
    this.#bytes = frame.bytes
    this.#starts = frame.starts
    this.#ends = frame.ends
    this.presents = frame.presents
    this.criticals = frame.criticals
  }

  static {
    make = frame => new Certificate(frame)
  }

  /** Serial in lower-case hexadecimal, without a sign byte. Personal: never log it. */
  get serialHex(): string {
    const hex = toHex(this.serial)
    return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex
  }

  /** Whether subject and issuer are the same name. */
  get isSelfIssued(): boolean {
    return this.subject.matches(this.issuer)
  }

  /** KeyUsage bits (`keyUsages`), or undefined when the extension is absent. */
  get keyUsage(): number | undefined {
    return this.#decode(extensionSlots.keyUsage, parseKeyUsage)
  }

  get basicConstraints(): BasicConstraints | undefined {
    return this.#decode(extensionSlots.basicConstraints, parseBasicConstraints)
  }

  get extendedKeyUsage(): readonly string[] | undefined {
    return this.#decode(extensionSlots.extendedKeyUsage, parseExtendedKeyUsage)
  }

  get policies(): readonly PolicyInformation[] | undefined {
    return this.#decode(extensionSlots.certificatePolicies, parseCertificatePolicies)
  }

  get policyMappings(): readonly PolicyMapping[] | undefined {
    return this.#decode(extensionSlots.policyMappings, parsePolicyMappings)
  }

  get policyConstraints(): PolicyConstraints | undefined {
    return this.#decode(extensionSlots.policyConstraints, parsePolicyConstraints)
  }

  get inhibitAnyPolicy(): number | undefined {
    return this.#decode(extensionSlots.inhibitAnyPolicy, parseInhibitAnyPolicy)
  }

  get nameConstraints(): NameConstraints | undefined {
    return this.#decode(extensionSlots.nameConstraints, parseNameConstraints)
  }

  get subjectAltName(): readonly GeneralName[] | undefined {
    return this.#decode(extensionSlots.subjectAltName, parseGeneralNames)
  }

  get issuerAltName(): readonly GeneralName[] | undefined {
    return this.#decode(extensionSlots.issuerAltName, parseGeneralNames)
  }

  get crlDistributionPoints(): readonly DistributionPoint[] | undefined {
    return this.#decode(extensionSlots.crlDistributionPoints, parseDistributionPoints)
  }

  get freshestCrl(): readonly DistributionPoint[] | undefined {
    return this.#decode(extensionSlots.freshestCrl, parseDistributionPoints)
  }

  get informationAccess(): readonly AccessDescription[] | undefined {
    return this.#decode(extensionSlots.authorityInformationAccess, parseInformationAccess)
  }

  get authorityKeyIdentifier(): AuthorityKeyIdentifier | undefined {
    return this.#decode(extensionSlots.authorityKeyIdentifier, parseAuthorityKeyIdentifier)
  }

  get subjectKeyIdentifier(): Uint8Array | undefined {
    return this.#decode(extensionSlots.subjectKeyIdentifier, parseSubjectKeyIdentifier)
  }

  /** Whether an OCSP responder's certificate asks not to be checked for revocation (RFC 6960 §4.2.2.2.1). */
  get hasOcspNoCheck(): boolean {
    return this.has('ocspNoCheck')
  }

  /** The loaded public key, kept from then on. Throws `MalformedError` when it is none. */
  publicKey(keys: KeyCache): PublicKey {
    this.#publicKey ??= keys.key(this.spki)
    return this.#publicKey
  }

  /** The undecoded value of a known extension. */
  extensionValue(slot: keyof typeof extensionSlots): Uint8Array | undefined {
    return this.#valueAt(extensionSlots[slot])
  }

  /** Whether a known extension is present. */
  has(slot: keyof typeof extensionSlots): boolean {
    return (this.presents & (1 << extensionSlots[slot])) !== 0
  }

  /** Whether a known extension is present and marked critical. */
  isCritical(slot: keyof typeof extensionSlots): boolean {
    return (this.criticals & (1 << extensionSlots[slot])) !== 0
  }

  #decode<T>(slot: number, parse: (reader: DerReader) => T): T | undefined {
    const known = this.#parsed[slot]
    // `#parsed` holds at `slot` only what `parse` of that slot returned.
    if (known !== undefined) return known as T
    const start = this.#starts[slot] ?? -1
    if (start < 0) return undefined
    const parsed = parse(new DerReader(this.#bytes, start, this.#ends[slot]))
    this.#parsed[slot] = parsed
    return parsed
  }

  #valueAt(slot: number): Uint8Array | undefined {
    const start = this.#starts[slot] ?? -1
    return start < 0 ? undefined : this.#bytes.subarray(start, this.#ends[slot])
  }
}

/** Reads a DER certificate, which must fill `der`. Throws `MalformedError`. Keeps a reference to the bytes. */
export function parseCertificate(der: Uint8Array): Certificate {
  return readAll(der, certificateBytesMax, readCertificate)
}

/** Reads a certificate where the reader stands. */
export function readCertificate(reader: DerReader): Certificate {
  const start = reader.position
  const outer = reader.enter(tags.sequence)
  const isAll = start === 0 && reader.position === reader.bytes.length
  const raw = isAll ? reader.bytes : reader.bytes.subarray(start, reader.position)
  const tbsStart = outer.position
  const tbs = outer.enter(tags.sequence)
  const tbsBytes = outer.bytes.subarray(tbsStart, outer.position)
  const signatureAlgorithm = outer.readRawOf(tags.sequence)
  const signature = outer.readBitStringBytes()
  outer.finish()

  const version = readVersion(tbs)
  const serial = tbs.readInteger()
  const innerStart = tbs.position
  tbs.expect(tags.sequence)
  // RFC 5280 §4.1.1.2: both algorithm identifiers must be the same.
  if (!standsAt(tbs.bytes, innerStart, tbs.position, signatureAlgorithm)) {
    throw new MalformedError('algorithm-mismatch', innerStart)
  }
  const issuer = readName(tbs)
  const validity = tbs.enter(tags.sequence)
  const notBefore = validity.readTime()
  const notAfter = validity.readTime()
  validity.finish()
  const subject = readName(tbs)
  const spki = tbs.readRawOf(tags.sequence)
  if (version > 1) {
    if (tbs.peek() === contextPrimitive(1)) tbs.readBitString(contextPrimitive(1))
    if (tbs.peek() === contextPrimitive(2)) tbs.readBitString(contextPrimitive(2))
  }
  const extensions = readExtensions(
    version === 3 ? tbs.enterOptional(contextConstructed(3)) : undefined,
  )
  tbs.finish()
  return make({
    raw,
    tbs: tbsBytes,
    version,
    serial,
    signatureAlgorithm,
    signature,
    issuer,
    subject,
    notBefore,
    notAfter,
    spki,
    bytes: extensions.bytes,
    starts: extensions.starts,
    ends: extensions.ends,
    presents: extensions.presents,
    criticals: extensions.criticals,
    unknownExtensions: extensions.unknownExtensions,
  })
}

function readVersion(tbs: DerReader): number {
  const start = tbs.position
  const wrapper = tbs.enterOptional(contextConstructed(0))
  if (wrapper === undefined) return 1
  const version = wrapper.readUnsigned(255)
  wrapper.finish()
  if (version === 0) throw new MalformedError('default-encoded', start)
  if (version > 2) throw new MalformedError('version-unsupported', start)
  return version + 1
}

function readExtensions(
  wrapper: DerReader | undefined,
): Pick<
  CertificateFrame,
  'bytes' | 'starts' | 'ends' | 'presents' | 'criticals' | 'unknownExtensions'
> {
  if (wrapper === undefined) return noExtensions
  const list = wrapper.enter(tags.sequence)
  wrapper.finish()
  const starts = absent.slice()
  const ends = absent.slice()
  const extension = new DerReader(list.bytes, list.position, list.end, list.depth + 1)
  const unknownExtensions: UnknownExtension[] = []
  let presents = 0
  let criticals = 0
  let count = 0
  do {
    const start = list.position
    if (++count > extensionsMax) throw new MalformedError('too-many', start)
    list.expect(tags.sequence)
    extension.moveTo(list.contentStart, list.contentEnd)
    extension.expect(tags.objectIdentifier)
    const { contentStart, contentEnd } = extension
    const isCritical = extension.readDefaultFalse()
    extension.expect(tags.octetString)
    extension.finish()
    const slot = slotOf(list.bytes, contentStart, contentEnd)
    if (slot >= 0) {
      const bit = 1 << slot
      if ((presents & bit) !== 0) throw new MalformedError('extension-duplicate', start)
      starts[slot] = extension.contentStart
      ends[slot] = extension.contentEnd
      presents |= bit
      if (isCritical) criticals |= bit
    } else {
      const id = decodeObjectIdentifier(list.bytes, contentStart, contentEnd, start)
      if (unknownExtensions.some(each => each.id === id)) {
        throw new MalformedError('extension-duplicate', start)
      }
      const value = list.bytes.subarray(extension.contentStart, extension.contentEnd)
      unknownExtensions.push({ id, isCritical, value })
    }
  } while (!list.isAtEnd)
  return { bytes: list.bytes, starts, ends, presents, criticals, unknownExtensions }
}

const absent: readonly number[] = Object.keys(extensionSlots).map(() => -1)
const noExtensions = {
  bytes: new Uint8Array(),
  starts: absent,
  ends: absent,
  presents: 0,
  criticals: 0,
  unknownExtensions: [],
} as const
