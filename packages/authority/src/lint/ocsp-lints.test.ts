import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  type Certificate,
  der,
  ocspCertId,
  parseCertificate,
  type SignatureAlgorithm,
} from '@sekisho/pki'
import {
  encodeExtension,
  extension,
  issueOcspResponse,
  type OcspResponseContent,
  type OcspStatus,
} from '@sekisho/pki/issue'
import { townHierarchy } from '../town-keys.ts'
import { noon } from '../world-for-tests.ts'
import { unsigned } from './frame.ts'
import { type OcspFacts, ocspLint, ocspLints } from './ocsp-lints.ts'
import { joined, partsOf, toBeSigned } from './parts-for-tests.ts'

const at = noon(2026, 11, 20)
const lifetimeMs = 15 * 60 * 1000
const hierarchy = townHierarchy()
const generation = hierarchy.issuing('signature', at)
const other = hierarchy.issuing('authentication', at)
const issuer = generation.certificate
const responder = generation.responderAt(at).certificate
const nonce = new Uint8Array(32).fill(7)
const idOf = (serial: number, of: Certificate = issuer) =>
  ocspCertId({ serial: Uint8Array.of(0x11, 0, 0, serial) }, of, 'sha256')
const held = { kind: 'revoked', revokedAt: at - 1000, reason: 'certificateHold' } as const

type Case = {
  readonly says?: Partial<OcspResponseContent>
  /** Of every answer. */
  readonly times?: { readonly thisUpdate?: number; readonly nextUpdate?: number | undefined }
  readonly statuses?: readonly OcspStatus[]
  readonly facts?: Partial<OcspFacts>
  readonly named?: Certificate
  readonly signers?: { readonly issuer?: Certificate; readonly responder?: Certificate }
  readonly algorithm?: SignatureAlgorithm
  readonly tail?: Uint8Array
}

const asked: OcspFacts['asked'] = [
  { certId: idOf(1), status: { kind: 'good' } },
  { certId: idOf(2), status: held },
  { certId: idOf(3), status: { kind: 'unknown' } },
]

function judged(given: Case): readonly string[] {
  const facts: OcspFacts = { at, lifetimeMs, nonce, asked, ...given.facts }
  const answers = asked.map(({ certId, status }, position) => ({
    certId,
    status: given.statuses?.[position] ?? status,
    thisUpdate: at,
    nextUpdate: at + lifetimeMs,
    ...given.times,
  }))
  const signers = { issuer, responder, ...given.signers }
  const algorithm = given.algorithm ?? 'rsa-sha256'
  const tbs = toBeSigned(sign =>
    issueOcspResponse(
      { producedAt: at, answers, nonce, ...given.says },
      { certificate: given.named ?? signers.responder, isAuthority: false, algorithm, sign },
    ),
  )
  const changed = given.tail === undefined ? tbs : appended(tbs, given.tail)
  return ocspLint(signers, facts)(algorithm, changed)
}

function appended(tbs: Uint8Array, tail: Uint8Array): Uint8Array {
  return der.sequence(...partsOf(tbs, 3).elements, tail)
}

/** The responder's certificate with other extensions. */
function responderWith(change: (id: string) => boolean): Certificate {
  const parts = partsOf(responder.tbs, 3)
  const extensions = parts.extensions.filter(({ id }) => change(id))
  return parseCertificate(unsigned('rsa-sha256', joined({ ...parts, extensions }, 3)))
}

const unknownCritical = der.explicit(
  1,
  der.sequence(encodeExtension({ id: '2.999.1', isCritical: true, value: der.nullValue() })),
)

