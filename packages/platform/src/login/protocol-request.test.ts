import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { jsonb } from '@sekisho/runtime/store'
import { addProvider } from '../providers/registry.ts'
import { engineKinds, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { type Change, stateId } from './protocol-change.ts'
import { createProtocolRequests, type ProtocolRequests } from './protocol-request.ts'

const later = Date.now() + 3_600_000

const kept = (kind: string, id: string, payload: object = {}): Change => ({
  act: 'keep',
  kind,
  id: stateId(id),
  payload,
  grantId: 'grantId' in payload ? String(payload.grantId) : undefined,
  expiresAt: later,
})
const noted = (id: string, expiresAt = later): Change => ({
  act: 'note',
  kind: 'ReplayDetection',
  id: stateId(id),
  payload: {},
  grantId: undefined,
  expiresAt,
})
const change = (act: 'consume' | 'destroy', kind: string, id: string): Change => ({
  act,
  kind,
  id: stateId(id),
})

for (const engine of engineKinds)
  describe(`a request of the OpenID protocol on ${engine}`, () => {
    let world: TestWorld
    let requests: ProtocolRequests
    /** Another node over the same tables. */
    let other: ProtocolRequests
    before(async () => {
      world = await startTestWorld(engine)
      requests = createProtocolRequests(world.store)
      other = createProtocolRequests(world.store)
    })
    after(() => world.close())

    /** What a request does, written at its end; the conflict. */
    const request = (...changes: readonly Change[]) => requestAt(requests, ...changes)
    const requestAt = (node: ProtocolRequests, ...changes: readonly Change[]) =>
      node.run({ isDeferring: true }, async () => {
        for (const each of changes) await node.change(each)
        return node.settle()
      })
    const isThere = async (kind: string, id: string): Promise<boolean> =>
      (await requests.find(kind, stateId(id))) !== undefined

    it('sees what it has changed, and nobody else does before its end', async () => {
      await requests.run({ isDeferring: true }, async () => {
        await requests.change(kept('AuthorizationCode', 'a1', { scope: 'openid' }))
        assert.deepEqual(await requests.find('AuthorizationCode', stateId('a1')), {
          payload: { scope: 'openid' },
          consumedAt: undefined,
        })
        assert.deepEqual(await world.store.read(countOf('a1')), 0)
        await requests.change(change('consume', 'AuthorizationCode', 'a1'))
        assert.equal(await world.store.read(countOf('a1')), 1, 'two changes of one state in order')
        assert.ok((await requests.find('AuthorizationCode', stateId('a1')))?.consumedAt)
        assert.equal(await requests.settle(), undefined)
      })
      assert.ok((await requests.find('AuthorizationCode', stateId('a1')))?.consumedAt)
    })

    it('whoever finds the code used writes nothing, but the note of its assertion stays', async () => {
      await request(kept('AuthorizationCode', 'b1'))
      const redeem = (n: number) =>
        requestAt(
          n % 2 === 0 ? requests : other,
          noted(`jti b${n}`),
          change('consume', 'AuthorizationCode', 'b1'),
          kept('AccessToken', `token b${n}`),
        )
      const outcomes = await Promise.all(Array.from({ length: 8 }, (_, n) => redeem(n)))
      const lost = outcomes.filter(conflict => conflict !== undefined)
      assert.equal(lost.length, 7)
      for (const conflict of lost) assert.equal(conflict?.act, 'consume')
      const tokens = await Promise.all(
        Array.from({ length: 8 }, (_, n) => isThere('AccessToken', `token b${n}`)),
      )
      assert.equal(tokens.filter(Boolean).length, 1)
      assert.equal(tokens.indexOf(true), outcomes.indexOf(undefined))
      for (let n = 0; n < 8; n++) assert.ok(await isThere('ReplayDetection', `jti b${n}`))
    })

    it('an assertion shown twice uses up no code', async () => {
      await request(kept('AuthorizationCode', 'c1'), kept('AuthorizationCode', 'c2'))
      const redeem = (code: string) =>
        request(noted('jti c'), change('consume', 'AuthorizationCode', code))
      const outcomes = await Promise.all([redeem('c1'), redeem('c2')])
      assert.equal(outcomes.filter(conflict => conflict?.act === 'note').length, 1)
      const used = await Promise.all(
        ['c1', 'c2'].map(
          async code => (await requests.find('AuthorizationCode', stateId(code)))?.consumedAt,
        ),
      )
      assert.equal(used.filter(at => at !== undefined).length, 1)
      assert.equal((await request(noted('jti c')))?.act, 'note')
    })

    it('a note that has run out is made anew by one of many', async () => {
      await request(noted('jti d', 1))
      const outcomes = await Promise.all(Array.from({ length: 5 }, () => request(noted('jti d'))))
      assert.equal(outcomes.filter(conflict => conflict === undefined).length, 1)
    })

    it('one destroys, keeps and consumes in one go; requests beside it are not touched by its conflict', async () => {
      await request(kept('Interaction', 'e1'), kept('PushedAuthorizationRequest', 'e2'))
      const [lost, won] = await Promise.all([
        request(change('consume', 'PushedAuthorizationRequest', 'absent'), kept('Grant', 'e3')),
        request(
          change('destroy', 'Interaction', 'e1'),
          change('consume', 'PushedAuthorizationRequest', 'e2'),
          kept('AuthorizationCode', 'e4'),
        ),
      ])
      assert.deepEqual([lost?.act, won], ['consume', undefined])
      assert.deepEqual(
        [
          await isThere('Grant', 'e3'),
          await isThere('Interaction', 'e1'),
          await isThere('AuthorizationCode', 'e4'),
        ],
        [false, false, true],
      )
    })

    it('reads with a state what belongs to it, for this request alone', async () => {
      await addProvider(world.store, registration, { at: 1, mode: 'town' })
      await world.store.transaction(async tx => {
        await tx.insertInto('person').values({ id: 'p', created_at: 1 }).execute()
        await tx
          .insertInto('pairwise')
          .values({ provider_id: 'shop', person_id: 'p', subject: 'known as', created_at: 1 })
          .execute()
      })
      await request(
        kept('Grant', 'grant f', { accountId: 'p', clientId: 'shop' }),
        kept('AccessToken', 'f1', { clientId: 'shop', accountId: 'p', grantId: 'grant f' }),
      )
      const look = () =>
        requests.run({ isDeferring: false }, async () => {
          await requests.find('AccessToken', stateId('f1'))
          return {
            provider: requests.seenProvider('shop')?.state,
            subject: requests.subject('shop', 'p'),
            isWithoutRelease: requests.isWithoutRelease('grant f'),
            grant: await requests.find('Grant', stateId('grant f')),
          }
        })
      const found = await look()
      assert.equal(found.provider, 'active')
      assert.equal(found.subject, 'known as')
      assert.equal(found.isWithoutRelease, true)
      assert.deepEqual(found.grant?.payload, { accountId: 'p', clientId: 'shop' })
      await world.store.transaction(async tx => {
        await tx.updateTable('provider').set({ state: 'suspended' }).execute()
        await tx
          .insertInto('release')
          .values({
            grant_id: 'grant f',
            person_id: 'p',
            provider_id: 'shop',
            sealed: Uint8Array.of(1),
            expires_at: later,
          })
          .execute()
        await tx.deleteFrom('protocol').where('kind', '=', 'Grant').execute()
      })
      const next = await look()
      assert.deepEqual(
        [next.provider, next.isWithoutRelease, next.grant],
        ['suspended', false, undefined],
      )
      assert.equal(requests.seenProvider('shop'), undefined, 'outside of a request nothing is kept')
      const asked = await Promise.all(['shop', 'nobody', 'shop'].map(id => requests.provider(id)))
      assert.deepEqual(
        asked.map(each => each?.state),
        ['suspended', undefined, 'suspended'],
      )
    })

    it('reads the client that is named beside a state that does not name its own', async () => {
      await request(kept('PushedAuthorizationRequest', 'h1', { request: 'opaque' }))
      const seen = (client?: string) =>
        requests.run({ isDeferring: false }, async () => {
          await requests.find('PushedAuthorizationRequest', stateId('h1'), client)
          return requests.seenProvider('shop')?.id
        })
      assert.deepEqual(
        [await seen('shop'), await seen('nobody'), await seen()],
        ['shop', undefined, undefined],
      )
      // What a state says of itself counts.
      await request(kept('PushedAuthorizationRequest', 'h2', { clientId: 'shop' }))
      await requests.run({ isDeferring: false }, async () => {
        await requests.find('PushedAuthorizationRequest', stateId('h2'), 'nobody')
        assert.equal(requests.seenProvider('shop')?.id, 'shop')
      })
    })

    it('a registration that was changed is read as it is now', async () => {
      await request(kept('PushedAuthorizationRequest', 'g1', { clientId: 'shop' }))
      const nameNow = () =>
        requests.run({ isDeferring: false }, async () => {
          await requests.find('PushedAuthorizationRequest', stateId('g1'))
          return requests.seenProvider('shop')?.name
        })
      assert.equal(await nameNow(), '店')
      await world.store.transaction(tx =>
        tx
          .updateTable('provider')
          .set({ metadata: jsonb<unknown>({ ...registration, client_name: '別の店' }) })
          .execute(),
      )
      assert.equal(await nameNow(), '別の店')
    })

    const countOf =
      (id: string) =>
      async (db: Parameters<Parameters<typeof world.store.read>[0]>[0]): Promise<number> => {
        const rows = await db
          .selectFrom('protocol')
          .select('id')
          .where('id', '=', stateId(id))
          .execute()
        return rows.length
      }
  })

const registration = {
  client_id: 'shop',
  client_name: '店',
  redirect_uris: ['http://shop.localhost/callback'],
  jwks: {
    keys: [
      {
        kty: 'EC',
        crv: 'P-256',
        x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU',
        y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0',
        kid: 'k',
        alg: 'ES256',
        use: 'sig',
      },
    ],
  },
  scope: 'openid',
  sekisho_purpose: '試験のため',
}
