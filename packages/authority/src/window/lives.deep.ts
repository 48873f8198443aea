/**
 * Lives through years of events, against the model (`life-model-for-tests.ts`), on both engines. The seed is printed; `SEKISHO_SEED` repeats
 * one, `SEKISHO_LIVES=10000` runs as many lives on PostgreSQL, with an event every other year, which takes some minutes.
 */
import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { connectPostgres, openEmbedded, startTemporaryPostgres } from '@sekisho/runtime/store'
import { noon, openTestWorld } from '../world-for-tests.ts'
import { raceLives, simulateLives, type SimulationPlan } from './lives-for-tests.ts'

const seed = process.env['SEKISHO_SEED'] ?? `lives ${randomInt(2 ** 32)}`
const many = Number(process.env['SEKISHO_LIVES'] ?? 0)

/** From the beginning of 2024 to the end of 2031: both CA generations of the town are in force or were, none has ended. */
const begin = noon(2024, 1, 4)
const years = 7.8
const rounds = 30
const daysPerRound = (years * 365.25) / rounds

const plans: readonly (readonly ['embedded' | 'postgres', SimulationPlan])[] = [
  ['embedded', { seed, lives: 60, rounds, daysPerRound, percent: 60, atOnce: 1 }],
  [
    'postgres',
    {
      seed,
      lives: many || 120,
      rounds,
      daysPerRound,
      // Few lives are full of events; many have one every other year.
      percent: many === 0 ? 60 : 12,
      atOnce: 6,
    },
  ],
]

for (const [kind, plan] of plans)
  test(`${plan.lives} lives go as the law says, and the lists tell of them, on the ${kind} engine`, async t => {
    t.diagnostic(`seed ${plan.seed}`)
    const server =
      kind === 'postgres' ? await startTemporaryPostgres({ durable: false }) : undefined
    const engine = server === undefined ? await openEmbedded('memory') : connectPostgres(server.url)
    const town = await openTestWorld(engine, { at: begin })
    try {
      const begun = performance.now()
      const result = await simulateLives(town, plan)
      const seconds = (performance.now() - begun) / 1000
      t.diagnostic(
        `${result.events} events, ${result.refused} refused, ${result.certificates} certificates, ${result.lists} lists with ` +
          `${result.entries} entries read, in ${seconds.toFixed(0)} s; ${JSON.stringify(Object.fromEntries(result.byWhat))}`,
      )
      assert.ok(result.events > plan.lives * 2 && result.entries > 0)
      // Everything that can happen did.
      assert.ok(result.byWhat.size >= 20, [...result.byWhat.keys()].join(' '))
    } finally {
      await town.folder.remove()
      await engine.close()
      await server?.stop()
    }
  })

test('families in which everything happens at once keep one head, one line and true lists', async t => {
  t.diagnostic(`seed ${seed}`)
  await using server = await startTemporaryPostgres({ durable: false })
  const engine = connectPostgres(server.url)
  const town = await openTestWorld(engine, { at: begin })
  try {
    const { events, refused } = await raceLives(town, { seed, people: 24, rounds: 30, atOnce: 16 })
    t.diagnostic(`${events} events, ${refused} refused`)
    assert.ok(events > 60)
  } finally {
    await town.folder.remove()
    await engine.close()
  }
})
