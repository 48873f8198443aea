/** Makes CV certificates (jpki.md §1.4) and the key objects in them. For the authority, for organisations, and for tests. */
import { DerReader, tags } from '@sekisho/pki'
import { composeTerm, type CvTerm, idBytes } from '../cv-certificate.ts'
import { composeTlv } from '../tlv.ts'

/** Signs with RSA-2048, PKCS#1 v1.5, SHA-256 (RFC 8017 §8.2.1). */
export type CvSigner = { readonly id: string; sign(message: Uint8Array): Uint8Array }

/**
 * A key that signs the records of cards: besides, it signs a block as it is, with the padding alone, and its CV certificate goes
 * onto the cards.
 */
export type RecordSigner = CvSigner & {
  readonly certificate: Uint8Array
  signBlock(block: Uint8Array): Uint8Array
}

/** What a certificate says. `spki` is the subject's RSA-2048 key. */
export type CvContent = {
  readonly subject: string
  readonly spki: Uint8Array
  /** Only terminals' and their organisations' certificates have one. */
  readonly term?: CvTerm
}

/** A CV certificate. @throws RangeError for an identifier, day or key that does not fit. */
export function issueCvCertificate(content: CvContent, issuer: CvSigner): Uint8Array {
  const body = Uint8Array.from([
    ...idBytes(issuer.id),
    ...idBytes(content.subject),
    ...cvKeyObjects(content.spki),
    ...(content.term === undefined ? [] : composeTerm(content.term)),
  ])
  return composeTlv(
    0x7f21,
    Uint8Array.from([...composeTlv(0x5f4e, body), ...composeTlv(0x5f37, issuer.sign(body))]),
  )
}

/** An RSA-2048 key as `90` exponent and `91` modulus. @throws RangeError for another kind or size of key. */
export function cvKeyObjects(spki: Uint8Array): Uint8Array {
  const info = new DerReader(spki).enter(tags.sequence)
  info.expect(tags.sequence)
  const key = new DerReader(info.readBitStringBytes()).enter(tags.sequence)
  const modulus = withoutZero(key.readInteger())
  const exponent = withoutZero(key.readInteger())
  if (modulus.length !== 256) throw new RangeError('a CV certificate holds a key of 2048 bits')
  return Uint8Array.from([...composeTlv(0x90, exponent), ...composeTlv(0x91, modulus)])
}

const withoutZero = (value: Uint8Array): Uint8Array => (value[0] === 0 ? value.subarray(1) : value)
