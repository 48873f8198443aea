/** How serial numbers are written where they are keys: in rows, lints and lists. */
import { toHex } from '@sekisho/pki'

/** INTEGER content in lower-case hexadecimal, without a sign octet. */
export function serialHex(serial: Uint8Array): string {
  const hex = toHex(serial)
  return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex
}
