import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SekishoError } from './failure.ts'
import {
  type Bending,
  clientAndPlatform,
  issuer,
  problem,
  receiptOf,
} from './platform-for-tests.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

async function codeOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(thrown instanceof SekishoError, 'rejects with a SekishoError')
  return thrown.code
}

/** A login on a bent platform. */
async function login(bending: Bending = {}, more: Readonly<Record<string, string>> = {}) {
  const { sekisho, callback } = await clientAndPlatform(bending)
  const { url, pending } = await sekisho.beginLogin()
  return sekisho.finish(callback(url, more), pending)
}

test('a login gives the pairwise subject, and the request carried PKCE, state, nonce and the language', async () => {
  const { sekisho, seen, callback } = await clientAndPlatform()
  const { url, pending } = await sekisho.beginLogin({ lang: 'en' })
  const pushed = seen.find(one => one.path === '/par')?.form
  assert.equal(pushed?.get('code_challenge_method'), 'S256')
  assert.equal(pushed?.get('ui_locales'), 'en')
  assert.equal(pushed?.get('state'), pending.state)
  assert.equal(pushed?.get('nonce'), pending.nonce)
  assert.ok(pushed?.get('client_assertion'))
  assert.ok(!url.includes(pending.verifier) && !url.includes(pending.state))
  assert.equal((await sekisho.finish(callback(url), pending)).subject, 's1')
})

test('without a wish for a language none is sent', async () => {
  const { sekisho, seen } = await clientAndPlatform()
  await sekisho.beginIdentify(['name'])
  const pushed = seen.find(one => one.path === '/par')?.form
  assert.equal(pushed?.has('ui_locales'), false)
  assert.equal(pushed?.get('scope'), 'openid name')
})

test('an answer that belongs to another login of this provider is refused', async () => {
  const { sekisho, callback } = await clientAndPlatform()
  const one = await sekisho.beginLogin()
  const other = await sekisho.beginLogin()
  assert.equal(await codeOf(sekisho.finish(callback(other.url), one.pending)), 'session-foreign')
})

for (const [name, bending, more] of [
  ['from another issuer', {}, { iss: 'https://other.example' }],
  ['with another nonce', { nonce: 'other' }, {}],
  ['of a weaker authentication', { acr: 'urn:sekisho:acr:none' }, {}],
  ['whose claims are another person’s', { userinfoSubject: 's2' }, {}],
  ['whose address carries an unknown error', {}, { error: 'login_required', code: '' }],
] as const)
  test(`an answer ${name} is no login`, async () => {
    assert.equal(await codeOf(login(bending, more)), 'unexpected')
  })

test('an answer without issuer is no login', async () => {
  const { sekisho, callback } = await clientAndPlatform()
  const { url, pending } = await sekisho.beginLogin()
  const address = callback(url).replace(/&iss=[^&]*/, '')
  assert.equal(await codeOf(sekisho.finish(address, pending)), 'unexpected')
})

test('a code is of no use with the verifier of another login', async () => {
  const { sekisho, callback } = await clientAndPlatform()
  const one = await sekisho.beginLogin()
  const other = await sekisho.beginLogin()
  const pending = { ...one.pending, verifier: other.pending.verifier }
  assert.equal(await codeOf(sekisho.finish(callback(one.url), pending)), 'unexpected')
})

test('what the person refused reaches the provider as the platform’s code', async () => {
  const refused = { error: 'access_denied', error_description: 'consent-refused' }
  assert.equal(await codeOf(login({}, refused)), 'consent-refused')
})

test('a discovery document of another issuer is refused', async () => {
  const { sekisho } = await clientAndPlatform({ issuerInDiscovery: 'https://other.example' })
  assert.equal(await codeOf(sekisho.beginLogin()), 'unexpected')
})

test('OAuth errors carry the platform’s code, whatever step they come from', async () => {
  const refuse = (code: string) =>
    new Response(JSON.stringify({ error: 'invalid_request', code }), {
      status: 400,
      headers: { 'content-type': 'application/json' },
    })
  for (const [path, code] of [
    ['/par', 'scope-exceeded'],
    ['/token', 'provider-unauthenticated'],
  ] as const) {
    const before = (request: { readonly path: string }) =>
      request.path === path ? refuse(code) : undefined
    assert.equal(await codeOf(login({ before })), code)
  }
})

test('no answer, a gateway’s page and a platform that stops are told apart from refusals', async () => {
  const unreachable = (): never => {
    throw new TypeError('fetch failed')
  }
  const page = () => new Response('<h1>Bad Gateway</h1>', { status: 502 })
  const stopping = () => problem('shutting-down', 503)
  for (const [answer, code] of [
    [unreachable, 'platform-unreachable'],
    [page, 'platform-unreachable'],
    [stopping, 'shutting-down'],
  ] as const)
    for (const path of ['/.well-known/openid-configuration', '/par', '/token', '/userinfo']) {
      const before = (request: { readonly path: string }) =>
        request.path === path ? answer() : undefined
      assert.equal(await codeOf(login({ before })), code, path)
    }
})

