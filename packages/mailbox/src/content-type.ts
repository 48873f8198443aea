/**
 * What a document is by its first bytes, and whether that is what it is said to be. A list of ours: what offices exchange, and what no box takes
 * because opening it runs it. Formats by their own specifications; the beginnings of programs by the systems that load them.
 */
import { Refusal } from '@sekisho/contract'

/** Bytes from the beginning that are looked at. */
export const lookedAtBytes = 4096

type Form = { readonly types: readonly string[]; readonly is: (head: Uint8Array) => boolean }

const text = (head: Uint8Array): string => Buffer.from(head).toString('latin1')
const begins = (...marks: readonly (string | readonly number[])[]) => {
  const all = marks.map(mark => Buffer.from(typeof mark === 'string' ? mark : [...mark]))
  return (head: Uint8Array): boolean =>
    all.some(mark => Buffer.from(head.subarray(0, mark.length)).equals(mark))
}
const isZip = begins('PK\u0003\u0004', 'PK\u0005\u0006')

/** A type that is named must be one of these, and its bytes must be of that form. */
const forms: readonly Form[] = [
  // ISO 32000-1 §7.5.2, and the thousand bytes that readers allow before it.
  { types: ['application/pdf'], is: head => text(head.subarray(0, 1024)).includes('%PDF-') },
  { types: ['image/png'], is: begins([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) },
  { types: ['image/jpeg'], is: begins([0xff, 0xd8, 0xff]) },
  { types: ['image/tiff'], is: begins('II*\0', 'MM\0*') },
  {
    types: [
      'application/zip',
      'application/vnd.etsi.asic-e+zip',
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
      'application/vnd.openxmlformats-officedocument.presentationml.presentation',
      'application/vnd.oasis.opendocument.text',
      'application/vnd.oasis.opendocument.spreadsheet',
    ],
    is: isZip,
  },
  // A BER or DER sequence (X.690 §8.9).
  { types: ['application/pkcs7-mime', 'application/pkcs7-signature'], is: begins([0x30]) },
  {
    types: ['application/xml', 'text/xml'],
    is: head => isText(head) && /^\uFEFF?\s*</.test(utf8(head)),
  },
  {
    types: ['application/json', 'application/jose+json'],
    is: head => isText(head) && /^\s*[[{"\d\-tfn]/.test(utf8(head)),
  },
  { types: ['application/jose'], is: head => /^[\w.{"-]/.test(text(head)) },
  { types: ['text/plain', 'text/csv'], is: isText },
  {
    types: ['application/octet-stream', 'application/dicom', 'application/x-ndjson'],
    is: () => true,
  },
]

/** What runs when it is opened. */
const isProgram = (head: Uint8Array): boolean =>
  begins(
    'MZ',
    '\u007fELF',
    '#!',
    [0xca, 0xfe, 0xba, 0xbe],
    [0xfe, 0xed, 0xfa],
    [0xcf, 0xfa, 0xed, 0xfe],
    [0xce, 0xfa, 0xed, 0xfe],
    // A shell link of Windows ([MS-SHLLINK] §2.1).
    [0x4c, 0x00, 0x00, 0x00, 0x01, 0x14, 0x02, 0x00],
  )(head)

/** Endings by which systems choose to run a file. */
const programName =
  /\.(?:exe|com|scr|pif|msi|bat|cmd|ps1|vbs|vbe|js|jse|wsf|wsh|hta|lnk|jar|app|dmg|sh|apk|reg|cpl|dll)$/i
/** Characters that turn the direction of writing: `receipt\u202Efdp.exe` looks like a PDF. */
const turnsWriting = /[\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u

/** Refusal `document-refused` with why: `name`, `program`, `type-unknown`, `type-differs`. `position` says which document. */
export function assertAcceptable(
  document: { readonly name: string; readonly mediaType: string },
  head: Uint8Array,
  position: number,
): void {
  const refuse = (why: string): never => {
    throw new Refusal('document-refused', { why, document: position })
  }
  if (turnsWriting.test(document.name)) refuse('name')
  if (programName.test(document.name.trim()) || isProgram(head)) refuse('program')
  const form = forms.find(one => one.types.includes(document.mediaType))
  if (form === undefined) return refuse('type-unknown')
  if (head.length > 0 && !form.is(head)) refuse('type-differs')
}

function utf8(head: Uint8Array): string {
  return new TextDecoder('utf-8').decode(head)
}

/** UTF-8 without control characters; the end may cut a character. */
function isText(head: Uint8Array): boolean {
  try {
    const read = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return !Array.from(read).some(isControl)
  } catch {
    return false
  }
}

/** Of the control characters texts have white space, and escape in ISO-2022-JP. */
function isControl(character: string): boolean {
  const code = character.charCodeAt(0)
  return code < 0x20 && !(code >= 0x09 && code <= 0x0d) && code !== 0x1b
}
