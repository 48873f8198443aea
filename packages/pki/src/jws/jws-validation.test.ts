import assert from 'node:assert/strict'
import { createPublicKey, randomInt } from 'node:crypto'
import { test } from 'node:test'
import {
  compactVerify,
  CompactSign,
  FlattenedSign,
  flattenedVerify,
  generalVerify,
  GeneralSign,
  importPKCS8,
} from 'jose'
import {
  addJadesTimeStamp,
  addJadesValidationData,
  jadesToBeStamped,
  prepareJades,
} from '../assemble/jades.ts'
import { encodeBase64 } from '../base64.ts'
import {
  cmsAuthority,
  cmsLeaf,
  stampAuthority,
  stampOver,
  stampRoot,
  stampTrust,
} from '../cms-specimen-for-tests.ts'
import type { CmsContent } from '../cms-signer.ts'
import { digest } from '../crypto.ts'
import { MalformedError } from '../der.ts'
import { keyIdentifier } from '../issue/certificate.ts'
import { issueCrl } from '../issue/crl.ts'
import { poolKey } from '../issue/pool.ts'
import { codeOf, specimenCrl, specimenLeaf, specimenNow } from '../specimen-for-tests.ts'
import { generalPolicy } from '../validation-policy.ts'
import {
  bytesOf,
  freshSigner,
  rsaSigner,
  textOfBytes,
  type XmlSigner,
} from '../xml/xml-specimen-for-tests.ts'
import { inspectJwsSignature } from './inspection.ts'
import {
  compactByHand,
  jadesSpecimen,
  jwsDemands,
  jwsDocument,
  looseJwsDemands,
  partsByHand,
  x5c,
} from './jws-specimen-for-tests.ts'
import type { JwsFiles } from './jws-signer.ts'
import { type JwsDemands, type JwsSignatureReport, validateJws } from './jws-validation.ts'

const none = { kind: 'crls', lists: [] } as const
const p256 = freshSigner('P-256')
const p384 = freshSigner('P-384')
const edwards = freshSigner('ed25519')

function judged(jws: Uint8Array, vary: Partial<JwsDemands> = {}): string {
  return codeOf(validateJws(jwsDemands(jws, vary)).verdict)
}

function loosely(jws: Uint8Array | string, vary: Partial<JwsDemands> = {}): string {
  const bytes = typeof jws === 'string' ? bytesOf(jws) : jws
  return codeOf(validateJws(looseJwsDemands(bytes, vary)).verdict)
}

function reported(jws: Uint8Array, vary: Partial<JwsDemands> = {}): JwsSignatureReport {
  const [only, ...others] = validateJws(jwsDemands(jws, vary)).signatures
  assert.ok(only !== undefined && others.length === 0)
  return only
}

function publicKey(signer: XmlSigner) {
  return createPublicKey({ key: Buffer.from(signer.certificate.spki), format: 'der', type: 'spki' })
}

function privateKey(signer: XmlSigner, alg: string) {
  const text = Buffer.from(signer.pkcs8).toString('base64')
  return importPKCS8(`-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----`, alg)
}

/** A header made by hand with the specimen person's certificate and more members. */
function withMembers(members: string, payload?: string): Uint8Array {
  const header = `{"alg":"RS256",${x5c}${members === '' ? '' : `,${members}`}}`
  return compactByHand({ header, ...(payload === undefined ? {} : { payload }) })
}

const cases = [
  ['rsa-sha256', rsaSigner],
  ['rsa-sha512', rsaSigner],
  ['rsa-pss-sha256', rsaSigner],
  ['rsa-pss-sha384', rsaSigner],
  ['ecdsa-sha256', p256],
  ['ecdsa-sha384', p384],
  ['ed25519', edwards],
] as const

