/** The classic attacks on XML signatures, each made with a true signature, so that nothing but the rule refuses it. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { encodeBase64 } from '../base64.ts'
import { cmsLeaf } from '../cms-specimen-for-tests.ts'
import { digest } from '../crypto.ts'
import { codeOf } from '../specimen-for-tests.ts'
import { dsig } from './namespace.ts'
import { inspectXmlSignature } from './inspection.ts'
import {
  bytesOf,
  enveloped,
  looseDemands,
  textOfBytes,
  xadesSpecimen,
  xmlDemands,
  xmlDocument,
} from './xml-specimen-for-tests.ts'
import {
  algorithms,
  type ReferenceTemplate,
  replacedXml,
  signatureTemplate,
  signByHand,
  signedByTemplate,
} from './xml-template-for-tests.ts'
import { validateXml, type XmlDemands, type XmlSignatureReport } from './xml-validation.ts'

const whole: ReferenceTemplate = {
  uri: '',
  transforms: [algorithms.enveloped, algorithms.exclusive],
}
const item: ReferenceTemplate = { uri: '#item', transforms: [algorithms.exclusive] }
const xades = 'http://uri.etsi.org/01903/v1.3.2#'
const propertiesType = 'Type="http://uri.etsi.org/01903#SignedProperties"'

function judged(xml: Uint8Array, vary: Partial<XmlDemands> = {}): string {
  return codeOf(validateXml(looseDemands(xml, vary)).verdict)
}

function only(xml: Uint8Array): XmlSignatureReport {
  const [first, ...others] = validateXml(looseDemands(xml, { coverage: 'part' })).signatures
  assert.ok(first !== undefined && others.length === 0)
  return first
}

test('a signed element that was moved away is told by its path, and the whole is not covered', () => {
  const signed = signedByTemplate({ references: [item] }, '<item Id="item"><pay>10</pay></item>')
  const wrapped = replacedXml(
    signed,
    '<item Id="item"><pay>10</pay></item>',
    '<item><pay>9999</pay></item><old><item Id="item"><pay>10</pay></item></old>',
  )
  assert.equal(judged(wrapped), 'xml-partly-covered')
  assert.equal(judged(signed, { coverage: 'part' }), 'passed')
  const [coverage] = only(wrapped).covered
  assert.deepEqual(coverage?.coverage.target, {
    kind: 'element',
    id: 'item',
    path: '/{urn:r}root[1]/{urn:r}old[2]/{urn:r}item[1]',
    isRoot: false,
  })
})

test('an id that occurs twice is refused, whatever the attributes are called', () => {
  const signed = signedByTemplate({ references: [item] })
  for (const attribute of ['Id', 'ID', 'id', 'xml:id']) {
    const evil = `<item ${attribute}="item">evil</item>`
    for (const twice of [
      replacedXml(signed, '<item', `${evil}<item`),
      replacedXml(signed, '</root>', `${evil}</root>`),
    ]) {
      assert.equal(judged(twice, { coverage: 'part' }), 'xml-reference-ambiguous', attribute)
    }
  }
})

test('ids in other attributes are no ids', () => {
  for (const attribute of ['name', 'ref', 'p:Id', 'iD']) {
    const content = `<item xmlns:p="urn:p" ${attribute}="item"/>`
    const xml = signedByTemplate({ references: [item] }, content)
    assert.equal(judged(xml, { coverage: 'part' }), 'xml-reference-unresolved', attribute)
  }
})

test('siblings put beside what is signed are not covered', () => {
  const signed = signedByTemplate({ references: [item] })
  const beside = replacedXml(signed, '</root>', '<item>more</item></root>')
  assert.equal(judged(beside), 'xml-partly-covered')
  const inside = signedByTemplate({ references: [whole] })
  assert.equal(judged(inside), 'passed')
  for (const place of ['</item>', '<item', '</root>', '<ds:Signature ']) {
    const more = replacedXml(inside, place, `<evil/>${place}`)
    assert.equal(judged(more), 'content-altered', place)
  }
})

test('the enveloped transform takes out the signature itself and nothing else', () => {
  // Content smuggled into the signature is not covered.
  const signed = signedByTemplate({ references: [whole] })
  const smuggled = replacedXml(
    signed,
    '</ds:Signature>',
    '<ds:Object><evil/></ds:Object></ds:Signature>',
  )
  assert.equal(judged(smuggled), 'xml-partly-covered')
  // A copy of the signature is no more left out than anything else.
  const copy = /<ds:Signature .*<\/ds:Signature>/s.exec(textOfBytes(signed))?.[0] ?? ''
  assert.equal(judged(replacedXml(signed, '</root>', `${copy}</root>`)), 'content-altered')
  // Taking out everything leaves nothing that could be signed.
  const empty = signByHand(
    signatureTemplate({ references: [whole], objects: '<ds:Object>x</ds:Object>' }),
  )
  assert.equal(judged(empty), 'xml-nothing-covered')
  const ofObject = signedByTemplate({
    references: [{ uri: '#o', transforms: [algorithms.enveloped] }],
    objects: '<ds:Object Id="o">x</ds:Object>',
  })
  assert.equal(judged(ofObject, { coverage: 'part' }), 'xml-nothing-covered')
})

test('signatures left out together hide nothing: each is judged, and a false one fails the document', () => {
  const filter = `<ds:Transform Algorithm="${algorithms.xpath}"><ds:XPath>not(ancestor-or-self::ds:Signature)</ds:XPath></ds:Transform>`
  const signed = signedByTemplate({ references: [{ uri: '', transforms: [filter] }] })
  assert.equal(judged(signed), 'passed')
  const hidden = `<s:Signature xmlns:s="${dsig}"><evil>pay 9999</evil></s:Signature>`
  assert.equal(
    judged(replacedXml(signed, '</root>', `${hidden}</root>`)),
    'xml-signature-malformed',
  )
  // The prefix decides what an expression means.
  const renamed = filter
    .replace('<ds:XPath>', '<ds:XPath xmlns:q="urn:q">')
    .replace('::ds:', '::q:')
  const other = signedByTemplate({ references: [{ uri: '', transforms: [renamed] }] })
  assert.equal(judged(other), 'xml-transform-refused')
})

test('the other usual filter is understood as well, and no other word of it', () => {
  const filter = (type: string, path: string): string =>
    `<ds:Transform Algorithm="${algorithms.filter}"><f:XPath xmlns:f="${algorithms.filter}" Filter="${type}">${path}</f:XPath></ds:Transform>`
  const by = (transform: string): string =>
    judged(signedByTemplate({ references: [{ uri: '', transforms: [transform] }] }))
  assert.equal(by(filter('subtract', '/descendant::ds:Signature')), 'passed')
  assert.equal(by(filter('intersect', '/descendant::ds:Signature')), 'xml-transform-refused')
  assert.equal(by(filter('subtract', '/descendant::ds:Signature/..')), 'xml-transform-refused')
  const two = filter('subtract', '/descendant::ds:Signature').replace(
    /(<f:XPath.*<\/f:XPath>)/,
    '$1$1',
  )
  assert.equal(by(two), 'xml-transform-refused')
})

test('transforms that compute or fetch are refused: XSLT, others, and any out of their order', () => {
  const by = (...transforms: readonly string[]): string =>
    judged(signedByTemplate({ references: [{ uri: '', transforms }] }), { coverage: 'part' })
  const sheet = `<ds:Transform Algorithm="${algorithms.xslt}"><x:stylesheet xmlns:x="http://www.w3.org/1999/XSL/Transform" version="1.0"/></ds:Transform>`
  assert.equal(by(sheet), 'xml-transform-refused')
  assert.equal(by('urn:unknown'), 'xml-transform-refused')
  assert.equal(by(algorithms.exclusive, algorithms.enveloped), 'xml-transform-refused')
  assert.equal(by(algorithms.enveloped, algorithms.base64), 'xml-transform-refused')
  assert.equal(by(algorithms.enveloped, algorithms.inclusive, algorithms.exclusive), 'passed')
})

test('nothing is fetched: an address that the caller has not given is not at hand', () => {
  for (const uri of [
    'http://localhost/x',
    'file:///etc/passwd',
    '/etc/passwd',
    'x.txt',
    'C:\\x',
    '../x',
    'cid:x',
  ]) {
    const xml = signedByTemplate({ references: [{ uri, transforms: [] }] })
    assert.equal(judged(xml, { coverage: 'part' }), 'xml-content-missing', uri)
  }
  for (const uri of ["#xpointer(id('item'))", '#xpointer(/)', '#', '#a b']) {
    const xml = signedByTemplate({ references: [{ uri, transforms: [] }] })
    assert.equal(judged(xml, { coverage: 'part' }), 'xml-reference-refused', uri)
  }
  const none = signedByTemplate({ references: [{ uri: undefined }] })
  assert.equal(judged(none, { coverage: 'part' }), 'xml-reference-refused')
})

test('a file is taken by the very name that was signed, and is that file', () => {
  const bytes = bytesOf('file')
  const files = new Map([['a/b.txt', { kind: 'bytes', bytes } as const]])
  const xml = signedByTemplate({ references: [{ uri: 'a/b.txt', transforms: [] }] }, '', files)
  assert.equal(judged(xml, { files, coverage: 'part' }), 'passed')
  const hashes = { kind: 'hashes', hashes: { sha256: digest('sha256', bytes) } } as const
  assert.equal(judged(xml, { files: new Map([['a/b.txt', hashes]]), coverage: 'part' }), 'passed')
  const other = { kind: 'bytes', bytes: bytesOf('File') } as const
  assert.equal(
    judged(xml, { files: new Map([['a/b.txt', other]]), coverage: 'part' }),
    'content-altered',
  )
  assert.equal(
    judged(xml, { files: new Map([['./a/b.txt', other]]), coverage: 'part' }),
    'xml-content-missing',
  )
  const sha384 = { kind: 'hashes', hashes: { sha384: digest('sha384', bytes) } } as const
  assert.equal(
    judged(xml, { files: new Map([['a/b.txt', sha384]]), coverage: 'part' }),
    'xml-content-missing',
  )
})

test('a file that nothing refers to is not covered', () => {
  const file = { kind: 'bytes', bytes: bytesOf('file') } as const
  const xml = signByHand(signatureTemplate({ references: [{ uri: 'a', transforms: [] }] }), {
    files: new Map([['a', file]]),
  })
  assert.equal(judged(xml, { files: new Map([['a', file]]) }), 'passed')
  const two = new Map([
    ['a', file],
    ['b', file],
  ])
  assert.equal(judged(xml, { files: two }), 'xml-partly-covered')
})

test('a comment does not cut a text in two: not in a digest, a value, or a certificate', () => {
  const signed = signedByTemplate({ references: [whole] })
  for (const name of ['DigestValue', 'SignatureValue', 'X509Certificate']) {
    for (const inserted of ['<!-- -->', '<?pi?>', '<x/>']) {
      const cut = replacedXml(signed, new RegExp(`(?<=<ds:${name}>....)`), inserted)
      assert.equal(judged(cut), 'xml-signature-malformed', `${name} ${inserted}`)
    }
  }
  // In what is signed, a comment is not part of the text: what follows it is signed still.
  const text = signedByTemplate({ references: [whole] }, '<user>admin@example.jp</user>')
  const cut = replacedXml(text, 'admin@', 'admin<!-- -->@')
  assert.equal(judged(cut), 'passed')
  const [seen] = only(cut).covered
  assert.ok(seen?.content.kind === 'bytes')
  assert.match(textOfBytes(seen.content.bytes), /<user>admin@example\.jp<\/user>/)
})

test('a namespace declared around what is signed does not change its meaning unseen', () => {
  const signed = signedByTemplate(
    { references: [{ uri: '#item', transforms: [] }] },
    '<p:item xmlns:p="urn:p" Id="item"><p:a/></p:item>',
  )
  const part = { coverage: 'part' } as const
  assert.equal(judged(signed, part), 'passed')
  const injected = replacedXml(signed, '<root ', '<root xmlns:evil="urn:evil" ')
  assert.equal(judged(injected, part), 'content-altered')
  const renamed = replacedXml(signed, 'xmlns:p="urn:p"', 'xmlns:p="urn:q"')
  assert.equal(judged(renamed, part), 'content-altered')
  // The exclusive form leaves out what is not used, which changes no name in it.
  const exclusive = signedByTemplate(
    { references: [item] },
    '<p:item xmlns:p="urn:p" Id="item"><p:a/></p:item>',
  )
  assert.equal(
    judged(replacedXml(exclusive, '<root ', '<root xmlns:evil="urn:evil" '), part),
    'passed',
  )
})

test('SignedInfo is read from where it stands: a second one, a moved one, an unknown child are refused', () => {
  const signed = signedByTemplate({ references: [whole] })
  const info = /<ds:SignedInfo>.*<\/ds:SignedInfo>/s.exec(textOfBytes(signed))?.[0] ?? ''
  assert.equal(judged(replacedXml(signed, info, info + info)), 'xml-signature-malformed')
  const moved = replacedXml(signed, info, `<ds:Object>${info}</ds:Object>`)
  assert.equal(judged(moved), 'xml-signature-malformed')
  const unknown = replacedXml(signed, '<ds:SignatureValue>', '<x/><ds:SignatureValue>')
  assert.equal(judged(unknown), 'xml-signature-malformed')
  const text = replacedXml(signed, '<ds:Reference', 'text<ds:Reference')
  assert.equal(judged(text), 'xml-signature-malformed')
})

test('KeyInfo and Object of another signature do not count', () => {
  const signed = signedByTemplate({ references: [whole], keyInfo: '<x/>' })
  assert.equal(judged(signed), 'signer-certificate-missing')
  const certificate = `<ds:X509Data><ds:X509Certificate>${encodeBase64(cmsLeaf.raw, 'xml')}</ds:X509Certificate></ds:X509Data>`
  const wrapped = replacedXml(signed, '<x/>', `<x><ds:KeyInfo>${certificate}</ds:KeyInfo></x>`)
  assert.equal(judged(wrapped), 'signer-certificate-missing')
  const inObject = replacedXml(
    signed,
    '</ds:Signature>',
    `<ds:Object><ds:KeyInfo>${certificate}</ds:KeyInfo></ds:Object></ds:Signature>`,
  )
  assert.equal(judged(inObject, { coverage: 'part' }), 'signer-certificate-missing')
})

test('a bare key is nobody’s, and a pointer to a key is not followed', () => {
  for (const keyInfo of [
    '<ds:KeyName>見本花子</ds:KeyName>',
    '<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>AQAB</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>',
    '<ds:RetrievalMethod URI="http://localhost/key" Type="http://www.w3.org/2000/09/xmldsig#rawX509Certificate"/>',
    '<ds:RetrievalMethod URI="#item"/>',
  ]) {
    const xml = signedByTemplate({ references: [whole], keyInfo })
    assert.equal(judged(xml), 'signer-certificate-missing', keyInfo)
    assert.equal(judged(xml, { certificates: [cmsLeaf] }), 'passed')
  }
})

test('an HMAC with the public key for its secret, or cut to nothing, is no signature', () => {
  const method = 'http://www.w3.org/2000/09/xmldsig#hmac-sha1'
  const sha256 = 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256'
  for (const signatureMethod of [
    method,
    sha256,
    `<ds:SignatureMethod Algorithm="${sha256}"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>`,
    `<ds:SignatureMethod Algorithm="${algorithms.rsaSha256}"><ds:HMACOutputLength>0</ds:HMACOutputLength></ds:SignatureMethod>`,
  ]) {
    const signed = signedByTemplate({ references: [whole], signatureMethod })
    const inspected = inspectXmlSignature(signed, 0, new Map())
    assert.equal(codeOf(inspected), 'algorithm-unsupported')
    const mac = createHmac('sha256', cmsLeaf.spki).update('x').digest()
    const forged = replacedXml(signed, /(?<=<ds:SignatureValue>)[^<]*/, encodeBase64(mac, 'xml'))
    assert.equal(judged(forged), 'algorithm-unsupported')
  }
})

