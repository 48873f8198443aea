/** Algorithm names of JOSE (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864) and what is accepted of them. */
import type { HashName, KeyFacts, SignatureAlgorithm } from '../algorithm.ts'

/**
 * Names the algorithm of an `alg`, or says why it is not accepted. `none` and every HMAC are unsupported: whoever has the
 * public key, or nothing, could make one.
 */
export function joseAlgorithmOf(alg: string): SignatureAlgorithm | 'weak' | 'unsupported' {
  return algorithms.get(alg) ?? 'unsupported'
}

/** The `alg` of an algorithm. Throws `RangeError` for one that JOSE has no name for. */
export function joseAlgorithm(algorithm: SignatureAlgorithm): string {
  for (const [name, each] of algorithms) if (each === algorithm) return name
  throw new RangeError(algorithm)
}

/** Whether a key is of the one curve that an ECDSA algorithm is for (RFC 7518 §3.4); true for all other algorithms. */
export function isCurveOf(facts: KeyFacts, algorithm: SignatureAlgorithm): boolean {
  if (facts.kind !== 'ec') return true
  return algorithm === (facts.curve === 'P-256' ? 'ecdsa-sha256' : 'ecdsa-sha384')
}

/** The hash that ETSI TS 119 182-1 names so (`S256`); undefined: none that is accepted. */
export function joseHashOf(name: string): HashName | undefined {
  const match = /^S(256|384|512)$/.exec(name)
  return match === null ? undefined : hashes.find(each => each === `sha${match[1]}`)
}

const hashes: readonly HashName[] = ['sha256', 'sha384', 'sha512']

const algorithms: ReadonlyMap<string, SignatureAlgorithm | 'weak'> = new Map([
  ['RS256', 'rsa-sha256'],
  ['RS384', 'rsa-sha384'],
  ['RS512', 'rsa-sha512'],
  ['PS256', 'rsa-pss-sha256'],
  ['PS384', 'rsa-pss-sha384'],
  ['PS512', 'rsa-pss-sha512'],
  ['ES256', 'ecdsa-sha256'],
  ['ES384', 'ecdsa-sha384'],
  ['EdDSA', 'ed25519'],
  ['Ed25519', 'ed25519'],
  ['RS1', 'weak'],
])
