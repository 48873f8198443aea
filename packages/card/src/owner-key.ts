/**
 * The owner's key of one application on one card (`docs/protocol/card-loading.md`): made from the application's master key, so that
 * neither loading system nor owner keeps a key for each card, and what one card gives away opens no other.
 */
import { deriveKey, hmac } from './crypto.ts'
import type { OwnerKey } from './loaded.ts'

/** The key: HKDF-SHA-256 of the master key, salt the card's serial in ASCII, info a label, a space and the
 * identifier in hexadecimal capitals. 32 bytes. */
export function deriveOwnerKey(
  master: Uint8Array,
  of: { readonly aid: string; readonly serial: string },
): Uint8Array {
  const salt = Uint8Array.from(of.serial, digit => digit.charCodeAt(0))
  return deriveKey(master, salt, `sekisho-card-owner-key-v1 ${of.aid}`)
}

/** The key as an owner's terminal uses it, held in memory. */
export function heldOwnerKey(key: Uint8Array): OwnerKey {
  return { hmac: message => hmac(key, message) }
}