const hostile: Readonly<Record<string, readonly Case[]>> = {
  'ocsp-malformed': [
    { says: { nonce: new Uint8Array(129) }, facts: { nonce: new Uint8Array(129) } },
    { tail: der.nullValue() },
  ],
  'ocsp-algorithm': [{ algorithm: 'rsa-sha512' }],
  'ocsp-responder-id': [{ named: issuer }],
  'ocsp-responder-delegated': [
    { signers: { responder: other.responderAt(at).certificate } },
    { signers: { responder: responderWith(id => id !== '2.5.29.37') } },
    { signers: { responder: responderWith(id => id !== '2.5.29.35') } },
  ],
  'ocsp-responder-nocheck': [
    { signers: { responder: responderWith(id => id !== '1.3.6.1.5.5.7.48.1.5') } },
  ],
  'ocsp-responder-validity': [
    { signers: { responder: generation.responderAt(at + 90 * 24 * 3600 * 1000).certificate } },
    { signers: { responder: generation.responderAt(at - 90 * 24 * 3600 * 1000).certificate } },
  ],
  'ocsp-asked': [
    { facts: { asked: asked.slice(0, 2) } },
    { facts: { asked: [...asked, { certId: idOf(4), status: { kind: 'unknown' } }] } },
    { facts: { asked: asked.map(one => ({ ...one, certId: idOf(9) })) } },
  ],
  'ocsp-issuer': [
    {
      signers: {
        issuer: hierarchy.inForce(at).find(one => one.kind === 'signature')?.certificate ?? issuer,
        responder:
          hierarchy
            .inForce(at)
            .find(one => one.kind === 'signature')
            ?.responderAt(at).certificate ?? responder,
      },
    },
  ],
  'ocsp-status': [
    { statuses: [{ kind: 'unknown' }] },
    { facts: { asked: asked.map(one => ({ ...one, status: { kind: 'unknown' } })) } },
    { statuses: [held] },
  ],
  'ocsp-reason': [
    { statuses: [{ kind: 'good' }, { ...held, reason: 'removeFromCRL' }] },
    { statuses: [{ kind: 'good' }, { ...held, reason: 'aaCompromise' }] },
  ],
  'ocsp-revocation-instant': [{ statuses: [{ kind: 'good' }, { ...held, revokedAt: at + 1000 }] }],
  'ocsp-produced-at': [{ facts: { at: at + 1000 } }, { facts: { at: at - 1 } }],
  'ocsp-this-update': [{ times: { thisUpdate: at - 1000, nextUpdate: at } }],
  'ocsp-next-update': [
    { times: { nextUpdate: undefined } },
    { times: { nextUpdate: at } },
    { times: { nextUpdate: at + lifetimeMs + 1000 } },
  ],
  'ocsp-nonce': [
    { says: { nonce: undefined } },
    { facts: { nonce: undefined } },
    { says: { nonce: nonce.subarray(1) } },
  ],
  'ocsp-extension': [
    { says: { nonce: undefined }, facts: { nonce: undefined }, tail: unknownCritical },
    {
      says: { nonce: undefined },
      facts: { nonce: undefined },
      tail: der.explicit(
        1,
        der.sequence(encodeExtension({ ...extension.ocspNoCheck(), isCritical: true })),
      ),
    },
  ],
}

describe('OCSP lints', () => {
  it('let an answer pass: good, revoked, unknown; with a nonce up to 128 octets and without', () => {
    assert.deepEqual(judged({}), [])
    const longest = new Uint8Array(128)
    assert.deepEqual(judged({ says: { nonce: longest }, facts: { nonce: longest } }), [])
    assert.deepEqual(judged({ says: { nonce: undefined }, facts: { nonce: undefined } }), [])
  })

  for (const [code, cases] of Object.entries(hostile))
    it(`${code} alone catches what breaks it`, () => {
      for (const one of cases) assert.deepEqual(judged(one), [code])
    })

  it('each have a citation and something hostile', () => {
    const codes = ['ocsp-malformed', ...ocspLints.map(({ code }) => code)]
    assert.deepEqual(Object.keys(hostile).toSorted(), codes.toSorted())
    assert.ok(ocspLints.every(({ citation }) => /^(RFC \d+|jpki\.md|CA rule)/.test(citation)))
  })
})
