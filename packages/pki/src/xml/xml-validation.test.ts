import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addXmlSignatureTimeStamp,
  addXmlValidationData,
  xmlSignatureToBeStamped,
} from '../assemble/xades-unsigned.ts'
import { prepareXades } from '../assemble/xades.ts'
import {
  cmsAuthority,
  cmsLeaf,
  stampAuthority,
  stampOver,
  stampRoot,
  stampTrust,
} from '../cms-specimen-for-tests.ts'
import { digest } from '../crypto.ts'
import { MalformedError } from '../der.ts'
import { issueCrl } from '../issue/crl.ts'
import { keyIdentifier } from '../issue/certificate.ts'
import { issueOcspResponse } from '../issue/ocsp.ts'
import { poolKey } from '../issue/pool.ts'
import { ocspCertId } from '../ocsp.ts'
import {
  codeOf,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from '../specimen-for-tests.ts'
import { generalPolicy } from '../validation-policy.ts'
import { inspectXmlSignature } from './inspection.ts'
import {
  bytesOf,
  enveloped,
  looseDemands,
  preparedSpecimen,
  rsaSigner,
  textOfBytes,
  xadesSpecimen,
  xmlDemands,
  xmlDocument,
} from './xml-specimen-for-tests.ts'
import { replacedXml } from './xml-template-for-tests.ts'
import { validateXml, type XmlDemands, type XmlSignatureReport } from './xml-validation.ts'

const hour = 3_600_000
const none = { kind: 'crls', lists: [] } as const

function judged(xml: Uint8Array, vary: Partial<XmlDemands> = {}): string {
  return codeOf(validateXml(xmlDemands(xml, vary)).verdict)
}

function reported(xml: Uint8Array, vary: Partial<XmlDemands> = {}): XmlSignatureReport {
  const [only, ...others] = validateXml(xmlDemands(xml, vary)).signatures
  assert.ok(only !== undefined && others.length === 0)
  return only
}

function stamped(xml: Uint8Array, vary: Parameters<typeof stampOver>[1] = {}): Uint8Array {
  return addXmlSignatureTimeStamp(xml, 0, stampOver(xmlSignatureToBeStamped(xml, 0), vary))
}

test('a signature made with a card passes, and the report says who, over what, and since when', () => {
  const report = reported(xadesSpecimen())
  assert.ok(report.verdict.kind === 'passed')
  const { covered, ...value } = report.verdict.value
  assert.equal(value.kind, 'signature')
  assert.equal(value.certificate.raw, report.certificate?.raw)
  assert.deepEqual(value.certificate.raw, cmsLeaf.raw)
  assert.equal(report.level, 'xades-b')
  assert.equal(report.algorithm, 'rsa-sha256')
  assert.equal(report.claimedAt, specimenNow - 120_000)
  assert.equal(report.provenAt, undefined)
  assert.ok(report.isWhole)
  assert.equal(
    report.path,
    '/{urn:example:application}申請[1]/{http://www.w3.org/2000/09/xmldsig#}Signature[3]',
  )
  const [content, properties, ...others] = covered
  assert.ok(content !== undefined && others.length === 0)
  assert.deepEqual(content.coverage.target, { kind: 'document' })
  assert.equal(content.coverage.leftOut, 'own-signature')
  assert.equal(content.mimeType, 'text/xml')
  assert.deepEqual(properties?.coverage.target, { kind: 'signed-properties' })
})

test('the bytes that were hashed can be seen: the canonical document without its signature and comments', () => {
  const inspected = inspectXmlSignature(xadesSpecimen(), 0, new Map())
  assert.ok(inspected.kind === 'passed')
  const [content] = inspected.value.covered
  assert.ok(content?.content.kind === 'bytes')
  assert.equal(
    textOfBytes(content.content.bytes),
    '<?style x?>\n<申請 xmlns="urn:example:application" 種別="委任"><氏名>見本　花子</氏名><備考>a &lt; b &amp; c</備考></申請>',
  )
})

test('a reader recomputes what it signs from the document alone, and sees when it is not so', () => {
  const prepared = preparedSpecimen()
  const inspected = inspectXmlSignature(prepared.document, prepared.position, new Map())
  assert.ok(inspected.kind === 'passed' && inspected.value.isWhole)
  assert.deepEqual(inspected.value.toBeSigned, prepared.toBeSigned)
  assert.deepEqual(digest('sha256', inspected.value.toBeSigned), prepared.digest)
  const altered = replacedXml(prepared.document, '見本', '別人')
  assert.equal(
    codeOf(inspectXmlSignature(altered, prepared.position, new Map())),
    'content-altered',
  )
  assert.equal(codeOf(inspectXmlSignature(prepared.document, 1, new Map())), 'xml-unsigned')
  assert.equal(codeOf(inspectXmlSignature(bytesOf('<a'), 0, new Map())), 'xml-malformed')
})

test('nothing is finished with a signature that is not the certificate’s over this document', () => {
  const prepared = preparedSpecimen()
  assert.throws(
    () => prepared.finish(poolKey(2).sign('rsa-sha256', prepared.toBeSigned)),
    RangeError,
  )
  assert.throws(() => prepared.finish(poolKey(1).sign('rsa-sha256', bytesOf('x'))), RangeError)
})

test('what cannot be signed is not prepared', () => {
  const files = (uri: string, hash = new Uint8Array(32)) =>
    ({
      kind: 'detached',
      files: [{ uri, content: { kind: 'hash', hash }, mimeType: 'text/plain' }],
    }) as const
  assert.throws(() => preparedSpecimen({ content: files('') }), RangeError)
  assert.throws(() => preparedSpecimen({ content: files('#a') }), RangeError)
  assert.throws(() => preparedSpecimen({ content: files('a', new Uint8Array(31)) }), RangeError)
  assert.throws(() => preparedSpecimen({ content: { kind: 'detached', files: [] } }), RangeError)
  assert.throws(() => preparedSpecimen({ content: enveloped(bytesOf('<a>')) }), MalformedError)
  assert.throws(
    () => preparedSpecimen({ content: enveloped(bytesOf('<!DOCTYPE a><a/>')) }),
    MalformedError,
  )
  // An older signature over the whole document would be broken by a second one inside it.
  assert.throws(
    () => preparedSpecimen({ content: enveloped(xadesSpecimen(), 'left-out') }),
    /break the signature at position 0/,
  )
})

test('a second signature over a first covers it, and the first can no longer be taken away', () => {
  const first = xadesSpecimen({ content: enveloped(xmlDocument, 'left-out') })
  const both = xadesSpecimen({ content: enveloped(first), signingTime: specimenNow - 60_000 })
  assert.equal(judged(both), 'passed')
  const without = replacedXml(both, /<ds:Signature .*?<\/ds:Signature>/s, '')
  assert.equal(judged(without), 'content-altered')
})

test('an empty element, one with a declaration, one with a mark: each can be signed where it stands', () => {
  for (const xml of [
    '<a/>',
    '<a />',
    '<?xml version="1.0"?>\n<a b="/>"/>\n<!-- after -->',
    '\u{feff}<a>\r\n</a>',
  ]) {
    assert.equal(judged(xadesSpecimen({ content: enveloped(bytesOf(xml)) })), 'passed', xml)
  }
})

test('levels: each is met or told to be missing, and what is reached is reported', () => {
  const levelB = xadesSpecimen()
  assert.equal(judged(levelB, { level: 'xmldsig' }), 'passed')
  assert.equal(judged(levelB, { level: 'xades-t' }), 'time-stamp-missing')
  assert.equal(judged(levelB, { level: 'xades-lt' }), 'time-stamp-missing')
  const levelT = stamped(levelB)
  assert.equal(reported(levelT).level, 'xades-t')
  assert.equal(judged(levelT, { level: 'xades-t' }), 'passed')
  assert.equal(judged(levelT, { level: 'xades-lt' }), 'validation-data-missing')
  assert.equal(reported(levelT).provenAt, specimenNow - 59_500)
  assert.equal(judged(levelT, { level: 'xades-t', timeStamps: undefined }), 'time-stamp-missing')
  for (const [keys, says] of [
    [generalPolicy.keys, 'passed'],
    [[], 'time-stamp-missing'],
  ] as const) {
    const timeStamps = { ...stampTrust, policy: { ...generalPolicy, keys } }
    assert.equal(judged(levelT, { level: 'xades-t', timeStamps }), says)
  }
})

/** A list of the time-stamp root, fresh at `specimenNow`. */
function stampList(): Uint8Array {
  const content = {
    issuer: stampRoot.subject,
    issuerKeyId: keyIdentifier(stampRoot.spki),
    thisUpdate: specimenNow - hour,
    nextUpdate: specimenNow + 24 * hour,
    number: 1,
    partition: undefined,
    deltaBase: undefined,
    entries: [],
  }
  return issueCrl(content, 'rsa-sha256', poolKey(30).sign)
}

test('level LT is judged by what the document holds alone: lists, or an OCSP response', () => {
  const levelT = stamped(xadesSpecimen())
  const certificates = [stampAuthority.certificate.raw]
  const list = specimenCrl('signature', cmsAuthority)
  const kept = addXmlValidationData(levelT, 0, {
    certificates,
    crls: [list, stampList()],
    ocsps: [],
  })
  const alone = { level: 'xades-lt', revocation: none } as const
  const trust = { timeStamps: { ...stampTrust, revocation: none } } as const
  assert.equal(judged(kept, { ...alone, ...trust }), 'passed')
  const answer = {
    certId: ocspCertId(cmsLeaf, cmsAuthority.certificate, 'sha256'),
    status: { kind: 'good' },
    thisUpdate: specimenNow,
    nextUpdate: undefined,
  } as const
  const response = issueOcspResponse(
    { producedAt: specimenNow, answers: [answer], nonce: undefined },
    { ...cmsAuthority, isAuthority: true },
  )
  const byAnswer = addXmlValidationData(levelT, 0, {
    certificates,
    crls: [stampList()],
    ocsps: [response],
  })
  assert.equal(judged(byAnswer, { ...alone, ...trust }), 'passed')
  const half = addXmlValidationData(levelT, 0, { certificates, crls: [list], ocsps: [] })
  assert.equal(judged(half, { level: 'xades-lt' }), 'validation-data-missing')
  assert.throws(
    () => addXmlValidationData(levelT, 0, { certificates: [], crls: [], ocsps: [] }),
    RangeError,
  )
})

test('a certificate revoked after the proven time stands, before it falls, and a claim proves nothing', () => {
  const leaf = cmsLeaf.serial
  const listed = (
    revokedAt: number,
    reason: 'superseded' | 'keyCompromise',
  ): Partial<XmlDemands> => ({
    revocation: {
      kind: 'crls',
      lists: [
        specimenCrl('signature', cmsAuthority, {
          entries: [{ ...specimenEntry(leaf, reason), revokedAt }],
        }),
      ],
    },
  })
  const levelB = xadesSpecimen()
  const levelT = stamped(levelB)
  const after = listed(specimenNow - 30_000, 'superseded')
  assert.equal(judged(levelB, after), 'certificate-revoked')
  assert.equal(judged(levelT, after), 'passed')
  assert.equal(judged(levelT, listed(specimenNow - 90_000, 'superseded')), 'certificate-revoked')
  assert.equal(judged(levelT, listed(specimenNow - 30_000, 'keyCompromise')), 'certificate-revoked')
})

test('a bad time-stamp gives no time and does no harm', () => {
  const levelB = xadesSpecimen()
  const other = addXmlSignatureTimeStamp(levelB, 0, stampOver(bytesOf('x')))
  const report = reported(other)
  assert.equal(report.verdict.kind, 'passed')
  assert.equal(report.level, 'xades-b')
  assert.deepEqual(report.timeStamps.map(codeOf), ['time-stamp-imprint-mismatch'])
  const rubbish = addXmlSignatureTimeStamp(levelB, 0, Uint8Array.of(1, 2, 3))
  assert.equal(judged(rubbish), 'passed')
  // One good among several is enough.
  assert.equal(judged(stamped(other), { level: 'xades-t' }), 'passed')
})

test('what anyone may have put beside a signature does it no harm', () => {
  const levelT = stamped(xadesSpecimen())
  const junk = [
    '<xades:SignatureTimeStamp><xades:XMLTimeStamp/></xades:SignatureTimeStamp>',
    '<xades:SignatureTimeStamp>text</xades:SignatureTimeStamp>',
    '<xades:CertificateValues><xades:EncapsulatedX509Certificate>!</xades:EncapsulatedX509Certificate></xades:CertificateValues>',
    '<xades:RevocationValues><xades:CRLValues><xades:EncapsulatedCRLValue>AAAA</xades:EncapsulatedCRLValue></xades:CRLValues></xades:RevocationValues>',
    '<other xmlns="urn:other"><!-- x --><?pi?></other>',
  ]
  for (const each of junk) {
    const xml = replacedXml(levelT, /(?=<xades:SignatureTimeStamp)/, each)
    assert.equal(judged(xml, { level: 'xades-t' }), 'passed', each)
  }
})

test('without its certificate a signature needs it from the caller, and the bound one counts', () => {
  const xml = xadesSpecimen()
  const without = replacedXml(xml, /<ds:KeyInfo>.*<\/ds:KeyInfo>/s, '')
  assert.equal(judged(without), 'signer-certificate-missing')
  assert.equal(judged(without, { certificates: [cmsLeaf] }), 'passed')
  // Another certificate on the same key is not the one that was signed with.
  const twin = specimenLeaf('signature', cmsAuthority, 1, { serial: Uint8Array.of(5) })
  const twinText = Buffer.from(twin.raw).toString('base64')
  const swapped = replacedXml(xml, /(?<=<ds:X509Certificate>)[^<]*/, twinText)
  assert.equal(judged(swapped), 'signer-certificate-mismatch')
  assert.equal(judged(swapped, { certificates: [cmsLeaf] }), 'passed')
})

test('certificates of a path may stand before the signer’s', () => {
  const prepared = prepareXades({
    content: enveloped(xmlDocument),
    certificate: cmsLeaf,
    certificates: [cmsAuthority.certificate],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow,
    canonicalForm: 'exclusive',
  })
  const xml = prepared.finish(rsaSigner.key.sign('rsa-sha256', prepared.toBeSigned))
  const turned = textOfBytes(xml).replace(
    /(<ds:X509Certificate>.*?<\/ds:X509Certificate>)(<ds:X509Certificate>.*?<\/ds:X509Certificate>)/s,
    '$2$1',
  )
  assert.equal(judged(bytesOf(turned)), 'passed')
  assert.deepEqual(reported(bytesOf(turned)).certificate?.raw, cmsLeaf.raw)
})

test('the rules for certificates are those of every container', () => {
  const xml = xadesSpecimen()
  assert.equal(judged(xml, { anchors: [] }), 'issuer-unknown')
  assert.equal(judged(xml, { revocation: none }), 'revocation-missing')
  assert.equal(judged(xml, { at: Date.UTC(2031, 0, 1) }), 'certificate-expired')
  const { rules } = xmlDemands(xml)
  assert.ok(rules.kind === 'profile')
  assert.equal(judged(xml, { rules: { ...rules, purpose: 'authentication' } }), 'wrong-purpose')
  assert.equal(judged(xml, { rules: { ...rules, poolKeys: 'refused' } }), 'key-test-only')
})

test('each signature of a document must pass', () => {
  const one = xadesSpecimen({ content: enveloped(xmlDocument, 'left-out') })
  const two = xadesSpecimen({
    content: enveloped(one, 'left-out'),
    signingTime: specimenNow - 60_000,
  })
  const report = validateXml(xmlDemands(two))
  assert.ok(report.verdict.kind === 'passed')
  assert.equal(report.verdict.value.length, 2)
  const broken = replacedXml(two, '2026-11-02T02:59:00Z', '2026-11-02T02:59:01Z')
  const after = validateXml(xmlDemands(broken))
  assert.equal(codeOf(after.verdict), 'content-altered')
  assert.deepEqual(
    after.signatures.map(each => each.verdict.kind),
    ['passed', 'failed'],
  )
})

test('an unsigned document, and one that is none, are told apart', () => {
  assert.equal(judged(xmlDocument), 'xml-unsigned')
  assert.equal(judged(bytesOf('')), 'xml-malformed')
  assert.equal(judged(bytesOf('<a><b></a>')), 'xml-malformed')
  assert.equal(codeOf(validateXml(looseDemands(bytesOf('<a:b/>'))).verdict), 'xml-malformed')
})
