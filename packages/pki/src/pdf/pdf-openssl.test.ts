/** Independent programs on the other side: openssl makes the containers, pdfsig makes whole signatures, both judge ours. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { cmsAuthority, cmsLeaf } from '../cms-specimen-for-tests.ts'
import { poolKey } from '../issue/pool.ts'
import { OpensslJudge } from '../openssl-for-tests.ts'
import { codeOf } from '../specimen-for-tests.ts'
import { judged, signed, signedByHand } from './pades-specimen-for-tests.ts'
import { bytesOf, PdfJudge, specimenPdf, textOfBytes } from './pdf-specimen-for-tests.ts'

/** The specimen person's key and certificate as files. */
function filesOf(openssl: OpensslJudge): { readonly key: string; readonly certificate: string } {
  return {
    key: openssl.pem('key.pem', 'PRIVATE KEY', poolKey(1).pkcs8),
    certificate: openssl.pem('certificate.pem', 'CERTIFICATE', cmsLeaf.raw),
  }
}

/** The document with a signature whose container openssl makes with these options. */
function signedByOpenssl(
  openssl: OpensslJudge,
  subFilter: string,
  options: readonly string[],
): Uint8Array {
  return signedByHand(specimenPdf(), subFilter, bytes => {
    const content = openssl.file('content', bytes)
    const { key, certificate } = filesOf(openssl)
    const out = openssl.path('container.der')
    const done = openssl.run(
      ...`cms -sign -binary -md sha256 -outform DER -in ${content} -out ${out}`.split(' '),
      ...`-signer ${certificate} -inkey ${key}`.split(' '),
      ...options,
    )
    assert.equal(done.status, 0, done.text)
    return openssl.read(out)
  })
}

test('containers that openssl makes are accepted, with DER and with indefinite lengths', () => {
  using openssl = new OpensslJudge()
  const cades = judged(signedByOpenssl(openssl, 'ETSI.CAdES.detached', ['-cades']))
  assert.equal(codeOf(cades.signature.verdict), 'passed')
  assert.equal(cades.signature.level, 'pades-b')
  assert.equal(cades.signature.claims.at, Date.UTC(2026, 10, 1, 17, 58))
  const plain = judged(signedByOpenssl(openssl, 'adbe.pkcs7.detached', []), { level: 'pdf-cms' })
  assert.equal(codeOf(plain.signature.verdict), 'passed')
  assert.equal(plain.signature.level, 'pdf-cms')
  // The outermost length made indefinite, which BER allows and streaming producers write.
  const streamed = textOfBytes(signedByOpenssl(openssl, 'ETSI.CAdES.detached', ['-cades']))
  const container = /<3082(....)([0-9a-f]+)>/.exec(streamed)
  const length = 2 * Number.parseInt(container?.[1] ?? '', 16)
  const content = container?.[2]?.slice(0, length) ?? ''
  const ber = `<3080${content}0000`.padEnd((container?.[0].length ?? 0) - 1, '0')
  const rewritten = bytesOf(streamed.replace(/<3082[0-9a-f]+>/, `${ber}>`))
  assert.equal(codeOf(judged(rewritten).signature.verdict), 'passed')
  const hiding = bytesOf(streamed.replace(/<3082[0-9a-f]+>/, `${ber.slice(0, -2)}01>`))
  assert.equal(codeOf(judged(hiding).signature.verdict), 'pdf-byte-range-invalid')
})

test('containers that are not fit are refused: attached content, no signed attributes, another level', () => {
  using openssl = new OpensslJudge()
  const attached = judged(signedByOpenssl(openssl, 'ETSI.CAdES.detached', ['-cades', '-nodetach']))
  assert.equal(codeOf(attached.signature.verdict), 'cms-malformed')
  const bare = judged(signedByOpenssl(openssl, 'adbe.pkcs7.detached', ['-noattr']), {
    level: 'pdf-cms',
  })
  assert.equal(codeOf(bare.signature.verdict), 'cms-content-missing')
  const unbound = judged(signedByOpenssl(openssl, 'ETSI.CAdES.detached', []))
  assert.equal(codeOf(unbound.signature.verdict), 'cades-certificate-unprotected')
  const old = judged(signedByOpenssl(openssl, 'adbe.pkcs7.detached', ['-cades']))
  assert.equal(codeOf(old.signature.verdict), 'pades-form-missing')
  const weak = judged(signedByOpenssl(openssl, 'adbe.pkcs7.sha1', []), { level: 'pdf-cms' })
  assert.equal(codeOf(weak.signature.verdict), 'algorithm-weak')
})