test('jose verifies our signatures, compact and flattened, attached and detached, in every algorithm', async () => {
  for (const [algorithm, signer] of cases) {
    const compact = jadesSpecimen({ serialization: 'compact', algorithm }, signer)
    const read = await compactVerify(compact, publicKey(signer))
    assert.deepEqual(new Uint8Array(read.payload), jwsDocument)
    assert.equal(loosely(compact, { level: 'jades-b' }), 'passed', algorithm)
    const flattened = jadesSpecimen({ algorithm }, signer)
    await flattenedVerify(JSON.parse(textOfBytes(flattened)), publicKey(signer))
    const apart = jadesSpecimen(
      { algorithm, content: { kind: 'detached', bytes: jwsDocument, contentType: 'json' } },
      signer,
    )
    const payload = encodeBase64(jwsDocument, 'url')
    await flattenedVerify({ ...JSON.parse(textOfBytes(apart)), payload }, publicKey(signer))
    assert.equal(loosely(apart, { payload: jwsDocument }), 'passed')
    assert.equal(loosely(apart), 'jws-content-missing')
    assert.equal(loosely(apart, { payload: bytesOf('other') }), 'signature-bad')
  }
})

test('we verify what jose signs: compact, and general with several signers', async () => {
  const chain = (signer: XmlSigner): string[] => [encodeBase64(signer.certificate.raw, 'xml')]
  const pairs = [
    ['RS256', rsaSigner],
    ['PS512', rsaSigner],
    ['ES256', p256],
    ['ES384', p384],
    ['EdDSA', edwards],
  ] as const
  const general = new GeneralSign(jwsDocument)
  for (const [alg, signer] of pairs) {
    const header = { alg, x5c: chain(signer) }
    const compact = await new CompactSign(jwsDocument)
      .setProtectedHeader(header)
      .sign(await privateKey(signer, alg))
    assert.equal(loosely(compact, { level: 'jades-b' }), 'passed', alg)
    general.addSignature(await privateKey(signer, alg)).setProtectedHeader(header)
  }
  const all = await general.sign()
  const report = validateJws(looseJwsDemands(bytesOf(JSON.stringify(all))))
  assert.ok(report.verdict.kind === 'passed' && report.verdict.value.length === pairs.length)
  await generalVerify(all, publicKey(p256))
  const altered = { ...all, payload: encodeBase64(bytesOf('other'), 'url') }
  assert.equal(loosely(JSON.stringify(altered)), 'signature-bad')
})

test('jose and we agree about a plain payload (RFC 7797), and about files by their hashes', async () => {
  const header = {
    alg: 'ES256',
    b64: false,
    crit: ['b64'],
    x5c: [encodeBase64(p256.certificate.raw, 'xml')],
  }
  const plain = bytesOf('plain payload. 平文')
  const { signature, protected: head } = await new FlattenedSign(plain)
    .setProtectedHeader(header)
    .sign(await privateKey(p256, 'ES256'))
  const signed = (payload: string): string =>
    JSON.stringify({ payload, protected: head, signature })
  assert.equal(loosely(signed('plain payload. 平文')), 'passed')
  assert.equal(loosely(signed('plain payload. 平分')), 'signature-bad')
  const apart = JSON.stringify({ protected: head, signature })
  assert.equal(loosely(apart, { payload: plain }), 'passed')
  const jws = JSON.parse(textOfBytes(jadesSpecimen({ content: twoFiles })))
  const read = { ...jws, payload: new Uint8Array() }
  await flattenedVerify(read, publicKey(rsaSigner), { crit: { sigD: true } })
  await assert.rejects(flattenedVerify(read, publicKey(rsaSigner)))
})

