import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addPdfValidationData } from '../assemble/pades-archive.ts'
import { patched } from '../assemble/pdf-update.ts'
import { digest } from '../crypto.ts'
import { cmsAuthority, cmsLeaf, stampRoot, stampTrust } from '../cms-specimen-for-tests.ts'
import { extension, issueCertificate } from '../issue/certificate.ts'
import { issueResponderCertificate } from '../issue/jpki.ts'
import { issueOcspResponse } from '../issue/ocsp.ts'
import { poolKey } from '../issue/pool.ts'
import { issueTimeStampCertificate } from '../issue/time-stamp.ts'
import { parseCertificate } from '../certificate.ts'
import { encodeName } from '../name.ts'
import { ocspCertId } from '../ocsp.ts'
import type { Instant } from '../reason.ts'
import {
  codeOf,
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenNow,
} from '../specimen-for-tests.ts'
import {
  documentStamped,
  judged,
  person,
  signed,
  stampList,
  stamped,
  withEvidence,
} from './pades-specimen-for-tests.ts'
import { bytesOf, PdfJudge, specimenPdf, textOfBytes, updated } from './pdf-specimen-for-tests.ts'
import type { PdfDemands } from './validation.ts'

const day = 24 * 3_600_000
const minute = 60_000
const signedAt = specimenNow - 2 * minute
const sha256 = (bytes: Uint8Array): Uint8Array => digest('sha256', bytes)

const levelB = signed(specimenPdf(), {
  name: '見本　花子',
  reason: 'I agree',
  location: '東京都',
  contact: 'nobody@example.com',
})
const levelT = stamped(levelB, 'signature-1', specimenNow - minute, sha256)

/** A list of the signer's authority and one of the time-stamp root, issued at a time and fresh for a day. */
function listsAt(at: Instant): readonly Uint8Array[] {
  return [
    specimenCrl('signature', cmsAuthority, { thisUpdate: at, nextUpdate: at + day }),
    stampList(at, at + day),
  ]
}

/** Judged later, with nothing from the caller but trust. */
function later(pdf: Uint8Array, at: Instant, vary: Partial<PdfDemands> = {}): string {
  const nothing = { kind: 'crls', lists: [] } as const
  const { signature } = judged(pdf, {
    at,
    level: 'pdf-cms',
    revocation: nothing,
    timeStamps: { ...stampTrust, revocation: nothing },
    ...vary,
  })
  return `${signature.level} ${codeOf(signature.verdict)}`
}

test('a signature passes at level B, with what it claims told as claims', () => {
  const { report, signature } = judged(levelB)
  assert.equal(report.verdict.kind, 'passed')
  assert.equal(signature.level, 'pades-b')
  assert.equal(signature.signedBytes, levelB.length)
  assert.ok(signature.isOfWholeFile)
  assert.equal(report.revisions, 2)
  assert.deepEqual(signature.claims, {
    at: signedAt,
    name: '見本　花子',
    reason: 'I agree',
    location: '東京都',
    contact: 'nobody@example.com',
  })
  assert.equal(signature.provenAt, undefined)
  assert.deepEqual(signature.permissions, { docMdp: undefined, locks: [] })
  assert.deepEqual(signature.certificate?.raw, cmsLeaf.raw)
})

test('a level that is demanded must be reached', () => {
  const level = (pdf: Uint8Array, wanted: PdfDemands['level']): string => {
    const { signature } = judged(pdf, { level: wanted })
    return codeOf(signature.verdict)
  }
  assert.equal(level(levelB, 'pades-b'), 'passed')
  assert.equal(level(levelB, 'pades-t'), 'time-stamp-missing')
  assert.equal(level(levelT, 'pades-t'), 'passed')
  assert.equal(level(levelT, 'pades-lt'), 'validation-data-missing')
  const levelLt = withEvidence(levelT, listsAt(specimenNow - 30_000))
  assert.equal(level(levelLt, 'pades-lt'), 'passed')
  assert.equal(level(levelLt, 'pades-lta'), 'archive-time-stamp-missing')
  const levelLta = documentStamped(levelLt, 'archive', specimenNow - 20_000)
  assert.equal(level(levelLta, 'pades-lta'), 'passed')
})

