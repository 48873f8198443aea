import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseCertificate } from './certificate.ts'
import { judgeByCrls } from './crl-judgement.ts'
import { MalformedError } from './der.ts'
import { purposes } from './extension.ts'
import { extension, issueCertificate } from './issue/certificate.ts'
import type { CrlContent } from './issue/crl.ts'
import { issueResponderCertificate } from './issue/jpki.ts'
import {
  issueOcspRefusal,
  issueOcspResponse,
  type OcspResponder,
  type OcspStatus,
} from './issue/ocsp.ts'
import { poolKey } from './issue/pool.ts'
import { KeyCache } from './key-cache.ts'
import { encodeName } from './name.ts'
import {
  certIdIssuerMatches,
  certIdMatches,
  encodeOcspRequest,
  ocspCertId,
  parseOcspRequest,
} from './ocsp.ts'
import { judgeByOcsp, ocspLimits } from './ocsp-judgement.ts'
import { OpensslJudge } from './openssl-for-tests.ts'
import {
  codeOf,
  specimenAuthority,
  specimenCrl,
  specimenEntry,
  specimenLeaf,
  specimenNow,
} from './specimen-for-tests.ts'

const keys = new KeyCache(64)
const authority = specimenAuthority('signature', 0)
const stranger = specimenAuthority('signature', 4)
const leaf = specimenLeaf('signature', authority, 1)
const minute = 60_000
const nonce = Uint8Array.from({ length: 16 }, (_, i) => i)

const direct: OcspResponder = {
  certificate: authority.certificate,
  isAuthority: true,
  algorithm: 'rsa-sha256',
  sign: authority.sign,
}

function delegate(issuer = authority, vary: { readonly notAfter?: number } = {}): OcspResponder {
  const key = poolKey(6)
  const der = issueResponderCertificate({
    issuer,
    serial: Uint8Array.of(9),
    spki: key.spki,
    notBefore: specimenNow - 60 * minute,
    notAfter: vary.notAfter ?? specimenNow + 60 * minute,
    commonName: 'OCSP Responder',
  })
  const certificate = parseCertificate(der)
  return { certificate, isAuthority: false, algorithm: 'rsa-sha256', sign: key.sign }
}

function respond(
  vary: {
    readonly status?: OcspStatus
    readonly thisUpdate?: number
    readonly nextUpdate?: number | undefined
    readonly nonce?: Uint8Array | undefined
    readonly hash?: 'sha1' | 'sha256'
    readonly about?: typeof leaf
  } = {},
  responder = direct,
): Uint8Array {
  const thisUpdate = vary.thisUpdate ?? specimenNow - 5 * minute
  const answer = {
    certId: ocspCertId(vary.about ?? leaf, authority.certificate, vary.hash ?? 'sha256'),
    status: vary.status ?? { kind: 'good' as const },
    thisUpdate,
    nextUpdate: 'nextUpdate' in vary ? vary.nextUpdate : thisUpdate + 15 * minute,
  }
  return issueOcspResponse(
    { producedAt: thisUpdate, answers: [answer], nonce: vary.nonce },
    responder,
  )
}

function judge(response: Uint8Array, asked?: Uint8Array, at = specimenNow): string {
  const demands = { response, at, nonce: asked, limits: ocspLimits, keys }
  return codeOf(judgeByOcsp(leaf, authority.certificate, demands))
}

test('openssl accepts our responses, by the authority and by a delegate, good and revoked', () => {
  using judgeBy = new OpensslJudge()
  const anchor = judgeBy.pem('ca.pem', 'CERTIFICATE', authority.certificate.raw)
  const file = judgeBy.pem('leaf.pem', 'CERTIFICATE', leaf.raw)
  const at = String(specimenNow / 1000)
  for (const responder of [direct, delegate()]) {
    for (const hash of ['sha1', 'sha256'] as const) {
      const revoked = {
        kind: 'revoked',
        revokedAt: specimenNow - 90 * minute,
        reason: 'certificateHold',
      } as const
      for (const status of [{ kind: 'good' } as const, revoked]) {
        const response = judgeBy.file('response.der', respond({ status, hash }, responder))
        const said = judgeBy.run(
          'ocsp',
          '-respin',
          response,
          `-${hash}`,
          '-issuer',
          anchor,
          '-cert',
          file,
          '-CAfile',
          anchor,
          '-attime',
          at,
          '-no_nonce',
        ).text
        assert.match(said, /Response verify OK/)
        assert.match(
          said,
          status.kind === 'good'
            ? /^(?:\S+leaf\.pem: )?good$/m
            : /^(?:\S+leaf\.pem: )?revoked$[^]*Reason: certificateHold/m,
        )
      }
    }
  }
})

