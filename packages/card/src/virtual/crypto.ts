/** The only place of `card` that touches `node:crypto`, and only for the inside of a card. */
import {
  constants,
  createPrivateKey,
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

/** Equality in constant time; different lengths are unequal. */
export function isEqual(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right)
}
