/**
 * D16, ADR 0011: from the portal into a service without a second card step; and all the ways in which a ticket is worth nothing: twice,
 * at another service, in another browser, too late, after the card was stopped, where the service wants the card.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type PersonAtReader,
  startTestTown,
  type TestProvider,
  type TestTown,
} from '@sekisho/cli/testkit'
import type { Fetch } from '@sekisho/runtime/net'
import { decodeJwt } from 'jose'
import { codeOn } from './hand-reader.ts'

describe('from the portal into services', () => {
  let town: TestTown
  let shop: TestProvider
  let other: TestProvider
  let idToken = ''
  before(async () => {
    town = await startTestTown()
    const metadata = (origin: string) => ({ initiate_login_uri: `${origin}/start` })
    shop = await town.provider({ id: 'shop', metadata, fetch: fetch => seeing(fetch) })
    other = await town.provider({ id: 'other', metadata })
  })
  after(() => town.stop())

  const seeing =
    (fetch: Fetch): Fetch =>
    async (input, init) => {
      const answer = await fetch(input, init)
      const text = await answer.text()
      idToken = /"id_token":"([^"]+)"/.exec(text)?.[1] ?? idToken
      return new Response(answer.status === 204 ? null : text, {
        status: answer.status,
        headers: answer.headers,
      })
    }
  const login = async (persona: string, provider: TestProvider): Promise<string> => {
    const { url, pending } = await provider.sekisho.beginLogin()
    await using person = await town.person(persona)
    const page = await person.visit(url)
    assert.equal(codeOn(page), 'none')
    return (await provider.sekisho.finish(page.url, pending)).subject
  }
  /** A person at the portal, who clicks on a service; the ticket with which the browser comes to it. */
  const clicking = async (persona: string) => {
    const person = await town.person(persona)
    const page = await person.visit(`${town.urls.platform}/me`)
    assert.equal(codeOn(page), 'none')
    const click = async (id = 'shop'): Promise<string> => {
      await person.visit(`${town.urls.platform}/me`)
      const there = new URL((await person.submit({ form: `open-${id}` })).url)
      assert.equal(there.pathname, '/start')
      assert.equal(there.searchParams.get('iss'), town.urls.platform)
      return there.searchParams.get('login_hint') ?? ''
    }
    return { person, click }
  }
  /** Comes to a provider with a ticket: how many card steps it took. */
  const enter = async (person: PersonAtReader, loginHint: string, provider = shop) => {
    const { url, pending } = await provider.sekisho.beginLogin({ loginHint })
    const page = await person.visit(url)
    if (!page.url.startsWith(provider.redirectUri)) return { steps: -1, code: codeOn(page) }
    const { subject } = await provider.sekisho.finish(page.url, pending)
    return { steps: page.ceremonies.length, subject }
  }

  it('a click enters the service as the same customer, once, charged and recorded, with the true time of the card step', async () => {
    const subject = await login('plain-adult', shop)
    await login('plain-adult', other)
    const { person, click } = await clicking('plain-adult')
    await using _ = person
    await new Promise(resolve => setTimeout(resolve, 1100))
    const month = new Date(town.clock.now()).toISOString().slice(0, 7)
    const before = (await shop.sekisho.statement(month)).totalYen
    const ticket = await click()
    assert.deepEqual(await enter(person, ticket), { steps: 0, subject })
    assert.equal((await shop.sekisho.statement(month)).totalYen - before, 2)
    const claims = decodeJwt(idToken)
    assert.ok(Number(claims['auth_time']) < Number(claims.iat), 'the card step was before')
    assert.equal(claims['acr'], 'urn:sekisho:acr:card')
    const records = await person.visit(`${town.urls.platform}/me`)
    assert.match(records.body, /利用者の画面からサービスに入りました/)
    // The same ticket again: the card is asked for.
    assert.equal((await enter(person, ticket)).steps, 1)
  })

  it('a ticket is worth nothing at another service, in another browser, or made up', async () => {
    const { person, click } = await clicking('plain-adult')
    await using _ = person
    assert.equal((await enter(person, await click(), other)).steps, 1)
    const ticket = await click()
    await using thief = await town.person('former-surname')
    assert.equal((await enter(thief, ticket)).steps, 1)
    assert.equal((await enter(person, 'made-up')).steps, 1)
    // One made for the other service after the click on this one: the newer cookie does not open the older ticket.
    const older = await click()
    await click('other')
    assert.equal((await enter(person, older)).steps, 1)
  })

  it('a service that wants the card gets the card, and so do identification and signing', async () => {
    const { person, click } = await clicking('plain-adult')
    await using _ = person
    const { url, pending } = await shop.sekisho.beginIdentify(['name'], {
      loginHint: await click(),
    })
    const page = await person.visit(url)
    assert.deepEqual(
      page.ceremonies.map(one => one.purpose),
      ['identify'],
    )
    await shop.sekisho.finish(page.url, pending)
  })

  it('after the card was stopped a ticket opens nothing, and without the portal’s session there is none', async () => {
    await login('long-address', shop)
    const { person, click } = await clicking('long-address')
    await using _ = person
    const ticket = await click()
    await town.happen('long-address', { what: 'lost' })
    const refused = await enter(person, ticket)
    assert.deepEqual(refused, { steps: -1, code: 'certificate-held' })
    const stranger = await town.fetch(`${town.urls.platform}/me/services/shop/open`, {
      method: 'POST',
      headers: { origin: town.urls.platform },
      redirect: 'manual',
    })
    assert.equal(stranger.headers.get('location'), '/me')
    const foreign = await town.fetch(`${town.urls.platform}/me/services/shop/open`, {
      method: 'POST',
      headers: { origin: 'https://evil.example' },
      redirect: 'manual',
    })
    assert.equal(foreign.status, 403)
  })
})
