import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { protocolStateOf, sweepProtocolState } from './protocol-state.ts'

for (const kind of engineKinds)
  describe(`protocol state on ${kind}`, () => {
    let world: TestWorld
    let adapterOf: ReturnType<typeof protocolStateOf>
    before(async () => {
      world = await startTestWorld(kind)
      adapterOf = protocolStateOf(world.store, () => Promise.resolve(undefined))
    })
    after(() => world.close())

    it('of many consumers of one code exactly one wins', async () => {
      const codes = adapterOf('AuthorizationCode')
      await codes.upsert('code-1', { grantId: 'g1' }, 60)
      const tried = await Promise.allSettled(
        Array.from({ length: 8 }, () => codes.consume('code-1')),
      )
      assert.equal(tried.filter(one => one.status === 'fulfilled').length, 1)
      for (const one of tried)
        if (one.status === 'rejected') assert.equal(one.reason.error, 'invalid_grant')
      assert.equal(typeof (await codes.find('code-1'))?.consumed, 'number')
    })

    it('keeps kinds apart, finds by uid, forgets a grant whole', async () => {
      const [sessions, tokens] = [adapterOf('Session'), adapterOf('AccessToken')]
      await sessions.upsert('id-1', { uid: 'u1' }, 60)
      await tokens.upsert('id-1', { grantId: 'g2' }, 60)
      await tokens.upsert('id-2', { grantId: 'g2' }, 60)
      assert.equal((await sessions.findByUid('u1'))?.uid, 'u1')
      await tokens.revokeByGrantId('g2')
      assert.equal(await tokens.find('id-1'), undefined)
      assert.equal(await tokens.find('id-2'), undefined)
      assert.equal((await sessions.find('id-1'))?.uid, 'u1')
      await sessions.destroy('id-1')
      assert.equal(await sessions.find('id-1'), undefined)
    })

    it('stores no bearer secret as it is, and nothing without an end', async () => {
      const tokens = adapterOf('AccessToken')
      await tokens.upsert('a-bearer-secret', {}, 60)
      const rows = await world.store.read(db => db.selectFrom('protocol').select('id').execute())
      assert.equal(
        rows.some(row => row.id === 'a-bearer-secret'),
        false,
      )
      await assert.rejects(tokens.upsert('no-end', {}, 0))
    })

    it('what has expired is not found and is swept', async () => {
      const tokens = adapterOf('AccessToken')
      await tokens.upsert('short', {}, 60)
      await world.store.transaction(tx =>
        tx.updateTable('protocol').set({ expires_at: 1 }).execute(),
      )
      assert.equal(await tokens.find('short'), undefined)
      assert.ok((await sweepProtocolState(world.store)) > 0)
      assert.equal(await sweepProtocolState(world.store), 0)
    })
  })
