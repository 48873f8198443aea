import assert from 'node:assert/strict'
import { request as nodeRequest } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { contentSecurityPolicy, createCookie, createServer, type Server } from './http.ts'
import { createLog, raisingSink } from './log.ts'
import { createFetch, freePort } from './net.ts'

const secret = 'yamada-hanako'
const sink = raisingSink(() => [secret])
const caller = createFetch()
let server: Server
let origin: string

before(async () => {
  const port = await freePort()
  origin = `http://town.localhost:${port}`
  server = await createServer({
    name: 'example',
    log: createLog({ program: 'example', sink, level: 'debug' }),
    publicOrigin: origin,
    bodyBytesMax: 2_000,
    drainMs: 500,
    openapi: { title: 'Example', version: '1', description: 'of a server' },
    renderRefusalPage: (refusal, locale, { method, path }) =>
      path === '/refuse-form'
        ? `<a href="${path}">${method}</a>`
        : `<p lang="${locale}">${refusal.code}</p>`,
  })
  server.app.route({
    method: 'POST',
    url: '/names',
    schema: {
      body: z.strictObject({
        name: z.string().max(20),
        items: z.array(z.object({ count: z.number() })),
      }),
      response: { 200: z.object({ length: z.number() }) },
    },
    handler: async request => ({ length: request.body.name.length, internal: request.body.name }),
  })
  server.app.get('/refuse', async () => {
    throw new Refusal('consent-missing', { purpose: 'loan' })
  })
  server.app.post('/refuse-form', async () => {
    throw new Refusal('consent-missing')
  })
  server.app.get('/library', async () => {
    throw Object.assign(new Error('a library says so'), { statusCode: 404 })
  })
  server.app.get('/break', async () => {
    throw new Error('broken inside')
  })
  server.app.get(
    '/lie',
    { schema: { response: { 200: z.object({ length: z.number() }) } } },
    // A handler that does not keep its own promise.
    async () => ({ length: 'long' as unknown as number }),
  )
  const cookie = createCookie({ name: 'session', publicOrigin: origin, sameSite: 'lax' })
  server.app.post('/form', async (request, reply) => {
    cookie.write(reply, 'abc')
    reply.header('content-security-policy', contentSecurityPolicy({ 'script-src': ["'self'"] }))
    return { body: request.body, cookie: cookie.read(request) ?? null }
  })
  server.mount('/oidc', (request, response) => {
    response.end(`${request.url} ${'originalUrl' in request ? String(request.originalUrl) : ''}`)
  })
  await server.listen(port)
})

after(async () => {
  await caller.close()
  await server.stop()
})

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  caller.fetch(`${origin}${path}`, { headers })
const post = (path: string, body: string, type = 'application/json'): Promise<Response> =>
  caller.fetch(`${origin}${path}`, { method: 'POST', body, headers: { 'content-type': type } })

async function codeOf(answer: Response): Promise<unknown> {
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  const problem: unknown = await answer.json()
  return typeof problem === 'object' && problem !== null ? Reflect.get(problem, 'code') : undefined
}

describe('a guarded route', () => {
  it('answers what its response schema names and nothing else', async () => {
    const answer = await post('/names', JSON.stringify({ name: 'あいう', items: [] }))
    assert.equal(answer.status, 200)
    assert.deepEqual(await answer.json(), { length: 3 })
  })

  it('refuses a malformed body with the paths of the fields and never their values', async () => {
    const answer = await post('/names', JSON.stringify({ name: 1, items: [{ count: secret }] }))
    assert.equal(answer.status, 400)
    const text = await answer.text()
    assert.match(text, /body\.name body\.items\.0\.count/)
    assert.doesNotMatch(text, new RegExp(secret))
  })

  it('does not repeat the name of an unknown field that the caller chose', async () => {
    const answer = await post('/names', JSON.stringify({ name: 'a', items: [], [secret]: 1 }))
    assert.equal(answer.status, 400)
    assert.doesNotMatch(await answer.text(), new RegExp(secret))
  })

  it('refuses text that is not JSON, and a body past the limit', async () => {
    assert.equal(await codeOf(await post('/names', '{')), 'request-malformed')
    const long = await post('/names', JSON.stringify({ name: 'x'.repeat(3_000) }))
    assert.equal(long.status, 413)
    assert.equal(await codeOf(long), 'request-too-large')
    assert.equal(await codeOf(await post('/names', 'x', 'text/csv')), 'request-malformed')
  })

  it('whose handler breaks its response schema is a fault without detail', async () => {
    const answer = await get('/lie')
    assert.equal(answer.status, 500)
    assert.equal(await codeOf(answer), 'internal-fault')
  })
})

