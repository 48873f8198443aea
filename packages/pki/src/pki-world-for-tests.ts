/** Certificates and lists of any make, for tests that rebuild situations of the standard. Keys come from the TEST ONLY pool. */
import { type Certificate, parseCertificate } from './certificate.ts'
import { octetString, sequence, utf8String, objectIdentifier } from './der-writer.ts'
import { keyUsages } from './extension.ts'
import {
  type EncodedExtension,
  extension,
  generalName,
  issueCertificate,
  keyIdentifier,
  type PointContent,
} from './issue/certificate.ts'
import { type CrlContent, issueCrl, type RevokedEntry } from './issue/crl.ts'
import { poolKey } from './issue/pool.ts'
import { encodeName, type Name } from './name.ts'
import type { RevocationReason } from './revocation-reason.ts'

/** When everything is judged. */
export const worldNow = Date.UTC(2027, 5, 1)
const day = 86_400_000

/** Somebody with a name, a key and a certificate. */
export interface Entity {
  readonly name: Name
  readonly key: number
  readonly certificate: Certificate
}

/** What may be varied in a certificate. */
export interface EntityWish {
  readonly serial?: Uint8Array | undefined
  readonly key?: number | undefined
  readonly points?: readonly PointContent[] | undefined
  readonly extensions?: readonly EncodedExtension[] | undefined
  /** Key usage bits; certificates of CAs sign certificates and lists unless told otherwise. */
  readonly usage?: number | undefined
}

let serialCount = 0x100

/** A name below the test country. */
export function nameOf(...parts: readonly string[]): Name {
  return encodeName([
    ['2.5.4.6', 'JP'],
    ['2.5.4.10', 'Test Certificates'],
    ...parts.map(each => ['2.5.4.3', each] as const),
  ])
}

/** The last part of a name, as a name relative to the rest. */
export function relativeNameOf(part: string): Uint8Array {
  return sequence(objectIdentifier('2.5.4.3'), utf8String(part))
}

/** A CA, self-signed without an issuer. */
export function authority(name: Name, key: number, issuer?: Entity, wish: EntityWish = {}): Entity {
  const usage = wish.usage ?? keyUsages.keyCertSign | keyUsages.crlSign
  return entity(name, key, issuer, wish, [
    extension.basicConstraints(true),
    extension.keyUsage(usage),
  ])
}

/** Somebody who is no CA. */
export function person(name: Name, issuer: Entity, wish: EntityWish = {}): Entity {
  const usage = wish.usage ?? keyUsages.digitalSignature
  return entity(name, wish.key ?? 1, issuer, wish, [extension.keyUsage(usage)])
}

/** A list of somebody, fresh at `worldNow`, with the fields given changed. */
export function list(signer: Entity, vary: Partial<CrlContent> = {}): Uint8Array {
  const key = poolKey(signer.key)
  return issueCrl(
    {
      issuer: signer.name,
      issuerKeyId: keyIdentifier(key.spki),
      thisUpdate: worldNow - day,
      nextUpdate: worldNow + day,
      number: 1,
      partition: undefined,
      deltaBase: undefined,
      entries: [],
      ...vary,
    },
    'rsa-sha256',
    key.sign,
  )
}

/** An entry for a certificate. */
export function revoked(
  one: Entity,
  reason: RevocationReason = 'keyCompromise',
  vary: Partial<RevokedEntry> = {},
): RevokedEntry {
  return { serial: one.certificate.serial, revokedAt: worldNow - 2 * day, reason, ...vary }
}

/** FreshestCRL, as it stands in a full list that has deltas. */
export function freshestCrl(name: Name): EncodedExtension {
  const { value } = extension.crlDistributionPoints([{ names: [generalName.directory(name)] }])
  return { id: '2.5.29.46', isCritical: false, value }
}

/** A critical extension that nobody knows. */
export const unknownCritical: EncodedExtension = {
  id: '2.999.7',
  isCritical: true,
  value: octetString(Uint8Array.of(1)),
}

function entity(
  name: Name,
  key: number,
  issuer: Entity | undefined,
  wish: EntityWish,
  extensions: readonly EncodedExtension[],
): Entity {
  serialCount++
  const signer = poolKey(issuer?.key ?? key)
  const points = wish.points === undefined ? [] : [extension.crlDistributionPoints(wish.points)]
  const der = issueCertificate(
    {
      serial: wish.serial ?? Uint8Array.of(serialCount >> 8, serialCount & 255),
      issuer: issuer?.name ?? name,
      subject: name,
      notBefore: worldNow - 300 * day,
      notAfter: worldNow + 300 * day,
      spki: poolKey(key).spki,
      extensions: [
        ...extensions,
        extension.subjectKeyIdentifier(keyIdentifier(poolKey(key).spki)),
        extension.authorityKeyIdentifier(keyIdentifier(signer.spki)),
        ...points,
        ...(wish.extensions ?? []),
      ],
    },
    'rsa-sha256',
    signer.sign,
  )
  return { name, key, certificate: parseCertificate(der) }
}