test('a time-stamp over the signature or over the document proves the time; the earliest counts', () => {
  assert.equal(judged(levelT).signature.provenAt, specimenNow - minute)
  const both = documentStamped(levelT, 'document', specimenNow - 30_000)
  assert.equal(judged(both).signature.provenAt, specimenNow - minute)
  const document = documentStamped(levelB, 'document', specimenNow - 30_000)
  const { signature, report } = judged(document)
  assert.equal(signature.provenAt, specimenNow - 30_000)
  assert.equal(signature.level, 'pades-t')
  assert.deepEqual(
    report.signatures.map(each => [each.kind, each.field, each.verdict.kind]),
    [
      ['signature', 'signature-1', 'passed'],
      ['time-stamp', 'document', 'passed'],
    ],
  )
  // Without trust in an authority nothing is proven, and nothing is lost.
  const alone = judged(both, { timeStamps: undefined })
  assert.equal(alone.signature.provenAt, undefined)
  assert.equal(alone.report.verdict.kind, 'passed')
})

test('a document time-stamp that is not good proves nothing and does no harm', () => {
  const late = documentStamped(levelB, 'document', specimenNow + day)
  const { report, signature } = judged(late)
  assert.equal(report.verdict.kind, 'passed')
  assert.equal(signature.provenAt, undefined)
  assert.equal(codeOf(report.signatures[1]?.verdict ?? { kind: '' }), 'time-stamp-in-future')
})

test('the document alone is enough at level LT, and not before', () => {
  // The leaf ends in 2030; its list was fresh for one day.
  const after = Date.UTC(2029, 0, 1)
  assert.equal(later(levelB, after), 'pades-b revocation-missing')
  assert.equal(later(levelT, after), 'pades-b revocation-missing')
  const levelLt = withEvidence(levelT, listsAt(specimenNow - 30_000))
  assert.equal(later(levelLt, after, { timeStamps: stampTrust }), 'pades-t passed')
  // The evidence of the time-stamp authority itself is no longer fresh, and no later time-stamp says when it was.
  assert.equal(later(levelLt, after), 'pades-b crl-stale')
  const levelLta = documentStamped(levelLt, 'archive', specimenNow - 20_000)
  const trust = { ...stampTrust, revocation: { kind: 'crls', lists: listsAt(after) } } as const
  assert.equal(later(levelLta, after, { timeStamps: trust }), 'pades-lta passed')
})

test('OCSP responses in the store serve like lists, and so do those kept for one signature only', () => {
  const responder = poolKey(40)
  const certificate = parseCertificate(
    issueResponderCertificate({
      issuer: cmsAuthority,
      serial: Uint8Array.of(99),
      spki: responder.spki,
      notBefore: specimenNow - day,
      notAfter: specimenNow + day,
      commonName: 'Responder',
    }),
  )
  const answered = (status: 'good' | 'revoked'): Uint8Array => {
    const certId = ocspCertId(cmsLeaf, cmsAuthority.certificate, 'sha256')
    const told =
      status === 'good'
        ? ({ kind: 'good' } as const)
        : ({ kind: 'revoked', revokedAt: specimenNow - day, reason: 'keyCompromise' } as const)
    const time = specimenNow - 30_000
    return issueOcspResponse(
      {
        producedAt: time,
        answers: [{ certId, status: told, thisUpdate: time, nextUpdate: time + day }],
        nonce: undefined,
      },
      { certificate, isAuthority: false, algorithm: 'rsa-sha256', sign: responder.sign },
    )
  }
  const list = stampList(specimenNow - 30_000, specimenNow + day)
  const withAnswer = (status: 'good' | 'revoked'): Uint8Array => {
    const data = { certificates: [], lists: [list], responses: [answered(status)] }
    return patched(levelT, addPdfValidationData(levelT, data))
  }
  const after = Date.UTC(2029, 0, 1)
  assert.equal(later(withAnswer('good'), after, { timeStamps: stampTrust }), 'pades-t passed')
  assert.match(
    later(withAnswer('revoked'), after, { timeStamps: stampTrust }),
    /certificate-revoked/,
  )
  const level = judged(withAnswer('good'), { level: 'pades-lt' })
  assert.equal(codeOf(level.signature.verdict), 'passed')
  // The same streams under /VRI alone.
  const text = textOfBytes(withAnswer('good'))
  const store = /<<\/CRLs \[[^\]]*\]\/OCSPs \[([^\]]*)\]>>/.exec(text)
  const related = `<</VRI<</AB<</OCSP[${store?.[1]}]>>>>>>`.padEnd(store?.[0].length ?? 0)
  assert.equal(related.length, store?.[0].length)
  const moved = bytesOf(text.replace(store?.[0] ?? '', related))
  assert.equal(later(moved, after, { timeStamps: stampTrust }), 'pades-t passed')
})

