import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { composeTlv, parseTlvs, sequenceSize } from './tlv.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))

test('objects with one- and two-byte tags and short and long lengths are read, fillers passed over', () => {
  for (const size of [0, 1, 127, 128, 255, 256, 65535]) {
    const value = new Uint8Array(size).fill(0x5a)
    assert.deepEqual(parseTlvs(composeTlv(0xdf21, value)), [{ tag: 0xdf21, value }])
    assert.deepEqual(parseTlvs(composeTlv(0x86, value)), [{ tag: 0x86, value }])
  }
  const number = bytes('ff100c313233343536373839303132ffff')
  assert.deepEqual(
    parseTlvs(number)?.map(({ tag }) => tag),
    [0xff10],
  )
})

test('a value that runs past the end, an indefinite length and a three-byte tag are refused', () => {
  for (const wrong of [
    '8605aa',
    '868000',
    '86840000000100',
    'df',
    'df8101',
    '8681',
    '000001',
    '86ff',
  ]) {
    assert.equal(parseTlvs(bytes(wrong)), undefined, wrong)
  }
  assert.throws(() => composeTlv(0x86, new Uint8Array(65536)), RangeError)
})

test('random bytes never make the reader throw', context => {
  const seed = randomBytes(4).toString('hex')
  context.diagnostic(`seed ${seed}`)
  let state = Number.parseInt(seed, 16)
  for (let round = 0; round < 5000; round++) {
    const made = Uint8Array.from({ length: round % 40 }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state >>> 24
    })
    for (const { value } of parseTlvs(made) ?? []) assert.ok(value.length < made.length)
  }
})

test('the size of a certificate stands in its first bytes', () => {
  assert.equal(sequenceSize(bytes('308205dc')), 0x5dc + 4)
  assert.equal(sequenceSize(bytes('3081ff00')), 0xff + 3)
  assert.equal(sequenceSize(bytes('30050000')), 7)
  assert.equal(sequenceSize(bytes('31820100')), undefined)
  assert.equal(sequenceSize(bytes('30830100')), undefined)
  assert.equal(sequenceSize(bytes('3082')), undefined)
})
