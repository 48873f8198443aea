/** Attacks on signed PDFs that are known from research, each built byte by byte. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { signedRevision, validatePdf } from './validation.ts'
import { judged, pdfDemands, signed } from './pades-specimen-for-tests.ts'
import {
  bodyIn,
  bytesOf,
  documentBodies,
  specimenPdf,
  startOf,
  streamBody,
  textOfBytes,
  updated,
  writePdf,
} from './pdf-specimen-for-tests.ts'

const original = specimenPdf()
const honest = signed(original)
const evil = streamBody('BT /F1 24 Tf 72 700 Td (Pay 1000000 yen) Tj ET')
const signatureNumber = 12

/** The codes with which a file's first signature, or the file, is refused. */
function codes(pdf: Uint8Array | string): string {
  const bytes = typeof pdf === 'string' ? bytesOf(pdf) : pdf
  const report = validatePdf(pdfDemands(bytes))
  const first = report.signatures.find(each => each.kind === 'signature')
  const verdict = first?.verdict ?? report.verdict
  if (verdict.kind === 'passed') return 'passed'
  const rules = verdict.reasons.map(each => {
    const { rule, entry } = each.evidence
    return [each.code, rule, entry].filter(part => typeof part === 'string').join(':')
  })
  return rules.join(' ')
}

/** The honest file with a part of its text replaced by one of the same length. */
function swapped(from: string | RegExp, to: (found: string) => string, pdf = honest): Uint8Array {
  const text = textOfBytes(pdf)
  const found = typeof from === 'string' ? from : (from.exec(text)?.[0] ?? '')
  assert.ok(found !== '' && text.includes(found), String(from))
  const other = to(found)
  assert.equal(other.length, found.length)
  return bytesOf(text.replace(found, () => other))
}

test('the honest file passes, and every altered byte of it is found', () => {
  assert.equal(codes(honest), 'passed')
  const text = textOfBytes(honest)
  const gap = { start: text.indexOf('/Contents<') + 10, end: text.indexOf('>/ByteRange') }
  for (let at = 10; at < honest.length - 6; at += 37) {
    const isInContainer = at >= gap.start && at < gap.end
    const other = Uint8Array.from(honest)
    other[at] = (other[at] ?? 0) ^ 0x01
    // Inside the container only its padding and what nothing depends on could stay unnoticed; padding is zeros.
    if (!isInContainer) assert.notEqual(codes(other), 'passed', `byte ${at}`)
  }
  assert.equal(codes(swapped('pay 100 yen', () => 'pay 999 yen')), 'content-altered')
})

test('universal forgery: entries of the signature that are missing, null or odd', () => {
  const range = /\/ByteRange\[[^\]]*\]/
  const odd = (to: string): string => codes(swapped(range, found => to.padEnd(found.length)))
  assert.equal(odd(''), 'pdf-signature-incomplete:ByteRange')
  assert.equal(odd('/ByteRange null'), 'pdf-signature-incomplete:ByteRange')
  assert.equal(odd('/ByteRange[]'), 'pdf-byte-range-invalid:count')
  assert.equal(odd('/ByteRange[0 -1 -1 0]'), 'pdf-signature-incomplete:ByteRange')
  assert.equal(odd('/ByteRange[0 9 1 1.5]'), 'pdf-signature-incomplete:ByteRange')
  assert.equal(odd('/ByteRange[0 0 0 0]'), 'pdf-byte-range-invalid:gap')
  assert.equal(odd('/ByteRange[1 9 9 9]'), 'pdf-byte-range-invalid:start')
  assert.equal(odd('/ByteRange 4 0 R'), 'pdf-signature-incomplete:ByteRange')
  const contents = /\/Contents<[0-9a-f]+>/
  const blank = (to: string): string => codes(swapped(contents, found => to.padEnd(found.length)))
  assert.equal(blank('/Contents null'), 'pdf-signature-incomplete:Contents')
  assert.equal(blank(''), 'pdf-signature-incomplete:Contents')
  assert.equal(blank('/Contents<>'), 'pdf-signature-incomplete:Contents')
  assert.equal(blank('/Contents()'), 'pdf-signature-incomplete:Contents')
  assert.equal(blank('/Contents<00>'), 'pdf-byte-range-invalid:gap')
  assert.match(
    codes(swapped(/<30[0-9a-f]+>/, found => `<${'0'.repeat(found.length - 2)}>`)),
    /cms-malformed/,
  )
  assert.match(
    codes(swapped('/ETSI.CAdES.detached', () => '/ETSI.CAdES.attached')),
    /algorithm-unsupported/,
  )
  assert.match(
    codes(swapped('/ETSI.CAdES.detached', found => '/adbe.pkcs7.sha1'.padEnd(found.length))),
    /algorithm-weak/,
  )
  assert.match(
    codes(swapped('/SubFilter /ETSI', () => '/Sub_ilter /ETSI')),
    /SubFilter|content-altered/,
  )
  // The value of the field is nothing at all, or no dictionary.
  const valueOf = (to: string): Uint8Array =>
    updated(original, {
      5: '<</Fields[6 0 R 7 0 R 20 0 R]/SigFlags 3>>',
      20: `<</FT/Sig/T(x)/V ${to}>>`,
      21: '(text)',
    })
  assert.equal(codes(valueOf('null')), 'pdf-unsigned')
  assert.equal(codes(valueOf('99 0 R')), 'pdf-unsigned')
  assert.match(codes(valueOf('21 0 R')), /pdf-signature-incomplete/)
  assert.match(codes(valueOf('<</Type/Sig>>')), /pdf-signature-incomplete:V/)
})

