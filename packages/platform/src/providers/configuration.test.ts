/** Registrations as files: taken out and put in they are the same; a wrong one among many changes nothing. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { codeOf, metadataOf, startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { applyProviders, exportProviders } from './configuration.ts'
import { setProviderState, findProvider } from './registry.ts'

describe('registrations as files', () => {
  let world: TestWorld
  before(async () => {
    world = await startTestWorld()
    await world.provider('alpha')
    await world.provider('beta')
  })
  after(() => world.close())
  const apply = (providers: readonly unknown[], isDryRun = false) =>
    applyProviders(world.store, { providers, isDryRun }, { at: world.clock.now(), mode: 'town' })

  it('what was taken out changes nothing when it is put in', async () => {
    const { providers } = await exportProviders(world.store)
    assert.deepEqual(await apply(providers), {
      added: [],
      changed: {},
      unchanged: ['alpha', 'beta'],
      others: [],
    })
  })

  it('tells what it would change without doing so, then does it, and removes nothing', async () => {
    const wanted = [{ ...metadataOf('alpha'), client_name: '新しい名' }, metadataOf('gamma')]
    const expected = {
      added: ['gamma'],
      changed: { alpha: ['client_name'] },
      unchanged: [],
      others: ['beta'],
    }
    assert.deepEqual(await apply(wanted, true), expected)
    assert.equal((await findProvider(world.store, 'alpha'))?.name, '試験 alpha')
    await setProviderState(world.store, 'alpha', 'suspended')
    assert.deepEqual(await apply(wanted), expected)
    const alpha = await findProvider(world.store, 'alpha')
    assert.deepEqual([alpha?.name, alpha?.state], ['新しい名', 'suspended'])
    assert.ok(await findProvider(world.store, 'beta'))
  })

  it('one that cannot be registered keeps all of them out', async () => {
    const bad = { ...metadataOf('epsilon'), redirect_uris: ['https://epsilon.example/#x'] }
    assert.equal(await codeOf(apply([metadataOf('delta'), bad])), 'request-malformed')
    assert.equal(
      await codeOf(apply([metadataOf('delta'), metadataOf('delta')])),
      'request-malformed',
    )
    assert.equal(await findProvider(world.store, 'delta'), undefined)
  })
})
