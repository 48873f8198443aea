/** Reads values at places of a source through windows that grow as far as the value needs. */
import { MalformedError } from '../der.ts'
import { type ByteSource, bytesAt } from './byte-source.ts'
import { PdfLexer } from './lexer.ts'

/** Largest value read at once; the bytes of streams do not count. Cross-reference tables are read in their own way. */
const valueBytesMax = 32 * 1024 * 1024
const firstWindowBytes = 2048
const windowGrowth = 8

/**
 * Runs `read` over the bytes from `start` and never beyond `end`. When the window proves too short it runs again over a
 * longer one. Throws what `read` throws, `MalformedError` beyond the limit.
 */
export function readAt<T>(
  source: ByteSource,
  start: number,
  end: number,
  read: (lexer: PdfLexer) => T,
): T {
  if (start < 0 || start >= end || end > source.length) throw new MalformedError('truncated', start)
  for (let size = firstWindowBytes; ; size *= windowGrowth) {
    const length = Math.min(size, end - start)
    const isWhole = length === end - start
    const lexer = new PdfLexer(bytesAt(source, start, length), start, isWhole)
    try {
      const value = read(lexer)
      // What was read may go on after the window.
      if (isWhole || !lexer.isShort) return value
    } catch (error) {
      if (!(error instanceof MalformedError) || isWhole || !lexer.isShort) throw error
    }
    if (length >= valueBytesMax) throw new MalformedError('too-large', start, 'value')
  }
}