test('signature wrapping: the range is moved to where the signed bytes were copied', () => {
  const text = textOfBytes(honest)
  const [, gapStart = 0, gapEnd = 0, rest = 0] =
    /ByteRange\[(\d+) (\d+) (\d+) (\d+)\]/.exec(text)?.slice(1).map(Number) ?? []
  const tail = text.slice(gapEnd, gapEnd + rest)
  // The tail moves behind injected bytes; a new dictionary keeps the container and names the new place.
  const container = text.slice(gapStart, gapEnd)
  const injected = `11 0 obj\n${evil}\nendobj\n`
  const moved = gapEnd + injected.length
  const head = text.slice(0, gapStart)
  const wrapped = `${head}${container}${injected}${tail}`.replace(/ByteRange\[[^\]]*\]/, found =>
    `ByteRange[0 ${gapStart} ${moved} ${rest}]`.padEnd(found.length),
  )
  assert.match(codes(wrapped), /pdf-malformed|pdf-byte-range-invalid/)
  // The same with a proper update, in which the old container is signed over a range that skips the new objects.
  const appended = updated(honest, {
    11: evil,
    [signatureNumber]: bodyIn(honest, signatureNumber).replace(
      /ByteRange\[[^\]]*\]/,
      `ByteRange[0 ${gapStart} ${gapEnd} ${rest + 1}]`,
    ),
  })
  assert.match(codes(appended), /pdf-changed-after-signing/)
  const { signature } = judged(appended)
  assert.ok(signature.changes.some(each => each.code === 'signature-altered'))
  // What lies in the gap besides the string.
  const widened = text.replace(/ByteRange\[[^\]]*\]/, found =>
    `ByteRange[0 ${gapStart - 10} ${gapEnd} ${rest}]`.padEnd(found.length),
  )
  assert.match(codes(widened), /pdf-byte-range-invalid:gap/)
  const spaced = text.replace(/0{10}>\/ByteRange/, '0000 \n0000>/ByteRange')
  assert.match(codes(spaced), /pdf-byte-range-invalid:gap/)
  const padded = text.replace(/0{10}>\/ByteRange/, '0000000001>/ByteRange')
  assert.match(codes(padded), /pdf-byte-range-invalid:padding/)
  const short = text.replace(/ByteRange\[[^\]]*\]/, found =>
    `ByteRange[0 ${gapStart} ${gapEnd} ${rest - 9}]`.padEnd(found.length),
  )
  assert.match(codes(short), /pdf-byte-range-invalid:end/)
})

test('incremental saving: what is appended is told, with and without a table of its own', () => {
  assert.equal(codes(updated(honest, { 11: evil })), 'pdf-changed-after-signing')
  // Variants without a section, a trailer or an end mark are files that readers repair, and we do not.
  const text = textOfBytes(honest)
  assert.equal(codes(`${text}11 0 obj\n${evil}\nendobj\n`), 'pdf-malformed')
  assert.equal(codes(`${text}11 0 obj\n${evil}\nendobj\n%%EOF\n`), 'pdf-malformed')
  assert.equal(
    codes(`${text}11 0 obj\n${evil}\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n`),
    'pdf-malformed',
  )
  assert.equal(
    codes(`${text}11 0 obj\n${evil}\nendobj\nstartxref\n${startOf(honest)}\n%%EOF\n`),
    'pdf-malformed',
  )
  // The update skips the signed revision, as if it had never been.
  const skipped = updated(
    honest,
    { 11: evil, 5: bodyIn(honest, 5), 10: bodyIn(honest, 10) },
    {
      previous: startOf(original),
      entries: {
        [signatureNumber]: textOfBytes(honest).indexOf(`\n${signatureNumber} 0 obj`) + 1,
        [signatureNumber + 1]: textOfBytes(honest).indexOf(`\n${signatureNumber + 1} 0 obj`) + 1,
      },
    },
  )
  assert.match(codes(skipped), /pdf-byte-range-invalid:end/)
  // The signature is taken out of the form, or the form out of the document.
  assert.match(codes(updated(honest, { 5: bodyIn(original, 5) })), /pdf-changed-after-signing/)
  assert.match(
    codes(updated(honest, { 1: bodyIn(original, 1).replace('/AcroForm 5 0 R', '') })),
    /pdf-changed-after-signing/,
  )
})

