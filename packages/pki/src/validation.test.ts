import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCrl } from './crl.ts'
import { verifyCrl } from './crl-judgement.ts'
import { digest } from './crypto.ts'
import { issueOcspResponse } from './issue/ocsp.ts'
import { partitionName } from './issue/jpki.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { ocspCertId } from './ocsp.ts'
import { ocspLimits } from './ocsp-judgement.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { jpkiReal, jpkiTown } from './profile.ts'
import { RevocationIndex } from './revocation-index.ts'
import { encodeDigestInfo } from './signature.ts'
import {
  codeOf,
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'
import { describeValidation, type ValidationDemands, validateSignature } from './validation.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const authentication = specimenAuthority('authentication', 2)
const leaf = specimenLeaf('signature', authority, 1)
const document = new TextEncoder().encode('口座開設申込書　見本花子')
const signature = poolKey(1).sign('rsa-sha256', document)

function demands(vary: Partial<ValidationDemands> = {}): ValidationDemands {
  return {
    content: { kind: 'bytes', bytes: document },
    form: 'document',
    signature,
    algorithm: 'rsa-sha256',
    certificate: leaf.raw,
    at: specimenNow,
    anchors: [authority.certificate, authentication.certificate],
    revocation: { kind: 'crls', lists: [specimenCrl('signature', authority)] },
    purpose: 'signature',
    profile: jpkiTown,
    poolKeys: 'danger-accepted',
    keys,
    ...vary,
  }
}

function judge(vary: Partial<ValidationDemands> = {}): string {
  return codeOf(validateSignature(demands(vary)).verdict)
}

test('a good signature passes, and the report says on what it rests without naming anyone', () => {
  const report = validateSignature(demands())
  assert.equal(report.verdict.kind, 'passed')
  const described = describeValidation(report)
  assert.equal(described.revocation?.kind, 'crl')
  assert.equal(described.policyVersion, jpkiTown.version)
  assert.equal(described.path.length, 2)
  assert.equal(described.at, '2026-11-02T03:00:00.000Z')
  const text = JSON.stringify(described)
  assert.doesNotMatch(text, /見本|千代田区霞|12345601|20250401ABCDEF/)
})

test('openssl verifies the same signature over the same document', () => {
  using judgeBy = new OpensslJudge()
  const certificate = judgeBy.pem('leaf.pem', 'CERTIFICATE', leaf.raw)
  const key = judgeBy.file(
    'key.pem',
    judgeBy.run('x509', '-in', certificate, '-noout', '-pubkey').bytes,
  )
  const said = judgeBy.run(
    'dgst',
    '-sha256',
    '-verify',
    key,
    '-signature',
    judgeBy.file('signature', signature),
    judgeBy.file('document', document),
  )
  assert.match(said.text, /Verified OK/)
})

test('an altered document, an altered signature and another key are refused', () => {
  const altered = Uint8Array.from(document)
  altered[0] = (altered[0] ?? 0) ^ 1
  assert.equal(judge({ content: { kind: 'bytes', bytes: altered } }), 'signature-bad')
  const bent = Uint8Array.from(signature)
  bent[9] = (bent[9] ?? 0) ^ 1
  assert.equal(judge({ signature: bent }), 'signature-bad')
  assert.equal(judge({ signature: signature.subarray(1) }), 'signature-malformed')
  assert.equal(judge({ signature: poolKey(8).sign('rsa-sha256', document) }), 'signature-bad')
  assert.equal(judge({ algorithm: 'rsa-sha384' }), 'signature-bad')
  assert.equal(judge({ algorithm: 'ecdsa-sha256' }), 'algorithm-unsupported')
})

test('a hash serves in place of a document, and the bare-hash form only where it was asked for', () => {
  const hash = digest('sha256', document)
  assert.equal(judge({ content: { kind: 'hash', hash } }), 'passed')
  assert.equal(judge({ content: { kind: 'hash', hash: hash.subarray(1) } }), 'signature-bad')
  const bare = poolKey(1).privateKey.signBlock(hash)
  assert.equal(judge({ signature: bare }), 'signature-bad')
  assert.equal(judge({ signature: bare, form: 'bare-hash' }), 'passed')
  assert.equal(judge({ form: 'bare-hash' }), 'signature-bad')
  const byCard = poolKey(1).privateKey.signBlock(encodeDigestInfo('sha256', hash))
  assert.deepEqual(byCard, signature)
})

test('the authentication key does not sign applications, nor the signature key log in', () => {
  const login = specimenLeaf('authentication', authentication, 3)
  const crls = [specimenCrl('authentication', authentication)]
  const given = {
    certificate: login.raw,
    signature: poolKey(3).sign('rsa-sha256', document),
    revocation: { kind: 'crls', lists: crls } as const,
  }
  assert.equal(judge({ ...given, purpose: 'authentication' }), 'passed')
  assert.equal(judge({ ...given, purpose: 'signature' }), 'wrong-purpose')
  assert.equal(judge({ purpose: 'authentication' }), 'wrong-purpose')
})

test('another authority of the same name, expiry and a time before validity are refused', () => {
  const stranger = specimenAuthority('signature', 4)
  const forged = specimenLeaf('signature', stranger, 1)
  assert.equal(judge({ certificate: forged.raw }), 'certificate-signature-bad')
  assert.equal(judge({ anchors: [] }), 'issuer-unknown')
  assert.equal(judge({ at: leaf.notAfter + 1000 }), 'certificate-expired')
  assert.equal(judge({ at: leaf.notBefore - 1 }), 'certificate-not-yet-valid')
  assert.equal(judge({ certificate: leaf.raw.subarray(1) }), 'certificate-malformed')
})

test('revoked, held, stale, missing, foreign and forged lists each have their own code', () => {
  const crls = (...lists: readonly Uint8Array[]): Partial<ValidationDemands> => ({
    revocation: { kind: 'crls', lists },
  })
  const naming = (reason: 'affiliationChanged' | 'certificateHold'): Uint8Array =>
    specimenCrl('signature', authority, { entries: [specimenEntry(leaf.serial, reason)] })
  assert.equal(judge(crls(naming('affiliationChanged'))), 'certificate-revoked')
  assert.equal(judge(crls(naming('certificateHold'))), 'certificate-held')
  assert.equal(judge(crls()), 'revocation-missing')
  const old = { thisUpdate: specimenNow - 2, nextUpdate: specimenNow - 1000 }
  assert.equal(judge(crls(specimenCrl('signature', authority, old))), 'crl-stale')
  const partition = partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Minato-ku')
  assert.equal(
    judge(crls(specimenCrl('signature', authority, { partition }))),
    'crl-other-partition',
  )
  const forged = specimenCrl('signature', { ...authority, sign: poolKey(9).sign })
  assert.equal(judge(crls(forged)), 'crl-signature-bad')
})

test('index and OCSP are evidence like lists, and unchecked is said to be unchecked', () => {
  const verified = verifyCrl(
    parseCrl(specimenCrl('signature', authority)),
    [authority.certificate],
    keys,
  )
  assert.ok(verified.kind === 'passed')
  const { index } = RevocationIndex.empty.withLists([verified.value])
  assert.equal(judge({ revocation: { kind: 'index', index } }), 'passed')
  assert.equal(
    judge({ revocation: { kind: 'index', index: RevocationIndex.empty } }),
    'revocation-missing',
  )
  const certId = ocspCertId(leaf, authority.certificate, 'sha256')
  const thisUpdate = specimenNow - 1000
  const answer = { certId, status: { kind: 'good' }, thisUpdate, nextUpdate: undefined } as const
  const response = issueOcspResponse(
    { producedAt: thisUpdate, answers: [answer], nonce: undefined },
    { ...authority, isAuthority: true },
  )
  const ocsp = { kind: 'ocsp', response, nonce: undefined, limits: ocspLimits } as const
  assert.equal(judge({ revocation: ocsp }), 'passed')
  const unchecked = validateSignature(demands({ revocation: { kind: 'danger-unchecked' } }))
  assert.equal(describeValidation(unchecked).revocation?.kind, 'unchecked')
})

test('all that is wrong is told, a definite failure before what cannot be known', () => {
  const other = specimenAuthority('authentication', 2)
  const { verdict } = validateSignature(
    demands({
      purpose: 'authentication',
      signature: poolKey(8).sign('rsa-sha256', document),
      revocation: { kind: 'crls', lists: [] },
      anchors: [authority.certificate, other.certificate],
    }),
  )
  assert.ok(verdict.kind === 'failed')
  assert.deepEqual(
    verdict.reasons.map(each => each.code),
    ['signature-bad', 'wrong-purpose', 'revocation-missing'],
  )
})

test('production refuses the pool’s keys and the town’s certificates', () => {
  assert.equal(judge({ poolKeys: 'refused' }), 'key-test-only')
  assert.equal(judge({ profile: jpkiReal }), 'profile-unknown')
})

test('the key cache keeps to its size, and a key that left is loaded again', () => {
  const small = new KeyCache(4)
  for (let i = 0; i < 20; i++) small.key(poolKey(i).spki)
  assert.ok(small.size <= 4)
  assert.ok(
    small
      .key(poolKey(0).spki)
      .verify('rsa-sha256', document, poolKey(0).sign('rsa-sha256', document)),
  )
})