test('SHA-1 and MD5 are refused by name, in a digest and in a signature', () => {
  const more = 'http://www.w3.org/2001/04/xmldsig-more#'
  for (const digestMethod of [algorithms.sha1, `${more}md5`]) {
    assert.equal(
      judged(signedByTemplate({ references: [{ ...whole, digestMethod }] })),
      'algorithm-weak',
    )
  }
  for (const signatureMethod of [`${dsig}rsa-sha1`, `${more}rsa-md5`, `${dsig}dsa-sha1`]) {
    assert.equal(
      judged(signedByTemplate({ references: [whole], signatureMethod })),
      'algorithm-weak',
    )
  }
  for (const unknown of ['', 'none', 'http://www.w3.org/2001/04/xmlenc#sha257']) {
    assert.equal(
      judged(signedByTemplate({ references: [{ ...whole, digestMethod: unknown }] })),
      'algorithm-unsupported',
    )
  }
  const canonicalisation = 'http://www.w3.org/TR/1999/REC-xslt-19991116'
  assert.equal(
    judged(signedByTemplate({ references: [whole], canonicalisation })),
    'algorithm-unsupported',
  )
})

test('a document type is refused before anything of it is read: entities, defaults, files, addresses', () => {
  const types = [
    '<!DOCTYPE root>',
    '<!DOCTYPE root [<!ENTITY a "x">]>',
    '<!DOCTYPE root SYSTEM "http://localhost/x.dtd">',
    '<!DOCTYPE root [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>',
    '<!DOCTYPE root [<!ATTLIST item Id CDATA "item">]>',
    '<!-- c --><?p i?>\n<!DOCTYPE root [<!ENTITY a "&b;&b;"><!ENTITY b "xxxxxxxxxx">]>',
  ]
  const signed = signedByTemplate({ references: [whole] })
  for (const type of types) {
    assert.equal(
      judged(replacedXml(signed, '<root', `${type}<root`)),
      'xml-document-type-refused',
      type,
    )
  }
  assert.equal(judged(replacedXml(signed, '>x<', '>&undeclared;<')), 'xml-malformed')
})

