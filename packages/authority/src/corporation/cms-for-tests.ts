/** Signed messages for tests: an attached CMS of one signer, built octet by octet, as the product's own makers are not the authority's. */
import { type Certificate, der, digest, type PrivateKey } from '@sekisho/pki'

/** A CMS (RFC 5652) over JSON, signed with RSA and SHA-256, with the signer's certificate in it. */
export function cms(
  content: unknown,
  by: { readonly certificate: Certificate; readonly key: PrivateKey },
): Uint8Array {
  const { explicit, integer, objectIdentifier, octetString, sequence, setOf } = der
  const { certificate, key } = by
  const bytes = new TextEncoder().encode(JSON.stringify(content))
  const sha256 = sequence(objectIdentifier('2.16.840.1.101.3.4.2.1'))
  const data = objectIdentifier('1.2.840.113549.1.7.1')
  const attribute = (id: string, value: Uint8Array): Uint8Array =>
    sequence(objectIdentifier(id), setOf(value))
  const signed = setOf(
    attribute('1.2.840.113549.1.9.3', data),
    attribute('1.2.840.113549.1.9.4', octetString(digest('sha256', bytes))),
  )
  const signature = key.sign('rsa-sha256', signed)
  const implicit = Uint8Array.from(signed)
  implicit[0] = 0xa0
  const signer = sequence(
    integer(1),
    sequence(certificate.issuer.raw, integer(certificate.serial)),
    sha256,
    implicit,
    sequence(objectIdentifier('1.2.840.113549.1.1.11'), Uint8Array.of(5, 0)),
    octetString(signature),
  )
  const body = sequence(
    integer(1),
    setOf(sha256),
    sequence(data, explicit(0, octetString(bytes))),
    explicit(0, certificate.raw),
    setOf(signer),
  )
  return sequence(objectIdentifier('1.2.840.113549.1.7.2'), explicit(0, body))
}
