/** Issuance of the two leaf certificates (A2, jpki.md §2.2–2.3) into the caller's transaction. */
import { eraOf, municipalityOf } from '@sekisho/contract/japan'
import type { CaKind, CertificateReference } from '@sekisho/contract/authority'
import {
  type BirthDate,
  type Era,
  type FourAttributes,
  parseCertificate,
  toHex,
} from '@sekisho/pki'
import {
  issueAuthenticationCertificate,
  issueSignatureCertificate,
  partitionName,
} from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import type { Resident, ResidentAttributes } from '../registry/resident.ts'
import type { Hierarchy } from './hierarchy.ts'

/** A certificate just issued. */
export type Issued = {
  readonly der: Uint8Array
  readonly caCertificate: Uint8Array
  readonly issuerKeyId: string
  readonly serial: string
  readonly notAfter: Instant
}

/** What is to be issued. */
export type IssueRequest = {
  readonly kind: CaKind
  readonly resident: Resident
  readonly cardId: string
  readonly spki: Uint8Array
  readonly notBefore: Instant
  readonly notAfter: Instant
  /** Of an authentication certificate: the one before it, on renewal and reissue. */
  readonly predecessor?: CertificateReference | undefined
  /** Of a signature certificate: the authentication certificate beside it on the card. */
  readonly authentication?: CertificateReference | undefined
}

/** Issues and records a certificate; `LintFault` when it would break a rule. Its serial is four random octets that this CA key has not used (jpki.md §2.2). */
export async function issue(
  tx: Transaction<AuthorityTables>,
  world: { readonly hierarchy: Hierarchy; readonly random: Random },
  request: IssueRequest,
): Promise<Issued> {
  const issuer = world.hierarchy.issuing(request.kind, request.notBefore)
  const serial = await unusedSerial(tx, issuer.keyId, world.random)
  const municipality = municipalityOf(request.resident.municipality)
  if (municipality === undefined)
    throw new Error(`no municipality ${request.resident.municipality}`)
  const { profile } = world.hierarchy
  const common = {
    profile,
    issuer: issuer.issuerFor(municipality),
    serial,
    spki: request.spki,
    notBefore: request.notBefore,
    notAfter: request.notAfter,
    commonName: commonNameOf(world.random, municipality.code),
    partition: partitionName(
      profile,
      request.kind,
      municipality.prefectureRomaji,
      municipality.romaji,
    ),
  }
  const der =
    request.kind === 'authentication'
      ? issueAuthenticationCertificate(common)
      : issueSignatureCertificate({
          ...common,
          attributes: certifiedAttributes(request.resident.attributes),
          prefecture: municipality.prefectureRomaji,
          municipality: municipality.romaji,
        })
  const issued: Issued = {
    der,
    caCertificate: issuer.certificate.raw,
    issuerKeyId: issuer.keyId,
    serial: parseCertificate(der).serialHex,
    notAfter: request.notAfter,
  }
  await tx
    .insertInto('certificate')
    .values({
      issuer_key_id: issued.issuerKeyId,
      serial: issued.serial,
      ca: request.kind,
      resident_id: request.resident.id,
      card_id: request.cardId,
      municipality: municipality.code,
      der,
      not_before: request.notBefore,
      not_after: request.notAfter,
      state: 'valid',
      reason: null,
      revoked_at: null,
      predecessor_issuer_key_id: request.predecessor?.issuerKeyId ?? null,
      predecessor_serial: request.predecessor?.serial ?? null,
      authentication_issuer_key_id: request.authentication?.issuerKeyId ?? null,
      authentication_serial: request.authentication?.serial ?? null,
    })
    .execute()
  await tx
    .insertInto('partition')
    .values({ issuer_key_id: issued.issuerKeyId, municipality: municipality.code })
    .onConflict(conflict => conflict.doNothing())
    .execute()
  return issued
}

async function unusedSerial(
  tx: Transaction<AuthorityTables>,
  issuerKeyId: string,
  random: Random,
): Promise<Uint8Array> {
  for (;;) {
    const serial = random.bytes(4)
    // First octet 1 to 127: positive, and never shorter than four.
    serial[0] = 1 + ((serial[0] ?? 0) % 127)
    const taken = await tx
      .selectFrom('certificate')
      .select('serial')
      .where('issuer_key_id', '=', issuerKeyId)
      .where('serial', '=', toHex(serial))
      .executeTakeFirst()
    if (taken === undefined) return serial
  }
}

/** An opaque common name in the form of the real ones: 14 letters and digits, municipality code, `003A` (jpki.md §2.2). */
function commonNameOf(random: Random, municipality: string): string {
  const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
  const text = Array.from(random.bytes(14), byte => letters[byte % letters.length]).join('')
  return `${text}${municipality}003A`
}

function certifiedAttributes(attributes: ResidentAttributes): FourAttributes {
  const flags = (text: string): boolean[] => Array.from(text, flag => flag === '1')
  return {
    name: substituted(attributes.name, attributes.nameSubstitutes),
    nameSubstitutes: flags(attributes.nameSubstitutes),
    address: substituted(attributes.address, attributes.addressSubstitutes),
    addressSubstitutes: flags(attributes.addressSubstitutes),
    birthDate: certifiedBirthDate(attributes.birthDate),
    gender: attributes.gender,
  }
}

/** What stands where a character cannot be carried: the geta mark 〓. */
const substitute = '〓'

function substituted(text: string, flags: string): string {
  return Array.from(text, (character, at) => (flags[at] === '1' ? substitute : character)).join('')
}

function certifiedBirthDate({ year, month, day }: ResidentAttributes['birthDate']): BirthDate {
  const found = eraOf({ year, month: month ?? 12, day: day ?? 28 })
  const era = eraNames[found?.en ?? ''] ?? 'unknown'
  return month === null || day === null
    ? { kind: 'partial', era, year, month: month ?? undefined, day: day ?? undefined }
    : { kind: 'full', era, year, month, day }
}

const eraNames: Readonly<Record<string, Era>> = {
  Meiji: 'meiji',
  Taisho: 'taisho',
  Showa: 'showa',
  Heisei: 'heisei',
  Reiwa: 'reiwa',
}