test('other encodings and versions are told to be unsupported, and no signature is said to be bad', () => {
  const signed = textOfBytes(signedByTemplate({ references: [whole] }))
  const wide = Buffer.from(`\ufeff${signed}`, 'utf16le')
  for (const xml of [
    Uint8Array.from(wide),
    Uint8Array.from(wide.subarray(2)),
    bytesOf(`<?xml version="1.0" encoding="Shift_JIS"?>${signed}`),
    bytesOf(`<?xml version="1.1"?>${signed}`),
    bytesOf(`<?xml version='1.0' encoding='utf-16'?>${signed}`),
  ]) {
    const report = validateXml(looseDemands(xml))
    assert.equal(report.verdict.kind, 'indeterminate')
    assert.equal(codeOf(report.verdict), 'xml-encoding-unsupported')
  }
  const broken = bytesOf(signed)
  const at = broken.indexOf(0x78, signed.indexOf('>x<'))
  assert.equal(judged(Uint8Array.from(broken.with(at, 0xff))), 'xml-malformed')
})

test('lists are bounded: of references, and of transforms', () => {
  const signed = signedByTemplate({ references: [item] })
  const reference = /<ds:Reference .*<\/ds:Reference>/s.exec(textOfBytes(signed))?.[0] ?? ''
  const transform = /<ds:Transform .*?\/>/s.exec(reference)?.[0] ?? ''
  for (const [one, most] of [
    [reference, 64],
    [transform, 4],
  ] as const) {
    const full = replacedXml(signed, one, one.repeat(most))
    assert.equal(judged(full, { coverage: 'part' }), 'signature-bad')
    const over = replacedXml(signed, one, one.repeat(most + 1))
    assert.equal(judged(over, { coverage: 'part' }), 'xml-signature-malformed')
  }
})

