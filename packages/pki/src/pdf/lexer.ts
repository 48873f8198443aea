/**
 * Reads PDF values from a window of bytes (ISO 32000-2 §7.2, §7.3). Strict: a key that occurs twice, a number, name or
 * string that is not written as the standard says, and nesting beyond a limit are refused. Every refusal is a
 * `MalformedError`; one that may only be the end of the window is told by `isShort`.
 */
import { MalformedError } from '../der.ts'
import {
  isKind,
  nothing,
  type PdfDictionary,
  type PdfString,
  type PdfValue,
  reference,
} from './value.ts'

/** Deepest nesting of arrays and dictionaries. Readers of the field have limits from 64 upwards. */
const depthMax = 64
/** Longest name and keyword (annex C recommends 127 bytes for names). */
const tokenBytesMax = 4096
/** Largest number of an object (annex C). */
export const objectNumberMax = 8_388_607
const generationMax = 65_535

/** The head of an indirect object. */
export interface IndirectHead {
  readonly number: number
  readonly generation: number
}

/** Reads values one after the other. Offsets are those of the file. */
export class PdfLexer {
  readonly #bytes: Uint8Array
  readonly #base: number
  readonly #isWhole: boolean
  #at: number
  /** Whether more was wanted than a window holds that is not all there is. */
  isShort = false

  /** `base`: offset of the window in the file; `isWhole`: nothing comes after the window. */
  constructor(bytes: Uint8Array, base: number, isWhole: boolean) {
    this.#bytes = bytes
    this.#base = base
    this.#isWhole = isWhole
    this.#at = 0
  }

  /** Offset in the file of the next byte. */
  get position(): number {
    return this.#base + this.#at
  }

  /** Reads a value. What is not a value, a keyword such as `endobj` too, is refused. */
  readValue(depth = 0): PdfValue {
    if (depth > depthMax) throw this.#error('too-deep')
    this.skipSpace()
    const byte = this.#byte()
    switch (byte) {
      case 0x2f: // /
        return { kind: 'name', value: this.#readName() }
      case 0x28: // (
        return this.#readLiteral()
      case 0x5b: // [
        return this.#readArray(depth)
      case 0x3c: // <
        return this.#byteAt(1) === 0x3c ? this.#readDictionary(depth) : this.#readHex()
      default:
        return isNumberStart(byte) ? this.#readNumberOrReference() : this.#readConstant()
    }
  }

  /** Reads a dictionary. */
  readDictionary(): PdfDictionary {
    const value = this.readValue()
    if (!isKind(value, 'dictionary')) throw this.#error('value-invalid', 'dictionary')
    return value
  }

  /** Reads `n g obj`. */
  readHead(): IndirectHead {
    const number = this.readUnsigned(objectNumberMax)
    const generation = this.readUnsigned(generationMax)
    this.expect('obj')
    return { number, generation }
  }

  /** Reads a whole number without sign. */
  readUnsigned(max: number): number {
    this.skipSpace()
    const token = this.#readToken()
    const value = Number(token)
    if (!/^\d{1,16}$/.test(token) || value > max) throw this.#error('value-invalid', 'number')
    return value
  }

  /** Reads a keyword and refuses any other. */
  expect(keyword: string): void {
    this.skipSpace()
    if (this.#readToken() !== keyword) throw this.#error('value-invalid', keyword)
  }

  /** Whether this keyword comes next; then it is read. */
  accept(keyword: string): boolean {
    this.skipSpace()
    const start = this.#at
    if (this.#readToken() === keyword) return true
    this.#at = start
    return false
  }

  /** After `stream`: the end of line that must follow it, a lone carriage return not being one (§7.3.8.1). */
  skipLineEnd(): void {
    if (this.#byte() === 0x0d) this.#at++
    if (this.#byte() !== 0x0a) throw this.#error('value-invalid', 'line end')
    this.#at++
  }

  /** Skips white space and comments. */
  skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) {
        if (!this.#isWhole) this.isShort = true
        return
      }
      if (byte === 0x25) this.#skipComment()
      else if (isSpace(byte)) this.#at++
      else return
    }
  }

  #skipComment(): void {
    while (this.#at < this.#bytes.length) {
      const byte = this.#bytes[this.#at]
      if (byte === 0x0a || byte === 0x0d) return
      this.#at++
    }
  }

  #readArray(depth: number): PdfValue {
    this.#at++
    const items: PdfValue[] = []
    for (;;) {
      this.skipSpace()
      if (this.#byte() === 0x5d) {
        this.#at++
        return { kind: 'array', items }
      }
      items.push(this.readValue(depth + 1))
    }
  }

  #readDictionary(depth: number): PdfDictionary {
    this.#at += 2
    const entries = new Map<string, PdfValue>()
    for (;;) {
      this.skipSpace()
      if (this.#byte() === 0x3e) {
        if (this.#byteAt(1) !== 0x3e) throw this.#error('value-invalid', 'dictionary')
        this.#at += 2
        return entries.size === 0 ? nothing : { kind: 'dictionary', entries }
      }
      if (this.#byte() !== 0x2f) throw this.#error('value-invalid', 'key')
      const key = this.#readName()
      if (entries.has(key)) throw this.#error('value-invalid', 'key twice')
      entries.set(key, this.readValue(depth + 1))
    }
  }

  #readName(): string {
    this.#at++
    const raw = this.#readToken()
    if (!raw.includes('#')) return raw
    return raw.replace(/#(.{0,2})/gs, (_, code: string) => {
      if (!/^[0-9A-Fa-f]{2}$/.test(code) || code === '00')
        throw this.#error('value-invalid', 'name')
      return String.fromCharCode(Number.parseInt(code, 16))
    })
  }