test('evidence from before the proven time proves nothing', () => {
  const early = withEvidence(levelT, listsAt(specimenNow - 3 * day))
  assert.equal(later(early, Date.UTC(2029, 0, 1), { timeStamps: stampTrust }), 'pades-t crl-stale')
})

test('revoked is revoked, whatever the evidence in the file says', () => {
  const levelLt = withEvidence(levelT, listsAt(specimenNow - 30_000))
  const { signature } = judged(levelLt, {
    at: specimenNow + day,
    revocation: {
      kind: 'crls',
      lists: [
        specimenCrl('signature', cmsAuthority, {
          thisUpdate: specimenNow + day / 2,
          nextUpdate: specimenNow + 2 * day,
          number: 9,
          entries: [specimenEntry(cmsLeaf.serial, 'keyCompromise')],
        }),
      ],
    },
  })
  assert.equal(codeOf(signature.verdict), 'certificate-revoked')
  const inFile = withEvidence(levelT, [
    specimenCrl('signature', cmsAuthority, {
      entries: [specimenEntry(cmsLeaf.serial, 'keyCompromise')],
    }),
  ])
  assert.match(later(inFile, specimenNow), /certificate-revoked/)
})

/** A time-stamp authority under the specimen root, on its own key, that ends at a time. */
function authorityUntil(keyIndex: number, notAfter: Instant, issuer: Issuer = rootIssuer): Issuer {
  const certificate = parseCertificate(
    issueTimeStampCertificate({
      issuer,
      serial: Uint8Array.of(40 + keyIndex),
      spki: poolKey(keyIndex).spki,
      notBefore: specimenNow - 900 * day,
      notAfter,
      commonName: `Stamp ${keyIndex}`,
    }),
  )
  return { certificate, algorithm: 'rsa-sha256', sign: poolKey(keyIndex).sign }
}
type Issuer = Parameters<typeof issueTimeStampCertificate>[0]['issuer']
const rootIssuer: Issuer = {
  certificate: stampRoot,
  algorithm: 'rsa-sha256',
  sign: poolKey(30).sign,
}

test('LTA: a chain of time-stamps outlives the certificate of the signer and those of the authorities', () => {
  const one = authorityUntil(32, Date.UTC(2028, 0, 1))
  const two = authorityUntil(33, Date.UTC(2032, 0, 1))
  const third = authorityUntil(34, Date.UTC(2034, 0, 1))
  const times = [specimenNow - minute, Date.UTC(2027, 5, 1), Date.UTC(2031, 5, 1)] as const
  let pdf = stamped(levelB, 'signature-1', times[0], sha256, one)
  pdf = withEvidence(pdf, listsAt(specimenNow - 30_000))
  pdf = documentStamped(pdf, 'archive-1', specimenNow - 20_000, one)
  pdf = withEvidence(pdf, listsAt(times[1] - minute))
  pdf = documentStamped(pdf, 'archive-2', times[1], two)
  // 2030: the signer's certificate ended in February, the first authority's two years before.
  const in2030 = Date.UTC(2030, 6, 1)
  const trust = (at: Instant): PdfDemands['timeStamps'] => ({
    ...stampTrust,
    revocation: { kind: 'crls', lists: [stampList(at - minute, at + day)] },
  })
  assert.equal(later(pdf, in2030, { timeStamps: trust(in2030) }), 'pades-lta passed')
  // 2033: the second authority has ended as well, and a third time-stamp came while it had not.
  const in2033 = Date.UTC(2033, 0, 1)
  assert.match(later(pdf, in2033, { timeStamps: trust(in2033) }), /^pades-b certificate-expired/)
  const renewed = documentStamped(
    withEvidence(pdf, listsAt(times[2] - minute)),
    'archive-3',
    times[2],
    third,
  )
  assert.equal(later(renewed, in2033, { timeStamps: trust(in2033) }), 'pades-lta passed')
  // It came too late for the second one when that had ended before.
  const tooLate = documentStamped(
    withEvidence(pdf, listsAt(Date.UTC(2032, 5, 1))),
    'archive-3',
    Date.UTC(2032, 5, 1),
    third,
  )
  assert.match(
    later(tooLate, in2033, { timeStamps: trust(in2033) }),
    /^pades-(b|t) certificate-expired/,
  )
  // The evidence for the second one was missing when the third was made.
  const bare = documentStamped(pdf, 'archive-3', times[2], third)
  assert.doesNotMatch(later(bare, in2033, { timeStamps: trust(in2033) }), /passed/)
})

