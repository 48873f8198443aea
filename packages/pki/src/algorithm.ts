/**
 * Which algorithms are accepted: RSA PKCS#1 v1.5 and PSS with SHA-256/384/512 on keys of 2048 bits and more, ECDSA on P-256
 * and P-384, Ed25519. SHA-1 and older are known, so that they can be refused by name. Data, so that the next card
 * generation (P-384, jpki.md §1.10) needs no code. Which of them citizens' keys may use is the profile's business.
 */
import { bytesEqual, contextConstructed, DerReader, MalformedError, tags } from './der.ts'
import { explicit, integer, nullValue, objectIdentifier, sequence } from './der-writer.ts'

/** Hash functions used in signatures. */
export type HashName = 'sha256' | 'sha384' | 'sha512'

/**
 * A signature algorithm that is accepted. PSS takes the same hash for message and mask; its salt is as long as the hash
 * unless the name tells another length in octets.
 */
export type SignatureAlgorithm =
  | `rsa-${HashName}`
  | `ecdsa-${HashName}`
  | `rsa-pss-${HashName}`
  | `rsa-pss-${HashName}-salt-${number}`
  | 'ed25519'

/** What a public key is, without any cryptographic operation. */
export type KeyFacts =
  | { readonly kind: 'rsa'; readonly bits: number; readonly exponent: number }
  | {
      /** A key for PSS alone (RFC 4055 §3.1). */
      readonly kind: 'rsa-pss'
      readonly bits: number
      readonly exponent: number
      /** Undefined: no hash is prescribed. */
      readonly hash: HashName | undefined
      /** Shortest salt that may be used. */
      readonly saltMin: number
    }
  | { readonly kind: 'ec'; readonly curve: 'P-256' | 'P-384' }
  | { readonly kind: 'ed25519' }
  | { readonly kind: 'other'; readonly algorithm: string }

/** Smallest RSA key accepted: enforcement rule of the JPKI act, article 2 (jpki.md §5.1). */
const rsaBitsMin = 2048
/** Largest RSA key accepted. One verification at 8192 bits costs sixteen at 2048; ring has the same limit. */
const rsaBitsMax = 8192
/** Largest RSA public exponent accepted (2^33 - 1), as in ring: larger ones only serve to slow a verifier down. */
const rsaExponentMax = 2 ** 33 - 1

/**
 * Names the algorithm of an encoded AlgorithmIdentifier, or says why it is not accepted. For RSA the NULL parameters
 * may be absent (RFC 4055 §5); for ECDSA they must be (RFC 5758 §3.2).
 */
export function signatureAlgorithm(raw: Uint8Array): SignatureAlgorithm | 'weak' | 'unsupported' {
  for (const [encoded, name] of encodings) if (bytesEqual(raw, encoded)) return name
  return readPss(raw)
}

/** Whether a text names an accepted algorithm. */
export function isSignatureAlgorithm(text: string): text is SignatureAlgorithm {
  return (
    encodings.some(([, name]) => name === text && name !== 'weak') ||
    /^rsa-pss-sha(256|384|512)(-salt-(0|[1-9]\d{0,2}))?$/.test(text)
  )
}

/** The hash that a signature algorithm uses. */
export function hashOf(algorithm: SignatureAlgorithm): HashName {
  switch (algorithm) {
    case 'rsa-sha256':
    case 'ecdsa-sha256':
      return 'sha256'
    case 'rsa-sha384':
    case 'ecdsa-sha384':
      return 'sha384'
    case 'rsa-sha512':
    case 'ecdsa-sha512':
    case 'ed25519':
      return 'sha512'
    default:
      return hashNames.find(each => algorithm.startsWith(`rsa-pss-${each}`)) ?? 'sha512'
  }
}

/** Length of the salt in octets of an algorithm with PSS; undefined for all others. */
export function saltLength(algorithm: SignatureAlgorithm): number | undefined {
  if (!algorithm.startsWith('rsa-pss-')) return undefined
  const told = algorithm.split('-salt-')[1]
  return told === undefined ? hashLengths[hashOf(algorithm)] : Number(told)
}

