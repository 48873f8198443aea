/**
 * Attacks the PDF reader and judgement with altered files, for tests. Whatever the bytes: the judgement throws nothing and
 * ends soon; a signature passes only over the very bytes that were signed; and where it passes, poppler shows the same pages
 * as for the revision that was signed.
 */
import assert from 'node:assert/strict'
import { cmsAuthority } from '../cms-specimen-for-tests.ts'
import { digest } from '../crypto.ts'
import { bytesEqual, toHex } from '../der.ts'
import { specimenCrl, specimenNow } from '../specimen-for-tests.ts'
import {
  documentStamped,
  pdfDemands,
  signed,
  stamped,
  withEvidence,
} from './pades-specimen-for-tests.ts'
import {
  type Bodies,
  bodyIn,
  bytesOf,
  documentBodies,
  PdfJudge,
  specimenPdf,
  streamBody,
  textOfBytes,
  updated,
  writePdf,
} from './pdf-specimen-for-tests.ts'
import { signedRevision, validatePdf } from './validation.ts'

/** Longest time that one judgement may take, in milliseconds: forty times what these files need. */
const judgementMsMax = 2000

/** Whole numbers as a seed says (mulberry32). */
class Dice {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }
  /** From 0 up to, not including, `limit`. */
  next(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let x = this.#state
    x = Math.imul(x ^ (x >>> 15), x | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) % limit
  }
  pick<T>(from: readonly T[]): T {
    const found = from[this.next(from.length)]
    if (found === undefined) throw new Error('nothing to pick')
    return found
  }
}

const sha256 = (bytes: Uint8Array): Uint8Array => digest('sha256', bytes)

function originals(): readonly Uint8Array[] {
  using judge = new PdfJudge()
  const lasting = (pdf: Uint8Array): Uint8Array => {
    const one = stamped(signed(pdf), 'signature-1', specimenNow - 60_000, sha256)
    const stored = withEvidence(one, [specimenCrl('signature', cmsAuthority)])
    return signed(documentStamped(stored, 'archive', specimenNow - 1000), { keyIndex: 2 })
  }
  const plain = specimenPdf(2)
  return [
    lasting(plain),
    lasting(judge.rewritten(plain, '--object-streams=generate')),
    signed(judge.rewritten(plain, '--linearize'), { docMdp: 2 }),
    updated(signed(plain), { 6: bodyIn(plain, 6).replace('/FT', '/V(Tokyo)/FT') }),
  ]
}

/** Alters bytes and tokens of signed files. Throws, with seed and round, on the first broken promise. */
export function attackPdf(seed: number, rounds: number): void {
  const dice = new Dice(seed)
  const files = originals().map(pdf => ({ pdf, signed: signedHashes(pdf) }))
  for (let round = 0; round < rounds; round++) {
    const { pdf, signed: known } = dice.pick(files)
    const bytes = altered(pdf, dice)
    try {
      const begun = performance.now()
      const found = signedHashes(bytes)
      assert.ok(performance.now() - begun < judgementMsMax, 'too slow')
      for (const hash of found) assert.ok(known.has(hash), 'other bytes passed')
    } catch (error) {
      const where = `seed ${seed}, round ${round}, ${Buffer.from(bytes).toString('base64')}`
      throw new Error(where, { cause: error })
    }
  }
}

/** Of each signature that passes, a hash of the bytes that it covers. */
function signedHashes(pdf: Uint8Array): ReadonlySet<string> {
  const report = validatePdf(pdfDemands(pdf, { level: 'pdf-cms' }))
  const hashes = report.signatures.flatMap(each => {
    if (each.verdict.kind !== 'passed' || each.signedBytes === undefined) return []
    const source = signedRevision(pdf, { signedBytes: each.signedBytes })
    const text = textOfBytes(source.read(0, source.length))
    // What the signature leaves out may be written in several ways.
    const at = text.lastIndexOf('/Contents<')
    const rest = text.slice(0, at) + text.slice(text.indexOf('>', at))
    return [toHex(sha256(bytesOf(rest)))]
  })
  return new Set(hashes)
}

function altered(pdf: Uint8Array, dice: Dice): Uint8Array {
  let text = textOfBytes(pdf)
  for (let count = 1 + dice.next(3); count > 0; count--) text = alteredOnce(text, dice)
  return bytesOf(text)
}

function alteredOnce(text: string, dice: Dice): string {
  const at = dice.next(text.length)
  const byte = String.fromCharCode(dice.next(256))
  const other = dice.next(text.length)
  switch (dice.next(8)) {
    case 0:
      return text.slice(0, at) + byte + text.slice(at + 1)
    case 1:
      return text.slice(0, at) + dice.pick(tellingTokens) + text.slice(at)
    case 2: {
      // The same length, so that offsets still hold.
      const token = dice.pick(tellingTokens)
      return text.slice(0, at) + token + text.slice(at + token.length)
    }
    case 3:
      return text.slice(0, at)
    case 4:
      return text.slice(0, at) + text.slice(at + 1 + dice.next(40))
    case 5:
      return text.slice(0, at) + text.slice(other, other + dice.next(400)) + text.slice(at)
    case 6:
      return numberChanged(text, at, dice)
    default:
      return `${text}${text.slice(other)}`
  }
}

// A number near a place, by another one of as many digits.
function numberChanged(text: string, at: number, dice: Dice): string {
  const found = /\d+/.exec(text.slice(at, at + 400))
  if (found === null) return text
  const start = at + found.index
  const digits = found[0].length
  const value = String(dice.next(10 ** Math.min(digits, 9))).padStart(digits, '0')
  return text.slice(0, start) + value + text.slice(start + digits)
}

