/** Recognises the public TEST ONLY keys, so that production can refuse them. */
import { digest } from './crypto.ts'
import { toHex } from './der.ts'
import { poolFingerprints } from './pool-fingerprints.ts'

/** Whether a SubjectPublicKeyInfo is that of a key in the checked-in pool. */
export function isPoolKey(spki: Uint8Array): boolean {
  return poolFingerprints.has(toHex(digest('sha256', spki)))
}