  #readNumberOrReference(): PdfValue {
    const token = this.#readToken()
    if (!/^\d{1,16}$/.test(token)) {
      if (!/^[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})$/.test(token)) {
        throw this.#error('value-invalid', 'number')
      }
      return Number(token)
    }
    const number = Number(token)
    // A reference is two whole numbers and R.
    const after = this.#at
    this.skipSpace()
    const second = this.#bytes[this.#at]
    if (second !== undefined && isDigit(second)) {
      const generation = this.#readToken()
      this.skipSpace()
      if (/^\d{1,5}$/.test(generation) && this.#isLoneR()) {
        this.#at++
        if (number > objectNumberMax || Number(generation) > generationMax) {
          throw this.#error('value-invalid', 'reference')
        }
        return reference(number, Number(generation))
      }
    }
    this.#at = after
    return number
  }

  #isLoneR(): boolean {
    if (this.#bytes[this.#at] !== 0x52) return false
    const next = this.#bytes[this.#at + 1]
    if (next === undefined && !this.#isWhole) this.isShort = true
    return next === undefined || !isRegular(next)
  }

  #readConstant(): PdfValue {
    const token = this.#readToken()
    if (token === 'null') return null
    if (token === 'true') return true
    if (token === 'false') return false
    throw this.#error('value-invalid', 'value')
  }

  /** Regular characters up to the next delimiter or white space. */
  #readToken(): string {
    const start = this.#at
    let end = start
    for (;;) {
      const byte = this.#bytes[end]
      if (byte === undefined) {
        if (!this.#isWhole) this.isShort = true
        break
      }
      if (!isRegular(byte)) break
      end++
      if (end - start > tokenBytesMax) throw this.#error('too-large', 'token')
    }
    this.#at = end
    let text = ''
    for (let i = start; i < end; i++) text += String.fromCharCode(this.#bytes[i] ?? 0)
    return text
  }

  #readHex(): PdfString {
    const start = this.position
    this.#at++
    const digits: number[] = []
    for (;;) {
      const byte = this.#byte()
      this.#at++
      if (byte === 0x3e) break
      const digit = hexDigit(byte)
      if (digit >= 0) digits.push(digit)
      else if (!isSpace(byte)) throw this.#error('value-invalid', 'hexadecimal')
    }
    const bytes = new Uint8Array((digits.length + 1) >> 1)
    // An odd last digit is followed by an unwritten zero (§7.3.4.3).
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = ((digits[2 * i] ?? 0) << 4) | (digits[2 * i + 1] ?? 0)
    }
    return { kind: 'string', bytes, isHex: true, start, end: this.position }
  }

  #readLiteral(): PdfString {
    const start = this.position
    this.#at++
    const bytes: number[] = []
    for (let open = 1; ; ) {
      const byte = this.#byte()
      this.#at++
      if (byte === 0x28) open++
      if (byte === 0x29 && --open === 0) break
      if (byte === 0x5c) this.#readEscape(bytes)
      else if (byte === 0x0d) {
        // Every end of line in a string is one line feed.
        if (this.#byte() === 0x0a) this.#at++
        bytes.push(0x0a)
      } else bytes.push(byte)
    }
    const { position: end } = this
    return { kind: 'string', bytes: Uint8Array.from(bytes), isHex: false, start, end }
  }

  #readEscape(bytes: number[]): void {
    const byte = this.#byte()
    this.#at++
    const plain = escapes.get(byte)
    if (plain !== undefined) bytes.push(plain)
    else if (byte === 0x0d) {
      if (this.#byte() === 0x0a) this.#at++
    } else if (isOctal(byte)) {
      let value = byte - 0x30
      for (let i = 0; i < 2 && isOctal(this.#byte()); i++) {
        value = value * 8 + this.#byte() - 0x30
        this.#at++
      }
      bytes.push(value & 0xff)
    } else if (byte !== 0x0a) bytes.push(byte)
  }

  #byte(): number {
    return this.#byteAt(0)
  }

  #byteAt(ahead: number): number {
    const byte = this.#bytes[this.#at + ahead]
    if (byte !== undefined) return byte
    if (!this.#isWhole) this.isShort = true
    throw this.#error('truncated')
  }

  #error(code: ConstructorParameters<typeof MalformedError>[0], detail = ''): MalformedError {
    return new MalformedError(code, this.position, detail)
  }
}

const escapes: ReadonlyMap<number, number> = new Map([
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
  [0x62, 0x08],
  [0x66, 0x0c],
])

/** White space (§7.2.3). */
export function isSpace(byte: number): boolean {
  return classes[byte] === 1
}

function isRegular(byte: number): boolean {
  return classes[byte] === 0
}

// Of each byte: 0 regular, 1 white space, 2 delimiter.
const classes = new Uint8Array(256)
for (const byte of [0x00, 0x09, 0x0a, 0x0c, 0x0d, 0x20]) classes[byte] = 1
for (const byte of [0x25, 0x28, 0x29, 0x2f, 0x3c, 0x3e, 0x5b, 0x5d, 0x7b, 0x7d]) classes[byte] = 2

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39
}

function isOctal(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x37
}

function isNumberStart(byte: number): boolean {
  return isDigit(byte) || byte === 0x2b || byte === 0x2d || byte === 0x2e
}

function hexDigit(byte: number): number {
  if (isDigit(byte)) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
