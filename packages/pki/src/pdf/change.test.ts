import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type JudgedPdfChange, judgeChanges, type PdfChangeCode, pdfChangeCodes } from './change.ts'
import {
  documentStamped,
  judged,
  pdfDemands,
  signed,
  withEvidence,
} from './pades-specimen-for-tests.ts'
import {
  type Bodies,
  bodyIn,
  documentBodies,
  streamBody,
  textOfBytes,
  type UpdateExtras,
  updated,
  writePdf,
} from './pdf-specimen-for-tests.ts'
import { specimenNow } from '../specimen-for-tests.ts'
import { validatePdf } from './validation.ts'

/** A rich document: names, layers, structure, attachments, resources, an annotation, something hidden, a signature field. */
const rich = writePdf(
  documentBodies(2, {
    1: '<</Type/Catalog/Pages 2 0 R/AcroForm 5 0 R/Names 20 0 R/OCProperties 21 0 R/StructTreeRoot 22 0 R/Metadata 23 0 R/PageLabels 24 0 R/OpenAction 25 0 R>>',
    5: '<</Fields[6 0 R 7 0 R 40 0 R]/DA(/Helv 0 Tf 0 g)/DR<</Font<</Helv 3 0 R>>>>>>',
    6: '<</Type/Annot/Subtype/Widget/FT/Tx/T(place)/Rect[72 600 272 620]/P 10 0 R/F 4/AP<</N 41 0 R>>>>',
    10: '<</Type/Page/Parent 2 0 R/Contents 11 0 R/Annots[6 0 R 7 0 R 26 0 R 40 0 R]/Resources<</Font<</F1 3 0 R>>/XObject<</I 27 0 R>>>>>>',
    20: '<</JavaScript<</Names[(a)28 0 R]>>/EmbeddedFiles<</Names[(b)29 0 R]>>/Dests<</Names[]>>>>',
    21: '<</OCGs[30 0 R]/D<<>>>>',
    22: '<</Type/StructTreeRoot/K 31 0 R>>',
    23: streamBody('<x/>', '/Type/Metadata'),
    24: '<</Nums[0<</S/D>>]>>',
    25: '<</S/GoTo/D[10 0 R/Fit]>>',
    26: '<</Type/Annot/Subtype/Text/Rect[1 1 9 9]/Contents(note)/P 10 0 R>>',
    27: streamBody('image', '/Type/XObject/Subtype/Image'),
    28: '<</S/JavaScript/JS(app.alert\\(1\\))>>',
    29: '<</Type/Filespec/F(a)/EF<</F 32 0 R>>>>',
    30: '<</Type/OCG/Name(x)>>',
    31: '<</S/Document/P 22 0 R/Alt(what is read aloud)>>',
    32: streamBody('attachment'),
    33: streamBody('BT /F1 24 Tf 72 700 Td (Pay 1000000 yen) Tj ET'),
    40: '<</Type/Annot/Subtype/Widget/FT/Sig/T(waiting)/Rect[0 0 0 0]/P 10 0 R/F 4>>',
    41: streamBody('(old look)', '/Type/XObject/Subtype/Form'),
  }),
)
const first = signed(rich)

function after(bodies: Bodies, extras: UpdateExtras = {}, from = first): Uint8Array {
  return updated(from, bodies, extras)
}

/** Body of an object with text in it replaced. */
function edited(number: number, from: string, to: string, pdf = first): Bodies {
  const body = bodyIn(pdf, number)
  assert.ok(body.includes(from), `${number}: ${body}`)
  return { [number]: body.replace(from, to) }
}

function changesOf(pdf: Uint8Array): readonly JudgedPdfChange[] {
  return judged(pdf).signature.changes
}

const shownField = '<</Type/Annot/Subtype/Widget/FT/Sig/T(seen)/Rect[0 0 500 800]/P 10 0 R/F 4>>'
const fieldsWith = (number: number): Bodies => ({
  ...edited(5, '7 0 R', `7 0 R ${number} 0 R`),
  ...edited(10, '7 0 R', `7 0 R ${number} 0 R`),
})

