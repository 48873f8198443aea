import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { httpbis } from 'http-message-signatures'
import { z } from 'zod'
import { protocolNow } from './clock.ts'
import { createServer, requireSignedMessages, type Server } from './http.ts'
import { createKey } from './keys.ts'
import { silentLog } from './log.ts'
import {
  type AnswerToSign,
  createFetch,
  createNonceMemory,
  freePort,
  type MessageKey,
  type RequestToSign,
  receivedAnswer,
  signAnswer,
  signRequest,
  verifyAnswer,
  verifyRequest,
} from './net.ts'
import { systemRandom } from './random.ts'
import { signatureBase, valuesOf } from './signed-messages.ts'
import { parseInput } from './structured-fields.ts'

const specification = new URL(
  '../../../docs/protocol/authority-messages-signing.md',
  import.meta.url,
)
const text = readFileSync(specification, 'utf8')
const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value)

function vector(name: string): string {
  const found = new RegExp(`^\`\`\`\\w+ vector=${name}\\n([^]*?)\\n\`\`\`$`, 'm').exec(text)?.[1]
  if (found === undefined) throw new Error(`the specification has no vector ${name}`)
  return found
}

type Message = { headers: Record<string, string>; body: string }
const jwk: { kid: string } = JSON.parse(vector('key'))
const privateKey = createPrivateKey({ key: jwk, format: 'jwk' })
const publicKey = createPublicKey(privateKey)
const key: MessageKey = { keyId: jwk.kid, privateKey }
const keyOf = async (keyId: string): Promise<KeyObject | undefined> =>
  keyId === jwk.kid ? publicKey : undefined
const at = Date.UTC(2026, 0, 1)
const nonce = 'AAECAwQFBgcICQoLDA0ODw'

const plainRequest: Message & { method: string; url: string } = JSON.parse(vector('request'))
const request: RequestToSign = { ...plainRequest, body: utf8(plainRequest.body) }
const plainAnswer: Message & { status: number } = JSON.parse(vector('answer'))
const answer: AnswerToSign = { ...plainAnswer, body: utf8(plainAnswer.body) }

const freshMemory = () => createNonceMemory(() => at)
const check = (message: RequestToSign, now = at, nonces = freshMemory()) =>
  verifyRequest(message, { keyOf, at: now, nonces })
const signed = (message: RequestToSign = request): RequestToSign => ({
  ...message,
  headers: signRequest(message, { key, at, nonce }),
})

/** The input with a part replaced, signed anew by the key's holder: what a careless peer might send. */
function resigned(change: (input: string) => string): RequestToSign {
  const message = signed({ ...request, headers: { ...request.headers, accept: '*/*' } })
  const input = change((message.headers['signature-input'] ?? '').slice('sekisho='.length))
  const parsed = parseInput(input)
  const headers = { ...message.headers, 'signature-input': `sekisho=${input}` }
  if (parsed === undefined) return { ...message, headers }
  const base = signatureBase(parsed, valuesOf(message))
  const signature = sign('sha256', base, {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  }).toString('base64')
  return { ...message, headers: { ...headers, signature: `sekisho=:${signature}:` } }
}

describe('the vectors of the specification', () => {
  const sent: RequestToSign = {
    ...request,
    headers: { ...signed().headers, signature: vector('request-signature') },
  }

  it('are what we write', () => {
    const input = parseInput(sent.headers['signature-input']?.slice('sekisho='.length))
    assert.ok(input !== undefined)
    const base = new TextDecoder().decode(signatureBase(input, valuesOf(sent)))
    assert.equal(base, vector('request-base'))
    const back: AnswerToSign = {
      ...answer,
      headers: signAnswer(answer, { request: sent, key, at: at + 1_000 }),
    }
    const answerInput = parseInput(back.headers['signature-input']?.slice('sekisho='.length))
    assert.ok(answerInput !== undefined)
    const answerBase = new TextDecoder().decode(signatureBase(answerInput, valuesOf(sent, back)))
    assert.equal(answerBase, vector('answer-base'))
  })

  it('hold, their bases by bare cryptography too', async () => {
    assert.equal((await check(sent)).keyId, jwk.kid)
    const back = signAnswer(answer, { request: sent, key, at: at + 1_000 })
    const headers = { ...back, signature: vector('answer-signature') }
    await verifyAnswer({ ...answer, headers }, { request: sent, keyOf, at: at + 1_000 })
    for (const name of ['request', 'answer']) {
      const signature = Buffer.from(vector(`${name}-signature`).slice('sekisho=:'.length), 'base64')
      const options = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
      assert.equal(verify('sha256', utf8(vector(`${name}-base`)), options, signature), true)
    }
  })

  it('are read alike by another implementation of RFC 9421', () => {
    const { method, url, headers } = sent
    const fields = ['@method', '@target-uri', 'content-digest', 'content-type', 'idempotency-key']
    const plain = httpbis.createSignatureBase({ fields }, { method, url, headers: { ...headers } })
    const lines = httpbis.formatSignatureBase(plain)
    assert.equal(vector('request-base').startsWith(`${lines}\n"@signature-params": `), true)
    const ofRequest = ['@method', '@target-uri', 'content-digest'].map(name => `"${name}";req`)
    const answerFields = ['"@status"', '"content-digest"', '"content-type"', ...ofRequest]
    const back = signAnswer(answer, { request: sent, key, at: at + 1_000 })
    const answerBase = httpbis.createSignatureBase(
      { fields: answerFields },
      { status: 200, headers: { ...back } },
      { method, url, headers: { ...headers } },
    )
    const answerLines = httpbis.formatSignatureBase(answerBase).split('\n')
    assert.deepEqual(answerLines, vector('answer-base').split('\n').slice(0, 6))
  })
})

