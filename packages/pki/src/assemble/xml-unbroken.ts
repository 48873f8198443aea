/** Adding to a document must not break what was signed before. */
import { inspectXmlSignature } from '../xml/inspection.ts'
import { signaturesMax } from '../xml/source.ts'

/**
 * Compares each signature of a document before and after an addition, by what is wrong with its references. Throws `RangeError`
 * for one that the addition breaks. `moved` tells the position afterwards.
 */
export function checkUnbroken(
  before: Uint8Array,
  after: Uint8Array,
  moved: (position: number) => number,
): void {
  for (let position = 0; position < signaturesMax; position++) {
    const old = wrongIn(before, position)
    if (old === 'xml-unsigned') return
    if (wrongIn(after, moved(position)) !== old) {
      throw new RangeError(`this would break the signature at position ${position}`)
    }
  }
}

function wrongIn(xml: Uint8Array, position: number): string {
  const inspected = inspectXmlSignature(xml, position, new Map())
  return inspected.kind === 'passed' ? '' : inspected.reasons.map(each => each.code).join(' ')
}
