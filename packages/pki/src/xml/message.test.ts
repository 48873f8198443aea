import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { generateKeyPairSync, type KeyObject, sign, X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { prepareMessage } from '../assemble/message.ts'
import { prepareSelfSigned } from '../assemble/self-signed.ts'
import { MalformedError } from '../der.ts'
import { OpensslJudge } from '../openssl-for-tests.ts'
import { codeOf } from '../specimen-for-tests.ts'
import { messageBytesMax, readXmlMessage, verifyNamed, verifyXmlMessage } from './message.ts'

const folder = mkdtempSync(join(tmpdir(), 'sekisho-message-'))
after(() => rmSync(folder, { recursive: true }))

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const spki = spkiOf(publicKey)
const stranger = spkiOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey)
const certificate = selfSigned()

const plain = `<p:Ask xmlns:p="urn:p" ID="_1" To="https://idp.example/sso?a=1&amp;b=2"><a:Issuer xmlns:a="urn:a">https://sp.example/&lt;関所&gt;</a:Issuer><p:Policy Create="true"></p:Policy></p:Ask>`

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: 'spki', format: 'der' }))
}

function selfSigned(): Uint8Array {
  const prepared = prepareSelfSigned({ spki, commonName: 'auth.example' })
  return prepared.finish(new Uint8Array(sign('sha256', prepared.toBeSigned, privateKey)))
}

function signed(xml = plain, place: 'first' | 'after-first' = 'after-first', id = '_1'): string {
  const prepared = prepareMessage({ xml, id, place, algorithm: 'rsa-sha256', certificate })
  return prepared.finish(new Uint8Array(sign('sha256', prepared.toBeSigned, privateKey)))
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)
const judged = (xml: string, key = spki): string => codeOf(verifyXmlMessage(bytesOf(xml), key))

/** xmlsec1 over files of the folder; what it wrote to its output. */
function xmlsec(...args: readonly string[]): void {
  execFileSync('xmlsec1', args, { cwd: folder, stdio: 'pipe' })
}