const tellingTokens = [
  '<<',
  '>>',
  '[',
  ']',
  '(',
  ')',
  '<',
  '>',
  '/',
  '%',
  'R',
  'null',
  'obj',
  'endobj',
  'stream',
  'endstream',
  'xref',
  'trailer',
  'startxref',
  '%%EOF',
  '0 0 R',
  '1 0 R',
  '-1',
  '9999999999',
  '/Kids',
  '/Parent',
  '/Length',
  '/Prev',
  '/Size',
  '/Type',
  '/Contents',
  '/ByteRange',
  '/V',
]

/** A signed document in which many things can be changed: pages, fonts, images, a form, an annotation, hidden content. */
function shownDocument(): Uint8Array {
  const resources = '/Resources<</Font<</F1 3 0 R>>/XObject<</I 20 0 R>>>>'
  const pages = documentBodies(2, {
    10: `<</Type/Page/Parent 2 0 R/Contents[11 0 R 21 0 R]/Annots[6 0 R 7 0 R 22 0 R]${resources}>>`,
    20: streamBody('0 0 1 rg 0 0 99 99 re f', '/Type/XObject/Subtype/Form/BBox[0 0 99 99]'),
    21: streamBody('q 1 0 0 1 300 300 cm /I Do Q'),
    22: '<</Type/Annot/Subtype/Square/Rect[400 400 500 500]/C[1 0 0]/AP<</N 20 0 R>>/F 4/P 10 0 R>>',
    23: streamBody('BT /F1 60 Tf 50 500 Td (Pay 1000000 yen) Tj ET'),
    24: '<</Type/Page/Parent 2 0 R/Contents 23 0 R>>',
    25: '<</Type/Font/Subtype/Type1/BaseFont/Courier-Bold>>',
    26: '<</Type/Pages/Count 1/Kids[24 0 R]/MediaBox[0 0 595 842]>>',
    27: '<</Type/Catalog/Pages 26 0 R>>',
  })
  return signed(writePdf(pages))
}

/** Kinds of changes after which something else is rightly shown. */
const showsMore: ReadonlySet<string> = new Set([
  'form-filled',
  'signature-field-shown',
  'signature-added',
  'signature-field-added',
])

/**
 * Appends random updates to a signed document: objects that take the place of others, entries that point elsewhere, freed
 * objects, other roots. Where the signature still passes, poppler must show what it showed before. Returns how many passed.
 */
export function attackByUpdates(seed: number, rounds: number): number {
  const dice = new Dice(seed)
  const pdf = shownDocument()
  using judge = new PdfJudge()
  const original = sha256(judge.drawn(pdf))
  let passes = 0
  for (let round = 0; round < rounds; round++) {
    const bytes = randomlyUpdated(pdf, dice)
    const report = validatePdf(pdfDemands(bytes))
    const [signature] = report.signatures
    if (signature?.verdict.kind !== 'passed') continue
    passes++
    if (signature.changes.some(each => showsMore.has(each.code))) continue
    const codes = signature.changes.map(each => each.code).join(' ')
    const where = `seed ${seed}, round ${round}, ${codes}, ${Buffer.from(bytes).toString('base64')}`
    const drawn = sha256(judge.drawn(bytes))
    // Drawn anew before it is blamed: fonts may have been installed meanwhile.
    if (!bytesEqual(drawn, original)) assert.deepEqual(drawn, sha256(judge.drawn(pdf)), where)
  }
  return passes
}

function randomlyUpdated(pdf: Uint8Array, dice: Dice): Uint8Array {
  const text = textOfBytes(pdf)
  const numbers = [
    ...new Set([...text.matchAll(/\n(\d+) 0 obj\n/g)].map(match => Number(match[1]))),
  ]
  const bodies: Record<number, string> = {}
  for (let count = dice.next(3); count > 0; count--) {
    bodies[dice.pick(numbers)] = randomBody(pdf, numbers, dice)
  }
  const free = dice.next(6) === 0 ? [dice.pick(numbers)] : []
  const entries: Record<number, number> = {}
  if (dice.next(4) === 0) {
    const target = dice.pick(numbers)
    entries[target] =
      text.indexOf(`\n${dice.next(3) === 0 ? target : dice.pick(numbers)} 0 obj\n`) + 1
  }
  const root = dice.next(8) === 0 ? dice.pick(numbers) : 1
  const info = dice.pick(numbers)
  return updated(pdf, bodies satisfies Bodies, {
    free,
    entries,
    trailer: `/Root ${root} 0 R/Info ${info} 0 R`,
  })
}

function randomBody(pdf: Uint8Array, numbers: readonly number[], dice: Dice): string {
  const body = bodyIn(pdf, dice.pick(numbers))
  switch (dice.next(4)) {
    case 0:
      return body
    case 1:
      // One reference of it leads elsewhere.
      return body.replace(/\b\d+ 0 R/, `${dice.pick(numbers)} 0 R`)
    case 2:
      return body.startsWith('<<') ? body.replace('<<', `<<${dice.pick(harmfulEntries)}`) : body
    default:
      return body.replace(/\/\w+/, '/Other')
  }
}

const harmfulEntries = [
  '/Contents 23 0 R',
  '/Rotate 90',
  '/Pages 26 0 R',
  '/Kids[24 0 R]',
  '/Font<</F1 25 0 R>>',
  '/AP<</N 23 0 R>>',
  '/V(x)',
  '/Annots[]',
  '/Hidden true',
  '/F 2',
  '/OC 27 0 R',
  '/Count 1',
]
