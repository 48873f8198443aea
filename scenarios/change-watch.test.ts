/** C14 over HTTP: a provider opens a stream, a person moves and later dies, and the provider hears what that means, once, signed. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { createRemoteJWKSet, jwtVerify } from 'jose'

describe('the change watch', () => {
  let town: TestTown
  let shop: TestProvider
  let token = ''
  let subject = ''
  before(async () => {
    town = await startTestTown()
    shop = await town.provider({
      id: 'shop',
      fetch: fetch => async (input, init) => {
        const given = new Headers(init?.headers).get('authorization')
        if (given?.startsWith('Bearer ') === true) token = given
        return fetch(input, init)
      },
    })
    const { url, pending } = await shop.sekisho.beginIdentify(['name', 'address'])
    await using person = await town.person('plain-adult')
    subject = (await shop.sekisho.finish((await person.visit(url)).url, pending)).subject
    // A token of the scope that the stream needs.
    assert.equal((await shop.sekisho.confirmChange(subject)).meaning, 'no-change')
  })
  after(() => town.stop())

  const call = (method: string, path: string, body?: unknown) =>
    town.fetch(`${town.urls.platform}${path}`, {
      method,
      headers: {
        authorization: token,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const poll = async (body: object = {}): Promise<Record<string, string>> => {
    const answer = await call('POST', '/v1/ssf/poll', body)
    assert.equal(answer.status, 200)
    return ((await answer.json()) as { sets: Record<string, string> }).sets
  }
  const read = async (set: string | undefined) => {
    const keys = createRemoteJWKSet(new URL(`${town.urls.platform}/oidc/jwks`))
    const expected = { issuer: town.urls.platform, audience: 'shop', typ: 'secevent+jwt' }
    return (await jwtVerify(set ?? '', keys, expected)).payload
  }

  it('without a stream there is nothing to poll; with one a verification event comes', async () => {
    assert.equal((await call('POST', '/v1/ssf/poll', {})).status, 404)
    const made = await call('POST', '/v1/ssf/stream', {
      delivery: { method: 'urn:ietf:rfc:8936' },
    })
    assert.equal(made.status, 201)
    assert.equal((await call('POST', '/v1/ssf/verify', { state: 'hello' })).status, 204)
    const [[jti, set] = []] = Object.entries(await poll())
    const { events } = await read(set)
    assert.deepEqual(Object.values(events as object), [{ state: 'hello' }])
    const own = await shop.sekisho.readEvent(set ?? '')
    assert.deepEqual(own, { kind: 'verification', id: jti, state: 'hello' })
    assert.deepEqual(await poll({ ack: [jti] }), {})
  })

  it('a move means: ask for an update; a death after it: confirm in person', async () => {
    await town.clock.advance(60_000)
    const address = '東京都新宿区西新宿一丁目一番一号'
    await town.happen('plain-adult', { what: 'move', municipality: '13104', address })
    const [[jti, set] = []] = Object.entries(await poll())
    const moved = await read(set)
    assert.deepEqual(moved['sub_id'], { format: 'iss_sub', iss: town.urls.platform, sub: subject })
    assert.deepEqual(Object.values(moved['events'] as object), [{ meaning: 'ask-for-update' }])
    const meaning = 'ask-for-update'
    assert.deepEqual(await shop.sekisho.readEvent(set ?? ''), {
      kind: 'changed',
      id: jti,
      subject,
      meaning,
    })
    // Altered, for somebody else, or of another kind, it is nothing.
    const [head, body, signature] = (set ?? '').split('.')
    const forged = Buffer.from(
      JSON.stringify({ ...moved, sub_id: { format: 'iss_sub', sub: 'x' } }),
    ).toString('base64url')
    const other = await town.provider({ id: 'another' })
    for (const reading of [
      () => shop.sekisho.readEvent(`${head}.${forged}.${signature}`),
      () => shop.sekisho.readEvent(`${head}.${body}.AAAA`),
      () => shop.sekisho.readEvent('nothing'),
      () => other.sekisho.readEvent(set ?? ''),
      () => shop.sekisho.readLogout(set ?? ''),
    ])
      await assert.rejects(reading, { code: 'signature-invalid' })
    assert.deepEqual(await poll({ ack: [jti] }), {})
    await town.settle()
    assert.deepEqual(await poll(), {})
    await town.clock.advance(60_000)
    await town.happen('plain-adult', { what: 'deceased' })
    const [after] = Object.values(await poll())
    const died = await read(after)
    assert.deepEqual(Object.values(died['events'] as object), [{ meaning: 'confirm-in-person' }])
  })

  it('who restarts keeps its place, and what was acknowledged can be had again', async () => {
    await town.stopProgram('platform')
    await town.startProgram('platform')
    await shop.sekisho.confirmChange(subject)
    assert.equal(Object.keys(await poll()).length, 1)
    const again = await call('GET', '/v1/ssf/events?after=0')
    const { sets } = (await again.json()) as { sets: string[] }
    assert.equal(sets.length, 3)
  })
})
