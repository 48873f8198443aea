import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { type Base64Form, decodeBase64, encodeBase64 } from './base64.ts'
import { MalformedError } from './der.ts'

test('what is encoded is what Node encodes, and is read back', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), bytes => {
      assert.equal(encodeBase64(bytes, 'xml'), Buffer.from(bytes).toString('base64'))
      assert.equal(encodeBase64(bytes, 'url'), Buffer.from(bytes).toString('base64url'))
      for (const form of ['xml', 'url'] as const) {
        assert.deepEqual(decodeBase64(encodeBase64(bytes, form), form), Uint8Array.from(bytes))
      }
    }),
    { seed },
  )
  const long = new Uint8Array(50_000).map((_, at) => at)
  assert.equal(encodeBase64(long, 'xml'), Buffer.from(long).toString('base64'))
  assert.deepEqual(decodeBase64(encodeBase64(long, 'xml'), 'xml'), long)
})

test('two texts never stand for the same bytes, but for white space in XML', () => {
  const wrong: readonly (readonly [Base64Form, string])[] = [
    ['xml', 'QQ'],
    ['xml', 'QQ='],
    ['xml', 'QR=='],
    ['xml', 'QUJDR==='],
    ['xml', 'Q'],
    ['xml', 'QQ==QQ=='],
    ['xml', 'QUI-'],
    ['xml', 'QUJ\u00a0D'],
    ['xml', 'QUJＤ'],
    ['xml', '===='],
    ['url', 'QQ=='],
    ['url', 'QR'],
    ['url', 'Q'],
    ['url', 'QU I'],
    ['url', 'QU+/'],
    ['url', 'QUJ\n'],
  ]
  for (const [form, text] of wrong) {
    assert.throws(() => decodeBase64(text, form), MalformedError, `${form} ${text}`)
  }
  assert.deepEqual(decodeBase64(' Q\tU\r\nI = ', 'xml'), Uint8Array.of(0x41, 0x42))
  assert.deepEqual(decodeBase64('', 'xml'), new Uint8Array())
  assert.deepEqual(decodeBase64('_-8', 'url'), Uint8Array.of(0xff, 0xef))
})
