/**
 * The TEST ONLY key pool: RSA-2048 keys and two on P-384 that are checked in, so that towns and tests need not wait for key generation.
 * Their fingerprints are in the door `.` (`isPoolKey`), so that production refuses them.
 */
import { importPrivateKey, type PrivateKey } from '../crypto.ts'
import pool from '../pool.json' with { type: 'json' }
import type { Signer } from './certificate.ts'

/** Number of keys in the pool. */
export const poolSize: number = pool.keys.length

/** One key of the pool. */
export interface PoolKey {
  readonly index: number
  /** PKCS#8 PrivateKeyInfo. */
  readonly pkcs8: Uint8Array
  /** SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly privateKey: PrivateKey
  readonly sign: Signer
}

/** A key of the pool by its index, counted round when the index is too large. TEST ONLY. */
export function poolKey(index: number): PoolKey {
  const position = index % poolSize
  return keyOf(pool.keys[position], position)
}

/** One of the two P-384 keys, 0 or 1, for what has to last longer than RSA-2048. TEST ONLY. */
export function poolCurveKey(index: 0 | 1): PoolKey {
  return keyOf(pool.curves[index], index)
}

function keyOf(encoded: string | undefined, position: number): PoolKey {
  if (encoded === undefined) throw new RangeError(`no pool key ${position}`)
  const pkcs8 = Uint8Array.from(atob(encoded), character => character.charCodeAt(0))
  const privateKey = importPrivateKey(pkcs8)
  return {
    index: position,
    pkcs8,
    spki: privateKey.publicKeyInfo(),
    privateKey,
    sign: (algorithm, message) => privateKey.sign(algorithm, message),
  }
}
