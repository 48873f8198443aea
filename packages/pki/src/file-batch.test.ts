import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addSignatureTimeStamp } from './assemble/cades.ts'
import { BatchLineError } from './batch-line.ts'
import { parseSignedData } from './cms.ts'
import {
  cadesSpecimen,
  cmsAuthority,
  cmsDocument,
  cmsLeaf,
  stampIssuer,
  stampOver,
  stampRoot,
} from './cms-specimen-for-tests.ts'
import { digest } from './crypto.ts'
import { type FileOutcome, judgeFileCase, parseFileCase } from './file-batch.ts'
import { issueOcspResponse } from './issue/ocsp.ts'
import { poolKey } from './issue/pool.ts'
import { issueTimeStampResponse } from './issue/time-stamp.ts'
import { KeyCache } from './key-cache.ts'
import { encodeOcspRequest, ocspCertId } from './ocsp.ts'
import { specimenCrl, specimenEntry, specimenNow } from './specimen-for-tests.ts'
import { encodeTimeStampRequest } from './time-stamp.ts'
import { asicSpecimen } from './asice/asic-specimen-for-tests.ts'
import { jadesSpecimen } from './jws/jws-specimen-for-tests.ts'
import { signed } from './pdf/pades-specimen-for-tests.ts'
import { specimenPdf } from './pdf/pdf-specimen-for-tests.ts'
import { xadesSpecimen } from './xml/xml-specimen-for-tests.ts'

const keys = new KeyCache(64)
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
const crl = (vary: Parameters<typeof specimenCrl>[2] = {}): string =>
  base64(specimenCrl('signature', cmsAuthority, vary))
const stampCrl = base64(specimenCrl('signature', stampIssuer, { partition: undefined }))
const usual = {
  id: 'one',
  anchors: [base64(cmsAuthority.certificate.raw)],
  timeStampAnchors: [base64(stampRoot.raw)],
  crls: [crl(), stampCrl],
  at: specimenNow,
  profile: 'town',
}

function judged(line: Record<string, unknown>): FileOutcome {
  // As JSON would bring it.
  return judgeFileCase(parseFileCase(JSON.parse(JSON.stringify({ ...usual, ...line }))), keys)
}

function told(line: Record<string, unknown>): string {
  const { verdict, indication, subIndication, reasons } = judged(line)
  return [verdict, indication, subIndication, reasons[0]?.code].filter(Boolean).join(' ')
}

test('CMS: level, times and signer of each signature are told, and what is wrong in the words of ETSI', () => {
  const [signer] = parseSignedData(cadesSpecimen()).signers
  assert.ok(signer !== undefined)
  const file = base64(addSignatureTimeStamp(cadesSpecimen(), 0, stampOver(signer.signature)))
  const found = judged({ kind: 'cms', file })
  assert.equal(found.indication, 'TOTAL-PASSED')
  assert.equal(found.id, 'one')
  const [one] = found.signatures
  assert.equal(one?.level, 'cades-t')
  assert.equal(one?.signer, Buffer.from(digest('sha256', cmsLeaf.raw)).toString('hex'))
  assert.equal(one?.provenAt, new Date(specimenNow - 59_500).toISOString())
  const altered = { kind: 'cms', file, content: base64(Uint8Array.of(1)) }
  assert.equal(told(altered), 'failed TOTAL-FAILED HASH_FAILURE content-altered')
  const none = { kind: 'cms', file, anchors: [] }
  assert.equal(told(none), 'failed INDETERMINATE NO_CERTIFICATE_CHAIN_FOUND issuer-unknown')
  const blind = { kind: 'cms', file, crls: [] }
  assert.equal(told(blind), 'indeterminate INDETERMINATE TRY_LATER revocation-missing')
  assert.equal(told({ ...blind, revocation: 'off' }), 'passed TOTAL-PASSED')
  assert.equal(
    told({ kind: 'cms', file: base64(Uint8Array.of(1)) }),
    'failed TOTAL-FAILED FORMAT_FAILURE cms-malformed',
  )
})

test('a revocation is certain only where the time of signing is proven', () => {
  const entries = [specimenEntry(cmsLeaf.serial, 'keyCompromise')]
  const crls = [crl({ entries }), stampCrl]
  const bare = { kind: 'cms', file: base64(cadesSpecimen()), crls }
  assert.equal(told(bare), 'failed INDETERMINATE REVOKED_NO_POE certificate-revoked')
  const [signer] = parseSignedData(cadesSpecimen()).signers
  assert.ok(signer !== undefined)
  const stamped = addSignatureTimeStamp(cadesSpecimen(), 0, stampOver(signer.signature))
  assert.equal(
    told({ ...bare, file: base64(stamped) }),
    'failed TOTAL-FAILED REVOKED certificate-revoked',
  )
})

test('detached content is given as bytes or as its hash', () => {
  const file = base64(cadesSpecimen({ isDetached: true }))
  assert.equal(
    told({ kind: 'cms', file }),
    'indeterminate INDETERMINATE SIGNED_DATA_NOT_FOUND cms-content-missing',
  )
  assert.equal(judged({ kind: 'cms', file, content: base64(cmsDocument) }).verdict, 'passed')
  const contentHashes = { sha256: base64(digest('sha256', cmsDocument)) }
  assert.equal(judged({ kind: 'cms', file, contentHashes }).verdict, 'passed')
})

