/**
 * The one file that reaches `node:crypto`. Everything above it works on bytes, so that another file with the same
 * functions is all that a verifier in a browser would need.
 */
import {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type Hash,
  hash,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  type SignKeyObjectInput,
  sign as signBytes,
  timingSafeEqual,
  verify as verifyBytes,
} from 'node:crypto'
import {
  type HashName,
  hashOf,
  type KeyFacts,
  keyFitsAlgorithm,
  parseKeyFacts,
  publicKeyBits,
  saltLength,
  type SignatureAlgorithm,
} from './algorithm.ts'
import { MalformedError } from './der.ts'

let makePublicKey: (facts: KeyFacts, handle: KeyObject | undefined) => PublicKey
let makePrivateKey: (handle: KeyObject) => PrivateKey

/** A public key that was parsed, checked and loaded. Only `importPublicKey` makes one. */
export class PublicKey {
  readonly facts: KeyFacts
  /** Undefined for kinds of keys that verify nothing here. */
  readonly #handle: KeyObject | undefined
  private constructor(facts: KeyFacts, handle: KeyObject | undefined) {
    this.facts = facts
    this.#handle = handle
  }
  static {
    makePublicKey = (facts, handle) => new PublicKey(facts, handle)
  }

  /** Whether `signature` over `message` was made with the private key. ECDSA signatures are DER (RFC 3279 §2.2.3). */
  verify(algorithm: SignatureAlgorithm, message: Uint8Array, signature: Uint8Array): boolean {
    if (this.#handle === undefined || !keyFitsAlgorithm(this.facts, algorithm)) return false
    if (algorithm === 'ed25519') return verifyBytes(null, message, this.#handle, signature)
    const salt = saltLength(algorithm)
    const key = salt === undefined ? this.#handle : pss(this.#handle, salt)
    return verifyBytes(hashOf(algorithm), message, key, signature)
  }

  /**
   * Whether `signature` is a PKCS#1 v1.5 block that holds exactly these bytes, with no DigestInfo around them. This is
   * what the bare-hash variant of the signature API produces (jpki.md §4.2). RSA only.
   */
  verifyBareBlock(block: Uint8Array, signature: Uint8Array): boolean {
    if (this.#handle === undefined || !keyFitsAlgorithm(this.facts, 'rsa-sha256')) return false
    if (this.facts.kind !== 'rsa' || signature.length !== Math.ceil(this.facts.bits / 8))
      return false
    let opened: Uint8Array
    try {
      opened = publicDecrypt({ key: this.#handle, padding: constants.RSA_PKCS1_PADDING }, signature)
    } catch (error) {
      if (isOpenSslError(error)) return false
      throw error
    }
    return opened.length === block.length && timingSafeEqual(opened, block)
  }
}

/** A private key in memory: for the inside of a card, for issuing and for tests. Only `importPrivateKey` makes one. */
export class PrivateKey {
  readonly #handle: KeyObject
  private constructor(handle: KeyObject) {
    this.#handle = handle
  }
  static {
    makePrivateKey = handle => new PrivateKey(handle)
  }

  /** Signs a message. ECDSA signatures are DER. */
  sign(algorithm: SignatureAlgorithm, message: Uint8Array): Uint8Array {
    if (algorithm === 'ed25519') return toBytes(signBytes(null, message, this.#handle))
    const salt = saltLength(algorithm)
    const key = salt === undefined ? this.#handle : pss(this.#handle, salt)
    return toBytes(signBytes(hashOf(algorithm), message, key))
  }

  /**
   * Pads any bytes as a PKCS#1 v1.5 type 1 block and applies the private key, as the card does with the DigestInfo it
   * is given (jpki.md §1.6). Throws `RangeError` when the block does not fit the key.
   */
  signBlock(block: Uint8Array): Uint8Array {
    try {
      return toBytes(
        privateEncrypt({ key: this.#handle, padding: constants.RSA_PKCS1_PADDING }, block),
      )
    } catch (error) {
      if (isOpenSslError(error))
        throw new RangeError('block does not fit the key', { cause: error })
      throw error
    }
  }

  /** SubjectPublicKeyInfo of the matching public key. */
  publicKeyInfo(): Uint8Array {
    return toBytes(createPublicKey(this.#handle).export({ type: 'spki', format: 'der' }))
  }
}

/** Loads a SubjectPublicKeyInfo. Throws `MalformedError`. Costs as much as a verification: see `KeyCache`. */
export function importPublicKey(spki: Uint8Array): PublicKey {
  const facts = parseKeyFacts(spki)
  if (facts.kind === 'other') return makePublicKey(facts, undefined)
  try {
    // As PEM: node:crypto loads a string four times as fast as bytes with a format beside them, and OpenSSL a bare RSA key
    // faster than the same key inside a SubjectPublicKeyInfo.
    const isRsa = facts.kind === 'rsa'
    const text = base64(isRsa ? publicKeyBits(spki) : spki)
    const label = isRsa ? 'RSA PUBLIC KEY' : 'PUBLIC KEY'
    return makePublicKey(
      facts,
      createPublicKey(`-----BEGIN ${label}-----\n${text}\n-----END ${label}-----\n`),
    )
  } catch (error) {
    if (isOpenSslError(error)) throw new MalformedError('value-invalid', 0, 'public key')
    throw error
  }
}

/** Loads a PKCS#8 PrivateKeyInfo. Throws `MalformedError`. */
export function importPrivateKey(pkcs8: Uint8Array): PrivateKey {
  try {
    const key = Buffer.from(pkcs8.buffer, pkcs8.byteOffset, pkcs8.byteLength)
    return makePrivateKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }))
  } catch (error) {
    if (isOpenSslError(error)) throw new MalformedError('value-invalid', 0, 'private key')
    throw error
  }
}

/** Hash of a message. SHA-1 is for key identifiers and OCSP CertID only, where it protects nothing. */
export function digest(name: HashName | 'sha1', message: Uint8Array): Uint8Array {
  return toBytes(hash(name, message, 'buffer'))
}

/** A hash that is fed piece by piece, for what is too large to hold. */
export class RunningDigest {
  readonly #state: Hash
  constructor(from: HashName | Hash) {
    this.#state = typeof from === 'string' ? createHash(from) : from
  }

  update(piece: Uint8Array): void {
    this.#state.update(piece)
  }

  /** Another one that has been fed the same until now. */
  copy(): RunningDigest {
    return new RunningDigest(this.#state.copy())
  }

  /** The hash. Nothing can be fed afterwards. */
  finish(): Uint8Array {
    return toBytes(this.#state.digest())
  }
}

/** Compares secrets and nonces in constant time. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

function pss(key: KeyObject, salt: number): SignKeyObjectInput {
  return { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: salt }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

function toBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}

function isOpenSslError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if ('opensslErrorStack' in error) return true
  if (!('code' in error)) return false
  const code = String(error.code)
  return (
    code.startsWith('ERR_OSSL') || code.startsWith('ERR_CRYPTO') || code === 'ERR_INVALID_ARG_VALUE'
  )
}