describe('refusals and faults', () => {
  it('a refusal is a problem document for a program and a page for a browser', async () => {
    const answer = await get('/refuse')
    assert.equal(answer.status, 403)
    assert.equal(await codeOf(answer), 'consent-missing')
    const page = await get('/refuse', { accept: 'text/html,*/*', 'accept-language': 'en-GB,ja' })
    assert.equal(page.status, 403)
    assert.equal(await page.text(), '<p lang="ja">consent-missing</p>')
  })

  it('a page is Japanese unless its address says English, and then those that follow are too', async () => {
    const page = await get('/refuse?lang=en', { accept: 'text/html' })
    assert.equal(await page.text(), '<p lang="en">consent-missing</p>')
    const cookie = page.headers.get('set-cookie')?.split(';')[0] ?? ''
    const next = await get('/refuse', { accept: 'text/html', cookie })
    assert.equal(await next.text(), '<p lang="en">consent-missing</p>')
    const other = await get('/refuse?lang=fr', { accept: 'text/html' })
    assert.equal(await other.text(), '<p lang="ja">consent-missing</p>')
    assert.equal(other.headers.get('set-cookie'), null)
  })

  it('a page can lead back to where the refused form stood, without the query', async () => {
    const page = await caller.fetch(`${origin}/refuse-form?done=secret`, {
      method: 'POST',
      headers: { accept: 'text/html' },
    })
    assert.equal(await page.text(), '<a href="/refuse-form">POST</a>')
  })

  it('a fault tells the caller nothing and the log once', async () => {
    const before = sink.lines().filter(line => line['code'] === 'runtime.request-fault').length
    const answer = await get('/break')
    assert.equal(answer.status, 500)
    assert.doesNotMatch(await answer.text(), /broken/)
    const faults = sink.lines().filter(line => line['code'] === 'runtime.request-fault')
    assert.equal(faults.length, before + 1)
  })

  it('what a library throws with a status of its own is a fault all the same', async () => {
    assert.equal(await codeOf(await get('/library')), 'internal-fault')
  })

  it('a body that would write to prototypes is refused', async () => {
    const answer = await post('/names', '{"name":"a","items":[],"__proto__":{"x":1}}')
    assert.equal(await codeOf(answer), 'request-malformed')
  })

  it('an address with nothing behind it is the refusal not-found', async () => {
    assert.equal(await codeOf(await get(`/people/${secret}`)), 'not-found')
    const undecodable = await get(`/${secret}%zz`)
    assert.equal(undecodable.status, 404)
    assert.doesNotMatch(await undecodable.text(), new RegExp(secret))
    assert.deepEqual(sink.violations(), [])
  })
})

