import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digest } from '../crypto.ts'
import { cmsAuthority, cmsDocument, cmsLeaf, stampOver } from '../cms-specimen-for-tests.ts'
import { MalformedError } from '../der.ts'
import { poolKey } from '../issue/pool.ts'
import { openPdf } from '../pdf/document.ts'
import {
  documentStamped,
  judged,
  signed,
  stamped,
  stampList,
  withEvidence,
} from '../pdf/pades-specimen-for-tests.ts'
import {
  bodyIn,
  bytesOf,
  documentBodies,
  PdfJudge,
  specimenPdf,
  textOfBytes,
  updated,
  writePdf,
} from '../pdf/pdf-specimen-for-tests.ts'
import { readSecurityStore } from '../pdf/security-store.ts'
import { encodeDigestInfo } from '../signature.ts'
import { specimenCrl, specimenNow } from '../specimen-for-tests.ts'
import { preparePdfTimeStamp } from './pades-archive.ts'
import {
  addPdfSignatureTimeStamp,
  type PadesRequest,
  pdfSignatureToBeStamped,
  preparePades,
} from './pades.ts'
import { patched } from './pdf-update.ts'

const sha256 = (bytes: Uint8Array): Uint8Array => digest('sha256', bytes)

function request(vary: Partial<PadesRequest> = {}): PadesRequest {
  return {
    pdf: specimenPdf(),
    field: 'signature',
    certificate: cmsLeaf,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow - 120_000,
    ...vary,
  }
}

/** It passes here, and qpdf has nothing to say against its structure. */
function good(pdf: Uint8Array, what: string): void {
  const { report } = judged(pdf)
  assert.equal(report.verdict.kind, 'passed', `${what}: ${JSON.stringify(report.verdict)}`)
  using judge = new PdfJudge()
  const { status, text } = judge.run('qpdf', '--check', judge.file('made.pdf', pdf))
  assert.ok(status === 0 && !text.includes('WARNING'), `${what}: ${text}`)
}

test('a card that is given the digest makes the signature, and what it signs is what is in the file', () => {
  const prepared = preparePades(request())
  const card = poolKey(1).privateKey.signBlock(encodeDigestInfo('sha256', prepared.digest))
  assert.deepEqual(prepared.digest, sha256(prepared.toBeSigned))
  const patch = prepared.finish(card)
  assert.equal(patch.offset, specimenPdf().length, 'the file itself is not touched')
  good(patched(specimenPdf(), patch), 'card')
  assert.deepEqual(prepared.finish(card), patch)
})

test('a signature of another key, over something else, or too large for its room writes nothing', () => {
  const prepared = preparePades(request())
  const sign = (key: number, message: Uint8Array): Uint8Array =>
    poolKey(key).sign('rsa-sha256', message)
  assert.throws(() => prepared.finish(sign(2, prepared.toBeSigned)), RangeError)
  assert.throws(() => prepared.finish(sign(1, cmsDocument)), RangeError)
  const tight = preparePades(request({ containerBytesMax: 1000 }))
  assert.throws(() => tight.finish(sign(1, tight.toBeSigned)), RangeError)
})

test('forms of every make are written to: none, direct, with referred parts', () => {
  const page = '<</Type/Page/Parent 2 0 R/Contents 11 0 R'
  const makes: Readonly<Record<string, Parameters<typeof documentBodies>[1]>> = {
    'no form': { 1: '<</Type/Catalog/Pages 2 0 R>>', 10: `${page}>>` },
    'direct form': { 1: '<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[6 0 R 7 0 R]>>>>' },
    'referred fields': { 5: '<</Fields 20 0 R>>', 20: '[6 0 R 7 0 R]' },
    'referred annotations': { 10: `${page}/Annots 20 0 R>>`, 20: '[6 0 R 7 0 R]' },
    'nested page tree': {
      2: '<</Type/Pages/Count 1/Kids[20 0 R]/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>>>',
      10: `${page.replace('2 0 R', '20 0 R')}/Annots[6 0 R 7 0 R]>>`,
      20: '<</Type/Pages/Parent 2 0 R/Count 1/Kids[10 0 R]>>',
    },
  }
  for (const [what, vary] of Object.entries(makes)) {
    good(signed(signed(specimenPdf(1, vary)), { keyIndex: 2 }), what)
  }
})

