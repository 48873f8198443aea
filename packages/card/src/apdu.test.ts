import assert from 'node:assert/strict'
import { test } from 'node:test'
import { command, composeCommand, composeResponse, parseCommand, parseResponse } from './apdu.ts'

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
const hex = (given: Uint8Array): string => Buffer.from(given).toString('hex')

test('a command takes the short form up to 255 bytes of data and 256 of answer, the extended one beyond', () => {
  assert.equal(hex(composeCommand(command(0, 0x20, 0, 0x80))), '00200080')
  assert.equal(hex(composeCommand(command(0, 0xb0, 1, 2, undefined, 256))), '00b0010200')
  assert.equal(hex(composeCommand(command(0, 0xb0, 1, 2, undefined, 257))), '00b00102000101')
  assert.equal(hex(composeCommand(command(0, 0xb0, 1, 2, undefined, 65536))), '00b00102000000')
  assert.equal(hex(composeCommand(command(0, 0xa4, 4, 12, bytes('aabb')))), '00a4040c02aabb')
  assert.equal(
    hex(composeCommand(command(0x80, 0x2a, 0, 0x80, bytes('aa'), 256))),
    '802a008001aa00',
  )
  assert.equal(composeCommand(command(0, 1, 2, 3, new Uint8Array(255), 256)).length, 261)
  assert.equal(composeCommand(command(0, 1, 2, 3, new Uint8Array(256))).length, 4 + 3 + 256)
  assert.equal(composeCommand(command(0, 1, 2, 3, new Uint8Array(256), 1)).length, 4 + 3 + 256 + 2)
})

test('every command that can be composed is read back the same', () => {
  for (const size of [0, 1, 254, 255, 256, 257, 65535]) {
    for (const le of [undefined, 1, 255, 256, 257, 65535, 65536]) {
      const given = command(0x80, 0x2a, 0x12, 0x34, new Uint8Array(size).fill(7), le)
      assert.deepEqual(parseCommand(composeCommand(given)), given, `${size} ${le}`)
    }
  }
})

test('a command whose lengths do not add up is not read', () => {
  for (const wrong of [
    '',
    '00',
    '00a404',
    '00a4040c0201',
    '00a4040c02010203ff',
    '00a4040c0000',
    '00a4040c00000200',
    '00a4040c000000010203',
  ]) {
    assert.equal(parseCommand(bytes(wrong)), undefined, wrong)
  }
})

test('a command out of range is a fault of the caller', () => {
  assert.throws(() => composeCommand(command(256, 0, 0, 0)), RangeError)
  assert.throws(() => composeCommand(command(0, 0, 0, 0, undefined, 0)), RangeError)
  assert.throws(() => composeCommand(command(0, 0, 0, 0, undefined, 65537)), RangeError)
  assert.throws(() => composeCommand(command(0, 0, 0, 0, new Uint8Array(65536))), RangeError)
})

test('a response has at least its status word', () => {
  assert.equal(parseResponse(bytes('90')), undefined)
  assert.deepEqual(parseResponse(bytes('01029000')), {
    data: bytes('0102'),
    status: 0x9000,
  })
  assert.equal(hex(composeResponse(0x63c2)), '63c2')
})
