/**
 * The typeface of printed statements: Kosugi. Its large file has the kanji of JIS levels 1 and 2; what names need beyond that (髙, 﨑, ㈱)
 * lies in small files that are opened when they are needed. What it lacks altogether becomes 〓, as in certificates.
 */
import { fileURLToPath } from 'node:url'
import { inflateSync } from 'node:zlib'
import { readFileIfPresent } from '@sekisho/runtime/files'
import { create } from 'fontkit'
import { z } from 'zod'

/** Text that one file of the typeface has. */
export type Run = { readonly text: string; readonly file: string; readonly bytes: Uint8Array }

/** Cuts text into runs, each for one file of the typeface. */
export type Typeface = { runsOf(text: string): Promise<readonly Run[]> }

/** Reads the typeface's large file, some 100 ms; who prints keeps it. */
export async function openTypeface(): Promise<Typeface> {
  const main = await open('japanese')
  const ranges = z
    .record(z.string(), z.string())
    .parse(JSON.parse(new TextDecoder().decode(await fileOf('unicode.json'))))
  const slices = Object.entries(ranges).flatMap(([key, list]) => {
    const name = /^\[(\d+)\]$/.exec(key)?.[1]
    return name === undefined ? [] : [{ name, spans: spansOf(list) }]
  })
  const opened = new Map<string, Promise<Opened>>()
  const fileFor = async (point: number): Promise<Opened | undefined> => {
    if (main.has(point)) return main
    const slice = slices.find(one => one.spans.some(([a, b]) => a <= point && point <= b))
    if (slice === undefined) return undefined
    const pending = opened.get(slice.name) ?? open(slice.name)
    opened.set(slice.name, pending)
    const file = await pending
    return file.has(point) ? file : undefined
  }
  return {
    runsOf: async text => {
      const runs: { text: string; file: string; bytes: Uint8Array }[] = []
      for (const character of text) {
        const file = await fileFor(character.codePointAt(0) ?? 0)
        const [shown, of] = file === undefined ? [substitute, main] : [character, file]
        const last = runs.at(-1)
        if (last?.file === of.name) last.text += shown
        else runs.push({ text: shown, file: of.name, bytes: of.bytes })
      }
      return runs
    },
  }
}

const substitute = '〓'

type Opened = {
  readonly name: string
  readonly bytes: Uint8Array
  has(point: number): boolean
}

async function open(name: string): Promise<Opened> {
  const bytes = inflated(await fileOf(`files/kosugi-${name}-400-normal.woff`))
  const font = create(Buffer.from(bytes))
  return { name, bytes, has: point => font.hasGlyphForCodePoint(point) }
}

async function fileOf(path: string): Promise<Uint8Array> {
  const large = import.meta.resolve('@fontsource/kosugi/files/kosugi-japanese-400-normal.woff')
  const bytes = await readFileIfPresent(fileURLToPath(new URL(`../${path}`, large)))
  if (bytes === undefined) throw new Error('the typeface is not installed')
  return bytes
}

/** The ranges of a CSS `unicode-range`. */
function spansOf(list: string): readonly (readonly [number, number])[] {
  return list.split(',').map(one => {
    const [from = '', to = from] = one.trim().replace(/^U\+/i, '').split('-')
    return [Number.parseInt(from, 16), Number.parseInt(to, 16)] as const
  })
}

/**
 * A WOFF file (W3C WOFF 1.0 §4–5) as the plain file of tables that it packs: fontkit would inflate the outlines anew for every
 * character.
 */
function inflated(woff: Uint8Array): Uint8Array {
  const from = new DataView(woff.buffer, woff.byteOffset, woff.byteLength)
  if (from.getUint32(0) !== woffSignature) throw new Error('the typeface is no WOFF file')
  const count = from.getUint16(12)
  const tables = Array.from({ length: count }, (_, index) => {
    const at = woffHeaderBytes + index * woffEntryBytes
    const start = from.getUint32(at + 4)
    const [packed, length] = [from.getUint32(at + 8), from.getUint32(at + 12)]
    const bytes = woff.subarray(start, start + packed)
    return {
      tag: from.getUint32(at),
      checksum: from.getUint32(at + 16),
      bytes: packed < length ? new Uint8Array(inflateSync(bytes)) : bytes,
    }
  })
  const begin = 12 + 16 * count
  const total = tables.reduce((sum, { bytes }) => sum + padded(bytes.length), begin)
  const sfnt = new Uint8Array(total)
  const to = new DataView(sfnt.buffer)
  const power = Math.floor(Math.log2(count))
  to.setUint32(0, from.getUint32(4))
  to.setUint16(4, count)
  to.setUint16(6, 16 * 2 ** power)
  to.setUint16(8, power)
  to.setUint16(10, 16 * (count - 2 ** power))
  let offset = begin
  for (const [index, { tag, checksum, bytes }] of tables.entries()) {
    for (const [field, value] of [tag, checksum, offset, bytes.length].entries())
      to.setUint32(12 + 16 * index + 4 * field, value)
    sfnt.set(bytes, offset)
    offset += padded(bytes.length)
  }
  return sfnt
}

function padded(length: number): number {
  return Math.ceil(length / 4) * 4
}

/** `wOFF`. */
const woffSignature = 0x774f4646
const woffHeaderBytes = 44
const woffEntryBytes = 20
