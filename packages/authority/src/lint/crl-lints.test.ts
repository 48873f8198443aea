import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { der, encodeSignatureAlgorithm, type RevocationReason } from '@sekisho/pki'
import {
  type CrlContent,
  encodeExtension,
  extension,
  issueCrl,
  partitionName,
  type RevokedEntry,
} from '@sekisho/pki/issue'
import { townHierarchy } from '../town-keys.ts'
import { noon } from '../world-for-tests.ts'
import { type CrlFacts, crlLint, crlLints } from './crl-lints.ts'
import { joined, type Parts, partsOf, toBeSigned, withElement } from './parts-for-tests.ts'

const hour = 3600 * 1000
const at = noon(2026, 11, 20)
const hierarchy = townHierarchy()
const issuer = hierarchy.issuing('signature', at).certificate
const partition = partitionName(hierarchy.profile, 'signature', 'Tokyo-to', 'Chiyoda-ku')
const last = { number: 6, thisUpdate: at - 24 * hour }

const entry = (serial: number, more: Partial<RevokedEntry> = {}): RevokedEntry => ({
  serial: Uint8Array.of(0x11, 0, 0, serial),
  revokedAt: at - hour,
  reason: 'affiliationChanged',
  ...more,
})
const facts: CrlFacts = {
  partition,
  at: at + 999,
  lifetimeMs: 26 * hour,
  deltaBase: undefined,
  last,
  ends: new Map([
    ['11000001', Date.UTC(2030, 0, 1)],
    ['11000002', last.thisUpdate],
    ['11000003', last.thisUpdate - 1000],
  ]),
}
const content: CrlContent = {
  issuer: issuer.subject,
  issuerKeyId: issuer.subjectKeyIdentifier ?? new Uint8Array(),
  thisUpdate: at,
  nextUpdate: at + 26 * hour,
  number: 7,
  partition,
  deltaBase: undefined,
  entries: [entry(1), entry(2, { reason: 'unspecified' })],
}

type Case = {
  readonly says?: Partial<CrlContent>
  readonly change?: (parts: Parts) => Parts
  readonly facts?: Partial<CrlFacts>
  readonly algorithm?: 'rsa-sha384'
}

const written = (given: Case): Uint8Array => {
  const tbs = toBeSigned(sign => issueCrl({ ...content, ...given.says }, 'rsa-sha256', sign))
  return given.change === undefined ? tbs : joined(given.change(partsOf(tbs, 0)), 0)
}
const judged = (given: Case): readonly string[] =>
  crlLint(issuer, { ...facts, ...given.facts })(given.algorithm ?? 'rsa-sha256', written(given))

/** A list with one entry written by hand. */
const rawEntry =
  (time: Uint8Array, ...extensions: Parameters<typeof encodeExtension>[0][]) =>
  (parts: Parts): Parts => {
    const tail = extensions.length === 0 ? [] : [der.sequence(...extensions.map(encodeExtension))]
    const row = der.sequence(der.integer(Uint8Array.of(0x11, 0, 0, 1)), time, ...tail)
    return withElement(parts, 5, der.sequence(row))
  }
const reasonOf = (number: number, isCritical = false) => ({
  id: '2.5.29.21',
  isCritical,
  value: der.enumerated(number),
})
const reasons = (reason: RevocationReason): Case => ({ says: { entries: [entry(1, { reason })] } })

