import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodeHashAlgorithm } from './algorithm.ts'
import {
  encodeAttribute,
  encodeSignedAttributes,
  encodeSignedData,
  encodeSigner,
} from './assemble/signed-data.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { contentTypes, parseSignedData } from './cms.ts'
import { attributeIds } from './cms-attribute.ts'
import {
  cmsDocument,
  stampAuthority,
  stampOver,
  stampRoot,
  stampTrust,
} from './cms-specimen-for-tests.ts'
import { digest } from './crypto.ts'
import { MalformedError, tags } from './der.ts'
import {
  boolean,
  element,
  explicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
} from './der-writer.ts'
import { keyIdentifier } from './issue/certificate.ts'
import { issueCrl } from './issue/crl.ts'
import { poolKey } from './issue/pool.ts'
import {
  issueTimeStampCertificate,
  issueTimeStampRefusal,
  issueTimeStampResponse,
} from './issue/time-stamp.ts'
import { KeyCache } from './key-cache.ts'
import { codeOf, specimenNow } from './specimen-for-tests.ts'
import {
  encodeTimeStampRequest,
  parseTimeStampRequest,
  parseTimeStampResponse,
  parseTimeStampToken,
} from './time-stamp.ts'
import { judgeTimeStamp, type TimeStampDemands } from './time-stamp-judgement.ts'

const keys = new KeyCache(64)
const day = 24 * 3_600_000
const { certificate, algorithm, sign } = stampAuthority

function judged(token: Uint8Array, vary: Partial<TimeStampDemands> = {}): string {
  const verdict = judgeTimeStamp({
    token,
    stamped: { kind: 'bytes', bytes: cmsDocument },
    nonce: undefined,
    at: specimenNow,
    trust: stampTrust,
    keys,
    ...vary,
  })
  return codeOf(verdict)
}

function malformed(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof MalformedError) return error.code
    throw error
  }
  return 'read'
}

interface InfoParts {
  readonly time?: string
  readonly version?: number
  readonly rest?: readonly Uint8Array[]
}

function info(parts: InfoParts = {}): Uint8Array {
  return sequence(
    integer(parts.version ?? 1),
    objectIdentifier('2.999.1'),
    sequence(encodeHashAlgorithm('sha256'), octetString(digest('sha256', cmsDocument))),
    integer(5),
    element(tags.generalizedTime, new TextEncoder().encode(parts.time ?? '20261102025900Z')),
    ...(parts.rest ?? []),
  )
}

/** A token made by hand around a TSTInfo, truly signed. */
function token(
  content: Uint8Array,
  vary: {
    readonly attributes?: Uint8Array
    readonly by?: Certificate
    readonly copies?: number
  } = {},
): Uint8Array {
  const by = vary.by ?? certificate
  const signedAttributes =
    vary.attributes ??
    encodeSignedAttributes({
      contentType: contentTypes.timeStampInfo,
      contentDigest: digest('sha256', content),
      certificate: by,
      more: [],
    })
  const signature = sign(algorithm, signedAttributes)
  const signer = encodeSigner({ certificate: by, algorithm, signedAttributes, signature })
  return encodeSignedData({
    contentType: contentTypes.timeStampInfo,
    content,
    digestAlgorithms: [],
    certificates: [by.raw],
    crls: [],
    ocspResponses: [],
    signers: Array.from({ length: vary.copies ?? 1 }, () => signer),
  })
}

test('a token made by hand passes, so that what follows fails for its own reason only', () => {
  assert.equal(judged(token(info())), 'passed')
  const stamp = parseTimeStampToken(token(info()))
  assert.equal(stamp.info.at, Date.UTC(2026, 10, 2, 2, 59, 0))
  assert.equal(stamp.info.policy, '2.999.1')
})

