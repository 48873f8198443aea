/** Base64 as RFC 4648 has it, strictly: nothing that another decoder might read otherwise. */
import { MalformedError } from './der.ts'

/** `xml`: §4 with XML's white space anywhere (xsd:base64Binary). `url`: §5 without padding or white space (RFC 7515 §2). */
export type Base64Form = 'xml' | 'url'

/** Decodes. Throws `MalformedError`: foreign characters, wrong padding, bits left over that are not zero. */
export function decodeBase64(text: string, form: Base64Form): Uint8Array {
  const values = form === 'xml' ? valuesXml : valuesUrl
  const out = new Uint8Array(Math.floor((text.length * 3) / 4) + 3)
  let length = 0
  let bits = 0
  let held = 0
  let padding = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (form === 'xml' && isSpace(code)) continue
    if (form === 'xml' && code === padCode) {
      padding++
      continue
    }
    const value = code < 128 ? (values[code] ?? none) : none
    if (value === none || padding > 0) throw new MalformedError('value-invalid', i, 'base64')
    bits = ((bits << 6) | value) & 0xffffff
    held += 6
    if (held >= 8) {
      held -= 8
      out[length++] = (bits >>> held) & 0xff
    }
  }
  // Two, four or six bits are left over of a last group of two, three or one characters; the last is no group at all.
  const paddingWanted = form === 'xml' ? held / 2 : 0
  if (held === 6 || padding !== paddingWanted || (bits & ((1 << held) - 1)) !== 0) {
    throw new MalformedError('value-invalid', text.length, 'base64 end')
  }
  return out.slice(0, length)
}

/** Encodes, without line breaks. */
export function encodeBase64(bytes: Uint8Array, form: Base64Form): string {
  const alphabet = form === 'xml' ? alphabetXml : alphabetUrl
  const pieces: string[] = []
  for (let start = 0; start < bytes.length; start += chunkBytes) {
    pieces.push(encodeChunk(bytes.subarray(start, start + chunkBytes), alphabet, form === 'xml'))
  }
  return pieces.join('')
}

function encodeChunk(bytes: Uint8Array, alphabet: string, isPadded: boolean): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = Math.min(3, bytes.length - i)
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let at = 0; at <= left; at++) text += alphabet.charAt((group >>> (18 - 6 * at)) & 63)
    if (isPadded) text += '='.repeat(3 - left)
  }
  return text
}

// XML 1.0 §2.3.
function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

function valuesOf(alphabet: string): Uint8Array {
  const values = new Uint8Array(128).fill(none)
  for (let i = 0; i < alphabet.length; i++) values[alphabet.charCodeAt(i)] = i
  return values
}

const none = 0xff
const padCode = 0x3d
/** A multiple of three, so that chunks join. */
const chunkBytes = 3 * 4096
const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
const alphabetXml = `${letters}+/`
const alphabetUrl = `${letters}-_`
const valuesXml = valuesOf(alphabetXml)
const valuesUrl = valuesOf(alphabetUrl)