test('a report says who, over what, and since when; a reader recomputes what it signs', () => {
  const report = reported(jadesSpecimen())
  assert.ok(report.verdict.kind === 'passed')
  assert.deepEqual(report.certificate?.raw, cmsLeaf.raw)
  assert.equal(report.level, 'jades-b')
  assert.equal(report.claimedAt, specimenNow - 120_000)
  const [covered] = report.covered
  assert.equal(covered?.contentType, 'json')
  assert.deepEqual(covered?.content, { kind: 'bytes', bytes: jwsDocument })
  const prepared = prepareJades({
    content: { kind: 'attached', bytes: jwsDocument, contentType: 'json' },
    serialization: 'compact',
    certificate: cmsLeaf,
    certificates: [cmsAuthority.certificate],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow,
  })
  const given = { payload: undefined, files: new Map() }
  const inspected = inspectJwsSignature(prepared.document, 0, given)
  assert.ok(inspected.kind === 'passed')
  assert.deepEqual(inspected.value.toBeSigned, prepared.toBeSigned)
  assert.deepEqual(digest('sha256', inspected.value.toBeSigned), prepared.digest)
  assert.throws(
    () => prepared.finish(poolKey(2).sign('rsa-sha256', prepared.toBeSigned)),
    RangeError,
  )
  assert.equal(codeOf(inspectJwsSignature(prepared.document, 1, given)), 'jws-malformed')
})

test('what cannot be signed is not prepared', () => {
  assert.throws(() => jadesSpecimen({ algorithm: 'ecdsa-sha512' }, p256), RangeError)
  assert.throws(() => jadesSpecimen({ algorithm: 'ecdsa-sha384' }, p256), RangeError)
  assert.throws(() => jadesSpecimen({ content: { kind: 'files', files: [] } }), RangeError)
  const hash = { kind: 'hash', hash: new Uint8Array(31) } as const
  const files = [{ uri: 'a', content: hash, contentType: 'text/plain' }]
  assert.throws(() => jadesSpecimen({ content: { kind: 'files', files } }), RangeError)
})

const file = bytesOf('添付')
const twoFiles = {
  kind: 'files',
  files: [
    { uri: 'a.txt', content: { kind: 'bytes', bytes: file }, contentType: 'text/plain' },
    {
      uri: 'b%20c',
      content: { kind: 'hash', hash: digest('sha256', bytesOf('b')) },
      contentType: 'x/y',
    },
  ],
} as const

test('files beside a JWS are covered one by one, and one that is not is told', () => {
  const jws = jadesSpecimen({ content: twoFiles })
  const files: JwsFiles = new Map<string, CmsContent>([
    ['a.txt', { kind: 'bytes', bytes: file }],
    ['b%20c', { kind: 'bytes', bytes: bytesOf('b') }],
  ])
  assert.equal(judged(jws, { files }), 'passed')
  const hashes = { kind: 'hashes', hashes: { sha256: digest('sha256', file) } } as const
  assert.equal(
    judged(jws, { files: new Map<string, CmsContent>([...files, ['a.txt', hashes]]) }),
    'passed',
  )
  assert.deepEqual(
    reported(jws, { files }).covered.map(each => [each.target, each.contentType]),
    [
      [{ kind: 'file', uri: 'a.txt' }, 'text/plain'],
      [{ kind: 'file', uri: 'b%20c' }, 'x/y'],
    ],
  )
  assert.equal(judged(jws), 'jws-content-missing')
  const altered = { kind: 'bytes', bytes: bytesOf('B') } as const
  assert.equal(
    judged(jws, { files: new Map<string, CmsContent>([...files, ['b%20c', altered]]) }),
    'content-altered',
  )
  assert.equal(
    judged(jws, { files: new Map<string, CmsContent>([...files, ['c', altered]]) }),
    'jws-partly-covered',
  )
  assert.equal(judged(jadesSpecimen(), { files }), 'jws-partly-covered')
})

/** A flattened JWS with detached content over a hand-made header; what is signed is this payload text. */
function filesByHand(sigD: string, isPlain: boolean, payload: string): Uint8Array {
  const crit = isPlain ? '["b64","sigD"]' : '["sigD"]'
  const b64 = isPlain ? '"b64":false,' : ''
  const header = `{"alg":"RS256",${b64}"crit":${crit},"sigD":${sigD},${x5c}}`
  const parts = partsByHand({ header, payload })
  return bytesOf(JSON.stringify({ protected: parts.protected, signature: parts.signature }))
}

