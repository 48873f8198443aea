/**
 * Lives through years of events at a window that is killed at random, against the same model (`life-model-for-tests.ts`): whatever moment
 * it dies at, no event is lost and none is doubled, every certificate, card and household is as the law has it, and the lists tell
 * of them. The seed is printed; `SEKISHO_SEED` repeats the events and the choice of deaths, not their exact moments; `SEKISHO_LIVES` and
 * `SEKISHO_DEATHS` make it longer.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { seededRandom } from '@sekisho/runtime/random'
import { connectPostgres, startTemporaryPostgres } from '@sekisho/runtime/store'
import { drawFrom } from '../registry/draw.ts'
import { noon, openTestWorld } from '../world-for-tests.ts'
import { simulateLives } from './lives-for-tests.ts'
import { openMortalWindow } from './mortal-window-for-tests.ts'

const seed = process.env['SEKISHO_SEED'] ?? `lives ${randomInt(2 ** 32)}`
const lives = Number(process.env['SEKISHO_LIVES'] ?? 60)
const deathsMax = Number(process.env['SEKISHO_DEATHS'] ?? 24)
const rounds = 16
const years = 7.8

test(`${lives} lives go as the law says although the window is killed again and again`, async t => {
  t.diagnostic(`seed ${seed}`)
  await using server = await startTemporaryPostgres({ durable: false })
  const engine = connectPostgres(server.url)
  const town = await openTestWorld(engine, { at: noon(2024, 1, 4) })
  const draw = drawFrom(seededRandom(`${seed} deaths`))
  const window = openMortalWindow({ url: server.url, town, draw, deathsMax })
  try {
    const begun = performance.now()
    const plan = {
      seed,
      lives,
      rounds,
      daysPerRound: (years * 365.25) / rounds,
      percent: 80,
      atOnce: 6,
    }
    const result = await simulateLives(town, plan, window)
    const seconds = (performance.now() - begun) / 1000
    t.diagnostic(
      `${window.deaths()} deaths; ${result.events} events, ${window.repeated()} of them found done when sent again, ` +
        `${window.lostCards()} cards made again; ${result.refused} refused; ${result.certificates} certificates, ` +
        `${result.entries} entries of ${result.lists} lists read, in ${seconds.toFixed(0)} s`,
    )
    assert.ok(window.deaths() >= Math.min(8, deathsMax), 'it died often enough to tell something')
    assert.ok(result.events > lives * 3 && result.entries > 0)
    const noted = await town.world.store.read(db =>
      db.selectFrom('event').select('notice').where('notice', 'is not', null).execute(),
    )
    assert.equal(noted.length, window.done().length)
    assert.deepEqual(new Set(noted.map(row => row.notice)), new Set(window.done()))
  } finally {
    await window.stop()
    await town.folder.remove()
    await engine.close()
  }
})
