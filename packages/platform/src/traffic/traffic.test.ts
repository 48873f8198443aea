/** Traffic: everything that passes the log is counted once, by minute and name, also when the database is away for a while. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { defineMessages, silentLog } from '@sekisho/runtime/log'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { countTraffic, lastHour } from './traffic.ts'

const messages = defineMessages({
  'runtime.request-answered': {
    level: 'debug',
    text: 'a request was answered',
    fields: { method: 'code', route: 'code', status: 'number', durationMs: 'number' },
  },
  'runtime.request-refused': {
    level: 'info',
    text: 'a request was refused',
    fields: { route: 'code', refusal: 'code' },
  },
})

describe('traffic', () => {
  let world: TestWorld
  before(async () => {
    world = await startTestWorld()
  })
  after(() => world.close())

  it('adds the counts of nodes, and loses none when they cannot be kept now', async () => {
    const [one, two] = [countTraffic(silentLog()), countTraffic(silentLog())]
    const answer = (of: typeof one, durationMs: number): void =>
      of.log.write(messages['runtime.request-answered'], {
        method: 'GET',
        route: '/v1/forecast',
        status: 200,
        durationMs,
      })
    answer(one, 10)
    const away: typeof world.store = {
      ...world.store,
      transaction: () => Promise.reject(new Error('away')),
    }
    await assert.rejects(one.flush(away), /away/)
    answer(one, 30)
    answer(two, 20)
    two.log.write(messages['runtime.request-refused'], { route: '/x', refusal: 'not-found' })
    await one.flush(world.store)
    await one.flush(world.store)
    await two.flush(world.store)
    const { sums, minutes } = await lastHour(world.store)
    assert.deepEqual(sums, [
      {
        kind: 'answered',
        name: 'GET /v1/forecast 200',
        count: 3,
        meanMs: 20,
        longestMs: 30,
      },
      { kind: 'refused', name: 'not-found', count: 1, meanMs: 0, longestMs: 0 },
    ])
    assert.equal(
      minutes.reduce((sum, { count }) => sum + count, 0),
      4,
    )
  })
})
