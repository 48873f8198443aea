import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { protocolNow } from '@sekisho/runtime/clock'
import { countRows, engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { sendNotices } from './logout-notice.ts'
import { endSessions, isSessionStanding, sessionMs } from './provider-session.ts'

for (const kind of engineKinds)
  describe(`sessions at providers on ${kind}`, () => {
    let world: TestWorld
    before(async () => {
      world = await startTestWorld(kind)
    })
    after(() => world.close())

    /** A session row, without a certificate behind it. */
    const add = (grant: string, person: string, provider: string) =>
      world.store.transaction(tx =>
        tx
          .insertInto('provider_session')
          .values({
            grant_id: grant,
            person_id: person,
            provider_id: provider,
            certificate_id: 'none',
            is_standing: true,
            begun_at: protocolNow(),
            until: protocolNow() + sessionMs,
            ended_at: null,
          })
          .execute(),
      )
    const end = (personId: string, providerId?: string, besides?: string) =>
      world.store.transaction(tx =>
        endSessions(tx, { personId, ...(providerId === undefined ? {} : { providerId }) }, besides),
      )

    it('a session whose certificate nobody knows does not stand', async () => {
      await add('g0', 'p0', 'bank')
      assert.equal(await isSessionStanding(world, 'g0'), false)
      assert.equal(await isSessionStanding(world, 'no-grant'), false)
    })

    it('sessions end once, of many enders too; each provider is told once, but not the one that ended it', async () => {
      await add('g1', 'p1', 'bank')
      await add('g2', 'p1', 'bank')
      await add('g3', 'p1', 'shop')
      await add('g4', 'p2', 'bank')
      const ended = await Promise.all(Array.from({ length: 6 }, () => end('p1')))
      assert.deepEqual(
        ended.toSorted((a, b) => a - b),
        [0, 0, 0, 0, 0, 3],
      )
      assert.equal(await countRows(world, 'logout_notice'), 2)
      assert.equal(await end('p2', 'shop'), 0)
      assert.equal(await end('p2', 'bank', 'bank'), 1)
      assert.equal(await countRows(world, 'logout_notice'), 2)
    })

    it('of several nodes one sends a notice; one not taken is sent again later, for a day', async () => {
      const now = protocolNow()
      const sent: string[] = []
      const round = (at: number, isTaken: boolean) =>
        sendNotices(
          {
            ...world,
            send: (provider, person) => {
              sent.push(`${provider} ${person}`)
              return Promise.resolve(isTaken)
            },
          },
          at,
        )
      const taken = await Promise.all([round(now, false), round(now, false), round(now, false)])
      assert.deepEqual(taken, [0, 0, 0])
      assert.deepEqual(sent.toSorted(), ['bank p1', 'shop p1'])
      assert.equal(await round(now + 1000, true), 0)
      assert.equal(await round(now + 6000, false), 0)
      assert.equal(sent.length, 4)
      assert.equal(await round(now + 12_000, true), 0)
      await world.store.transaction(tx =>
        tx
          .updateTable('logout_notice')
          .set({ made_at: now - 25 * 3600 * 1000 })
          .where('provider_id', '=', 'shop')
          .execute(),
      )
      assert.equal(await round(now + 60_000, false), 0)
      assert.equal(await countRows(world, 'logout_notice'), 1)
      assert.equal(await round(now + 120_000, true), 1)
      assert.equal(await countRows(world, 'logout_notice'), 0)
    })
  })
