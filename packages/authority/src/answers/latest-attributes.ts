/**
 * The latest four attributes 最新の利用者情報 (A14): of the person to whom a signature certificate was issued, by a consent that this person signed
 * and has not withdrawn. The consent is read and its signature verified here: the verifier's word is not taken for it.
 */
import { Refusal } from '@sekisho/contract'
import {
  type AttributeConsent,
  latestAttributesAnswer,
  type LatestAttributesAnswer,
  type LatestAttributesQuery,
  readAttributeConsent,
} from '@sekisho/contract/authority'
import { dateInJapan } from '@sekisho/contract/japan'
import { KeyCache, MalformedError, parseCertificate } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import { type ResidentAttributes, residentOf } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { answerOnce, requireAccreditation, requirePurpose } from './counted.ts'
import type { Verifier } from './verifier.ts'

/** Yen for an answer: as a check of a signature certificate (*ours*: no tariff names it). */
const latestAttributesYen = 20

/** Answers. Refusals `verifier-not-accredited`, `purpose-unlawful`, `certificate-unknown`, `consent-missing`, `idempotency-conflict`. */
export async function answerLatestAttributes(
  world: World,
  verifier: Verifier,
  key: string,
  query: LatestAttributesQuery,
): Promise<LatestAttributesAnswer> {
  requireAccreditation(verifier, ['signatures'])
  requirePurpose(query, ['attribute-update'])
  const asked = { verifier, key, kind: 'latest-attributes', query } as const
  const form = latestAttributesAnswer
  return answerOnce(world, { ...asked, form, feeYen: latestAttributesYen }, async (tx, usage) => {
    const row = await tx
      .selectFrom('certificate as one')
      .innerJoin('resident', 'resident.id', 'one.resident_id')
      .selectAll('resident')
      .where('one.issuer_key_id', '=', query.signature.issuerKeyId)
      .where('one.serial', '=', query.signature.serial)
      .where('one.ca', '=', 'signature')
      .executeTakeFirst()
    if (row === undefined) throw new Refusal('certificate-unknown')
    await requireConsent(tx, query, { verifier, residentId: row.id, at: world.clock.now() })
    const resident = residentOf(row)
    const isRegistered = resident.status === 'resident' || resident.status === 'overseas'
    return {
      ...usage,
      attributes: isRegistered ? told(resident.attributes, query.attributes) : null,
    }
  })
}

/** Refusal `consent-missing` unless the person has signed this very consent, it covers what is asked, and it is in force. */
async function requireConsent(
  tx: Transaction<AuthorityTables>,
  { consent: given, attributes }: LatestAttributesQuery,
  about: { readonly verifier: Verifier; readonly residentId: string; readonly at: Instant },
): Promise<void> {
  const bytes = new Uint8Array(Buffer.from(given.text, 'base64'))
  const consent = readAttributeConsent(new TextDecoder().decode(bytes))
  const refuse = (why: string): never => {
    throw new Refusal('consent-missing', { why })
  }
  if (consent === undefined) return refuse('form')
  if (consent.verifier !== about.verifier.id) return refuse('verifier')
  if (!attributes.every(each => consent.attributes.includes(each))) return refuse('attributes')
  const signer = await tx
    .selectFrom('certificate')
    .select(['der', 'not_before', 'resident_id'])
    .where('issuer_key_id', '=', given.signedWith.issuerKeyId)
    .where('serial', '=', given.signedWith.serial)
    .where('ca', '=', 'signature')
    .executeTakeFirst()
  if (signer?.resident_id !== about.residentId || signer.der === null) return refuse('signer')
  if (!isSignedBy(signer.der, bytes, new Uint8Array(Buffer.from(given.signature, 'base64'))))
    return refuse('signature')
  if (!isInForce(consent, signer.not_before, about.at)) return refuse('time')
  const withdrawn = await tx
    .selectFrom('consent_withdrawal')
    .select('at')
    .where('verifier', '=', about.verifier.id)
    .where('number', '=', consent.number)
    .executeTakeFirst()
  if (withdrawn !== undefined) return refuse('withdrawn')
}

/** Given on a day on which the certificate was there already, and used between that day and the last one. */
function isInForce(consent: AttributeConsent, notBefore: Instant, at: Instant): boolean {
  const today = dayText(at)
  return dayText(notBefore) <= consent.givenOn && consent.givenOn <= today && today <= consent.until
}

function isSignedBy(der: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  try {
    return new KeyCache(1).key(parseCertificate(der).spki).verify('rsa-sha256', text, signature)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

function told(
  attributes: ResidentAttributes,
  asked: LatestAttributesQuery['attributes'],
): NonNullable<LatestAttributesAnswer['attributes']> {
  const { year, month, day } = attributes.birthDate
  const birthdate = [String(year), two(month ?? 0), two(day ?? 0)].join('-')
  const all = {
    name: carried(attributes.name, attributes.nameSubstitutes),
    address: carried(attributes.address, attributes.addressSubstitutes),
    birthdate,
    gender: attributes.gender,
  }
  return Object.fromEntries(asked.map(each => [each, all[each]]))
}

/** As certificates carry it: with 〓 for what they cannot. */
function carried(text: string, flags: string): string {
  return Array.from(text, (character, at) => (flags[at] === '1' ? '〓' : character)).join('')
}

function dayText(at: Instant): string {
  const { year, month, day } = dateInJapan(at)
  return [String(year), two(month), two(day)].join('-')
}

function two(value: number): string {
  return String(value).padStart(2, '0')
}

/** Transition in force → withdrawn, of one verifier's consent. Again is the same as once. */
export async function withdrawConsent(
  world: World,
  verifier: Verifier,
  number: string,
): Promise<void> {
  await world.store.transaction(async tx => {
    await tx
      .insertInto('consent_withdrawal')
      .values({ verifier: verifier.id, number, at: world.clock.now() })
      .onConflict(conflict => conflict.doNothing())
      .execute()
  })
}
