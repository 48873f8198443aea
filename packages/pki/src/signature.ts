/**
 * Signatures over a document or a hash: RSA PKCS#1 v1.5 and PSS, ECDSA, Ed25519. Which key may make which is decided in
 * `algorithm.ts`.
 */
import {
  type HashName,
  hashIdentifiers,
  hashLengths,
  hashOf,
  keyKindOf,
  type SignatureAlgorithm,
} from './algorithm.ts'
import { digest, type PublicKey } from './crypto.ts'
import { integer, nullValue, objectIdentifier, octetString, sequence } from './der-writer.ts'
import { passed, rejectedFor, type Verdict } from './reason.ts'

/**
 * What the signed octets are. `document`: the usual signature over a message. `bare-hash`: a PKCS#1 v1.5 block that
 * holds the bare SHA-256 hash with no DigestInfo, as one variant of the signature API makes it (jpki.md §4.2): accepted
 * only where the caller knows that this variant was asked for.
 */
export type SignatureForm = 'document' | 'bare-hash'

/** What is to be verified: the bytes themselves, or, for documents too large to hold, their hash (RSA PKCS#1 v1.5 only). */
export type SignedContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'hash'; readonly hash: Uint8Array }

/** Judges a signature: `signature-bad`, or `signature-malformed` when it cannot be one of this key at all. */
export function verifySignature(given: {
  readonly key: PublicKey
  readonly algorithm: SignatureAlgorithm
  readonly form: SignatureForm
  readonly content: SignedContent
  readonly signature: Uint8Array
}): Verdict<true> {
  const { key, algorithm, form, content, signature } = given
  const { facts } = key
  const kind = keyKindOf(algorithm)
  if (facts.kind !== kind && !(facts.kind === 'rsa' && kind === 'rsa-pss')) {
    return rejectedFor('algorithm-unsupported', { algorithm, key: facts.kind })
  }
  const isRsa = facts.kind === 'rsa' || facts.kind === 'rsa-pss'
  if (isRsa && signature.length !== Math.ceil(facts.bits / 8)) {
    return rejectedFor('signature-malformed', { length: signature.length })
  }
  if (form === 'document' && content.kind === 'bytes') {
    return verdictOf(key.verify(algorithm, content.bytes, signature))
  }
  const name = hashOf(algorithm)
  if (kind !== 'rsa' || (form === 'bare-hash' && name !== 'sha256')) {
    return rejectedFor('algorithm-unsupported', { algorithm, form })
  }
  const hash = content.kind === 'hash' ? content.hash : digest(name, content.bytes)
  if (hash.length !== hashLengths[name]) return rejectedFor('signature-bad', { field: 'hash' })
  const block = form === 'bare-hash' ? hash : encodeDigestInfo(name, hash)
  return verdictOf(key.verifyBareBlock(block, signature))
}

/** DigestInfo (RFC 8017 §9.2): what a card is given to sign (jpki.md §1.6). */
export function encodeDigestInfo(name: HashName, hash: Uint8Array): Uint8Array {
  if (hash.length !== hashLengths[name]) throw new RangeError('hash length')
  return sequence(sequence(objectIdentifier(hashIdentifiers[name]), nullValue()), octetString(hash))
}

/**
 * The DER form (RFC 3279 §2.2.3) of an ECDSA signature given as r ‖ s, each as long as the curve's order, as XML signatures
 * (RFC 4050 §3.3) and JWS (RFC 7518 §3.4) have it. Undefined when the length is not that of the curve.
 */
export function ecdsaSignatureOf(
  raw: Uint8Array,
  curve: 'P-256' | 'P-384',
): Uint8Array | undefined {
  const size = curve === 'P-256' ? 32 : 48
  if (raw.length !== 2 * size) return undefined
  return sequence(unsignedInteger(raw.subarray(0, size)), unsignedInteger(raw.subarray(size)))
}

function unsignedInteger(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex(each => each !== 0)
  const digits = start < 0 ? Uint8Array.of(0) : bytes.subarray(start)
  return integer((digits[0] ?? 0) >= 0x80 ? Uint8Array.of(0, ...digits) : digits)
}

function verdictOf(isGood: boolean): Verdict<true> {
  return isGood ? good : rejectedFor('signature-bad')
}

const good: Verdict<true> = passed(true)
