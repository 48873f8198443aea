import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  addXmlSignatureTimeStamp,
  addXmlValidationData,
  prepareXmlArchiveTimeStamp,
  xmlSignatureToBeStamped,
} from '../assemble/xades-unsigned.ts'
import {
  cmsAuthority,
  cmsLeaf,
  laterStampAuthority,
  laterStampRoot,
  stampAuthority,
  stampIssuer,
  stampOver,
  stampRoot,
} from '../cms-specimen-for-tests.ts'
import { digest } from '../crypto.ts'
import { codeOf, specimenCrl, specimenNow } from '../specimen-for-tests.ts'
import {
  bytesOf,
  xadesSpecimen,
  xmlDemands,
  xmlDocument,
  XmlJudge,
} from './xml-specimen-for-tests.ts'
import { replacedXml, signByHand, signatureTemplate } from './xml-template-for-tests.ts'
import { validateXml, type XmlDemands, type XmlReport } from './xml-validation.ts'

const day = 24 * 3_600_000
/** A second time-stamp authority under a root of its own, which outlives the first. */
const laterRoot = laterStampRoot()
const laterAuthority = laterStampAuthority(laterRoot)
const laterTrust = {
  anchors: [stampRoot, laterRoot.certificate],
  intermediates: [],
  revocation: { kind: 'crls', lists: [] },
} as const
const nothing = { revocation: { kind: 'crls', lists: [] }, timeStamps: laterTrust } as const

function report(xml: Uint8Array, vary: Partial<XmlDemands>): XmlReport {
  return validateXml(xmlDemands(xml, vary))
}

function judged(xml: Uint8Array, vary: Partial<XmlDemands>): string {
  return codeOf(report(xml, vary).verdict)
}

function stampList(issuer: typeof stampIssuer, at: number): Uint8Array {
  return specimenCrl('signature', issuer, {
    partition: undefined,
    thisUpdate: at - 3_600_000,
    nextUpdate: at + 23 * 3_600_000,
  })
}

function withLists(xml: Uint8Array, ...crls: readonly Uint8Array[]): Uint8Array {
  return addXmlValidationData(xml, 0, {
    certificates: [stampAuthority.certificate.raw, cmsAuthority.certificate.raw],
    crls,
    ocsps: [],
  })
}

/** A time-stamped signature with all evidence inside, gathered a day after signing. */
function lasting(): Uint8Array {
  const at = specimenNow + day
  const xml = xadesSpecimen()
  const token = stampOver(xmlSignatureToBeStamped(xml, 0), { at: specimenNow })
  return withLists(
    addXmlSignatureTimeStamp(xml, 0, token),
    specimenCrl('signature', cmsAuthority, { thisUpdate: at, nextUpdate: at + day }),
    stampList(stampIssuer, at),
  )
}

function archived(xml: Uint8Array, at: number, by: typeof laterAuthority): Uint8Array {
  const prepared = prepareXmlArchiveTimeStamp(xml, 0, new Map())
  const value = digest('sha512', prepared.toBeStamped)
  return prepared.finish(stampOver(xml, { at, hash: 'sha512', value }, by))
}

test('with all evidence inside, a signature outlives its certificate as long as the time-stamp authority lasts', () => {
  const at = cmsLeaf.notAfter + 10 * day
  const kept = withLists(lasting(), stampList(stampIssuer, at))
  const { verdict, signatures } = report(kept, { at, level: 'xades-lt', ...nothing })
  assert.equal(codeOf(verdict), 'passed')
  assert.equal(signatures[0]?.level, 'xades-lt')
  const soon = { level: 'xades-lta', at: specimenNow + day, ...nothing } as const
  assert.equal(judged(lasting(), soon), 'archive-time-stamp-missing')
})

test('an archive time-stamp keeps a signature past the end of every certificate that it began with', () => {
  const evidence = specimenNow + 2000 * day
  const gathered = withLists(lasting(), stampList(stampIssuer, evidence))
  const later = specimenNow + 4000 * day
  const xml = withLists(archived(gathered, evidence, laterAuthority), stampList(laterRoot, later))
  const { verdict, signatures } = report(xml, { at: later, level: 'xades-lta', ...nothing })
  assert.equal(codeOf(verdict), 'passed')
  assert.equal(signatures[0]?.level, 'xades-lta')
  assert.equal(signatures[0]?.provenAt, specimenNow + 500)
  const cutOff = withLists(gathered, stampList(laterRoot, later))
  assert.equal(judged(cutOff, { at: later, ...nothing }), 'certificate-expired')
  using judge = new XmlJudge()
  assert.ok(judge.verifies(xml), judge.said)
})

