import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { codeOf, countRows, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { charge, chargeAll, type Use } from './meter.ts'
import {
  correctStatement,
  providersBilled,
  rateAgain,
  statementOf,
  versionsOf,
} from './statement.ts'
import { adoptTariff, addTariff, listTariffs } from './tariff-book.ts'
import { instantOf, ministryList, type Tariff } from './tariff.ts'

/** Ten yen more from the middle of April 2031, and a charge of the platform's own. */
const dearer: Tariff = {
  ...ministryList,
  id: 'dearer',
  prices: [...ministryList.prices, { kind: 'signature-check', from: '2031-04-16', yen: 30 }],
  own: [{ from: '2031-01-01', monthYen: 1000, useYen: 0 }],
}

describe('statements', () => {
  let world: TestWorld
  let next = 0
  before(async () => {
    world = await startTestWorld('postgres')
    await addTariff(world, dearer)
  })
  after(() => world.close())

  const use = (providerId: string, at: number, given: Partial<Use> = {}): Use => ({
    providerId,
    transaction: `t${next++}`,
    kind: 'signature-check',
    method: 'crl',
    at,
    ...given,
  })
  const write = (...uses: readonly Use[]) => world.store.transaction(tx => chargeAll(tx, uses))
  it('a use on the last millisecond of a month in Japan is on that month’s bill, the next on the next', async () => {
    const edge = instantOf('2030-02-01')
    await write(use('edge', edge - 1), use('edge', edge))
    for (const month of ['2030-01', '2030-02'])
      assert.equal((await statementOf(world, 'edge', month)).totalYen, 20)
  })

  it('a price that changes at midnight in Japan takes hold of the first use of the new day', async () => {
    const edge = instantOf('2031-04-16')
    await write(use('price', edge - 1), use('price', edge))
    const given = { month: '2031-04', tariff: 'dearer' }
    const { lines } = await rateAgain(world, 'price', given)
    assert.deepEqual(
      lines.map(line => [line.count, line.unitYen]),
      [
        [1, 20],
        [1, 30],
      ],
    )
  })

  it('a person is counted once in a year for current-status checks by list, in the year from April', async () => {
    const checks = (...days: readonly string[]) =>
      days.map(day => use('pension', instantOf(day), { currentStatusOf: 'someone' }))
    await write(...checks('2030-03-31', '2030-04-01', '2030-04-02', '2031-03-31', '2031-04-01'))
    await write(use('pension', instantOf('2030-04-03'), { currentStatusOf: 'another' }))
    // Two of the same instant: one of them is the first.
    await write(
      use('pension', instantOf('2030-04-04'), { currentStatusOf: 'third' }),
      use('pension', instantOf('2030-04-04'), { currentStatusOf: 'third' }),
    )
    // Transactions of the same provider are no such checks.
    await write(use('pension', instantOf('2030-04-05')))
    const yenOf = async (month: string) =>
      (await rateAgain(world, 'pension', { month, tariff: 'ministry-list' })).totalYen
    assert.deepEqual(
      await Promise.all(['2030-03', '2030-04', '2031-03', '2031-04'].map(yenOf)),
      [20, 80, 0, 20],
    )
  })

  it('a statement names no person and no use', async () => {
    const text = JSON.stringify(await statementOf(world, 'pension', '2030-04'))
    for (const secret of ['someone', 'another', 't1']) assert.ok(!text.includes(`"${secret}`))
  })

  it('a running month is rated anew, one that has ended is kept', async () => {
    await write(use('shop', instantOf('2030-04-01')))
    assert.equal((await statementOf(world, 'shop', '2030-04')).state, 'running')
    assert.deepEqual(await versionsOf(world.store, 'shop', '2030-04'), [])
    await write(use('shop', instantOf('2030-03-01')))
    const made = await Promise.all([1, 2, 3, 4].map(() => statementOf(world, 'shop', '2030-03')))
    for (const one of made) assert.deepEqual(one, made[0])
    assert.equal(made[0]?.state, 'final')
    // What came too late waits for a correction.
    await write(use('shop', instantOf('2030-03-02')))
    assert.equal((await statementOf(world, 'shop', '2030-03')).totalYen, 20)
    assert.deepEqual(await versionsOf(world.store, 'shop', '2030-03'), [made[0]])
  })

  it('a correction is the next version beside the first, is in the ledger, and is made once', async () => {
    await write(...Array.from({ length: 5 }, () => use('firm', instantOf('2030-02-03'))))
    const first = await statementOf(world, 'firm', '2030-02')
    const free: Tariff = {
      ...ministryList,
      id: 'free-lists',
      waivers: [{ method: 'crl', from: '2023-01-01', until: null }],
    }
    await addTariff(world, free)
    const before = await countRows(world, 'ledger_entry')
    const given = { month: '2030-02', tariff: 'free-lists', reason: '免除の適用漏れ' }
    const all = await Promise.all([1, 2, 3, 4].map(() => correctStatement(world, 'firm', given)))
    assert.equal(all.filter(one => one.isChanged).length, 1)
    for (const { statement } of all)
      assert.deepEqual(
        [statement.version, statement.totalYen, statement.tariff],
        [2, 0, 'free-lists'],
      )
    assert.equal((await countRows(world, 'ledger_entry')) - before, 1)
    const versions = await versionsOf(world.store, 'firm', '2030-02')
    assert.deepEqual(versions[1], first)
    assert.deepEqual(await statementOf(world, 'firm', '2030-02'), versions[0])
    // And back again: a third version with the figures of the first.
    const back = await correctStatement(world, 'firm', { ...given, tariff: 'ministry-list' })
    assert.deepEqual(back.statement, { ...first, version: 3 })
  })

  it('rating again under another tariff changes nothing', async () => {
    const tables = async () => [
      await countRows(world, 'fee_statement'),
      await countRows(world, 'usage'),
    ]
    const before = await tables()
    const other = await rateAgain(world, 'shop', { month: '2031-04', tariff: 'dearer' })
    assert.equal(other.ownYen, 1000)
    assert.deepEqual(await tables(), before)
  })

  it('refusals: a running month, an unknown tariff, one without a price, a name used twice', async () => {
    const correct = (month: string, tariff: string) =>
      codeOf(correctStatement(world, 'shop', { month, tariff, reason: 'x' }))
    assert.equal(await correct('2030-04', 'ministry-list'), 'month-running')
    assert.equal(await correct('2030-03', 'none-such'), 'tariff-unknown')
    await write(use('old', instantOf('2030-01-05')))
    const late: Tariff = {
      ...ministryList,
      id: 'late',
      prices: ministryList.prices.map(one => ({ ...one, from: '2040-01-01' })),
    }
    await addTariff(world, late)
    const again = rateAgain(world, 'old', { month: '2030-01', tariff: 'late' })
    assert.equal(await codeOf(again), 'tariff-not-in-force')
    assert.equal(await codeOf(addTariff(world, { ...late, own: dearer.own })), 'tariff-conflict')
    const ministry = { ...ministryList, yearBeginsMonth: 1 }
    assert.equal(await codeOf(addTariff(world, ministry)), 'tariff-conflict')
    assert.deepEqual(await addTariff(world, late), late)
  })

  it('a tariff is adopted for months to come only', async () => {
    const adopt = (tariff: string, month: string) => codeOf(adoptTariff(world, { tariff, month }))
    assert.equal(await adopt('dearer', '2030-04'), 'tariff-not-in-force')
    assert.equal(await adopt('dearer', '2030-03'), 'tariff-not-in-force')
    assert.equal(await adopt('late', '2031-04'), 'tariff-not-in-force')
    assert.equal(await adopt('none-such', '2031-04'), 'tariff-unknown')
    assert.equal(await adopt('dearer', '2031-04'), 'passed')
    assert.equal((await statementOf(world, 'price', '2031-04')).tariff, 'dearer')
    assert.equal((await statementOf(world, 'price', '2031-03')).tariff, 'ministry-list')
    const { tariffs, adopted } = await listTariffs(world)
    assert.deepEqual(adopted, [{ month: '2031-04', tariff: 'dearer' }])
    assert.ok(tariffs.some(one => one.id === 'ministry-waived'))
  })

  it('a reduction for public interest is the registered provider’s', async () => {
    await world.provider('town', { sekisho_public_interest: true })
    await world.provider('chain')
    const half: Tariff = {
      ...ministryList,
      id: 'half',
      reductions: [{ class: 'public-interest', from: '2016-01-01', until: null, percent: 50 }],
    }
    await addTariff(world, half)
    const at = instantOf('2030-02-02')
    await write(use('town', at), use('chain', at))
    const yenOf = async (id: string) =>
      (await rateAgain(world, id, { month: '2030-02', tariff: 'half' })).totalYen
    assert.deepEqual([await yenOf('town'), await yenOf('chain')], [10, 20])
  })

  it('all who are billed for a month are found', async () => {
    assert.deepEqual(await providersBilled(world.store, '2030-02'), [
      'chain',
      'edge',
      'firm',
      'town',
    ])
  })

  it('charges written by many at once, each several times, are each there once', async () => {
    const uses = Array.from({ length: 40 }, () => use('crowd', instantOf('2030-02-09')))
    await Promise.all(
      Array.from({ length: 8 }, (_, turn) =>
        world.store.transaction(async tx => {
          for (const one of turn % 2 === 0 ? uses.slice(0, 1) : []) await charge(tx, one)
          await chargeAll(tx, uses.toReversed())
        }),
      ),
    )
    assert.equal((await statementOf(world, 'crowd', '2030-02')).totalYen, 800)
  })
})
