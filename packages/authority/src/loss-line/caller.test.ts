import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { type Engine, openEmbedded } from '@sekisho/runtime/store'
import { noon, openTestWorld, type TestWorld } from '../world-for-tests.ts'
import { identifyCaller, plainAddress } from './caller.ts'

describe('a caller of the loss line', () => {
  let engine: Engine
  let town: TestWorld
  let id = ''
  const address = '東京都千代田区神田神保町一丁目十二番二十三号'
  before(async () => {
    engine = await openEmbedded('memory')
    town = await openTestWorld(engine, { at: noon(2026, 11, 20) })
    id = await town.register({ name: '照合　花子', address })
  })
  after(async () => {
    await town.folder.remove()
    await engine.close()
  })
  const says = { name: '照合花子', birthDate: '19850401', address }
  const refused = (given: Partial<typeof says>) =>
    assert.rejects(
      identifyCaller(town.world, { ...says, ...given }),
      error =>
        error instanceof Refusal &&
        error.code === 'caller-not-identified' &&
        Object.keys(error.fields).length === 0,
    )

  it('is who says name, birthday and address as the register has them, in any way of writing', async () => {
    for (const given of [
      {},
      { name: '照合　花子' },
      { name: '照合 花子' },
      { address: '東京都千代田区神田神保町１－１２－２３' },
      { address: '東京都千代田区 神田神保町1丁目12番23号' },
      { address: '東京都千代田区神田神保町1-12-23' },
    ])
      assert.equal((await identifyCaller(town.world, { ...says, ...given })).residentId, id)
  })

  it('is nobody when one thing differs, and is not told which', async () => {
    await refused({ name: '照合　華子' })
    await refused({ birthDate: '19850402' })
    await refused({ address: '東京都千代田区神田神保町1-12-32' })
    await refused({ address: '東京都千代田区神田神保町1-12' })
    await refused({ address: '%' })
  })

  it('is nobody when two fit, and nobody who died', async () => {
    const twin = await town.register({ name: '照合　花子', address })
    await refused({})
    await town.happen(twin, { what: 'deceased' })
    assert.equal((await identifyCaller(town.world, says)).residentId, id)
  })

  it('numbers of blocks are read in kanji up to the tens', () => {
    for (const [written, plain] of [
      ['本町十丁目', '本町10'],
      ['本町二十番地', '本町20'],
      ['本町二十一番地三', '本町21-三'],
      ['本町三番地の5', '本町3-5'],
    ] as const)
      assert.equal(plainAddress(written), plain)
  })
})
