/** Makes the files of a text application (jpki.md §1.3) for a card that is handed out. */
import { digest } from '@sekisho/pki'
import { genderDigits, type TextAttributes } from '../text-record.ts'
import { composeTlv } from '../tlv.ts'
import { base64 } from '../virtual/base64.ts'
import type { DataApplication } from '../virtual/data-application.ts'
import { secretSlot } from '../virtual/secret-slot.ts'
import { cvKeyObjects, type RecordSigner } from './cv.ts'
import { ascii, joined, offsetTable, pinSlot } from './entry.ts'

/** What the window knows. */
export type TextContent = {
  readonly myNumber: string
  readonly attributes: TextAttributes
  /** `undefined`: none was set, so that the PIN is as good as blocked. */
  readonly pin: string | undefined
  /** 14 digits (jpki.md §1.5). */
  readonly codeB: string
  /** SubjectPublicKeyInfo of the chip's key. */
  readonly chipKey: Uint8Array
  readonly signer: RecordSigner
}

/** The application. @throws RangeError for a number, PIN or code that has not its form. */
export function composeTextApplication(content: TextContent): DataApplication {
  const { attributes, signer } = content
  const secrets = {
    'text-pin': pinSlot('text-pin', content.pin),
    'text-code-a': secretSlot('text-code-a', content.myNumber),
    'text-code-b': secretSlot('text-code-b', content.codeB),
  }
  const myNumber = Uint8Array.from([...composeTlv(0xff10, ascii(content.myNumber)), 0xff, 0xff])
  const entries = [
    composeTlv(0xdf22, new TextEncoder().encode(attributes.name)),
    composeTlv(0xdf23, new TextEncoder().encode(attributes.address)),
    composeTlv(0xdf24, ascii(attributes.birthDate)),
    composeTlv(0xdf25, ascii(genderDigits[attributes.gender])),
  ]
  const hashes = Uint8Array.from([
    ...composeTlv(0xdf31, digest('sha256', myNumber)),
    ...composeTlv(0xdf32, digest('sha256', joined(entries))),
  ])
  const integrity = joined([hashes, composeTlv(0xdf33, signer.sign(hashes))])
  const chipKey = cvKeyObjects(content.chipKey)
  return {
    files: {
      '0001': base64(myNumber),
      '0002': base64(
        composeTlv(0xff20, joined([offsetTable(0xff20, 0xdf21, entries), ...entries])),
      ),
      '0003': base64(composeTlv(0xff30, integrity)),
      '0004': base64(signer.certificate),
      '0005': base64(basicInformation(0xff40, 0xdf41, signer.id)),
      '0006': base64(composeTlv(0xa1, chipKey)),
      '0007': base64(
        composeTlv(
          0xff50,
          joined([composeTlv(0xdf51, chipKey), composeTlv(0xdf52, signer.sign(chipKey))]),
        ),
      ),
      '0008': base64(new Uint8Array(16).fill(0xff)),
    },
    secrets,
  }
}

/** The text application's basic information; what its last object means is not known, zeros are assumed. */
function basicInformation(tag: number, first: number, keyId: string): Uint8Array {
  return composeTlv(
    tag,
    joined([
      composeTlv(first, Uint8Array.of(0x01, 0x03, 0x0e, 0x01)),
      composeTlv(first + 1, ascii(keyId.padEnd(16))),
      composeTlv(first + 2, new Uint8Array(128)),
    ]),
  )
}
