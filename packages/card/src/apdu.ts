/**
 * Command and response APDUs, ISO/IEC 7816-4 §5: short and extended lengths, both ways.
 *
 * Not done: command chaining (CLA bit 5), logical channels and secure messaging, which the JPKI application does not
 * use on the paths of jpki.md §1.6 marked [A].
 */

/** A command. `le` is the number of bytes wanted, 1 to 65536; `undefined` when no answer data is wanted. */
export type Command = {
  readonly cla: number
  readonly ins: number
  readonly p1: number
  readonly p2: number
  readonly data: Uint8Array
  readonly le: number | undefined
}

/** A response: data and the status word SW1 SW2 as one number. */
export type Response = { readonly data: Uint8Array; readonly status: number }

/** Lc of a short command. ISO/IEC 7816-4 §5.1. */
const shortDataBytesMax = 255
/** Le of a short command; written as 00. */
const shortAnswerBytesMax = 256
const extendedDataBytesMax = 65535
const extendedAnswerBytesMax = 65536

/** A command from its parts; no data and no answer unless given. */
export function command(
  cla: number,
  ins: number,
  p1: number,
  p2: number,
  data: Uint8Array = new Uint8Array(0),
  le?: number,
): Command {
  return { cla, ins, p1, p2, data, le }
}

/**
 * The bytes of a command, in the short form wherever that can hold it.
 *
 * @throws RangeError when a byte, the data or `le` is out of range: a fault of the caller.
 */
export function composeCommand(given: Command): Uint8Array {
  const { cla, ins, p1, p2, data, le } = given
  for (const byte of [cla, ins, p1, p2]) {
    if (!Number.isInteger(byte) || byte < 0 || byte > 255) throw new RangeError('APDU header byte')
  }
  if (data.length > extendedDataBytesMax) throw new RangeError('APDU data longer than 65535 bytes')
  if (le !== undefined && !(Number.isInteger(le) && le >= 1 && le <= extendedAnswerBytesMax)) {
    throw new RangeError('APDU Le outside 1 to 65536')
  }
  const extended = data.length > shortDataBytesMax || (le ?? 0) > shortAnswerBytesMax
  const bytes: number[] = [cla, ins, p1, p2]
  if (extended) {
    bytes.push(0)
    if (data.length > 0) bytes.push(data.length >> 8, data.length & 255, ...data)
    if (le !== undefined) bytes.push((le >> 8) & 255, le & 255)
  } else {
    if (data.length > 0) bytes.push(data.length, ...data)
    if (le !== undefined) bytes.push(le & 255)
  }
  return Uint8Array.from(bytes)
}

/** Reads a command as the inside of a card receives it; `undefined` when the lengths do not add up (answer 6700). */
export function parseCommand(bytes: Uint8Array): Command | undefined {
  const [cla, ins, p1, p2, first] = bytes
  if (cla === undefined || ins === undefined || p1 === undefined || p2 === undefined)
    return undefined
  const made = (data: Uint8Array, le: number | undefined): Command => ({
    cla,
    ins,
    p1,
    p2,
    data,
    le,
  })
  const none = new Uint8Array(0)
  if (first === undefined) return made(none, undefined)
  if (bytes.length === 5) return made(none, first === 0 ? shortAnswerBytesMax : first)
  if (first !== 0) {
    const end = 5 + first
    if (bytes.length === end) return made(bytes.slice(5, end), undefined)
    if (bytes.length !== end + 1) return undefined
    return made(bytes.slice(5, end), bytes[end] === 0 ? shortAnswerBytesMax : bytes[end])
  }
  if (bytes.length < 7) return undefined
  const long = pair(bytes, 5)
  if (bytes.length === 7) return made(none, long === 0 ? extendedAnswerBytesMax : long)
  const end = 7 + long
  if (long === 0) return undefined
  if (bytes.length === end) return made(bytes.slice(7, end), undefined)
  if (bytes.length !== end + 2) return undefined
  const le = pair(bytes, end)
  return made(bytes.slice(7, end), le === 0 ? extendedAnswerBytesMax : le)
}

/** The bytes of a response. */
export function composeResponse(status: number, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  const bytes = new Uint8Array(data.length + 2)
  bytes.set(data)
  bytes[data.length] = status >> 8
  bytes[data.length + 1] = status & 255
  return bytes
}

/** Reads a response; `undefined` when it has not even a status word. */
export function parseResponse(bytes: Uint8Array): Response | undefined {
  if (bytes.length < 2) return undefined
  return { data: bytes.slice(0, -2), status: pair(bytes, bytes.length - 2) }
}

function pair(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