/** For every code, what must be told so. The type leaves none out. */
const provocations: Readonly<Record<PdfChangeCode, () => Uint8Array>> = {
  'validation-data-added': () => withEvidence(first, []),
  'validation-data-removed': () => {
    const stored = withEvidence(first, [])
    return updated(stored, edited(1, '/DSS', '/Dss', stored))
  },
  'document-time-stamp-added': () => documentStamped(first, 'stamp', specimenNow - 1000),
  'metadata-changed': () => after({ 4: '<</Title(Other)>>' }),
  'extensions-changed': () => after(edited(1, '/Type', '/Version/2.0/Type')),
  'object-unreferenced': () => after({ 90: '(nobody uses this)' }),
  'signature-added': () => signed(first, { keyIndex: 2 }),
  'signature-field-added': () =>
    after({ ...fieldsWith(90), 90: shownField.replace('0 0 500 800', '0 0 0 0') }),
  'signature-field-shown': () => after({ ...fieldsWith(90), 90: shownField }),
  'structure-extended': () => {
    const [field, element] = [fieldsWith(90), '<</S/Form/P 31 0 R/K<</Type/OBJR/Obj 90 0 R>>>>']
    const widget = shownField.replace('0 0 500 800', '0 0 0 0')
    return after({ ...field, 90: widget, ...edited(31, '/S/Doc', '/K 91 0 R/S/Doc'), 91: element })
  },
  'form-filled': () => after(edited(6, '/FT', '/V(Tokyo)/FT')),
  'annotation-added': () =>
    after({
      ...edited(10, '7 0 R', '7 0 R 90 0 R'),
      90: '<</Type/Annot/Subtype/FreeText/Rect[0 0 500 800]/Contents(x)>>',
    }),
  'annotation-changed': () => after(edited(26, 'note', 'other')),
  'annotation-removed': () => after(edited(10, '26 0 R', '')),
  'page-content-changed': () => after({ 11: streamBody('BT (Pay 1000 yen) Tj ET') }),
  'page-resources-changed': () => after({ 27: streamBody('IMAGE', '/Type/XObject/Subtype/Image') }),
  'fonts-changed': () => after({ 3: '<</Type/Font/Subtype/Type1/BaseFont/Symbol>>' }),
  'page-changed': () => after(edited(10, '/Contents', '/Rotate 180/Contents')),
  'pages-changed': () => after(edited(2, '[10 0 R 12 0 R]', '[12 0 R 10 0 R]')),
  'form-field-added': () =>
    after({ ...fieldsWith(90), 90: shownField.replace('/Sig', '/Tx').replace('(seen)', '(text)') }),
  'form-field-changed': () => after(edited(6, '[72 600 272 620]', '[72 100 272 120]')),
  'form-field-removed': () => after(edited(5, '6 0 R', '')),
  'form-appearance-changed': () =>
    after({ 41: streamBody('(new look)', '/Type/XObject/Subtype/Form') }),
  'form-changed': () => after(edited(5, '/SigFlags', '/NeedAppearances true/SigFlags')),
  'signature-altered': () => after(edited(signatureNumber, '/Filter', '/Reason(other)/Filter')),
  'signature-removed': () => after(edited(signatureNumber + 1, `/V ${signatureNumber} 0 R`, '')),
  'signature-incomplete': () =>
    after({ ...edited(40, '/FT', '/V 90 0 R/FT'), 90: '<</Type/Sig>>' }),
  'permissions-changed': () => after(edited(1, '/Type', '/Perms<</UR3 90 0 R>>/Type')),
  'actions-changed': () => after({ 25: '<</S/Launch/F(x)>>' }),
  'javascript-changed': () => after({ 28: '<</S/JavaScript/JS(app.alert\\(2\\))>>' }),
  'attachments-changed': () => after({ 32: streamBody('ATTACHMENT') }),
  'names-changed': () => after(edited(20, '/Dests<</Names[]>>', '/Dests<</Names[(a)[10 0 R]]>>')),
  'layers-changed': () => after(edited(21, '<<>>', '<</OFF[30 0 R]>>')),
  'structure-changed': () => after(edited(31, 'what is', 'WHAT IS')),
  'catalogue-changed': () => after({ 24: '<</Nums[0<</S/R>>]>>' }),
  'object-revealed': () => after(edited(10, '/Contents 11 0 R', '/Contents 33 0 R')),
}
const signatureNumber = 42

test('every change is told by its code, and permitted or not as its table has it', () => {
  for (const code of pdfChangeCodes()) {
    const pdf = provocations[code]()
    const { report, signature } = judged(pdf)
    const told = signature.changes.map(each => each.code)
    assert.ok(told.includes(code), `${code}: ${told.join(' ')} ${JSON.stringify(report.verdict)}`)
    const isPermitted = signature.changes.every(each => each.isPermitted)
    assert.equal(signature.verdict.kind, isPermitted ? 'passed' : 'failed', code)
    if (signature.verdict.kind === 'passed') continue
    assert.deepEqual(
      signature.verdict.reasons.map(each => each.code),
      ['pdf-changed-after-signing'],
      code,
    )
  }
})

