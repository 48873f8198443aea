import assert from 'node:assert/strict'
import { verify } from 'node:crypto'
import { chmodSync, mkdirSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { type TemporaryFolder, temporaryFolder } from './files.ts'
import { fileKeyring, type Keyring, type SigningKey, tokenKeyring } from './keyring.ts'
import { SealBroken } from './keys.ts'
import { systemRandom } from './random.ts'
import { makeSoftToken } from './soft-token.ts'

const random = systemRandom()
const message = new TextEncoder().encode('署名されるもの')
const secret = new TextEncoder().encode('0123456789abcdef0123456789abcdef')
const pin = 'token-pin'

let folder: TemporaryFolder
before(async () => {
  folder = await temporaryFolder('keyring')
})
after(() => folder.remove())

function pinFile(name: string, text = pin): string {
  const path = join(folder.path, name)
  writeFileSync(path, `${text}\n`, { mode: 0o600 })
  return path
}

function holds(key: SigningKey, signature: Uint8Array, over = message): boolean {
  const given = { key: key.publicKey, dsaEncoding: 'ieee-p1363' } as const
  return verify(key.kind === 'ed25519' ? null : 'sha256', over, given, signature)
}

const isRefused = (code: RefusalCode) => (error: unknown) =>
  error instanceof Refusal && error.code === code

const places = ['file', 'token'] as const
for (const place of places)
  describe(`keys in a ${place}`, () => {
    let open: () => Keyring
    before(() => {
      const token = { ...makeSoftToken({ label: `keys ${place}`, pin }), pinFile: pinFile('pin') }
      open = () =>
        place === 'file'
          ? fileKeyring(join(folder.path, 'keys'), { random })
          : tokenKeyring(token, { random })
    })

    it('sign what a JWS needs, under the same name after a restart', async () => {
      const [first, second] = [open(), open()]
      for (const kind of ['ec-p256', 'ed25519', 'rsa-2048'] as const) {
        const key = await first.signingKey(`signs-${kind}`, kind)
        const signature = await key.sign(message)
        assert.equal(signature.length, kind === 'rsa-2048' ? 256 : 64)
        assert.ok(holds(key, signature))
        assert.ok(!holds(key, signature, new Uint8Array(1)))
        const again = await second.signingKey(`signs-${kind}`, kind)
        assert.equal(again.keyId, key.keyId)
        assert.ok(holds(key, await again.sign(message)))
      }
      await first.stop()
      await second.stop()
    })

    it('wrap and unwrap for one context alone, also after a restart', async () => {
      const first = open()
      const master = await first.master('above')
      const wrapped = await master.wrap('bucket 1', secret)
      assert.notDeepEqual(await master.wrap('bucket 1', secret), wrapped)
      assert.ok(!Buffer.from(wrapped).includes(Buffer.from(secret)))
      await first.stop()
      const second = open()
      const again = await second.master('above')
      assert.equal(again.id, master.id)
      assert.deepEqual(await again.unwrap('bucket 1', wrapped), secret)
      await assert.rejects(again.unwrap('bucket 2', wrapped), SealBroken)
      for (const at of [0, 16, wrapped.length - 1]) {
        const bent = Uint8Array.from(wrapped)
        bent[at] = (bent[at] ?? 0) ^ 1
        await assert.rejects(again.unwrap('bucket 1', bent), SealBroken)
      }
      const other = await second.master('other')
      await assert.rejects(other.unwrap('bucket 1', wrapped), SealBroken)
      await second.stop()
    })
  })

describe('a token that cannot be used', () => {
  it('is told as absent, and a wrong PIN once only', async () => {
    const token = makeSoftToken({ label: 'closed', pin })
    const absent = tokenKeyring({ ...token, label: 'none', pinFile: pinFile('a') }, { random })
    await assert.rejects(absent.signingKey('a', 'ec-p256'), isRefused('token-absent'))
    await absent.stop()
    const path = pinFile('wrong', 'not the pin')
    const service = tokenKeyring({ ...token, pinFile: path }, { random })
    for (let times = 0; times < 20; times++)
      await assert.rejects(service.signingKey('a', 'ec-p256'), isRefused('token-pin-wrong'))
    // Twenty tries would have locked it.
    writeFileSync(path, pin)
    utimesSync(path, 1, 1)
    assert.equal((await (await service.signingKey('a', 'ec-p256')).sign(message)).length, 64)
    await service.stop()
    chmodSync(path, 0o644)
    const careless = tokenKeyring({ ...token, pinFile: path }, { random })
    await assert.rejects(careless.signingKey('a', 'ec-p256'), isRefused('token-pin-wrong'))
    await careless.stop()
  })

  it('that goes away is refused while it is gone, and serves when it is back; an empty one in its place makes no new keys', async () => {
    const token = { ...makeSoftToken({ label: 'gone', pin }), pinFile: pinFile('gone') }
    const tokens = join(dirname(process.env['SOFTHSM2_CONF'] ?? ''), 'tokens')
    const service = tokenKeyring(token, { random })
    const key = await service.signingKey('a', 'ec-p256')
    const master = await service.master('b')
    const wrapped = await master.wrap('c', secret)
    renameSync(tokens, `${tokens}.away`)
    try {
      for (let times = 0; times < 3; times++) {
        await assert.rejects(key.sign(message), isRefused('token-absent'))
        await assert.rejects(master.unwrap('c', wrapped), isRefused('token-absent'))
        await assert.rejects(service.signingKey('d', 'ec-p256'), isRefused('token-absent'))
      }
      mkdirSync(tokens)
      makeSoftToken({ label: 'gone', pin })
      await assert.rejects(key.sign(message), isRefused('token-absent'))
      await assert.rejects(master.unwrap('c', wrapped), isRefused('token-absent'))
      rmSync(tokens, { recursive: true })
    } finally {
      renameSync(`${tokens}.away`, tokens)
    }
    assert.ok(holds(key, await key.sign(message)))
    assert.deepEqual(await master.unwrap('c', wrapped), secret)
    await service.stop()
  })

  it('asked by many at once answers all, and the event loop goes on meanwhile', async () => {
    const token = { ...makeSoftToken({ label: 'busy', pin }), pinFile: pinFile('busy') }
    const service = tokenKeyring(token, { random })
    const key = await service.signingKey('a', 'ec-p256')
    const all = Promise.all(Array.from({ length: 500 }, () => key.sign(message)))
    let beats = 0
    const beat = setInterval(() => beats++, 1)
    assert.ok((await all).every(signature => holds(key, signature)))
    clearInterval(beat)
    assert.ok(beats > 5, `${beats} beats`)
    await service.stop()
  })
})
