import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Certificate, parseCertificate } from './certificate.ts'
import { encodeSignatureAlgorithm } from './algorithm.ts'
import { readZip } from './archive/zip.ts'
import { writeZip } from './archive/zip-writer.ts'
import { asicDemands, asicSpecimen } from './asice/asic-specimen-for-tests.ts'
import { asicMimeType } from './asice/container.ts'
import { validateAsic } from './asice/validation.ts'
import { addSignatureTimeStamp } from './assemble/cades.ts'
import { addCadesValidationData, prepareArchiveTimeStamp } from './assemble/cades-archive.ts'
import { prepareCades } from './assemble/cades.ts'
import { encodeSignedData } from './assemble/signed-data.ts'
import { contentTypes, parseSignedData } from './cms.ts'
import {
  cadesSpecimen,
  cmsAuthority,
  cmsDemands,
  cmsDocument,
  cmsLeaf,
  handMade,
  stampAuthority,
  stampIssuer,
  stampOver,
  stampTrust,
  unfitStampCertificate,
  usualAttributes,
} from './cms-specimen-for-tests.ts'
import { type CmsDemands, validateCms } from './cms-validation.ts'
import { parseCrl } from './crl.ts'
import { crlSigners, judgeByCrls, verifyCrl } from './crl-judgement.ts'
import { MalformedError } from './der.ts'
import { keyUsages, purposes } from './extension.ts'
import { readFourAttributes } from './four-attributes.ts'
import {
  type EncodedExtension,
  extension,
  generalName,
  issueCertificate,
  keyIdentifier,
  signed,
} from './issue/certificate.ts'
import { issueOcspRefusal, issueOcspResponse, type OcspStatus } from './issue/ocsp.ts'
import { partitionName } from './issue/jpki.ts'
import { poolKey } from './issue/pool.ts'
import { compactByHand, jadesSpecimen, looseJwsDemands, x5c } from './jws/jws-specimen-for-tests.ts'
import { type JwsDemands, validateJws } from './jws/jws-validation.ts'
import { KeyCache } from './key-cache.ts'
import { encodeName } from './name.ts'
import { pdfDemands, signed as signedPdf, signedByHand } from './pdf/pades-specimen-for-tests.ts'
import { type Bodies, specimenPdf, updated } from './pdf/pdf-specimen-for-tests.ts'
import { validatePdf } from './pdf/validation.ts'
import { ocspCertId } from './ocsp.ts'
import { judgeByOcsp, ocspLimits } from './ocsp-judgement.ts'
import { type PathDemands, pathBudget, verifyPath } from './path.ts'
import { classifyLeaf, jpkiReal, jpkiTown } from './profile.ts'
import {
  type ReasonCode,
  rankOf,
  reason,
  reasonCodes,
  rejected,
  sayingOf,
  type Verdict,
} from './reason.ts'
import { verifySignature } from './signature.ts'
import {
  specimenAuthority,
  specimenCrl,
  specimenDemands,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'
import { judgeTimeStamp, type TimeStampDemands } from './time-stamp-judgement.ts'
import { generalPolicy } from './validation-policy.ts'
import { validateSignature } from './validation.ts'
import { bytesOf, looseDemands } from './xml/xml-specimen-for-tests.ts'
import {
  algorithms,
  type ReferenceTemplate,
  signedByTemplate,
} from './xml/xml-template-for-tests.ts'
import { validateXml, type XmlDemands } from './xml/xml-validation.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const stranger = specimenAuthority('signature', 4)
const leaf = specimenLeaf('signature', authority, 1)
const anchorName = authority.certificate.subject

function path(
  extensions: readonly EncodedExtension[],
  vary: Partial<PathDemands> & { readonly serial?: number; readonly keyIndex?: number } = {},
): Verdict<unknown> {
  const der = issueCertificate(
    {
      serial: Uint8Array.of(vary.serial ?? 7),
      issuer: anchorName,
      subject: encodeName([['2.5.4.3', 'x']]),
      notBefore: specimenNow - 1000,
      notAfter: specimenNow + 1000,
      spki: poolKey(vary.keyIndex ?? 3).spki,
      extensions,
    },
    'rsa-sha256',
    authority.sign,
  )
  return verifyPath(parseCertificate(der), {
    ...specimenDemands([authority.certificate]),
    policies: {
      acceptable: 'any',
      isExplicitRequired: false,
      isMappingInhibited: false,
      isAnyInhibited: false,
    },
    ...vary,
  })
}

/** A path through an intermediate with these extensions. */
function through(
  extensions: readonly EncodedExtension[],
  leafExtensions: readonly EncodedExtension[] = [],
  depth = 1,
): Verdict<unknown> {
  const names = Array.from({ length: depth }, (_, i) => encodeName([['2.5.4.3', `ica ${i}`]]))
  const chain: Certificate[] = names.map((subject, i) => {
    const content = {
      serial: Uint8Array.of(8),
      issuer: names[i - 1] ?? anchorName,
      subject,
      notBefore: specimenNow - 1000,
      notAfter: specimenNow + 1000,
      spki: poolKey(20 + i).spki,
      extensions,
    }
    const sign = i === 0 ? authority.sign : poolKey(19 + i).sign
    return parseCertificate(issueCertificate(content, 'rsa-sha256', sign))
  })
  const issuer = names[depth - 1] ?? anchorName
  const content = {
    serial: Uint8Array.of(9),
    issuer,
    subject: encodeName([['2.5.4.3', 'x']]),
    notBefore: specimenNow - 1000,
    notAfter: specimenNow + 1000,
    spki: poolKey(3).spki,
    extensions: leafExtensions,
  }
  const der = issueCertificate(content, 'rsa-sha256', poolKey(19 + depth).sign)
  return verifyPath(parseCertificate(der), {
    ...specimenDemands([authority.certificate]),
    intermediates: chain,
    policies: {
      acceptable: 'any',
      isExplicitRequired: false,
      isMappingInhibited: false,
      isAnyInhibited: false,
    },
  })
}

const asAuthority = [extension.basicConstraints(true), extension.keyUsage(keyUsages.keyCertSign)]

function byCrls(...lists: readonly Uint8Array[]): Verdict<unknown> {
  return judgeByCrls(leaf, authority.certificate, { lists, at: specimenNow, keys })
}

function crl(vary: Parameters<typeof specimenCrl>[2] = {}): Uint8Array {
  return specimenCrl('signature', authority, vary)
}

function byOcsp(
  vary: {
    readonly status?: OcspStatus
    readonly at?: number
    readonly nonce?: Uint8Array
    readonly about?: Certificate
    readonly sign?: typeof authority.sign
    readonly response?: Uint8Array
    readonly issuer?: Certificate
  } = {},
): Verdict<unknown> {
  const certId = ocspCertId(vary.about ?? leaf, authority.certificate, 'sha256')
  const status = vary.status ?? { kind: 'good' as const }
  const answer = { certId, status, thisUpdate: specimenNow, nextUpdate: undefined }
  const response =
    vary.response ??
    issueOcspResponse(
      { producedAt: specimenNow, answers: [answer], nonce: undefined },
      {
        certificate: vary.issuer ?? authority.certificate,
        isAuthority: true,
        algorithm: 'rsa-sha256',
        sign: vary.sign ?? authority.sign,
      },
    )
  return judgeByOcsp(leaf, authority.certificate, {
    response,
    at: vary.at ?? specimenNow,
    nonce: vary.nonce,
    limits: ocspLimits,
    keys,
  })
}

function replacedIn(bytes: Uint8Array, from: string, to: string): Uint8Array {
  const hex = Buffer.from(bytes).toString('hex')
  assert.ok(hex.includes(from), `${from} occurs`)
  return Uint8Array.from(Buffer.from(hex.replaceAll(from, to), 'hex'))
}

function bySignature(signature: Uint8Array): Verdict<unknown> {
  return verifySignature({
    key: leaf.publicKey(keys),
    algorithm: 'rsa-sha256',
    form: 'document',
    content: { kind: 'bytes', bytes: Uint8Array.of(1) },
    signature,
  })
}

function complete(vary: Partial<Parameters<typeof validateSignature>[0]>): Verdict<unknown> {
  const document = Uint8Array.of(1)
  return validateSignature({
    content: { kind: 'bytes', bytes: document },
    form: 'document',
    signature: poolKey(1).sign('rsa-sha256', document),
    algorithm: 'rsa-sha256',
    certificate: leaf,
    at: specimenNow,
    anchors: [authority.certificate],
    revocation: { kind: 'crls', lists: [crl()] },
    purpose: 'signature',
    profile: jpkiTown,
    poolKeys: 'danger-accepted',
    keys,
    ...vary,
  }).verdict
}

function byCms(cms: Uint8Array, vary: Partial<CmsDemands> = {}): Verdict<unknown> {
  return validateCms(cmsDemands(cms, vary)).verdict
}

function byStamp(token: Uint8Array, vary: Partial<TimeStampDemands> = {}): Verdict<unknown> {
  return judgeTimeStamp({
    token,
    stamped: { kind: 'bytes', bytes: cmsDocument },
    nonce: undefined,
    at: specimenNow,
    trust: stampTrust,
    keys,
    ...vary,
  })
}

// A signature with all its evidence, without archive time-stamp, or with one over another container.
function byArchive(over: 'another' | 'nothing' | undefined): Verdict<unknown> {
  const [signer] = parseSignedData(cadesSpecimen()).signers
  assert.ok(signer !== undefined)
  const stamped = addSignatureTimeStamp(cadesSpecimen(), 0, stampOver(signer.signature))
  if (over === 'nothing') return byCms(stamped, { level: 'cades-lt' })
  const cms = addCadesValidationData(stamped, {
    certificates: [],
    lists: [specimenCrl('signature', cmsAuthority)],
    responses: [],
  })
  const trusted = {
    timeStamps: { ...stampTrust, revocation: { kind: 'crls', lists: [] } },
  } as const
  const list = specimenCrl('signature', stampIssuer, { partition: undefined })
  const whole = addCadesValidationData(cms, { certificates: [], lists: [list], responses: [] })
  if (over === undefined) return byCms(whole, { level: 'cades-lta', ...trusted })
  const prepared = prepareArchiveTimeStamp(whole, 0, { hash: 'sha256', contentHash: undefined })
  const archived = prepared.finish(stampOver(cms, { value: prepared.imprint }))
  const data = parseSignedData(archived)
  const signers = data.signers.map(each => each.raw)
  const fewer = encodeSignedData({ ...data, crls: [], signers })
  const [found] = validateCms(cmsDemands(fewer, trusted)).signers[0]?.archiveTimeStamps ?? []
  assert.ok(found !== undefined)
  return found
}

const withoutSigners = encodeSignedData({
  contentType: contentTypes.data,
  content: cmsDocument,
  digestAlgorithms: [],
  certificates: [],
  crls: [],
  ocspResponses: [],
  signers: [],
})
const demands = specimenDemands([authority.certificate])
const permitted = generalName.dns('example.jp')

function byXml(xml: Uint8Array, vary: Partial<XmlDemands> = {}): Verdict<unknown> {
  return validateXml(looseDemands(xml, { coverage: 'part', ...vary })).verdict
}

function byTemplate(
  reference: ReferenceTemplate,
  content?: string,
  vary: Partial<XmlDemands> = {},
): Verdict<unknown> {
  return byXml(signedByTemplate({ references: [reference] }, content), vary)
}

function byJws(jws: Uint8Array, vary: Partial<JwsDemands> = {}): Verdict<unknown> {
  return validateJws(looseJwsDemands(jws, vary)).verdict
}

function byAsic(container: Uint8Array): Verdict<unknown> {
  return validateAsic(asicDemands(container)).verdict
}

function zipOf(files: readonly (readonly [name: string, text: string])[]): Uint8Array {
  return writeZip(files.map(([name, text]) => ({ name, bytes: bytesOf(text), isStored: true })))
}

// Properties are no content, and a signature over them alone says nothing.
const emptyProperties =
  '<ds:Object Id="o"><q:QualifyingProperties xmlns:q="http://uri.etsi.org/01903/v1.3.2#" Target="#s"/></ds:Object>'

function byUpdate(bodies: Bodies, trailer = '/Root 1 0 R', isNewField = false): Verdict<unknown> {
  const form = { 5: '<</Fields[13 0 R]>>', 13: '<</FT/Sig/T(x)/V 12 0 R>>' }
  const pdf = isNewField
    ? updated(specimenPdf(), { ...form, ...bodies }, { trailer })
    : updated(signedPdf(specimenPdf()), bodies, { trailer })
  return validatePdf(pdfDemands(pdf)).verdict
}

/** For every code, something that must be refused with it. The type leaves none out. */
const provocations: Readonly<Record<ReasonCode, () => Verdict<unknown>>> = {
  'certificate-malformed': () => complete({ certificate: Uint8Array.of(1) }),
  'search-budget-exhausted': () => path([], { budget: { ...pathBudget, signaturesMax: 0 } }),
  'issuer-unknown': () => path([], { anchors: [] }),
  'certificate-signature-bad': () => path([], { anchors: [stranger.certificate] }),
  'algorithm-weak': () => {
    const weak = replacedIn(leaf.raw, '2a864886f70d01010b', '2a864886f70d010105')
    return verifyPath(parseCertificate(weak), demands)
  },
  'algorithm-unsupported': () => {
    const odd = replacedIn(leaf.raw, '2a864886f70d01010b', '2a864886f70d010163')
    return verifyPath(parseCertificate(odd), demands)
  },
  'algorithm-outdated': () =>
    byStamp(stampOver(cmsDocument), {
      trust: { ...stampTrust, policy: { ...generalPolicy, keys: [] } },
    }),
  'key-unacceptable': () => {
    // The leaf's key becomes one of an unknown algorithm; nothing signs it again, so the signer does.
    const spki = replacedIn(poolKey(3).spki, '2a864886f70d010101', '2a864886f70d010163')
    const content = { ...leaf, spki, extensions: [] }
    const der = issueCertificate(content, 'rsa-sha256', authority.sign)
    const open = { ...demands.policies, isExplicitRequired: false }
    return verifyPath(parseCertificate(der), { ...demands, policies: open })
  },
  'extension-critical-unknown': () =>
    path([{ id: '2.999.1', isCritical: true, value: Uint8Array.of(5, 0) }]),
  'extension-misplaced': () => path([extension.nameConstraints([permitted], [])]),
  'serial-unacceptable': () => path([], { serial: 0 }),
  'issuer-not-authority': () => through([]),
  'issuer-key-usage': () =>
    through([extension.basicConstraints(true), extension.keyUsage(keyUsages.crlSign)]),
  'path-too-long': () =>
    through(
      [extension.basicConstraints(true, 0), extension.keyUsage(keyUsages.keyCertSign)],
      [],
      2,
    ),
  'name-not-permitted': () =>
    through(
      [...asAuthority, extension.nameConstraints([permitted], [])],
      [extension.subjectAltName([generalName.dns('example.com')])],
    ),
  'name-excluded': () =>
    through(
      [...asAuthority, extension.nameConstraints([], [permitted])],
      [extension.subjectAltName([permitted])],
    ),
  'name-constraint-unsupported': () => {
    const other = generalName.otherText('2.999.1', 'x')
    return through(
      [...asAuthority, extension.nameConstraints([], [other])],
      [extension.subjectAltName([other])],
    )
  },
  'certificate-expired': () => path([], { at: specimenNow + 10_000 }),
  'certificate-not-yet-valid': () => path([], { at: specimenNow - 10_000 }),
  'policy-unacceptable': () => path([], { policies: demands.policies }),
  'key-usage-unacceptable': () =>
    path([extension.keyUsage(keyUsages.keyAgreement)], { keyUsage: keyUsages.digitalSignature }),
  'extended-key-usage-unacceptable': () =>
    path([extension.extendedKeyUsage([purposes.serverAuth])], { purpose: purposes.clientAuth }),
  'profile-unknown': () => classifyLeaf(leaf, jpkiReal),
  'wrong-purpose': () => complete({ purpose: 'authentication' }),
  'attributes-malformed': () => readFourAttributes(authority.certificate),
  'key-test-only': () => complete({ poolKeys: 'refused' }),
  'revocation-missing': () => byCrls(),
  'crl-malformed': () => byCrls(Uint8Array.of(1)),
  'crl-other-issuer': () => byCrls(specimenCrl('signature', stranger)),
  'crl-other-partition': () =>
    byCrls(crl({ partition: partitionName(jpkiTown, 'signature', 'Tokyo-to', 'Minato-ku') })),
  'crl-signature-bad': () =>
    byCrls(specimenCrl('signature', { ...authority, sign: stranger.sign })),
  'crl-issuer-key-usage': () => {
    const content = { ...authority.certificate, extensions: asAuthority }
    const mute = parseCertificate(issueCertificate(content, 'rsa-sha256', authority.sign))
    return verifyCrl(parseCrl(crl()), [mute], keys)
  },
  'crl-extension-unknown': () => {
    const tbs = replacedIn(parseCrl(crl()).tbs, '0603551d1c', '0603551d63')
    return byCrls(signed(tbs, 'rsa-sha256', authority.sign))
  },
  'crl-base-missing': () => byCrls(crl({ number: 8, deltaBase: 7 })),
  'crl-reasons-missing': () => byCrls(crl({ scope: { reasons: 0x7e } })),
  'crl-signer-untrusted': () => {
    // Under the same name, but its certificate does not lead to the anchor.
    const given = { lists: [specimenCrl('signature', stranger)], at: specimenNow, keys }
    const signers = crlSigners({
      ...given,
      anchor: authority.certificate,
      certificates: [stranger.certificate],
    })
    return judgeByCrls(leaf, authority.certificate, { ...given, signers })
  },
  'crl-not-yet-valid': () => byCrls(crl({ thisUpdate: specimenNow + 1000 })),
  'crl-stale': () => byCrls(crl({ nextUpdate: specimenNow - 1000 })),
  'ocsp-malformed': () => byOcsp({ response: Uint8Array.of(1) }),
  'ocsp-unsuccessful': () => byOcsp({ response: issueOcspRefusal('unauthorized') }),
  'ocsp-other-certificate': () => byOcsp({ about: authority.certificate }),
  'ocsp-signature-bad': () => byOcsp({ sign: stranger.sign }),
  'ocsp-responder-unauthorised': () =>
    byOcsp({ issuer: stranger.certificate, sign: stranger.sign }),
  'ocsp-nonce-mismatch': () => byOcsp({ nonce: Uint8Array.of(1, 2, 3) }),
  'ocsp-extension-unknown': () => {
    const nonce = Uint8Array.of(1, 2, 3, 4)
    const answer = {
      certId: ocspCertId(leaf, authority.certificate, 'sha256'),
      status: { kind: 'good' },
      thisUpdate: specimenNow,
      nextUpdate: undefined,
    } as const
    // The signer puts a critical flag where the nonce extension's value begins, before it signs.
    let tbs: Uint8Array | undefined
    const plain = { ...authority, isAuthority: true }
    issueOcspResponse(
      { producedAt: specimenNow, answers: [answer], nonce },
      {
        ...plain,
        sign: (algorithm, message) => {
          tbs = message
          return authority.sign(algorithm, message)
        },
      },
    )
    assert.ok(tbs !== undefined)
    // 2.5.29.99 with the critical flag has exactly the length of the nonce extension of four bytes.
    const nonceHex = '301306092b06010505073001020406040401020304'
    const critical = '30130603551d630101ff0409040701020304050607'
    const forged = replacedIn(tbs, nonceHex, critical)
    const der = issueOcspResponse(
      { producedAt: specimenNow, answers: [answer], nonce },
      {
        ...plain,
        sign: algorithm => authority.sign(algorithm, forged),
      },
    )
    return byOcsp({ response: replacedIn(der, nonceHex, critical) })
  },
  'ocsp-not-yet-valid': () => byOcsp({ at: specimenNow - 3_600_000 }),
  'ocsp-stale': () => byOcsp({ at: specimenNow + 3_600_000 }),
  'ocsp-unknown': () => byOcsp({ status: { kind: 'unknown' } }),
  'certificate-held': () =>
    byCrls(crl({ entries: [specimenEntry(leaf.serial, 'certificateHold')] })),
  'certificate-revoked': () => byCrls(crl({ entries: [specimenEntry(leaf.serial, 'superseded')] })),
  'signature-malformed': () => bySignature(new Uint8Array(3)),
  'signature-bad': () => bySignature(new Uint8Array(256)),
  'pdf-malformed': () => validatePdf(pdfDemands(Uint8Array.of(1))).verdict,
  'pdf-encrypted': () => byUpdate({}, '/Root 1 0 R/Encrypt 4 0 R'),
  'pdf-budget-exhausted': () => byUpdate({ 30: '['.repeat(99) }, '/Root 30 0 R'),
  'pdf-unsigned': () => validatePdf(pdfDemands(specimenPdf())).verdict,
  'pdf-signature-incomplete': () =>
    byUpdate({ 12: '<</Type/Sig/SubFilter/ETSI.CAdES.detached>>' }, '/Root 1 0 R', true),
  'pdf-byte-range-invalid': () =>
    byUpdate(
      { 12: '<</Type/Sig/SubFilter/ETSI.CAdES.detached/Contents<00>/ByteRange[0]>>' },
      '/Root 1 0 R',
      true,
    ),
  'pades-form-missing': () => {
    const pdf = signedByHand(specimenPdf(), 'adbe.pkcs7.detached', bytes => {
      const content = { kind: 'detached', bytes } as const
      const form = { certificates: [], algorithm: 'rsa-sha256', signingTime: specimenNow } as const
      const prepared = prepareCades({ content, certificate: cmsLeaf, ...form })
      return prepared.finish(poolKey(1).sign('rsa-sha256', prepared.toBeSigned))
    })
    return validatePdf(pdfDemands(pdf)).verdict
  },
  'pdf-changed-after-signing': () => byUpdate({ 10: '<</Type/Page/Parent 2 0 R>>' }),
  'pdf-change-forbidden': () =>
    validatePdf(
      pdfDemands(
        updated(signedPdf(specimenPdf(), { docMdp: 1 }), { 10: '<</Type/Page/Parent 2 0 R>>' }),
      ),
    ).verdict,
  'signer-certificate-missing': () => byCms(handMade({ hasNoCertificates: true })),
  'archive-time-stamp-missing': () => byArchive(undefined),
  'validation-data-missing': () => byArchive('nothing'),
  'archive-index-mismatch': () => byArchive('another'),
  'time-stamp-missing': () => byCms(cadesSpecimen(), { level: 'cades-t' }),
  'time-stamp-in-future': () => byStamp(stampOver(cmsDocument, { at: specimenNow + 61_000 })),
  'time-stamp-authority-unfit': () =>
    byStamp(
      stampOver(cmsDocument, {}, { ...stampAuthority, certificate: unfitStampCertificate() }),
    ),
  'time-stamp-nonce-mismatch': () => byStamp(stampOver(cmsDocument), { nonce: Uint8Array.of(1) }),
  'time-stamp-imprint-mismatch': () => byStamp(stampOver(Uint8Array.of(1))),
  'time-stamp-malformed': () => byStamp(cadesSpecimen()),
  'cades-certificate-unprotected': () =>
    byCms(handMade({ attributes: [usualAttributes.contentType, usualAttributes.messageDigest] })),
  'cms-malformed': () => byCms(cmsDocument),
  'cms-unsigned': () => byCms(withoutSigners),
  'cms-content-missing': () => byCms(cadesSpecimen({ isDetached: true })),
  'signed-attributes-invalid': () =>
    byCms(handMade({ attributes: [usualAttributes.messageDigest] })),
  'content-type-mismatch': () => byCms(handMade({ contentType: contentTypes.timeStampInfo })),
  'digest-algorithm-mismatch': () =>
    byCms(handMade({ signatureAlgorithm: encodeSignatureAlgorithm('rsa-sha384') })),
  'content-altered': () =>
    byCms(cadesSpecimen({ isDetached: true }), {
      content: { kind: 'bytes', bytes: Uint8Array.of(1) },
    }),
  'signer-certificate-mismatch': () => {
    const other = specimenLeaf('signature', cmsAuthority, 1, { serial: Uint8Array.of(5) })
    return byCms(handMade({ certificate: other, attributes: Object.values(usualAttributes) }))
  },
  'xml-malformed': () => byXml(bytesOf('<a>')),
  'xml-document-type-refused': () => byXml(bytesOf('<!DOCTYPE a><a/>')),
  'xml-encoding-unsupported': () => byXml(bytesOf('<?xml version="1.1"?><a/>')),
  'xml-budget-exhausted': () => {
    const names = Array.from({ length: 200 }, (_, at) => `xmlns:n${at}="urn:${at}"`)
    return byXml(bytesOf(`<a ${names.join(' ')}>${'<b/>'.repeat(30_000)}</a>`))
  },
  'xml-unsigned': () => byXml(bytesOf('<a/>')),
  'xml-signature-malformed': () =>
    byXml(bytesOf('<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/>')),
  'xml-reference-refused': () => byTemplate({ uri: '#xpointer(/)' }),
  'xml-reference-unresolved': () => byTemplate({ uri: '#nowhere' }),
  'xml-reference-ambiguous': () => byTemplate({ uri: '#a' }, '<b Id="a"/><c ID="a"/>'),
  'xml-transform-refused': () => byTemplate({ uri: '', transforms: [algorithms.xslt] }),
  'xml-content-missing': () => byTemplate({ uri: 'file.txt', transforms: [] }),
  'xml-nothing-covered': () =>
    byXml(signedByTemplate({ references: [{ uri: '#o' }], objects: emptyProperties })),
  'xml-partly-covered': () => byTemplate({ uri: '#item' }, undefined, { coverage: 'whole' }),
  'xades-certificate-unprotected': () =>
    byTemplate({ uri: '#item' }, undefined, { level: 'xades-b' }),
  'jws-malformed': () => byJws(bytesOf('{')),
  'jws-header-invalid': () => byJws(compactByHand({ header: `{${x5c}}` })),
  'jws-critical-unknown': () =>
    byJws(compactByHand({ header: `{"alg":"RS256","crit":["a"],"a":1,${x5c}}` })),
  'jws-mechanism-refused': () =>
    byJws(compactByHand({ header: `{"alg":"RS256","crit":["sigD"],"sigD":{"mId":"a"},${x5c}}` })),
  'jws-content-missing': () =>
    byJws(jadesSpecimen({ content: { kind: 'detached', bytes: cmsDocument, contentType: 'x' } })),
  'jws-partly-covered': () =>
    byJws(compactByHand(), { files: new Map([['a', { kind: 'bytes', bytes: cmsDocument }]]) }),
  'jades-certificate-unprotected': () =>
    byJws(compactByHand({ header: '{"alg":"RS256"}' }), {
      level: 'jades-b',
      certificates: [cmsLeaf],
    }),
  'asic-malformed': () => byAsic(cmsDocument),
  'asic-kind-unsupported': () => byAsic(zipOf([['mimetype', 'application/zip']])),
  'asic-unsigned': () => byAsic(zipOf([['mimetype', asicMimeType]])),
  'asic-file-uncovered': () => {
    const files = readZip(asicSpecimen()).map(each => ({
      ...each,
      isStored: each.method === 'stored',
    }))
    return byAsic(writeZip([...files, { name: 'more', bytes: cmsDocument, isStored: true }]))
  },
}

test('every reason can be provoked, and says failed or indeterminate as its table has it', () => {
  for (const code of reasonCodes()) {
    const verdict = provocations[code]()
    assert.ok(verdict.kind !== 'passed', code)
    assert.equal(verdict.reasons[0].code, code)
    assert.equal(verdict.kind, sayingOf(code), code)
  }
})

test('every reason has a text in Japanese and in English, and a rank', () => {
  for (const code of reasonCodes()) {
    const { ja, en } = reason(code)
    assert.match(ja, /[\u3040-\u30ff\u4e00-\u9fff].*。$/, code)
    assert.match(en, /^[ -~]+\.$/, code)
    assert.ok(rankOf(code) > 0, code)
  }
})

test('one definite failure decides, and the highest rank leads', () => {
  const verdict = rejected([
    reason('crl-stale'),
    reason('issuer-unknown'),
    reason('certificate-expired'),
    reason('ocsp-unknown'),
  ])
  assert.equal(verdict.kind, 'failed')
  assert.deepEqual(verdict.kind === 'failed' ? verdict.reasons.map(each => each.code) : [], [
    'certificate-expired',
    'issuer-unknown',
    'ocsp-unknown',
    'crl-stale',
  ])
  assert.equal(rejected([reason('crl-stale')]).kind, 'indeterminate')
})

test('parsers throw one class of error, with a code and a place', () => {
  assert.throws(
    () => parseCertificate(Uint8Array.of(0x30, 0x80)),
    (error: unknown) =>
      error instanceof MalformedError && error.code === 'length-indefinite' && error.offset === 0,
  )
  assert.equal(keyIdentifier(poolKey(0).spki).length, 20)
})
