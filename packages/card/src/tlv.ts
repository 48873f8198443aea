/**
 * BER-TLV as the card's files use it (ISO/IEC 7816-4 §5.2.2): tags of one or two bytes, definite lengths up to three
 * length bytes. Certificates are not read with this but by `pki`.
 */

/** One data object. `tag` is the tag bytes as one number (`0xdf21`). */
export type Tlv = { readonly tag: number; readonly value: Uint8Array }

/** Data objects in one file: more than any file of the card has. */
const objectsMax = 64

/** Reads all data objects of a file; FF and 00 fillers at its end are passed over. `undefined` when malformed. */
export function parseTlvs(bytes: Uint8Array): readonly Tlv[] | undefined {
  const found: Tlv[] = []
  let at = 0
  while (at < bytes.length) {
    if (bytes.subarray(at).every(byte => byte === 0xff) || bytes[at] === 0) {
      return bytes.subarray(at).every(byte => byte === 0xff || byte === 0) ? found : undefined
    }
    const read = readTlv(bytes, at)
    if (read === undefined || found.length === objectsMax) return undefined
    found.push(read.object)
    at = read.end
  }
  return found
}

/** The bytes of a data object. @throws RangeError for a value longer than 65535 bytes. */
export function composeTlv(tag: number, value: Uint8Array): Uint8Array {
  const size = value.length
  if (size > 0xffff) throw new RangeError('TLV value longer than 65535 bytes')
  const tagBytes = tag > 0xff ? [tag >> 8, tag & 255] : [tag]
  const lengthBytes =
    size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 255]
  return Uint8Array.from([...tagBytes, ...lengthBytes, ...value])
}

/** The bytes of data objects one after another. */
export function composeTlvs(objects: readonly Tlv[]): Uint8Array {
  return Uint8Array.from(objects.flatMap(({ tag, value }) => [...composeTlv(tag, value)]))
}

/** The whole size of the DER object that begins with `header` (at least 4 bytes); `undefined` if it is no SEQUENCE. */
export function sequenceSize(header: Uint8Array): number | undefined {
  const [tag, length, high, low] = header
  if (tag !== 0x30 || length === undefined || high === undefined || low === undefined)
    return undefined
  if (length < 0x80) return length + 2
  if (length === 0x81) return high + 3
  return length === 0x82 ? ((high << 8) | low) + 4 : undefined
}

/** The whole size of the object that begins with these bytes, at least five; `undefined` when they begin none. */
export function objectSize(header: Uint8Array): number | undefined {
  const [tag, second, ...more] = header
  const isLong = tag !== undefined && (tag & 0x1f) === 0x1f
  if (isLong && !(second !== undefined && second < 0x80)) return undefined
  const [length, high, low] = isLong ? more : [second, ...more]
  const tagBytes = isLong ? 2 : 1
  if (length === undefined || high === undefined || low === undefined) return undefined
  if (length < 0x80) return tagBytes + 1 + length
  if (length === 0x81) return tagBytes + 2 + high
  return length === 0x82 ? tagBytes + 3 + ((high << 8) | low) : undefined
}

function readTlv(bytes: Uint8Array, from: number): { object: Tlv; end: number } | undefined {
  let at = from
  const next = (): number => bytes[at++] ?? Number.NaN
  let tag = next()
  if ((tag & 0x1f) === 0x1f) {
    const second = next()
    if (!(second < 0x80)) return undefined
    tag = (tag << 8) | second
  }
  let size = next()
  if (size >= 0x80) {
    const count = size & 0x7f
    if (count < 1 || count > 3) return undefined
    size = 0
    for (let read = 0; read < count; read++) size = size * 256 + next()
  }
  if (!(at + size <= bytes.length)) return undefined
  return { object: { tag, value: bytes.slice(at, at + size) }, end: at + size }
}
