/** Makes the file of a resident-registry application for a card that is handed out. */
import { composeTlv } from '../tlv.ts'
import { base64 } from '../virtual/base64.ts'
import type { DataApplication } from '../virtual/data-application.ts'
import { ascii, pinSlot } from './entry.ts'

/** The application. @throws RangeError unless the code has 11 digits, or for a malformed PIN. */
export function composeResidentApplication(content: {
  readonly residentCode: string
  readonly pin: string | undefined
}): DataApplication {
  if (!/^\d{11}$/.test(content.residentCode)) throw new RangeError('a resident code has 11 digits')
  return {
    files: { '0001': base64(composeTlv(0xff10, ascii(content.residentCode))) },
    secrets: { 'resident-pin': pinSlot('resident-pin', content.pin) },
  }
}
