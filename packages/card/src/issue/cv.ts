/** Makes CV certificates (jpki.md §1.4) and the key objects in them. For the authority, for organisations, and for tests. */
import { DerReader, tags } from '@sekisho/pki'
import { composeTerm, type CvTerm, idBytes, parseCvCertificate } from '../cv-certificate.ts'
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

/** The longest that an organisation's certificate lasts, and a terminal's, in days; both are ours. */
const cvDaysMax = { organisation: 92, terminal: 7 } as const

/**
 * The authority certifies an organisation 特定機関 by its code, for terminals without PIN, or an operator of loading terminals.
 *
 * @throws RangeError for a code that is not 7 digits, a day that is none, or more days than `cvDaysMax`.
 */
export function issueOrganisationCertificate(
  content: {
    readonly code: string
    readonly spki: Uint8Array
    readonly role: 'pinless-organisation' | 'loading-operator'
    readonly from: string
    readonly until: string
  },
  authority: CvSigner,
): Uint8Array {
  if (!/^\d{7}$/.test(content.code)) throw new RangeError('an organisation code has 7 digits')
  requireDays(content, cvDaysMax.organisation)
  const { role, from, until } = content
  return issueCvCertificate(
    { subject: content.code, spki: content.spki, term: { role, from, until } },
    authority,
  )
}

/**
 * An organisation certifies one of its terminals; `number` follows its code and a hyphen.
 *
 * @throws RangeError for a number that is not 1 to 8 of A-Z a-z 0-9, days outside the organisation's, or more than `cvDaysMax`.
 */
export function issueTerminalCertificate(
  content: {
    readonly number: string
    readonly spki: Uint8Array
    readonly from: string
    readonly until: string
  },
  organisation: { readonly certificate: Uint8Array; sign(message: Uint8Array): Uint8Array },
): Uint8Array {
  const above = parseCvCertificate(organisation.certificate)
  if (above?.term === undefined) throw new RangeError('no certificate of an organisation')
  if (!/^[A-Za-z0-9]{1,8}$/.test(content.number))
    throw new RangeError('a terminal number has 1 to 8 letters and digits')
  requireDays(content, cvDaysMax.terminal)
  const { from, until } = content
  if (from < above.term.from || until > above.term.until)
    throw new RangeError("the terminal's days are not within the organisation's")
  const role = above.term.role === 'loading-operator' ? 'loading-terminal' : 'pinless-terminal'
  return issueCvCertificate(
    {
      subject: `${above.subject}-${content.number}`,
      spki: content.spki,
      term: { role, from, until },
    },
    { id: above.subject, sign: message => organisation.sign(message) },
  )
}

function requireDays(
  term: { readonly from: string; readonly until: string },
  daysMax: number,
): void {
  const days = (dayNumber(term.until) - dayNumber(term.from)) / 86_400_000 + 1
  if (!(days >= 1 && days <= daysMax)) throw new RangeError(`a term of 1 to ${daysMax} days`)
}

/** Milliseconds of a day of the calendar; NaN for one that is none. */
function dayNumber(day: string): number {
  const text = `${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}`
  const at = Date.parse(`${text}T00:00:00Z`)
  const isDay = /^\d{8}$/.test(day) && !Number.isNaN(at)
  // A 30th of February would roll over.
  return isDay && new Date(at).toISOString().startsWith(text) ? at : Number.NaN
}
