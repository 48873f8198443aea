/**
 * D25: a site logs people in with their cards in some ten lines, on Express, Fastify and the handlers of Next.js alike. Sessions lie
 * encrypted in the browser; what was altered, is another site's or has run out is nobody's.
 */
import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestTown } from '@sekisho/cli/testkit'
import { createSekisho, createSite, type Sekisho } from '@sekisho/sdk'
import { expressShop, fastifyShop, type NextRoute, nextShop } from '@sekisho/services/shop'
import { z } from 'zod'

const frameworks = ['express', 'fastify', 'next'] as const
type Framework = (typeof frameworks)[number]

describe('a shop with login by card', () => {
  let town: TestTown
  const secret = randomBytes(32).toString('hex')
  const servers: Server[] = []
  const shops = new Map<Framework, { readonly origin: string; readonly sekisho: Sekisho }>()

  before(async () => {
    town = await startTestTown()
    for (const framework of frameworks) {
      const server = createServer()
      servers.push(server)
      await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      const origin = `http://${framework}.localhost:${port}`
      const sekisho = await registered(`${framework}-shop`, origin)
      const given = { origin, secret }
      if (framework === 'express') server.on('request', await expressShop(sekisho, given))
      else if (framework === 'fastify') {
        const app = await fastifyShop(sekisho, given)
        await app.ready()
        server.on('request', app.routing)
      } else server.on('request', listener(origin, await nextShop(sekisho, given)))
      shops.set(framework, { origin, sekisho })
    }
  })
  after(async () => {
    for (const server of servers) {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    }
    await town.stop()
  })

  const registered = async (id: string, origin: string): Promise<Sekisho> => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const kid = 'key-1'
    await town.admin('platform', 'provider-add', {
      client_id: id,
      client_name: '試験商店',
      redirect_uris: [`${origin}/callback`],
      jwks: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] },
      scope: 'openid name',
      sekisho_purpose: '会員の確認のため',
    })
    return createSekisho({
      issuer: town.urls.platform,
      clientId: id,
      privateKey: { ...privateKey.export({ format: 'jwk' }), kid, alg: 'ES256' },
      redirectUri: `${origin}/callback`,
      dangerAllowHttp: true,
      fetch: town.fetch,
    })
  }
  const shopOf = (framework: Framework) => {
    const found = shops.get(framework)
    assert.ok(found)
    return found
  }
  const seen = z.object({ subject: z.string().nullable(), name: z.string().nullable() })

  for (const framework of frameworks)
    it(`${framework}: logs in, identifies, knows the person again, and lets nobody else log them out`, async () => {
      const { origin } = shopOf(framework)
      await using person = await town.person('plain-adult')
      const at = async (path: string) =>
        seen.parse(JSON.parse((await person.visit(`${origin}${path}`)).body))
      assert.deepEqual(await at('/'), { subject: null, name: null })
      const identified = await at('/join')
      assert.match(identified.name ?? '', /\S/)
      const again = await at('/login')
      assert.deepEqual(again, { subject: identified.subject, name: null })
      assert.deepEqual(await at('/'), again)
      const out = (from: string) =>
        town.fetch(`${origin}/logout`, {
          method: 'POST',
          redirect: 'manual',
          headers: { origin: from },
        })
      assert.equal((await out('http://attacker.localhost')).status, 403)
      const left = await out(origin)
      assert.equal(left.status, 303)
      assert.match(left.headers.get('set-cookie') ?? '', /sekisho-session=;.*Max-Age=0/)
    })

  it('takes no session that was altered, is another site’s, or was made under another secret', async () => {
    const { origin, sekisho } = shopOf('express')
    const pendingOf = async (given: { origin: string; secret: string }): Promise<string> => {
      const site = await createSite(sekisho, given)
      const answer = await site.handle(new Request(`${given.origin}/login`))
      const [pair = ''] = (answer?.headers.getSetCookie()[0] ?? '').split(';')
      assert.match(pair, /^sekisho-pending=./)
      return pair
    }
    const site = await createSite(sekisho, { origin, secret })
    const own = await pendingOf({ origin, secret })
    // What was kept for coming back is no session.
    assert.equal(await site.visitor(own.replace('sekisho-pending', 'sekisho-session')), undefined)
    const back = async (cookie: string) => {
      const asked = new Request(`${origin}/callback?code=x&state=y`, { headers: { cookie } })
      return (await site.handle(asked))?.headers.get('location')
    }
    // The own one is taken for what it is: the platform is asked, and refuses.
    assert.equal(await back(own), null)
    // In the middle of what is sealed: the last letter carries bits that nobody reads.
    const middle = own.length - 40
    const altered = `${own.slice(0, middle)}${own[middle] === 'A' ? 'B' : 'A'}${own.slice(middle + 1)}`
    assert.equal(await back(altered), '/login')
    assert.equal(await back(await pendingOf({ origin, secret: 'x'.repeat(32) })), '/login')
    const elsewhere = 'http://elsewhere.localhost:1'
    assert.equal(await back(await pendingOf({ origin: elsewhere, secret })), '/login')
    for (const cookies of [null, '', 'sekisho-session=', 'sekisho-session=a.b.c.d.e', 'x=y'])
      assert.equal(await site.visitor(cookies), undefined)
    await assert.rejects(createSite(sekisho, { origin, secret: 'short' }), RangeError)
  })

  it('sends whoever comes back without having left to log in, and tells a refusal with its code', async () => {
    const { origin, sekisho } = shopOf('next')
    const site = await createSite(sekisho, { origin, secret })
    const stray = await site.handle(new Request(`${origin}/callback?code=x&state=y`))
    assert.equal(stray?.headers.get('location'), '/login')
    await town.admin('platform', 'provider-state', { id: 'next-shop', state: 'suspended' })
    const refused = await site.handle(new Request(`${origin}/login`))
    assert.match((await refused?.text()) ?? '', /<code>[a-z-]+<\/code>/)
    assert.ok((refused?.status ?? 0) >= 400)
    assert.equal(await site.handle(new Request(`${origin}/elsewhere`)), undefined)
  })
})

/** The handlers of a route of Next.js behind a server of Node. */
function listener(origin: string, route: NextRoute) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    const headers = new Headers()
    for (const name of ['cookie', 'origin'] as const) {
      const value = request.headers[name]
      if (value !== undefined) headers.set(name, value)
    }
    const method = request.method === 'POST' ? 'POST' : 'GET'
    const asked = new Request(new URL(request.url ?? '/', origin), { method, headers })
    void route[method](asked).then(async answer => {
      response.statusCode = answer.status
      for (const [name, value] of answer.headers)
        if (name !== 'set-cookie') response.setHeader(name, value)
      response.setHeader('set-cookie', answer.headers.getSetCookie())
      response.end(await answer.text())
    })
  }
}