describe('a signed request', () => {
  it('holds as it was sent, and tells who sent it', async () => {
    const verified = await check(signed())
    assert.equal(verified.keyId, jwk.kid)
    assert.equal(verified.created, at)
    const bodiless = {
      method: 'GET',
      url: 'https://a.example',
      headers: {},
      body: new Uint8Array(),
    }
    assert.equal((await check(signed(bodiless))).request.method, 'GET')
  })

  it('does not hold when anything it covers is changed', async () => {
    const message = signed()
    const changes: Record<string, RequestToSign> = {
      method: { ...message, method: 'PUT' },
      path: { ...message, url: `${message.url}/x` },
      query: { ...message, url: `${message.url}?a=1` },
      host: { ...message, url: message.url.replace('authority.', 'other.') },
      body: { ...message, body: utf8('{"serial":"0012"}') },
      digest: { ...message, headers: { ...message.headers, 'content-digest': 'sha-256=:AAAA:' } },
      type: { ...message, headers: { ...message.headers, 'content-type': 'text/plain' } },
      idempotency: { ...message, headers: { ...message.headers, 'idempotency-key': 'another' } },
    }
    for (const [what, changed] of Object.entries(changes)) {
      await assert.rejects(check(changed), { code: 'message-unsigned' }, what)
    }
  })

  it('is refused when a covered header was added or taken away on the way', async () => {
    const { 'idempotency-key': _, ...fewer } = signed().headers
    await assert.rejects(check({ ...request, headers: fewer }), { code: 'message-unsigned' })
    const { 'idempotency-key': __, ...plain } = request.headers
    const without = signed({ ...request, headers: plain })
    const added = { ...without, headers: { ...without.headers, 'idempotency-key': 'x' } }
    await assert.rejects(check(added), { code: 'message-unsigned' })
  })

  it('is refused when its holder covers less, more, twice, or says other than the profile', async () => {
    const changes: Record<string, (input: string) => string> = {
      less: input => input.replace('"@method" ', ''),
      more: input => input.replace('"@method"', '"@method" "accept"'),
      twice: input => input.replace('"@method"', '"@method" "@method"'),
      'twice instead of another': input => input.replace('"content-digest"', '"@method"'),
      'of a request': input => input.replace('"content-digest"', '"content-digest";req'),
      algorithm: input => input.replace('ecdsa-p256-sha256', 'hmac-sha256'),
      'no algorithm': input => input.replace(';alg="ecdsa-p256-sha256"', ''),
      tag: input => input.replace('sekisho-request', 'sekisho-answer'),
      'no nonce': input => input.replace(/;nonce="[^"]*"/, ''),
      'short nonce': input => input.replace(/;nonce="[^"]*"/, ';nonce="1"'),
      'no expiry': input => input.replace(/;expires=\d+/, ''),
      'long life': input => input.replace(/;expires=\d+/, ';expires=1767225661'),
      'ended before it began': input => input.replace(/;expires=\d+/, ';expires=1767225600'),
      'unknown parameter': input => `${input};x=1`,
      'parameter twice': input => `${input};tag="sekisho-request"`,
      'unknown key': input => input.replace('test-key-ecc-p256', 'somebody'),
    }
    for (const [what, change] of Object.entries(changes)) {
      await assert.rejects(check(resigned(change)), { code: 'message-unsigned' }, what)
    }
    assert.equal((await check(resigned(input => input))).keyId, jwk.kid)
    const reordered = resigned(input =>
      input.replace('"@method" "@target-uri"', '"@target-uri" "@method"'),
    )
    assert.equal((await check(reordered)).keyId, jwk.kid)
  })

  it('is refused with two signatures, none, or bytes that are none', async () => {
    const { headers } = signed()
    const input = headers['signature-input'] ?? ''
    const signature = headers['signature'] ?? ''
    const wrongs = [
      { 'signature-input': `${input}, other=()`, signature },
      { 'signature-input': input, signature: `${signature}, other=:AA==:` },
      { 'signature-input': `${input}, ${input}`, signature },
      { 'signature-input': input.replace('sekisho', 'other'), signature },
      { 'signature-input': '', signature: '' },
      { 'signature-input': input, signature: 'sekisho=:AAAA:' },
      { 'signature-input': input, signature: signature.replace('sekisho=:', 'sekisho=') },
      { 'signature-input': input, signature: signature.replace('==:', 'x=:') },
    ]
    for (const wrong of wrongs) {
      await assert.rejects(check({ ...request, headers: { ...headers, ...wrong } }), {
        code: 'message-unsigned',
      })
    }
    await assert.rejects(check(request), { code: 'message-unsigned' })
  })

  it('holds within its window and not a second outside it', async () => {
    const message = signed()
    await check(message, at + 90_000)
    await check(message, at - 30_000)
    await assert.rejects(check(message, at + 91_000), { code: 'message-expired' })
    await assert.rejects(check(message, at - 31_000), { code: 'message-expired' })
  })

  it('counts once, and only its sender can use up its nonce', async () => {
    const nonces = freshMemory()
    const message = signed()
    const forged = { ...message, body: utf8('{}') }
    await assert.rejects(check(forged, at, nonces), { code: 'message-unsigned' })
    await check(message, at, nonces)
    await assert.rejects(check(message, at, nonces), { code: 'message-replayed' })
  })

  it('signed by a key of another curve is a fault, not a refusal', async () => {
    const wrong = await createKey('ed25519')
    const given = { keyOf: async () => wrong.publicKey, at, nonces: freshMemory() }
    await assert.rejects(verifyRequest(signed(), given), error => !(error instanceof Refusal))
  })
})

