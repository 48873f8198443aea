/** Decompression with a limit, so that a small file cannot fill the memory (RFC 1950, RFC 1951). */
import { Inflate } from 'fflate'
import { MalformedError } from '../der.ts'

/**
 * Inflates DEFLATE data. Throws `MalformedError`: `too-large` as soon as there is more than `sizeMax`, `truncated` when
 * it does not come to its end.
 */
export function inflate(compressed: Uint8Array, sizeMax: number): Uint8Array {
  const pieces: Uint8Array[] = []
  let size = 0
  let isEnded = false
  const stream = new Inflate((piece, isFinal) => {
    size += piece.length
    pieces.push(piece)
    isEnded = isFinal
  })
  for (let at = 0; at < compressed.length; at += inputBytes) {
    const end = Math.min(at + inputBytes, compressed.length)
    try {
      stream.push(compressed.subarray(at, end), end === compressed.length)
    } catch (error) {
      if (!isFlateError(error)) throw error
      throw new MalformedError(error.code === 0 ? 'truncated' : 'value-invalid', at, 'deflate')
    }
    if (size > sizeMax) throw new MalformedError('too-large', at, 'inflated')
  }
  if (!isEnded) throw new MalformedError('truncated', compressed.length, 'deflate')
  return joined(pieces, size)
}

/** Inflates data in the zlib format. The checksum at its end is not looked at, as PDF readers do not. */
export function inflateZlib(compressed: Uint8Array, sizeMax: number): Uint8Array {
  const [method = 0, flags = 0] = compressed
  // RFC 1950 §2.2: DEFLATE with a window of at most 32 KiB, a check of five bits, no preset dictionary.
  const isZlib =
    (method & 0x0f) === 8 &&
    method >> 4 <= 7 &&
    (method * 256 + flags) % 31 === 0 &&
    (flags & 0x20) === 0
  if (!isZlib || compressed.length < 2) throw new MalformedError('value-invalid', 0, 'zlib')
  return inflate(compressed.subarray(2), sizeMax)
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = pieces
  if (pieces.length === 1 && only !== undefined) return only
  const whole = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

function isFlateError(error: unknown): error is Error & { readonly code: number } {
  return error instanceof Error && 'code' in error && typeof error.code === 'number'
}

// DEFLATE makes at most 1032 bytes of one, so that one step cannot make more than eight megabytes.
const inputBytes = 8 * 1024
