/** C5 under attack: what a stranger, another provider or a careless one gains. Each is refused with its code, and healthy ones are served. */
import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import { connect } from 'node:net'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { SignJWT } from 'jose'
import * as oidc from 'openid-client'
import { codeOn } from './hand-reader.ts'
import { type Begun, errorOf, keyOf, relyingParty, type RelyingParty } from './relying-party.ts'

describe('attacks on federation', () => {
  let town: TestTown
  let shop: TestProvider
  let evil: TestProvider
  let party: RelyingParty
  let evilParty: RelyingParty
  /** What came to a server of the inner network. */
  const trapped: string[] = []
  let trap: Server
  let inner = ''
  before(async () => {
    town = await startTestTown()
    trap = createServer((request, response) => {
      trapped.push(`${request.method} ${request.url}`)
      response.end('{}')
    })
    await new Promise<void>(resolve => {
      trap.listen(0, '127.0.0.1', resolve)
    })
    const address = trap.address()
    inner = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
    shop = await town.provider({ id: 'shop' })
    evil = await town.provider({
      id: 'evil',
      metadata: () => ({
        backchannel_logout_uri: `${inner}/logout`,
        jwks_uri: `${inner}/jwks`,
        request_uris: [`${inner}/request`],
        sector_identifier_uri: `${inner}/sector`,
        logo_uri: `${inner}/logo`,
      }),
    })
    party = await relyingParty(town, shop)
    evilParty = await relyingParty(town, evil)
  })
  after(async () => {
    trap.closeAllConnections()
    await new Promise(resolve => {
      trap.close(resolve)
    })
    await town.stop()
  })

  const walk = async (begun: Pick<Begun, 'url'>, persona = 'plain-adult'): Promise<string> => {
    await using person = await town.person(persona)
    const page = await person.visit(begun.url)
    assert.equal(codeOn(page), 'none')
    return page.url
  }
  const enter = async (by = party, scope = 'openid name') => {
    const begun = await by.begin({ scope })
    return by.finish(await walk(begun), begun)
  }

  it('a code serves once, for its provider, its address and its verifier; used twice it takes the tokens along', async () => {
    const begun = await party.begin({ scope: 'openid' })
    const address = await walk(begun)
    // Injected into another session of the same provider.
    const other = await party.begin({ scope: 'openid' })
    const injected = new URL(address)
    injected.searchParams.set('state', other.state)
    assert.match(await errorOf(party.finish(injected.href, other)), /^invalid_grant /)
    // Handed to another provider.
    const stolen = new URL(evil.redirectUri)
    stolen.search = new URL(address).search
    assert.match(await errorOf(evilParty.finish(stolen.href, begun)), /^invalid_grant /)

    const fresh = await party.begin({ scope: 'openid' })
    const back = await walk(fresh)
    const tokens = await party.finish(back, fresh)
    assert.equal(await errorOf(party.finish(back, fresh)), 'invalid_grant grant-ended')
    const info = await town.fetch(`${town.urls.platform}/oidc/userinfo`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    assert.equal(info.status, 401)
  })

  it('an answer of another issuer, another login or with another nonce is none', async () => {
    const begun = await party.begin({ scope: 'openid' })
    const address = new URL(await walk(begun))
    const mixed = new URL(address)
    mixed.searchParams.set('iss', 'https://evil.example')
    await assert.rejects(party.finish(mixed.href, begun))
    const without = new URL(address)
    without.searchParams.delete('iss')
    await assert.rejects(party.finish(without.href, begun))
    await assert.rejects(party.finish(address.href, { ...begun, state: 'another' }))
    await assert.rejects(party.finish(address.href, { ...begun, nonce: 'another' }))
  })

  it('a request weakened on its way is told by the answer, and the SDK takes it for nothing', async () => {
    const { url, pending } = await shop.sekisho.beginIdentify([])
    // The pushed request cannot be changed by what stands in the address.
    const changed = new URL(url)
    changed.searchParams.set('acr_values', 'urn:sekisho:acr:card')
    await using person = await town.person('plain-adult')
    const page = await person.visit(changed.href)
    assert.equal((await shop.sekisho.finish(page.url, pending)).acr, 'urn:sekisho:acr:card-signed')
    await person.card.release()
    // One that was not pushed can, and the ID token says what was done.
    const weak = await shop.sekisho.beginLogin()
    await using again = await town.person('plain-adult')
    const back = await again.visit(weak.url)
    const expected = { ...weak.pending, acr: 'urn:sekisho:acr:card-signed' }
    await assert.rejects(shop.sekisho.finish(back.url, expected), { code: 'unexpected' })
  })

  it('no browser is sent to an address that is not registered to the letter', async () => {
    const { origin, pathname } = new URL(shop.redirectUri)
    for (const address of [
      'https://evil.example/callback',
      `${shop.redirectUri}/`,
      `${shop.redirectUri}?x=1`,
      `${shop.redirectUri}#x`,
      `${origin}/${pathname}`,
      `${origin}${pathname.toUpperCase()}`,
      shop.redirectUri.replace('http://', 'http://user@'),
      shop.redirectUri.replace('.localhost', '.localhost.evil.example'),
      evil.redirectUri,
      'javascript:alert(1)',
      `${origin}@evil.example/callback`,
      `//evil.example/callback`,
    ]) {
      const asked = { scope: 'openid', redirect_uri: address }
      const { url } = await party.begin(asked, { isPushed: false })
      const answer = await town.fetch(url, { headers: { accept: 'text/html' } })
      assert.equal(answer.headers.get('location'), null, address)
      assert.ok(answer.status >= 400, address)
      assert.match(await errorOf(party.begin(asked)), /^invalid_/, address)
    }
  })

  it('nothing that a provider names is called inside the network, and what is not offered is never fetched', async () => {
    const tokens = await enter(evilParty)
    for (const parameters of [
      { request_uri: `${inner}/request` },
      { request_uri: `${inner}/request`, request: 'x' },
      { registration: JSON.stringify({ jwks_uri: `${inner}/jwks` }) },
    ]) {
      const query = new URLSearchParams({ client_id: 'evil', ...parameters })
      await town.fetch(`${town.urls.platform}/oidc/authorize?${query}`)
    }
    const granted = await oidc.clientCredentialsGrant(evilParty.config, { scope: 'change' })
    await town.fetch(`${town.urls.platform}/v1/ssf/stream`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${granted.access_token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({
        delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: `${inner}/events` },
      }),
    })
    await town.fetch(`${town.urls.platform}/v1/ssf/verify`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${granted.access_token}`,
        'content-type': 'application/json',
      },
      body: '{"state":"x"}',
    })
    await using person = await town.person('plain-adult')
    await person.visit(`${town.urls.platform}/me`)
    await person.submit({ form: 'end-sessions' })
    const end = performance.now() + 3000
    while (performance.now() < end && trapped.length === 0)
      await new Promise(resolve => {
        setTimeout(resolve, 100)
      })
    assert.deepEqual(trapped, [])
    assert.ok(tokens.claims()?.sub)
  })

  it('tokens serve for what they were given for, and for whom', async () => {
    const person = await enter()
    const program = await oidc.clientCredentialsGrant(party.config, { scope: 'change' })
    const ask = async (path: string, token: string, body?: string) => {
      const answer = await town.fetch(`${town.urls.platform}${path}`, {
        method: body === undefined ? 'GET' : 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body }),
      })
      if (body === undefined) return answer.status
      const { code } = (await answer.json()) as { readonly code?: string }
      return code ?? 'none'
    }
    const unknown = 'provider-unauthenticated'
    const change = JSON.stringify({ subject: person.claims()?.sub })
    // A person's token opens no interface for programs, a program's no person; an ID token opens nothing.
    assert.equal(await ask('/v1/changes', person.access_token, change), unknown)
    assert.equal(await ask('/oidc/userinfo', program.access_token), 401)
    assert.equal(await ask('/oidc/userinfo', person.id_token ?? ''), 401)
    assert.equal(await ask('/v1/changes', person.id_token ?? '', change), unknown)
    // What one provider knows of a person is nothing to another.
    const foreign = await oidc.clientCredentialsGrant(evilParty.config, { scope: 'change' })
    assert.equal(await ask('/v1/changes', foreign.access_token, change), 'person-unknown')
    assert.equal(await ask('/v1/changes', program.access_token, change), 'none')
    await assert.rejects(
      oidc.fetchUserInfo(evilParty.config, person.access_token, 'another subject'),
    )
  })

  it('an authentication is for this platform, of this time, by this provider, and serves once', async () => {
    const { privateKey, kid } = await keyOf(shop)
    const strange = await keyOf(evil)
    const now = Math.floor(Date.now() / 1000)
    const assertion = (changed: object = {}, by = privateKey, header: object = {}) =>
      new SignJWT({
        iss: 'shop',
        sub: 'shop',
        aud: town.urls.platform,
        jti: crypto.randomUUID(),
        iat: now,
        exp: now + 60,
        ...changed,
      })
        .setProtectedHeader({ alg: 'ES256', kid, ...header })
        .sign(by)
    const grant = async (client_assertion: string): Promise<string> => {
      const answer = await town.fetch(`${town.urls.platform}/oidc/token`, {
        method: 'POST',
        body: new URLSearchParams({
          grant_type: 'client_credentials',
          scope: 'change',
          client_id: 'shop',
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion,
        }),
      })
      return answer.status === 200 ? 'given' : 'refused'
    }
    const once = await assertion()
    assert.equal(await grant(once), 'given')
    assert.equal(await grant(once), 'refused')
    for (const [wrong, by] of [
      [{ exp: now - 60 }, privateKey],
      [{ exp: undefined }, privateKey],
      [{ nbf: now + 600 }, privateKey],
      [{ iat: now + 600 }, privateKey],
      [{ exp: now + 7200 }, privateKey],
      [{ aud: 'https://evil.example' }, privateKey],
      [{ jti: undefined }, privateKey],
      [{ iss: 'evil', sub: 'evil' }, privateKey],
      [{}, strange.privateKey],
    ] as const)
      assert.equal(await grant(await assertion(wrong, by)), 'refused', JSON.stringify(wrong))
    const [, payload] = (await assertion()).split('.')
    const none = Buffer.from('{"alg":"none"}').toString('base64url')
    for (const text of [`${none}.${payload}.`, 'x', '', 'a.b.c', 'x'.repeat(100_000)])
      assert.equal(await grant(text), 'refused')
  })

  it('large, deep and slow requests cost those who send them, and others are served meanwhile', async () => {
    const { host, port } = new URL(town.urls.platform)
    const slow = Array.from({ length: 100 }, () => {
      const socket = connect(Number(port), '127.0.0.1')
      socket.on('error', () => undefined)
      socket.write(`POST /oidc/token HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 1000\r\n`)
      return socket
    })
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const attempts: [string, string, string][] = [
      ['/oidc/token', 'application/x-www-form-urlencoded', `x=${'y'.repeat(3_000_000)}`],
      ['/oidc/par', 'application/x-www-form-urlencoded', `claims=${encodeURIComponent(deep)}`],
      ['/oidc/par', 'application/json', deep],
      ['/logout', 'application/x-www-form-urlencoded', `state=${'y'.repeat(5000)}`],
      ['/v1/changes', 'application/json', deep],
      ['/device', 'application/x-www-form-urlencoded', `user_code=${'B'.repeat(100_000)}`],
    ]
    for (const [path, type, body] of attempts) {
      const status = await town
        .fetch(`${town.urls.platform}${path}`, {
          method: 'POST',
          headers: { 'content-type': type, origin: town.urls.platform },
          body,
        })
        .then(
          answer => answer.status,
          // A connection that is cut while more is sent than is taken.
          () => 413,
        )
      assert.ok(status >= 400 && status < 500, `${path} ${status}`)
    }
    const long = await town
      .fetch(`${town.urls.platform}/oidc/authorize?state=${'x'.repeat(100_000)}`)
      .then(
        answer => answer.status,
        () => 431,
      )
    assert.ok(long >= 400 && long < 500)
    const begun = performance.now()
    assert.ok((await enter()).claims()?.sub)
    assert.ok(performance.now() - begun < 10_000)
    for (const socket of slow) socket.destroy()
  })
})
