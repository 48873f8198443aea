import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, it } from 'node:test'
import { createServer, type Server } from '@sekisho/runtime/http'
import { signingKeyOf } from '@sekisho/runtime/keyring'
import { createKey } from '@sekisho/runtime/keys'
import { silentLog } from '@sekisho/runtime/log'
import { findProvider } from '../providers/registry.ts'
import { startTestWorld, type TestWorld } from '../world-for-tests.ts'
import { createOpenId } from './open-id.ts'

let world: TestWorld
let server: Server
let port: number

before(async () => {
  world = await startTestWorld()
  const key = await createKey('ec-p256')
  const openId = createOpenId({
    issuer: world.issuer,
    store: world.store,
    log: silentLog(),
    keys: [signingKeyOf(key)],
    cookieSecrets: ['a secret of the test'],
    findProvider: id => findProvider(world.store, id),
    subjectOf: () => Promise.resolve(undefined),
    releasedBy: () => Promise.resolve({}),
    certificates: undefined,
    personOf: () => Promise.resolve(undefined),
    keepBackchannel: () => Promise.resolve(),
    isStanding: () => Promise.resolve(true),
    fetch: () => Promise.reject(new TypeError('nothing is fetched')),
    renderPage: refusal => `<code>${refusal.code}</code>`,
  })
  server = await createServer({ name: 'test', log: silentLog(), publicOrigin: world.issuer })
  server.mount('/oidc', openId.handler, { keepPath: true })
  server.mount('/.well-known/openid-configuration', openId.handler, { keepPath: true })
  port = (await server.listen(0)).port
  await world.provider('bank', { scope: 'openid' })
})
after(async () => {
  await server.stop()
  await world.close()
})

/** A request as a proxy that ended TLS would pass it on. */
function ask(path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
    (resolve, reject) => {
      const host = new URL(world.issuer).host
      const sent = request({ port, path, headers: { host, ...headers } }, answer => {
        let body = ''
        answer.setEncoding('utf8').on('data', (text: string) => {
          body += text
        })
        answer.on('end', () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }),
        )
      })
      sent.on('error', reject).end()
    },
  )
}

const authorize = (more: Record<string, string> = {}): string =>
  `/oidc/authorize?${new URLSearchParams({
    client_id: 'bank',
    response_type: 'code',
    scope: 'openid',
    redirect_uri: 'https://bank.example/callback',
    code_challenge: 'x'.repeat(43),
    code_challenge_method: 'S256',
    state: 's',
    ...more,
  })}`

it('addresses are the issuer’s, whatever a request says of scheme and host', async () => {
  for (const headers of [{}, { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' }]) {
    const { body } = await ask('/.well-known/openid-configuration', headers)
    const found = JSON.parse(body)
    assert.equal(found.issuer, world.issuer)
    for (const [name, value] of Object.entries(found))
      if (name !== 'end_session_endpoint' && (name.endsWith('_endpoint') || name === 'jwks_uri'))
        assert.ok(String(value).startsWith(`${world.issuer}/oidc/`), name)
    assert.deepEqual(found.subject_types_supported, ['pairwise'])
    assert.deepEqual(found.token_endpoint_auth_methods_supported, ['private_key_jwt'])
    assert.deepEqual(found.code_challenge_methods_supported, ['S256'])
    assert.equal(found.verified_claims_supported, true)
    assert.equal(found.end_session_endpoint, `${world.issuer}/logout`)
    // Logout tokens name the person, never a session: there is none here.
    assert.equal(found.backchannel_logout_supported, true)
    assert.equal(found.backchannel_logout_session_supported, false)
  }
})

it('an authorization leads to a card step with secure cookies of its own, and to no session', async () => {
  const answer = await ask(authorize(), { cookie: 'sekisho_session=planted; other=1' })
  assert.equal(answer.status, 303)
  assert.match(String(answer.headers['location']), /\/interaction\/[\w-]+$/)
  const cookies = answer.headers['set-cookie'] as string[]
  assert.ok(cookies.length > 0)
  for (const cookie of cookies) {
    assert.match(cookie, /; secure/i)
    assert.match(cookie, /; httponly/i)
    assert.match(cookie, /; samesite=lax/i)
    assert.equal(cookie.startsWith('sekisho_session'), false)
  }
})

it('errors go back with our code; without a registered address they go nowhere', async () => {
  const codeIn = (location: unknown): string | null =>
    new URL(String(location)).searchParams.get('error_description')
  const beyond = await ask(authorize({ scope: 'openid name' }))
  assert.equal(codeIn(beyond.headers['location']), 'scope-exceeded')
  const plain = await ask(authorize({ code_challenge_method: 'plain' }))
  assert.equal(codeIn(plain.headers['location']), 'authorization-malformed')
  for (const address of [
    'https://bank.example/callback/',
    'https://bank.example/callback?x=1',
    'https://bank.example.evil.example/callback',
    'http://bank.example/callback',
  ]) {
    const answer = await ask(authorize({ redirect_uri: address }), { accept: 'text/html' })
    assert.equal(answer.headers['location'], undefined, address)
    assert.match(answer.body, /redirect-mismatch/)
  }
})

it('no grant but those offered, and no implicit flow', async () => {
  const implicit = await ask(authorize({ response_type: 'id_token', nonce: 'n' }))
  assert.notEqual(new URL(String(implicit.headers['location'])).searchParams.get('error'), '')
  const { body } = await ask('/.well-known/openid-configuration')
  assert.deepEqual(JSON.parse(body).grant_types_supported.toSorted(), [
    'authorization_code',
    'client_credentials',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:openid:params:grant-type:ciba',
  ])
})
