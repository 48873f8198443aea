import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { charge, monthOf, statementOf, tariffYen } from './meter.ts'

let world: TestWorld
before(async () => {
  world = await startTestWorld('postgres')
})
after(() => world.close())

it('the tariff is the ministry’s: 20 yen for a signature certificate, 2 for the others', () => {
  assert.deepEqual(tariffYen, {
    'signature-check': 20,
    'authentication-check': 2,
    'corresponding-serial': 2,
  })
})

it('the same use charged many times at once is on the bill once', async () => {
  const use = { providerId: 'bank', transaction: 't1', at: Date.UTC(2030, 0, 31, 15) } as const
  await Promise.all(
    Array.from({ length: 6 }, () =>
      world.store.transaction(tx => charge(tx, { ...use, kind: 'signature-check' })),
    ),
  )
  await world.store.transaction(tx => charge(tx, { ...use, kind: 'authentication-check' }))
  await world.store.transaction(tx =>
    charge(tx, { ...use, providerId: 'shop', kind: 'signature-check' }),
  )
  assert.deepEqual(await statementOf(world.store, 'bank', '2030-02'), {
    month: '2030-02',
    lines: [
      { kind: 'authentication-check', count: 1, feeYen: 2 },
      { kind: 'signature-check', count: 1, feeYen: 20 },
    ],
    totalYen: 22,
  })
})

it('months are Japan’s', () => {
  assert.equal(monthOf(Date.UTC(2030, 0, 31, 14, 59, 59)), '2030-01')
  assert.equal(monthOf(Date.UTC(2030, 0, 31, 15, 0, 0)), '2030-02')
})

it('a month without uses is an empty bill', async () => {
  assert.deepEqual(await statementOf(world.store, 'bank', '2031-01'), {
    month: '2031-01',
    lines: [],
    totalYen: 0,
  })
})
