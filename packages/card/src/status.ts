import type { CardReason } from './reason.ts'

/** Status words the card answers with (jpki.md §1.7, ISO/IEC 7816-4 §5.6). `63Cx`, `61xx` and `6Cxx` carry a count. */
export const statusWords = {
  ok: 0x9000,
  endOfFile: 0x6282,
  verifyFailed: 0x6300,
  memoryFault: 0x6581,
  lengthWrong: 0x6700,
  channelUnsupported: 0x6881,
  secureMessagingUnsupported: 0x6882,
  fileTypeWrong: 0x6981,
  securityUnsatisfied: 0x6982,
  blockedIso: 0x6983,
  blocked: 0x6984,
  conditionsUnsatisfied: 0x6985,
  noCurrentFile: 0x6986,
  channelBroken: 0x6988,
  dataWrong: 0x6a80,
  functionUnsupported: 0x6a81,
  fileAbsent: 0x6a82,
  recordAbsent: 0x6a83,
  memoryFull: 0x6a84,
  parametersWrong: 0x6a86,
  referenceAbsent: 0x6a88,
  applicationExists: 0x6a89,
  offsetBeyondEnd: 0x6b00,
  instructionUnknown: 0x6d00,
  classUnknown: 0x6e00,
  faultUnnamed: 0x6f00,
} as const

/** The tries left that a `63Cx` states; `undefined` for any other status word, a bare 6300 (no counter) included. */
export function triesOf(status: number): number | undefined {
  return (status & 0xfff0) === 0x63c0 ? status & 0x0f : undefined
}

/** Whether the reference data is blocked: this card says 6984, generic ISO texts 6983 (jpki.md §1.7). */
export function isBlocked(status: number): boolean {
  return status === statusWords.blocked || status === statusWords.blockedIso
}

/** The general reason for a status word; callers know better ones for the file or the secret they asked for. */
export function reasonOf(status: number): CardReason {
  switch (status) {
    case statusWords.securityUnsatisfied:
      return 'pin-required'
    case statusWords.fileAbsent:
    case statusWords.recordAbsent:
    case statusWords.referenceAbsent:
      return 'file-absent'
    case statusWords.memoryFault:
      return 'card-memory'
    default:
      return 'command-refused'
  }
}
