/** Codes that people hand to each other, by voice or on paper: an offer to be accepted, an invitation. */

/** 32 characters that nobody mistakes for others, so that each takes five bits of a byte without bias. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

/** A code of these random bytes, a character of five bits each, in fours. */
export function spokenCode(bytes: Uint8Array): string {
  const letters = [...bytes].map(byte => alphabet[byte % alphabet.length]).join('')
  return letters.replaceAll(/(.{4})(?=.)/g, '$1-')
}

/** A code as it is compared, however somebody has typed it: without dashes and spaces, in capitals. */
export function plainCode(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')
}