/** The kind of key that makes signatures with an algorithm; `rsa-pss` can be made with a plain RSA key as well. */
export function keyKindOf(algorithm: SignatureAlgorithm): 'rsa' | 'rsa-pss' | 'ec' | 'ed25519' {
  if (algorithm.startsWith('ecdsa-')) return 'ec'
  if (algorithm === 'ed25519') return 'ed25519'
  return algorithm.startsWith('rsa-pss-') ? 'rsa-pss' : 'rsa'
}

/** The encoded AlgorithmIdentifier of an accepted algorithm. */
export function encodeSignatureAlgorithm(algorithm: SignatureAlgorithm): Uint8Array {
  for (const [encoded, name] of encodings) if (name === algorithm) return encoded
  const salt = saltLength(algorithm)
  if (salt === undefined) throw new RangeError(algorithm)
  const hash = sequence(objectIdentifier(hashIdentifiers[hashOf(algorithm)]), nullValue())
  return sequence(
    objectIdentifier(pssIdentifier),
    sequence(
      explicit(0, hash),
      explicit(1, sequence(objectIdentifier(maskGeneration), hash)),
      explicit(2, integer(salt)),
    ),
  )
}

/**
 * Names the hash of an encoded AlgorithmIdentifier, or says why it is not accepted. The NULL parameters may be there or
 * not (RFC 5754 §2).
 */
export function hashAlgorithm(raw: Uint8Array): HashName | 'weak' | 'unsupported' {
  for (const [encoded, name] of hashEncodings) if (bytesEqual(raw, encoded)) return name
  return 'unsupported'
}

/** The encoded AlgorithmIdentifier of a hash, without parameters (RFC 5754 §2). */
export function encodeHashAlgorithm(name: HashName): Uint8Array {
  for (const [encoded, each] of hashEncodings) if (each === name) return encoded
  throw new RangeError(name)
}

/**
 * The algorithm of a CMS signature: as in certificates, or `rsaEncryption`, whose hash is then that of the digest
 * algorithm beside it (RFC 3370 §3.2).
 */
export function cmsSignatureAlgorithm(
  raw: Uint8Array,
  hash: HashName,
): SignatureAlgorithm | 'weak' | 'unsupported' {
  return bytesEqual(raw, plainRsa) ? `rsa-${hash}` : signatureAlgorithm(raw)
}

/** Whether a key may be used with an algorithm at all. */
export function keyFitsAlgorithm(facts: KeyFacts, algorithm: SignatureAlgorithm): boolean {
  switch (facts.kind) {
    case 'rsa':
      return algorithm.startsWith('rsa-') && isRsaSizeAllowed(facts)
    case 'rsa-pss':
      return (
        algorithm.startsWith('rsa-pss-') &&
        isRsaSizeAllowed(facts) &&
        (facts.hash === undefined || facts.hash === hashOf(algorithm)) &&
        (saltLength(algorithm) ?? 0) >= facts.saltMin
      )
    case 'ec':
      return algorithm.startsWith('ecdsa-')
    case 'ed25519':
      return algorithm === 'ed25519'
    case 'other':
      return false
    default:
      return facts satisfies never
  }
}

/** Whether a key is of a kind and size that is accepted in any certificate. */
export function isAcceptableKey(facts: KeyFacts): boolean {
  if (facts.kind === 'rsa' || facts.kind === 'rsa-pss') return isRsaSizeAllowed(facts)
  return facts.kind !== 'other'
}

function isRsaSizeAllowed(facts: { readonly bits: number; readonly exponent: number }): boolean {
  return facts.bits >= rsaBitsMin && facts.bits <= rsaBitsMax && facts.exponent <= rsaExponentMax
}

