/** What the platform prints: A4, in Japanese, with the typeface embedded, so that it is shown alike everywhere. */
import type { Instant } from '@sekisho/runtime/clock'
import Pdf from 'pdfkit'
import type { Typeface } from './typeface.ts'

/** Where a line of text begins, in points from the top left. */
export type Place = {
  readonly x: number
  readonly y: number
  readonly size: number
  /** Width in which the text is set to the right. */
  readonly rightOf?: number
}

/** Writes on a paper; `document` draws what is no text. */
export type Pen = {
  readonly document: PDFKit.PDFDocument
  /** Writes one line. */
  write(text: string, at: Place): Promise<void>
  /** Writes text within a width, on the next page where this one ends; where the next line goes. */
  flow(text: string, at: Place & { readonly width: number }): Promise<number>
}

/** A paper that is being written. */
export type Paper = {
  readonly pen: Pen
  /** Numbers the pages and closes it. The same content and time are the same bytes. */
  finish(): Promise<Uint8Array>
}

/** Points: A4 is 595 by 842. */
export const paperMargin = 42
/** Width between the margins. */
export const paperWidth = 595 - 2 * paperMargin
/** Nothing but the page number stands below. */
export const paperLowest = 730

/** Begins a paper. */
export function beginPaper(
  typeface: Typeface,
  given: { readonly title: string; readonly author: string; readonly at: Instant },
): Paper {
  const document = new Pdf({
    size: 'A4',
    margin: paperMargin,
    lang: 'ja',
    displayTitle: true,
    bufferPages: true,
    info: { Title: given.title, Author: given.author, CreationDate: new Date(given.at) },
  })
  const chunks: Uint8Array[] = []
  const ended = new Promise<void>((resolve, reject) => {
    document.on('data', (chunk: Uint8Array) => chunks.push(chunk))
    document.on('end', resolve)
    document.on('error', reject)
  })
  const pen = penOf(document, typeface)
  return {
    pen,
    finish: async () => {
      await numberPages(pen)
      document.end()
      await ended
      return new Uint8Array(Buffer.concat(chunks))
    },
  }
}

function penOf(document: PDFKit.PDFDocument, typeface: Typeface): Pen {
  const registered = new Set<string>()
  /** Each character comes from the file of the typeface that has it. */
  const runsOf = async (text: string, size: number) =>
    (await typeface.runsOf(text)).map(run => {
      if (!registered.has(run.file)) document.registerFont(run.file, Buffer.from(run.bytes))
      registered.add(run.file)
      return { ...run, width: document.font(run.file).fontSize(size).widthOfString(run.text) }
    })
  const widthOf = async (text: string, size: number): Promise<number> =>
    (await runsOf(text, size)).reduce((sum, one) => sum + one.width, 0)
  const write: Pen['write'] = async (text, { x, y, size, rightOf }) => {
    const runs = await runsOf(text, size)
    const width = runs.reduce((sum, one) => sum + one.width, 0)
    let left = rightOf === undefined ? x : x + rightOf - width
    for (const run of runs) {
      document.font(run.file).fontSize(size).text(run.text, left, y, { lineBreak: false })
      left += run.width
    }
  }
  return {
    document,
    write,
    flow: async (text, { x, y, size, width }) => {
      let line = ''
      let at = y
      const put = async (): Promise<void> => {
        if (at > paperLowest) {
          document.addPage()
          at = paperMargin + 8
        }
        await write(line, { x, y: at, size })
        at += Math.ceil(size * 1.6)
        line = ''
      }
      for (const character of text) {
        if ((await widthOf(line + character, size)) > width && !clings.has(character)) await put()
        line += character
      }
      if (line !== '') await put()
      return at
    },
  }
}

/** Characters that do not begin a line (JIS X 4051): they hang over the margin instead. */
const clings = new Set('、。」』）)ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ')

async function numberPages(pen: Pen): Promise<void> {
  const { count } = pen.document.bufferedPageRange()
  for (let page = 0; page < count; page++) {
    pen.document.switchToPage(page)
    const text = `${page + 1} / ${count}`
    // Within the margins, or a new page would begin.
    await pen.write(text, { x: paperMargin, y: 785, size: 8, rightOf: paperWidth })
  }
}