test('every change has words in Japanese and English, with what it is about in them', () => {
  for (const code of pdfChangeCodes()) {
    const found = changesOf(provocations[code]()).find(each => each.code === code)
    assert.match(found?.ja ?? '', /[\u3040-\u30ff\u4e00-\u9fff].*。$/, code)
    assert.match(found?.en ?? '', /^[ -~]+\.$/, code)
    assert.doesNotMatch(`${found?.ja}${found?.en}`, /[{}]/, code)
  }
  const [filled] = changesOf(provocations['form-filled']())
  assert.equal(filled?.en, 'The form field "place" was filled in or changed.')
  assert.equal(filled?.ja, '入力欄「place」の値が変更されました。')
})

test('structure may grow by elements of fields, and by nothing that is read aloud', () => {
  const base = signed(
    writePdf(
      documentBodies(1, {
        1: '<</Type/Catalog/Pages 2 0 R/AcroForm 5 0 R/StructTreeRoot 20 0 R>>',
        20: '<</Type/StructTreeRoot/K 21 0 R/ParentTree<</Nums[0[22 0 R]1 23 0 R]>>/ParentTreeNextKey 2>>',
        21: '<</S/Document/P 20 0 R/K[22 0 R 23 0 R]>>',
        22: '<</S/P/P 21 0 R/K 0/Pg 10 0 R>>',
        23: '<</S/Form/P 21 0 R/K<</Type/OBJR/Obj 6 0 R/Pg 10 0 R>>>>',
      }),
    ),
  )
  const told = (bodies: Bodies): string => {
    const changes = changesOf(updated(base, bodies)).map(each => each.code)
    return changes.filter(each => each.startsWith('structure')).join(' ')
  }
  const field = {
    ...edited(5, '7 0 R', '7 0 R 50 0 R', base),
    ...edited(10, '7 0 R', '7 0 R 50 0 R', base),
    50: '<</Type/Annot/Subtype/Widget/FT/Sig/T(s)/Rect[0 0 0 0]/P 10 0 R/StructParent 2>>',
  }
  const element = '<</Type/StructElem/S/Form/P 21 0 R/K[<</Type/OBJR/Obj 50 0 R>>]>>'
  const kids = (list: string): Bodies => edited(21, '[22 0 R 23 0 R]', `[${list}]`, base)
  const tree = (nums: string): Bodies => edited(20, '1 23 0 R]', `1 23 0 R ${nums}]`, base)
  const grown = { ...field, ...kids('22 0 R 51 0 R 23 0 R'), ...tree('2 51 0 R'), 51: element }
  assert.equal(told(grown), 'structure-extended')
  // A field that is filled changes no structure, though the structure names it.
  assert.equal(told(edited(6, '/FT', '/V(x)/FT', base)), '')
  const changed = 'structure-changed'
  assert.equal(
    told({ ...grown, 51: element.replace('/S/Form', '/Alt(read this)/S/Form') }),
    changed,
  )
  assert.equal(told({ ...grown, 51: element.replace('/S/Form', '/S/P') }), changed)
  assert.equal(told({ ...grown, 51: element.replace('50 0 R', '10 0 R') }), changed)
  assert.equal(told({ ...grown, 51: element.replace('[<<', '[1<<') }), changed)
  assert.equal(told({ ...grown, ...kids('23 0 R 22 0 R 51 0 R') }), changed)
  assert.equal(told({ ...grown, ...kids('22 0 R 51 0 R') }), changed)
  assert.equal(told({ ...grown, ...edited(22, '/S/P', '/ActualText(x)/S/P', base) }), changed)
  assert.equal(told({ ...grown, ...tree('2 22 0 R') }), changed)
  assert.equal(told({ ...grown, ...edited(20, '0[22 0 R]', '0[23 0 R]', base) }), changed)
  assert.equal(told(edited(20, '/K 21', '/RoleMap<</P/Form>>/K 21', base)), changed)
})

test('what a certification permits decides, and is told as forbidden when it does not', () => {
  const change = (code: PdfChangeCode, docMdp: 1 | 2 | 3 | undefined): boolean => {
    const [found] = judgeChanges(
      changesOf(provocations[code]()).filter(each => each.code === code),
      { docMdp, locks: [] },
    )
    return found?.isPermitted ?? false
  }
  const levels = [1, 2, 3, undefined] as const
  const permitted = (code: PdfChangeCode): readonly boolean[] =>
    levels.map(level => change(code, level))
  for (const code of pdfChangeCodes()) {
    const expected = {
      'document-time-stamp-added': [true, true, true, true],
      'validation-data-added': [true, true, true, true],
      'validation-data-removed': [true, true, true, true],
      'metadata-changed': [true, true, true, true],
      'extensions-changed': [true, true, true, true],
      'object-unreferenced': [true, true, true, true],
      'signature-added': [false, true, true, true],
      'signature-field-added': [false, true, true, true],
      'structure-extended': [false, true, true, true],
      'form-filled': [false, true, true, true],
      'signature-field-shown': [false, false, true, true],
      'annotation-added': [false, false, true, false],
      'annotation-changed': [false, false, true, false],
      'annotation-removed': [false, false, true, false],
    } as Partial<Record<PdfChangeCode, readonly boolean[]>>
    assert.deepEqual(permitted(code), expected[code] ?? [false, false, false, false], code)
  }
})