/** Reads a SubjectPublicKeyInfo. Throws `MalformedError`. Does not check that an EC point lies on its curve. */
export function parseKeyFacts(spki: Uint8Array): KeyFacts {
  const outer = new DerReader(spki)
  const info = outer.enter(tags.sequence)
  outer.finish()
  const identifier = info.enter(tags.sequence)
  const algorithm = identifier.readObjectIdentifier()
  if (algorithm === rsaEncryption) {
    identifier.readNull()
    identifier.finish()
    const key = info.readBitStringBytes()
    info.finish()
    return { kind: 'rsa', ...parseRsaKey(key) }
  }
  if (algorithm === pssIdentifier) {
    const demanded = identifier.isAtEnd ? undefined : readPssParameters(identifier)
    identifier.finish()
    const size = parseRsaKey(info.readBitStringBytes())
    info.finish()
    if (typeof demanded === 'string') return { kind: 'other', algorithm }
    return { kind: 'rsa-pss', ...size, hash: demanded?.hash, saltMin: demanded?.salt ?? 0 }
  }
  if (algorithm === ed25519) {
    identifier.finish()
    const point = info.readBitStringBytes()
    info.finish()
    if (point.length !== 32) throw new MalformedError('value-invalid', 0, 'point')
    return { kind: 'ed25519' }
  }
  if (algorithm === ecPublicKey) {
    if (identifier.peek() !== tags.objectIdentifier) return { kind: 'other', algorithm }
    const curve = curves.get(identifier.readObjectIdentifier())
    identifier.finish()
    const point = info.readBitStringBytes()
    info.finish()
    if (curve === undefined) return { kind: 'other', algorithm }
    // Uncompressed points only (RFC 5480 §2.2): every issuer in sight uses them.
    const size = curve === 'P-256' ? 65 : 97
    if (point.length !== size || point[0] !== 4)
      throw new MalformedError('value-invalid', 0, 'point')
    return { kind: 'ec', curve }
  }
  if (!identifier.isAtEnd) identifier.readRaw()
  identifier.finish()
  info.readBitString()
  info.finish()
  return { kind: 'other', algorithm }
}

/** The bits of the key inside a SubjectPublicKeyInfo: what key identifiers are hashes of. Throws `MalformedError`. */
export function publicKeyBits(spki: Uint8Array): Uint8Array {
  const info = new DerReader(spki).enter(tags.sequence)
  info.expect(tags.sequence)
  return info.readBitStringBytes()
}

function parseRsaKey(encoded: Uint8Array): { readonly bits: number; readonly exponent: number } {
  const outer = new DerReader(encoded)
  const key = outer.enter(tags.sequence)
  outer.finish()
  const modulus = key.readInteger()
  const exponent = key.readUnsigned(Number.MAX_SAFE_INTEGER)
  key.finish()
  const isPositive = (modulus[0] ?? 0x80) < 0x80
  const isOdd = ((modulus[modulus.length - 1] ?? 0) & 1) === 1
  if (!isPositive || !isOdd || exponent < 3 || exponent % 2 === 0) {
    throw new MalformedError('value-invalid', 0, 'RSA key')
  }
  const top = modulus[0] === 0 ? modulus.subarray(1) : modulus
  const bits = top.length * 8 - (Math.clz32(top[0] ?? 0) - 24)
  return { bits, exponent }
}

// RFC 4055 §3.1. The same hash for message and mask, the trailer of 1; an absent hash means SHA-1.
function readPss(raw: Uint8Array): SignatureAlgorithm | 'weak' | 'unsupported' {
  try {
    const outer = new DerReader(raw)
    const identifier = outer.enter(tags.sequence)
    outer.finish()
    if (identifier.readObjectIdentifier() !== pssIdentifier) return 'unsupported'
    const found = readPssParameters(identifier)
    identifier.finish()
    if (typeof found === 'string') return found
    const { hash, salt } = found
    return salt === hashLengths[hash] ? `rsa-pss-${hash}` : `rsa-pss-${hash}-salt-${salt}`
  } catch (error) {
    if (error instanceof MalformedError) return 'unsupported'
    throw error
  }
}

function readPssParameters(
  identifier: DerReader,
): { readonly hash: HashName; readonly salt: number } | 'weak' | 'unsupported' {
  const parameters = identifier.enter(tags.sequence)
  const hashField = parameters.enterOptional(contextConstructed(0))
  const hash = hashField === undefined ? 'weak' : hashAlgorithm(hashField.readRawOf(tags.sequence))
  hashField?.finish()
  const maskField = parameters.enterOptional(contextConstructed(1))
  const mask = maskField === undefined ? 'weak' : readMaskHash(maskField)
  const saltField = parameters.enterOptional(contextConstructed(2))
  const salt = saltField?.readUnsigned(saltMax) ?? 20
  saltField?.finish()
  const trailer = parameters.enterOptional(contextConstructed(3))
  if (trailer !== undefined && trailer.readUnsigned(255) !== 1) return 'unsupported'
  parameters.finish()
  if (hash === 'weak' || hash === 'unsupported') return hash
  return mask === hash ? { hash, salt } : 'unsupported'
}