test('a field that waits for a signature is used, and keeps what it says', () => {
  const waiting = {
    5: '<</Fields[20 0 R]>>',
    10: '<</Type/Page/Parent 2 0 R/Contents 11 0 R/Annots[20 0 R]>>',
    20: '<</Type/Annot/Subtype/Widget/FT/Sig/T(waiting)/Rect[9 9 99 99]/P 10 0 R/F 4/TU(#28 sign here \\))>>',
  }
  const pdf = signed(specimenPdf(1, waiting), { field: 'waiting' })
  good(pdf, 'waiting')
  assert.match(bodyIn(pdf, 20), /\/Rect \[9 9 99 99\]/)
  assert.throws(() => signed(pdf, { field: 'waiting', keyIndex: 2 }), RangeError)
  assert.throws(() => signed(specimenPdf(), { field: 'place' }), RangeError)
  assert.throws(() => signed(specimenPdf(), { field: 'a.b' }), RangeError)
  assert.throws(() => signed(specimenPdf(), { field: '' }), RangeError)
})

test('what a signature in the document forbids is not done', () => {
  const certified = signed(specimenPdf(), { docMdp: 1 })
  good(certified, 'certified')
  assert.throws(() => signed(certified, { keyIndex: 2 }), RangeError)
  assert.throws(() => signed(signed(specimenPdf()), { keyIndex: 2, docMdp: 2 }), RangeError)
  // Evidence and time-stamps are no changes, even there.
  good(documentStamped(withEvidence(certified, []), 'archive', specimenNow - 1000), 'archived')
  const waiting = specimenPdf(1, {
    5: '<</Fields[20 0 R]>>',
    20: '<</Type/Annot/Subtype/Widget/FT/Sig/T(waiting)/Rect[0 0 0 0]/P 10 0 R/F 4>>',
    10: '<</Type/Page/Parent 2 0 R/Contents 11 0 R/Annots[20 0 R]>>',
  })
  const locked = signed(waiting, { lock: { action: 'include', fields: ['waiting'] } })
  assert.throws(() => signed(locked, { keyIndex: 2, field: 'waiting' }), RangeError)
  good(signed(locked, { keyIndex: 2 }), 'another field')
  const { signature } = judged(locked)
  assert.deepEqual(signature.permissions.locks[0], { action: 'include', fields: ['waiting'] })
})

test('the trailer keeps what it says, and its identifier tells one version from the next', () => {
  const trailer = '/Root 1 0 R/Info 4 0 R/ID[<00112233><00112233>]'
  const first = signed(writePdf(documentBodies(), trailer))
  const last = textOfBytes(first).slice(textOfBytes(first).lastIndexOf('trailer'))
  assert.match(last, /\/Info 4 0 R/)
  assert.match(last, /\/ID \[<00112233> <[0-9a-f]{32}>\]/)
  good(first, 'identifier')
  // No end of line after the mark.
  const bare = specimenPdf().subarray(0, -1)
  good(signed(bare), 'no end of line')
  good(signed(signed(bare).subarray(0, -1), { keyIndex: 2 }), 'nor after the signature')
})

test('names, strings and numbers of all kinds survive being written anew', () => {
  const odd = '/A#20B(\\(\\)\\\\\\r\\n\\0)/N[-0.5 .25 1e]'.replace('1e', '100000000000')
  const pdf = specimenPdf(1, {
    1: `<</Type/Catalog/Pages 2 0 R/Odd<<${odd}/U<feff3042>/T true/Z null>>>>`,
  })
  const written = signed(pdf)
  const before = openPdf(pdf).entries(openPdf(pdf).catalogue(0).entries.get('Odd'), 0)
  const document = openPdf(written)
  const after = document.entries(document.catalogue(1).entries.get('Odd'), 1)
  assert.deepEqual([...after.keys()], [...before.keys()])
  const { signature } = judged(signed(written, { keyIndex: 2 }))
  assert.deepEqual(
    signature.changes.map(each => each.code),
    ['signature-added'],
  )
})

