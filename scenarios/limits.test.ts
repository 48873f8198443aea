/** A provider that asks beyond its rate is told so, with when to come back; every other provider is served meanwhile. */
import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'

let town: TestTown
let greedy: TestProvider
let modest: TestProvider
const seen: (string | null)[] = []
before(async () => {
  town = await startTestTown()
  greedy = await town.provider({
    id: 'greedy',
    metadata: () => ({ sekisho_rate_per_second: 5 }),
    fetch: inner => async (input, init) => {
      const answer = await inner(input, init)
      if (answer.status === 429) seen.push(answer.headers.get('retry-after'))
      return answer
    },
  })
  modest = await town.provider({ id: 'modest' })
})
after(() => town.stop())

it('a flood of one provider is refused beyond its rate and hurts nobody else', async () => {
  const month = new Date(town.clock.now() + 9 * 3600 * 1000).toISOString().slice(0, 7)
  const ask = (of: TestProvider) =>
    of.sekisho.statement(month).then(
      () => 'served',
      (error: unknown) =>
        error instanceof Error && 'code' in error ? String(error.code) : 'fault',
    )
  await ask(greedy)
  const [flood, calm] = await Promise.all([
    Promise.all(Array.from({ length: 60 }, () => ask(greedy))),
    Promise.all(Array.from({ length: 10 }, () => ask(modest))),
  ])
  assert.deepEqual([...new Set(calm)], ['served'])
  const refused = flood.filter(one => one === 'rate-exceeded').length
  assert.deepEqual([...new Set(flood)].sort(), ['rate-exceeded', 'served'])
  assert.ok(refused >= 30, String(refused))
  assert.deepEqual([...new Set(seen)], ['1'])
  await new Promise(resolve => setTimeout(resolve, 1100))
  assert.equal(await ask(greedy), 'served')
})
