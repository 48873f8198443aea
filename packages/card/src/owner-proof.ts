/**
 * The mutual proof between an application of the free area and its owner's terminal (`docs/protocol/free-area.md`): both show that
 * they have the owner's key for this card, and get the key of a channel from it. Everything is HMAC-SHA-256 with that key,
 * so that it can stay in a hardware module.
 */

/** Who speaks, or what the result is for; each is a label of its own. */
export type OwnerPart = 'terminal' | 'card' | 'channel'

/** Bytes of the terminal's random number. */
export const terminalRandomBytes = 16

/** What is put under the owner's key. */
export function ownerStatement(
  part: OwnerPart,
  aid: Uint8Array,
  cardChallenge: Uint8Array,
  terminalRandom: Uint8Array,
): Uint8Array {
  const label = Array.from(`sekisho-card-owner-${part}-v1`, one => one.charCodeAt(0))
  return Uint8Array.from([...label, 0x00, aid.length, ...aid, ...cardChallenge, ...terminalRandom])
}
