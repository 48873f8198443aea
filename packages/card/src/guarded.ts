/** A number that the law protects, as read from a card: the my number 個人番号 or the resident code 住民票コード. */
import { HiddenBytes } from './hidden-bytes.ts'

let make: (kind: GuardedKind, digits: Uint8Array) => GuardedNumber

/** Which number it is. */
export type GuardedKind = 'my-number' | 'resident-code'

/**
 * Digits that cannot be printed, logged or serialised by accident; their bytes are zeroed by `dispose`. Only reading a card
 * makes one. Whoever calls `use` must be somebody to whom the law gives the number, for this purpose.
 */
export class GuardedNumber extends HiddenBytes {
  readonly kind: GuardedKind

  private constructor(kind: GuardedKind, digits: Uint8Array) {
    super(digits, '[NUMBER]')
    this.kind = kind
  }

  static {
    make = (kind, digits) => new GuardedNumber(kind, digits)
  }
}

/** The number in these bytes; `undefined` unless they are as many digits as it has. The bytes are copied. */
export function guardedNumber(kind: GuardedKind, bytes: Uint8Array): GuardedNumber | undefined {
  const isDigits = bytes.every(byte => byte >= 0x30 && byte <= 0x39)
  return isDigits && bytes.length === sizes[kind] ? make(kind, Uint8Array.from(bytes)) : undefined
}

const sizes: Readonly<Record<GuardedKind, number>> = { 'my-number': 12, 'resident-code': 11 }
