/**
 * C5: logins by way of another OpenID Provider, which is a second certified implementation with its own pages. What it says opens nothing before the card was
 * shown; then it opens a login that says it is weaker. Answers that are another's, altered or from nobody are refused.
 */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  type PersonAtReader,
  startTestTown,
  type TestProvider,
  type TestTown,
} from '@sekisho/cli/testkit'
import { type Fetch, freePort } from '@sekisho/runtime/net'
import { codeOn } from './hand-reader.ts'
import { type Begun, errorOf, relyingParty, type RelyingParty } from './relying-party.ts'
import { startUpstream, type Upstream } from './upstream.ts'

const gateway = 'urn:sekisho:acr:gateway'
const card = 'urn:sekisho:acr:card'
const wishing = { scope: 'openid', acr_values: `${card} ${gateway}` }

describe('logins by way of another OpenID Provider', () => {
  let town: TestTown
  let gov: Upstream
  let other: Upstream
  let shop: TestProvider
  let strict: TestProvider
  let party: RelyingParty
  let strictParty: RelyingParty
  /** Changes what the platform is told by an upstream. */
  let tamper: ((url: string, text: string) => string) | undefined
  before(async () => {
    const ports = { gov: await freePort(), other: await freePort() }
    const upstream = (id: 'gov' | 'other') => ({
      id,
      name: { ja: `${id} 認証`, en: `${id} login` },
      issuer: `http://${id}.localhost:${ports[id]}`,
      clientId: 'sekisho',
    })
    town = await startTestTown({
      gateways: [upstream('gov'), upstream('other')],
      wire: (_program, fetch) => async (input, init) => {
        const answer = await fetch(input, init)
        const url = input instanceof Request ? input.url : String(input)
        if (tamper === undefined || !/(gov|other)\.localhost/.test(url)) return answer
        return new Response(tamper(url, await answer.text()), {
          status: answer.status,
          headers: { 'content-type': answer.headers.get('content-type') ?? '' },
        })
      },
    })
    const platform = { url: town.urls.platform, fetch: town.fetch }
    gov = await startUpstream({ id: 'gov', port: ports.gov }, platform)
    other = await startUpstream({ id: 'other', port: ports.other }, platform)
    const taking = { sekisho_gateways: ['gov', 'other'] }
    shop = await town.provider({ id: 'shop', metadata: () => taking })
    strict = await town.provider({ id: 'strict' })
    party = await relyingParty(town, shop)
    strictParty = await relyingParty(town, strict)
  })
  after(async () => {
    await town.stop()
    await gov[Symbol.asyncDispose]()
    await other[Symbol.asyncDispose]()
  })

  /** As a person does who looks at the page first: nothing answers card steps by itself. */
  const looking = (fetch: Fetch): Fetch => {
    return async (input, init) => {
      const answer = await fetch(input, init)
      const isPage = (answer.headers.get('content-type') ?? '').startsWith('text/html')
      if (!isPage) return answer
      const body = (await answer.text()).replaceAll('id="card-ceremony"', 'id="looked-at"')
      return new Response(body, { status: answer.status, headers: answer.headers })
    }
  }
  /** Goes from a login's page to an upstream and logs in there; the page on which that ends. */
  const go = async (
    begun: Begun,
    name: string,
    given: { readonly upstream?: string; readonly fetch?: Fetch } = {},
  ) => {
    await using person = await town.person('plain-adult', {
      fetch: looking(given.fetch ?? town.fetch),
    })
    return await walk(person, begun, name, given.upstream ?? 'gov')
  }
  const walk = async (person: PersonAtReader, begun: Begun, name: string, upstream = 'gov') => {
    const page = await person.visit(begun.url)
    const link = new RegExp(`href="(/interaction/[^"]*/gateway/${upstream})"`).exec(page.body)?.[1]
    assert.ok(link, 'the way there is offered')
    const there = await person.visit(new URL(link, town.urls.platform).href)
    assert.equal(codeOn(there), 'none')
    const consent = await person.submit({ fields: { login: name, password: 'x' } })
    return consent.body.includes('name="prompt"') ? person.submit({}) : consent
  }
  /** The card step in the browser of a login that went to the upstream before. */
  const link = async (name: string, persona = 'plain-adult') => {
    const begun = await party.begin(wishing)
    let isLooking = true
    const look = looking(town.fetch)
    const fetch: Fetch = (input, init) => (isLooking ? look(input, init) : town.fetch(input, init))
    await using person = await town.person(persona, { fetch })
    const page = await walk(person, begun, name)
    assert.match(page.body, /カードと結び付けます/)
    isLooking = false
    const back = await person.visit(page.url)
    assert.equal(codeOn(back), 'none')
    return (await party.finish(back.url, begun)).claims()
  }
  const enter = async (name: string) => {
    const begun = await party.begin(wishing)
    const page = await go(begun, name)
    return page.url.startsWith(shop.redirectUri)
      ? (await party.finish(page.url, begun)).claims()
      : undefined
  }

  it('opens nothing before the card was shown; then the same person, told as weaker and never as the card', async () => {
    assert.equal(await enter('hanako'), undefined)
    const first = await link('hanako')
    assert.equal(first?.['acr'], card)
    const second = await enter('hanako')
    assert.equal(second?.sub, first?.sub)
    assert.equal(second?.['acr'], gateway)
    assert.equal(second?.['amr'], undefined)
    assert.equal(await enter('taro'), undefined)
    const records = await town.tables('platform')
    const charged = await records.read(db =>
      db.selectFrom('usage').select('transaction').where('provider_id', '=', 'shop').execute(),
    )
    assert.equal(charged.length, 1)
  })

  it('is offered only where the provider takes it and the request asks for nothing that only the card gives', async () => {
    const isOffered = async (parameters: Record<string, string>, by = party): Promise<boolean> => {
      const begun = await by.begin({ scope: 'openid', ...parameters })
      await using person = await town.person('plain-adult', { fetch: looking(town.fetch) })
      return (await person.visit(begun.url)).body.includes('/gateway/gov')
    }
    assert.equal(await isOffered({ acr_values: gateway }), true)
    assert.equal(await isOffered({ acr_values: gateway }, strictParty), false)
    for (const parameters of [
      {},
      { acr_values: card },
      { acr_values: `${card}-signed ${gateway}` },
      { acr_values: gateway, scope: 'openid name' },
      { acr_values: gateway, prompt: 'login' },
      { acr_values: gateway, max_age: '60' },
    ])
      assert.equal(await isOffered(parameters), false, JSON.stringify(parameters))
    const demanding = await party.begin({
      scope: 'openid',
      claims: JSON.stringify({ id_token: { acr: { essential: true, value: gateway } } }),
    })
    await using person = await town.person('plain-adult')
    const back = await person.visit(demanding.url)
    assert.match(await errorOf(party.finish(back.url, demanding)), /^unmet_authentication/)
    // Nor by its address.
    const begun = await strictParty.begin(wishing)
    await using guessing = await town.person('renewed-card', { fetch: looking(town.fetch) })
    const page = await guessing.visit(begun.url)
    const there = await guessing.visit(`${page.url}/gateway/gov`)
    assert.equal(codeOn(there), 'not-found')
  })

  it('an answer serves the browser that went, once, from the provider that it went to', async () => {
    /** Logs in with the way back changed; the code on the page that it ends on. */
    const back = async (change: (address: URL) => void): Promise<string> => {
      const fetch: Fetch = (input, init) => {
        const address = new URL(input instanceof Request ? input.url : input)
        if (!address.pathname.endsWith('/callback') || address.origin !== town.urls.platform)
          return town.fetch(input, init)
        change(address)
        return town.fetch(address, init)
      }
      return codeOn(await go(await party.begin(wishing), 'hanako', { fetch }))
    }
    assert.equal(await back(() => undefined), 'none')
    const codes = {
      'another state': await back(address => address.searchParams.set('state', 'x')),
      'two states': await back(address => address.searchParams.append('state', 'x')),
      // Mix-up (RFC 9700 §4.4): the answer of one at the address of another, or in another's name.
      'another upstream': await back(address => {
        address.pathname = '/gateway/other/callback'
      }),
      'another issuer': await back(address => address.searchParams.set('iss', other.issuer)),
      'no issuer': await back(address => address.searchParams.delete('iss')),
      'a made-up code': await back(address => address.searchParams.set('code', 'x')),
      refused: await back(address => {
        address.searchParams.delete('code')
        address.searchParams.set('error', 'access_denied')
      }),
    }
    assert.deepEqual(codes, {
      'another state': 'interaction-unknown',
      'two states': 'interaction-unknown',
      'another upstream': 'interaction-unknown',
      'another issuer': 'gateway-answer-invalid',
      'no issuer': 'gateway-answer-invalid',
      'a made-up code': 'gateway-answer-invalid',
      refused: 'gateway-refused',
    })
    // Code injection, and the way back in another browser: the attacker's answer brought to a victim.
    let stolen = ''
    await back(address => {
      stolen = address.href
      address.searchParams.set('state', 'x')
    })
    const code = new URL(stolen).searchParams.get('code') ?? ''
    assert.equal(await back(at => at.searchParams.set('code', code)), 'gateway-answer-invalid')
    const foreign = await town.fetch(stolen, { redirect: 'manual' })
    assert.equal(((await foreign.json()) as { code: string }).code, 'interaction-unknown')
  })

  it('tokens that are not that provider’s, for us and for this login are not believed', async () => {
    const shown = async (change: (token: string) => string): Promise<string> => {
      const begun = await party.begin(wishing)
      tamper = (url, text) => {
        if (!url.endsWith('/token')) return text
        const answer = JSON.parse(text) as { id_token?: string }
        return JSON.stringify({ ...answer, id_token: change(answer.id_token ?? '') })
      }
      try {
        return codeOn(await go(begun, 'hanako'))
      } finally {
        tamper = undefined
      }
    }
    const claimed = (token: string, change: object): string => {
      const [head = '', body = '', signature = ''] = token.split('.')
      const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as object
      const part = Buffer.from(JSON.stringify({ ...claims, ...change })).toString('base64url')
      return `${head}.${part}.${signature}`
    }
    let earlier = ''
    assert.equal(
      await shown(token => {
        earlier = token
        return token
      }),
      'none',
    )
    const unsigned = (token: string): string =>
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`
    for (const change of [
      // Of another login: its nonce.
      () => earlier,
      (token: string) => claimed(token, { sub: 'taro' }),
      (token: string) => claimed(token, { aud: 'somebody' }),
      (token: string) => claimed(token, { iss: other.issuer }),
      (token: string) => claimed(token, { exp: 1 }),
      unsigned,
      () => '',
    ])
      assert.equal(await shown(change), 'gateway-answer-invalid')
    // Discovery that names another issuer is not taken over (OpenID Connect Discovery §4.3).
    tamper = (url, text) =>
      url.includes('/.well-known/') ? text.replaceAll(other.issuer, gov.issuer) : text
    const begun = await party.begin(wishing)
    await using person = await town.person('plain-adult', { fetch: looking(town.fetch) })
    const page = await person.visit(begun.url)
    const there = await person.visit(`${page.url}/gateway/other`)
    tamper = undefined
    assert.equal(codeOn(there), 'gateway-answer-invalid')
  })

  it('an upstream that is away or has other keys', async () => {
    const begun = await party.begin(wishing)
    let stops = false
    const fetch: Fetch = (input, init) => {
      const address = String(input instanceof Request ? input.url : input)
      if (address.includes('/callback')) {
        stops = true
        gov.away(true)
      }
      return town.fetch(input, init)
    }
    assert.equal(codeOn(await go(begun, 'hanako', { fetch })), 'gateway-unreachable')
    assert.ok(stops)
    gov.away(false)
    await gov.rotate()
    assert.equal((await enter('hanako'))?.['acr'], gateway)
  })

  it('serves with the card that proved it, and ends with it; somebody else’s card takes nothing over', async () => {
    const mine = await link('jiro', 'long-address')
    assert.equal((await enter('jiro'))?.sub, mine?.sub)
    await town.clock.advance(60_000)
    await town.happen('long-address', { what: 'lost' })
    assert.equal(await enter('jiro'), undefined)
    const another = await link('jiro', 'renewed-card')
    assert.notEqual(another?.sub, mine?.sub)
    assert.equal(await enter('jiro'), undefined)
  })

  it('the person ends the links on the page of their own records', async () => {
    assert.equal((await enter('hanako'))?.['acr'], gateway)
    await using person = await town.person('plain-adult')
    const records = await person.visit(`${town.urls.platform}/me`)
    assert.match(records.body, /gov/)
    await person.submit({ form: 'gateways-end' })
    await person[Symbol.asyncDispose]()
    assert.equal(await enter('hanako'), undefined)
  })
})