test('we read the requests of openssl, and openssl reads ours', () => {
  using judgeBy = new OpensslJudge()
  const anchor = judgeBy.pem('ca.pem', 'CERTIFICATE', authority.certificate.raw)
  const file = judgeBy.pem('leaf.pem', 'CERTIFICATE', leaf.raw)
  const path = judgeBy.path('request.der')
  for (const hash of ['sha1', 'sha256']) {
    judgeBy.run('ocsp', `-${hash}`, '-issuer', anchor, '-cert', file, '-reqout', path, '-nonce')
    const request = parseOcspRequest(judgeBy.read(path))
    const [certId] = request.certIds
    assert.ok(certId !== undefined && certIdMatches(certId, leaf, authority.certificate))
    assert.ok(certIdIssuerMatches(certId, authority.certificate))
    assert.ok(
      !certIdIssuerMatches(certId, stranger.certificate),
      'the other generation is another issuer',
    )
    assert.ok((request.nonce?.length ?? 0) >= 16)
  }
  const ours = encodeOcspRequest([ocspCertId(leaf, authority.certificate, 'sha256')], nonce)
  const printed = judgeBy.run(
    'ocsp',
    '-reqin',
    judgeBy.file('ours.der', ours),
    '-req_text',
    '-noverify',
  ).text
  assert.match(printed, /Serial Number: 12345601/)
  assert.match(printed, /000102030405060708090A0B0C0D0E0F/)
})

test('a good answer is good, from the authority or its delegate, with either hash', () => {
  assert.equal(judge(respond()), 'passed')
  assert.equal(judge(respond({ hash: 'sha1' })), 'passed')
  assert.equal(judge(respond({}, delegate())), 'passed')
})

test('revoked and held are told apart, and unknown is indeterminate', () => {
  const revokedAt = specimenNow - minute
  assert.equal(
    judge(respond({ status: { kind: 'revoked', revokedAt, reason: 'superseded' } })),
    'certificate-revoked',
  )
  assert.equal(
    judge(respond({ status: { kind: 'revoked', revokedAt, reason: 'certificateHold' } })),
    'certificate-held',
  )
  assert.equal(judge(respond({ status: { kind: 'unknown' } })), 'ocsp-unknown')
})

test('an answer about another certificate is none', () => {
  const other = specimenLeaf('signature', authority, 1, { serial: Uint8Array.of(1, 2) })
  assert.equal(judge(respond({ about: other })), 'ocsp-other-certificate')
})

test('a nonce that was sent must come back', () => {
  assert.equal(judge(respond({ nonce }), nonce), 'passed')
  assert.equal(judge(respond(), nonce), 'ocsp-nonce-mismatch')
  assert.equal(judge(respond({ nonce: nonce.toReversed() }), nonce), 'ocsp-nonce-mismatch')
})

test('the window of an answer is its own and ours', () => {
  const thisUpdate = specimenNow - 10 * minute
  const at = (instant: number, nextUpdate: number | undefined): string =>
    judge(respond({ thisUpdate, nextUpdate }), undefined, instant)
  assert.equal(at(specimenNow, specimenNow), 'passed')
  assert.equal(at(specimenNow + 1, specimenNow), 'ocsp-stale')
  assert.equal(at(thisUpdate + ocspLimits.ageMsMax, undefined), 'passed')
  assert.equal(at(thisUpdate + ocspLimits.ageMsMax + 1, undefined), 'ocsp-stale')
  assert.equal(at(thisUpdate + ocspLimits.ageMsMax + 1, specimenNow + 600 * minute), 'ocsp-stale')
  assert.equal(at(thisUpdate - ocspLimits.skewMs, undefined), 'passed')
  assert.equal(at(thisUpdate - ocspLimits.skewMs - 1000, undefined), 'ocsp-not-yet-valid')
})