test('a signature that covers only its own furniture says nothing', () => {
  assert.equal(
    judged(signedByTemplate({ references: [] }), { coverage: 'part' }),
    'xml-nothing-covered',
  )
  const own = signedByTemplate({
    references: [{ uri: '#k' }],
    keyInfo: `<ds:X509Data Id="k"><ds:X509Certificate>${encodeBase64(cmsLeaf.raw, 'xml')}</ds:X509Certificate></ds:X509Data>`,
  })
  assert.equal(judged(own, { coverage: 'part' }), 'xml-nothing-covered')
})

test('more signatures than a container may have are refused', () => {
  const one = signatureTemplate({ references: [item] })
  assert.equal(judged(bytesOf(`<root>${one.repeat(33)}</root>`)), 'xml-malformed')
})

/** Properties that bind the specimen certificate. */
function properties(
  given: { readonly id?: string; readonly target?: string; readonly inside?: string } = {},
): string {
  const cert =
    `<x:Cert><x:CertDigest><ds:DigestMethod Algorithm="${algorithms.sha256}"/>` +
    `<ds:DigestValue>${encodeBase64(digest('sha256', cmsLeaf.raw), 'xml')}</ds:DigestValue></x:CertDigest></x:Cert>`
  const inside = given.inside ?? `<x:SigningCertificateV2>${cert}</x:SigningCertificateV2>`
  return (
    `<x:QualifyingProperties xmlns:x="${xades}" xmlns:ds="${dsig}" Target="${given.target ?? '#s'}">` +
    `<x:SignedProperties Id="${given.id ?? 'p'}"><x:SignedSignatureProperties>${inside}` +
    '</x:SignedSignatureProperties></x:SignedProperties></x:QualifyingProperties>'
  )
}

