import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addSignatureTimeStamp, joinSigners } from './assemble/cades.ts'
import {
  addCadesValidationData,
  prepareArchiveTimeStamp,
  prepareCounterSignature,
} from './assemble/cades-archive.ts'
import { encodeSignedData } from './assemble/signed-data.ts'
import { parseCertificate } from './certificate.ts'
import { parseSignedData } from './cms.ts'
import {
  cadesSpecimen,
  cmsAuthority,
  cmsDemands,
  cmsDocument,
  cmsLeaf,
  stampAuthority,
  stampOver,
  stampRoot,
  stampTrust,
} from './cms-specimen-for-tests.ts'
import { validateCms } from './cms-validation.ts'
import { digest } from './crypto.ts'
import { toHex } from './der.ts'
import { poolKey } from './issue/pool.ts'
import { issueTimeStampResponse, issueTimeStampToken } from './issue/time-stamp.ts'
import { KeyCache } from './key-cache.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import { codeOf, specimenCrl, specimenLeaf, specimenNow } from './specimen-for-tests.ts'
import {
  encodeTimeStampRequest,
  parseTimeStampRequest,
  parseTimeStampResponse,
} from './time-stamp.ts'
import { judgeTimeStamp } from './time-stamp-judgement.ts'

const seconds = String(Math.floor(specimenNow / 1000))
const keys = new KeyCache(64)
const open = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
} as const
const second = specimenLeaf('signature', cmsAuthority, 12)

function opensslVerifies(cms: Uint8Array, ...more: readonly string[]): string {
  using judge = new OpensslJudge()
  const said = judge.run(
    'cms',
    '-verify',
    '-binary',
    '-inform',
    'DER',
    '-in',
    judge.file('x.der', cms),
    '-CAfile',
    judge.pem('ca.pem', 'CERTIFICATE', cmsAuthority.certificate.raw),
    '-purpose',
    'any',
    '-attime',
    seconds,
    '-cades',
    '-out',
    judge.path('out'),
    ...more,
  )
  return said.text
}

/** A signature that openssl makes over the specimen document with the specimen person's key. */
function opensslSigns(...more: readonly string[]): Uint8Array {
  using judge = new OpensslJudge()
  const said = judge.run(
    'cms',
    '-sign',
    '-binary',
    '-outform',
    'DER',
    '-in',
    judge.file('document', cmsDocument),
    '-signer',
    judge.pem('leaf.pem', 'CERTIFICATE', cmsLeaf.raw),
    '-inkey',
    judge.pem('key.pem', 'PRIVATE KEY', poolKey(1).pkcs8),
    '-out',
    judge.path('out'),
    ...more,
  )
  assert.equal(said.status, 0, said.text)
  return judge.read(judge.path('out'))
}

/** The response of openssl's own authority, which names its certificate by a hash. */
function opensslStamps(query: Uint8Array, hash: string): Uint8Array {
  using judge = new OpensslJudge()
  const configuration = [
    '[ts]',
    'default_tsa = tsa',
    '[tsa]',
    `serial = ${judge.file('serial', '01')}`,
    'signer_digest = sha256',
    'default_policy = 2.999.1',
    'digests = sha256',
    'accuracy = secs:1, millisecs:500',
    `ess_cert_id_alg = ${hash}`,
  ].join('\n')
  const reply = judge.path('reply')
  const said = judge.run(
    'ts',
    '-reply',
    '-config',
    judge.file('ts.cnf', configuration),
    '-section',
    'tsa',
    '-queryfile',
    judge.file('query', query),
    '-signer',
    judge.pem('tsa.pem', 'CERTIFICATE', stampAuthority.certificate.raw),
    '-inkey',
    judge.pem('key.pem', 'PRIVATE KEY', poolKey(31).pkcs8),
    '-out',
    reply,
  )
  assert.equal(said.status, 0, said.text)
  return judge.read(reply)
}

function judged(cms: Uint8Array, vary: Parameters<typeof cmsDemands>[1] = {}): string {
  return codeOf(validateCms(cmsDemands(cms, vary)).verdict)
}

const detached = { content: { kind: 'bytes', bytes: cmsDocument } } as const

test('openssl verifies our signatures: attached, detached, stamped, and of two signers', () => {
  const attached = cadesSpecimen()
  const success = /verification successful/i
  assert.match(opensslVerifies(attached), success)
  const [signer] = parseSignedData(attached).signers
  assert.ok(signer !== undefined)
  const stamped = addSignatureTimeStamp(attached, 0, stampOver(signer.signature))
  assert.match(opensslVerifies(stamped), success)
  const both = joinSigners(stamped, cadesSpecimen({ certificate: second, keyIndex: 12 }))
  assert.match(opensslVerifies(both), success)
  using judge = new OpensslJudge()
  const document = judge.file('document', cmsDocument)
  const apart = cadesSpecimen({ isDetached: true })
  assert.match(opensslVerifies(apart, '-content', document), success)
  const other = judge.file('other', Uint8Array.of(1))
  assert.doesNotMatch(opensslVerifies(apart, '-content', other), success)
})

