/**
 * The bytes of the text application's files (jpki.md §1.3), read and judged. Pure: `text.ts` fetches them from a card, `issue/`
 * makes them.
 */
import { bytesEqual, digest } from '@sekisho/pki'
import {
  type CvAnchor,
  type CvCertificate,
  parseCvCertificate,
  verifiedBy,
} from './cv-certificate.ts'
import { type GuardedNumber, guardedNumber } from './guarded.ts'
import { done, type Outcome, refused } from './reason.ts'
import { composeTlvs, parseTlvs, type Tlv } from './tlv.ts'

/** Files of the text application. */
export const textFiles = {
  myNumber: 0x0001,
  attributes: 0x0002,
  integrity: 0x0003,
  certificate: 0x0004,
  basicInformation: 0x0005,
  transportKey: 0x0006,
  chipKey: 0x0007,
} as const

/** Sex as on the card, after JIS X 0303 (jpki.md §3). */
export type CardGender = 'unknown' | 'male' | 'female' | 'not-applicable'

/** The four basic attributes 基本4情報 as the card has them. */
export type TextAttributes = {
  /** Family and given name separated by U+3000. */
  readonly name: string
  readonly address: string
  /** YYYYMMDD, Gregorian; unknown parts are zeros. */
  readonly birthDate: string
  readonly gender: CardGender
}

/** Bytes of the my-number file, its two fillers included: all of them are hashed (jpki.md §1.3). */
export const myNumberFileBytes = 17

/** The my number in its file. Refuses with `file-malformed`. */
export function parseMyNumber(file: Uint8Array): Outcome<GuardedNumber> {
  const [object, ...more] = parseTlvs(file) ?? []
  if (object?.tag !== 0xff10 || more.length > 0 || file.length !== myNumberFileBytes)
    return refused('file-malformed')
  const number = guardedNumber('my-number', object.value)
  object.value.fill(0)
  return number === undefined ? refused('file-malformed') : done(number)
}

/** The attributes in their file, and the part that the integrity record hashes. Refuses with `file-malformed`. */
export function parseAttributes(
  file: Uint8Array,
): Outcome<{ readonly attributes: TextAttributes; readonly hashed: Uint8Array }> {
  const inner = innerOf(file, 0xff20)
  const parts = inner === undefined ? undefined : parseTlvs(inner)
  const [table, name, address, birth, gender] = parts ?? []
  const isInOrder = parts?.map(({ tag }) => tag).join() === attributeTags.join()
  if (parts === undefined || !isInOrder || table?.value.length !== 8)
    return refused('file-malformed')
  // Composed anew, so that what is hashed is what was read, however lengths were written.
  const hashed = composeTlvs(parts.slice(1))
  const attributes = attributesOf(name, address, birth, gender)
  return attributes === undefined ? refused('file-malformed') : done({ attributes, hashed })
}

/** The integrity record: two hashes and the signature over both objects (jpki.md §1.3). */
export type IntegrityRecord = {
  readonly myNumberHash: Uint8Array
  readonly attributesHash: Uint8Array
  readonly signed: Uint8Array
  readonly signature: Uint8Array
}

/** Reads an integrity record. Refuses with `file-malformed`. */
export function parseIntegrity(file: Uint8Array): Outcome<IntegrityRecord> {
  const inner = innerOf(file, 0xff30)
  const parts = inner === undefined ? undefined : parseTlvs(inner)
  const [myNumber, attributes, signature] = parts ?? []
  if (
    parts?.map(({ tag }) => tag).join() !== [0xdf31, 0xdf32, 0xdf33].join() ||
    myNumber?.value.length !== 32 ||
    attributes?.value.length !== 32 ||
    signature?.value.length !== 256
  )
    return refused('file-malformed')
  return done({
    myNumberHash: myNumber.value,
    attributesHash: attributes.value,
    signed: composeTlvs(parts.slice(0, 2)),
    signature: signature.value,
  })
}

/** The certificate of the key that signs the records of an application. Refuses as `verifiedBy`, and with `file-malformed`. */
export function parseSigner(
  file: Uint8Array,
  anchors: readonly CvAnchor[],
): Outcome<CvCertificate> {
  const certificate = parseCvCertificate(file)
  if (certificate === undefined || certificate.term !== undefined) return refused('file-malformed')
  return verifiedBy(certificate, anchors)
}

/**
 * Whether what was read is what the signer signed: each hash that is given, and the signature over both. Refuses with
 * `record-altered`.
 */
export function judgeIntegrity(
  record: IntegrityRecord,
  signer: CvCertificate,
  read: {
    readonly myNumberFile?: Uint8Array | undefined
    readonly attributesHashed?: Uint8Array | undefined
  },
): Outcome<undefined> {
  const fits = (bytes: Uint8Array | undefined, hash: Uint8Array): boolean =>
    bytes === undefined || bytesEqual(digest('sha256', bytes), hash)
  const isWhole =
    fits(read.myNumberFile, record.myNumberHash) &&
    fits(read.attributesHashed, record.attributesHash) &&
    signer.key.verify('rsa-sha256', record.signed, record.signature)
  return isWhole ? done(undefined) : refused('record-altered')
}

/** The value of a file that is one object, followed by fillers only. */
export function innerOf(file: Uint8Array, tag: number): Uint8Array | undefined {
  const objects = parseTlvs(file)
  return objects?.length === 1 && objects[0]?.tag === tag ? objects[0].value : undefined
}

/** UTF-8 that is well formed; `undefined` otherwise. */
export function utf8(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

/** The digit of a sex. */
export const genderDigits: Readonly<Record<CardGender, string>> = {
  unknown: '0',
  male: '1',
  female: '2',
  'not-applicable': '9',
}

/** The sex of a digit in a data object; `undefined` for another. */
export function genderOf(object: Tlv | undefined): CardGender | undefined {
  const digit = utf8(object?.value)
  return genders.find(gender => genderDigits[gender] === digit)
}

const genders: readonly CardGender[] = ['unknown', 'male', 'female', 'not-applicable']
const attributeTags = [0xdf21, 0xdf22, 0xdf23, 0xdf24, 0xdf25]

function attributesOf(
  nameObject: Tlv | undefined,
  addressObject: Tlv | undefined,
  birthObject: Tlv | undefined,
  genderObject: Tlv | undefined,
): TextAttributes | undefined {
  const name = utf8(nameObject?.value)
  const address = utf8(addressObject?.value)
  const birthDate = utf8(birthObject?.value)
  const gender = genderOf(genderObject)
  if (name === undefined || address === undefined || gender === undefined) return undefined
  if (birthDate === undefined || !/^\d{8}$/.test(birthDate)) return undefined
  return { name, address, birthDate, gender }
}