test('a certified file says in its own verdict what is forbidden', () => {
  const fill = (pdf: Uint8Array): string => {
    const { verdict } = judged(updated(pdf, edited(6, '/FT', '/V(Tokyo)/FT', pdf))).signature
    return verdict.kind === 'passed' ? 'passed' : verdict.reasons.map(each => each.code).join(' ')
  }
  assert.equal(fill(signed(rich, { docMdp: 1 })), 'pdf-change-forbidden')
  assert.equal(fill(signed(rich, { docMdp: 2 })), 'passed')
  assert.equal(fill(signed(rich, { docMdp: 3 })), 'passed')
  const locked = (action: 'include' | 'exclude' | 'all', fields: readonly string[]): string =>
    fill(signed(rich, { lock: { action, fields } }))
  assert.equal(locked('all', []), 'pdf-change-forbidden')
  assert.equal(locked('include', ['place']), 'pdf-change-forbidden')
  assert.equal(locked('include', ['plac']), 'passed')
  assert.equal(locked('exclude', ['place']), 'passed')
  assert.equal(locked('exclude', ['agreed']), 'pdf-change-forbidden')
  // The permission of one signature binds what comes after later ones.
  const both = signed(signed(rich, { docMdp: 2, lock: { action: 'include', fields: ['place'] } }), {
    keyIndex: 2,
  })
  const { report } = judged(updated(both, edited(6, '/FT', '/V(Tokyo)/FT', both)))
  assert.deepEqual(
    report.signatures.map(each => each.verdict.kind),
    ['failed', 'failed'],
  )
})

test('to write the same again is no change, whatever the numbers of the objects', () => {
  const same = after({ 11: bodyIn(first, 11), 3: bodyIn(first, 3), 2: bodyIn(first, 2) })
  assert.deepEqual(changesOf(same), [])
  const renumbered = after({
    ...edited(10, '/Contents 11 0 R', '/Contents 90 0 R'),
    90: bodyIn(first, 11),
  })
  assert.deepEqual(changesOf(renumbered), [])
  // A length that stands elsewhere is the same length.
  const length = /Length (\d+)/.exec(bodyIn(first, 11))?.[1] ?? ''
  const apart = after({
    90: length,
    11: bodyIn(first, 11).replace(`Length ${length}`, 'Length 90 0 R'),
  })
  assert.deepEqual(changesOf(apart), [])
})

test('nothing that can be reached changes without being told', () => {
  // Every object of the rich document gets an entry that it did not have, or other bytes.
  const numbers = [...textOfBytes(first).matchAll(/\n(\d+) 0 obj\n/g)].map(match =>
    Number(match[1]),
  )
  for (const number of new Set(numbers)) {
    const body = bodyIn(first, number)
    const other = body.includes('stream\n')
      ? body
          .replace('stream\n', 'stream\n ')
          .replace(/Length (\d+)/, (_, n) => `Length ${Number(n) + 1}`)
      : body.replace('<<', '<</Odd 1')
    const changes = changesOf(after({ [number]: other }))
    assert.ok(changes.length > 0, `object ${number}: ${body.slice(0, 60)}`)
    const isSeen = changes.some(each => !each.isPermitted)
    // Document information and metadata, what nothing uses.
    assert.equal(isSeen, ![4, 23, 33].includes(number), `object ${number}: ${body.slice(0, 60)}`)
    const { verdict, signatures } = validatePdf(pdfDemands(after({}, { free: [number] })))
    const isGoneTold = verdict.kind === 'failed' || signatures.some(each => each.changes.length > 0)
    assert.ok(isGoneTold, `object ${number} freed`)
  }
})

test('a table that points at other bytes of the signed file reveals what was hidden there', () => {
  // Before signing, other content for page 1 is put between the objects, where no table names it.
  const hidden = `11 0 obj\n${streamBody('BT (Pay 1000000 yen) Tj ET')}\nendobj\n`
  const prepared = updated(rich, { 90: '(x)' }, { lead: hidden })
  const base = signed(prepared)
  assert.equal(judged(base).signature.verdict.kind, 'passed')
  const entries = { 11: textOfBytes(base).indexOf(hidden) }
  const codes = changesOf(updated(base, {}, { entries })).map(each => each.code)
  assert.deepEqual(codes.toSorted(), ['object-revealed', 'page-content-changed'])
})