test('we verify what openssl signs: attached, detached, by key identifier, other digests, no attributes', () => {
  assert.equal(judged(opensslSigns('-nodetach', '-cades')), 'passed')
  assert.equal(judged(opensslSigns('-cades'), detached), 'passed')
  assert.equal(judged(opensslSigns('-cades'), {}), 'cms-content-missing')
  assert.equal(judged(opensslSigns('-nodetach', '-cades', '-keyid')), 'passed')
  for (const hash of ['sha384', 'sha512']) {
    assert.equal(judged(opensslSigns('-nodetach', '-cades', '-md', hash)), 'passed', hash)
  }
  const plain = opensslSigns('-nodetach')
  assert.equal(judged(plain, { level: 'cms' }), 'passed')
  assert.equal(judged(plain), 'cades-certificate-unprotected')
  const bare = opensslSigns('-nodetach', '-noattr')
  assert.equal(judged(bare, { level: 'cms' }), 'passed')
  assert.equal(judged(bare), 'cades-certificate-unprotected')
})

test('we refuse what openssl may sign with SHA-1, and accept streams in pieces and RSA-PSS with any salt', () => {
  assert.equal(judged(opensslSigns('-nodetach', '-cades', '-md', 'sha1')), 'algorithm-weak')
  assert.equal(judged(opensslSigns('-nodetach', '-cades', '-stream')), 'passed')
  const pss = ['-nodetach', '-cades', '-keyopt', 'rsa_padding_mode:pss']
  assert.equal(judged(opensslSigns(...pss)), 'passed')
  const short = opensslSigns(...pss, '-keyopt', 'rsa_pss_saltlen:32')
  assert.equal(judged(short), 'passed')
  assert.equal(judged(short.with(short.length - 20, (short.at(-20) ?? 0) ^ 1)), 'signature-bad')
})

test('openssl reads what makes a signature last: evidence, archive time-stamp, counter-signature', () => {
  const [signer] = parseSignedData(cadesSpecimen()).signers
  assert.ok(signer !== undefined)
  const cms = addCadesValidationData(
    addSignatureTimeStamp(cadesSpecimen(), 0, stampOver(signer.signature)),
    { certificates: [], lists: [specimenCrl('signature', cmsAuthority)], responses: [] },
  )
  const archive = prepareArchiveTimeStamp(cms, 0, { hash: 'sha256', contentHash: undefined })
  const archived = archive.finish(stampOver(cms, { value: archive.imprint }))
  const counter = prepareCounterSignature(archived, 0, {
    certificate: cmsLeaf,
    algorithm: 'rsa-sha256',
    signingTime: specimenNow,
  })
  const whole = counter.finish(poolKey(1).sign('rsa-sha256', counter.toBeSigned))
  for (const each of [cms, archived, whole]) {
    assert.match(opensslVerifies(each), /verification successful/i)
  }
})

test('a container without its certificate needs it from the caller', () => {
  const cms = opensslSigns('-nodetach', '-cades', '-nocerts')
  assert.equal(judged(cms), 'signer-certificate-missing')
  assert.equal(judged(cms, { certificates: [cmsLeaf] }), 'passed')
})

test('lists in the container count among the evidence, and openssl reads the container still', () => {
  const data = parseSignedData(cadesSpecimen())
  const crls = [specimenCrl('signature', cmsAuthority)]
  const cms = encodeSignedData({ ...data, crls, signers: data.signers.map(each => each.raw) })
  assert.match(opensslVerifies(cms), /verification successful/i)
  const none = { revocation: { kind: 'crls', lists: [] } } as const
  assert.equal(judged(cms, none), 'passed')
  assert.equal(judged(cadesSpecimen(), none), 'revocation-missing')
})

