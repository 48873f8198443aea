/**
 * The bytes of the face application's files (jpki.md §1.4), read and judged. Pure: `face.ts` fetches them from a card, `issue/`
 * makes them.
 */
import { digest, type PublicKey } from '@sekisho/pki'
import { type CvCertificate, parseCvKey } from './cv-certificate.ts'
import { done, type Outcome, refused } from './reason.ts'
import { type CardGender, genderOf, innerOf, utf8 } from './text-record.ts'
import { composeTlvs, parseTlvs, type Tlv } from './tlv.ts'

/** Files of the face application. */
export const faceFiles = {
  birth: 0x0001,
  front: 0x0002,
  basicInformation: 0x0003,
  certificate: 0x0004,
  myNumberImage: 0x0005,
} as const

/** The front of the card. Images are the bytes of their files: PNG with one bit a pixel, the photo JPEG 2000 (JP2). */
export type FaceRecord = {
  /** YYYYMMDD. */
  readonly birthDate: string
  readonly gender: CardGender
  readonly nameImage: Uint8Array
  readonly addressImage: Uint8Array
  readonly photo: Uint8Array
  /** The key by which this card shows that it is no copy: `proveChip`. */
  readonly chipKey: PublicKey
  /** What the signature does not cover (jpki.md §1.4): may be believed as much as print on plastic. */
  readonly unsigned: { readonly expires: string; readonly securityCodeImage: Uint8Array }
}

/** The front of the card, if this signer signed it. Refuses with `file-malformed`, `record-altered`. */
export function judgeFront(file: Uint8Array, signer: CvCertificate): Outcome<FaceRecord> {
  const parts = partsOf(file, 0xff20, frontTags)
  if (parts === undefined) return refused('file-malformed')
  const [, birth, gender, key, name, address, photo, signature, expires, code] = parts
  const sex = genderOf(gender)
  const chipKey = key === undefined ? undefined : parseCvKey(key.value)
  const birthDate = dayText(birth)
  const lastDay = dayText(expires)
  if (sex === undefined || chipKey === undefined || birthDate === undefined) return malformed
  if (lastDay === undefined || name === undefined || address === undefined) return malformed
  if (photo === undefined || code === undefined || signature === undefined) return malformed
  if (!signer.key.verifyBareBlock(frontBlock(parts), signature.value))
    return refused('record-altered')
  return done({
    birthDate,
    gender: sex,
    nameImage: name.value,
    addressImage: address.value,
    photo: photo.value,
    chipKey,
    unsigned: { expires: lastDay, securityCodeImage: code.value },
  })
}

/**
 * What the front's signature is made over: one DigestInfo whose digest is three hashes, over birth date, sex and key, over the two
 * text images, and over the photo (jpki.md §1.4). `parts` are the file's objects in order, the table of offsets first. That
 * tags and lengths are hashed along is assumed.
 */
export function frontBlock(parts: readonly Tlv[]): Uint8Array {
  const hashes = [parts.slice(1, 4), parts.slice(4, 6), parts.slice(6, 7)]
  return Uint8Array.from([
    ...threeHashesPrefix,
    ...hashes.flatMap(covered => [...digest('sha256', composeTlvs(covered))]),
  ])
}

/** DigestInfo of SHA-256 with 96 bytes in place of 32. */
const threeHashesPrefix = [
  0x30, 0x71, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
  0x00, 0x04, 0x60,
]

/** The birth date in the record that the birth date itself opens. Refuses with `file-malformed`, `record-altered`. */
export function judgeBirth(
  file: Uint8Array,
  signer: CvCertificate,
): Outcome<{ readonly birthDate: string; readonly chipKey: PublicKey }> {
  const judged = judgeSigned(file, signer, 0xff10, [0xdf11, 0xdf12, 0xdf13])
  if (judged.kind === 'refused') return judged
  const birthDate = dayText(judged.value.content)
  return birthDate === undefined
    ? refused('file-malformed')
    : done({ birthDate, chipKey: judged.value.chipKey })
}

/** The image of the my number on the back. Refuses with `file-malformed`, `record-altered`. */
export function judgeMyNumberImage(
  file: Uint8Array,
  signer: CvCertificate,
): Outcome<{ readonly image: Uint8Array; readonly chipKey: PublicKey }> {
  const judged = judgeSigned(file, signer, 0xff40, [0xdf41, 0xdf42, 0xdf43])
  return judged.kind === 'refused'
    ? judged
    : done({ image: judged.value.content.value, chipKey: judged.value.chipKey })
}

/** A record of content, key and a signature over both. */
function judgeSigned(
  file: Uint8Array,
  signer: CvCertificate,
  tag: number,
  tags: readonly number[],
): Outcome<{ readonly content: Tlv; readonly chipKey: PublicKey }> {
  const [content, key, signature] = partsOf(file, tag, tags) ?? []
  if (content === undefined || key === undefined || signature === undefined)
    return refused('file-malformed')
  const chipKey = parseCvKey(key.value)
  if (chipKey === undefined) return refused('file-malformed')
  return signer.key.verify('rsa-sha256', composeTlvs([content, key]), signature.value)
    ? done({ content, chipKey })
    : refused('record-altered')
}

function partsOf(
  file: Uint8Array,
  tag: number,
  tags: readonly number[],
): readonly Tlv[] | undefined {
  const inner = innerOf(file, tag)
  const parts = inner === undefined ? undefined : parseTlvs(inner)
  return parts?.map(part => part.tag).join() === tags.join() ? parts : undefined
}

function dayText(object: Tlv | undefined): string | undefined {
  const text = utf8(object?.value)
  return text !== undefined && /^\d{8}$/.test(text) ? text : undefined
}

const malformed = refused('file-malformed')
const frontTags = Array.from({ length: 10 }, (_, at) => 0xdf21 + at)
