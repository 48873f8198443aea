import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { codeOf, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { feeCommands } from './admin.ts'
import { forecastFor } from './forecast.ts'
import { chargeAll, type Use } from './meter.ts'
import { instantOf, ministryList } from './tariff.ts'
import { addTariff, adoptTariff } from './tariff-book.ts'

const dayMs = 24 * 3600 * 1000

describe('a forecast', () => {
  let world: TestWorld
  let next = 0
  before(async () => {
    world = await startTestWorld('postgres')
    // The world stands on 1 April 2030; lists cost nothing from May.
    const tariff = {
      ...ministryList,
      id: 'free-lists',
      waivers: [{ method: 'crl', from: '2030-05-01', until: null }],
    }
    await addTariff(world, tariff)
    await adoptTariff(world, { tariff: 'free-lists', month: '2030-05' })
    world.clock.turnTo(instantOf('2030-05-16'))
  })
  after(() => world.close())

  const write = (providerId: string, at: number, given: Partial<Use> = {}) =>
    world.store.transaction(tx =>
      chargeAll(tx, [
        {
          providerId,
          transaction: `t${next++}`,
          kind: 'signature-check',
          method: 'ocsp',
          at,
          ...given,
        },
      ]),
    )

  it('goes on as in the last four weeks: what was used, and the rest of the month by the daily mean', async () => {
    await world.provider('steady', { sekisho_revocation: 'ocsp' })
    for (let day = 28; day >= 1; day--) await write('steady', world.clock.now() - day * dayMs)
    const found = await forecastFor(world, 'steady')
    assert.deepEqual(
      [found.usedYen, found.lowYen, found.expectedYen, found.highYen],
      [15 * 20, 31 * 20, 31 * 20, 31 * 20],
    )
  })

  it('tells a range where weeks differ', async () => {
    await world.provider('uneven', { sekisho_revocation: 'ocsp' })
    for (let day = 1; day <= 7; day++) await write('uneven', world.clock.now() - day * dayMs)
    const { usedYen, lowYen, expectedYen, highYen } = await forecastFor(world, 'uneven')
    assert.deepEqual(
      [usedYen, lowYen, expectedYen, highYen],
      [140, 140, 140 + 4 * 20, 140 + 16 * 20],
    )
  })

  const adviceFor = async (id: string) =>
    (await forecastFor(world, id)).options.map(one => [one.method, one.isAllowed, one.advice])

  it('advises the cheaper source of validity only to whom it is open', async () => {
    for (const [id, isRule] of [
      ['free', false],
      ['bound', true],
    ] as const) {
      await world.provider(id, { sekisho_revocation: 'ocsp', sekisho_revocation_required: isRule })
      await write(id, world.clock.now() - dayMs)
    }
    assert.deepEqual(await adviceFor('free'), [
      ['ocsp', true, 'possible'],
      ['crl', true, 'change'],
    ])
    assert.deepEqual(await adviceFor('bound'), [
      ['ocsp', true, 'keep'],
      ['crl', false, 'not-allowed'],
    ])
    const { options } = await forecastFor(world, 'bound')
    assert.equal(options[1]?.yen, 0)
    for (const one of options) assert.ok(one.ja !== '' && one.en !== '')
  })

  it('never advises what costs the same or more', async () => {
    await world.provider('listed', { sekisho_revocation_required: false })
    await write('listed', world.clock.now() - dayMs, { method: 'crl' })
    assert.deepEqual(await adviceFor('listed'), [
      ['crl', true, 'keep'],
      ['ocsp', true, 'possible'],
    ])
  })

  it('advises to declare current-status checks only where that was granted', async () => {
    world.clock.turnTo(instantOf('2030-05-16'))
    const other = { ...ministryList, id: 'list-again' }
    await addTariff(world, other)
    await adoptTariff(world, { tariff: 'list-again', month: '2030-06' })
    world.clock.turnTo(instantOf('2030-06-16'))
    for (const [id, isGranted] of [
      ['granted', true],
      ['ungranted', false],
    ] as const) {
      await world.provider(id, { sekisho_current_status: isGranted })
      for (let day = 1; day <= 10; day++)
        await write(id, world.clock.now() - day * dayMs, {
          transaction: `change person 2030-6-${day}`,
          method: 'crl',
        })
    }
    assert.deepEqual((await adviceFor('granted'))[2], ['current-status', true, 'change'])
    assert.deepEqual((await adviceFor('granted'))[0], ['crl', true, 'possible'])
    assert.deepEqual((await adviceFor('ungranted'))[2], ['current-status', false, 'not-allowed'])
    assert.deepEqual((await adviceFor('ungranted'))[0], ['crl', true, 'keep'])
  })

  it('is nobody’s who is not registered', async () => {
    assert.equal(await codeOf(forecastFor(world, 'nobody')), 'provider-unknown')
  })

  it('an operator’s commands: statements of all as files, rated and corrected, and read strictly', async () => {
    const commands = feeCommands(world)
    const month = '2030-05'
    const { providers } = await commands['fees-providers']({ month })
    assert.deepEqual(providers, ['bound', 'free', 'listed', 'steady', 'uneven'])
    const given = { provider: 'free', month }
    const pdf = await commands['fees-statement']({ ...given, format: 'pdf' })
    assert.ok(
      'file' in pdf && Buffer.from(pdf.file, 'base64').subarray(0, 5).toString() === '%PDF-',
    )
    const rated = await commands['fees-rate']({ month, tariff: 'list-again' })
    assert.deepEqual(
      rated.find(one => one.provider === 'listed'),
      { provider: 'listed', statementYen: 0, otherYen: 20 },
    )
    const how = { month, tariff: 'list-again', reason: '試験' }
    const corrected = await commands['fees-correct'](how)
    assert.deepEqual(
      corrected.find(one => one.provider === 'listed'),
      { provider: 'listed', version: 2, totalYen: 20, isChanged: true },
    )
    for (const one of await commands['fees-correct'](how)) assert.equal(one.isChanged, false)
    const versions = await commands['fees-statement']({ ...given, format: 'versions' })
    assert.equal(Array.isArray(versions) && versions.length, 2)
    for (const body of [null, {}, { month: '2030-13' }, { month, more: 1 }])
      assert.equal(
        await codeOf((async () => commands['fees-providers'](body))()),
        'request-malformed',
      )
  })
})
