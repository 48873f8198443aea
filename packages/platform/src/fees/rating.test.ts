import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { array, assert as property, integer, property as forAll, record } from 'fast-check'
import { codeOf } from '../world-for-tests.ts'
import { rateMonth, type UsageGroup } from './rating.ts'
import {
  instantOf,
  ministryList,
  ministryWaived,
  monthAfter,
  ownChargeOf,
  parseTariff,
  partsOf,
  type Tariff,
  termsOn,
  yearBegin,
} from './tariff.ts'

const check = {
  kind: 'signature-check',
  method: 'crl',
  purpose: 'transaction',
  part: 0,
  repeats: 0,
} as const
const uses = (count: number, given: Partial<UsageGroup> = {}): UsageGroup => ({
  ...check,
  ...given,
  uses: count,
})
const rated = (tariff: Tariff, groups: readonly UsageGroup[], month = '2030-04') =>
  rateMonth(tariff, month, { class: 'ordinary', groups })

/** 20 yen, from the 101st use on 10 %, from the 1001st 25 % less; a third off for the public interest. */
const stepped: Tariff = {
  ...ministryList,
  id: 'stepped',
  steps: [
    { kind: 'signature-check', from: '2029-01-01', until: null, above: 1000, percent: 25 },
    { kind: 'signature-check', from: '2029-01-01', until: null, above: 100, percent: 10 },
  ],
  reductions: [{ class: 'public-interest', from: '2029-01-01', until: null, percent: 33 }],
}

