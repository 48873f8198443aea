import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { charge, dayOf, monthOf } from './meter.ts'
import { statementOf } from './statement.ts'

let world: TestWorld
before(async () => {
  world = await startTestWorld('postgres')
})
after(() => world.close())

it('the same use charged many times at once is on the bill once', async () => {
  const use = {
    providerId: 'bank',
    transaction: 't1',
    method: 'crl',
    at: Date.UTC(2030, 0, 31, 15),
  } as const
  await Promise.all(
    Array.from({ length: 6 }, () =>
      world.store.transaction(tx => charge(tx, { ...use, kind: 'signature-check' })),
    ),
  )
  await world.store.transaction(tx => charge(tx, { ...use, kind: 'authentication-check' }))
  await world.store.transaction(tx =>
    charge(tx, { ...use, providerId: 'shop', kind: 'signature-check' }),
  )
  const line = {
    method: 'crl',
    purpose: 'transaction',
    basis: 'charged',
    count: 1,
    discountPercent: 0,
    reductionPercent: 0,
  }
  assert.deepEqual(await statementOf(world, 'bank', '2030-02'), {
    month: '2030-02',
    provider: 'bank',
    tariff: 'ministry-list',
    state: 'final',
    version: 1,
    lines: [
      { kind: 'authentication-check', ...line, unitYen: 2, feeYen: 2 },
      { kind: 'signature-check', ...line, unitYen: 20, feeYen: 20 },
    ],
    own: [],
    feesYen: 22,
    ownYen: 0,
    totalYen: 22,
  })
})

it('months and days are Japan’s', () => {
  assert.equal(monthOf(Date.UTC(2030, 0, 31, 14, 59, 59)), '2030-01')
  assert.equal(monthOf(Date.UTC(2030, 0, 31, 15, 0, 0)), '2030-02')
  assert.equal(dayOf(Date.UTC(2030, 0, 31, 15, 0, 0)), '2030-02-01')
})

it('a month without uses is an empty bill', async () => {
  const { lines, totalYen, state } = await statementOf(world, 'bank', '2031-01')
  assert.deepEqual({ lines, totalYen, state }, { lines: [], totalYen: 0, state: 'running' })
})
