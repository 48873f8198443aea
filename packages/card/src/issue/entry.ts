/** Pieces of which the files of card applications are made. */
import { composeTlv } from '../tlv.ts'
import { type SecretSlot, secretSlot } from '../virtual/secret-slot.ts'

/** Pieces one after another. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap(piece => [...piece]))
}

/** ASCII digits and letters as bytes. */
export function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** A PIN slot; without PIN one that nothing opens. */
export function pinSlot(name: 'text-pin' | 'resident-pin', pin: string | undefined): SecretSlot {
  return pin === undefined ? { secret: null, triesLeft: 0 } : secretSlot(name, pin)
}

/**
 * The table of the offsets at which entries lie in a file of one constructed object, as 16-bit numbers counted from the start of
 * the file (jpki.md §1.3, §1.4); the table comes before the entries.
 */
export function offsetTable(
  tag: number,
  tableTag: number,
  entries: readonly Uint8Array[],
): Uint8Array {
  const sizes = entries.reduce((sum, entry) => sum + entry.length, 0)
  const tableBytes = composeTlv(tableTag, new Uint8Array(entries.length * 2)).length
  let at = composeTlv(tag, new Uint8Array(tableBytes + sizes)).length - sizes
  const table = entries.flatMap(entry => {
    const offset = at
    at += entry.length
    return [offset >> 8, offset & 255]
  })
  return composeTlv(tableTag, Uint8Array.from(table))
}