test('evidence made by an authority that has ended by the time it can be proven is not counted', () => {
  // In 2040 anyone may have the key of an authority that ended in 2033. The time-stamp authority lives on.
  const in2040 = Date.UTC(2040, 0, 1)
  const key = poolKey(35)
  const name = encodeName([['2.5.4.3', 'Long Root']])
  const root = parseCertificate(
    issueCertificate(
      {
        serial: Uint8Array.of(1),
        issuer: name,
        subject: name,
        notBefore: specimenNow - day,
        notAfter: Date.UTC(2050, 0, 1),
        spki: key.spki,
        extensions: [extension.keyUsage((1 << 5) | (1 << 6)), extension.basicConstraints(true)],
      },
      'rsa-sha256',
      key.sign,
    ),
  )
  const issuer = { certificate: root, algorithm: 'rsa-sha256', sign: key.sign } as const
  const long = authorityUntil(36, Date.UTC(2049, 0, 1), issuer)
  const pdf = stamped(levelB, 'signature-1', specimenNow - minute, sha256, long)
  const stored = withEvidence(pdf, listsAt(specimenNow - 30_000))
  const timeStamps = { ...stampTrust, anchors: [root] }
  assert.equal(later(stored, Date.UTC(2031, 0, 1), { timeStamps }), 'pades-t passed')
  assert.equal(later(stored, in2040, { timeStamps }), 'pades-t certificate-expired')
  // A document time-stamp from before the end shows that the evidence is of then.
  const archived = documentStamped(stored, 'archive', Date.UTC(2032, 0, 1), long)
  assert.equal(later(archived, in2040, { timeStamps }), 'pades-t passed')
})

test('several signers sign one after the other, and each is judged for the document as it was', () => {
  let pdf = specimenPdf(3)
  for (let i = 1; i <= 4; i++) {
    pdf = signed(pdf, { keyIndex: i })
    pdf = stamped(pdf, `signature-${i}`, specimenNow - minute, sha256)
  }
  const { report } = judged(pdf, { level: 'pades-t' })
  assert.equal(report.verdict.kind, 'passed')
  assert.deepEqual(
    report.signatures.map(each => each.changes.map(change => change.code).join(' ')),
    [
      'signature-added signature-added signature-added',
      'signature-added signature-added',
      'signature-added',
      '',
    ],
  )
  assert.deepEqual(
    report.signatures.map(each => each.isOfWholeFile),
    [false, false, false, true],
  )
  const lengths = report.signatures.map(each => each.signedBytes ?? 0)
  assert.deepEqual(
    lengths,
    lengths.toSorted((a, b) => a - b),
  )
})

test('one bad signature among good ones rejects the file and not the others', () => {
  const stranger = specimenAuthority('signature', 4)
  const certificate = parseCertificate(
    issueCertificate(
      {
        serial: Uint8Array.of(7),
        issuer: stranger.certificate.subject,
        subject: encodeName([['2.5.4.3', 'x']]),
        notBefore: specimenNow - day,
        notAfter: specimenNow + day,
        spki: poolKey(5).spki,
        extensions: [extension.keyUsage(1)],
      },
      'rsa-sha256',
      stranger.sign,
    ),
  )
  const pdf = signed(signed(specimenPdf()), { keyIndex: 5, certificate })
  const { report } = judged(pdf)
  assert.equal(report.verdict.kind, 'failed')
  assert.deepEqual(
    report.signatures.map(each => each.verdict.kind),
    ['passed', 'failed'],
  )
})

