/**
 * A certificate that a key signs for itself (RFC 5280 §3.2), for protocols that name keys by certificates and believe them because they were
 * exchanged beforehand (SAML Metadata Interoperability Profile §2.5). It follows from the key alone and never ends: there is nothing to keep.
 */
import { encodeSignatureAlgorithm } from '../algorithm.ts'
import { digest } from '../crypto.ts'
import { bitString, explicit, integer, sequence, time } from '../der-writer.ts'
import { attributeTypes, encodeName } from '../name.ts'

/** A certificate that lacks only the signature, RSA PKCS#1 v1.5 with SHA-256. */
export interface PreparedCertificate {
  readonly toBeSigned: Uint8Array
  /** DER. */
  finish(signature: Uint8Array): Uint8Array
}

/** Prepares it. `commonName` is all that it says of its holder. */
export function prepareSelfSigned(given: {
  readonly spki: Uint8Array
  readonly commonName: string
}): PreparedCertificate {
  const { spki, commonName } = given
  const name = encodeName([[attributeTypes.commonName, commonName]]).raw
  const serial = digest('sha256', spki).slice(0, serialBytes)
  // Positive, and of full length (RFC 5280 §4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40
  const algorithm = encodeSignatureAlgorithm('rsa-sha256')
  const validity = sequence(time(notBefore), time(notAfter))
  const tbs = sequence(
    explicit(0, integer(2)),
    integer(serial),
    algorithm,
    name,
    validity,
    name,
    spki,
  )
  return { toBeSigned: tbs, finish: signature => sequence(tbs, algorithm, bitString(signature)) }
}

const serialBytes = 16
const notBefore = Date.UTC(2026, 0, 1)
/** "No well-defined expiration" (RFC 5280 §4.1.2.5). */
const notAfter = Date.UTC(9999, 11, 31, 23, 59, 59)