test('a time-stamp goes into the newest signature only, and must fit', () => {
  const pdf = signed(specimenPdf())
  const value = pdfSignatureToBeStamped(pdf, 'signature-1')
  const token = stampOver(value)
  const patch = addPdfSignatureTimeStamp(pdf, 'signature-1', token)
  assert.equal(patched(pdf, patch).length, pdf.length)
  assert.equal(judged(patched(pdf, patch)).signature.level, 'pades-t')
  const later = signed(pdf, { keyIndex: 2 })
  assert.throws(() => addPdfSignatureTimeStamp(later, 'signature-1', token), RangeError)
  assert.throws(() => addPdfSignatureTimeStamp(pdf, 'other', token), RangeError)
  const tight = signed(specimenPdf(), { containerBytesMax: 3000 })
  assert.throws(() => addPdfSignatureTimeStamp(tight, 'signature-1', stampOver(value)), RangeError)
})

test('a document time-stamp is about what it covers, or it is not written', () => {
  const pdf = signed(specimenPdf())
  const prepared = preparePdfTimeStamp({ pdf, field: 'archive', hash: 'sha256' })
  assert.throws(() => prepared.finish(stampOver(cmsDocument)), RangeError)
  assert.throws(() => prepared.finish(cmsDocument), MalformedError)
  const tight = preparePdfTimeStamp({ pdf, field: 'archive', hash: 'sha256', tokenBytesMax: 100 })
  assert.throws(() => tight.finish(stampOver(cmsDocument, { value: tight.value })), RangeError)
  const large = preparePdfTimeStamp({ pdf, field: 'archive', hash: 'sha512' })
  assert.equal(large.value.length, 64)
  const token = stampOver(cmsDocument, { hash: 'sha512', value: large.value })
  good(patched(pdf, large.finish(token)), 'sha512')
})

test('the security store grows, and holds nothing twice', () => {
  const list = specimenCrl('signature', cmsAuthority)
  const other = stampList(specimenNow - 1000, specimenNow + 1000)
  const once = withEvidence(signed(specimenPdf()), [list, list])
  const twice = withEvidence(once, [list, other])
  const document = openPdf(twice)
  const store = readSecurityStore(document, document.newest)
  assert.deepEqual(store.lists, [list, other])
  assert.deepEqual(store.certificates, [cmsAuthority.certificate.raw])
  good(twice, 'store')
  assert.deepEqual(
    judged(twice).signature.changes.map(each => each.code),
    ['validation-data-added', 'validation-data-added'],
  )
})

test('everything at once, in the style of the file, is accepted by qpdf', () => {
  using judge = new PdfJudge()
  for (const options of [
    ['--object-streams=generate'],
    ['--linearize', '--object-streams=disable'],
  ]) {
    let pdf = signed(judge.rewritten(specimenPdf(3), ...options), { docMdp: 2 })
    pdf = stamped(pdf, 'signature-1', specimenNow - 60_000, sha256)
    pdf = signed(pdf, { keyIndex: 2, reason: '同意（はい）' })
    pdf = withEvidence(pdf, [specimenCrl('signature', cmsAuthority)])
    pdf = documentStamped(pdf, 'archive', specimenNow - 1000)
    good(pdf, options.join(' '))
  }
})

test('files that are none, encrypted, or have no page are refused', () => {
  assert.throws(() => preparePades(request({ pdf: cmsDocument })), MalformedError)
  const encrypted = updated(specimenPdf(), {}, { trailer: '/Root 1 0 R/Encrypt 4 0 R' })
  assert.throws(() => preparePades(request({ pdf: encrypted })), RangeError)
  const empty = specimenPdf(1, { 2: '<</Type/Pages/Count 0/Kids[]>>' })
  assert.throws(() => preparePades(request({ pdf: empty })), RangeError)
  assert.throws(() => preparePades(request({ pdf: bytesOf('') })), MalformedError)
})
