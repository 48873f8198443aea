import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { MandateTerms } from '@sekisho/contract'
import * as fc from 'fast-check'
import {
  type ActAsked,
  judgeAuthority,
  type MandateChain,
  type MandateFacts,
  widerThan,
} from './judgement.ts'
import type { RegisteredCorporation } from './register.ts'

const number = '5999901000003'
const day = 24 * 3600 * 1000
const now = Date.parse('2026-04-01T00:00:00Z')
const iso = (at: number): string => new Date(at).toISOString()

const register: RegisteredCorporation = {
  number,
  name: '見本建設株式会社',
  headOffice: '神奈川県鎌倉市',
  registeredAt: iso(now - 1000 * day),
  closed: null,
  changes: [],
  representatives: [
    { name: '見本三郎', title: '代表取締役', since: iso(now - 900 * day), until: null },
    {
      name: '見本前代',
      title: '代表取締役',
      since: iso(now - 1000 * day),
      until: iso(now - 900 * day),
    },
  ],
}

const terms: MandateTerms = {
  acts: [{ code: 'bid.submit', text: '入札', yenMax: 1_000_000, counterparties: ['town'] }],
  from: iso(now - 10 * day),
  until: iso(now + 10 * day),
  subdelegations: 1,
}

const facts = (given: Partial<MandateFacts> = {}): MandateFacts => ({
  id: 'm',
  method: 'operator-file',
  terms,
  mandator: { name: '見本三郎', title: '代表取締役' },
  delegate: { name: '見本五月', address: '神奈川県' },
  acceptedAt: now - 9 * day,
  ended: undefined,
  grantSha256: '00',
  record: undefined,
  ...given,
})

const asked: ActAsked = { act: 'bid.submit', yen: 1_000_000, counterparty: 'town', at: now }

function codes(
  chain: MandateChain | undefined,
  given: Partial<ActAsked> = {},
  of: RegisteredCorporation | 'unknown' | 'unreachable' = register,
): string {
  const chains = chain === undefined ? [] : [chain]
  const judged = judgeAuthority(
    { kind: 'person', chains },
    number,
    { ...asked, ...given },
    of === 'unknown' ? undefined : of,
  )
  return [judged.verdict, judged.findings.at(-1)?.code].join(' ')
}

