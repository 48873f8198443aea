import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MalformedError } from '../der.ts'
import { openPdf, type PdfDocument } from './document.ts'
import {
  bytesOf,
  documentBodies,
  PdfJudge,
  specimenPdf,
  startOf,
  streamBody,
  textOfBytes,
  updated,
  writePdf,
} from './pdf-specimen-for-tests.ts'
import { countOf, isKind, nameOf, reference } from './value.ts'

function refused(pdf: Uint8Array | string, code?: string): void {
  const bytes = typeof pdf === 'string' ? bytesOf(pdf) : pdf
  assert.throws(
    () => {
      const document = openPdf(bytes)
      readAll(document)
    },
    (error: unknown) => {
      assert.ok(error instanceof MalformedError, String(error))
      if (code !== undefined) assert.match(error.message, new RegExp(code))
      return true
    },
  )
}

/** Reads every object of the newest revision; returns how many there are. */
function readAll(document: PdfDocument): number {
  let count = 0
  const view = document.newest
  document.catalogue(view)
  for (let revision = 0; revision <= view; revision++) {
    for (const number of document.numbersOf(revision)) {
      const entry = document.entry(number, view)
      if (entry === undefined || entry.kind === 'free') continue
      const generation = entry.kind === 'offset' ? entry.generation : 0
      const value = document.object(reference(number, generation), view)
      if (isKind(value, 'stream')) document.streamRange(value, view)
      count++
    }
  }
  return count
}

function replaced(pdf: Uint8Array, from: string, to: string): Uint8Array {
  assert.equal(from.length, to.length, 'offsets must stay')
  const text = textOfBytes(pdf)
  assert.ok(text.includes(from), from)
  return bytesOf(text.replace(from, to))
}

test('a document with a table is read, and its values are those written', () => {
  const document = openPdf(
    specimenPdf(2, {
      20: '<</A(a\\(b\\)\\051\\n\\\nc)/B<48 656C6>/C#20D[1 -2.5 +3 .5 true null/x]>>',
    }),
  )
  assert.equal(document.revisions.length, 1)
  const odd = document.entries(reference(20), 0)
  const text = odd.get('A')
  assert.ok(isKind(text, 'string'))
  assert.equal(textOfBytes(text.bytes), 'a(b))\nc')
  const hex = odd.get('B')
  assert.ok(isKind(hex, 'string') && hex.isHex)
  assert.equal(textOfBytes(hex.bytes), 'Hel`')
  const list = odd.get('C D')
  assert.ok(isKind(list, 'array'))
  assert.deepEqual(list.items.slice(0, 6), [1, -2.5, 3, 0.5, true, null])
  assert.equal(nameOf(list.items[6]), 'x')
  assert.equal(countOf(document.entries(reference(2), 0).get('Count')), 2)
})

test('cross-reference streams, object streams, linearised files of qpdf are read object by object', () => {
  using judge = new PdfJudge()
  const plain = specimenPdf(5)
  for (const options of [
    ['--object-streams=generate'],
    ['--object-streams=generate', '--compress-streams=n'],
    ['--object-streams=disable'],
    ['--linearize'],
    ['--linearize', '--object-streams=generate'],
  ]) {
    const document = openPdf(judge.rewritten(plain, ...options))
    assert.equal(document.revisions.length, 1, options.join(' '))
    assert.ok(readAll(document) >= 15)
    const pages = document.entries(document.catalogue(0).entries.get('Pages'), 0)
    assert.equal(document.items(pages.get('Kids'), 0).length, 5)
    // An update over it is a revision of its own, whatever was before.
    const root = /\/Root (\d+) 0 R/.exec(textOfBytes(judge.rewritten(plain, ...options)))?.[0] ?? ''
    const more = updated(judge.rewritten(plain, ...options), { 90: '(new)' }, { trailer: root })
    assert.deepEqual(openPdf(more).revisions.map(each => each.end).length, 2, options.join(' '))
  }
})

test('each revision shows the document as it was then', () => {
  const first = specimenPdf()
  const second = updated(first, { 4: '<</Title(Other)>>', 30: '(new)' }, { free: [7] })
  const third = updated(second, { 4: '<</Title(Third)>>' })
  const document = openPdf(third)
  assert.deepEqual(
    document.revisions.map(each => [each.start, each.end]),
    [
      [0, first.length],
      [first.length, second.length],
      [second.length, third.length],
    ],
  )
  const title = (view: number): string => {
    const value = document.entries(reference(4), view).get('Title')
    return isKind(value, 'string') ? textOfBytes(value.bytes) : ''
  }
  assert.deepEqual([0, 1, 2].map(title), ['Contract', 'Other', 'Third'])
  assert.equal(document.object(reference(30), 0), null)
  assert.notEqual(document.object(reference(7), 0), null)
  assert.equal(document.object(reference(7), 1), null)
  assert.equal(document.object(reference(4, 1), 2), null, 'another generation is another object')
})

