/**
 * Decodes streams that hold structure: cross-references and objects (ISO 32000-2 §7.4.4). Uncompressed or Flate, with
 * the PNG predictors. What pages show is never decoded here.
 */
import { inflateZlib } from '../archive/inflate.ts'
import { MalformedError } from '../der.ts'
import { countOf, isKind, nameOf, type PdfDictionary, type PdfValue } from './value.ts'

/** Decodes the bytes of a stream. Throws `MalformedError`: `too-large` beyond `sizeMax`, `version-unsupported` for other filters. */
export function decodeStream(
  dictionary: PdfDictionary,
  bytes: Uint8Array,
  sizeMax: number,
): Uint8Array {
  const { entries } = dictionary
  if (entries.has('F')) throw new MalformedError('version-unsupported', 0, 'external file')
  const filter = single(entries.get('Filter'))
  if (filter === null) {
    if (bytes.length > sizeMax) throw new MalformedError('too-large', 0, 'stream')
    // What a source gave holds only until it is read again.
    return Uint8Array.from(bytes)
  }
  if (nameOf(filter) !== 'FlateDecode') throw new MalformedError('version-unsupported', 0, 'filter')
  const given = single(entries.get('DecodeParms'))
  const parameters = isKind(given, 'dictionary') ? given.entries : new Map<string, PdfValue>()
  const predictor = countOf(parameters.get('Predictor') ?? 1)
  // With a predictor there is one byte more a row.
  const plain = inflateZlib(bytes, predictor === 1 ? sizeMax : sizeMax * 2)
  if (predictor === 1) return plain
  if (predictor === undefined || predictor < 10 || predictor > 15) {
    throw new MalformedError('version-unsupported', 0, 'predictor')
  }
  return undoPredictor(plain, layoutOf(parameters), sizeMax)
}

// One filter by itself, or in an array of one.
function single(value: PdfValue | undefined): PdfValue {
  if (!isKind(value, 'array')) return value ?? null
  if (value.items.length > 1) throw new MalformedError('version-unsupported', 0, 'filters')
  return value.items[0] ?? null
}

interface RowLayout {
  /** Bytes of a row without its tag, and of one pixel, rounded up. */
  readonly row: number
  readonly pixel: number
}

function layoutOf(parameters: ReadonlyMap<string, PdfValue>): RowLayout {
  const colors = countOf(parameters.get('Colors') ?? 1) ?? 0
  const bits = countOf(parameters.get('BitsPerComponent') ?? 8) ?? 0
  const columns = countOf(parameters.get('Columns') ?? 1) ?? 0
  const row = Math.ceil((colors * bits * columns) / 8)
  if (row < 1 || row > 65_536) throw new MalformedError('value-invalid', 0, 'predictor')
  return { row, pixel: Math.max(1, Math.ceil((colors * bits) / 8)) }
}

// PNG filters (RFC 2083 §6): each row says by its first byte which of the five it uses.
function undoPredictor(bytes: Uint8Array, layout: RowLayout, sizeMax: number): Uint8Array {
  const { row, pixel } = layout
  if (bytes.length % (row + 1) !== 0) throw new MalformedError('value-invalid', 0, 'predictor')
  const rows = bytes.length / (row + 1)
  if (rows * row > sizeMax) throw new MalformedError('too-large', 0, 'stream')
  const out = new Uint8Array(rows * row)
  for (let r = 0; r < rows; r++) {
    const from = r * (row + 1) + 1
    const to = r * row
    const type = bytes[from - 1] ?? 0
    if (type > 4) throw new MalformedError('value-invalid', from, 'predictor')
    for (let i = 0; i < row; i++) {
      const left = i < pixel ? 0 : (out[to + i - pixel] ?? 0)
      const up = r === 0 ? 0 : (out[to + i - row] ?? 0)
      const corner = r === 0 || i < pixel ? 0 : (out[to + i - row - pixel] ?? 0)
      out[to + i] = (bytes[from + i] ?? 0) + predict(type, left, up, corner)
    }
  }
  return out
}

function predict(type: number, left: number, up: number, corner: number): number {
  switch (type) {
    case 1:
      return left
    case 2:
      return up
    case 3:
      return (left + up) >> 1
    case 4:
      return paeth(left, up, corner)
    default:
      return 0
  }
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner
  const byLeft = Math.abs(guess - left)
  const byUp = Math.abs(guess - up)
  const byCorner = Math.abs(guess - corner)
  if (byLeft <= byUp && byLeft <= byCorner) return left
  return byUp <= byCorner ? up : corner
}
