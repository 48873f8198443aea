/** Makes the files of a face application (jpki.md §1.4) for a card that is handed out. */
import { frontBlock } from '../face-record.ts'
import { type CardGender, genderDigits } from '../text-record.ts'
import { composeTlv, type Tlv } from '../tlv.ts'
import { base64 } from '../virtual/base64.ts'
import type { DataApplication } from '../virtual/data-application.ts'
import { secretSlot } from '../virtual/secret-slot.ts'
import { cvKeyObjects, type RecordSigner } from './cv.ts'
import { ascii, joined, offsetTable } from './entry.ts'

/** What is printed on the card. Images are the bytes of their files. */
export type FaceContent = {
  readonly myNumber: string
  /** 14 digits (jpki.md §1.5); its first six are the key to the birth record. */
  readonly codeB: string
  /** YYYYMMDD; unknown parts are zeros. */
  readonly birthDate: string
  readonly gender: CardGender
  readonly nameImage: Uint8Array
  readonly addressImage: Uint8Array
  readonly photo: Uint8Array
  /** YYYYMMDD. */
  readonly expires: string
  readonly securityCodeImage: Uint8Array
  readonly myNumberImage: Uint8Array
  /** Five digits. */
  readonly municipality: string
  readonly chipKey: Uint8Array
  readonly signer: RecordSigner
}

/** The application. @throws RangeError for a number or code that has not its form, or images too large for a file. */
export function composeFaceApplication(content: FaceContent): DataApplication {
  const { signer } = content
  const key = cvKeyObjects(content.chipKey)
  const birthDate = ascii(content.birthDate)
  return {
    files: {
      '0001': base64(signedRecord(0xff10, birthDate, key, signer)),
      '0002': base64(front(content, key)),
      '0003': base64(basicInformation(content)),
      '0004': base64(signer.certificate),
      '0005': base64(signedRecord(0xff40, content.myNumberImage, key, signer)),
    },
    secrets: {
      'face-birth': secretSlot('face-birth', content.codeB.slice(0, 6)),
      'face-code-a': secretSlot('face-code-a', content.myNumber),
      'face-code-b': secretSlot('face-code-b', content.codeB),
    },
  }
}

function front(content: FaceContent, key: Uint8Array): Uint8Array {
  const covered = [
    ascii(content.birthDate),
    ascii(genderDigits[content.gender]),
    key,
    content.nameImage,
    content.addressImage,
    content.photo,
  ].map((value, at): Tlv => ({ tag: 0xdf22 + at, value }))
  const table: Tlv = { tag: 0xdf21, value: new Uint8Array(0) }
  const entries = [
    ...covered.map(({ tag, value }) => composeTlv(tag, value)),
    composeTlv(0xdf28, content.signer.signBlock(frontBlock([table, ...covered]))),
    composeTlv(0xdf29, ascii(content.expires)),
    composeTlv(0xdf2a, content.securityCodeImage),
  ]
  const file = composeTlv(0xff20, joined([offsetTable(0xff20, 0xdf21, entries), ...entries]))
  if (file.length > fileBytesMax) throw new RangeError('the images are too large for the card')
  return file
}

/** A record of content, key and a signature over both; the tags of the three follow from that of the whole. */
function signedRecord(
  tag: number,
  content: Uint8Array,
  key: Uint8Array,
  signer: RecordSigner,
): Uint8Array {
  const first = 0xdf00 | ((tag & 0xf0) + 1)
  const covered = joined([composeTlv(first, content), composeTlv(first + 1, key)])
  return composeTlv(tag, joined([covered, composeTlv(first + 2, signer.sign(covered))]))
}

/** What the last object means is not known; zeros are assumed. */
function basicInformation(content: FaceContent): Uint8Array {
  return composeTlv(
    0xff30,
    joined([
      composeTlv(0xdf31, Uint8Array.of(0x06, 0x03, 0x0e, 0x01)),
      composeTlv(0xdf32, ascii(content.signer.id.padEnd(16))),
      composeTlv(0xdf33, ascii('1')),
      composeTlv(0xdf34, ascii(content.municipality)),
      composeTlv(0xdf35, new Uint8Array(272)),
    ]),
  )
}

/** What READ BINARY reaches: an offset of 15 bits (jpki.md §1.6). */
const fileBytesMax = 32_767
