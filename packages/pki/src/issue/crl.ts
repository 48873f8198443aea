/** Encodes revocation lists (RFC 5280 §5): full and delta, whole or partitioned. */
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from '../algorithm.ts'
import { contextConstructed, tags } from '../der.ts'
import { element, elementOf, enumerated, explicit, integer, sequence, time } from '../der-writer.ts'
import type { Name } from '../name.ts'
import type { Instant } from '../reason.ts'
import { type RevocationReason, reasonNumber } from '../revocation-reason.ts'
import { encodeExtension, extension, generalName, type Signer, signed } from './certificate.ts'

/** One line of a revocation list. */
export interface RevokedEntry {
  /** Big-endian, unsigned. */
  readonly serial: Uint8Array
  readonly revokedAt: Instant
  /** `unspecified` is written by leaving the reason out (RFC 5280 §5.3.1). */
  readonly reason: RevocationReason
}

/** What a revocation list says. */
export interface CrlContent {
  readonly issuer: Name
  /** Key identifier of the signing CA, because generations share one name. */
  readonly issuerKeyId: Uint8Array
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant
  /** CRLNumber; growing. */
  readonly number: number
  /** The partition; undefined: the list covers every certificate of the issuer. */
  readonly partition: Name | undefined
  /** Number of the list that this one is a delta to; undefined: a full list. */
  readonly deltaBase: number | undefined
  readonly entries: readonly RevokedEntry[]
}

/** Encodes and signs a revocation list. */
export function issueCrl(
  content: CrlContent,
  algorithm: SignatureAlgorithm,
  sign: Signer,
): Uint8Array {
  const entries = content.entries.map(encodeEntry)
  const tbs = sequence(
    integer(1),
    encodeSignatureAlgorithm(algorithm),
    content.issuer.raw,
    time(content.thisUpdate),
    time(content.nextUpdate),
    ...(entries.length === 0 ? [] : [elementOf(tags.sequence, entries)]),
    explicit(0, sequence(...encodeExtensions(content))),
  )
  return signed(tbs, algorithm, sign)
}

function encodeEntry(entry: RevokedEntry): Uint8Array {
  const number = reasonNumber(entry.reason)
  if (number === 0) return sequence(integer(entry.serial), time(entry.revokedAt))
  const reason = { id: '2.5.29.21', isCritical: false, value: enumerated(number) }
  return sequence(integer(entry.serial), time(entry.revokedAt), sequence(encodeExtension(reason)))
}

function encodeExtensions(content: CrlContent): readonly Uint8Array[] {
  const { partition, deltaBase } = content
  const list = [
    extension.authorityKeyIdentifier(content.issuerKeyId),
    { id: '2.5.29.20', isCritical: false, value: integer(content.number) },
  ]
  if (deltaBase !== undefined) {
    list.push({ id: '2.5.29.27', isCritical: true, value: integer(deltaBase) })
  }
  if (partition !== undefined) {
    const point = explicit(0, element(contextConstructed(0), generalName.directory(partition)))
    list.push({ id: '2.5.29.28', isCritical: true, value: sequence(point) })
  }
  return list.map(encodeExtension)
}