test('a time has seconds, at most a fraction without trailing zeros, and Z', () => {
  const at = (time: string): number => parseTimeStampToken(token(info({ time }))).info.at
  const whole = Date.UTC(2026, 10, 2, 2, 59, 0)
  assert.equal(at('20261102025900.5Z'), whole + 500)
  assert.equal(at('20261102025900.0429999Z'), whole + 42)
  for (const time of [
    '20261102025900.50Z',
    '20261102025900.Z',
    '20261102025900',
    '202611020259Z',
    '20261102025900+0900',
    '20261302025900Z',
    '20261102025900,5Z',
    `20261102025900.${'1'.repeat(20)}Z`,
  ]) {
    assert.equal(judged(token(info({ time }))), 'time-stamp-malformed', time)
  }
})

test('accuracy is rounded up and at most a day', () => {
  const accuracy = (...parts: readonly Uint8Array[]): Uint8Array =>
    token(info({ rest: [sequence(...parts)] }))
  const micros = element(0x81, Uint8Array.of(1))
  const millis = element(0x80, Uint8Array.of(7))
  assert.equal(parseTimeStampToken(accuracy(integer(1), millis, micros)).info.accuracyMs, 1008)
  assert.equal(judged(accuracy(integer(86_400))), 'passed')
  assert.equal(judged(accuracy(integer(86_401))), 'time-stamp-malformed')
  assert.equal(judged(accuracy(integer(-1))), 'time-stamp-malformed')
  const tooMany = element(0x80, Uint8Array.of(0x03, 0xe8))
  assert.equal(judged(accuracy(tooMany)), 'time-stamp-malformed')
})

test('the proven time counts the accuracy and is not after the judgement; a minute of skew is let pass', () => {
  const proven = (told: number, accuracyMs: number | undefined): number | string => {
    const verdict = judgeTimeStamp({
      token: stampOver(cmsDocument, { at: told, accuracyMs }),
      stamped: { kind: 'bytes', bytes: cmsDocument },
      nonce: undefined,
      at: specimenNow,
      trust: stampTrust,
      keys,
    })
    return verdict.kind === 'passed' ? verdict.value.provenAt : codeOf(verdict)
  }
  assert.equal(proven(specimenNow - 5000, undefined), specimenNow - 5000)
  assert.equal(proven(specimenNow - 5000, 1500), specimenNow - 3500)
  assert.equal(proven(specimenNow - 5000, 10_000), specimenNow)
  assert.equal(proven(specimenNow + 60_000, undefined), specimenNow)
  assert.equal(proven(specimenNow + 60_001, undefined), 'time-stamp-in-future')
  assert.equal(proven(specimenNow + 61_000, 1000), specimenNow)
  assert.equal(proven(specimenNow + 61_001, 1000), 'time-stamp-in-future')
})

test('other versions, several signers, false defaults and critical extensions are malformed', () => {
  assert.equal(judged(token(info({ version: 2 }))), 'time-stamp-malformed')
  assert.equal(judged(token(info(), { copies: 2 })), 'time-stamp-malformed')
  assert.equal(judged(token(info(), { copies: 0 })), 'time-stamp-malformed')
  assert.equal(judged(token(info({ rest: [boolean(false)] }))), 'time-stamp-malformed')
  const extensions = (...flag: readonly Uint8Array[]): Uint8Array => {
    const one = sequence(objectIdentifier('2.999.7'), ...flag, octetString(Uint8Array.of(5, 0)))
    return token(info({ rest: [explicit(1, one)] }))
  }
  assert.equal(judged(extensions()), 'passed')
  assert.equal(judged(extensions(boolean(true))), 'time-stamp-malformed')
})

test('the signature binds the authority’s certificate, issuer and serial included', () => {
  const content = info()
  const usual = [
    encodeAttribute(attributeIds.contentType, objectIdentifier(contentTypes.timeStampInfo)),
    encodeAttribute(attributeIds.messageDigest, octetString(digest('sha256', content))),
  ]
  const unbound = token(content, { attributes: setOf(...usual) })
  assert.equal(judged(unbound), 'signed-attributes-invalid')
  const named = (serial: number): Uint8Array => {
    const issuer = sequence(explicit(4, certificate.issuer.raw))
    const hash = octetString(digest('sha256', certificate.raw))
    const one = sequence(hash, sequence(issuer, integer(serial)))
    const value = sequence(sequence(one))
    const binding = encodeAttribute(attributeIds.signingCertificateV2, value)
    return token(content, { attributes: setOf(...usual, binding) })
  }
  assert.equal(judged(named(2)), 'passed')
  assert.equal(judged(named(3)), 'signer-certificate-mismatch')
})

