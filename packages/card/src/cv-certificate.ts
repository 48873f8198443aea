/**
 * Card-verifiable certificates as the card holds them (jpki.md §1.4): `7F21` { `5F4E` body, `5F37` RSA signature over the value of
 * the body }. The body is the issuer's key identifier and the subject's, 16 bytes each, and an RSA key in `90` exponent and
 * `91` modulus; a terminal's has its role and its days besides (`docs/protocol/pinless.md`).
 */
import { der, importPublicKey, MalformedError, type PublicKey } from '@sekisho/pki'
import { done, type Outcome, refused } from './reason.ts'
import { composeTlv, parseTlvs, type Tlv } from './tlv.ts'

/** Who may do what: an organisation certifies terminals of its own kind. Roles and their bytes are ours. */
const cvRoles = {
  'pinless-organisation': 0x01,
  'pinless-terminal': 0x02,
  'loading-operator': 0x11,
  'loading-terminal': 0x12,
} as const
export type CvRole = keyof typeof cvRoles

/** The part that only terminals' certificates have. Days are YYYYMMDD, both included. */
export type CvTerm = { readonly role: CvRole; readonly from: string; readonly until: string }

/** A certificate that was parsed; its signature is not verified yet. */
export type CvCertificate = {
  /** ASCII, without the spaces that fill it up. */
  readonly issuer: string
  readonly subject: string
  readonly key: PublicKey
  /** The same key as SubjectPublicKeyInfo. */
  readonly spki: Uint8Array
  readonly term: CvTerm | undefined
  /** What is signed. */
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

/** A key that is trusted to sign certificates or records, by its identifier. */
export type CvAnchor = { readonly id: string; readonly key: PublicKey }

/** Reads a certificate; `undefined` when malformed. Nothing may follow it but fillers. */
export function parseCvCertificate(bytes: Uint8Array): CvCertificate | undefined {
  const outer = parseTlvs(bytes)
  if (outer?.length !== 1 || outer[0]?.tag !== 0x7f21) return undefined
  const parts = parseTlvs(outer[0].value)
  const [body, signature] = parts ?? []
  if (parts?.length !== 2 || body?.tag !== 0x5f4e || signature?.tag !== 0x5f37) return undefined
  return certificateOf(body.value, signature.value)
}

/** A certificate from its body and signature; `undefined` when malformed. */
export function certificateOf(body: Uint8Array, signature: Uint8Array): CvCertificate | undefined {
  const issuer = idText(body.subarray(0, 16))
  const subject = idText(body.subarray(16, 32))
  const parts = parseTlvs(body.subarray(32))
  if (issuer === undefined || subject === undefined || parts === undefined) return undefined
  const spki = spkiOf(parts.slice(0, 2))
  const key = spki === undefined ? undefined : importedKey(spki)
  if (spki === undefined || key === undefined) return undefined
  const term = parts.length === 2 ? undefined : termOf(parts.slice(2))
  if (parts.length !== 2 && term === undefined) return undefined
  return { issuer, subject, key, spki, term, body, signature }
}

/** The certificate if an anchor signed it. Refuses with `signer-unknown` or `record-altered`. */
export function verifiedBy(
  certificate: CvCertificate,
  anchors: readonly CvAnchor[],
): Outcome<CvCertificate> {
  const anchor = anchors.find(({ id }) => id === certificate.issuer)
  if (anchor === undefined) return refused('signer-unknown')
  return anchor.key.verify('rsa-sha256', certificate.body, certificate.signature)
    ? done(certificate)
    : refused('record-altered')
}

/** The RSA key in two objects, `90` exponent and `91` modulus; `undefined` when they are none, or a key that is not taken. */
export function parseCvKey(bytes: Uint8Array): PublicKey | undefined {
  const spki = spkiOf(parseTlvs(bytes) ?? [])
  return spki === undefined ? undefined : importedKey(spki)
}

function spkiOf(parts: readonly Tlv[]): Uint8Array | undefined {
  const [exponent, modulus] = parts
  if (parts.length !== 2 || exponent?.tag !== 0x90 || modulus?.tag !== 0x91) return undefined
  const isPlain = (value: Uint8Array): boolean => value.length > 0 && value[0] !== 0
  if (!isPlain(exponent.value) || !isPlain(modulus.value) || modulus.value.length !== 256)
    return undefined
  return rsaKeyInfo(exponent.value, modulus.value)
}

function importedKey(spki: Uint8Array): PublicKey | undefined {
  try {
    return importPublicKey(spki)
  } catch (fault) {
    if (fault instanceof MalformedError) return undefined
    throw fault
  }
}

/** The bytes of an identifier of up to 16 ASCII characters, filled up with spaces. @throws RangeError when it does not fit. */
export function idBytes(id: string): Uint8Array {
  if (!idForm.test(id)) throw new RangeError('a CV identifier has 1 to 16 of A-Z a-z 0-9 -')
  return Uint8Array.from(id.padEnd(16), character => character.charCodeAt(0))
}

/** A day of a term as four bytes of digits. @throws RangeError unless it is YYYYMMDD. */
function composeDay(day: string): Uint8Array {
  if (!/^\d{8}$/.test(day)) throw new RangeError('a day is YYYYMMDD')
  return Uint8Array.from([0, 2, 4, 6], at => Number.parseInt(day.slice(at, at + 2), 16))
}

/** The objects of a term, as they stand in a body. */
export function composeTerm(term: CvTerm): Uint8Array {
  return Uint8Array.from([
    ...composeTlv(0x5f4c, Uint8Array.of(cvRoles[term.role])),
    ...composeTlv(0x5f25, composeDay(term.from)),
    ...composeTlv(0x5f24, composeDay(term.until)),
  ])
}

function termOf(parts: readonly Tlv[]): CvTerm | undefined {
  const [role, from, until] = parts
  if (parts.length !== 3 || role?.tag !== 0x5f4c || from?.tag !== 0x5f25 || until?.tag !== 0x5f24)
    return undefined
  const name = roleNames.find(known => role.value.length === 1 && cvRoles[known] === role.value[0])
  const first = dayOf(from.value)
  const last = dayOf(until.value)
  if (name === undefined || first === undefined || last === undefined || first > last)
    return undefined
  return { role: name, from: first, until: last }
}

function dayOf(value: Uint8Array): string | undefined {
  const text = Array.from(value, byte => byte.toString(16).padStart(2, '0')).join('')
  return /^\d{8}$/.test(text) ? text : undefined
}

function idText(bytes: Uint8Array): string | undefined {
  const text = String.fromCharCode(...bytes).trimEnd()
  return bytes.length === 16 && idForm.test(text) ? text : undefined
}

function rsaKeyInfo(exponent: Uint8Array, modulus: Uint8Array): Uint8Array {
  const key = der.sequence(der.integer(modulus), der.integer(exponent))
  return der.sequence(rsaEncryption, der.bitString(key))
}

const idForm = /^[A-Za-z0-9-]{1,16}$/
const roleNames: readonly CvRole[] = [
  'pinless-organisation',
  'pinless-terminal',
  'loading-operator',
  'loading-terminal',
]
/** AlgorithmIdentifier of rsaEncryption with NULL (RFC 3279 §2.3.1). */
const rsaEncryption = Uint8Array.from([
  0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
])
