/** Recognises the public TEST ONLY keys, so that production can refuse them. */
import { digest } from './crypto.ts'
import { toHex } from './der.ts'
import { poolFingerprints, poolMarks } from './pool-fingerprints.ts'

/** Whether a SubjectPublicKeyInfo is that of a key in the checked-in pool. */
export function isPoolKey(spki: Uint8Array): boolean {
  // Four bytes of the modulus first: this is asked for every signature.
  let mark = 0
  for (let i = markStart; i < markStart + 4; i++) mark = mark * 256 + (spki[i] ?? 0)
  return poolMarks.has(mark) && poolFingerprints.has(toHex(digest('sha256', spki)))
}

const markStart = 40