function verifiesByXmlsec(xml: string): boolean {
  writeFileSync(join(folder, 'public.pem'), publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(join(folder, 'signed.xml'), xml)
  try {
    xmlsec('--verify', '--id-attr:ID', 'Ask', '--pubkey-pem', 'public.pem', 'signed.xml')
    return true
  } catch {
    return false
  }
}

test('a signed message is read as it was signed, by us and by xmlsec1, at either place', () => {
  for (const place of ['first', 'after-first'] as const) {
    const xml = signed(plain, place)
    const verdict = verifyXmlMessage(bytesOf(xml), spki)
    assert.equal(verdict.kind, 'passed')
    const root = verdict.kind === 'passed' ? verdict.value : undefined
    assert.deepEqual([root?.namespace, root?.name], ['urn:p', 'Ask'])
    assert.equal(root?.attributes.get('To'), 'https://idp.example/sso?a=1&b=2')
    assert.deepEqual(
      root?.children.map(each => [each.namespace, each.name, each.text]),
      [
        ['urn:a', 'Issuer', 'https://sp.example/<関所>'],
        ['urn:p', 'Policy', ''],
      ],
    )
    assert.ok(verifiesByXmlsec(xml))
    assert.equal(verifiesByXmlsec(xml.replace('b=2', 'b=3')), false)
    assert.equal(judged(xml, stranger), 'signature-bad')
  }
})

test('what xmlsec1 signs is taken, with SHA-256 and stronger, and not with SHA-1', () => {
  writeFileSync(
    join(folder, 'private.pem'),
    privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  )
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  const dsig = 'http://www.w3.org/2000/09/xmldsig#'
  for (const [method, hash, code] of [
    [`${more}rsa-sha256`, 'http://www.w3.org/2001/04/xmlenc#sha256', 'passed'],
    [`${more}rsa-sha512`, 'http://www.w3.org/2001/04/xmlenc#sha512', 'passed'],
    [`${dsig}rsa-sha1`, 'http://www.w3.org/2001/04/xmlenc#sha256', 'algorithm-weak'],
    [`${more}rsa-sha256`, `${dsig}sha1`, 'algorithm-weak'],
  ]) {
    const template = signed()
      .replace(`${more}rsa-sha256`, method ?? '')
      .replace('http://www.w3.org/2001/04/xmlenc#sha256', hash ?? '')
      .replace(/<ds:(DigestValue|SignatureValue)>[^<]*</g, '<ds:$1><')
    writeFileSync(join(folder, 'template.xml'), template)
    const args = ['--sign', '--id-attr:ID', 'Ask', '--privkey-pem', 'private.pem']
    xmlsec(...args, '--output', 'out.xml', 'template.xml')
    assert.equal(judged(readFileSync(join(folder, 'out.xml'), 'utf8')), code, method)
  }
})

test('nothing can be wrapped around a signed message, put beside it or into it', () => {
  const xml = signed()
  const signature = /<ds:Signature .*<\/ds:Signature>/.exec(xml)?.[0] ?? ''
  const evil = plain.replace('idp.example', 'evil.example').replace('"_1"', '"_2"')
  const inside = (outer: string, text: string): string =>
    outer.replace('</p:Ask>', `${text}</p:Ask>`)
  const objected = signature.replace(
    '</ds:Signature>',
    `<ds:Object>${evil}</ds:Object></ds:Signature>`,
  )
  const attacks: Readonly<Record<string, string>> = {
    'the signed one as a child of another': inside(evil, xml),
    'its signature moved into another': inside(evil, signature),
    'its signature moved, the signed one kept in an object': inside(
      evil,
      signature.replace('</ds:Signature>', `<ds:Object>${plain}</ds:Object></ds:Signature>`),
    ),
    'the same id twice': inside(xml, '<p:Ask ID="_1"/>'),
    'something in the signature': xml.replace(signature, objected),
    'two signatures': inside(xml, signature),
    'the signature deeper': plain.replace('></p:Policy>', `>${signature}</p:Policy>`),
    'another value': xml.replace('b=2', 'b=3'),
    'another attribute': xml.replace('Create="true"', 'Create="false"'),
    'a child more': inside(xml, '<p:Extra/>'),
    'the whole document in place of the root': xml.replace('URI="#_1"', 'URI=""'),
    'no transform': xml.replace(/<ds:Transforms>.*<\/ds:Transforms>/, ''),
    'a filter in place of the transform': xml.replace(
      '<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>',
      '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>',
    ),
    'a key as the secret of an HMAC': xml.replace(
      'xmldsig-more#rsa-sha256',
      'xmldsig-more#hmac-sha256',
    ),
    'no signature': plain,
  }
  for (const [name, attack] of Object.entries(attacks))
    assert.notEqual(judged(attack), 'passed', name)
})

test('a byte changed anywhere is noticed, but for the certificate and spaces that say nothing', () => {
  const xml = bytesOf(signed())
  const [from, to] = ['<ds:KeyInfo>', '</ds:KeyInfo>'].map(each =>
    Buffer.from(xml).indexOf(each),
  ) as [number, number]
  const root = verifyXmlMessage(xml, spki)
  assert.equal(root.kind, 'passed')
  for (let at = 0; at < xml.length; at++) {
    if (at >= from && at < to + 13) continue
    const bent = Uint8Array.from(xml)
    bent[at] = (bent[at] ?? 0) ^ 1
    const verdict = verifyXmlMessage(bent, spki)
    if (verdict.kind === 'passed') assert.deepEqual(verdict, root, `byte ${at}`)
  }
})

test('what is no plain XML is refused before anybody looks for a signature', () => {
  const bomb = `<!DOCTYPE a [<!ENTITY b "${'x'.repeat(1000)}">]><a>${'&b;'.repeat(1000)}</a>`
  for (const [xml, code] of [
    [bomb, 'document-type-refused'],
    ['<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', 'document-type-refused'],
    ['<a>on<!-- -->e</a>', 'document-type-refused'],
    ['<a><![CDATA[x]]></a>', 'document-type-refused'],
    ['<a>x<?pi?>y</a>', 'value-invalid'],
    ['<a>text<b/></a>', 'value-invalid'],
    ['<a>', 'truncated'],
    ['', 'value-invalid'],
    [`${'<a>'.repeat(17)}${'</a>'.repeat(17)}`, 'too-deep'],
    [`<a>${' '.repeat(messageBytesMax)}</a>`, 'too-large'],
  ] as const) {
    const isIt = (error: unknown): boolean => error instanceof MalformedError && error.code === code
    assert.throws(() => readXmlMessage(bytesOf(xml)), isIt, xml.slice(0, 60))
    assert.notEqual(judged(xml), 'passed')
  }
  assert.equal(readXmlMessage(bytesOf('<?xml version="1.0"?><a>x</a>')).text, 'x')
})

test('a signature beside a message is judged by the method that is named', () => {
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  const message = bytesOf('SAMLRequest=a&SigAlg=b')
  const value = new Uint8Array(sign('sha256', message, privateKey))
  assert.equal(codeOf(verifyNamed(`${more}rsa-sha256`, spki, message, value)), 'passed')
  assert.equal(codeOf(verifyNamed(`${more}rsa-sha256`, stranger, message, value)), 'signature-bad')
  assert.equal(codeOf(verifyNamed(`${more}rsa-sha512`, spki, message, value)), 'signature-bad')
  const weak = verifyNamed('http://www.w3.org/2000/09/xmldsig#rsa-sha1', spki, message, value)
  assert.equal(codeOf(weak), 'algorithm-weak')
  assert.equal(codeOf(verifyNamed('none', spki, message, value)), 'algorithm-unsupported')
  const ec = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const key = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' } as const
  const raw = new Uint8Array(sign('sha256', message, key))
  const ecdsa = `${more}ecdsa-sha256`
  assert.equal(codeOf(verifyNamed(ecdsa, spkiOf(ec.publicKey), message, raw)), 'passed')
  const short = raw.subarray(1)
  assert.equal(
    codeOf(verifyNamed(ecdsa, spkiOf(ec.publicKey), message, short)),
    'signature-malformed',
  )
})

test('a self-signed certificate follows from its key; openssl verifies it', () => {
  assert.deepEqual(selfSigned(), certificate)
  using judge = new OpensslJudge()
  const file = judge.pem('self.pem', 'CERTIFICATE', certificate)
  const verify = judge.run('verify', '-check_ss_sig', '-CAfile', file, file)
  assert.equal(verify.status, 0, verify.text)
  const read = new X509Certificate(certificate)
  assert.equal(read.subject, 'CN=auth.example')
  assert.ok(read.verify(publicKey))
})