test('each mechanism of sigD is understood or told to be refused', () => {
  const url = (bytes: Uint8Array): string => encodeBase64(bytes, 'url')
  const files = new Map([['a', { kind: 'bytes', bytes: file } as const]])
  const ets = 'http://uri.etsi.org/19182'
  const hashed = (value: string, hash = 'S256'): string =>
    `{"mId":"${ets}/ObjectIdByURIHash","pars":["a"],"hashM":"${hash}","hashV":["${value}"]}`
  const asIs = hashed(url(digest('sha256', file)))
  const asText = hashed(url(digest('sha256', bytesOf(url(file)))))
  assert.equal(loosely(filesByHand(asIs, true, ''), { files }), 'passed')
  assert.equal(loosely(filesByHand(asText, false, ''), { files }), 'passed')
  // Which of the two it is, b64 says, and nobody else.
  assert.equal(loosely(filesByHand(asText, true, ''), { files }), 'content-altered')
  assert.equal(loosely(filesByHand(asIs, false, ''), { files }), 'content-altered')
  const together = (pars: string): string => `{"mId":"${ets}/ObjectIdByURI","pars":[${pars}]}`
  assert.equal(loosely(filesByHand(together('"a"'), false, '添付'), { files }), 'passed')
  assert.equal(loosely(filesByHand(together('"a"'), true, '添付'), { files }), 'passed')
  assert.equal(loosely(filesByHand(together('"a"'), true, '添'), { files }), 'signature-bad')
  const both = new Map([...files, ['b', { kind: 'bytes', bytes: file } as const]])
  const two = filesByHand(together('"a","b"'), true, '添付添付')
  assert.equal(loosely(two, { files: both }), 'jws-mechanism-refused')
  const headers = `{"mId":"${ets}/HttpHeaders","pars":["digest"]}`
  assert.equal(loosely(filesByHand(headers, true, ''), { files }), 'jws-mechanism-refused')
  assert.equal(
    loosely(filesByHand(hashed('AA', 'MD5'), true, ''), { files }),
    'jws-mechanism-refused',
  )
  for (const broken of [
    '"text"',
    '{}',
    `{"mId":"${ets}/ObjectIdByURIHash","pars":["a"],"hashM":"S256","hashV":[]}`,
    `{"mId":"${ets}/ObjectIdByURIHash","pars":["a","a"],"hashM":"S256","hashV":["AA","AA"]}`,
    `{"mId":"${ets}/ObjectIdByURI","pars":["a"],"hashM":"S256","hashV":["AA"]}`,
    `{"mId":"${ets}/ObjectIdByURI","pars":[]}`,
  ]) {
    assert.equal(loosely(filesByHand(broken, true, ''), { files }), 'jws-header-invalid', broken)
  }
})

test('no algorithm, one with a shared secret, or one of another key is none', () => {
  for (const alg of ['none', 'None', 'HS256', 'HS512', 'ES256K', 'rs256', '', 'RS256 ']) {
    assert.equal(
      loosely(compactByHand({ header: `{"alg":"${alg}",${x5c}}` })),
      'algorithm-unsupported',
      alg,
    )
  }
  const unsigned = textOfBytes(compactByHand({ header: `{"alg":"none",${x5c}}` })).replace(
    /[^.]*$/,
    '',
  )
  assert.equal(loosely(unsigned), 'algorithm-unsupported')
  assert.equal(loosely(compactByHand({ header: `{${x5c}}` })), 'jws-header-invalid')
  assert.equal(loosely(compactByHand({ header: `{"alg":1,${x5c}}` })), 'jws-header-invalid')
  assert.equal(loosely(compactByHand({ header: `{"alg":"RS1",${x5c}}` })), 'algorithm-weak')
  assert.equal(
    loosely(compactByHand({ header: `{"alg":"ES256",${x5c}}` })),
    'algorithm-unsupported',
  )
  const own = `"x5c":["${encodeBase64(p384.certificate.raw, 'xml')}"]`
  const wrongCurve = compactByHand({ header: `{"alg":"ES256",${own}}`, signer: p384 })
  assert.equal(loosely(wrongCurve), 'algorithm-unsupported')
})

