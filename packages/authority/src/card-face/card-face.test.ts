import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { temporaryFolder } from '@sekisho/runtime/files'
import { blankBitmap, encodePng } from './bitmap.ts'
import { openLettering } from './lettering.ts'
import { openPortraits } from './portrait.ts'

const lettering = await openLettering()

/** What pngcheck says of a file; it throws when the file is none. */
function pngFacts(folder: string, png: Uint8Array): string {
  const path = join(folder, 'picture.png')
  writeFileSync(path, png)
  return execFileSync('pngcheck', [path], { encoding: 'utf8' })
}

test('pictures are whole PNG files with one bit a pixel, whatever their width', async () => {
  await using folder = await temporaryFolder('png')
  for (const width of [1, 7, 8, 9, 448]) {
    const facts = pngFacts(folder.path, encodePng(blankBitmap(width, 3)))
    assert.match(facts, new RegExp(`OK: .*\\(${width}x3, 1-bit grayscale, non-interlaced`))
  }
  const png = encodePng(blankBitmap(9, 3))
  const bent = png.map((byte, at) => (at === png.length - 20 ? byte ^ 1 : byte))
  assert.throws(() => pngFacts(folder.path, bent))
})

test('text is drawn, line by line, a full width after the other', () => {
  const one = lettering.write('関所', 4)
  assert.deepEqual([one.width, one.height], [128, 32])
  const inked = (from: number, to: number): number => {
    let sum = 0
    for (let y = 0; y < one.height; y++)
      for (let x = from; x < to; x++) sum += one.pixels[y * one.width + x] ?? 0
    return sum
  }
  assert.ok(inked(0, 32) > 100 && inked(32, 64) > 100)
  assert.equal(inked(64, 128), 0)
  assert.equal(lettering.write('東京都千代田区', 4).height, 64)
  assert.equal(lettering.write('12345678', 4).height, 32)
  assert.equal(lettering.write('', 4).height, 32)
})

test('two characters differ, the same one does not, and what the typeface lacks is the geta mark', () => {
  const pixels = (text: string): string =>
    Buffer.from(lettering.write(text, 1).pixels).toString('hex')
  assert.notEqual(pixels('花'), pixels('苑'))
  assert.equal(pixels('花'), pixels('花'))
  assert.equal(pixels('髙'), pixels('〓'))
  assert.notEqual(pixels('高'), pixels('〓'))
})

test('a portrait is a JPEG 2000 file that OpenJPEG decodes: greyscale, 160 by 200, another for each seed', async () => {
  await using folder = await temporaryFolder('portrait')
  const portraits = await openPortraits()
  const decoded = [1, 200].map(seed => {
    const file = portraits.draw(new Uint8Array(32).fill(seed))
    assert.deepEqual(file, portraits.draw(new Uint8Array(32).fill(seed)))
    assert.ok(file.length < 6000)
    const [from, to] = ['portrait.jp2', 'portrait.pgm'].map(name => join(folder.path, name))
    assert.ok(from !== undefined && to !== undefined)
    writeFileSync(from, file)
    execFileSync('opj_decompress', ['-i', from, '-o', to], { stdio: 'ignore' })
    return readFileSync(to)
  })
  for (const picture of decoded) {
    const text = picture.subarray(0, 60).toString('latin1')
    assert.match(text, /^P5\n(?:#.*\n)?160 200\n255\n/)
  }
  assert.notDeepEqual(decoded[0], decoded[1])
})
