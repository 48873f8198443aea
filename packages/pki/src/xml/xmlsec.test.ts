import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addXmlSignatureTimeStamp,
  addXmlValidationData,
  xmlSignatureToBeStamped,
} from '../assemble/xades-unsigned.ts'
import type { XadesContent } from '../assemble/xades.ts'
import { cmsAuthority, stampOver } from '../cms-specimen-for-tests.ts'
import { codeOf, specimenCrl } from '../specimen-for-tests.ts'
import {
  bytesOf,
  enveloped,
  freshSigner,
  looseDemands,
  rsaSigner,
  textOfBytes,
  xadesSpecimen,
  xmlDocument,
  XmlJudge,
  type XmlSigner,
} from './xml-specimen-for-tests.ts'
import {
  algorithms,
  replacedXml,
  type SignatureTemplate,
  signatureTemplate,
} from './xml-template-for-tests.ts'
import { validateXml, type XmlDemands } from './xml-validation.ts'

const p256 = freshSigner('P-256')
const p384 = freshSigner('P-384')
const file = bytesOf('添付ファイル')
const files = new Map([['file.txt', { kind: 'bytes', bytes: file } as const]])
const packagings: Readonly<Record<string, XadesContent>> = {
  enveloped: enveloped(xmlDocument),
  parallel: enveloped(xmlDocument, 'left-out'),
  'enveloping xml': { kind: 'enveloping-xml', xml: xmlDocument, mimeType: 'text/xml' },
  enveloping: { kind: 'enveloping', bytes: file, mimeType: 'text/plain' },
  detached: {
    kind: 'detached',
    files: [{ uri: 'file.txt', content: { kind: 'bytes', bytes: file }, mimeType: 'text/plain' }],
  },
}

function judged(xml: Uint8Array, vary: Partial<XmlDemands> = {}): string {
  return codeOf(validateXml(looseDemands(xml, vary)).verdict)
}

test('xmlsec1 verifies our signatures: every packaging and canonical form, RSA and ECDSA', () => {
  using judge = new XmlJudge()
  judge.file('file.txt', file)
  for (const [name, content] of Object.entries(packagings)) {
    const given = content.kind === 'detached' ? { files } : {}
    for (const canonicalForm of ['inclusive', 'inclusive-1.1', 'exclusive'] as const) {
      const rsa = xadesSpecimen({ content, canonicalForm })
      assert.ok(judge.verifies(rsa), `${name} ${canonicalForm} ${judge.said}`)
      assert.equal(judged(rsa, { ...given, level: 'xades-b' }), 'passed', name)
      const ec = xadesSpecimen({ content, canonicalForm, algorithm: 'ecdsa-sha256' }, p256)
      assert.ok(judge.verifies(ec), `${name} ${canonicalForm} ${judge.said}`)
      assert.equal(judged(ec, { ...given, level: 'xades-b' }), 'passed', name)
    }
  }
})

test('xmlsec1 verifies every algorithm that we write and that it knows', () => {
  using judge = new XmlJudge()
  const pairs = [
    ['rsa-sha384', rsaSigner],
    ['rsa-sha512', rsaSigner],
    ['ecdsa-sha384', p384],
    ['ecdsa-sha512', p384],
  ] as const
  for (const [algorithm, signer] of pairs) {
    const xml = xadesSpecimen({ algorithm }, signer)
    assert.ok(judge.verifies(xml), `${algorithm} ${judge.said}`)
    assert.equal(judged(xml, { level: 'xades-b' }), 'passed', algorithm)
  }
  for (const [algorithm, signer] of [
    ['rsa-pss-sha256', rsaSigner],
    ['ed25519', freshSigner('ed25519')],
  ] as const) {
    const xml = xadesSpecimen({ algorithm }, signer)
    assert.equal(judged(xml, { level: 'xades-b' }), 'passed', algorithm)
  }
})

