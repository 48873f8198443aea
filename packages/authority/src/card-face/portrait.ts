/**
 * Portraits for cards of people who do not exist: a plain drawing of head and shoulders, plainly no photograph, of which each seed
 * gives another. JPEG 2000 in its file format, greyscale, as on the card (jpki.md §1.4; ISO/IEC 15444-1 annex I).
 */
import openjpeg from '@cornerstonejs/codec-openjpeg/wasmjs'

/** Draws portraits. */
export type Portraits = {
  /** The file of a portrait; the same bytes for the same seed of at least 8 bytes. */
  draw(seed: Uint8Array): Uint8Array
}

const width = 160
const height = 200
/** Some 3 kB, as much as the card's field is made for. */
const compressionRatio = 12

/** Opens the encoder; who hands out cards keeps it. */
export async function openPortraits(): Promise<Portraits> {
  const { J2KEncoder } = await openjpeg()
  return {
    draw(seed) {
      const encoder = new J2KEncoder()
      try {
        const pixels = encoder.getDecodedBuffer({
          width,
          height,
          bitsPerSample: 8,
          componentCount: 1,
          isSigned: false,
          isUsingColorTransform: false,
        })
        paint(pixels, seed)
        encoder.setCompressionRatio(0, compressionRatio)
        encoder.encode()
        return fileOf(encoder.getEncodedBuffer())
      } finally {
        encoder.delete()
      }
    },
  }
}

/** Shoulders, hair, face, eyes, brows and mouth, in greys and measures that the seed gives. */
function paint(pixels: Uint8Array, seed: Uint8Array): void {
  const of = (at: number, least: number, most: number): number =>
    least + ((seed[at] ?? 0) / 255) * (most - least)
  const face = { x: width / 2, y: of(0, 88, 96), rx: of(1, 34, 42), ry: of(2, 46, 54) }
  const hair = { x: face.x, y: face.y - of(3, 6, 16), rx: face.rx + of(4, 4, 12), ry: face.ry + 8 }
  const eye = { dx: of(5, 13, 18), y: face.y - 6 }
  const hairGrey = of(6, 15, 110)
  const shirt = of(7, 40, 150)
  const inside = ({ x, y, rx, ry }: typeof face, px: number, py: number): boolean =>
    ((px - x) / rx) ** 2 + ((py - y) / ry) ** 2 < 1
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      let grey = 225 - y / 10
      const isBody = inside({ x: face.x, y: height + 15, rx: 76, ry: 68 }, x, y)
      const isNeck = Math.abs(x - face.x) < 15 && y > face.y && y < height - 40
      if (inside(hair, x, y) && y < face.y + 20) grey = hairGrey
      if (isBody) grey = shirt
      if (isNeck) grey = 175
      if (inside(face, x, y) && y > face.y - face.ry * 0.55) grey = 195 - Math.abs(x - face.x) / 3
      for (const side of [-1, 1]) {
        const at = face.x + side * eye.dx
        if (inside({ x: at, y: eye.y, rx: 5, ry: 3 }, x, y)) grey = 25
        if (inside({ x: at, y: eye.y - 11, rx: 8, ry: 1.6 }, x, y)) grey = hairGrey
      }
      if (inside({ x: face.x, y: face.y + 26, rx: of(0, 8, 13), ry: 2 }, x, y)) grey = 95
      pixels[y * width + x] = Math.max(0, Math.min(255, grey))
    }
}

/** The boxes of a JP2 file around a codestream: signature, file type, image header, greyscale (annex I.5). */
function fileOf(stream: Uint8Array): Uint8Array {
  const header = new DataView(new ArrayBuffer(14))
  header.setUint32(0, height)
  header.setUint32(4, width)
  header.setUint16(8, 1)
  // 8 bits unsigned, JPEG 2000, colour space known, no rights.
  header.setUint8(10, 7)
  header.setUint8(11, 7)
  const image = Buffer.concat([
    box('ihdr', new Uint8Array(header.buffer)),
    box('colr', Uint8Array.of(1, 0, 0, 0, 0, 0, greyscale)),
  ])
  return new Uint8Array(
    Buffer.concat([
      box('jP  ', Uint8Array.of(0x0d, 0x0a, 0x87, 0x0a)),
      box('ftyp', Buffer.from('jp2 \0\0\0\0jp2 ', 'latin1')),
      box('jp2h', image),
      box('jp2c', stream),
    ]),
  )
}

/** Enumerated colour space of greyscale. */
const greyscale = 17

function box(type: string, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(content.length + 8)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, content])
}