test('critical parameters are understood, or the signature is refused', () => {
  assert.equal(loosely(withMembers('"crit":["exp"],"exp":1')), 'jws-critical-unknown')
  assert.equal(loosely(withMembers('"crit":["sigPId"],"sigPId":{}')), 'jws-critical-unknown')
  assert.equal(loosely(withMembers('"crit":["iat"],"iat":1')), 'passed')
  for (const crit of ['[]', '"b64"', '["alg"]', '["iat","iat"],"iat":1', '["iat"]', '[1]']) {
    assert.equal(loosely(withMembers(`"crit":${crit}`)), 'jws-header-invalid', crit)
  }
  // A reader that does not know b64 would verify something else.
  assert.equal(loosely(withMembers('"b64":false', 'x')), 'jws-header-invalid')
  assert.equal(loosely(withMembers('"b64":false,"crit":["b64"]', 'x')), 'passed')
  assert.equal(loosely(withMembers('"b64":true')), 'passed')
  assert.equal(loosely(withMembers('"b64":"false"')), 'jws-malformed')
})

test('text that another reader might take otherwise is refused', () => {
  const good = partsByHand()
  const compact = `${good.protected}.${good.payload}.${good.signature}`
  assert.equal(loosely(compact), 'passed')
  for (const odd of [
    `${compact}.`,
    `${compact}.x`,
    ` ${compact}`,
    `${compact}\n`,
    `${compact}=`,
    compact.replace('.', '=.'),
    `${good.protected}.${good.payload}`,
    `${good.protected}..`,
    '..',
    '',
    '{}',
    '[]',
  ]) {
    assert.notEqual(loosely(odd), 'passed', odd)
  }
  const { protected: head, payload, signature } = good
  assert.equal(loosely(JSON.stringify({ protected: head, payload, signature, extra: 1 })), 'passed')
  const signatures = [{ protected: head, signature }]
  assert.equal(loosely(JSON.stringify({ payload, signatures })), 'passed')
  for (const object of [
    `{"payload":"${payload}","payload":"AAAA","protected":"${head}","signature":"${signature}"}`,
    JSON.stringify({ payload, signatures, signature }),
    JSON.stringify({ payload, signatures: [] }),
    JSON.stringify({ payload, signatures: Array.from({ length: 33 }, () => signatures[0]) }),
    JSON.stringify({ payload, protected: head, signature, header: { alg: 'RS256' } }),
    JSON.stringify({ payload, signature, header: { alg: 'RS256' } }),
    JSON.stringify({ payload, protected: head, signature: `${signature}=` }),
    JSON.stringify({ payload: 1, protected: head, signature }),
  ]) {
    assert.equal(loosely(object), 'jws-malformed', object.slice(0, 60))
  }
  const twice = compactByHand({ header: `{"alg":"RS256","alg":"none",${x5c}}` })
  assert.equal(loosely(twice), 'jws-malformed')
  const unprotected = { payload, protected: head, signature, header: { crit: ['x'], x: 1 } }
  assert.equal(loosely(JSON.stringify(unprotected)), 'jws-header-invalid')
})

test('signatures of one JWS sign the payload alike (RFC 7797)', () => {
  const encoded = partsByHand()
  const plain = partsByHand({ header: `{"alg":"RS256","b64":false,"crit":["b64"],${x5c}}` })
  const signatures = [encoded, plain].map(each => ({
    protected: each.protected,
    signature: each.signature,
  }))
  assert.equal(loosely(JSON.stringify({ payload: 'payload', signatures })), 'jws-malformed')
})