const hostile: Readonly<Record<string, readonly Case[]>> = {
  'crl-malformed': [
    {
      change: parts => ({
        ...parts,
        extensions: parts.extensions.filter(one => one.id !== '2.5.29.20'),
      }),
    },
    { change: parts => withElement(parts, 0, der.integer(0)) },
    reasons('removeFromCRL'),
  ],
  'crl-algorithm': [
    {
      algorithm: 'rsa-sha384',
      change: parts => withElement(parts, 1, encodeSignatureAlgorithm('rsa-sha384')),
    },
  ],
  'crl-issuer': [{ says: { issuer: hierarchy.issuing('authentication', at).certificate.subject } }],
  'crl-authority-key-id': [{ says: { issuerKeyId: new Uint8Array(20) } }],
  'crl-partition': [
    { says: { partition: undefined } },
    {
      says: {
        partition: partitionName(hierarchy.profile, 'signature', 'Tokyo-to', 'Shinjuku-ku'),
      },
    },
  ],
  'crl-partition-critical': [
    {
      change: parts => ({
        ...parts,
        extensions: parts.extensions.map(one => ({ ...one, isCritical: false })),
      }),
    },
  ],
  'crl-delta': [
    { says: { deltaBase: 5 } },
    { facts: { deltaBase: 5 } },
    { says: { deltaBase: 4 }, facts: { deltaBase: 5 } },
    { says: { deltaBase: 7 }, facts: { deltaBase: 7 } },
    {
      says: { deltaBase: 5 },
      facts: { deltaBase: 5 },
      change: parts => ({
        ...parts,
        extensions: parts.extensions.map(one =>
          one.id === '2.5.29.27' ? { ...one, isCritical: false } : one,
        ),
      }),
    },
  ],
  'crl-extension-known': [
    {
      change: parts => ({
        ...parts,
        extensions: [
          ...parts.extensions,
          { id: '2.999.1', isCritical: false, value: der.nullValue() },
        ],
      }),
    },
  ],
  'crl-number': [{ says: { number: 6 } }, { says: { number: 5 } }, { says: { number: 0 } }],
  'crl-time-form': [
    { change: parts => withElement(parts, 4, der.generalizedTime(at + hour)) },
    { change: rawEntry(der.generalizedTime(at - hour)) },
  ],
  'crl-this-update': [
    { says: { thisUpdate: at + 1000 } },
    { says: { thisUpdate: at - 1000 }, facts: { lifetimeMs: 27 * hour } },
    {
      facts: {
        last: { number: 6, thisUpdate: at + 1000 },
        ends: new Map([
          ['11000001', at + hour],
          ['11000002', at + hour],
        ]),
      },
    },
  ],
  'crl-next-update': [
    { says: { nextUpdate: at } },
    { says: { nextUpdate: at - hour } },
    { says: { nextUpdate: at + 26 * hour + 1000 } },
  ],
  'crl-entry-order': [
    { says: { entries: [entry(2), entry(1)] } },
    { says: { entries: [entry(1), entry(1)] } },
  ],
  'crl-entry-reason': [reasons('privilegeWithdrawn'), reasons('aaCompromise')],
  'crl-entry-reason-unspecified': [{ change: rawEntry(der.time(at - hour), reasonOf(0)) }],
  'crl-entry-extension': [
    { change: rawEntry(der.time(at - hour), extension.ocspNoCheck()) },
    { change: rawEntry(der.time(at - hour), reasonOf(3, true)) },
  ],
  'crl-entry-instant': [{ says: { entries: [entry(1, { revokedAt: at + 1000 })] } }],
  'crl-entry-known': [{ says: { entries: [entry(1), entry(9)] } }],
  'crl-entry-expired': [{ says: { entries: [entry(3)] } }],
}

describe('list lints', () => {
  it('let a list pass: with entries, without, and the first of a partition', () => {
    assert.deepEqual(judged({}), [])
    assert.deepEqual(judged({ says: { entries: [] } }), [])
    const removal = { entries: [entry(1, { reason: 'removeFromCRL' })], deltaBase: 5 }
    assert.deepEqual(judged({ says: removal, facts: { deltaBase: 5 } }), [])
    assert.deepEqual(judged({ says: { number: 1, entries: [] }, facts: { last: undefined } }), [])
    assert.deepEqual(joined(partsOf(written({}), 0), 0), written({}))
  })

  it('let every reason pass that the CAs give, a hold among them', () => {
    for (const reason of [
      'keyCompromise',
      'superseded',
      'cessationOfOperation',
      'certificateHold',
    ] as const)
      assert.deepEqual(judged(reasons(reason)), [])
  })

  for (const [code, cases] of Object.entries(hostile))
    it(`${code} alone catches what breaks it`, () => {
      for (const one of cases) assert.deepEqual(judged(one), [code])
    })

  it('each have a citation and something hostile', () => {
    const codes = ['crl-malformed', ...crlLints.map(({ code }) => code)]
    assert.deepEqual(Object.keys(hostile).toSorted(), codes.toSorted())
    assert.ok(crlLints.every(({ citation }) => /^(RFC \d+|jpki\.md|CA rule)/.test(citation)))
  })
})
