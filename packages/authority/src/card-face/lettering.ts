/**
 * Writes Japanese text into pictures for the card's face, in DotGothic16, a free typeface whose strokes lie on a grid of 16 dots. It
 * has all kanji of JIS levels 1 and 2; what it lacks becomes 〓, as in certificates.
 */
import { fileURLToPath } from 'node:url'
import { readFileIfPresent } from '@sekisho/runtime/files'
import { parse } from 'opentype.js/dist/opentype.mjs'
import { type Bitmap, blankBitmap } from './bitmap.ts'

/** Writes lines of text. */
export type Lettering = {
  /** The text, broken into lines of at most so many full widths, so many dots high a line. */
  write(text: string, columns: number): Bitmap
}

/** Dots of a full-width character: twice the grid, so that thin strokes stay. */
const characterDots = 32

/** Reads the typeface, some 100 ms; who hands out cards keeps it. */
export async function openLettering(): Promise<Lettering> {
  const path = fileURLToPath(
    import.meta.resolve('@fontsource/dotgothic16/files/dotgothic16-japanese-400-normal.woff'),
  )
  const bytes = await readFileIfPresent(path)
  if (bytes === undefined) throw new Error('the typeface is not installed')
  const font = parse(Uint8Array.from(bytes).buffer)
  const drawn = new Map<string, Drawn>()
  const glyphOf = (character: string): Drawn => {
    const kept = drawn.get(character)
    if (kept !== undefined) return kept
    const glyph = font.charToGlyph(character)
    const one = draw(glyph.index === 0 ? font.charToGlyph(substitute) : glyph)
    drawn.set(character, one)
    return one
  }
  return {
    write: (text, columns) => compose(linesOf(text, columns, glyphOf), columns),
  }
}

const substitute = '〓'

/** A character's dots, row by row, and how many it is wide. */
type Drawn = { readonly width: number; readonly dots: Uint8Array }
type Glyph = ReturnType<ReturnType<typeof parse>['charToGlyph']>
type Edge = readonly [x1: number, y1: number, x2: number, y2: number]

/** Units of the typeface's square, and where its baseline lies. */
const emUnits = 1000
const baseline = 880

function draw(glyph: Glyph): Drawn {
  const width = Math.round((glyph.advanceWidth / emUnits) * characterDots)
  const dots = new Uint8Array(width * characterDots)
  const edges = edgesOf(glyph)
  const unit = emUnits / characterDots
  for (let row = 0; row < characterDots; row++)
    for (let column = 0; column < width; column++)
      if (isInside(edges, (column + 0.5) * unit, (row + 0.5) * unit)) dots[row * width + column] = 1
  return { width, dots }
}

/** The typeface's outlines are made of straight lines alone. */
function edgesOf(glyph: Glyph): readonly Edge[] {
  const edges: Edge[] = []
  let start = { x: 0, y: 0 }
  let here = start
  for (const one of glyph.getPath(0, baseline, emUnits).commands) {
    if (one.type === 'M') start = here = one
    else if (one.type === 'L') {
      edges.push([here.x, here.y, one.x, one.y])
      here = one
    } else if (one.type === 'Z') {
      edges.push([here.x, here.y, start.x, start.y])
      here = start
    } else throw new Error('a typeface of straight strokes has a curve')
  }
  return edges
}

/** Whether outlines wind around a point. */
function isInside(edges: readonly Edge[], x: number, y: number): boolean {
  let winding = 0
  for (const [x1, y1, x2, y2] of edges) {
    if (y1 <= y === y2 <= y) continue
    if (x1 + ((y - y1) / (y2 - y1)) * (x2 - x1) > x) winding += y2 > y1 ? 1 : -1
  }
  return winding !== 0
}

function linesOf(
  text: string,
  columns: number,
  glyphOf: (character: string) => Drawn,
): readonly (readonly Drawn[])[] {
  const lines: Drawn[][] = [[]]
  let used = 0
  for (const character of text) {
    const glyph = glyphOf(character)
    if (used + glyph.width > columns * characterDots) {
      lines.push([])
      used = 0
    }
    lines.at(-1)?.push(glyph)
    used += glyph.width
  }
  return lines
}

function compose(lines: readonly (readonly Drawn[])[], columns: number): Bitmap {
  const bitmap = blankBitmap(columns * characterDots, lines.length * characterDots)
  for (const [line, glyphs] of lines.entries()) {
    let left = 0
    for (const { width, dots } of glyphs) {
      for (let row = 0; row < characterDots; row++) {
        const at = (line * characterDots + row) * bitmap.width + left
        bitmap.pixels.set(dots.subarray(row * width, (row + 1) * width), at)
      }
      left += width
    }
  }
  return bitmap
}