test('every name in the protected header must mean the same certificate, and names outside bind nothing', () => {
  const twin = specimenLeaf('signature', cmsAuthority, 1, { serial: Uint8Array.of(5) })
  const thumb = (raw: Uint8Array): string => encodeBase64(digest('sha256', raw), 'url')
  const levelB = { level: 'jades-b' } as const
  const both = withMembers(`"x5t#S256":"${thumb(cmsLeaf.raw)}"`)
  assert.equal(loosely(both, levelB), 'passed')
  assert.equal(
    loosely(withMembers(`"x5t#S256":"${thumb(twin.raw)}"`), levelB),
    'signer-certificate-mismatch',
  )
  const sha384 = encodeBase64(digest('sha384', cmsLeaf.raw), 'url')
  const other = (name: string, value: string): Uint8Array =>
    compactByHand({ header: `{"alg":"RS256","${name}":${value}}` })
  const given = { ...levelB, certificates: [twin, cmsLeaf] }
  assert.equal(loosely(other('x5t#o', `{"digAlg":"S384","digVal":"${sha384}"}`), given), 'passed')
  assert.equal(
    loosely(other('sigX5ts', `[{"digAlg":"S384","digVal":"${sha384}"}]`), given),
    'passed',
  )
  assert.equal(
    loosely(other('x5t#o', `{"digAlg":"S1","digVal":"${sha384}"}`), given),
    'jades-certificate-unprotected',
  )
  assert.equal(
    loosely(other('x5t#S256', `"${thumb(cmsLeaf.raw)}"`), levelB),
    'signer-certificate-missing',
  )
  const parts = partsByHand({ header: '{"alg":"RS256"}' })
  const outside = bytesOf(
    JSON.stringify({ ...parts, header: { x5c: [encodeBase64(cmsLeaf.raw, 'xml')] } }),
  )
  assert.equal(loosely(outside), 'passed')
  assert.equal(loosely(outside, levelB), 'jades-certificate-unprotected')
  for (const broken of ['"x5c":[]', '"x5c":"AAAA"', '"x5c":["AA AA"]', '"x5c":["AA-_"]']) {
    assert.equal(
      loosely(compactByHand({ header: `{"alg":"RS256",${broken}}` })),
      'jws-header-invalid',
    )
  }
})

test('nothing in a header is followed or believed: keys, addresses, names', () => {
  const jwk = JSON.stringify(publicKey(p256).export({ format: 'jwk' }))
  for (const member of [
    `"jwk":${jwk}`,
    '"jku":"http://localhost/"',
    '"x5u":"http://localhost/"',
    '"kid":"x"',
  ]) {
    const header = `{"alg":"ES256",${member}}`
    assert.equal(
      loosely(compactByHand({ header, signer: p256 })),
      'signer-certificate-missing',
      member,
    )
  }
})

test('claimed times are read, and what is none is refused', () => {
  const claimed = (member: string): number | undefined =>
    validateJws(looseJwsDemands(withMembers(member))).signatures[0]?.claimedAt
  assert.equal(claimed('"iat":1700000000'), 1_700_000_000_000)
  assert.equal(claimed('"sigT":"2026-11-02T03:00:00Z"'), specimenNow)
  for (const member of [
    '"iat":"1"',
    '"iat":1.5',
    '"iat":-1',
    '"iat":1e300',
    '"sigT":"2026-02-30T00:00:00Z"',
    '"sigT":"2026-11-02"',
  ]) {
    assert.equal(loosely(withMembers(member)), 'jws-header-invalid', member)
  }
})

function stamped(jws: Uint8Array): Uint8Array {
  return addJadesTimeStamp(jws, 0, stampOver(jadesToBeStamped(jws, 0)))
}

test('levels: each is met or told to be missing, and what is reached is reported', () => {
  const levelB = jadesSpecimen()
  assert.equal(judged(levelB, { level: 'jades-t' }), 'time-stamp-missing')
  const levelT = stamped(levelB)
  assert.equal(judged(levelT, { level: 'jades-t' }), 'passed')
  assert.equal(reported(levelT).provenAt, specimenNow - 59_500)
  assert.equal(judged(levelT, { level: 'jades-lt' }), 'validation-data-missing')
  const compact = stamped(jadesSpecimen({ serialization: 'compact' }))
  assert.equal(judged(compact, { level: 'jades-t' }), 'passed')
  const list = issueCrl(
    {
      issuer: stampRoot.subject,
      issuerKeyId: keyIdentifier(stampRoot.spki),
      thisUpdate: specimenNow - 3_600_000,
      nextUpdate: specimenNow + 3_600_000,
      number: 1,
      partition: undefined,
      deltaBase: undefined,
      entries: [],
    },
    'rsa-sha256',
    poolKey(30).sign,
  )
  const kept = addJadesValidationData(levelT, 0, {
    certificates: [stampAuthority.certificate.raw],
    crls: [specimenCrl('signature', cmsAuthority), list],
    ocsps: [],
  })
  const alone = {
    level: 'jades-lt',
    revocation: none,
    timeStamps: { ...stampTrust, revocation: none },
  } as const
  assert.equal(judged(kept, alone), 'passed')
  assert.throws(
    () => addJadesValidationData(levelT, 0, { certificates: [], crls: [], ocsps: [] }),
    RangeError,
  )
  assert.throws(() => addJadesTimeStamp(levelT, 1, Uint8Array.of(1)), RangeError)
  assert.throws(() => addJadesTimeStamp(bytesOf('x'), 0, Uint8Array.of(1)), MalformedError)
})