test('hashes may differ from signature to signature, keys must fit, and times count', () => {
  let pdf = signed(specimenPdf(), { algorithm: 'rsa-sha512' })
  pdf = signed(pdf, { keyIndex: 2 })
  pdf = signed(pdf, { keyIndex: 3, algorithm: 'rsa-sha384' })
  const { report } = judged(pdf)
  assert.equal(report.verdict.kind, 'passed')
  assert.deepEqual(
    report.signatures.map(each => each.kind === 'signature' && each.algorithm),
    ['rsa-sha512', 'rsa-sha256', 'rsa-sha384'],
  )
  assert.throws(() => signed(specimenPdf(), { keyIndex: 2, certificate: person(1) }), RangeError)
  const standard = { kind: 'standard', policies: anyPolicies, purpose: undefined } as const
  assert.equal(codeOf(judged(levelB, { rules: standard }).signature.verdict), 'passed')
  const expired = judged(levelB, { at: Date.UTC(2031, 0, 1) })
  assert.equal(codeOf(expired.signature.verdict), 'certificate-expired')
})

test('a source is read in pieces, and gives the same judgement as memory', () => {
  using judge = new PdfJudge()
  const packed = judge.rewritten(
    specimenPdf(2),
    '--object-streams=generate',
    '--compress-streams=n',
  )
  const stored = withEvidence(signed(signed(packed), { keyIndex: 2 }), listsAt(specimenNow))
  for (const pdf of [signed(levelT, { keyIndex: 2 }), signed(stored, { keyIndex: 3 })]) {
    let largest = 0
    const shared = new Uint8Array(300_000)
    const source = {
      length: pdf.length,
      // One buffer, handed out again and again, as a file reader may do.
      read: (offset: number, length: number) => {
        largest = Math.max(largest, length)
        shared.fill(0x20)
        shared.set(pdf.subarray(offset, offset + length))
        return shared.subarray(0, length)
      },
    }
    const { report } = judged(source)
    assert.equal(report.verdict.kind, 'passed')
    assert.deepEqual(
      report.signatures.map(each => [each.field, each.signedBytes, each.changes]),
      judged(pdf).report.signatures.map(each => [each.field, each.signedBytes, each.changes]),
    )
    assert.ok(largest <= 256 * 1024)
  }
})

test('files that qpdf wrote anew are signed in their own style, several times', () => {
  using judge = new PdfJudge()
  for (const options of [
    ['--object-streams=generate'],
    ['--linearize'],
    ['--object-streams=disable'],
  ]) {
    const pdf = signed(signed(judge.rewritten(specimenPdf(2), ...options)), { keyIndex: 2 })
    assert.equal(judged(pdf).report.verdict.kind, 'passed', options.join(' '))
    const checked = judge.run('qpdf', '--check', judge.file('checked.pdf', pdf))
    assert.equal(checked.status, 0, checked.text)
    assert.match(checked.text, /No syntax or stream encoding errors/)
  }
})

test('pdfsig finds every signature of ours valid, and the last one to cover the whole file', () => {
  using judge = new PdfJudge()
  let pdf = stamped(signed(specimenPdf(2)), 'signature-1', specimenNow - minute, sha256)
  pdf = signed(pdf, { keyIndex: 2 })
  pdf = documentStamped(withEvidence(pdf, listsAt(specimenNow - 30_000)), 'archive', specimenNow)
  pdf = signed(updated(pdf, { 4: '<</Title(Signed)>>' }), { keyIndex: 3 })
  const said = judge.run('pdfsig', '-nocert', judge.file('signed.pdf', pdf)).text
  assert.equal([...said.matchAll(/Signature is Valid/g)].length, 3, said)
  assert.match(
    said.slice(said.lastIndexOf('Signature Field Name: signature-3')),
    / - Total document signed/,
  )
  const altered = Uint8Array.from(pdf)
  altered[200] = (altered[200] ?? 0) ^ 1
  const refused = judge.run('pdfsig', '-nocert', judge.file('altered.pdf', altered)).text
  assert.doesNotMatch(refused, /Signature is Valid/)
})

const anyPolicies = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
} as const