const ofProperties: ReferenceTemplate = {
  uri: '#p',
  transforms: [algorithms.exclusive],
  attributes: propertiesType,
}

function withProperties(
  objects: string,
  references = [whole, ofProperties],
  content?: string,
): Uint8Array {
  return signedByTemplate({ id: 's', references, objects }, content)
}

test('properties count when a reference of their type covers them where they belong', () => {
  const levelB = { level: 'xades-b' } as const
  const object = (text: string): string => `<ds:Object>${text}</ds:Object>`
  assert.equal(judged(withProperties(object(properties())), levelB), 'passed')
  // Not covered: put there by anybody, and so passed over.
  const bare = withProperties(object(properties()), [whole])
  assert.equal(judged(bare), 'passed')
  assert.equal(judged(bare, levelB), 'xades-certificate-unprotected')
  const invalid: Readonly<Record<string, Uint8Array>> = {
    target: withProperties(object(properties({ target: '#other' }))),
    elsewhere: withProperties(object(properties({ id: 'q' })), [whole, ofProperties], properties()),
    twice: withProperties(object(properties()) + object(properties({ id: 'q' }))),
    repeated: withProperties(object(properties()), [whole, ofProperties, ofProperties]),
    kept: withProperties(
      object(`<x:QualifyingPropertiesReference xmlns:x="${xades}" URI="#p"/>`),
      [whole, ofProperties],
      properties(),
    ),
    transformed: withProperties(object(properties()), [
      whole,
      { ...ofProperties, transforms: [algorithms.base64] },
    ]),
    ambiguous: withProperties(
      object(
        properties({
          inside:
            '<x:SigningTime>2026-01-01T00:00:00Z</x:SigningTime><x:SigningTime>2026-01-01T00:00:00Z</x:SigningTime>',
        }),
      ),
    ),
    timeless: withProperties(
      object(properties({ inside: '<x:SigningTime>2026-02-30T00:00:00Z</x:SigningTime>' })),
    ),
  }
  for (const [name, xml] of Object.entries(invalid)) {
    const { verdict } = only(xml)
    assert.ok(verdict.kind === 'failed', name)
    assert.ok(
      verdict.reasons.some(each => each.code === 'signed-attributes-invalid'),
      `${name}: ${verdict.reasons.map(each => each.code).join(' ')}`,
    )
  }
})

