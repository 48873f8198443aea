import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { type Certificate, parseCertificate } from './certificate.ts'
import { digest } from './crypto.ts'
import { toHex } from './der.ts'
import { keyUsages } from './extension.ts'
import { KeyCache } from './key-cache.ts'
import { attributeTypes } from './name.ts'
import { checkIssued, pathBudget, verifyPath } from './path.ts'
import { isTownAnchor, jpkiReal, leafProfile } from './profile.ts'
import { codeOf } from './specimen-for-tests.ts'

// jpki.md §2.1.
const facts = [
  {
    file: 'auth_ca_2015',
    kind: 'authentication',
    serial: '01',
    keyId: '9567951b5ca70d84a0fff1d85a87f1aab1340385',
    fingerprint: '4dcfc4ca0aaf9fb2a3081b3f0c991c320b3acc008667a341eeaec5af1d58ca7d',
    notAfter: '2025-10-19T14:59:59.000Z',
  },
  {
    file: 'auth_ca_2023',
    kind: 'authentication',
    serial: '06d18006',
    keyId: '1ac100f596a3bc8c4b3df195e32699249e9e308a',
    fingerprint: '64114f29620c24ed2631d46476a040e7ee740d956089c00b036a6a8118c322b5',
    notAfter: '2033-07-15T14:59:59.000Z',
  },
  {
    file: 'sign_ca_2015',
    kind: 'signature',
    serial: '01',
    keyId: '0d034cbb34d0714f45e45a1cafd8fd143fab54a7',
    fingerprint: '19645405a1fe14377434bd55957628ac4038557c542403a2243f21c706fc9355',
    notAfter: '2025-10-19T14:59:59.000Z',
  },
  {
    file: 'sign_ca_2019',
    kind: 'signature',
    serial: '0132c4ab',
    keyId: '4de017de4b7f473dcd867a62d38b134ace83558a',
    fingerprint: '79679c33e4cc9319440f1ad120a597ff1844e2ef217063adb176966fd5e6fbeb',
    notAfter: '2029-09-14T14:59:59.000Z',
  },
  {
    file: 'sign_ca_2023',
    kind: 'signature',
    serial: '067c6a21',
    keyId: 'd21ea55895617e93adbf966b941ab4edf653f08f',
    fingerprint: 'd227f6cde11d35c5252178f106f843d24651944975413b539fa2fb68dbfa365f',
    notAfter: '2033-07-15T14:59:59.000Z',
  },
] as const

function load(file: string): Certificate {
  const pem = readFileSync(new URL(`../vectors/jpki-ca/${file}.pem`, import.meta.url), 'latin1')
  const encoded = pem.replace(/-----[^-]+-----/g, '').replace(/\s/g, '')
  return parseCertificate(Uint8Array.from(Buffer.from(encoded, 'base64')))
}

test('the five real authority certificates parse, verify themselves and are those of the published list', () => {
  const keys = new KeyCache(16)
  for (const each of facts) {
    const certificate = load(each.file)
    assert.equal(toHex(digest('sha256', certificate.raw)), each.fingerprint)
    assert.equal(certificate.serialHex, each.serial)
    assert.equal(toHex(certificate.subjectKeyIdentifier ?? new Uint8Array()), each.keyId)
    assert.equal(new Date(certificate.notAfter).toISOString(), each.notAfter)
    assert.equal(certificate.keyUsage, keyUsages.keyCertSign | keyUsages.crlSign)
    assert.deepEqual(certificate.basicConstraints, { isAuthority: true, pathLengthMax: undefined })
    assert.equal(certificate.authorityKeyIdentifier, undefined)
    assert.equal(checkIssued(certificate, certificate, keys), undefined)
  }
})

test('the names, Japanese alternative names and distribution points of the real authorities are those of the profile', () => {
  for (const each of facts) {
    const certificate = load(each.file)
    const leaf = leafProfile(jpkiReal, each.kind)
    assert.deepEqual(certificate.subject.raw, leaf.issuer.raw)
    const [alternative] = certificate.subjectAltName ?? []
    assert.equal(alternative?.kind, 'directory')
    if (alternative?.kind === 'directory') {
      assert.deepEqual(alternative.name.raw, leaf.issuerAlternative.raw)
      assert.equal(alternative.name.attribute(attributeTypes.organization), '公的個人認証サービス')
    }
    const [point] = certificate.crlDistributionPoints ?? []
    const [full] = point?.fullName ?? []
    assert.ok(full?.kind === 'directory' && full.name.matches(certificate.subject))
    assert.equal(isTownAnchor(certificate), false)
  }
})

test('generations of one name are told apart by their keys, not by the name', () => {
  const keys = new KeyCache(16)
  const old = load('sign_ca_2019')
  const young = load('sign_ca_2023')
  assert.ok(old.subject.matches(young.subject))
  assert.equal(checkIssued(young, old, keys)?.code, 'certificate-signature-bad')
  const given = {
    at: Date.UTC(2026, 0, 1),
    intermediates: [],
    policies: {
      acceptable: 'any',
      isExplicitRequired: false,
      isMappingInhibited: false,
      isAnyInhibited: false,
    },
    purpose: undefined,
    keyUsage: 0,
    keys,
    budget: pathBudget,
  } as const
  assert.equal(codeOf(verifyPath(young, { ...given, anchors: [old, young] })), 'passed')
  assert.equal(codeOf(verifyPath(young, { ...given, anchors: [old] })), 'certificate-signature-bad')
})
