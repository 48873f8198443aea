/**
 * Signatures over a document or a hash. RSA PKCS#1 v1.5 with SHA-256/384/512 and ECDSA; which key may make which is
 * decided in `algorithm.ts`.
 */
import { type HashName, hashOf, type SignatureAlgorithm } from './algorithm.ts'
import { digest, type PublicKey } from './crypto.ts'
import { nullValue, objectIdentifier, octetString, sequence } from './der-writer.ts'
import { passed, rejectedFor, type Verdict } from './reason.ts'

/**
 * What the signed octets are. `document`: the usual signature over a message. `bare-hash`: a PKCS#1 v1.5 block that
 * holds the bare SHA-256 hash with no DigestInfo, as one variant of the signature API makes it (jpki.md §4.2): accepted
 * only where the caller knows that this variant was asked for.
 */
export type SignatureForm = 'document' | 'bare-hash'

/** What is to be verified: the bytes themselves, or, for documents too large to hold, their hash (RSA only). */
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
  const isRsa = key.facts.kind === 'rsa'
  if (isRsa !== algorithm.startsWith('rsa-') || key.facts.kind === 'other') {
    return rejectedFor('algorithm-unsupported', { algorithm, key: key.facts.kind })
  }
  if (key.facts.kind === 'rsa' && signature.length !== Math.ceil(key.facts.bits / 8)) {
    return rejectedFor('signature-malformed', { length: signature.length })
  }
  if (form === 'document' && content.kind === 'bytes') {
    return verdictOf(key.verify(algorithm, content.bytes, signature))
  }
  const name = hashOf(algorithm)
  if (!isRsa || (form === 'bare-hash' && name !== 'sha256')) {
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

function verdictOf(isGood: boolean): Verdict<true> {
  return isGood ? good : rejectedFor('signature-bad')
}

const good: Verdict<true> = passed(true)
const hashLengths = { sha256: 32, sha384: 48, sha512: 64 } as const satisfies Record<
  HashName,
  number
>
const hashIdentifiers = {
  sha256: '2.16.840.1.101.3.4.2.1',
  sha384: '2.16.840.1.101.3.4.2.2',
  sha512: '2.16.840.1.101.3.4.2.3',
} as const satisfies Record<HashName, string>
