/** The only place of `card` that touches `node:crypto`: what happens inside a card, and the channel between card and terminal. */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  hash,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
  privateEncrypt,
  publicEncrypt,
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

/** Opens what was encrypted to the key with RSA-OAEP, SHA-256; `undefined` when it was not. */
export function decryptOaep(key: KeyObject, cryptogram: Uint8Array): Uint8Array | undefined {
  try {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    return new Uint8Array(privateDecrypt({ key, padding, oaepHash: 'sha256' }, cryptogram))
  } catch {
    return undefined
  }
}

/** Encrypts to a key, as SubjectPublicKeyInfo, with RSA-OAEP, SHA-256. */
export function encryptOaep(spki: Uint8Array, secret: Uint8Array): Uint8Array {
  const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return new Uint8Array(publicEncrypt({ key, padding, oaepHash: 'sha256' }, secret))
}

/** HMAC-SHA-256. */
export function hmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(message).digest())
}

/** A key of 32 bytes by HKDF-SHA-256 (RFC 5869). */
export function deriveKey(secret: Uint8Array, salt: Uint8Array, info: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, salt, Buffer.from(info), 32))
}

/** AES-256-GCM: ciphertext and then the tag of 16 bytes. */
export function seal(
  key: Uint8Array,
  nonce: Uint8Array,
  header: Uint8Array,
  plain: Uint8Array,
): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(header)
  return new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]))
}

/** Opens what `seal` made; `undefined` when anything was changed. */
export function unseal(
  key: Uint8Array,
  nonce: Uint8Array,
  header: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < tagBytes) return undefined
  const at = sealed.length - tagBytes
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
    .setAAD(header)
    .setAuthTag(sealed.subarray(at))
  try {
    return new Uint8Array(Buffer.concat([cipher.update(sealed.subarray(0, at)), cipher.final()]))
  } catch {
    return undefined
  }
}

const tagBytes = 16

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
