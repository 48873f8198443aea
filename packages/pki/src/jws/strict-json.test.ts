import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { MalformedError } from '../der.ts'
import {
  isArray,
  isObject,
  type JsonValue,
  parseJson,
  parseJsonBytes,
  writeJson,
} from './strict-json.ts'

function plain(value: JsonValue): unknown {
  if (isObject(value))
    return Object.fromEntries(Array.from(value, ([key, each]) => [key, plain(each)]))
  return isArray(value) ? value.map(plain) : value
}

test('what JSON.parse reads is read alike, and written back', context => {
  const seed = randomInt(2 ** 31)
  context.diagnostic(`seed ${seed}`)
  fc.assert(
    fc.property(fc.json({ stringUnit: 'grapheme', depthSize: 'small' }), text => {
      // Members that JavaScript would take for its own are no members of a plain object.
      fc.pre(!text.includes('__proto__') && text.isWellFormed())
      const value = parseJson(text)
      assert.deepEqual(plain(value), JSON.parse(text))
      assert.deepEqual(parseJson(writeJson(value)), value)
    }),
    { seed },
  )
})

test('what two readers may read differently is refused', () => {
  for (const text of [
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"x":{"b":1,"b":1}}',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '{"a":1}x',
    '{"a":1}{"a":1}',
    '[1,]',
    '{"a":1,}',
    '{a:1}',
    "{'a':1}",
    '01',
    '+1',
    '.5',
    '1.',
    'NaN',
    '"\t"',
    '"\\x41"',
    '"a',
    '"a\\"',
    '',
    '\u00a01',
    '// c\n1',
    'nul',
    '['.repeat(40) + ']'.repeat(40),
  ]) {
    assert.throws(() => parseJson(text), MalformedError, text)
  }
  assert.throws(() => parseJsonBytes(Uint8Array.of(0x22, 0xff, 0x22)), MalformedError)
  assert.throws(() => parseJsonBytes(Uint8Array.of(0xef, 0xbb, 0xbf, 0x31)), MalformedError)
})

test('members with names of JavaScript are members like others', () => {
  const value = parseJson('{"__proto__":{"x":1},"constructor":2,"":3}')
  assert.ok(isObject(value))
  assert.deepEqual([...value.keys()], ['__proto__', 'constructor', ''])
})

test('a text of megabytes is read without trouble', () => {
  const long = 'x'.repeat(20_000_000)
  assert.equal(parseJson(`"${long}"`), long)
  assert.throws(() => parseJson(`"${'\\'.repeat(1_000_001)}"`), MalformedError)
})