test('shadow documents: hide, replace, hide and replace', () => {
  // Hide: an image lies over the true content when it is signed, and is taken away afterwards.
  const covered = signed(
    writePdf(
      documentBodies(1, {
        10: '<</Type/Page/Parent 2 0 R/Contents[11 0 R 21 0 R]/Annots[6 0 R 7 0 R]/Resources<</XObject<</Over 20 0 R>>/Font<</F1 3 0 R>>>>>>',
        20: streamBody('white', '/Type/XObject/Subtype/Image/Width 1/Height 1'),
        21: streamBody('q 600 0 0 800 0 0 cm /Over Do Q'),
      }),
    ),
  )
  assert.equal(codes(covered), 'passed')
  assert.equal(codes(updated(covered, {}, { free: [20] })), 'pdf-changed-after-signing')
  assert.equal(codes(updated(covered, { 20: '(nothing)' })), 'pdf-changed-after-signing')
  // Replace: a font whose letters are others; a field that shows something over the content.
  assert.equal(
    codes(updated(honest, { 3: '<</Type/Font/Subtype/Type3/FontBBox[0 0 1 1]>>' })),
    'pdf-changed-after-signing',
  )
  const shown = updated(honest, {
    6: `${bodyIn(honest, 6).slice(0, -2)}/AP<</N 30 0 R>>>>`,
    30: streamBody('0 0 500 500 re f', '/Type/XObject/Subtype/Form/BBox[0 0 500 500]'),
  })
  assert.equal(codes(shown), 'pdf-changed-after-signing')
  // Hide and replace: a second document waits in the signed bytes, and a new trailer points at it.
  const double = signed(
    writePdf({
      ...documentBodies(1),
      30: '<</Type/Catalog/Pages 31 0 R/AcroForm 5 0 R>>',
      31: '<</Type/Pages/Count 1/Kids[32 0 R]/MediaBox[0 0 595 842]>>',
      32: '<</Type/Page/Parent 31 0 R/Contents 33 0 R>>',
      33: evil,
    }),
  )
  assert.equal(codes(double), 'passed')
  const flipped = updated(double, {}, { trailer: '/Root 30 0 R/Info 4 0 R' })
  assert.equal(codes(flipped), 'pdf-changed-after-signing')
  const told = judged(flipped).signature.changes.map(each => each.code)
  for (const code of ['catalogue-changed', 'pages-changed', 'object-revealed']) {
    assert.ok(
      told.some(each => each === code),
      `${code}: ${told.join(' ')}`,
    )
  }
})

test('sneaky signatures and evil annotations: something new is shown over a certified document', () => {
  for (const [docMdp, field, annotation] of [
    [1, 'pdf-change-forbidden', 'pdf-change-forbidden'],
    [2, 'pdf-change-forbidden', 'pdf-change-forbidden'],
    [3, 'passed', 'passed'],
  ] as const) {
    const certified = signed(original, { docMdp })
    const add = (body: string, form: string): Uint8Array =>
      updated(certified, {
        5: bodyIn(certified, 5).replace('7 0 R', `7 0 R${form}`),
        10: bodyIn(certified, 10).replace('7 0 R', '7 0 R 50 0 R'),
        50: body,
      })
    const wide = '/Rect[0 0 595 842]/P 10 0 R'
    assert.equal(codes(add(`<</Subtype/Widget/FT/Sig/T(s)${wide}>>`, ' 50 0 R')), field)
    assert.equal(codes(add(`<</Subtype/FreeText/Contents(x)${wide}>>`, '')), annotation)
    // An annotation that does something is never only a note.
    const acting = add(`<</Subtype/Link${wide}/A<</S/URI/URI(http://x)>>>>`, '')
    assert.equal(codes(acting), 'pdf-change-forbidden')
  }
})

