import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHashAlgorithm, encodeSignatureAlgorithm } from './algorithm.ts'
import { addSignatureTimeStamp, joinSigners, prepareCades } from './assemble/cades.ts'
import {
  addCadesValidationData,
  prepareArchiveTimeStamp,
  prepareCounterSignature,
} from './assemble/cades-archive.ts'
import {
  encodeAttribute,
  encodeSignedData,
  withUnsignedAttributes,
} from './assemble/signed-data.ts'
import type { Certificate } from './certificate.ts'
import { contentTypes, parseSignedData } from './cms.ts'
import { attributeIds } from './cms-attribute.ts'
import {
  cadesSpecimen,
  cmsAuthority,
  cmsDemands,
  cmsDocument,
  cmsLeaf,
  type HandMade,
  handMade,
  laterStampAuthority,
  laterStampRoot,
  stampAuthority,
  stampIssuer,
  stampOver,
  stampRoot,
  stampTrust,
  usualAttributes,
} from './cms-specimen-for-tests.ts'
import { type CmsDemands, type CmsReport, validateCms } from './cms-validation.ts'
import { digest } from './crypto.ts'
import { contextConstructed, MalformedError } from './der.ts'
import { concat, octetString, retag, sequence, utcTime } from './der-writer.ts'
import type { RevokedEntry } from './issue/crl.ts'
import { issueOcspResponse } from './issue/ocsp.ts'
import { poolKey } from './issue/pool.ts'
import { ocspCertId } from './ocsp.ts'
import { ocspLimits } from './ocsp-judgement.ts'
import { encodeDigestInfo } from './signature.ts'
import {
  codeOf,
  specimenAuthority,
  specimenCrl,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'

const day = 24 * 3_600_000
const open = {
  acceptable: 'any',
  isExplicitRequired: false,
  isMappingInhibited: false,
  isAnyInhibited: false,
} as const
const { contentType, messageDigest, signingTime, signingCertificate } = usualAttributes

function report(cms: Uint8Array, vary: Partial<CmsDemands> = {}): CmsReport {
  return validateCms(cmsDemands(cms, vary))
}

function judged(cms: Uint8Array, vary: Partial<CmsDemands> = {}): string {
  return codeOf(report(cms, vary).verdict)
}

function made(vary: HandMade): string {
  return judged(handMade(vary))
}

/** A signature with a time-stamp of the time given. */
function stamped(at: number, certificate: Certificate = cmsLeaf): Uint8Array {
  const cms = cadesSpecimen({ certificate })
  const [signer] = parseSignedData(cms).signers
  assert.ok(signer !== undefined)
  return addSignatureTimeStamp(cms, 0, stampOver(signer.signature, { at }))
}

function lists(...all: readonly Uint8Array[]): Partial<CmsDemands> {
  return { revocation: { kind: 'crls', lists: all } }
}

function revoking(
  revokedAt: number,
  reason: RevokedEntry['reason'],
  vary: Parameters<typeof specimenCrl>[2] = {},
): Uint8Array {
  const entries = [{ serial: cmsLeaf.serial, revokedAt, reason }]
  return specimenCrl('signature', cmsAuthority, { entries, ...vary })
}

function replaced(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const at = Buffer.from(bytes).indexOf(from)
  assert.ok(at >= 0 && from.length === to.length)
  return concat(bytes.subarray(0, at), to, bytes.subarray(at + from.length))
}

test('a CAdES-B signature passes, and the claimed time is told but proves nothing', () => {
  const { verdict, signers } = report(cadesSpecimen())
  assert.ok(verdict.kind === 'passed')
  assert.equal(verdict.value[0]?.kind, 'signature')
  assert.equal(signers[0]?.level, 'cades-b')
  assert.equal(signers[0]?.claimedAt, specimenNow - 120_000)
  assert.equal(signers[0]?.provenAt, undefined)
  assert.equal(judged(cadesSpecimen(), { at: cmsLeaf.notAfter + 1000 }), 'certificate-expired')
})

test('a card signs the digest; a signature of another key is not put in', () => {
  const prepared = prepareCades({
    content: { kind: 'detached-hash', hash: digest('sha256', cmsDocument) },
    certificate: cmsLeaf,
    certificates: [cmsAuthority.certificate],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow,
  })
  const byCard = poolKey(1).privateKey.signBlock(encodeDigestInfo('sha256', prepared.digest))
  const cms = prepared.finish(byCard)
  assert.equal(judged(cms, { content: { kind: 'bytes', bytes: cmsDocument } }), 'passed')
  const hashes = { sha256: digest('sha256', cmsDocument) }
  assert.equal(judged(cms, { content: { kind: 'hashes', hashes } }), 'passed')
  const others = { sha512: digest('sha512', cmsDocument) }
  assert.equal(judged(cms, { content: { kind: 'hashes', hashes: others } }), 'cms-content-missing')
  assert.throws(
    () => prepared.finish(poolKey(2).sign('rsa-sha256', prepared.toBeSigned)),
    RangeError,
  )
})

test('altered content is told apart from an altered digest and an altered signature', () => {
  const other = Uint8Array.from(cmsDocument)
  other[0] = (other[0] ?? 0) ^ 1
  const cms = cadesSpecimen()
  const altered = report(replaced(cms, cmsDocument, other)).verdict
  assert.deepEqual(altered.kind === 'failed' && altered.reasons.map(each => each.code), [
    'content-altered',
  ])
  const hash = digest('sha256', cmsDocument)
  const forged = replaced(cms, hash, digest('sha256', other))
  const codes = report(forged).verdict
  assert.deepEqual(codes.kind === 'failed' && codes.reasons.map(each => each.code), [
    'content-altered',
    'signature-bad',
  ])
  const both = replaced(replaced(cms, cmsDocument, other), hash, digest('sha256', other))
  assert.equal(judged(both), 'signature-bad')
  const content = { kind: 'bytes', bytes: other } as const
  assert.equal(judged(cms, { content }), 'content-altered')
})

test('signed attributes stand in DER order, once, with one value, and none of the required is missing', () => {
  const all = [contentType, messageDigest, signingTime, signingCertificate]
  assert.equal(made({ attributes: all }), 'passed')
  const unsorted = all.toSorted(Buffer.compare).reverse()
  assert.equal(made({ attributes: unsorted, isUnsorted: true }), 'signed-attributes-invalid')
  assert.equal(
    made({ attributes: [messageDigest, signingCertificate] }),
    'signed-attributes-invalid',
  )
  assert.equal(made({ attributes: [contentType, signingCertificate] }), 'signed-attributes-invalid')
  for (const twice of all) {
    assert.equal(made({ attributes: [...all, twice] }), 'signed-attributes-invalid')
  }
  const hash = octetString(digest('sha256', cmsDocument))
  const two = encodeAttribute(attributeIds.messageDigest, hash, octetString(Uint8Array.of(1)))
  assert.equal(
    made({ attributes: [contentType, two, signingCertificate] }),
    'signed-attributes-invalid',
  )
  const broken = encodeAttribute(attributeIds.signingTime, octetString(Uint8Array.of(1)))
  assert.equal(made({ attributes: [...all.slice(0, 2), broken] }), 'signed-attributes-invalid')
  assert.equal(made({ attributes: [contentType, messageDigest] }), 'cades-certificate-unprotected')
})

test('another certificate of the same key is caught by the attribute that binds the certificate', () => {
  const twin = specimenLeaf('signature', cmsAuthority, 1, { serial: Uint8Array.of(0x22, 0x33) })
  const all = Object.values(usualAttributes)
  assert.equal(made({ certificate: twin, attributes: all }), 'signer-certificate-mismatch')
  const plain = handMade({ certificate: twin, attributes: [contentType, messageDigest] })
  assert.equal(judged(plain, { level: 'cms' }), 'passed')
  // Of two certificates that fit the unsigned identifier, the one that is bound counts.
  const renewed = specimenLeaf('signature', cmsAuthority, 1, { notAfter: cmsLeaf.notAfter + day })
  const data = parseSignedData(cadesSpecimen())
  const signers = data.signers.map(each => each.raw)
  const bag = [renewed.raw, cmsLeaf.raw]
  const cms = encodeSignedData({ ...data, certificates: bag, signers })
  const { verdict } = report(cms)
  assert.ok(verdict.kind === 'passed')
  assert.deepEqual(verdict.value[0]?.certificate.raw, cmsLeaf.raw)
})

test('an authentication certificate does not sign documents', () => {
  const authority = specimenAuthority('authentication', 2)
  const certificate = specimenLeaf('authentication', authority, 3)
  const cms = cadesSpecimen({ certificate, keyIndex: 3 })
  const trusted = {
    anchors: [authority.certificate],
    ...lists(specimenCrl('authentication', authority)),
  }
  assert.equal(judged(cms, trusted), 'wrong-purpose')
})

test('weak and mismatched algorithms are refused by name', () => {
  const sha1 = Uint8Array.from(Buffer.from('300906052b0e03021a0500', 'hex'))
  assert.equal(made({ digestAlgorithm: sha1 }), 'algorithm-weak')
  const sha1Rsa = Uint8Array.from(Buffer.from('300d06092a864886f70d0101050500', 'hex'))
  assert.equal(made({ signatureAlgorithm: sha1Rsa }), 'algorithm-weak')
  const sha512 = Uint8Array.from(Buffer.from('300b0609608648016503040203', 'hex'))
  const codes = report(handMade({ digestAlgorithm: sha512 })).verdict
  assert.equal(codes.kind, 'failed')
  assert.ok(
    codes.kind === 'failed' &&
      codes.reasons.some(each => each.code === 'digest-algorithm-mismatch'),
  )
})

test('where the algorithms are signed as well, they must be those beside them', () => {
  const protecting = (hash: 'sha256' | 'sha384'): Uint8Array => {
    const signature = retag(contextConstructed(1), encodeSignatureAlgorithm('rsa-sha256'))
    const value = sequence(encodeHashAlgorithm(hash), signature)
    const attribute = encodeAttribute(attributeIds.algorithmProtection, value)
    return handMade({ attributes: [...Object.values(usualAttributes), attribute] })
  }
  assert.equal(judged(protecting('sha256')), 'passed')
  assert.equal(judged(protecting('sha384')), 'digest-algorithm-mismatch')
})

function answerAt(
  at: number,
  status: Parameters<typeof issueOcspResponse>[0]['answers'][number]['status'] = { kind: 'good' },
): Uint8Array {
  const certId = ocspCertId(cmsLeaf, cmsAuthority.certificate, 'sha256')
  const answer = { certId, status, thisUpdate: at, nextUpdate: undefined }
  return issueOcspResponse(
    { producedAt: at, answers: [answer], nonce: undefined },
    { ...cmsAuthority, isAuthority: true },
  )
}

test('lists and OCSP answers at hand serve together, in the container or beside it, and "revoked" decides', () => {
  const data = parseSignedData(cadesSpecimen())
  const signers = data.signers.map(each => each.raw)
  const holding = (ocspResponses: readonly Uint8Array[]): Uint8Array =>
    encodeSignedData({ ...data, ocspResponses, signers })
  const collected = (lists: readonly Uint8Array[], responses: readonly Uint8Array[]) =>
    ({ revocation: { kind: 'collected', lists, responses, limits: ocspLimits } }) as const
  const good = answerAt(specimenNow)
  const revoked = answerAt(specimenNow, {
    kind: 'revoked',
    revokedAt: specimenNow - day,
    reason: 'keyCompromise',
  })
  const list = specimenCrl('signature', cmsAuthority)
  assert.equal(judged(cadesSpecimen(), collected([], [good])), 'passed')
  assert.equal(judged(cadesSpecimen(), collected([list], [])), 'passed')
  assert.equal(judged(cadesSpecimen(), collected([], [])), 'revocation-missing')
  assert.equal(judged(cadesSpecimen(), collected([], [answerAt(specimenNow - day)])), 'ocsp-stale')
  assert.equal(judged(cadesSpecimen(), collected([list], [answerAt(specimenNow - day)])), 'passed')
  assert.equal(judged(cadesSpecimen(), collected([list], [good, revoked])), 'certificate-revoked')
  assert.equal(judged(holding([good]), collected([], [])), 'passed')
  assert.equal(judged(holding([good]), { revocation: { kind: 'crls', lists: [] } }), 'passed')
  assert.equal(judged(holding([revoked])), 'certificate-revoked')
  assert.equal(judged(holding([Uint8Array.of(0x30, 0)]), collected([list], [])), 'passed')
})

test('an OCSP answer from after the time-stamp serves when it is old; one from before it does not', () => {
  const answered = (at: number): Partial<CmsDemands> => ({
    revocation: { kind: 'ocsp', response: answerAt(at), nonce: undefined, limits: ocspLimits },
  })
  const cms = stamped(specimenNow - day)
  assert.equal(judged(cms, answered(specimenNow - day / 2)), 'passed')
  assert.equal(judged(cms, answered(specimenNow - 2 * day)), 'ocsp-stale')
  assert.equal(judged(cadesSpecimen(), answered(specimenNow - day / 2)), 'ocsp-stale')
})

test('signed attributes do not pass as a document that was signed without any', () => {
  const data = parseSignedData(cadesSpecimen())
  const content = data.signers[0]?.signedAttributesSet
  assert.ok(content !== undefined)
  const forged = handMade({ content, isBare: true })
  assert.equal(judged(forged, { level: 'cms' }), 'signed-attributes-invalid')
  assert.equal(judged(handMade({ isBare: true }), { level: 'cms' }), 'passed')
  const info = { isBare: true, contentType: contentTypes.timeStampInfo }
  assert.equal(judged(handMade(info), { level: 'cms' }), 'signed-attributes-invalid')
})

test('of several signers each is judged, and one bad one spoils the whole', () => {
  const second = specimenLeaf('signature', cmsAuthority, 12)
  const both = joinSigners(cadesSpecimen(), cadesSpecimen({ certificate: second, keyIndex: 12 }))
  assert.equal(judged(both), 'passed')
  assert.equal(report(both).signers.length, 2)
  const last = parseSignedData(both).signers[1]
  assert.ok(last !== undefined)
  const bent = Uint8Array.from(last.signature)
  bent[7] = (bent[7] ?? 0) ^ 1
  const spoilt = report(replaced(both, last.signature, bent))
  assert.deepEqual(
    spoilt.signers.map(each => codeOf(each.verdict)),
    ['passed', 'signature-bad'],
  )
  assert.equal(codeOf(spoilt.verdict), 'signature-bad')
  const elsewhere = prepareCades({
    content: { kind: 'attached', bytes: Uint8Array.of(1) },
    certificate: cmsLeaf,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow,
  })
  const other = elsewhere.finish(poolKey(1).sign('rsa-sha256', elsewhere.toBeSigned))
  assert.throws(() => joinSigners(both, other), RangeError)
})

test('a time-stamp makes level T and carries the signature past the end of its certificate', () => {
  const at = specimenNow - 60_000
  const cms = stamped(at)
  const { verdict, signers } = report(cms, { level: 'cades-t' })
  assert.ok(verdict.kind === 'passed')
  assert.equal(signers[0]?.level, 'cades-t')
  assert.equal(signers[0]?.provenAt, at + 500)
  const later = cmsLeaf.notAfter + 30 * day
  // A list of the time after the stamp, when the certificate had not ended.
  const then = specimenCrl('signature', cmsAuthority)
  const afterStamp = specimenCrl('signature', cmsAuthority, { thisUpdate: specimenNow })
  assert.equal(judged(cms, { at: later, ...lists(afterStamp) }), 'passed')
  assert.equal(judged(cms, { at: later, ...lists(then) }), 'crl-stale')
  // One from after its end may have dropped it.
  const after = { thisUpdate: later - 1000, nextUpdate: later + day }
  const silent = specimenCrl('signature', cmsAuthority, after)
  assert.notEqual(judged(cms, { at: later, ...lists(silent) }), 'passed')
  assert.equal(judged(cadesSpecimen(), { at: later, ...lists(silent) }), 'certificate-expired')
  const late = stamped(cmsLeaf.notAfter + day)
  assert.equal(judged(late, { at: later, ...lists(silent) }), 'certificate-expired')
  const early = stamped(cmsLeaf.notBefore - day)
  assert.equal(judged(early), 'certificate-not-yet-valid')
})

test('revoked after the time-stamp is no harm; before it, on hold, or for a doubtful reason is', () => {
  const cms = stamped(specimenNow - day)
  const after = specimenNow - day / 2
  assert.equal(judged(cms, lists(revoking(after, 'superseded'))), 'passed')
  assert.equal(judged(cms, lists(revoking(after, 'affiliationChanged'))), 'passed')
  assert.equal(judged(cms, lists(revoking(after, 'keyCompromise'))), 'certificate-revoked')
  assert.equal(judged(cms, lists(revoking(after, 'unspecified'))), 'certificate-revoked')
  assert.equal(judged(cms, lists(revoking(after, 'certificateHold'))), 'certificate-held')
  const before = specimenNow - 2 * day
  assert.equal(judged(cms, lists(revoking(before, 'superseded'))), 'certificate-revoked')
  // The stamp's accuracy counts against it, and the last millisecond is not after.
  const edge = specimenNow - day + 500
  assert.equal(
    judged(stamped(specimenNow - day - 500), lists(revoking(specimenNow - day, 'superseded'))),
    'certificate-revoked',
  )
  assert.equal(judged(cms, lists(revoking(edge + 500, 'superseded'))), 'passed')
  assert.equal(judged(cadesSpecimen(), lists(revoking(after, 'superseded'))), 'certificate-revoked')
  const found = report(cms, lists(revoking(after, 'superseded'))).verdict
  assert.ok(found.kind === 'passed')
  assert.deepEqual(found.value[0]?.standings, [{ kind: 'revoked-later', revokedAt: after }])
})

test('a list from before the time-stamp that is stale now proves nothing', () => {
  const cms = stamped(specimenNow - day)
  const old = { thisUpdate: specimenNow - 2 * day, nextUpdate: specimenNow - day / 4 }
  assert.equal(judged(cms, lists(specimenCrl('signature', cmsAuthority, old))), 'crl-stale')
  const since = { thisUpdate: specimenNow - day / 2, nextUpdate: specimenNow - day / 4 }
  assert.equal(judged(cms, lists(specimenCrl('signature', cmsAuthority, since))), 'passed')
  const newest = revoking(specimenNow - 2 * day, 'superseded', { number: 9 })
  const older = specimenCrl('signature', cmsAuthority, since)
  assert.equal(judged(cms, lists(older, newest)), 'certificate-revoked')
})

test('a bad time-stamp gives no time, and does no harm where none is demanded', () => {
  const cms = cadesSpecimen()
  const wrong = addSignatureTimeStamp(cms, 0, stampOver(Uint8Array.of(1)))
  assert.equal(judged(wrong), 'passed')
  assert.equal(judged(wrong, { level: 'cades-t' }), 'time-stamp-missing')
  assert.deepEqual(report(wrong).signers[0]?.timeStamps.map(codeOf), [
    'time-stamp-imprint-mismatch',
  ])
  const good = stamped(specimenNow - 60_000)
  assert.equal(judged(good, { level: 'cades-t', timeStamps: undefined }), 'time-stamp-missing')
  const stranger = { ...stampTrust, anchors: [cmsAuthority.certificate] }
  assert.equal(judged(good, { level: 'cades-t', timeStamps: stranger }), 'time-stamp-missing')
  const unknown = { ...stampTrust, revocation: { kind: 'crls', lists: [] } } as const
  assert.deepEqual(report(good, { timeStamps: unknown }).signers[0]?.timeStamps.map(codeOf), [
    'revocation-missing',
  ])
  const [signer] = parseSignedData(cms).signers
  assert.ok(signer !== undefined)
  const forged = stampOver(signer.signature, {}, { ...stampAuthority, sign: poolKey(40).sign })
  const bySomeone = addSignatureTimeStamp(cms, 0, forged)
  assert.deepEqual(report(bySomeone).signers[0]?.timeStamps.map(codeOf), ['signature-bad'])
  // A second stamp is added to the first, and the earliest good one counts.
  const two = addSignatureTimeStamp(bySomeone, 0, stampOver(signer.signature))
  assert.equal(report(two).signers[0]?.timeStamps.length, 2)
  assert.equal(report(two).signers[0]?.level, 'cades-t')
})

test('a container full of signers, certificates and stamps is judged within its budget', () => {
  const [signer] = parseSignedData(stamped(specimenNow - 60_000)).signers
  assert.ok(signer !== undefined)
  const impostors = Array.from({ length: 63 }, (_, i) => specimenAuthority('signature', 50 + i))
  const full = encodeSignedData({
    contentType: contentTypes.data,
    content: cmsDocument,
    digestAlgorithms: [],
    certificates: [cmsLeaf.raw, ...impostors.map(each => each.certificate.raw)],
    crls: impostors.map(each => specimenCrl('signature', each)),
    ocspResponses: [],
    signers: Array.from({ length: 32 }, () => signer.raw),
  })
  const rules = { kind: 'standard', policies: open, purpose: undefined } as const
  const begun = performance.now()
  assert.equal(judged(full, { rules }), 'passed')
  const tried = report(full, { rules, anchors: [] })
  assert.ok(performance.now() - begun < 5000)
  assert.equal(codeOf(tried.verdict), 'search-budget-exhausted')
})

test('what does not fill the container, is cut, or is over the counts is refused', () => {
  const cms = cadesSpecimen()
  assert.equal(judged(concat(cms, Uint8Array.of(0))), 'cms-malformed')
  assert.equal(judged(cms.subarray(0, -1)), 'cms-malformed')
  assert.equal(judged(cmsLeaf.raw), 'cms-malformed')
  const data = parseSignedData(cms)
  const signers = Array.from({ length: 33 }, () => data.signers[0]?.raw ?? cms)
  const code = (crowd: Uint8Array): string => {
    try {
      parseSignedData(crowd)
    } catch (error) {
      if (error instanceof MalformedError) return error.code
    }
    return 'read'
  }
  assert.equal(code(encodeSignedData({ ...data, signers })), 'too-many')
  assert.equal(code(encodeSignedData({ ...data, signers: signers.slice(1) })), 'read')
  const times = Array.from({ length: 65 }, (_, i) =>
    encodeAttribute(`2.999.${i}`, utcTime(specimenNow)),
  )
  assert.equal(code(handMade({ attributes: times })), 'too-many')
  assert.equal(code(handMade({ attributes: [sequence()] })), 'truncated')
})

/** A second time-stamp authority under a root of its own, which outlives the first. */
const laterRoot = laterStampRoot()
const laterAuthority = laterStampAuthority(laterRoot)
const laterTrust = {
  anchors: [stampRoot, laterRoot.certificate],
  intermediates: [],
  revocation: { kind: 'crls', lists: [] },
} as const
const nothing = { revocation: { kind: 'crls', lists: [] }, timeStamps: laterTrust } as const

function stampList(issuer: typeof stampIssuer, at: number): Uint8Array {
  return specimenCrl('signature', issuer, {
    partition: undefined,
    thisUpdate: at - 3_600_000,
    nextUpdate: at + 23 * 3_600_000,
  })
}

/** A time-stamped signature with all evidence inside, gathered a day after signing. */
function lasting(): Uint8Array {
  const at = specimenNow + day
  return addCadesValidationData(stamped(specimenNow), {
    certificates: [cmsAuthority.certificate],
    lists: [
      specimenCrl('signature', cmsAuthority, { thisUpdate: at, nextUpdate: at + day }),
      stampList(stampIssuer, at),
    ],
    responses: [],
  })
}

function archived(cms: Uint8Array, at: number, by: typeof laterAuthority): Uint8Array {
  const prepared = prepareArchiveTimeStamp(cms, 0, { hash: 'sha512', contentHash: undefined })
  return prepared.finish(stampOver(cms, { at, hash: 'sha512', value: prepared.imprint }, by))
}

test('with all evidence inside, a signature outlives its certificate as long as the time-stamp authority lasts', () => {
  const cms = lasting()
  const at = cmsLeaf.notAfter + 10 * day
  const withLater = (issuer: typeof stampIssuer): Uint8Array =>
    addCadesValidationData(cms, { certificates: [], lists: [stampList(issuer, at)], responses: [] })
  const kept = report(withLater(stampIssuer), { at, level: 'cades-lt', ...nothing })
  assert.equal(codeOf(kept.verdict), 'passed')
  assert.equal(kept.signers[0]?.level, 'cades-lt')
  assert.equal(judged(stamped(specimenNow), { level: 'cades-lt' }), 'validation-data-missing')
  assert.equal(
    judged(cms, { level: 'cades-lta', at: specimenNow + day, ...nothing }),
    'archive-time-stamp-missing',
  )
})

test('an archive time-stamp keeps a signature past the end of every certificate that it began with', () => {
  const evidence = specimenNow + 2000 * day
  const gathered = addCadesValidationData(lasting(), {
    certificates: [],
    lists: [stampList(stampIssuer, evidence)],
    responses: [],
  })
  const later = specimenNow + 4000 * day
  const cms = addCadesValidationData(archived(gathered, evidence, laterAuthority), {
    certificates: [],
    lists: [stampList(laterRoot, later)],
    responses: [],
  })
  const kept = report(cms, { at: later, level: 'cades-lta', ...nothing })
  assert.equal(codeOf(kept.verdict), 'passed')
  assert.equal(kept.signers[0]?.provenAt, specimenNow + 500)
  const cutOff = addCadesValidationData(gathered, {
    certificates: [],
    lists: [stampList(laterRoot, later)],
    responses: [],
  })
  assert.equal(judged(cutOff, { at: later, ...nothing }), 'certificate-expired')
  // Everything that the stamp covers must stay as it was.
  for (const part of [
    cmsDocument,
    cmsAuthority.certificate.raw,
    stampList(stampIssuer, evidence),
  ]) {
    const at = Buffer.from(cms).indexOf(part) + part.length - 3
    const broken = report(cms.with(at, (cms[at] ?? 0) ^ 1), { at: later, ...nothing })
    assert.notEqual(codeOf(broken.verdict), 'passed')
    assert.equal(broken.signers[0]?.archiveTimeStamps[0]?.kind, 'failed')
  }
})

test('archive time-stamps are renewed one over the other, and an index of what is not there fails', () => {
  const first = archived(lasting(), specimenNow + 2 * day, stampAuthority)
  const second = archived(first, specimenNow + 3 * day, laterAuthority)
  const at = specimenNow + 4 * day
  const trusted = {
    timeStamps: { ...laterTrust, revocation: { kind: 'danger-unchecked' } },
  } as const
  const { signers } = report(second, { at, ...trusted })
  assert.deepEqual(
    signers[0]?.archiveTimeStamps.map(each => each.kind),
    ['passed', 'passed'],
  )
  const data = parseSignedData(second)
  const fewer = encodeSignedData({ ...data, crls: [], signers: data.signers.map(each => each.raw) })
  const [one, two] = report(fewer, { at, ...trusted }).signers[0]?.archiveTimeStamps ?? []
  assert.ok(one !== undefined && two !== undefined)
  assert.deepEqual([codeOf(one), codeOf(two)], ['archive-index-mismatch', 'archive-index-mismatch'])
})

test('a counter-signature is judged by itself and says nothing against the signature', () => {
  const witness = specimenLeaf('signature', cmsAuthority, 5, { serial: Uint8Array.of(0x55) })
  const countersigned = (keyIndex: number, cms: Uint8Array): Uint8Array => {
    const prepared = prepareCounterSignature(cms, 0, {
      certificate: witness,
      algorithm: 'rsa-sha256',
      signingTime: specimenNow,
    })
    return prepared.finish(poolKey(keyIndex).sign('rsa-sha256', prepared.toBeSigned))
  }
  const cms = countersigned(5, cadesSpecimen())
  const [signer] = report(cms).signers
  assert.equal(codeOf(signer?.verdict ?? { kind: 'failed', reasons: [] }), 'passed')
  assert.deepEqual(
    signer?.counterSignatures.map(each => codeOf(each.verdict)),
    ['passed'],
  )
  assert.throws(() => countersigned(6, cadesSpecimen()), RangeError)
  // Moved to another signature it fails there, and the signature stands.
  const [source] = parseSignedData(cms).signers
  const target = parseSignedData(cadesSpecimen({ isDetached: true }))
  assert.ok(source !== undefined && target.signers[0] !== undefined)
  const moved = encodeSignedData({
    ...parseSignedData(handMade()),
    certificates: [cmsLeaf.raw, witness.raw],
    signers: parseSignedData(handMade()).signers.map(each =>
      withUnsignedAttributes(
        each,
        source.unsignedAttributes.map(one => one.raw),
      ),
    ),
  })
  const [other] = report(moved).signers
  assert.equal(other?.verdict.kind, 'passed')
  assert.deepEqual(
    other?.counterSignatures.map(each => codeOf(each.verdict)),
    ['content-altered'],
  )
})