test('what does not stand where it should is refused, and nothing is repaired', () => {
  const pdf = specimenPdf()
  const text = textOfBytes(pdf)
  refused(`x${text}`, 'header')
  refused(text.replace('%PDF-1.7', '%PDF-3.7'), 'header')
  refused(`${text}trailing`, 'startxref')
  refused(`${text}\0`, 'startxref')
  refused(text.slice(0, -6), 'startxref')
  refused(replaced(pdf, '10 0 obj', '19 0 obj'), 'another object')
  refused(replaced(pdf, '10 0 obj', '10 1 obj'), 'another object')
  refused(replaced(pdf, 'endobj', 'endobk'))
  refused(replaced(pdf, '65535 f \n', '65535 f\n '), 'cross-reference entry')
  refused(replaced(pdf, '/Type/Catalog', '/Type(Catalog'))
  refused(text.replace(/startxref\n\d+/, 'startxref\n0'))
  refused(text.replace(/startxref\n\d+/, 'startxref\n9999999999'))
  refused(updated(pdf, {}, { previous: startOf(pdf) + 1 }))
  refused(updated(pdf, { 4: '<</Title(a)/Title(b)>>' }), 'key twice')
  refused(updated(pdf, { 4: streamBody('abc').replace('Length 3', 'Length 2') }), 'endstream')
  refused(updated(pdf, { 4: streamBody('abc').replace('Length 3', 'Length 9999') }), 'length')
  refused(updated(pdf, { 4: '3 0 R' }), 'reference to a reference')
  refused(`${text}\n%%EOF\n`, 'startxref')
})

test('cycles end: of sections, of lengths, of containers', () => {
  const pdf = specimenPdf()
  const more = updated(pdf, {}, { previous: 1_000_000 + startOf(pdf) })
  refused(more)
  const own = textOfBytes(updated(pdf, {}, { previous: 11_111 }))
  const start = startOf(bytesOf(own))
  refused(own.replace('/Prev 11111', `/Prev ${String(start).padStart(5, '0')}`), 'cycle')
  refused(updated(pdf, { 30: '<</Length 30 0 R>>\nstream\nabc\nendstream' }), 'length')
})

test('deep nesting, long tokens and bombs are refused soon', () => {
  const pdf = specimenPdf()
  refused(updated(pdf, { 30: '['.repeat(100_000) }), 'too-deep')
  refused(updated(pdf, { 30: '<</A'.repeat(100) }), 'too-deep')
  refused(updated(pdf, { 30: `/${'a'.repeat(5000)}` }), 'too-large')
  refused(updated(pdf, { 30: '9'.repeat(41) }))
  using judge = new PdfJudge()
  const packed = judge.rewritten(
    writePdf(
      documentBodies(1, { 1: `<</Type/Catalog/Pages 2 0 R/X(${'a'.repeat(20_000_000)})>>` }),
    ),
    '--object-streams=generate',
  )
  assert.ok(packed.length < 100_000)
  const begun = performance.now()
  refused(packed, 'too-large')
  assert.ok(performance.now() - begun < 2000)
})

test('no byte that comes later changes what an earlier revision says', () => {
  const pdf = specimenPdf()
  const text = textOfBytes(pdf)
  // The signed table names an object beyond its revision, which is appended afterwards.
  const beyond = text.replace(/(4 1\n)\d{10}/, `$1${String(text.length + 200).padStart(10, '0')}`)
  refused(updated(bytesOf(beyond), { 30: '(x)' }), 'beyond revision')
  // An object number at or above the size is there for some readers and not for others.
  refused(replaced(pdf, '/Size 12', '/Size  5'), 'beyond size')
  // An object stream that is replaced would change all objects in it.
  using judge = new PdfJudge()
  const packed = judge.rewritten(pdf, '--object-streams=generate')
  const container = Number(/(\d+) 0 obj\n<< \/Type \/ObjStm/.exec(textOfBytes(packed))?.[1])
  const root = /\/Root (\d+) 0 R/.exec(textOfBytes(packed))?.[0] ?? ''
  refused(updated(packed, { [container]: '(x)' }, { trailer: root }), 'object stream replaced')
})

test('hybrid files are read, and refused where old and new readers would differ', () => {
  const pdf = specimenPdf()
  const shown = hybrid(pdf, 30, 31)
  const document = openPdf(shown)
  assert.equal(document.revisions.length, 2)
  const hidden = document.object(reference(30), 1)
  assert.ok(isKind(hidden, 'string'))
  assert.equal(textOfBytes(hidden.bytes), 'hidden')
  refused(hybrid(pdf, 4, 4), 'hybrid object twice')
})

/** An update with a table that names `tabled`, and a stream beside it that names `streamed`. */
function hybrid(pdf: Uint8Array, streamed: number, tabled: number): Uint8Array {
  let text = textOfBytes(pdf)
  const objectAt = text.length
  text += `${streamed} 0 obj\n(hidden)\nendobj\n`
  const tabledAt = text.length
  text += `${tabled} 0 obj\n(shown)\nendobj\n`
  const streamAt = text.length
  const row = [1, (objectAt >> 8) & 0xff, objectAt & 0xff, 0]
    .map(each => String.fromCharCode(each))
    .join('')
  text += `40 0 obj\n${streamBody(row, `/Type/XRef/Size 41/W[1 2 1]/Index[${streamed} 1]/Root 1 0 R`)}\nendobj\n`
  const at = text.length
  text += `xref\n${tabled} 1\n${String(tabledAt).padStart(10, '0')} 00000 n \ntrailer\n<</Size 41/Root 1 0 R/Prev ${startOf(pdf)}/XRefStm ${streamAt}>>\nstartxref\n${at}\n%%EOF\n`
  return bytesOf(text)
}
