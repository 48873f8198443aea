import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { createPublicKey, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Refusal, type RefusalCode } from '@sekisho/contract'
import { temporaryFolder, type TemporaryFolder } from './files.ts'
import { connectToken, type Token, type TokenKeyKind } from './pkcs11.ts'
import { makeSoftToken } from './soft-token.ts'

const pin = '0123456789abcdef'
const pinBytes = (): Uint8Array => new TextEncoder().encode(pin)
const message = new TextEncoder().encode('署名されるもの')

describe('keys in a token', () => {
  let folder: TemporaryFolder
  let place: { readonly module: string; readonly label: string }
  let token: Token
  before(async () => {
    folder = await temporaryFolder('token')
    place = makeSoftToken({ label: 'sekisho test', pin })
    token = connectToken(place)
  })
  after(async () => {
    token.close()
    await folder.remove()
  })

  it('nothing is told or signed before it is open, and a wrong PIN does not open it', () => {
    refuses(() => token.find('any'), 'token-locked')
    refuses(() => token.generate('any', 'ec-p256'), 'token-locked')
    refuses(() => token.open(new TextEncoder().encode('0123456789abcdeX')), 'token-pin-wrong')
    assert.equal(token.isOpen, false)
    const given = pinBytes()
    token.open(given)
    assert.ok(given.every(byte => byte === 0))
    assert.ok(token.isOpen)
    assert.equal(token.find('any'), undefined)
  })

  for (const [kind, hash] of [
    ['rsa-2048', 'sha256'],
    ['ec-p256', 'sha256'],
    ['ec-p384', 'sha384'],
  ] as const satisfies readonly (readonly [TokenKeyKind, string])[])
    it(`${kind}: what it signs is accepted by openssl, and the key stays inside`, () => {
      const made = token.generate(`ca ${kind}`, kind)
      assert.equal(made.kind, kind)
      refuses(() => token.generate(`ca ${kind}`, kind), 'token-key-exists')
      const found = token.find(`ca ${kind}`)
      assert.ok(found !== undefined)
      assert.deepEqual(found.spki, made.spki)
      // Many, so that ECDSA values with a leading zero and a leading one bit are among them.
      const key = createPublicKey({ key: Buffer.from(made.spki), format: 'der', type: 'spki' })
      for (let times = 0; times < 300; times++) {
        const signature = found.sign(hash, Uint8Array.of(times, ...message))
        assert.ok(verify(hash, Uint8Array.of(times, ...message), key, signature))
      }
      assert.ok(opensslVerifies(hash, made.spki, found.sign(hash, message)))
      assert.ok(!opensslVerifies(hash, made.spki, found.sign(hash, Uint8Array.of(0))))
      assert.match(
        pkcs11Tool('--list-objects', '--type', 'privkey'),
        /sensitive.*never extractable/,
      )
    })

  it('a closed token signs nothing, and finds its keys when it is opened again', () => {
    const key = token.find('ca ec-p256')
    assert.ok(key !== undefined)
    token.close()
    refuses(() => key.sign('sha256', message), 'token-locked')
    token.open(pinBytes())
    assert.ok(key.sign('sha256', message).length > 60)
  })

  it('no library and no token of the name are told as such', () => {
    refuses(() => connectToken({ ...place, label: 'another' }), 'token-absent')
    refuses(() => connectToken({ ...place, module: '/nonexistent.so' }), 'token-absent')
    refuses(() => connectToken({ ...place, module: '/bin/true' }), 'token-absent')
  })

  function opensslVerifies(hash: string, spki: Uint8Array, signature: Uint8Array): boolean {
    const path = (name: string): string => join(folder.path, name)
    writeFileSync(path('key.der'), spki)
    writeFileSync(path('message'), message)
    writeFileSync(path('signature'), signature)
    const given = ['-signature', path('signature'), path('message')]
    const key = ['-verify', path('key.der'), '-keyform', 'DER']
    return spawnSync('openssl', ['dgst', `-${hash}`, ...key, ...given]).status === 0
  }

  function pkcs11Tool(...given: string[]): string {
    const login = ['--module', place.module, '--token-label', place.label, '--login', '--pin', pin]
    return execFileSync('pkcs11-tool', [...login, ...given], { encoding: 'utf8' })
  }
})

function refuses(work: () => unknown, code: RefusalCode): void {
  assert.throws(work, error => error instanceof Refusal && error.code === code)
}
