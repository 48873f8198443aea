/** Encodes revocation lists (RFC 5280 §5): full and delta, whole or partitioned. */
import { encodeSignatureAlgorithm, type SignatureAlgorithm } from '../algorithm.ts'
import { contextConstructed, contextPrimitive, tags } from '../der.ts'
import {
  boolean,
  element,
  elementOf,
  enumerated,
  explicit,
  integer,
  namedBits,
  retag,
  sequence,
  time,
} from '../der-writer.ts'
import type { Name } from '../name.ts'
import type { Instant } from '../reason.ts'
import { type RevocationReason, reasonNumber } from '../revocation-reason.ts'
import {
  type EncodedExtension,
  encodeExtension,
  extension,
  generalName,
  type Signer,
  signed,
} from './certificate.ts'

/** One line of a revocation list. */
export interface RevokedEntry {
  /** Big-endian, unsigned. */
  readonly serial: Uint8Array
  readonly revokedAt: Instant
  /** `unspecified` is written by leaving the reason out (RFC 5280 §5.3.1). */
  readonly reason: RevocationReason
  /** Issuer of this certificate and of those after it, in an indirect list (§5.3.3). */
  readonly issuer?: Name | undefined
  /** Further extensions, such as the invalidity date. */
  readonly extensions?: readonly EncodedExtension[] | undefined
}

/** What a list covers besides its partition (RFC 5280 §5.2.5). */
export interface CrlScopeContent {
  readonly covers?: 'users' | 'authorities' | 'attributes' | undefined
  /** ReasonFlags as bits. */
  readonly reasons?: number | undefined
  readonly isIndirect?: boolean | undefined
  /** Encoded AttributeTypeAndValue: the partition's name relative to that of the list's issuer. */
  readonly relativeName?: Uint8Array | undefined
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
  /** Undefined: all certificates of the partition, for all reasons. */
  readonly scope?: CrlScopeContent | undefined
  /** Further extensions of the list. */
  readonly extensions?: readonly EncodedExtension[] | undefined
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
  const extensions = [...(entry.extensions ?? [])]
  if (number !== 0) {
    extensions.push({ id: '2.5.29.21', isCritical: false, value: enumerated(number) })
  }
  if (entry.issuer !== undefined) {
    const value = sequence(generalName.directory(entry.issuer))
    extensions.push({ id: '2.5.29.29', isCritical: true, value })
  }
  return sequence(
    integer(entry.serial),
    time(entry.revokedAt),
    ...(extensions.length === 0 ? [] : [sequence(...extensions.map(encodeExtension))]),
  )
}

function encodeExtensions(content: CrlContent): readonly Uint8Array[] {
  const { partition, deltaBase, scope } = content
  const list = [
    extension.authorityKeyIdentifier(content.issuerKeyId),
    { id: '2.5.29.20', isCritical: false, value: integer(content.number) },
  ]
  if (deltaBase !== undefined) {
    list.push({ id: '2.5.29.27', isCritical: true, value: integer(deltaBase) })
  }
  if (partition !== undefined || scope !== undefined) {
    list.push({ id: '2.5.29.28', isCritical: true, value: encodeScope(partition, scope ?? {}) })
  }
  return [...list, ...(content.extensions ?? [])].map(encodeExtension)
}

function encodeScope(partition: Name | undefined, scope: CrlScopeContent): Uint8Array {
  const { covers, reasons, isIndirect, relativeName } = scope
  const parts: Uint8Array[] = []
  if (partition !== undefined) {
    const name = element(contextConstructed(0), generalName.directory(partition))
    parts.push(explicit(0, name))
  } else if (relativeName !== undefined) {
    parts.push(explicit(0, element(contextConstructed(1), relativeName)))
  }
  if (covers === 'users') parts.push(flag(1))
  if (covers === 'authorities') parts.push(flag(2))
  if (reasons !== undefined) parts.push(namedBits(reasons, contextPrimitive(3)))
  if (isIndirect === true) parts.push(flag(4))
  if (covers === 'attributes') parts.push(flag(5))
  return sequence(...parts)
}

function flag(number: number): Uint8Array {
  return retag(contextPrimitive(number), boolean(true))
}