describe('a signed answer', () => {
  const sent = signed()
  const back: AnswerToSign = { ...answer, headers: signAnswer(answer, { request: sent, key, at }) }
  const accept = (message: AnswerToSign, to: RequestToSign = sent, now = at): Promise<void> =>
    verifyAnswer(message, { request: to, keyOf, at: now })

  it('holds for the request it answers and for no other', async () => {
    await accept(back)
    const invalid = { code: 'authority-answer-invalid' }
    await assert.rejects(accept(back, signed()), invalid)
    await assert.rejects(accept(back, { ...sent, url: `${sent.url}?x` }), invalid)
    await assert.rejects(accept({ ...back, status: 404 }), invalid)
    await assert.rejects(accept({ ...back, body: utf8('{"found":true}') }), invalid)
    await assert.rejects(accept(back, sent, at + 91_000), invalid)
    await assert.rejects(accept({ ...answer }), invalid)
    await assert.rejects(accept({ ...back, headers: sent.headers }), invalid)
  })
})

describe('routes that require signed messages', () => {
  const random = systemRandom()
  const caller = createFetch()
  let server: Server
  let origin: string
  before(async () => {
    const port = await freePort()
    origin = `http://authority.localhost:${port}`
    server = await createServer({ name: 'authority', log: silentLog(), publicOrigin: origin })
    await server.app.register(async scope => {
      requireSignedMessages(scope, {
        publicOrigin: origin,
        key,
        keyOf,
        nonces: createNonceMemory(protocolNow),
      })
      scope.route({
        method: 'POST',
        url: '/ask',
        schema: {
          body: z.object({ serial: z.string() }),
          response: { 200: z.object({ by: z.string() }) },
        },
        handler: async asked => ({ by: asked.signedRequest?.keyId ?? '' }),
      })
      scope.get('/refuse', async () => {
        throw new Refusal('certificate-unknown')
      })
    })
    await server.listen(port)
  })
  after(async () => {
    await caller.close()
    await server.stop()
  })

  const send = async (message: RequestToSign): Promise<AnswerToSign> =>
    receivedAnswer(
      await caller.fetch(message.url, {
        method: message.method,
        headers: { ...message.headers },
        ...(message.body.length === 0 ? {} : { body: Uint8Array.from(message.body) }),
      }),
    )
  const ask = (method: string, path: string, body = ''): RequestToSign => {
    const plain: RequestToSign = {
      method,
      url: `${origin}${path}`,
      headers: body === '' ? {} : { 'content-type': 'application/json' },
      body: utf8(body),
    }
    const given = { key, at: protocolNow(), nonce: random.token(128) }
    return { ...plain, headers: signRequest(plain, given) }
  }

  it('answer a signed question with a signed answer, and a refusal with a signed refusal', async () => {
    for (const message of [
      ask('POST', '/ask', '{ "serial": "1" }'),
      ask('POST', '/ask', '{"serial":1}'),
      ask('GET', '/refuse?a=%20b'),
    ]) {
      const back = await send(message)
      await verifyAnswer(back, { request: message, keyOf, at: protocolNow() })
      if (message.url.endsWith('/ask') && back.status === 200) {
        assert.deepEqual(JSON.parse(new TextDecoder().decode(back.body)), { by: jwk.kid })
      }
    }
  })

  it('refuse an unsigned and a repeated question before they look at it', async () => {
    const unsigned = await send({
      ...ask('POST', '/ask', '{"wrong":1}'),
      headers: { 'content-type': 'application/json' },
    })
    assert.equal(unsigned.status, 401)
    const message = ask('POST', '/ask', '{"serial":"1"}')
    assert.equal((await send(message)).status, 200)
    assert.equal((await send(message)).status, 409)
  })
})