test('the authority’s certificate must be good when it stamped and when the stamp is judged', () => {
  const other = (notBefore: number, notAfter: number): Certificate =>
    parseCertificate(
      issueTimeStampCertificate({
        issuer: { certificate: stampRoot, algorithm, sign: poolKey(30).sign },
        serial: Uint8Array.of(7),
        spki: poolKey(31).spki,
        notBefore,
        notAfter,
        commonName: 'Short',
      }),
    )
  const good = other(specimenNow - day, specimenNow + day)
  assert.equal(judged(token(info(), { by: good })), 'passed')
  assert.equal(
    judged(token(info(), { by: good }), { at: specimenNow + 2 * day }),
    'certificate-expired',
  )
  const young = other(specimenNow - 30_000, specimenNow + day)
  assert.equal(judged(token(info(), { by: young })), 'certificate-not-yet-valid')
})

test('a revoked authority stamps nothing, and without evidence nothing is known', () => {
  const crl = (serials: readonly Uint8Array[]): Uint8Array =>
    issueCrl(
      {
        issuer: stampRoot.subject,
        issuerKeyId: keyIdentifier(stampRoot.spki),
        thisUpdate: specimenNow - 1000,
        nextUpdate: specimenNow + day,
        number: 1,
        partition: undefined,
        deltaBase: undefined,
        entries: serials.map(serial => ({
          serial,
          revokedAt: specimenNow - 500,
          reason: 'superseded',
        })),
      },
      algorithm,
      poolKey(30).sign,
    )
  const by = (...lists: readonly Uint8Array[]): Partial<TimeStampDemands> => ({
    trust: { ...stampTrust, revocation: { kind: 'crls', lists } },
  })
  const stamp = stampOver(cmsDocument)
  assert.equal(judged(stamp, by(crl([]))), 'passed')
  assert.equal(judged(stamp, by(crl([certificate.serial]))), 'certificate-revoked')
  assert.equal(judged(stamp, by()), 'revocation-missing')
})

test('a nonce is compared as a number, and must be there when it was sent', () => {
  const stamp = stampOver(cmsDocument, { nonce: Uint8Array.of(0, 0x9a) })
  assert.equal(judged(stamp, { nonce: Uint8Array.of(0x9a) }), 'passed')
  assert.equal(judged(stamp, { nonce: Uint8Array.of(0x9b) }), 'time-stamp-nonce-mismatch')
  assert.equal(judged(stamp), 'passed')
})

test('requests and responses are read strictly, and a refusal is told as one', () => {
  const request = { hash: 'sha384', policy: undefined, nonce: undefined } as const
  const value = digest('sha384', cmsDocument)
  const asked = parseTimeStampRequest(encodeTimeStampRequest({ ...request, value }))
  assert.deepEqual(asked.imprint, { hash: 'sha384', value })
  assert.equal(asked.nonce, undefined)
  assert.deepEqual(parseTimeStampResponse(issueTimeStampRefusal()), { kind: 'refused', status: 2 })
  const granted = issueTimeStampResponse(stampOver(cmsDocument))
  assert.equal(parseTimeStampResponse(granted).kind, 'granted')
  const empty = sequence(sequence(integer(0)))
  assert.equal(
    malformed(() => parseTimeStampResponse(empty)),
    'truncated',
  )
  const large = new Uint8Array(1024 * 1024 + 1)
  assert.equal(
    malformed(() => parseTimeStampToken(large)),
    'too-large',
  )
  const detached = { ...parseSignedData(stampOver(cmsDocument)), content: undefined }
  const signers = detached.signers.map(each => each.raw)
  const cut = encodeSignedData({ ...detached, signers })
  assert.equal(
    malformed(() => parseTimeStampToken(cut)),
    'value-invalid',
  )
})
