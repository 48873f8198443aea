/** Algorithm identifiers of XML signatures (XMLDSig 1.1 §6, RFC 9231) and what is accepted of them. */
import type { HashName, SignatureAlgorithm } from '../algorithm.ts'

/** Names the hash of a DigestMethod, or says why it is not accepted. */
export function digestOf(algorithm: string): HashName | 'weak' | 'unsupported' {
  return digests.get(algorithm) ?? 'unsupported'
}

/** Identifier of a hash. */
export function digestIdentifier(hash: HashName): string {
  return keyOf(digests, hash)
}

/**
 * Names the algorithm of a SignatureMethod, or says why it is not accepted. Every HMAC is unsupported: a verifier that
 * took the public key for its secret would believe anybody.
 */
export function signatureOf(algorithm: string): SignatureAlgorithm | 'weak' | 'unsupported' {
  return signatures.get(algorithm) ?? 'unsupported'
}

/** Identifier of a signature algorithm. */
export function signatureIdentifier(algorithm: SignatureAlgorithm): string {
  return keyOf(signatures, algorithm)
}

function keyOf<T>(map: ReadonlyMap<string, T>, value: T): string {
  for (const [key, each] of map) if (each === value) return key
  throw new RangeError(String(value))
}

const dsig = 'http://www.w3.org/2000/09/xmldsig#'
const more = 'http://www.w3.org/2001/04/xmldsig-more#'
const more2007 = 'http://www.w3.org/2007/05/xmldsig-more#'
const more2021 = 'http://www.w3.org/2021/04/xmldsig-more#'
const xmlenc = 'http://www.w3.org/2001/04/xmlenc#'

const digests: ReadonlyMap<string, HashName | 'weak'> = new Map([
  [`${xmlenc}sha256`, 'sha256'],
  [`${more}sha384`, 'sha384'],
  [`${xmlenc}sha512`, 'sha512'],
  [`${dsig}sha1`, 'weak'],
  [`${more}md5`, 'weak'],
  [`${xmlenc}ripemd160`, 'weak'],
])

const signatures: ReadonlyMap<string, SignatureAlgorithm | 'weak'> = new Map([
  [`${more}rsa-sha256`, 'rsa-sha256'],
  [`${more}rsa-sha384`, 'rsa-sha384'],
  [`${more}rsa-sha512`, 'rsa-sha512'],
  [`${more}ecdsa-sha256`, 'ecdsa-sha256'],
  [`${more}ecdsa-sha384`, 'ecdsa-sha384'],
  [`${more}ecdsa-sha512`, 'ecdsa-sha512'],
  [`${more2007}sha256-rsa-MGF1`, 'rsa-pss-sha256'],
  [`${more2007}sha384-rsa-MGF1`, 'rsa-pss-sha384'],
  [`${more2007}sha512-rsa-MGF1`, 'rsa-pss-sha512'],
  [`${more2021}eddsa-ed25519`, 'ed25519'],
  [`${dsig}rsa-sha1`, 'weak'],
  [`${more2007}sha1-rsa-MGF1`, 'weak'],
  [`${dsig}dsa-sha1`, 'weak'],
  [`${more}rsa-md5`, 'weak'],
  [`${more}rsa-ripemd160`, 'weak'],
  [`${more}ecdsa-sha1`, 'weak'],
  [`${more}ecdsa-ripemd160`, 'weak'],
])