test('either version of SigningCertificate binds, by a digest that is accepted and the right serial', () => {
  const object = (inside: string): Uint8Array =>
    withProperties(`<ds:Object>${properties({ inside })}</ds:Object>`)
  const cert = (method: string, value: Uint8Array, serial: string): string =>
    `<x:SigningCertificate><x:Cert><x:CertDigest><ds:DigestMethod Algorithm="${method}"/>` +
    `<ds:DigestValue>${encodeBase64(value, 'xml')}</ds:DigestValue></x:CertDigest><x:IssuerSerial>` +
    `<ds:X509IssuerName>any</ds:X509IssuerName><ds:X509SerialNumber>${serial}</ds:X509SerialNumber>` +
    '</x:IssuerSerial></x:Cert></x:SigningCertificate>'
  const levelB = { level: 'xades-b' } as const
  const right = digest('sha256', cmsLeaf.raw)
  const serial = BigInt(`0x${Buffer.from(cmsLeaf.serial).toString('hex')}`)
  assert.equal(judged(object(cert(algorithms.sha256, right, `${serial}`)), levelB), 'passed')
  assert.equal(
    judged(object(cert(algorithms.sha256, right, `${serial + 1n}`)), levelB),
    'signer-certificate-mismatch',
  )
  assert.equal(
    judged(object(cert(algorithms.sha256, digest('sha256', right), `${serial}`)), levelB),
    'signer-certificate-mismatch',
  )
  const sha1 = cert(algorithms.sha1, digest('sha1', cmsLeaf.raw), `${serial}`)
  assert.equal(judged(object(sha1), levelB), 'xades-certificate-unprotected')
})

