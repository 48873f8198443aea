/** PDFs for tests, written object by object, and updates that a friend or an attacker may append. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Objects by number: their bodies, between `obj` and `endobj`. */
export type Bodies = Readonly<Record<number, string>>

/** Bytes of a string whose characters are bytes. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}

/** The string whose characters are these bytes. */
export function textOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

/** A stream object. */
export function streamBody(content: string, entries = ''): string {
  return `<</Length ${content.length}${entries}>>\nstream\n${content}\nendstream`
}

/** A text form that a page may use. */
function pageContent(page: number): string {
  return `BT /F1 24 Tf 72 700 Td (Page ${page}: pay 100 yen) Tj ET`
}

/**
 * Bodies of a document of some pages: 1 catalogue, 2 page tree, 3 font, 4 document information, 5 form with a text field
 * 6 and a check box 7 on the first page, then page and content, two by two, from 10.
 */
export function documentBodies(pages = 1, vary: Bodies = {}): Bodies {
  const bodies: Record<number, string> = {
    1: '<</Type/Catalog/Pages 2 0 R/AcroForm 5 0 R>>',
    2: `<</Type/Pages/Count ${pages}/Kids[${Array.from({ length: pages }, (_, i) => `${10 + 2 * i} 0 R`).join(' ')}]/Resources<</Font<</F1 3 0 R>>>>/MediaBox[0 0 595 842]>>`,
    3: '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>',
    4: '<</Title(Contract)>>',
    5: '<</Fields[6 0 R 7 0 R]/DA(/Helv 0 Tf 0 g)>>',
    6: '<</Type/Annot/Subtype/Widget/FT/Tx/T(place)/Rect[72 600 272 620]/P 10 0 R/F 4>>',
    7: '<</Type/Annot/Subtype/Widget/FT/Btn/T(agreed)/Rect[72 560 92 580]/P 10 0 R/F 4/AS/Off/V/Off>>',
  }
  for (let i = 0; i < pages; i++) {
    const annotations = i === 0 ? '/Annots[6 0 R 7 0 R]' : ''
    bodies[10 + 2 * i] = `<</Type/Page/Parent 2 0 R/Contents ${11 + 2 * i} 0 R${annotations}>>`
    bodies[11 + 2 * i] = streamBody(pageContent(i + 1))
  }
  return { ...bodies, ...vary }
}

/** A whole file with a cross-reference table. */
export function writePdf(bodies: Bodies, trailer = '/Root 1 0 R/Info 4 0 R'): Uint8Array {
  const { text, table } = section('%PDF-1.7\n%\xe2\xe3\xcf\xd3\n', bodies, [0])
  const size = Math.max(...Object.keys(bodies).map(Number)) + 1
  return bytesOf(
    `${text}xref\n${table}trailer\n<</Size ${size}${trailer}>>\nstartxref\n${text.length}\n%%EOF\n`,
  )
}

/** A document of some pages. */
export function specimenPdf(pages = 1, vary: Bodies = {}): Uint8Array {
  return writePdf(documentBodies(pages, vary))
}

/** What an update may do besides setting objects. */
export interface UpdateExtras {
  readonly free?: readonly number[]
  /** Lines of the table as they are, for instance an entry that points elsewhere. */
  readonly entries?: Readonly<Record<number, number>>
  readonly trailer?: string
  readonly previous?: number
  /** Bytes before the first object. */
  readonly lead?: string
}

/** The file with an incremental update behind it. */
export function updated(pdf: Uint8Array, bodies: Bodies, extras: UpdateExtras = {}): Uint8Array {
  const before = textOfBytes(pdf) + (extras.lead ?? '')
  const { text, table } = section(before, bodies, extras.free ?? [], extras.entries)
  const sizes = [...before.matchAll(/\/Size (\d+)/g)].map(match => Number(match[1]))
  const numbers = [bodies, extras.entries ?? {}].flatMap(each => Object.keys(each).map(Number))
  const size = Math.max(...sizes, ...numbers.map(each => each + 1))
  const previous = extras.previous ?? startOf(pdf)
  const trailer = extras.trailer ?? '/Root 1 0 R/Info 4 0 R'
  return bytesOf(
    `${text}xref\n${table}trailer\n<</Size ${size}/Prev ${previous}${trailer}>>\nstartxref\n${text.length}\n%%EOF\n`,
  )
}

/** What the last `startxref` names. */
export function startOf(pdf: Uint8Array): number {
  const found = [...textOfBytes(pdf).matchAll(/startxref\s+(\d+)/g)].at(-1)
  return Number(found?.[1])
}

function section(
  before: string,
  bodies: Bodies,
  free: readonly number[],
  entries: Readonly<Record<number, number>> = {},
): { readonly text: string; readonly table: string } {
  let text = before
  const lines = new Map<number, string>()
  for (const number of free) lines.set(number, `${'0'.repeat(10)} 65535 f \n`)
  for (const [number, body] of Object.entries(bodies)) {
    lines.set(Number(number), `${String(text.length).padStart(10, '0')} 00000 n \n`)
    text += `${number} 0 obj\n${body}\nendobj\n`
  }
  for (const [number, offset] of Object.entries(entries)) {
    lines.set(Number(number), `${String(offset).padStart(10, '0')} 00000 n \n`)
  }
  const table = [...lines]
    .sort(([a], [b]) => a - b)
    .map(([number, line]) => `${number} 1\n${line}`)
    .join('')
  return { text, table }
}

/** Independent programs over a PDF: qpdf and pdfsig. */
export class PdfJudge implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'sekisho-pdf-'))

  file(name: string, content: Uint8Array | string): string {
    const path = join(this.folder, name)
    writeFileSync(path, content)
    return path
  }

  /** Runs a program; its status and all that it said. */
  run(
    program: string,
    ...args: readonly string[]
  ): { readonly status: number; readonly text: string } {
    const done = spawnSync(program, args, { timeout: 60_000, cwd: this.folder })
    if (done.error !== undefined) throw done.error
    return { status: done.status ?? -1, text: Buffer.concat([done.stdout, done.stderr]).toString() }
  }

  /** The pages as poppler draws them, small and grey. */
  drawn(pdf: Uint8Array): Uint8Array {
    const done = spawnSync('pdftoppm', ['-r', '24', '-gray', this.file('drawn.pdf', pdf)], {
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    })
    if (done.error !== undefined || done.status !== 0) throw new Error(String(done.stderr))
    return new Uint8Array(done.stdout)
  }

  /** The file as qpdf writes it anew with these options. */
  rewritten(pdf: Uint8Array, ...options: readonly string[]): Uint8Array {
    const from = this.file('from.pdf', pdf)
    const to = join(this.folder, 'to.pdf')
    const done = this.run('qpdf', '--deterministic-id', ...options, from, to)
    if (done.status !== 0) throw new Error(done.text)
    return new Uint8Array(readFileSync(to))
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** The newest body of an object in a file with tables. */
export function bodyIn(pdf: Uint8Array, number: number): string {
  const found = [...textOfBytes(pdf).matchAll(new RegExp(`\\n${number} 0 obj\\n`, 'g'))].at(-1)
  if (found === undefined) throw new Error(`no object ${number}`)
  const text = textOfBytes(pdf).slice(found.index + found[0].length)
  return text.slice(0, text.indexOf('\nendobj'))
}