test('under the rules of RFC 5280 alone: ECDSA, an intermediate authority in the container, no signing purpose', () => {
  using judge = new OpensslJudge()
  const made = (name: string, issuer: string | undefined, extensions: string): string => {
    const key = judge.path(`${name}.key`)
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes']
    const by = issuer === undefined ? [] : ['-CA', judge.path(`${issuer}.pem`), '-CAkey']
    const signing = issuer === undefined ? [] : [judge.path(`${issuer}.key`)]
    const config = judge.file(
      `${name}.cnf`,
      `[req]\ndistinguished_name = dn\nx509_extensions = x\n[dn]\n[x]\n${extensions}\n`,
    )
    const out = judge.path(`${name}.pem`)
    const subject = ['-config', config, '-subj', `/CN=${name}`, '-days', '30', '-sha384']
    const said = judge.run(...args, ...by, ...signing, ...subject, '-keyout', key, '-out', out)
    assert.equal(said.status, 0, said.text)
    return out
  }
  const authority = 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,cRLSign'
  const root = made('root', undefined, authority)
  const middle = made('middle', 'root', authority)
  const der = (pem: string): Uint8Array => judge.run('x509', '-in', pem, '-outform', 'DER').bytes
  const anchors = [parseCertificate(der(root))]
  const at = (anchors[0]?.notBefore ?? 0) + 3_600_000
  const rules = { kind: 'standard', policies: open, purpose: undefined } as const
  const given = { rules, anchors, at, revocation: { kind: 'danger-unchecked' } } as const
  const signedBy = (usage: string, md: string): Uint8Array => {
    const leaf = made('leaf', 'middle', `keyUsage=${usage}`)
    const out = judge.path('cms.der')
    const document = judge.file('document', cmsDocument)
    const how = ['-sign', '-binary', '-nodetach', '-cades', '-md', md, '-outform', 'DER']
    const who = ['-signer', leaf, '-inkey', judge.path('leaf.key'), '-certfile', middle]
    const said = judge.run('cms', ...how, ...who, '-in', document, '-out', out)
    assert.equal(said.status, 0, said.text)
    return judge.read(out)
  }
  for (const hash of ['sha256', 'sha384', 'sha512']) {
    assert.equal(judged(signedBy('digitalSignature', hash), given), 'passed', hash)
  }
  assert.equal(judged(signedBy('keyAgreement', 'sha256'), given), 'key-usage-unacceptable')
  const cms = signedBy('nonRepudiation', 'sha256')
  assert.equal(judged(cms, { ...given, anchors: [cmsAuthority.certificate] }), 'issuer-unknown')
  const unknown = { kind: 'crls', lists: [] } as const
  assert.equal(judged(cms, { ...given, revocation: unknown }), 'revocation-missing')
})

test('openssl reads our time-stamp request, and verifies our token and response', () => {
  using judge = new OpensslJudge()
  const nonce = Uint8Array.of(0x9a, 2, 3, 4)
  const query = encodeTimeStampRequest({
    hash: 'sha256',
    value: digest('sha256', cmsDocument),
    policy: '2.999.1',
    nonce,
  })
  const queryFile = judge.file('query', query)
  const read = judge.run('ts', '-query', '-in', queryFile, '-text')
  assert.match(read.text, /Nonce: 0x9A020304/i)
  assert.match(read.text, /Certificate required: yes/)
  const asked = parseTimeStampRequest(query)
  assert.ok(asked.isCertificateWanted && asked.policy === '2.999.1')
  const token = stampOver(cmsDocument, { nonce: asked.nonce, at: specimenNow - 60_250 })
  const response = judge.file('response', issueTimeStampResponse(token))
  const root = judge.pem('root.pem', 'CERTIFICATE', stampRoot.raw)
  const about = ['-in', response, '-CAfile', root, '-attime', seconds]
  const byQuery = judge.run('ts', '-verify', '-queryfile', queryFile, ...about)
  assert.match(byQuery.text, /Verification: OK/)
  const document = judge.file('document', cmsDocument)
  assert.match(judge.run('ts', '-verify', '-data', document, ...about).text, /Verification: OK/)
  const other = judge.file('other', Uint8Array.of(1))
  assert.doesNotMatch(judge.run('ts', '-verify', '-data', other, ...about).text, /OK/)
})

test('we verify the time-stamp that openssl makes for our request, its certificate named by either version', () => {
  for (const hash of ['sha256', 'sha384', 'sha1']) {
    const nonce = Uint8Array.of(0x7a, 2, 3, 4)
    const value = digest('sha256', cmsDocument)
    const query = encodeTimeStampRequest({ hash: 'sha256', value, policy: undefined, nonce })
    const response = parseTimeStampResponse(opensslStamps(query, hash))
    assert.ok(response.kind === 'granted')
    const stamp = judgeTimeStamp({
      token: response.token,
      stamped: { kind: 'hashes', hashes: { sha256: value } },
      nonce,
      // openssl stamps with its own clock, which must lie within the authority's years.
      at: stampAuthority.certificate.notAfter - 1000,
      trust: stampTrust,
      keys,
    })
    assert.equal(codeOf(stamp), 'passed', hash)
    assert.ok(stamp.kind === 'passed' && stamp.value.info.accuracyMs === 1500)
    assert.equal(toHex(stamp.value.info.nonce ?? nonce), '7a020304')
  }
})

test('a token is of one signer, and openssl agrees about fractions of seconds', () => {
  using judge = new OpensslJudge()
  const token = issueTimeStampToken(
    {
      policy: '2.999.1',
      hash: 'sha512',
      value: digest('sha512', cmsDocument),
      serial: Uint8Array.of(0x90),
      at: specimenNow - 120,
      accuracyMs: undefined,
      nonce: undefined,
    },
    stampAuthority,
  )
  const file = judge.file('token', token)
  const read = judge.run('ts', '-reply', '-in', file, '-token_in', '-text', '-token_out')
  assert.match(read.text, /Nov\s+2 02:59:59\.88 2026/)
})