test('xmlsec1 verifies what carries a time-stamp and validation data, and parallel signatures in any order', () => {
  using judge = new XmlJudge()
  const signed = xadesSpecimen()
  const stamped = addXmlSignatureTimeStamp(signed, 0, stampOver(xmlSignatureToBeStamped(signed, 0)))
  assert.ok(judge.verifies(stamped), judge.said)
  const crls = [specimenCrl('signature', cmsAuthority)]
  const kept = addXmlValidationData(stamped, 0, { certificates: [], crls, ocsps: [] })
  assert.ok(judge.verifies(kept), judge.said)
  const one = xadesSpecimen({ content: enveloped(xmlDocument, 'left-out') })
  const two = xadesSpecimen(
    { content: enveloped(one, 'left-out'), algorithm: 'ecdsa-sha256' },
    p256,
  )
  assert.equal(judged(two), 'passed')
  for (const position of ['1', '2']) {
    const xpath = `(//*[local-name()='Signature'])[${position}]`
    assert.ok(judge.verifies(two, '--node-xpath', xpath), `${position} ${judge.said}`)
  }
})

test('one altered byte anywhere in what is signed, and both refuse', () => {
  using judge = new XmlJudge()
  const xml = xadesSpecimen()
  const altered = [
    replacedXml(xml, '見本', '見木'),
    replacedXml(xml, '種別="委任"', '種別="委託"'),
    replacedXml(xml, 'a < b', 'a  < b'),
    replacedXml(xml, '<?style x?>', '<?style y?>'),
    replacedXml(xml, 'urn:example:application', 'urn:example:applicatiom'),
    replacedXml(xml, '2026-11-02T02:58:00Z', '2026-11-02T02:58:01Z'),
    replacedXml(xml, 'text/xml', 'text/xmI'),
    replacedXml(xml, /<ds:DigestValue>./, '<ds:DigestValue>9'),
    replacedXml(xml, /(?<=<ds:SignatureValue Id="[^"]*">)./, '9'),
  ]
  for (const each of altered) {
    assert.ok(!judge.verifies(each), textOfBytes(each))
    assert.notEqual(judged(each, { level: 'xades-b' }), 'passed')
  }
  // Comments are not signed, and both say so.
  const commented = replacedXml(xml, '<!-- comment -->', '<!-- other -->')
  assert.ok(judge.verifies(commented), judge.said)
  assert.equal(judged(commented, { level: 'xades-b' }), 'passed')
})

/** What xmlsec1 makes of a template. */
function xmlsecSigns(template: string, signer: XmlSigner, ...more: readonly string[]): Uint8Array {
  using judge = new XmlJudge()
  judge.file('file.txt', file)
  const certificate = judge.pem('cert.pem', 'CERTIFICATE', signer.certificate.raw)
  const key = judge.pem('key.pem', 'PRIVATE KEY', signer.pkcs8)
  const said = judge.run(
    'xmlsec1',
    '--sign',
    '--privkey-pem',
    `${key},${certificate}`,
    ...more,
    judge.file('template.xml', template),
  )
  assert.equal(said.status, 0, said.text)
  return said.bytes
}

function templateWith(template: Partial<SignatureTemplate>): string {
  return signatureTemplate({ references: [], keyInfo: '<ds:X509Data/>', ...template })
}

test('we verify what xmlsec1 signs: whole documents, elements, objects, files', () => {
  const inherited =
    'xmlns="urn:d" xmlns:p="urn:p" xml:lang="ja" xml:space="preserve" xml:base="http://x/"'
  const cases = [
    { references: [{ uri: '', transforms: [algorithms.enveloped] }] },
    { references: [{ uri: '', transforms: [algorithms.enveloped, algorithms.exclusive] }] },
    { references: [{ uri: '', transforms: [algorithms.enveloped, algorithms.inclusive] }] },
    { references: [{ uri: '#part', transforms: [algorithms.exclusive] }] },
    { references: [{ uri: '#part', transforms: [algorithms.inclusive] }] },
    { references: [{ uri: '#part', transforms: ['http://www.w3.org/2006/12/xml-c14n11'] }] },
    { references: [{ uri: '#part', transforms: [] }], canonicalisation: algorithms.inclusive },
    { references: [{ uri: '#text', transforms: [algorithms.base64] }] },
    {
      references: [{ uri: '#object', transforms: [algorithms.inclusive] }],
      objects: '<ds:Object Id="object"><p:a xmlns:p="urn:q"/>text</ds:Object>',
    },
    { references: [{ uri: 'file.txt', transforms: [] }] },
    {
      references: [
        { uri: '#part', transforms: [algorithms.exclusive] },
        { uri: '', transforms: [algorithms.enveloped] },
      ],
    },
  ]
  for (const template of cases) {
    const part =
      '<p:part Id="part" p:x="1"><p:y xmlns:p="urn:z">body</p:y><text Id="text">QUJD</text></p:part>'
    const xml = `<root ${inherited}>${part}${templateWith(template)}</root>`
    const signed = xmlsecSigns(
      xml,
      rsaSigner,
      '--id-attr:Id',
      'urn:p:part',
      '--id-attr:Id',
      'urn:d:text',
    )
    const given = { coverage: 'part', ...(xml.includes('file.txt') ? { files } : {}) } as const
    assert.equal(judged(signed, given), 'passed', xml)
    // The same reference with one character changed in what it covers, and with something that it inherits.
    const [reference, ...others] = template.references
    if (reference?.uri !== '#part' || others.length > 0) continue
    const altered = replacedXml(signed, '>body<', '>bodY<')
    assert.equal(judged(altered, given), 'content-altered')
    const inheriting = replacedXml(signed, 'xml:lang="ja"', 'xml:lang="jp"')
    const isExclusive = reference.transforms[0] === algorithms.exclusive
    assert.equal(judged(inheriting, given), isExclusive ? 'passed' : 'content-altered', xml)
  }
})

test('we verify what xmlsec1 signs with ECDSA and other digests', () => {
  const reference = { uri: '', transforms: [algorithms.enveloped] }
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  const pairs = [
    [`${more}ecdsa-sha256`, p256],
    [`${more}ecdsa-sha384`, p384],
    [`${more}ecdsa-sha512`, p384],
    [`${more}rsa-sha512`, rsaSigner],
  ] as const
  for (const [signatureMethod, signer] of pairs) {
    for (const digestMethod of [algorithms.sha256, `${more}sha384`]) {
      const references = [{ ...reference, digestMethod }]
      const signed = xmlsecSigns(`<r>${templateWith({ references, signatureMethod })}</r>`, signer)
      assert.equal(judged(signed), 'passed', signatureMethod)
    }
  }
})

test('we refuse what xmlsec1 may sign: SHA-1, and XPath of any kind but one', () => {
  const enveloping = { uri: '', transforms: [algorithms.enveloped] }
  const sha1 = `<r>${templateWith({ references: [{ ...enveloping, digestMethod: algorithms.sha1 }] })}</r>`
  assert.equal(judged(xmlsecSigns(sha1, rsaSigner)), 'algorithm-weak')
  const rsaSha1 = 'http://www.w3.org/2000/09/xmldsig#rsa-sha1'
  const weak = `<r>${templateWith({ references: [enveloping], signatureMethod: rsaSha1 })}</r>`
  assert.equal(judged(xmlsecSigns(weak, rsaSigner)), 'algorithm-weak')
  const xpath = (text: string): string =>
    `<r><a/>${templateWith({
      references: [
        {
          uri: '',
          transforms: [
            `<ds:Transform Algorithm="${algorithms.xpath}"><ds:XPath>${text}</ds:XPath></ds:Transform>`,
          ],
        },
      ],
    })}</r>`
  const usual = 'not(ancestor-or-self::ds:Signature)'
  assert.equal(judged(xmlsecSigns(xpath(usual), rsaSigner)), 'passed')
  const odd = 'not(ancestor-or-self::ds:Signature or self::a)'
  assert.equal(judged(xmlsecSigns(xpath(odd), rsaSigner)), 'xml-transform-refused')
})