describe('the server', () => {
  it('answers only under its own hosts, except to health and readiness', async () => {
    const port = new URL(origin).port
    const bare = await caller.fetch(`http://127.0.0.1:${port}/refuse`)
    assert.equal(bare.status, 421)
    assert.equal(await codeOf(bare), 'host-foreign')
    const mounted = await caller.fetch(`http://127.0.0.1:${port}/oidc/token`)
    assert.equal(mounted.status, 421)
    assert.equal((await caller.fetch(`http://127.0.0.1:${port}/health`)).status, 200)
  })

  it('carries the strict headers on every answer, and a route may widen the policy', async () => {
    for (const path of ['/refuse', '/oidc/x', '/health', '/nothing']) {
      const answer = await get(path)
      assert.match(answer.headers.get('content-security-policy') ?? '', /default-src 'none'/)
      assert.match(answer.headers.get('content-security-policy') ?? '', /frame-ancestors 'none'/)
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff')
      await answer.arrayBuffer()
    }
    const widened = await post('/form', 'a=1', 'application/x-www-form-urlencoded')
    assert.match(widened.headers.get('content-security-policy') ?? '', /script-src 'self'/)
    assert.deepEqual(await widened.json(), { body: { a: '1' }, cookie: null })
  })

  it('hands a mounted handler the path below its prefix', async () => {
    assert.equal(await (await get('/oidc/token?a=1')).text(), '/token?a=1 /oidc/token?a=1')
    assert.equal(await (await get('/oidc')).text(), '/ /oidc')
    assert.equal((await get('/oidcx')).status, 404)
  })

  it('describes its routes as OpenAPI', async () => {
    const description: unknown = await (await get('/openapi.json')).json()
    assert.match(JSON.stringify(description), /"\/names":\{"post"/)
  })

  it('is not ready while a probe fails, throws or says no', async () => {
    assert.equal((await get('/ready')).status, 200)
    server.probe('broken', async () => {
      throw new Error('no')
    })
    const answer = await get('/ready')
    assert.equal(answer.status, 503)
    assert.deepEqual(await answer.json(), { ready: false, failing: ['broken'] })
  })

  it('a port that another program has is refused by name', async () => {
    const other = await createServer({
      name: 'second',
      log: createLog({ program: 'second', sink }),
      publicOrigin: origin,
    })
    await assert.rejects(other.listen(Number(new URL(origin).port)), { code: 'port-in-use' })
    await other.stop()
  })

  it('lets a request in progress end and refuses new ones while it stops', async () => {
    const port = await freePort()
    const other = await createServer({
      name: 'draining',
      log: createLog({ program: 'draining', sink }),
      publicOrigin: `http://localhost:${port}`,
    })
    let finish = (): void => {}
    const begun = new Promise<void>(started => {
      other.app.get('/slow', async () => {
        started()
        await new Promise<void>(resolve => {
          finish = resolve
        })
        return { done: true }
      })
    })
    await other.listen(port)
    const slow = caller.fetch(`http://localhost:${port}/slow`)
    await begun
    const stopped = other.stop()
    finish()
    assert.deepEqual(await (await slow).json(), { done: true })
    await stopped
    await assert.rejects(caller.fetch(`http://localhost:${port}/slow`), { kind: 'unreachable' })
  })
})

describe('cookies', () => {
  const reading = (cookie: string) => ({ headers: { cookie } })

  it('are HttpOnly, and bound to the host under https', async () => {
    const answer = await post('/form', 'a=1', 'application/x-www-form-urlencoded')
    assert.equal(answer.headers.get('set-cookie'), 'session=abc; Path=/; HttpOnly; SameSite=Lax')
    const strict = { name: 's', publicOrigin: 'https://a.example', sameSite: 'strict' } as const
    assert.equal(createCookie(strict).name, '__Host-s')
    assert.equal(createCookie({ ...strict, path: '/x' }).name, '__Secure-s')
  })

  it('that come twice under one name are not read at all', () => {
    const cookie = createCookie({ name: 's', publicOrigin: 'http://localhost', sameSite: 'lax' })
    assert.equal(cookie.read(reading('a=b; s=1')), '1')
    assert.equal(cookie.read(reading('s=1; s=2')), undefined)
    assert.equal(cookie.read(reading('xs=1')), undefined)
    assert.equal(cookie.read({ headers: {} }), undefined)
  })

  it('refuse a value that would break out of the header', async () => {
    const broken = createCookie({ name: 's', publicOrigin: 'http://localhost', sameSite: 'lax' })
    const port = await freePort()
    const other = await createServer({
      name: 'cookie',
      log: createLog({ program: 'cookie', sink }),
      publicOrigin: `http://localhost:${port}`,
    })
    other.app.get('/', async (_request, reply) => broken.write(reply, 'a; Domain=evil'))
    await other.listen(port)
    assert.equal((await caller.fetch(`http://localhost:${port}/`)).status, 500)
    await other.stop()
  })
})

it('a request whose Host header is missing or doubled in case is judged by the same rule', async () => {
  const url = new URL(origin)
  const status = (host: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const outgoing = nodeRequest(
        { host: '127.0.0.1', port: url.port, path: '/oidc', headers: { host }, agent: false },
        response => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      outgoing.on('error', reject)
      outgoing.end()
    })
  assert.equal(await status(url.host.toUpperCase()), 200)
  assert.equal(await status(url.hostname), 421)
  assert.equal(await status('evil.example'), 421)
})
