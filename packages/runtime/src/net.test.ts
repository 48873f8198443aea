import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import { after, before, describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { createEffects } from './effects.ts'
import { createFetch, freePort, NetworkFault } from './net.ts'

const handler: RequestListener = (request, response) => {
  switch (request.url) {
    case '/redirect':
      response.writeHead(302, { location: '/elsewhere' })
      response.end()
      return
    case '/large':
      response.end('x'.repeat(10_001))
      return
    case '/bomb':
      response.writeHead(200, { 'content-encoding': 'gzip' })
      response.end(gzipSync(new Uint8Array(5_000_000)))
      return
    case '/slow-head':
      return
    case '/slow-body':
      response.write('begun')
      return
    case '/cut':
      response.writeHead(200, { 'content-length': '100' })
      response.write('begun')
      setTimeout(() => response.destroy(), 10)
      return
    case '/empty':
      response.writeHead(204)
      response.end()
      return
    default:
      response.setHeader('set-cookie', ['a=1', 'b=2'])
      response.end(`${request.method} ${request.headers.host} ${request.url}`)
  }
}

describe('fetch', () => {
  const server = createServer(handler)
  let port: number
  const caller = createFetch({ timeoutMs: 300, answerBytesMax: 10_000 })
  before(async () => {
    port = await freePort()
    await new Promise<void>(resolve => {
      server.listen(port, '127.0.0.1', resolve)
    })
  })
  after(async () => {
    await caller.close()
    server.closeAllConnections()
    await new Promise(resolve => {
      server.close(resolve)
    })
  })

  it('finds every name under localhost on the loopback', async () => {
    for (const host of ['localhost', 'bank.localhost', 'a.b.LOCALHOST']) {
      const answer = await caller.fetch(`http://${host}:${port}/x?y=1`)
      assert.equal(await answer.text(), `GET ${host.toLowerCase()}:${port} /x?y=1`)
      assert.deepEqual(answer.headers.getSetCookie(), ['a=1', 'b=2'])
      assert.equal(answer.url, `http://${host.toLowerCase()}:${port}/x?y=1`)
    }
  })

  it('does not take a name that only ends like it for the loopback', async () => {
    await assert.rejects(caller.fetch(`http://notlocalhost:${port}/`), NetworkFault)
  })

  it('hands a redirect back instead of following it', async () => {
    const answer = await caller.fetch(`http://localhost:${port}/redirect`)
    assert.equal(answer.status, 302)
    assert.equal(answer.headers.get('location'), '/elsewhere')
    const followed = await caller.fetch(`http://localhost:${port}/redirect`, { redirect: 'follow' })
    assert.equal(followed.status, 200)
  })

  it('breaks off an answer past its limit, also one that only unpacks to it', async () => {
    for (const path of ['/large', '/bomb']) {
      const answer = await caller.fetch(`http://localhost:${port}${path}`)
      await assert.rejects(answer.arrayBuffer(), { kind: 'answer-too-large' })
    }
    assert.equal((await caller.fetch(`http://localhost:${port}/empty`)).body, null)
  })

  it('ends in time when no head or no end of the body comes', async () => {
    await assert.rejects(caller.fetch(`http://localhost:${port}/slow-head`), { kind: 'timeout' })
    const answer = await caller.fetch(`http://localhost:${port}/slow-body`)
    await assert.rejects(answer.text(), { kind: 'timeout' })
  })

  it('says that the other side is unreachable, naming its origin and no path', async () => {
    const closed = await freePort()
    await assert.rejects(caller.fetch(`http://localhost:${closed}/people?serial=1`), error => {
      assert.ok(error instanceof NetworkFault)
      assert.equal(error.kind, 'unreachable')
      assert.equal(error.origin, `http://localhost:${closed}`)
      assert.doesNotMatch(error.message, /serial/)
      return true
    })
    const cut = await caller.fetch(`http://localhost:${port}/cut`)
    await assert.rejects(cut.text(), { kind: 'unreachable' })
  })

  it('tells an abort by the caller from a timeout', async () => {
    const abort = new AbortController()
    const call = caller.fetch(`http://localhost:${port}/slow-head`, { signal: abort.signal })
    abort.abort(new Error('changed my mind'))
    await assert.rejects(call, /changed my mind/)
  })

  it('passes through the tap', async () => {
    const effects = createEffects()
    const tapped = createFetch({ effects })
    await (await tapped.fetch(`http://localhost:${port}/`)).text()
    assert.deepEqual(effects.seen(), ['request-sent', 'answer-received'])
    await tapped.close()
  })
})
