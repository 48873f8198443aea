import { HiddenBytes } from './hidden-bytes.ts'
import { done, type Outcome, refused } from './reason.ts'

/** The two secrets of the JPKI application: the authentication PIN 利用者証明用暗証番号 and the signature password 署名用パスワード. */
export type SecretKind = 'authentication' | 'signature'

/**
 * Every secret that a card knows, by the application it guards. Code A 照合番号A is the my number, code B 照合番号B birth date,
 * expiry year and security code (jpki.md §1.5); what a code opens differs between the text and the face application.
 */
export type SecretName =
  | SecretKind
  | 'text-pin'
  | 'text-code-a'
  | 'text-code-b'
  | 'face-birth'
  | 'face-code-a'
  | 'face-code-b'
  | 'resident-pin'
  | 'free-pin'

/** Tries of each secret on a fresh card (jpki.md §1.5); of the codes one source alone names a number, of a loaded application's PIN none. */
export const triesMax: Readonly<Record<SecretName, number>> = {
  authentication: 3,
  signature: 5,
  'text-pin': 3,
  'text-code-a': 3,
  'text-code-b': 3,
  'face-birth': 3,
  'face-code-a': 3,
  'face-code-b': 3,
  'resident-pin': 3,
  'free-pin': 3,
}

let make: (kind: SecretName, bytes: Uint8Array) => Pin

/**
 * A PIN or signature password that has the right form. There is no other way to get one than `parsePin`. It cannot be
 * printed, logged or serialised, and its bytes are zeroed by `dispose`.
 */
export class Pin extends HiddenBytes {
  readonly kind: SecretName

  private constructor(kind: SecretName, bytes: Uint8Array) {
    super(bytes, '[PIN]')
    this.kind = kind
  }

  static {
    make = (kind, bytes) => new Pin(kind, bytes)
  }
}

/**
 * Checks the form before the card sees it, so that a malformed entry never burns a try: a PIN has 4 digits, a signature password
 * 6 to 16 of A-Z 0-9, code A 12 digits, code B 14, the birth date 6. The signature password is upper-cased (the card knows
 * capitals only, jpki.md §7 no. 11). `typed` as bytes is ASCII and is copied; the caller zeroes its own. A string cannot be
 * zeroed by anyone: prefer bytes where there is a choice.
 *
 * Refuses with `pin-malformed`, `password-malformed` or `code-malformed`.
 */
export function parsePin(kind: SecretName, typed: Uint8Array | string): Outcome<Pin> {
  const bytes = typeof typed === 'string' ? asciiOf(typed) : Uint8Array.from(typed)
  if (kind === 'signature') {
    for (const [at, byte] of bytes.entries()) if (isLower(byte)) bytes[at] = byte - 0x20
  }
  const digits = codeDigits[kind] ?? pinDigits
  const fits =
    kind === 'signature'
      ? bytes.length >= 6 &&
        bytes.length <= 16 &&
        bytes.every(byte => isDigit(byte) || isUpper(byte))
      : bytes.length === digits && bytes.every(isDigit)
  if (fits) return done(make(kind, bytes))
  bytes.fill(0)
  if (kind === 'signature') return refused('password-malformed')
  return refused(digits === pinDigits ? 'pin-malformed' : 'code-malformed')
}

const pinDigits = 4
/** Digits of the codes (jpki.md §1.5); every other secret but the password is a PIN. */
const codeDigits: Readonly<Partial<Record<SecretName, number>>> = {
  'text-code-a': 12,
  'text-code-b': 14,
  'face-birth': 6,
  'face-code-a': 12,
  'face-code-b': 14,
}

/** Characters outside ASCII become FF, which no secret may hold. */
function asciiOf(typed: string): Uint8Array {
  return Uint8Array.from(typed, character => Math.min(character.codePointAt(0) ?? 0xff, 0xff))
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
const isUpper = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a