test('everything that an archive time-stamp covers must stay as it was', () => {
  const at = specimenNow + 2 * day
  const trusted = {
    at,
    timeStamps: { ...laterTrust, revocation: { kind: 'danger-unchecked' } },
  } as const
  const xml = archived(lasting(), at - 1000, laterAuthority)
  const stampOf = (each: Uint8Array): string => {
    const [only] = report(each, trusted).signatures[0]?.archiveTimeStamps ?? []
    assert.ok(only !== undefined)
    return codeOf(only)
  }
  assert.equal(stampOf(xml), 'passed')
  for (const altered of [
    replacedXml(xml, '見本', '別人'),
    replacedXml(xml, 'text/xml', 'text/plain'),
    replacedXml(xml, /(?<=<ds:KeyInfo)/, ' Id="k"'),
    replacedXml(xml, /(?<=<xades:EncapsulatedTimeStamp>)./, 'N'),
    replacedXml(xml, /<xades:CertificateValues .*?<\/xades:CertificateValues>/s, ''),
    replacedXml(xml, /(?=<xades:CertificateValues )/, '<x/>'),
    replacedXml(xml, '</ds:Signature>', '<ds:Object>more</ds:Object></ds:Signature>'),
  ]) {
    assert.equal(stampOf(altered), 'time-stamp-imprint-mismatch')
  }
  // What comes after it is not covered; nor are the comments of the document.
  assert.equal(stampOf(withLists(xml, stampList(stampIssuer, at))), 'passed')
  assert.equal(stampOf(replacedXml(xml, '<!-- comment -->', '')), 'passed')
})

test('archive time-stamps are renewed one over the other', () => {
  const first = archived(lasting(), specimenNow + 2 * day, stampAuthority)
  const second = archived(first, specimenNow + 3 * day, laterAuthority)
  const at = specimenNow + 4 * day
  const trusted = {
    timeStamps: { ...laterTrust, revocation: { kind: 'danger-unchecked' } },
  } as const
  const kinds = (xml: Uint8Array): readonly string[] | undefined =>
    report(xml, { at, ...trusted }).signatures[0]?.archiveTimeStamps.map(each => each.kind)
  assert.deepEqual(kinds(second), ['passed', 'passed'])
  const [, one, two] =
    /(<xades141:ArchiveTimeStamp .*?<\/xades141:ArchiveTimeStamp>)(<xades141:ArchiveTimeStamp .*?<\/xades141:ArchiveTimeStamp>)/s.exec(
      new TextDecoder().decode(second),
    ) ?? []
  assert.ok(one !== undefined && two !== undefined)
  assert.deepEqual(kinds(replacedXml(second, one + two, two + one)), ['failed', 'failed'])
})

test('content outside the signature is stamped as it was signed: files, objects, elements', () => {
  const bytes = bytesOf('file')
  const given = new Map([['a.txt', { kind: 'bytes', bytes } as const]])
  const references = [
    { uri: 'a.txt', transforms: [] },
    { uri: '#o', transforms: [] },
    { uri: '#item' },
    { uri: '#p', attributes: 'Type="http://uri.etsi.org/01903#SignedProperties"' },
  ]
  const properties =
    '<x:QualifyingProperties xmlns:x="http://uri.etsi.org/01903/v1.3.2#" Target="#s"><x:SignedProperties Id="p"/></x:QualifyingProperties>'
  const objects = `<ds:Object Id="o">text</ds:Object><ds:Object>${properties}</ds:Object>`
  const template = signatureTemplate({ id: 's', references, objects })
  const xml = signByHand(
    `<r><item Id="item">${new TextDecoder().decode(xmlDocument).replace(/<\?.*?\?>/gs, '')}</item>${template}</r>`,
    { files: given },
  )
  const prepared = prepareXmlArchiveTimeStamp(xml, 0, given)
  const stamped = prepared.finish(stampOver(prepared.toBeStamped))
  const stamps = (files: XmlDemands['files']): string | undefined => {
    const [only] = report(stamped, { files, level: 'xmldsig', coverage: 'part' }).signatures
    const stamp = only?.archiveTimeStamps[0]
    return stamp === undefined ? undefined : codeOf(stamp)
  }
  assert.equal(stamps(given), 'passed')
  const other = { kind: 'bytes', bytes: bytesOf('File') } as const
  assert.equal(stamps(new Map([['a.txt', other]])), 'time-stamp-imprint-mismatch')
  const hashes = { kind: 'hashes', hashes: { sha256: digest('sha256', bytes) } } as const
  assert.equal(stamps(new Map([['a.txt', hashes]])), 'xml-content-missing')
  assert.throws(() => prepareXmlArchiveTimeStamp(xml, 0, new Map()), RangeError)
  assert.throws(() => prepareXmlArchiveTimeStamp(xml, 1, given), RangeError)
})
