/** ECDSA signatures as XML signatures and JWS have them. */
import type { KeyFacts } from '../algorithm.ts'
import { DerReader, MalformedError, tags } from '../der.ts'

/**
 * r ‖ s, each as long as the order of the curve, of a DER signature (XMLDSig 1.1 §6.4.3, RFC 7518 §3.4). Throws `MalformedError`
 * for a signature that is none of this key.
 */
export function rawSignature(der: Uint8Array, facts: KeyFacts): Uint8Array {
  const size = facts.kind === 'ec' && facts.curve === 'P-384' ? 48 : 32
  const outer = new DerReader(der)
  const both = outer.enter(tags.sequence)
  const raw = new Uint8Array(2 * size)
  for (const end of [size, 2 * size]) {
    const digits = both.readInteger()
    const number = digits[0] === 0 ? digits.subarray(1) : digits
    if (number.length > size) throw new MalformedError('integer-out-of-range', 0)
    raw.set(number, end - number.length)
  }
  return raw
}