describe('rating', () => {
  it('the ministry’s list: 20 yen a signature certificate, 2 for the others', () => {
    const { lines, totalYen } = rated(ministryList, [
      uses(1),
      uses(1, { kind: 'authentication-check', method: 'ocsp' }),
      uses(1, { kind: 'corresponding-serial', method: 'query' }),
    ])
    assert.deepEqual(
      lines.map(line => [line.kind, line.unitYen]),
      [
        ['authentication-check', 2],
        ['corresponding-serial', 2],
        ['signature-check', 20],
      ],
    )
    assert.equal(totalYen, 24)
  })

  it('a step takes hold with the use just across it, and for that use alone', () => {
    const yen = (count: number) => rated(stepped, [uses(count)]).totalYen
    assert.equal(yen(100), 2000)
    assert.equal(yen(101), 2018)
    assert.equal(yen(1000), 2000 + 900 * 18)
    assert.equal(yen(1001), 2000 + 900 * 18 + 15)
  })

  it('steps count all uses of a kind in the month, whatever their method, and no other kind’s', () => {
    const both = [uses(60), uses(60, { method: 'ocsp' })]
    assert.equal(rated(stepped, both).totalYen, 100 * 20 + 20 * 18)
    const other = [uses(60), uses(5000, { kind: 'authentication-check' })]
    assert.equal(rated(stepped, other).totalYen, 1200 + 10_000)
  })

  it('what is waived does not climb the steps', () => {
    const tariff = { ...stepped, waivers: ministryWaived.waivers }
    const groups = [uses(5000), uses(101, { method: 'ocsp' })]
    assert.equal(rated(tariff, groups).totalYen, 2018)
  })

  it('a reduction is of what the discount left; the fraction of a yen is dropped once a line', () => {
    const { lines } = rateMonth(stepped, '2030-04', {
      class: 'public-interest',
      groups: [uses(101)],
    })
    // 100 × 20 × 0.67 = 1340; 1 × 20 × 0.9 × 0.67 = 12.06.
    assert.deepEqual(
      lines.map(line => line.feeYen),
      [1340, 12],
    )
  })

  it('waivers end on their day in Japan: the last use of the day before is free, the next is charged', () => {
    const on = (day: string, method: 'crl' | 'ocsp') =>
      termsOn(ministryWaived, day, { ...check, method, class: 'ordinary' }).isWaived
    assert.deepEqual(
      [on('2022-12-31', 'ocsp'), on('2023-01-01', 'ocsp'), on('2025-12-31', 'ocsp')],
      [false, true, true],
    )
    assert.equal(on('2026-01-01', 'ocsp'), false)
    assert.equal(on('2040-01-01', 'crl'), true)
  })

  it('no waiver of a method is for a question that is neither list nor immediate answer', () => {
    const serial = uses(3, { kind: 'corresponding-serial', method: 'query' })
    assert.equal(rated(ministryWaived, [uses(9), serial], '2024-01').totalYen, 6)
  })

  it('a month in which a price changes has two parts and a line of each', () => {
    const tariff: Tariff = {
      ...ministryList,
      id: 'cheaper',
      prices: [...ministryList.prices, { kind: 'signature-check', from: '2030-04-16', yen: 15 }],
    }
    assert.deepEqual(partsOf(tariff, '2030-04'), ['2030-04-01', '2030-04-16'])
    const { lines } = rated(tariff, [uses(2), uses(3, { part: 1 })])
    assert.deepEqual(
      lines.map(line => [line.count, line.unitYen, line.feeYen]),
      [
        [2, 20, 40],
        [3, 15, 45],
      ],
    )
  })

  it('a person who was counted in the year is not charged again, but only where the tariff says so and by list', () => {
    const sweep = { purpose: 'current-status', repeats: 4 } as const
    assert.equal(rated(ministryList, [uses(10, sweep)]).totalYen, 6 * 20)
    assert.equal(rated(ministryList, [uses(10, { ...sweep, method: 'ocsp' })]).totalYen, 200)
    assert.equal(rated({ ...ministryList, yearly: [] }, [uses(10, sweep)]).totalYen, 200)
  })

  it('the platform’s own charge stands on lines of its own', () => {
    const tariff: Tariff = {
      ...ministryList,
      own: [
        { from: '2030-05-01', monthYen: 9000, useYen: 3 },
        { from: '2030-01-01', monthYen: 5000, useYen: 1 },
      ],
    }
    const { own, feesYen, ownYen, totalYen } = rated(tariff, [uses(7)])
    assert.deepEqual(
      own.map(line => [line.item, line.feeYen]),
      [
        ['month', 5000],
        ['use', 7],
      ],
    )
    assert.deepEqual([feesYen, ownYen, totalYen], [140, 5007, 5147])
    assert.deepEqual(ownChargeOf(tariff, '2029-12'), { monthYen: 0, useYen: 0 })
  })

  it('a day without a price is refused, never free', async () => {
    const rate = async () => rated(ministryList, [uses(1)], '2015-12')
    assert.equal(await codeOf(rate()), 'tariff-not-in-force')
  })

  it('property: no use is lost or doubled, and lines add up, however uses are cut into groups', () => {
    const group = record({
      uses: integer({ min: 1, max: 5000 }),
      cut: integer({ min: 0, max: 5000 }),
      part: integer({ min: 0, max: 0 }),
    })
    property(
      forAll(array(group, { maxLength: 6 }), groups => {
        const whole = groups.map(one => uses(one.uses))
        const cut = groups.flatMap(one => {
          const first = Math.min(one.cut, one.uses)
          return [uses(first), uses(one.uses - first)].filter(each => each.uses > 0)
        })
        const [a, b] = [rated(stepped, whole), rated(stepped, cut)]
        assert.deepEqual(a, b)
        assert.equal(
          a.lines.reduce((sum, line) => sum + line.count, 0),
          groups.reduce((sum, one) => sum + one.uses, 0),
        )
        assert.equal(
          a.totalYen,
          a.lines.reduce((sum, line) => sum + line.feeYen, 0),
        )
      }),
    )
  })
})

describe('a tariff', () => {
  it('its year begins with a month, so January belongs to the year before', () => {
    assert.equal(yearBegin(ministryList, '2031-03'), instantOf('2030-04-01'))
    assert.equal(yearBegin(ministryList, '2031-04'), instantOf('2031-04-01'))
    assert.equal(instantOf('2031-04-01'), Date.UTC(2031, 2, 31, 15))
    assert.equal(monthAfter('2030-12'), '2031-01')
  })

  it('is read strictly', async () => {
    const price = { kind: 'signature-check', from: '2030-01-01', yen: 20 }
    for (const bent of [
      null,
      { ...stepped, id: '../x' },
      { ...stepped, prices: [price] },
      { ...stepped, prices: [...stepped.prices, { ...price, from: '2030-02-30' }] },
      { ...stepped, prices: [...stepped.prices, { ...price, yen: -1 }] },
      { ...stepped, prices: [...stepped.prices, { ...price, yen: 0.5 }] },
      { ...stepped, prices: [...stepped.prices, price, price] },
      { ...stepped, yearBeginsMonth: 13 },
      { ...stepped, surprise: 1 },
    ])
      assert.equal(await codeOf((async () => parseTariff(bent))()), 'request-malformed')
    assert.deepEqual(parseTariff(structuredClone(stepped)), stepped)
  })
})