test('a time-stamp counts only while the policy accepts the keys behind it', () => {
  const levelT = stamped(jadesSpecimen())
  const timeStamps = { ...stampTrust, policy: { ...generalPolicy, keys: [] } }
  assert.equal(judged(levelT, { level: 'jades-t', timeStamps }), 'time-stamp-missing')
  const accepted = { ...stampTrust, policy: generalPolicy }
  assert.equal(judged(levelT, { level: 'jades-t', timeStamps: accepted }), 'passed')
})

test('what anyone may have put beside a signature does it no harm', () => {
  const base = JSON.parse(textOfBytes(stamped(jadesSpecimen())))
  const [stamp] = base.header.etsiU
  const encoded = Buffer.from(JSON.stringify(stamp)).toString('base64url')
  const good = [
    [stamp],
    [encoded],
    [{ sigTst: { tstTokens: [{ val: '!' }] } }, stamp],
    [{ a: 1 }, 5, 'x', stamp],
  ]
  for (const etsiU of good) {
    const jws = bytesOf(JSON.stringify({ ...base, header: { etsiU } }))
    assert.equal(judged(jws, { level: 'jades-t' }), 'passed', JSON.stringify(etsiU).slice(0, 80))
  }
  for (const etsiU of [[], 'x', { sigTst: 1 }, [{ ...stamp, other: 1 }]]) {
    const jws = bytesOf(JSON.stringify({ ...base, header: { etsiU } }))
    assert.equal(judged(jws), 'passed')
    assert.equal(judged(jws, { level: 'jades-t' }), 'time-stamp-missing')
  }
})

test('the rules for certificates are those of every container', () => {
  const jws = jadesSpecimen()
  assert.equal(judged(jws, { anchors: [] }), 'issuer-unknown')
  assert.equal(judged(jws, { revocation: none }), 'revocation-missing')
  const { rules } = jwsDemands(jws)
  assert.ok(rules.kind === 'profile')
  assert.equal(judged(jws, { rules: { ...rules, purpose: 'authentication' } }), 'wrong-purpose')
})

test('whatever the bytes, the judgement does not throw, and no altered signature passes', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  let state = seed
  const next = (limit: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    return (state >>> 8) % limit
  }
  const originals = [
    jadesSpecimen({ serialization: 'compact' }),
    jadesSpecimen(),
    stamped(jadesSpecimen()),
  ]
  let passed = 0
  for (let round = 0; round < 1500; round++) {
    for (const original of originals) {
      const at = next(original.length)
      const altered =
        next(3) === 0
          ? Uint8Array.from([...original.subarray(0, at), ...original.subarray(at + 1 + next(4))])
          : original.with(at, next(2) === 0 ? next(256) : (original[at] ?? 0) ^ (1 << next(8)))
      const { verdict } = validateJws(looseJwsDemands(altered, { level: 'jades-b' }))
      if (verdict.kind !== 'passed') continue
      passed++
      assert.deepEqual(verdict.value[0]?.covered[0]?.content, { kind: 'bytes', bytes: jwsDocument })
    }
  }
  context.diagnostic(`${passed} alterations changed nothing that is signed`)
})
