/** The only place of `card` that touches `node:crypto`, and only for the inside of a card. */
import {
  constants,
  createPrivateKey,
  hash,
  type KeyObject,
  privateEncrypt,
  timingSafeEqual,
} from 'node:crypto'

/** Opens a PKCS#8 DER private key. @throws Error when it is no RSA key. */
export function openKey(pkcs8: Uint8Array): KeyObject {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' })
  if (key.asymmetricKeyType !== 'rsa') throw new Error('the virtual card holds RSA keys only')
  return key
}

/** PKCS#1 v1.5 type 1 padding and the private operation over whatever is given, unchecked, as the card does. */
export function signRaw(key: KeyObject, block: Uint8Array): Uint8Array {
  return new Uint8Array(privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, block))
}

/**
 * RSASSA-PSS over a SHA-256 hash, mask and salt of the same size (RFC 8017 §9.1.1), for a key of 2048 bits. The salt is made of key
 * and hash: this card signs the same hash the same way each time, which the standard allows.
 */
export function signPss(key: KeyObject, hashed: Uint8Array): Uint8Array {
  const salt = sha256(key.export({ type: 'pkcs8', format: 'der' }), hashed)
  const proof = sha256(new Uint8Array(8), hashed, salt)
  const block = new Uint8Array(rsaBytes)
  const masked = rsaBytes - proof.length - 1
  block[masked - salt.length - 1] = 0x01
  block.set(salt, masked - salt.length)
  for (let at = 0; at < masked; at += proof.length) {
    const mask = sha256(proof, Uint8Array.of(0, 0, 0, at / proof.length))
    for (let byte = 0; byte < mask.length && at + byte < masked; byte++) {
      block[at + byte] = (block[at + byte] ?? 0) ^ (mask[byte] ?? 0)
    }
  }
  // The block must be smaller than the modulus: its highest bit is cleared.
  block[0] = (block[0] ?? 0) & 0x7f
  block.set(proof, masked)
  block[rsaBytes - 1] = 0xbc
  return new Uint8Array(privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block))
}

/** Bytes of a modulus of 2048 bits. */
const rsaBytes = 256

/** SHA-256 over the pieces one after another. */
export function sha256(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(hash('sha256', Buffer.concat(pieces), 'buffer'))
}

/** Equality in constant time; different lengths are unequal. */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}