test('a responder of another authority, an expired one, and one without the right are refused', () => {
  assert.equal(judge(respond({}, delegate(stranger))), 'ocsp-responder-unauthorised')
  assert.equal(
    judge(respond({}, delegate(authority, { notAfter: specimenNow - 1000 }))),
    'ocsp-responder-unauthorised',
  )
  const key = poolKey(7)
  const withUsages = (ids: readonly string[], isChecked: boolean): OcspResponder => {
    const der = issueCertificate(
      {
        serial: Uint8Array.of(8),
        issuer: authority.certificate.subject,
        subject: encodeName([['2.5.4.3', 'R']]),
        notBefore: specimenNow - minute,
        notAfter: specimenNow + minute,
        spki: key.spki,
        extensions: [
          extension.extendedKeyUsage(ids),
          ...(isChecked ? [] : [extension.ocspNoCheck()]),
        ],
      },
      'rsa-sha256',
      authority.sign,
    )
    return {
      certificate: parseCertificate(der),
      isAuthority: false,
      algorithm: 'rsa-sha256',
      sign: key.sign,
    }
  }
  assert.equal(judge(respond({}, withUsages([purposes.ocspSigning], false))), 'passed')
  assert.equal(
    judge(respond({}, withUsages([purposes.clientAuth], false))),
    'ocsp-responder-unauthorised',
  )
  assert.equal(judge(respond({}, withUsages([purposes.any], false))), 'ocsp-responder-unauthorised')
  assert.equal(
    judge(respond({}, withUsages([purposes.ocspSigning], true))),
    'ocsp-responder-unauthorised',
  )
  // Where nothing says that it need not be asked, the lists at hand must say that the responder is not revoked.
  const byLists = (vary: Partial<CrlContent>): string => {
    const lists = [specimenCrl('signature', authority, { partition: undefined, ...vary })]
    const given = { lists, at: specimenNow, keys }
    return codeOf(
      judgeByOcsp(leaf, authority.certificate, {
        response: respond({}, withUsages([purposes.ocspSigning], true)),
        at: specimenNow,
        nonce: undefined,
        limits: ocspLimits,
        keys,
        judgeResponder: responder => judgeByCrls(responder, authority.certificate, given),
      }),
    )
  }
  assert.equal(byLists({}), 'passed')
  assert.equal(byLists({ nextUpdate: specimenNow - 1 }), 'ocsp-responder-unauthorised')
  const entries = [specimenEntry(Uint8Array.of(8), 'keyCompromise')]
  assert.equal(byLists({ entries }), 'ocsp-responder-unauthorised')
  const leafKey = poolKey(1)
  const byLeaf = {
    certificate: leaf,
    isAuthority: false,
    algorithm: 'rsa-sha256',
    sign: leafKey.sign,
  } as const
  assert.equal(judge(respond({}, byLeaf)), 'ocsp-responder-unauthorised')
})

test('a signature by another key, and a refusal, are no answer', () => {
  assert.equal(judge(respond({}, { ...direct, sign: stranger.sign })), 'ocsp-signature-bad')
  assert.equal(judge(issueOcspRefusal('tryLater')), 'ocsp-unsuccessful')
  assert.equal(judge(respond().subarray(1)), 'ocsp-malformed')
})

test('a request with a nonce of 129 bytes, or with 65 entries, is malformed', () => {
  const id = ocspCertId(leaf, authority.certificate, 'sha256')
  assert.throws(
    () => parseOcspRequest(encodeOcspRequest([id], new Uint8Array(129))),
    MalformedError,
  )
  const many = Array.from({ length: 65 }, () => id)
  assert.throws(() => parseOcspRequest(encodeOcspRequest(many, undefined)), MalformedError)
  assert.equal(parseOcspRequest(encodeOcspRequest(many.slice(1), undefined)).certIds.length, 64)
})