/** A signature whose unsigned properties hold a counter-signature over its value. */
function countersigned(reference: string, prepare = (text: string) => text): Uint8Array {
  const first = textOfBytes(
    withProperties(`<ds:Object>${properties()}</ds:Object>`, [
      { uri: '#item', transforms: [algorithms.exclusive] },
      ofProperties,
    ]),
  ).replace('<ds:SignatureValue>', '<ds:SignatureValue Id="v">')
  const counter = signatureTemplate({ references: [{ uri: reference }] })
  const holder = `<x:UnsignedProperties><x:UnsignedSignatureProperties><x:CounterSignature>${counter}</x:CounterSignature></x:UnsignedSignatureProperties></x:UnsignedProperties></x:QualifyingProperties>`
  return signByHand(prepare(first.replace('</x:QualifyingProperties>', holder)), { position: 1 })
}

test('a counter-signature is judged by itself: over the value it passes, and a bad one does no harm', () => {
  const part = { coverage: 'part' } as const
  const good = validateXml(looseDemands(countersigned('#v'), part))
  assert.equal(good.verdict.kind, 'passed')
  const [signature, counter, ...others] = good.signatures
  assert.equal(others.length, 0)
  assert.equal(signature?.countersigns, undefined)
  assert.equal(counter?.countersigns, 0)
  assert.equal(counter?.verdict.kind, 'passed')
  assert.equal(counter?.covered[0]?.coverage.target.kind, 'signature-value')
  const other = validateXml(looseDemands(countersigned('#item'), part))
  assert.equal(other.verdict.kind, 'passed')
  assert.equal(codeOf(other.signatures[1]?.verdict ?? other.verdict), 'xml-nothing-covered')
  assert.ok(good.verdict.kind === 'passed' && good.verdict.value.length === 1)
})

test('a signature inside the content of another is judged like any other', () => {
  const inner = textOfBytes(
    signedByTemplate({ references: [{ uri: '#item', transforms: [algorithms.exclusive] }] }),
  )
  const outer = signByHand(
    signatureTemplate({
      references: [{ uri: '#o' }],
      objects: `<ds:Object Id="o">${inner}</ds:Object>`,
    }),
  )
  const part = { coverage: 'part' } as const
  assert.equal(judged(outer, part), 'passed')
  const [first] = validateXml(looseDemands(outer)).signatures
  assert.ok(first?.isWhole)
  const broken = replacedXml(outer, '>x</item>', '>y</item>')
  const report = validateXml(looseDemands(broken, part))
  assert.deepEqual(
    report.signatures.map(each => codeOf(each.verdict)),
    ['content-altered', 'content-altered'],
  )
})

test('instructions outside the root are content: a signature over the root element alone is not over them', () => {
  const root = { uri: '#root', transforms: [algorithms.enveloped, algorithms.exclusive] }
  const text = `<root Id="root"><a/>${signatureTemplate({ references: [root] })}</root>`
  assert.equal(judged(signByHand(text)), 'passed')
  const styled = signByHand(`<?xml-stylesheet href="evil.xsl"?>${text}`)
  assert.equal(judged(styled), 'xml-partly-covered')
  assert.equal(judged(styled, { coverage: 'part' }), 'passed')
})

test('decoded text covers neither attributes nor structure', () => {
  const xml = signedByTemplate(
    { references: [{ uri: '', transforms: [algorithms.base64] }], keyInfo: '' },
    '<a>QUJD</a>',
  )
  assert.notEqual(judged(xml, { certificates: [cmsLeaf] }), 'passed')
  const part = signedByTemplate(
    { references: [{ uri: '#item', transforms: [algorithms.base64] }] },
    '<item Id="item" mode="a">QUJD</item>',
  )
  assert.equal(judged(part, { coverage: 'part' }), 'passed')
  assert.equal(only(part).covered[0]?.coverage.form, 'text')
  const moded = replacedXml(part, 'mode="a"', 'mode="b"')
  assert.equal(judged(moded, { coverage: 'part' }), 'passed')
  const padded = replacedXml(part, 'QUJD', 'QUJDQQ')
  assert.equal(judged(padded, { coverage: 'part' }), 'xml-malformed')
})

test('a namespace of Signature that only looks like the one is none', () => {
  const signed = xadesSpecimen({ content: enveloped(xmlDocument) })
  const other = replacedXml(
    signed,
    'http://www.w3.org/2000/09/xmldsig#" Id',
    'http://www.w3.org/2000/09/xmldsig" Id',
  )
  assert.equal(codeOf(validateXml(xmlDemands(other)).verdict), 'xml-unsigned')
})
