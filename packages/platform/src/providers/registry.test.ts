import assert from 'node:assert/strict'
import { after, before, it } from 'node:test'
import { codeOf, metadataOf, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { activeProvider, addProvider, findProvider, setProviderState } from './registry.ts'

let world: TestWorld
before(async () => {
  world = await startTestWorld()
})
after(() => world.close())

const add = (more: Record<string, unknown>, mode: 'town' | 'production' = 'production') =>
  codeOf(addProvider(world.store, { ...metadataOf('p1'), ...more }, { at: 1, mode }))

it('a registration that could mislead people or loosen the protocol is refused', async () => {
  assert.equal(await add({}), 'passed')
  for (const wrong of [
    { client_id: 'platform' },
    { client_id: 'UPPER' },
    { client_name: '銀行\n提供する情報: なし' },
    { client_name: 'a\u202eb' },
    { sekisho_purpose: 'a\u2028b' },
    { scope: 'openid everything' },
    { scope: 'name' },
    { redirect_uris: [] },
    { redirect_uris: ['javascript:alert(1)'] },
    { redirect_uris: ['http://p1.example/callback'] },
    { redirect_uris: ['https://p1.example/callback#part'] },
    { redirect_uris: ['https://user:secret@p1.example/'] },
    { jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd' }] } },
    { jwks: { keys: [{ kty: 'oct', k: 'k' }] } },
    { jwks: { keys: [] } },
  ])
    assert.equal(await add(wrong), 'request-malformed', JSON.stringify(wrong))
  assert.equal(await add({ redirect_uris: ['http://localhost:1/callback'] }, 'town'), 'passed')
})

it('a suspended provider is not active, and registering it anew does not lift that', async () => {
  await add({})
  await setProviderState(world.store, 'p1', 'suspended')
  assert.equal(await codeOf(activeProvider(world.store, 'p1')), 'provider-suspended')
  const again = await addProvider(world.store, metadataOf('p1'), { at: 2, mode: 'production' })
  assert.equal(again.state, 'suspended')
  assert.equal((await findProvider(world.store, 'p1'))?.state, 'suspended')
  assert.equal(await codeOf(activeProvider(world.store, 'p2')), 'provider-unknown')
  assert.equal(await codeOf(setProviderState(world.store, 'p2', 'active')), 'provider-unknown')
})
