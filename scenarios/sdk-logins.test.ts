/** C5 by the SDK: staying logged in, tokens bound to a key, a television's code, a call that the person answers at their own page. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { createSekisho, type Sekisho, SekishoError } from '@sekisho/sdk'

const everyGrant = [
  'authorization_code',
  'client_credentials',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:openid:params:grant-type:ciba',
]

describe('ways to log people in, by the SDK', () => {
  let town: TestTown
  let shop: TestProvider
  let bound: TestProvider
  before(async () => {
    town = await startTestTown()
    const given = (id: string, isBound: boolean) => ({
      id,
      scope: 'openid name verify change offline_access',
      metadata: () => ({
        grant_types: everyGrant,
        backchannel_token_delivery_mode: 'poll',
        dpop_bound_access_tokens: isBound,
      }),
    })
    shop = await town.provider(given('shop', false))
    bound = await town.provider(given('bound', true))
  })
  after(() => town.stop())

  const clientOf = (provider: TestProvider, more: object = {}): Sekisho =>
    createSekisho({
      issuer: town.urls.platform,
      clientId: provider.id,
      privateKey: provider.key,
      redirectUri: provider.redirectUri,
      fetch: town.fetch,
      dangerAllowHttp: true,
      ...more,
    })
  const codeOf = async (run: Promise<unknown>): Promise<string> => {
    try {
      await run
      return 'none'
    } catch (error) {
      return error instanceof SekishoError ? error.code : 'fault'
    }
  }
  const enter = async (sekisho: Sekisho, isStanding: boolean) => {
    const { url, pending } = await sekisho.beginLogin({ isStanding })
    await using person = await town.person('plain-adult')
    return sekisho.finish((await person.visit(url)).url, pending)
  }

  it('a person stays logged in with tokens that serve once, until the service ends it', async () => {
    const { sekisho } = shop
    assert.equal((await enter(sekisho, false)).refreshToken, undefined)
    const first = await enter(sekisho, true)
    const second = await sekisho.refresh(first.refreshToken ?? '', first.acr)
    assert.equal(second.subject, first.subject)
    assert.notEqual(second.refreshToken, first.refreshToken)
    assert.equal(await codeOf(sekisho.refresh(second.refreshToken ?? '', 'stronger')), 'unexpected')
    const third = await enter(sekisho, true)
    await sekisho.endSession(third.refreshToken ?? '')
    assert.equal(await codeOf(sekisho.refresh(third.refreshToken ?? '', third.acr)), 'grant-ended')
  })

  it('tokens are bound to a key of the process, in logins and calls alike', async () => {
    const own = clientOf(bound, { isTokenBound: true })
    const arrived = await enter(own, true)
    assert.equal(
      (await own.refresh(arrived.refreshToken ?? '', arrived.acr)).subject,
      arrived.subject,
    )
    const question = { document: new Uint8Array(1), signature: new Uint8Array(1) }
    const asked = { ...question, certificate: new Uint8Array(1) }
    for (let times = 0; times < 3; times++)
      assert.equal((await own.verify(asked)).verdict, 'failed')
    assert.equal(await codeOf(clientOf(bound).verify(asked)), 'grant-ended')
    // Refresh tokens are bound to the provider's own authentication (RFC 9449 §5): another process goes on with them.
    const another = clientOf(bound, { isTokenBound: true })
    const again = await enter(own, true)
    const taken = await another.refresh(again.refreshToken ?? '', again.acr)
    assert.equal(taken.subject, again.subject)
  })

  it('a television shows a code; the person types it; the television waits', async () => {
    const { sekisho } = shop
    const { userCode, address, waiting } = await sekisho.beginDevice({
      scopes: ['name'],
      deviceName: '居間のテレビ',
    })
    const arriving = sekisho.awaitPerson(waiting)
    await using person = await town.person('plain-adult')
    await person.visit(address)
    await person.submit({ form: 'code', fields: { user_code: userCode } })
    const arrived = await arriving
    assert.equal(arrived.claims.name, '佐藤　花子')
  })

  it('a person answers a call at their own page', async () => {
    const { sekisho } = shop
    const { subject } = await enter(sekisho, false)
    const waiting = await sekisho.askPerson({ subject, message: 'K7M2' })
    const arriving = sekisho.awaitPerson(waiting)
    await using person = await town.person('plain-adult')
    await person.visit(`${town.urls.platform}/me`)
    const list = await person.visit(`${town.urls.platform}/me/requests`)
    const path = /href="(\/me\/requests\/[\w-]+)"/.exec(list.body)?.[1] ?? ''
    await person.visit(`${town.urls.platform}${path}`)
    await person.submit({ form: 'match', fields: { message: 'k7m2' } })
    assert.equal((await arriving).subject, subject)
    const stranger = { subject: 'nobody', message: 'K7M2' }
    assert.equal(await codeOf(sekisho.askPerson(stranger)), 'person-unknown')
  })
})
