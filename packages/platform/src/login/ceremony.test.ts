import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { codeOf, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { beginCeremony, ceremoniesMax, findCeremony, useCeremony } from './ceremony.ts'

let world: TestWorld
before(async () => {
  world = await startTestWorld()
})
after(() => world.close())

const browser = { secret: 'one' }
const begin = (uid: string, kind: 'login' | 'identify' = 'login') =>
  beginCeremony(world.store, world.random, {
    uid,
    providerId: 'bank',
    browser,
    ...(kind === 'login' ? { kind } : { kind, statement: new TextEncoder().encode(uid) }),
  })

it('a login is found by its challenge, only by the browser and interaction that began it', async () => {
  const { id, challenge } = await begin('u1')
  const key = { kind: 'login', challenge } as const
  const find = (by: { uid: string; browser: { secret: string } | undefined }) =>
    codeOf(findCeremony(world.store, key, by))
  assert.equal(await find({ uid: 'u1', browser }), 'passed')
  assert.equal(await find({ uid: 'u2', browser }), 'session-foreign')
  assert.equal(await find({ uid: 'u1', browser: { secret: 'two' } }), 'session-foreign')
  assert.equal(await find({ uid: 'u1', browser: undefined }), 'session-foreign')
  const made = { kind: 'login', challenge: world.random.token(256) } as const
  assert.equal(
    await codeOf(findCeremony(world.store, made, { uid: 'u1', browser })),
    'challenge-unknown',
  )
  // Not by the request's id, and not as another kind.
  const byId = { kind: 'identify', id } as const
  assert.equal(
    await codeOf(findCeremony(world.store, byId, { uid: 'u1', browser })),
    'challenge-unknown',
  )
})

it('a step is used once and lives five minutes', async () => {
  const { id } = await begin('u3', 'identify')
  const find = () =>
    codeOf(findCeremony(world.store, { kind: 'identify', id }, { uid: 'u3', browser }))
  const use = () => codeOf(world.store.transaction(tx => useCeremony(tx, { id })))
  const other = await begin('u3', 'identify')
  assert.deepEqual((await Promise.all([use(), use(), use()])).toSorted(), [
    'challenge-replayed',
    'challenge-replayed',
    'passed',
  ])
  assert.equal(await find(), 'challenge-replayed')
  await world.store.transaction(tx => tx.updateTable('ceremony').set({ expires_at: 1 }).execute())
  const late = { kind: 'identify', id: other.id } as const
  assert.equal(
    await codeOf(findCeremony(world.store, late, { uid: 'u3', browser })),
    'challenge-expired',
  )
})

it('a browser that begins without end is stopped, in that interaction alone', async () => {
  for (let count = 0; count < ceremoniesMax; count++) await begin('u4')
  assert.equal(await codeOf(begin('u4')), 'challenge-limit')
  assert.equal(await codeOf(begin('u5')), 'passed')
})