describe('authority by mandates', () => {
  it('is there within every limit, and not one step across', () => {
    assert.equal(codes([facts()]), 'authorised act-covered')
    for (const [given, expected] of [
      [{ act: 'contract.sign' }, 'act-not-covered'],
      [{ yen: 1_000_001 }, 'amount-exceeded'],
      [{ yen: undefined }, 'amount-untold'],
      [{ counterparty: 'other' }, 'counterparty-not-covered'],
      [{ at: now - 10 * day - 1 }, 'mandate-not-accepted'],
      [{ at: now + 10 * day }, 'mandate-expired'],
    ] as const)
      assert.equal(codes([facts()], given), `not-authorised ${expected}`)
    assert.equal(codes([facts()], { at: now + 10 * day - 1 }), 'authorised act-covered')
    assert.equal(codes(undefined), 'not-authorised mandate-missing')
  })

  it('is judged for the time that is asked: an end later does not take it away, one before does', () => {
    const ended = { at: now, cause: 'revoked' } as const
    assert.equal(codes([facts({ ended })]), 'not-authorised mandate-ended')
    assert.equal(codes([facts({ ended })], { at: now - 1 }), 'authorised act-covered')
    assert.equal(codes([facts({ acceptedAt: undefined })]), 'not-authorised mandate-not-accepted')
    const early = facts({ acceptedAt: now - 20 * day })
    assert.equal(codes([early], { at: now - 11 * day }), 'not-authorised mandate-not-begun')
  })

  it('rests on the register: corporation, office, and an answer at all', () => {
    assert.equal(codes([facts()], {}, 'unknown'), 'not-authorised corporation-unknown')
    assert.equal(codes([facts()], {}, 'unreachable'), 'indeterminate register-unreachable')
    const closed = { at: iso(now), cause: 'liquidated', successor: null }
    assert.equal(codes([facts()], {}, { ...register, closed }), 'not-authorised corporation-closed')
    assert.equal(
      codes([facts()], { at: now - 1 }, { ...register, closed }),
      'authorised act-covered',
    )
    const former = facts({ mandator: { name: '見本前代', title: '代表取締役' } })
    assert.equal(codes([former]), 'not-authorised representative-left')
    const other = facts({ mandator: { name: '見本三郎', title: '取締役' } })
    assert.equal(codes([other]), 'not-authorised representative-left')
  })

  it('holds for a representative and for a mandate in a certificate', () => {
    const corporation = { number, name: register.name, headOffice: '' }
    const judged = (holder: object) =>
      judgeAuthority(
        {
          kind: 'holder',
          holder: {
            kind: 'representative',
            name: '見本三郎',
            title: '代表取締役',
            corporation,
            ...holder,
          },
        },
        number,
        asked,
        register,
      ).findings.at(-1)?.code
    assert.equal(judged({}), 'authority-inherent')
    assert.equal(judged({ title: '監査役' }), 'representative-left')
    assert.equal(
      judged({ corporation: { ...corporation, number: '7999901000001' } }),
      'mandate-missing',
    )
    assert.equal(judged({ kind: 'doctor' }), 'mandate-missing')
    const mandate = (code: string) => ({
      kind: 'mandate',
      name: '見本五月',
      mandate: {
        by: { name: '見本三郎', title: '代表取締役' },
        scope: [{ code, text: '' }],
        isSubdelegable: false,
      },
    })
    assert.equal(judged(mandate('bid.submit')), 'act-covered')
    assert.equal(judged(mandate('bid.open')), 'act-not-covered')
  })

  it('reaches through a chain no further than its narrowest step', () => {
    const narrow = {
      ...terms,
      acts: [{ code: 'bid.submit', text: '', yenMax: 10, counterparties: ['town'] }],
    }
    const child = facts({ method: 'sub-delegation', terms: narrow, mandator: { name: '見本五月' } })
    assert.equal(codes([facts(), child], { yen: 10 }), 'authorised act-covered')
    assert.equal(codes([facts(), child], { yen: 11 }), 'not-authorised amount-exceeded')
    const ended = facts({ ended: { at: now - 1, cause: 'revoked' } })
    assert.equal(codes([ended, child], { yen: 1 }), 'not-authorised mandate-ended')
  })

  it('one good chain of several is enough', () => {
    const chains: MandateChain[] = [[facts({ ended: { at: 0, cause: 'revoked' } })], [facts()]]
    const judged = judgeAuthority({ kind: 'person', chains }, number, asked, register)
    assert.equal(judged.verdict, 'authorised')
    assert.deepEqual(judged.chain, chains[1])
  })
})

describe('what is handed on', () => {
  const act = fc.record({
    code: fc.constantFrom('*', 'a', 'b'),
    text: fc.constant('x'),
    yenMax: fc.option(fc.nat(3), { nil: undefined }),
    counterparties: fc.option(fc.subarray(['p', 'q'], { minLength: 1 }), { nil: undefined }),
  })
  const some = fc.record({
    acts: fc.array(act, { minLength: 1, maxLength: 3 }),
    from: fc.integer({ min: 0, max: 3 }).map(n => iso(now + n * day)),
    until: fc.integer({ min: 4, max: 7 }).map(n => iso(now + n * day)),
    subdelegations: fc.nat(2),
  })

  it('never permits an act that the step before does not permit', () => {
    const clean = (given: unknown): MandateTerms => JSON.parse(JSON.stringify(given))
    fc.assert(
      fc.property(
        some,
        some,
        fc.constantFrom('a', 'b'),
        fc.nat(4),
        fc.nat(8),
        (one, two, code, yen, at) => {
          const [parent, child] = [clean(one), clean(two)]
          if (widerThan(parent, child) !== undefined) return
          const given = { act: code, yen, counterparty: 'p', at: now + at * day }
          const alone = (each: MandateTerms) =>
            codes([facts({ terms: each, acceptedAt: 0 })], given).startsWith('authorised')
          assert.ok(alone(parent) || !alone(child))
        },
      ),
      { numRuns: 2000, verbose: true },
    )
  })
})
