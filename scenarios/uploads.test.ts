/** C1 over the API for files of any size: uploaded in pieces, over connections that break, and no business of other providers. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { startTestTown, type TestProvider, type TestTown } from '@sekisho/cli/testkit'
import { fileVerificationReport, uploadState } from '@sekisho/contract'
import { importPrivateKey, parseCertificate } from '@sekisho/pki'
import { prepareCades } from '@sekisho/pki/assemble'

const mebibyte = 1024 * 1024

describe('uploads', () => {
  let town: TestTown
  let shop: TestProvider
  let token = ''
  let pieces = 0
  /** Pieces that break off on their way: the server gets half of each. */
  let breaks = 0
  const watched =
    (inner: typeof fetch): typeof fetch =>
    async (input, init) => {
      const given = new Headers(init?.headers).get('authorization')
      if (given?.startsWith('Bearer ') === true) token = given
      if (init?.method !== 'PATCH') return inner(input, init)
      pieces += 1
      if (breaks === 0) return inner(input, init)
      breaks -= 1
      return inner(input, { ...init, body: halfOf(init.body), duplex: 'half' })
    }
  before(async () => {
    town = await startTestTown()
    shop = await town.provider({ id: 'shop', fetch: watched })
  })
  after(() => town.stop())

  async function signed(content: Uint8Array, kind: 'attached' | 'detached'): Promise<Uint8Array> {
    await using card = await town.takeCard('plain-adult')
    const keys = card.state().signature
    const prepared = prepareCades({
      content: { kind, bytes: content },
      certificate: parseCertificate(Buffer.from(keys.certificate ?? '', 'base64')),
      certificates: [],
      algorithm: 'rsa-sha256',
      signingTime: town.clock.now(),
    })
    const key = importPrivateKey(Buffer.from(keys.privateKey ?? '', 'base64'))
    return prepared.finish(key.sign('rsa-sha256', prepared.toBeSigned))
  }

  const call = (method: string, path: string, headers: Record<string, string> = {}, body?: Blob) =>
    town.fetch(`${town.urls.platform}${path}`, {
      method,
      headers: { authorization: token, ...headers },
      ...(body === undefined ? {} : { body }),
    })
  const piece = (id: string, offset: string, complete: string, body = new Blob(['abc'])) =>
    call(
      'PATCH',
      `/v1/uploads/${id}`,
      {
        'content-type': 'application/partial-upload',
        'upload-offset': offset,
        'upload-complete': complete,
      },
      body,
    )
  const begin = async (): Promise<string> => {
    const answer = await call('POST', '/v1/uploads')
    assert.equal(answer.status, 201)
    const { id } = uploadState.parse(await answer.json())
    assert.equal(answer.headers.get('location'), `/v1/uploads/${id}`)
    return id
  }
  const refused = async (answer: Response, status: number, code: string): Promise<void> => {
    assert.equal(answer.status, status)
    assert.ok((await answer.text()).includes(`"code":"${code}"`))
  }
  const judge = (body: unknown) =>
    call(
      'POST',
      '/v1/file-verifications',
      { 'content-type': 'application/json' },
      new Blob([JSON.stringify(body)]),
    )

  it('a signed file of 24 MiB passes, though connections break; one byte in it changed does not', async () => {
    const content = new Uint8Array(24 * mebibyte).fill(0x41)
    const file = await signed(content, 'attached')
    breaks = 2
    const report = await shop.sekisho.verifyFile({ kind: 'cms', file })
    assert.equal(report.indication, 'TOTAL-PASSED', JSON.stringify(report.reasons))
    assert.equal(breaks, 0)
    assert.ok(pieces >= 8)
    const altered = new Blob([file.with(12 * mebibyte, 0x42)])
    const other = await shop.sekisho.verifyFile({ kind: 'cms', file: altered })
    assert.deepEqual([other.verdict, other.subIndication], ['failed', 'HASH_FAILURE'])
  })

  it('so does a small one beside its large content', async () => {
    const content = new Uint8Array(20 * mebibyte).fill(0x41)
    const file = await signed(content, 'detached')
    const { verdict } = await shop.sekisho.verifyFile({ kind: 'cms', file, content })
    assert.equal(verdict, 'passed')
    const other = await shop.sekisho.verifyFile({ kind: 'cms', file, content: content.with(7, 1) })
    assert.equal(other.subIndication, 'HASH_FAILURE')
  })

  it('what was uploaded for a call is gone after it, and nothing is left in the folder', async () => {
    const id = await begin()
    assert.equal((await piece(id, '0', '?1')).status, 204)
    const report = await judge({ kind: 'cms', file: { upload: id } })
    assert.equal(fileVerificationReport.parse(await report.json()).verdict, 'failed')
    assert.equal((await call('DELETE', `/v1/uploads/${id}`)).status, 204)
    assert.equal((await call('HEAD', `/v1/uploads/${id}`)).status, 404)
    await refused(await judge({ kind: 'cms', file: { upload: id } }), 404, 'upload-unknown')
  })

  it('a piece in the wrong place, an unfinished file, a nonsense header are refused', async () => {
    const id = await begin()
    await refused(await piece(id, '5', '?0'), 409, 'upload-offset-wrong')
    assert.equal((await piece(id, '0', '?0')).status, 204)
    await refused(await piece(id, '0', '?0'), 409, 'upload-offset-wrong')
    const state = await call('HEAD', `/v1/uploads/${id}`)
    assert.equal(state.headers.get('upload-offset'), '3')
    assert.equal(state.headers.get('upload-complete'), '?0')
    await refused(await judge({ kind: 'cms', file: { upload: id } }), 409, 'upload-incomplete')
    await refused(await piece(id, '-1', '?0'), 400, 'request-malformed')
    await refused(await piece(id, '3', 'yes'), 400, 'request-malformed')
    const none = await call('PATCH', `/v1/uploads/${id}`, { 'upload-offset': '3' })
    await refused(none, 400, 'request-malformed')
    await refused(await piece('unknown', '0', '?0'), 404, 'upload-unknown')
  })

  it('another provider cannot see, continue, judge or remove it, and nobody without a token begins one', async () => {
    const id = await begin()
    assert.equal((await piece(id, '0', '?1')).status, 204)
    const own = token
    await town.provider({ id: 'stranger', fetch: watched }).then(async ({ sekisho }) => {
      const empty = new Uint8Array(1)
      await sekisho.verify({ document: empty, signature: empty, certificate: empty })
    })
    assert.notEqual(token, own)
    assert.equal((await call('HEAD', `/v1/uploads/${id}`)).status, 404)
    await refused(await piece(id, '3', '?1'), 404, 'upload-unknown')
    await refused(await judge({ kind: 'cms', file: { upload: id } }), 404, 'upload-unknown')
    await refused(await call('DELETE', `/v1/uploads/${id}`), 404, 'upload-unknown')
    token = 'Bearer nobody-has-given-this-token'
    await refused(await call('POST', '/v1/uploads'), 401, 'provider-unauthenticated')
    await refused(await piece(id, '3', '?1'), 401, 'provider-unauthenticated')
    token = own
    assert.equal((await call('HEAD', `/v1/uploads/${id}`)).headers.get('upload-complete'), '?1')
  })

  it('more than so many at a time are refused', async () => {
    const limit = 40
    let last: Response | undefined
    for (let begun = 0; begun < limit && last?.status !== 429; begun++) {
      last = await call('POST', '/v1/uploads')
    }
    assert.ok(last !== undefined)
    await refused(last, 429, 'upload-limit')
  })
})

/** The first half of a body, and then a connection that breaks. */
function halfOf(body: unknown): ReadableStream<Uint8Array> {
  assert.ok(body instanceof Blob)
  const half = body.slice(0, body.size / 2).stream()
  return half.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      flush: controller => controller.error(new TypeError('the connection broke')),
    }),
  )
}
