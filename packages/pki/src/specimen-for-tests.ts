/**
 * A small synthetic JPKI for tests of this package: authorities of both kinds in two generations, people's certificates,
 * revocation lists. Keys come from the TEST ONLY pool. No test data of the product depends on it.
 */
import { type Certificate, parseCertificate } from './certificate.ts'
import type { FourAttributes } from './four-attributes.ts'
import type { CrlContent, RevokedEntry } from './issue/crl.ts'
import { issueCrl } from './issue/crl.ts'
import { keyIdentifier } from './issue/certificate.ts'
import {
  type IssuingAuthority,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  issueSignatureCertificate,
  lastInstantOfDay,
  partitionName,
} from './issue/jpki.ts'
import { poolKey } from './issue/pool.ts'
import type { Name } from './name.ts'
import { pathBudget, type PathDemands } from './path.ts'
import { KeyCache } from './key-cache.ts'
import { type CertificateKind, jpkiTown } from './profile.ts'
import type { Instant } from './reason.ts'
import type { RevocationReason } from './revocation-reason.ts'

/** The time at which tests judge, unless they say otherwise. */
export const specimenNow: Instant = Date.UTC(2026, 10, 2, 3, 0, 0)

/** A synthetic person: no such registration exists. */
export const specimenAttributes: FourAttributes = {
  name: '見本　花子',
  nameSubstitutes: [false, false, false, false, true],
  address: '東京都千代田区霞が関一丁目',
  addressSubstitutes: Array.from({ length: 13 }, () => false),
  birthDate: { kind: 'full', era: 'heisei', year: 1990, month: 2, day: 3 },
  gender: 'female',
}

/** A CA generation on its own pool key. */
export function specimenAuthority(kind: CertificateKind, keyIndex: number): IssuingAuthority {
  const key = poolKey(keyIndex)
  const der = issueAuthorityCertificate({
    profile: jpkiTown,
    kind,
    serial: Uint8Array.of(1 + keyIndex),
    notBefore: Date.UTC(2023, 6, 16, 1, 1, 4),
    notAfter: lastInstantOfDay(2033, 7, 15),
    spki: key.spki,
    algorithm: 'rsa-sha256',
    sign: key.sign,
  })
  return { certificate: parseCertificate(der), algorithm: 'rsa-sha256', sign: key.sign }
}

/** Name of the partition of Chiyoda, in which specimen certificates lie. */
export function specimenPartition(kind: CertificateKind): Name {
  return partitionName(jpkiTown, kind, 'Tokyo-to', 'Chiyoda-ku')
}

/** What may be varied in a specimen leaf. */
export interface SpecimenLeaf {
  readonly serial?: Uint8Array
  readonly notBefore?: Instant
  readonly notAfter?: Instant
  readonly attributes?: FourAttributes
}

/** A leaf of a kind on a pool key. */
export function specimenLeaf(
  kind: CertificateKind,
  issuer: IssuingAuthority,
  keyIndex: number,
  vary: SpecimenLeaf = {},
): Certificate {
  const request = {
    profile: jpkiTown,
    issuer,
    serial: vary.serial ?? Uint8Array.of(0x12, 0x34, 0x56, keyIndex),
    spki: poolKey(keyIndex).spki,
    notBefore: vary.notBefore ?? Date.UTC(2025, 3, 1, 2, 3, 4),
    notAfter: vary.notAfter ?? lastInstantOfDay(2030, 2, 3),
    commonName: '20250401ABCDEF13101003A',
    partition: specimenPartition(kind),
  }
  return parseCertificate(
    kind === 'authentication'
      ? issueAuthenticationCertificate(request)
      : issueSignatureCertificate({
          ...request,
          attributes: vary.attributes ?? specimenAttributes,
          prefecture: 'Tokyo-to',
          municipality: 'Chiyoda-ku',
        }),
  )
}

/** An entry, revoked on the first of November 2026. */
export function specimenEntry(serial: Uint8Array, reason: RevocationReason): RevokedEntry {
  return { serial, revokedAt: Date.UTC(2026, 10, 1), reason }
}

/** A full list of the Chiyoda partition, fresh at `specimenNow`, with the fields given changed. */
export function specimenCrl(
  kind: CertificateKind,
  issuer: IssuingAuthority,
  vary: Partial<CrlContent> = {},
): Uint8Array {
  const content: CrlContent = {
    issuer: issuer.certificate.subject,
    issuerKeyId: keyIdentifier(issuer.certificate.spki),
    thisUpdate: specimenNow - 3_600_000,
    nextUpdate: specimenNow + 24 * 3_600_000,
    number: 7,
    partition: specimenPartition(kind),
    deltaBase: undefined,
    entries: [],
    ...vary,
  }
  return issueCrl(content, issuer.algorithm, issuer.sign)
}

/** Demands on a path that a specimen leaf meets. */
export function specimenDemands(anchors: readonly Certificate[]): PathDemands {
  return {
    at: specimenNow,
    anchors,
    intermediates: [],
    policies: {
      acceptable: jpkiTown.leaves.flatMap(each => each.policies),
      isExplicitRequired: true,
      isMappingInhibited: true,
      isAnyInhibited: true,
    },
    purpose: undefined,
    keyUsage: 0,
    keys: new KeyCache(64),
    budget: pathBudget,
  }
}

/** The leading code of a verdict, or `passed`. */
export function codeOf(verdict: {
  readonly kind: string
  readonly reasons?: readonly { readonly code: string }[]
}): string {
  return verdict.reasons?.[0]?.code ?? verdict.kind
}
