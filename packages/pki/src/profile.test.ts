import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Certificate, parseCertificate } from './certificate.ts'
import { keyUsages, purposes } from './extension.ts'
import { type EncodedExtension, extension, issueCertificate } from './issue/certificate.ts'
import { issueAuthorityCertificate, lastInstantOfDay } from './issue/jpki.ts'
import { poolCurveKey, poolKey, poolSize } from './issue/pool.ts'
import { encodeName, type Name } from './name.ts'
import { isPoolKey } from './pool-key.ts'
import { poolFingerprints } from './pool-fingerprints.ts'
import {
  type CertificateKind,
  type CertificateProfile,
  classifyLeaf,
  isKeyAllowed,
  isTownAnchor,
  jpkiReal,
  jpkiTown,
  leafProfile,
  partitionOf,
} from './profile.ts'
import { codeOf, specimenAuthority, specimenLeaf, specimenPartition } from './specimen-for-tests.ts'

const profileTown = leafProfile(jpkiTown, 'authentication')

function leafWith(
  extensions: readonly EncodedExtension[],
  issuer: Name = profileTown.issuer,
): Certificate {
  const content = {
    serial: Uint8Array.of(1),
    issuer,
    subject: encodeName([['2.5.4.3', 'x']]),
    notBefore: 0,
    notAfter: 1,
    spki: poolKey(0).spki,
    extensions,
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', () => Uint8Array.of(0)))
}

function kindOf(certificate: Certificate, profile: CertificateProfile): CertificateKind | string {
  const verdict = classifyLeaf(certificate, profile)
  return verdict.kind === 'passed' ? verdict.value.leaf.kind : codeOf(verdict)
}

test('each kind of leaf is recognised by the profile it was made for, and by no other', () => {
  for (const kind of ['signature', 'authentication'] as const) {
    const leaf = specimenLeaf(kind, specimenAuthority(kind, 0), 1)
    assert.equal(kindOf(leaf, jpkiTown), kind)
    assert.equal(kindOf(leaf, jpkiReal), 'profile-unknown')
  }
})

test('policy, key usage, extended key usage and issuer must all agree', () => {
  const [policy] = profileTown.policies
  assert.ok(policy !== undefined)
  const usage = extension.keyUsage(keyUsages.digitalSignature)
  const client = extension.extendedKeyUsage([purposes.clientAuth])
  const policies = extension.policies([{ id: policy }], true)
  assert.equal(kindOf(leafWith([usage, client, policies]), jpkiTown), 'authentication')
  assert.equal(kindOf(leafWith([usage, client]), jpkiTown), 'profile-unknown')
  assert.equal(kindOf(leafWith([client, policies]), jpkiTown), 'key-usage-unacceptable')
  const both = extension.keyUsage(keyUsages.digitalSignature | keyUsages.nonRepudiation)
  assert.equal(kindOf(leafWith([both, client, policies]), jpkiTown), 'key-usage-unacceptable')
  assert.equal(kindOf(leafWith([usage, policies]), jpkiTown), 'extended-key-usage-unacceptable')
  const other = leafProfile(jpkiTown, 'signature').issuer
  assert.equal(kindOf(leafWith([usage, client, policies], other), jpkiTown), 'profile-unknown')
  const authority = [extension.basicConstraints(true), usage, client, policies]
  assert.equal(kindOf(leafWith(authority), jpkiTown), 'profile-unknown')
})

test('the partition of a leaf is its directory name, and an anchor tells its town', () => {
  const authority = specimenAuthority('signature', 0)
  const partition = partitionOf(specimenLeaf('signature', authority, 1))
  assert.ok(partition !== undefined && partition.matches(specimenPartition('signature')))
  assert.equal(
    partition.toString(),
    'C=JP, O=JPKI-TEST, OU=JPKI for digital signature, OU=CRL Distribution Points, OU=Tokyo-to, CN=Chiyoda-ku CRLDP',
  )
  assert.equal(partitionOf(leafWith([])), undefined)
  assert.ok(isTownAnchor(authority.certificate))
  const key = poolKey(0)
  const real = issueAuthorityCertificate({
    profile: jpkiReal,
    kind: 'signature',
    serial: Uint8Array.of(1),
    notBefore: 0,
    notAfter: lastInstantOfDay(2030, 1, 1),
    spki: key.spki,
    algorithm: 'rsa-sha256',
    sign: key.sign,
  })
  assert.ok(!isTownAnchor(parseCertificate(real)))
})

test('certificates end at the last second of a day in Japan', () => {
  assert.equal(new Date(lastInstantOfDay(2030, 2, 3)).toISOString(), '2030-02-03T14:59:59.000Z')
})

test('the next card generation is data: a profile with P-384 keys and ten years', () => {
  const next: CertificateProfile = {
    ...jpkiTown,
    name: 'jpki-next',
    keys: [{ kind: 'ec', curve: 'P-384' }],
    validityYears: 10,
  }
  assert.ok(isKeyAllowed({ kind: 'ec', curve: 'P-384' }, next))
  assert.ok(!isKeyAllowed({ kind: 'ec', curve: 'P-256' }, next))
  assert.ok(!isKeyAllowed({ kind: 'rsa', bits: 2048, exponent: 65537 }, next))
  assert.ok(isKeyAllowed({ kind: 'rsa', bits: 2048, exponent: 65537 }, jpkiReal))
  assert.ok(!isKeyAllowed({ kind: 'rsa', bits: 1024, exponent: 65537 }, jpkiReal))
})

test('every key of the TEST ONLY pool is recognised, and the list holds no others', () => {
  const spkis = Array.from({ length: poolSize }, (_, i) => poolKey(i).spki)
  assert.equal(poolSize, 96)
  assert.equal(poolFingerprints.size, poolSize + 2)
  for (const spki of spkis) assert.ok(isPoolKey(spki))
  for (const index of [0, 1] as const) assert.ok(isPoolKey(poolCurveKey(index).spki))
  assert.ok(!isPoolKey(spkis[0]?.subarray(1) ?? new Uint8Array()))
  assert.equal(poolKey(poolSize + 3).index, 3)
})
