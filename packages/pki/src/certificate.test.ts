import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import 'reflect-metadata'
import * as peculiar from '@peculiar/x509'
import { Certificate, parseCertificate } from './certificate.ts'
import { MalformedError, toHex } from './der.ts'
import { concat, element } from './der-writer.ts'
import { keyUsages, practiceStatementId, purposes, readPolicyQualifiers } from './extension.ts'
import { extension, issueCertificate } from './issue/certificate.ts'
import { issueResponderCertificate } from './issue/jpki.ts'
import { poolKey } from './issue/pool.ts'
import { encodeName } from './name.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { specimenAuthority, specimenLeaf, specimenNow } from './specimen-for-tests.ts'

const authority = specimenAuthority('signature', 0)
const authentication = specimenAuthority('authentication', 2)

test('openssl accepts what we issue, strictly, and prints the same fields', () => {
  using judge = new OpensslJudge()
  const leaf = specimenLeaf('signature', authority, 1, { serial: Uint8Array.of(0x81, 2, 3, 4) })
  const anchor = judge.pem('ca.pem', 'CERTIFICATE', authority.certificate.raw)
  const file = judge.pem('leaf.pem', 'CERTIFICATE', leaf.raw)
  const at = String(specimenNow / 1000)
  const verdict = judge.run('verify', '-x509_strict', '-attime', at, '-CAfile', anchor, file)
  assert.match(verdict.text, /leaf\.pem: OK/)
  const printed = judge.run('x509', '-in', file, '-noout', '-text', '-nameopt', 'utf8').text
  assert.match(printed, /Serial Number: 2164392708 \(0x81020304\)/)
  assert.match(printed, /Not After : Feb {2}3 14:59:59 2030 GMT/)
  assert.match(printed, /Key Usage: critical\s+Digital Signature, Non Repudiation/)
  assert.match(
    printed,
    /Certificate Policies: critical\s+Policy: 1\.2\.392\.200149\.8\.5\.1\.0\.20/,
  )
  assert.match(printed, /1\.2\.392\.200149\.8\.5\.5\.1::見本　花子/)
  assert.match(printed, /CN ?= ?Chiyoda-ku CRLDP/)
  assert.equal(leaf.serialHex, '81020304')
  assert.equal(new Date(leaf.notAfter).toISOString(), '2030-02-03T14:59:59.000Z')
})

test('a second library, and Node, read our certificates as we do', () => {
  const issued = [
    authority.certificate,
    specimenLeaf('signature', authority, 1),
    specimenLeaf('authentication', authentication, 3),
  ]
  for (const ours of issued) {
    const raw = Uint8Array.from(ours.raw)
    const theirs = new peculiar.X509Certificate(raw)
    assert.equal(theirs.serialNumber, ours.serialHex)
    assert.equal(theirs.notBefore.getTime(), ours.notBefore)
    assert.equal(theirs.notAfter.getTime(), ours.notAfter)
    assert.equal(toHex(new Uint8Array(theirs.publicKey.rawData)), toHex(ours.spki))
    const usages = theirs.getExtension(peculiar.KeyUsagesExtension)
    assert.equal(usages?.usages, ours.keyUsage)
    const node = new X509Certificate(raw)
    assert.equal(
      node.fingerprint256.replaceAll(':', ''),
      createHash('sha256').update(raw).digest('hex').toUpperCase(),
    )
    assert.equal(node.serialNumber.toLowerCase(), ours.serialHex)
  }
})

test('the authentication leaf has exactly the extensions of the profile, in their order', () => {
  using judge = new OpensslJudge()
  const leaf = specimenLeaf('authentication', authentication, 3)
  const printed = judge.run(
    'x509',
    '-in',
    judge.pem('a.pem', 'CERTIFICATE', leaf.raw),
    '-noout',
    '-text',
  ).text
  const titles = [...printed.matchAll(/^ {12}(X509v3 [^:]+|Authority Information Access):/gm)]
  assert.deepEqual(
    titles.map(each => each[1]),
    [
      'X509v3 Key Usage',
      'X509v3 Extended Key Usage',
      'X509v3 Certificate Policies',
      'X509v3 Issuer Alternative Name',
      'X509v3 CRL Distribution Points',
      'Authority Information Access',
      'X509v3 Authority Key Identifier',
      'X509v3 Subject Key Identifier',
    ],
  )
  assert.equal(leaf.keyUsage, keyUsages.digitalSignature)
  assert.deepEqual(leaf.extendedKeyUsage, [purposes.clientAuth])
  assert.equal(leaf.subjectAltName, undefined)
  assert.equal(leaf.basicConstraints, undefined)
  const [policy] = leaf.policies ?? []
  assert.ok(policy !== undefined && leaf.isCritical('certificatePolicies'))
  assert.equal(readPolicyQualifiers(policy)[0]?.id, practiceStatementId)
  assert.deepEqual(leaf.authorityKeyIdentifier?.serial, authentication.certificate.serial)
})

test('a duplicate extension, two algorithms, and bytes after the end are malformed', () => {
  const key = poolKey(5)
  const name = encodeName([['2.5.4.3', 'x']])
  const content = {
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBefore: 0,
    notAfter: specimenNow,
    spki: key.spki,
    extensions: [extension.keyUsage(1), extension.keyUsage(1)],
  }
  const codeOfParsing = (der: Uint8Array): string => {
    try {
      parseCertificate(der)
      return 'read'
    } catch (error) {
      if (error instanceof MalformedError) return error.code
      throw error
    }
  }
  assert.equal(
    codeOfParsing(issueCertificate(content, 'rsa-sha256', key.sign)),
    'extension-duplicate',
  )
  const good = issueCertificate({ ...content, extensions: [] }, 'rsa-sha256', key.sign)
  assert.equal(codeOfParsing(good), 'read')
  assert.equal(codeOfParsing(concat(good, Uint8Array.of(0))), 'trailing-bytes')
  const mixed = Uint8Array.from(good)
  // The last algorithm identifier names SHA-384 instead.
  const position = mixed.length - 4 - 257 - 2 - 1
  assert.equal(mixed[position], 0x0b)
  mixed[position] = 0x0c
  assert.equal(codeOfParsing(mixed), 'algorithm-mismatch')
  assert.equal(codeOfParsing(element(0x30, new Uint8Array(70_000))), 'too-large')
})

test('a responder certificate carries OCSP signing and no-check', () => {
  const der = issueResponderCertificate({
    issuer: authority,
    serial: Uint8Array.of(9),
    spki: poolKey(6).spki,
    notBefore: specimenNow,
    notAfter: specimenNow + 86_400_000,
    commonName: 'OCSP Responder',
  })
  const certificate = parseCertificate(der)
  assert.ok(certificate instanceof Certificate && certificate.hasOcspNoCheck)
  assert.deepEqual(certificate.extendedKeyUsage, [purposes.ocspSigning])
})
