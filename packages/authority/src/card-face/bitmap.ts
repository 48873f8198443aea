/** Pictures of black and white, as the card carries them: PNG with one bit a pixel (jpki.md §1.4). */
import { crc32, deflateSync } from 'node:zlib'

/** Pixels row by row; 1 is black. */
export type Bitmap = {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/** A white picture. */
export function blankBitmap(width: number, height: number): Bitmap {
  return { width, height, pixels: new Uint8Array(width * height) }
}

/** The picture as a PNG file: greyscale, one bit a pixel, no filter (PNG specification §11.2, §12.7). */
export function encodePng({ width, height, pixels }: Bitmap): Uint8Array {
  const rowBytes = Math.ceil(width / 8)
  const rows = new Uint8Array((rowBytes + 1) * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      // White is 1 in a greyscale PNG.
      if (pixels[y * width + x] === 1) continue
      const at = y * (rowBytes + 1) + 1 + (x >> 3)
      rows[at] = (rows[at] ?? 0) | (0x80 >> (x & 7))
    }
  const header = new Uint8Array(13)
  const view = new DataView(header.buffer)
  view.setUint32(0, width)
  view.setUint32(4, height)
  // One bit, greyscale, deflate, adaptive filters, not interlaced.
  header.set([1, 0, 0, 0, 0], 8)
  return new Uint8Array(
    Buffer.concat([
      Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
      chunk('IHDR', header),
      chunk('IDAT', deflateSync(rows, { level: 9 })),
      chunk('IEND', new Uint8Array(0)),
    ]),
  )
}

function chunk(name: string, data: Uint8Array): Uint8Array {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data])
  const whole = Buffer.alloc(named.length + 8)
  whole.writeUInt32BE(data.length, 0)
  named.copy(whole, 4)
  whole.writeUInt32BE(crc32(named), named.length + 4)
  return whole
}