function readMaskHash(field: DerReader): HashName | 'weak' | 'unsupported' {
  const mask = field.enter(tags.sequence)
  field.finish()
  if (mask.readObjectIdentifier() !== maskGeneration) return 'unsupported'
  const hash = hashAlgorithm(mask.readRawOf(tags.sequence))
  mask.finish()
  return hash
}

const hashNames = ['sha256', 'sha384', 'sha512'] as const
/** Length of each hash in octets. */
export const hashLengths: Readonly<Record<HashName, number>> = {
  sha256: 32,
  sha384: 48,
  sha512: 64,
}
/** Object identifier of each hash. */
export const hashIdentifiers: Readonly<Record<HashName, string>> = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
}
/** Longest salt: what fits beside a hash into a block of the largest key. */
const saltMax = rsaBitsMax / 8 - 32 - 2
const pssIdentifier = '1.2.840.113549.1.1.10'
const maskGeneration = '1.2.840.113549.1.1.8'
const ed25519 = '1.3.101.112'

const rsaEncryption = '1.2.840.113549.1.1.1'
const ecPublicKey = '1.2.840.10045.2.1'
const curves: ReadonlyMap<string, 'P-256' | 'P-384'> = new Map([
  ['1.2.840.10045.3.1.7', 'P-256'],
  ['1.3.132.0.34', 'P-384'],
])

function encoding(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

// The first entry of each name is the one written. Most frequent first, because the list is searched in order.
const encodings: readonly (readonly [Uint8Array, SignatureAlgorithm | 'weak'])[] = [
  [encoding('300d06092a864886f70d01010b0500'), 'rsa-sha256'],
  [encoding('300a06082a8648ce3d040302'), 'ecdsa-sha256'],
  [encoding('300a06082a8648ce3d040303'), 'ecdsa-sha384'],
  [encoding('300d06092a864886f70d01010c0500'), 'rsa-sha384'],
  [encoding('300d06092a864886f70d01010d0500'), 'rsa-sha512'],
  [encoding('300a06082a8648ce3d040304'), 'ecdsa-sha512'],
  [encoding('300506032b6570'), 'ed25519'],
  [encoding('300b06092a864886f70d01010b'), 'rsa-sha256'],
  [encoding('300b06092a864886f70d01010c'), 'rsa-sha384'],
  [encoding('300b06092a864886f70d01010d'), 'rsa-sha512'],
  // md2, md5, sha1 with RSA; sha1 with ECDSA and DSA.
  [encoding('300d06092a864886f70d0101020500'), 'weak'],
  [encoding('300d06092a864886f70d0101040500'), 'weak'],
  [encoding('300d06092a864886f70d0101050500'), 'weak'],
  [encoding('300b06092a864886f70d010105'), 'weak'],
  [encoding('300906072a8648ce3d0401'), 'weak'],
  [encoding('300906072a8648ce380403'), 'weak'],
]

const plainRsa = encoding('300d06092a864886f70d0101010500')

// The first entry of each name is the one written.
const hashEncodings: readonly (readonly [Uint8Array, HashName | 'weak'])[] = [
  [encoding('300b0609608648016503040201'), 'sha256'],
  [encoding('300d06096086480165030402010500'), 'sha256'],
  [encoding('300b0609608648016503040202'), 'sha384'],
  [encoding('300d06096086480165030402020500'), 'sha384'],
  [encoding('300b0609608648016503040203'), 'sha512'],
  [encoding('300d06096086480165030402030500'), 'sha512'],
  // sha1 and md5.
  [encoding('300906052b0e03021a0500'), 'weak'],
  [encoding('300706052b0e03021a'), 'weak'],
  [encoding('300c06082a864886f70d02050500'), 'weak'],
  [encoding('300a06082a864886f70d0205'), 'weak'],
]