test('a field that waits hidden may be signed, but not be shown by that under a certification', () => {
  const hidden = '<</Type/Annot/Subtype/Widget/FT/Sig/T(waiting)/Rect[0 0 595 842]/P 10 0 R/F 2>>'
  const base = specimenPdf(1, {
    5: '<</Fields[20 0 R]>>',
    10: '<</Type/Page/Parent 2 0 R/Contents 11 0 R/Annots[20 0 R]>>',
    20: hidden,
  })
  for (const [docMdp, found] of [
    [undefined, 'passed'],
    [2, 'pdf-change-forbidden'],
    [3, 'passed'],
  ] as const) {
    const certified = signed(base, { docMdp })
    const second = signed(certified, { keyIndex: 2, field: 'waiting' })
    assert.equal(codes(second), 'passed', 'hidden still')
    const shown = bytesOf(textOfBytes(second).replace(/\/F 2\/V/, '/F 4/V'))
    const { signature } = judged(shown)
    assert.equal(
      signature.verdict.kind === 'passed' ? 'passed' : signature.verdict.reasons[0].code,
      found,
    )
    assert.ok(signature.changes.some(each => each.code === 'signature-field-shown'))
  }
})

test('objects that play two parts, and names that look like links back, hide nothing', () => {
  const page = (resources: string): string =>
    `<</Type/Page/Parent 2 0 R/Contents 11 0 R/Annots[6 0 R 7 0 R 22 0 R]/Resources<<${resources}>>>>`
  const form = '/Type/XObject/Subtype/Form/BBox[0 0 99 99]'
  const base = (vary: Parameters<typeof documentBodies>[1] = {}): Uint8Array =>
    signed(
      writePdf(
        documentBodies(1, {
          10: page('/XObject<</P 20 0 R/Parent 21 0 R/Kids 23 0 R>>/Font<</F1 3 0 R>>'),
          20: streamBody('0 0 9 9 re f', form),
          21: streamBody('0 0 9 9 re f', form),
          22: '<</Type/Annot/Subtype/Square/Rect[9 9 99 99]/P 10 0 R/AP<</N 20 0 R>>>>',
          23: streamBody('0 0 9 9 re f', form),
          ...vary,
        }),
      ),
    )
  const refused = 'pdf-changed-after-signing'
  for (const number of [20, 21, 23]) {
    assert.equal(
      codes(updated(base(), { [number]: streamBody('other', form) })),
      refused,
      `${number}`,
    )
  }
  // An annotation that calls itself a page, before or afterwards.
  const called = '<</Type/Page/Subtype/Square/Rect[9 9 99 99]/AP<</N 20 0 R>>>>'
  assert.equal(codes(updated(base(), { 22: called })), refused)
  const callsItself = base({ 22: called })
  assert.equal(codes(updated(callsItself, { 22: called.replace('20 0', '21 0') })), refused)
  assert.equal(codes(updated(callsItself, { 20: streamBody('other', form) })), refused)
  // A font that is a field as well, and a widget whose parent is in no form.
  const both = '/Type/Font/Subtype/Type3/FontBBox[0 0 1 1]/FT/Tx/T(font)'
  const twofold = base({ 3: `<<${both}>>`, 5: '<</Fields[6 0 R 7 0 R 3 0 R]>>' })
  assert.equal(codes(updated(twofold, { 3: `<<${both}/Encoding/x>>` })), refused)
  const fostered = base({
    6: '<</Type/Annot/Subtype/Widget/FT/Tx/T(place)/Rect[72 600 272 620]/Parent 30 0 R>>',
    30: '<</DA(/Helv 9 Tf)>>',
  })
  assert.equal(codes(updated(fostered, { 30: '<</DA(/Helv 99 Tf)>>' })), refused)
  // What a page inherits, from the tree and from a parent that is not its own.
  const tree = '<</Type/Pages/Count 1/Kids[10 0 R]/MediaBox[0 0 595 842]'
  assert.equal(codes(updated(base(), { 2: `${tree}/Rotate 90>>` })), refused)
  assert.equal(codes(updated(base(), { 2: `${tree.replace('595', '95')}>>` })), refused)
  const adopted = page('').replace('/Parent 2 0 R', '/Parent 30 0 R')
  assert.equal(codes(updated(base(), { 10: adopted, 30: tree })), 'pdf-malformed')
})

test('the document as it was signed can be seen, whatever came after', () => {
  const attacked = updated(honest, { 11: evil })
  const { signature } = judged(attacked)
  const { signedBytes } = signature
  assert.ok(signedBytes !== undefined)
  const then = signedRevision(attacked, { signedBytes })
  const bytes = then.read(0, then.length)
  assert.deepEqual(bytes, honest)
  assert.equal(codes(bytes), 'passed')
})

test('encrypted, unsigned and broken files say which they are', () => {
  assert.equal(codes(original), 'pdf-unsigned')
  assert.equal(
    codes(updated(honest, {}, { trailer: '/Root 1 0 R/Encrypt 4 0 R' })),
    'pdf-encrypted',
  )
  assert.equal(codes(''), 'pdf-malformed')
  assert.equal(codes('%PDF-1.7\n'), 'pdf-malformed')
})
