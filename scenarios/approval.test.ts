/**
 * C5: logins that begin on one thing and are finished on another. A television by device code, a service by the back channel; and what
 * somebody gains who begins one and has the victim finish it.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import * as oidc from 'openid-client'
import { codeOn } from './hand-reader.ts'
import { errorOf, relyingParty, type RelyingParty } from './relying-party.ts'

const pings: { url: string; authorization: string; body: string }[] = []

describe('approvals', () => {
  let town: TestTown
  let tv: TestProvider
  let bank: TestProvider
  let tvParty: RelyingParty
  let bankParty: RelyingParty
  before(async () => {
    town = await startTestTown({
      wire: (_program, fetch) => async (input, init) => {
        const url = input instanceof Request ? input.url : input.toString()
        if (!url.startsWith('https://bank.example/')) return fetch(input, init)
        const authorization = new Headers(init?.headers).get('authorization') ?? ''
        pings.push({ url, authorization, body: typeof init?.body === 'string' ? init.body : '' })
        return new Response(null, { status: 204 })
      },
    })
    tv = await town.provider({
      id: 'tv',
      scope: 'openid name offline_access',
      metadata: () => ({
        grant_types: [
          'authorization_code',
          'client_credentials',
          'refresh_token',
          'urn:ietf:params:oauth:grant-type:device_code',
        ],
      }),
    })
    bank = await town.provider({
      id: 'caller',
      scope: 'openid name',
      metadata: () => ({
        grant_types: [
          'authorization_code',
          'client_credentials',
          'urn:openid:params:grant-type:ciba',
        ],
        backchannel_token_delivery_mode: 'ping',
        backchannel_client_notification_endpoint: 'https://bank.example/ping',
      }),
    })
    tvParty = await relyingParty(town, tv)
    bankParty = await relyingParty(town, bank)
  })
  after(() => town.stop())

  const begin = (more: Record<string, string> = {}) =>
    oidc.initiateDeviceAuthorization(tvParty.config, { scope: 'openid', ...more })
  type Begun = Awaited<ReturnType<typeof begin>>
  const redeem = (begun: Begun, party = tvParty) =>
    oidc.genericGrantRequest(party.config, 'urn:ietf:params:oauth:grant-type:device_code', {
      device_code: begun.device_code,
    })
  const typeCode = async (person: Awaited<ReturnType<TestTown['person']>>, code: string) => {
    await person.visit(`${town.urls.platform}/device`)
    return person.submit({ form: 'code', fields: { user_code: code } })
  }

  describe('a television', () => {
    it('shows a code; a person types it, sees who asks, uses the card; the television is logged in', async () => {
      const begun = await begin({ scope: 'openid name', device_name: '居間のテレビ' })
      assert.equal(begun.verification_uri, `${town.urls.platform}/device`)
      assert.equal(await errorOf(redeem(begun)), 'authorization_pending authorization-pending')
      await using person = await town.person('plain-adult')
      // The link in a picture opens an empty page: the code is typed from the screen.
      const opened = await person.visit(begun.verification_uri_complete ?? '')
      assert.equal(opened.body.includes(begun.user_code), false)
      const done = await typeCode(person, begun.user_code.toLowerCase().replace('-', ' '))
      assert.equal(codeOn(done), 'none')
      assert.equal(done.ceremonies.length, 1)
      assert.match(done.body, /完了しました/)
      const tokens = await redeem(begun)
      const claims = tokens.claims()
      assert.equal(claims?.['acr'], 'urn:sekisho:acr:card-signed')
      const info = await oidc.fetchUserInfo(tvParty.config, tokens.access_token, claims?.sub ?? '')
      assert.ok(info['name'])
      assert.equal(await errorOf(redeem(begun)), 'invalid_grant grant-ended')
    })

    it('of eight that redeem one code one wins', async () => {
      const begun = await begin()
      await using person = await town.person('plain-adult')
      await typeCode(person, begun.user_code)
      const tried = await Promise.all(Array.from({ length: 8 }, () => errorOf(redeem(begun))))
      assert.equal(tried.filter(error => error === 'none').length, 1)
      assert.equal(tried.filter(error => error === 'invalid_grant grant-ended').length, 7)
    })

    it('a code is one browser’s, one provider’s, and answered once', async () => {
      const begun = await begin()
      await using first = await town.person('plain-adult', { pin: '0000' })
      const wrong = await typeCode(first, begun.user_code)
      assert.notEqual(wrong.ceremonies.length, 0)
      await first.card.release()
      await using second = await town.person('renewed-card')
      assert.equal(codeOn(await typeCode(second, begun.user_code)), 'user-code-unknown')
      assert.equal(await errorOf(redeem(begun)), 'authorization_pending authorization-pending')
      assert.match(
        await errorOf(redeem(begun, bankParty)),
        /^(unauthorized_client|invalid_request) /,
      )
    })

    it('codes cannot be guessed without end, and a refusal reaches the television', async () => {
      await using person = await town.person('renewed-card')
      for (let miss = 0; miss < 5; miss++)
        assert.equal(codeOn(await typeCode(person, 'BBBB-BBBB')), 'user-code-unknown')
      assert.equal(codeOn(await typeCode(person, 'BBBB-BBBB')), 'user-code-limit')
      // A right one neither, in that browser.
      const begun = await begin()
      assert.equal(codeOn(await typeCode(person, begun.user_code)), 'user-code-limit')
    })

    it('that asks too often is told to slow down, and more so each time; an answer is given at once', async () => {
      const pending = 'authorization_pending authorization-pending'
      const slow = 'slow_down authorization-pending'
      const begun = await begin()
      const tables = await town.tables('platform')
      /** As if the last request lay further back. */
      const wait = async (seconds: number): Promise<void> => {
        const [newest] = await tables.read(db =>
          db.selectFrom('poll').selectAll().orderBy('asked_at', 'desc').limit(1).execute(),
        )
        await tables.transaction(tx =>
          tx
            .updateTable('poll')
            .set({ asked_at: Number(newest?.['asked_at']) - seconds * 1000 })
            .where('id', '=', newest?.['id'])
            .execute(),
        )
      }
      assert.equal(await errorOf(redeem(begun)), pending)
      await wait(6)
      assert.equal(await errorOf(redeem(begun)), pending)
      assert.equal(await errorOf(redeem(begun)), slow)
      // Ten seconds by now.
      await wait(6)
      assert.equal(await errorOf(redeem(begun)), slow)
      await wait(16)
      assert.equal(await errorOf(redeem(begun)), pending)
      const other = await begin()
      const tried = await Promise.all(Array.from({ length: 8 }, () => errorOf(redeem(other))))
      assert.equal(tried.filter(error => error === pending).length, 1)
      assert.equal(tried.filter(error => error === slow).length, 7)
      await using person = await town.person('long-address')
      await typeCode(person, other.user_code)
      assert.ok((await redeem(other)).access_token)
    })

    it('who stops at the card step has logged nobody in', async () => {
      const begun = await begin()
      const browser = new Map<string, string>()
      const visit = async (path: string, init: RequestInit = {}) => {
        const cookie = [...browser].map(([name, value]) => `${name}=${value}`).join('; ')
        const answer = await town.fetch(new URL(path, town.urls.platform), {
          ...init,
          headers: {
            cookie,
            accept: 'text/html',
            origin: town.urls.platform,
            'content-type': 'application/x-www-form-urlencoded',
          },
        })
        for (const set of answer.headers.getSetCookie()) {
          const [name = '', value = ''] = (set.split(';')[0] ?? '').split('=')
          browser.set(name, value)
        }
        return answer
      }
      const typed = await visit('/device', { method: 'POST', body: `user_code=${begun.user_code}` })
      const path = typed.headers.get('location') ?? ''
      const page = await (await visit(path)).text()
      assert.match(page, /試験 tv/)
      assert.match(page, /ほかの機器/)
      assert.match(page, /目の前にありますか/)
      // Another browser does not get there by the address.
      const stranger = await town.fetch(new URL(path, town.urls.platform))
      assert.equal(stranger.status, 404)
      const foreign = await town.fetch(new URL(`${path}/refuse`, town.urls.platform), {
        method: 'POST',
        headers: { origin: 'https://evil.example' },
      })
      assert.equal(foreign.status, 403)
      assert.equal(await errorOf(redeem(begun)), 'authorization_pending authorization-pending')
      const refused = await visit(`${path}/refuse`, { method: 'POST' })
      assert.match(await refused.text(), /断りました/)
      assert.equal(await errorOf(redeem(begun)), 'access_denied consent-refused')
    })
  })

  describe('the back channel', () => {
    let subject = ''
    before(async () => {
      const begun = await bankParty.begin({ scope: 'openid' })
      await using person = await town.person('foreign-resident')
      const tokens = await bankParty.finish((await person.visit(begun.url)).url, begun)
      subject = tokens.claims()?.sub ?? ''
    })
    const ask = (more: Record<string, string> = {}) =>
      oidc.initiateBackchannelAuthentication(bankParty.config, {
        scope: 'openid',
        login_hint: subject,
        binding_message: 'W4SC-T7',
        client_notification_token: 'a-notification-token-of-the-bank',
        ...more,
      })
    const collect = (requestId: string, party = bankParty) =>
      oidc.genericGrantRequest(party.config, 'urn:openid:params:grant-type:ciba', {
        auth_req_id: requestId,
      })
    const addresses = (body: string): string[] =>
      [...body.matchAll(/href="(\/me\/requests\/[\w-]+)"/g)].map(([, path]) => path ?? '')

    it('a person finds the request, types the message of the service, uses the card; the provider is pinged and collects', async () => {
      const { auth_req_id: requestId } = await ask()
      assert.equal(await errorOf(collect(requestId)), 'authorization_pending authorization-pending')
      await using person = await town.person('foreign-resident')
      await person.visit(`${town.urls.platform}/me`)
      const list = await person.visit(`${town.urls.platform}/me/requests`)
      assert.match(list.body, /試験 caller/)
      assert.equal(/W4SC/i.test(list.body), false)
      const [path] = addresses(list.body)
      const page = await person.visit(`${town.urls.platform}${path}`)
      assert.equal(/W4SC/i.test(page.body), false)
      assert.equal(page.ceremonies.length, 0)
      const done = await person.submit({ form: 'match', fields: { message: 'w4sct7' } })
      assert.equal(codeOn(done), 'none')
      assert.equal(done.ceremonies.length, 1)
      assert.match(done.body, /完了しました/)
      assert.deepEqual(pings, [
        {
          url: 'https://bank.example/ping',
          authorization: 'Bearer a-notification-token-of-the-bank',
          body: JSON.stringify({ auth_req_id: requestId }),
        },
      ])
      const tried = await Promise.all([1, 2, 3, 4].map(() => errorOf(collect(requestId))))
      assert.equal(tried.filter(error => error === 'none').length, 1)
    })

    it('nobody approves by pressing: three wrong messages end the request', async () => {
      const { auth_req_id: requestId } = await ask()
      await using person = await town.person('foreign-resident')
      await person.visit(`${town.urls.platform}/me`)
      const list = await person.visit(`${town.urls.platform}/me/requests`)
      const [path] = addresses(list.body)
      for (const told of [/合言葉が違います/, /合言葉が違います/, /この依頼は終わりました/]) {
        await person.visit(`${town.urls.platform}${path}`)
        const page = await person.submit({ form: 'match', fields: { message: 'GUESS' } })
        assert.equal(page.ceremonies.length, 0)
        assert.match(page.body, told)
      }
      assert.equal(await errorOf(collect(requestId)), 'access_denied consent-refused')
    })

    it('a request is its person’s and its provider’s; strangers, floods and unfit messages are refused', async () => {
      const { auth_req_id: requestId } = await ask()
      await using other = await town.person('renewed-card')
      const logged = await tvParty.begin({ scope: 'openid' })
      await other.visit(logged.url)
      await other.visit(`${town.urls.platform}/me`)
      const list = await other.visit(`${town.urls.platform}/me/requests`)
      assert.deepEqual(addresses(list.body), [])
      assert.match(
        await errorOf(collect(requestId, tvParty)),
        /^(unauthorized_client|invalid_request) /,
      )
      await assert.rejects(ask({ login_hint: 'nobody' }), { error: 'unknown_user_id' })
      for (const binding_message of ['', 'abc', 'a message of many words', '<b>x</b>'])
        await assert.rejects(ask({ binding_message }), { error: 'invalid_binding_message' })
      await ask()
      await ask()
      assert.match(await errorOf(ask()), /challenge-limit/)
    })
  })
})