test('openssl verifies the container of a signature of ours over the bytes of its range', () => {
  using openssl = new OpensslJudge()
  const pdf = signed(specimenPdf())
  const text = textOfBytes(pdf)
  const [, start = 0, end = 0] =
    /ByteRange\[(\d+) (\d+) (\d+)/.exec(text)?.slice(1).map(Number) ?? []
  const container = Buffer.from(text.slice(start + 1, end - 1), 'hex')
  const length = 4 + container.readUInt16BE(2)
  const files = {
    '-in': openssl.file('container.der', container.subarray(0, length)),
    '-content': openssl.file('content', bytesOf(text.slice(0, start) + text.slice(end))),
    '-CAfile': openssl.pem('ca.pem', 'CERTIFICATE', cmsAuthority.certificate.raw),
    '-out': openssl.path('out'),
  }
  const how = 'cms -verify -cades -binary -inform DER -purpose any -attime 1793588280'
  const done = openssl.run(...how.split(' '), ...Object.entries(files).flat())
  assert.equal(done.status, 0, done.text)
})

test('what pdfsig signs with a key of NSS is accepted, alone and after ours', () => {
  using openssl = new OpensslJudge()
  using judge = new PdfJudge()
  const { key, certificate } = filesOf(openssl)
  const bundle = openssl.path('person.p12')
  const options = ['pkcs12', '-export', '-in', certificate, '-inkey', key, '-name', 'person']
  assert.equal(openssl.run(...options, '-passout', 'pass:', '-out', bundle).status, 0)
  const store = join(judge.folder, 'nss')
  mkdirSync(store)
  assert.equal(judge.run('certutil', '-N', '-d', `sql:${store}`, '--empty-password').status, 0)
  assert.equal(judge.run('pk12util', '-i', bundle, '-d', `sql:${store}`, '-W', '').status, 0)
  const signedByPdfsig = (pdf: Uint8Array, ...how: readonly string[]): Uint8Array => {
    const from = judge.file('unsigned.pdf', pdf)
    const to = join(judge.folder, 'by-pdfsig.pdf')
    const common = ['-nssdir', store, '-nick', 'person', '-reason', 'tested']
    const done = judge.run('pdfsig', ...common, ...how, from, to)
    assert.equal(done.status, 0, done.text)
    return new Uint8Array(readFileSync(to))
  }
  const adding = ['-add-signature', '-new-signature-field-name', 'by-pdfsig']
  for (const pdf of [
    specimenPdf(2),
    judge.rewritten(specimenPdf(2), '--object-streams=generate'),
  ]) {
    const alone = judged(signedByPdfsig(pdf, ...adding), { level: 'pdf-cms' })
    assert.equal(codeOf(alone.signature.verdict), 'passed')
    assert.equal(alone.signature.claims.reason, 'tested')
  }
  const waiting = specimenPdf(2, {
    5: '<</Fields[20 0 R]>>',
    10: '<</Type/Page/Parent 2 0 R/Contents 11 0 R/Annots[20 0 R]>>',
    20: '<</Type/Annot/Subtype/Widget/FT/Sig/T(waiting)/Rect[9 9 99 99]/P 10 0 R/F 4>>',
  })
  const baseline = judged(signedByPdfsig(waiting, '-sign', 'waiting'), { level: 'pdf-cms' })
  assert.equal(codeOf(baseline.signature.verdict), 'passed')
  assert.equal(baseline.signature.level, 'pdf-cms')
  // What poppler adds is told: the look of its signature lies on the page.
  const second = judged(signedByPdfsig(signed(specimenPdf(2)), ...adding), { level: 'pdf-cms' })
  const told = second.signature.changes.map(each => each.code)
  assert.ok(told.includes('signature-added'), told.join(' '))
  assert.deepEqual(
    second.signature.changes.filter(each => !each.isPermitted),
    [],
  )
})