test('a bare signature: the algorithm follows the key, the certificate comes first', () => {
  const line = {
    kind: 'raw',
    file: base64(poolKey(1).sign('rsa-sha256', cmsDocument)),
    content: base64(cmsDocument),
    certificates: [base64(cmsLeaf.raw)],
  }
  assert.equal(told(line), 'passed TOTAL-PASSED')
  assert.equal(judged({ ...line, algorithm: 'rsa-sha512' }).verdict, 'failed')
  assert.equal(
    told({ ...line, content: base64(Uint8Array.of(1)) }),
    'failed TOTAL-FAILED SIG_CRYPTO_FAILURE signature-bad',
  )
  assert.equal(
    told({ ...line, purpose: 'authentication' })
      .split(' ')
      .at(-1),
    'wrong-purpose',
  )
})

test('a time-stamp answers a query or stands over content', () => {
  const nonce = Uint8Array.of(7, 7, 7)
  const value = digest('sha256', cmsDocument)
  const query = base64(encodeTimeStampRequest({ hash: 'sha256', value, policy: undefined, nonce }))
  const line = { kind: 'tsr', profile: 'standard' }
  const token = stampOver(cmsDocument, { nonce })
  const response = issueTimeStampResponse(token)
  assert.equal(told({ ...line, file: base64(response), query }), 'passed TOTAL-PASSED')
  assert.equal(
    told({ ...line, file: base64(token), content: base64(cmsDocument) }),
    'passed TOTAL-PASSED',
  )
  const stale = { ...line, file: base64(stampOver(cmsDocument)), query }
  assert.equal(told(stale).split(' ').at(-1), 'time-stamp-nonce-mismatch')
  assert.equal(
    told({ ...line, file: base64(token) })
      .split(' ')
      .at(-1),
    'cms-content-missing',
  )
})

test('an OCSP response speaks of the certificate that comes first', () => {
  const certId = ocspCertId(cmsLeaf, cmsAuthority.certificate, 'sha256')
  const nonce = new Uint8Array(32).fill(3)
  const respond = (status: Parameters<typeof issueOcspResponse>[0]['answers'][number]['status']) =>
    base64(
      issueOcspResponse(
        {
          producedAt: specimenNow,
          answers: [{ certId, status, thisUpdate: specimenNow, nextUpdate: specimenNow + 1000 }],
          nonce,
        },
        { ...cmsAuthority, isAuthority: true },
      ),
    )
  const certificates = [base64(cmsLeaf.raw)]
  const line = { kind: 'ocsp', certificates, profile: 'standard' }
  assert.equal(told({ ...line, file: respond({ kind: 'good' }) }), 'passed TOTAL-PASSED')
  const query = base64(encodeOcspRequest([certId], new Uint8Array(32).fill(4)))
  assert.equal(
    told({ ...line, file: respond({ kind: 'good' }), query })
      .split(' ')
      .at(-1),
    'ocsp-nonce-mismatch',
  )
  assert.equal(
    told({ ...line, file: respond({ kind: 'unknown' }) })
      .split(' ')
      .at(-1),
    'ocsp-unknown',
  )
})

test('keys are accepted for a term, and the report names the policy that says so', () => {
  const at = Date.UTC(2031, 0, 1)
  const line = { kind: 'tsr', profile: 'standard', content: base64(cmsDocument) }
  const file = base64(stampOver(cmsDocument))
  const late = { ...line, file, at, crls: [base64(listAt(at))] }
  assert.equal(
    told(late),
    'indeterminate INDETERMINATE CRYPTO_CONSTRAINTS_FAILURE_NO_POE algorithm-outdated',
  )
  const inTime = {
    ...late,
    at: Date.UTC(2030, 11, 31, 14, 59),
    crls: [base64(listAt(Date.UTC(2030, 11, 31, 14)))],
  }
  assert.equal(judged(inTime).policy, 'sekisho-general-2026-11')
  assert.equal(told(inTime), 'passed TOTAL-PASSED')
})

function listAt(thisUpdate: number): Uint8Array {
  const nextUpdate = thisUpdate + 86_400_000
  return specimenCrl('signature', stampIssuer, { partition: undefined, thisUpdate, nextUpdate })
}

test('XML: each signature tells what it covers', () => {
  const { signatures, verdict } = judged({ kind: 'xml', file: base64(xadesSpecimen()) })
  assert.equal(verdict, 'passed')
  assert.ok(signatures[0]?.covers.includes('document'), signatures[0]?.covers.join())
})

test('JWS, ASiC-E and PDF: the same form for each', () => {
  for (const [kind, file, level] of [
    ['jws', jadesSpecimen(), 'jades-b'],
    ['asice', asicSpecimen(), 'xades-b'],
    ['pdf', signed(specimenPdf()), 'pades-b'],
  ] as const) {
    const found = judged({ kind, file: base64(file) })
    assert.equal(found.indication, 'TOTAL-PASSED', `${kind} ${JSON.stringify(found.reasons)}`)
    assert.deepEqual(
      found.signatures.map(each => each.level),
      [level],
    )
    const broken = judged({ kind, file: base64(file.subarray(0, -30)) })
    assert.notEqual(broken.verdict, 'passed', kind)
  }
})

test('a line that is no case is told by its field', () => {
  const wrong = (line: Record<string, unknown>, field: string): void => {
    assert.throws(
      () => parseFileCase({ ...usual, kind: 'cms', file: '', ...line }),
      error => error instanceof BatchLineError && error.field === field,
      field,
    )
  }
  wrong({ kind: 'zip' }, 'kind')
  wrong({ file: 'ÿ' }, 'file')
  wrong({ at: 'yesterday' }, 'at')
  wrong({ profile: 'none' }, 'profile')
  wrong({ contentHashes: { sha256: 'AA==' } }, 'contentHashes')
  wrong({ algorithm: 'rsa-md5' }, 'algorithm')
  wrong({ id: 1 }, 'id')
  wrong({ revocation: 'leaf' }, 'revocation')
})