test('a safe call is put a second time when no answer came, an unsafe one is not', async () => {
  const failing =
    (path: string) => (request: { readonly path: string; readonly count: number }) => {
      if (request.path === path && request.count === 1) throw new TypeError('socket hang up')
      return undefined
    }
  const safe = await clientAndPlatform({ before: failing('/v1/statements/2026-11') })
  assert.equal((await safe.sekisho.statement('2026-11')).totalYen, 0)
  const signing = await clientAndPlatform({ before: failing('/v1/signing-transactions') })
  const request = {
    title: 't',
    mediaType: 'text/plain',
    document: bytes('a'),
    subject: 's',
  } as const
  assert.equal((await signing.sekisho.createSigning(request, 'key-0001')).id, 'tx')
  const unsafe = await clientAndPlatform({ before: failing('/v1/verifications') })
  const judged = { document: bytes('a'), signature: bytes('b'), certificate: bytes('c') }
  assert.equal(await codeOf(unsafe.sekisho.verify(judged)), 'platform-unreachable')
  assert.equal(unsafe.seen.filter(one => one.path === '/v1/verifications').length, 1)
})

test('calls share an access token for each scope, and a forgotten one is fetched anew once', async () => {
  const before = ({ path, count }: { readonly path: string; readonly count: number }) =>
    path === '/v1/statements/2026-11' && count === 3
      ? problem('provider-unauthenticated', 401)
      : undefined
  const { sekisho, seen } = await clientAndPlatform({ before })
  await Promise.all([sekisho.statement('2026-11'), sekisho.statement('2026-11')])
  const grants = () => seen.filter(one => one.path === '/token').map(one => one.form.get('scope'))
  assert.deepEqual(grants(), ['statement'])
  await sekisho.readSigning('tx', bytes('a'))
  assert.deepEqual(grants(), ['statement', 'sign'])
  await sekisho.statement('2026-11')
  assert.deepEqual(grants(), ['statement', 'sign', 'statement'])
  const tokens = seen
    .filter(one => one.path === '/v1/statements/2026-11')
    .map(one => one.authorization)
  assert.equal(new Set(tokens).size, 2)
})

test('a refused token is not asked for again and again', async () => {
  const before = ({ path }: { readonly path: string }) =>
    path.startsWith('/v1/') ? problem('provider-unauthenticated', 401) : undefined
  const { sekisho, seen } = await clientAndPlatform({ before })
  assert.equal(await codeOf(sekisho.statement('2026-11')), 'provider-unauthenticated')
  assert.equal(await codeOf(sekisho.statement('2026-11')), 'provider-unauthenticated')
  assert.ok(seen.filter(one => one.path === '/token').length <= 2)
})

test('a receipt counts only for its document, transaction, provider, issuer and signer', async () => {
  const sign = async (receipt: Bending['receipt'], document = 'a') => {
    const { sekisho, callback } = await clientAndPlatform({ ...(receipt && { receipt }) })
    const { url, pending } = await sekisho.beginSigning('tx')
    return sekisho.finishSigning(callback(url), pending, bytes(document))
  }
  assert.equal((await sign(undefined)).receipt.jti, 'tx')
  assert.equal(await codeOf(sign(undefined, 'b')), 'signature-invalid')
  assert.equal(await codeOf(sign(receiptOf({ jti: 'other' }))), 'unexpected')
  assert.equal(await codeOf(sign(receiptOf({ sub: 's2' }))), 'signer-is-another')
})

test('a kept receipt is verified again, and one by another key is not', async () => {
  const one = await clientAndPlatform()
  const other = await clientAndPlatform()
  const standing = await one.sekisho.readSigning('tx', bytes('a'))
  assert.ok(standing.state === 'signed')
  assert.equal((await one.sekisho.verifyReceipt(standing.jws, bytes('a'))).iss, issuer)
  assert.equal(
    await codeOf(other.sekisho.verifyReceipt(standing.jws, bytes('a'))),
    'signature-invalid',
  )
})

test('finishing a signature that was never begun is refused before anything is asked', async () => {
  const { sekisho, seen } = await clientAndPlatform()
  const pending = { state: 's', nonce: 'n', verifier: 'v', acr: 'a' }
  const work = sekisho.finishSigning('https://shop.example/callback?state=s', pending, bytes('a'))
  assert.equal(await codeOf(work), 'transaction-unknown')
  assert.equal(seen.length, 0)
})
