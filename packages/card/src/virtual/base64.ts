/** Binary members of a card file, as base64 text. */

/** Characters of single bytes. */
export function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** Base64 as card files hold it. */
export function base64(bytes: Uint8Array): string {
  return btoa(textOf(bytes))
}

/** Bytes of base64. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(atob(text), character => character.charCodeAt(0))
}

/** A member that must be base64. @throws RangeError naming the member, never its value. */
export function base64Text(value: unknown, name: string): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) {
    throw new RangeError(`card state: ${name}`)
  }
  return value
}

/** A member that must be an object. @throws RangeError naming the member. */
export function record(value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new RangeError(`card state: ${name}`)
  }
  return { ...value }
}
