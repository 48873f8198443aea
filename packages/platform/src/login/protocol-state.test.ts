import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { answerDeferred, findWaitingDevice } from './deferred.ts'
import { stateId } from './protocol-change.ts'
import { createProtocolRequests } from './protocol-request.ts'
import { protocolStateOf, sweepProtocolState } from './protocol-state.ts'

for (const kind of engineKinds)
  describe(`protocol state on ${kind}`, () => {
    let world: TestWorld
    let adapterOf: ReturnType<typeof protocolStateOf>
    before(async () => {
      world = await startTestWorld(kind)
      const requests = createProtocolRequests(world.store)
      adapterOf = protocolStateOf(world.store, requests, () => Promise.resolve(undefined))
    })
    after(() => world.close())

    for (const model of [
      'AuthorizationCode',
      'RefreshToken',
      'DeviceCode',
      'BackchannelAuthenticationRequest',
      'PushedAuthorizationRequest',
    ])
      it(`of many consumers of one ${model} exactly one wins`, async () => {
        const codes = adapterOf(model)
        await codes.upsert('code-1', { grantId: 'g1' }, 60)
        const tried = await Promise.allSettled(
          Array.from({ length: 8 }, () => codes.consume('code-1')),
        )
        assert.equal(tried.filter(one => one.status === 'fulfilled').length, 1)
        for (const one of tried)
          if (one.status === 'rejected') assert.equal(one.reason.error, 'invalid_grant')
        assert.equal(typeof (await codes.find('code-1'))?.consumed, 'number')
      })

    it('an assertion or proof is noted once, of many at once too, and anew when the note has run out', async () => {
      const notes = adapterOf('ReplayDetection')
      const note = () => notes.upsert('jti-1', { iss: 'bank' }, 60)
      const tried = await Promise.allSettled(Array.from({ length: 8 }, note))
      assert.equal(tried.filter(one => one.status === 'fulfilled').length, 1)
      await assert.rejects(note(), { error: 'invalid_grant' })
      await world.store.transaction(tx =>
        tx
          .updateTable('protocol')
          .set({ expires_at: 1 })
          .where('kind', '=', 'ReplayDetection')
          .execute(),
      )
      await note()
    })

    it('a login that waits is answered once, and not after it was used or has run out', async () => {
      const codes = adapterOf('DeviceCode')
      const waiting = { params: { client_id: 'tv' }, userCode: 'BCDFGHJK', iat: 5 }
      const answer = {
        accountId: 'p',
        acr: 'a',
        amr: [],
        authTime: 1,
        grantId: 'g',
        scope: 'openid',
      }
      await codes.upsert('device-1', waiting, 60)
      const found = await findWaitingDevice(world.store, 'bcdf-ghjk')
      assert.deepEqual(found, { id: stateId('device-1'), params: waiting.params, begunAt: 5 })
      const key = { kind: 'DeviceCode', id: stateId('device-1') } as const
      const tried = await Promise.all(
        Array.from({ length: 8 }, () => answerDeferred(world.store, key, answer)),
      )
      assert.equal(tried.filter(Boolean).length, 1)
      assert.equal(await findWaitingDevice(world.store, 'BCDFGHJK'), undefined)
      assert.equal((await codes.find('device-1'))?.['accountId'], 'p')
      await codes.upsert('device-2', waiting, 60)
      await codes.consume('device-2')
      const used = { ...key, id: stateId('device-2') }
      assert.equal(await answerDeferred(world.store, used, answer), false)
    })

    it('keeps kinds apart, forgets a grant whole, keeps no session of the library', async () => {
      const [interactions, tokens] = [adapterOf('Interaction'), adapterOf('AccessToken')]
      await interactions.upsert('id-1', { returnTo: 'u1' }, 60)
      await tokens.upsert('id-1', { grantId: 'g2' }, 60)
      await tokens.upsert('id-2', { grantId: 'g2' }, 60)
      await tokens.revokeByGrantId('g2')
      assert.equal(await tokens.find('id-1'), undefined)
      assert.equal(await tokens.find('id-2'), undefined)
      assert.equal((await interactions.find('id-1'))?.['returnTo'], 'u1')
      await interactions.destroy('id-1')
      assert.equal(await interactions.find('id-1'), undefined)
      const sessions = adapterOf('Session')
      await sessions.upsert('id-2', { uid: 'u1', accountId: 'p' }, 60)
      assert.equal(await sessions.find('id-2'), undefined)
      assert.equal(await sessions.findByUid('u1'), undefined)
    })

    it('stores no bearer secret as it is, and nothing without an end', async () => {
      const tokens = adapterOf('AccessToken')
      await tokens.upsert('a-bearer-secret', { jti: 'a-bearer-secret' }, 60)
      const rows = await world.store.read(db => db.selectFrom('protocol').selectAll().execute())
      assert.equal(JSON.stringify(rows).includes('a-bearer-secret'), false)
      assert.equal((await tokens.find('a-bearer-secret'))?.jti, 'a-bearer-secret')
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
