import { done, type Outcome, refused } from './reason.ts'

/** The two secrets of the JPKI application: the authentication PIN 利用者証明用暗証番号 and the signature password 署名用パスワード. */
export type SecretKind = 'authentication' | 'signature'

/** Tries of each secret on a fresh card (jpki.md §1.5). */
export const triesMax: Readonly<Record<SecretKind, number>> = { authentication: 3, signature: 5 }

let make: (kind: SecretKind, bytes: Uint8Array) => Pin

/**
 * A PIN or signature password that has the right form. There is no other way to get one than `parsePin`. It cannot be
 * printed, logged or serialised, and its bytes are zeroed by `dispose`.
 */
export class Pin {
  readonly kind: SecretKind
  #bytes: Uint8Array

  private constructor(kind: SecretKind, bytes: Uint8Array) {
    this.kind = kind
    this.#bytes = bytes
  }

  static {
    make = (kind, bytes) => new Pin(kind, bytes)
  }

  /**
   * Lends the bytes to `read`, which must not keep them.
   *
   * @throws Error after `dispose`.
   */
  use<T>(read: (bytes: Uint8Array) => T): T {
    if (this.#bytes.length === 0) throw new Error('the PIN was disposed of')
    return read(this.#bytes)
  }

  /** Zeroes the bytes; the Pin cannot be used any more. */
  dispose(): void {
    this.#bytes.fill(0)
    this.#bytes = new Uint8Array(0)
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  toString(): string {
    return hidden
  }

  toJSON(): string {
    return hidden
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return hidden
  }
}

/**
 * Checks the form before the card sees it, so that a malformed entry never burns a try: 4 digits, or 6 to 16 of
 * A-Z 0-9. The signature password is upper-cased (the card knows capitals only, jpki.md §7 no. 11). `typed` as bytes is
 * ASCII and is copied; the caller zeroes its own. A string cannot be zeroed by anyone: prefer bytes where there is a choice.
 *
 * Refuses with `pin-malformed` or `password-malformed`.
 */
export function parsePin(kind: SecretKind, typed: Uint8Array | string): Outcome<Pin> {
  const bytes = typeof typed === 'string' ? asciiOf(typed) : Uint8Array.from(typed)
  if (kind === 'signature') {
    for (const [at, byte] of bytes.entries()) if (isLower(byte)) bytes[at] = byte - 0x20
  }
  const fits =
    kind === 'authentication'
      ? bytes.length === 4 && bytes.every(isDigit)
      : bytes.length >= 6 &&
        bytes.length <= 16 &&
        bytes.every(byte => isDigit(byte) || isUpper(byte))
  if (fits) return done(make(kind, bytes))
  bytes.fill(0)
  return refused(kind === 'authentication' ? 'pin-malformed' : 'password-malformed')
}

/** Characters outside ASCII become FF, which no secret may hold. */
function asciiOf(typed: string): Uint8Array {
  return Uint8Array.from(typed, character => Math.min(character.codePointAt(0) ?? 0xff, 0xff))
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a

const hidden = '[PIN]'
