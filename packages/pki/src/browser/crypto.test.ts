import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import type { SignatureAlgorithm } from '../algorithm.ts'
import * as node from '../crypto.ts'
import * as browser from './crypto.ts'

const message = new TextEncoder().encode('文書')

test('hashes are those of Node, whole and in pieces', () => {
  for (const name of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    assert.deepEqual(
      Buffer.from(browser.digest(name, message)),
      Buffer.from(node.digest(name, message)),
    )
  }
  for (const name of ['sha256', 'sha384', 'sha512'] as const) {
    const [ours, theirs] = [new browser.RunningDigest(name), new node.RunningDigest(name)]
    for (const each of [ours, theirs]) each.update(message)
    const copies = [ours.copy(), theirs.copy()]
    for (const each of [...copies, ours]) each.update(message)
    theirs.update(message)
    assert.deepEqual(Buffer.from(ours.finish()), Buffer.from(theirs.finish()))
    const [first, second] = copies.map(each => Buffer.from(each.finish()))
    assert.deepEqual(first, second)
  }
  assert.ok(browser.constantTimeEqual(message, Uint8Array.from(message)))
  assert.ok(!browser.constantTimeEqual(message, message.subarray(1)))
})

test('every algorithm is judged as Node judges it, once its answer has come', async () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keys = {
    rsa,
    p256: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    p384: generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    ed25519: generateKeyPairSync('ed25519'),
  }
  const cases: readonly (readonly [SignatureAlgorithm, keyof typeof keys])[] = [
    ['rsa-sha256', 'rsa'],
    ['rsa-sha512', 'rsa'],
    ['rsa-pss-sha256', 'rsa'],
    ['rsa-pss-sha384-salt-20', 'rsa'],
    ['ecdsa-sha256', 'p256'],
    ['ecdsa-sha512', 'p256'],
    ['ecdsa-sha384', 'p384'],
    ['ed25519', 'ed25519'],
  ]
  for (const [algorithm, name] of cases) {
    const { publicKey, privateKey } = keys[name]
    const pkcs8 = new Uint8Array(privateKey.export({ type: 'pkcs8', format: 'der' }))
    const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
    const signature = node.importPrivateKey(pkcs8).sign(algorithm, message)
    const key = browser.importPublicKey(spki)
    assert.ok(key instanceof browser.PublicKey)
    const judged = (over: Uint8Array, by: Uint8Array): Promise<boolean> =>
      browser.settle(() => key.verify(algorithm, over, by))
    assert.equal(await judged(message, signature), true, algorithm)
    assert.equal(await judged(message.subarray(1), signature), false, algorithm)
    const bent = signature.with(signature.length - 1, (signature.at(-1) ?? 0) ^ 1)
    assert.equal(await judged(message, bent), false, algorithm)
    assert.equal(await judged(message, new Uint8Array(3)), false, algorithm)
  }
  const foreign = sign('sha256', message, rsa.privateKey)
  const p256 = browser.importPublicKey(
    new Uint8Array(keys.p256.publicKey.export({ type: 'spki', format: 'der' })),
  )
  assert.equal(await browser.settle(() => p256.verify('rsa-sha256', message, foreign)), false)
})
