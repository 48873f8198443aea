import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { parsePin, type Pin, type SecretKind } from './pin.ts'

function taken(kind: SecretKind, typed: Uint8Array | string): Pin {
  const parsed = parsePin(kind, typed)
  assert.equal(parsed.kind, 'done')
  return parsed.value
}

const textOf = (pin: Pin): string => pin.use(bytes => Buffer.from(bytes).toString('latin1'))

test('a PIN is 4 digits, a password 6 to 16 letters and digits in capitals', () => {
  assert.equal(textOf(taken('authentication', '0123')), '0123')
  assert.equal(textOf(taken('signature', 'abCD12')), 'ABCD12')
  assert.equal(textOf(taken('signature', 'a'.repeat(16))), 'A'.repeat(16))
  assert.equal(textOf(taken('signature', new TextEncoder().encode('abcdef'))), 'ABCDEF')
})

test('whatever has another form is refused before a card sees it', () => {
  for (const typed of ['', '123', '12345', '12a4', '１２３４', '123\n', '-123']) {
    assert.deepEqual(parsePin('authentication', typed), {
      kind: 'refused',
      reason: 'pin-malformed',
    })
  }
  for (const typed of [
    'ABCDE',
    'A'.repeat(17),
    'ABC-DEF',
    'ABC DEF',
    'ａｂｃｄｅｆ',
    'abcdeé',
    'ſſſſſſ',
    'İİİİİİ',
  ]) {
    assert.deepEqual(parsePin('signature', typed), {
      kind: 'refused',
      reason: 'password-malformed',
    })
  }
})

test('a PIN cannot be printed, serialised or inspected', () => {
  const pin = taken('signature', 'GEHEIM77')
  const shown = [
    String(pin),
    JSON.stringify({ pin }),
    inspect(pin, { showHidden: true, depth: 9 }),
    inspect({ pin }),
    Object.values(pin).join(),
  ].join()
  assert.ok(!shown.includes('GEHEIM77'))
  assert.ok(!shown.includes('71, 69'))
})

test('a PIN that was disposed of is zeroed and cannot be used, and the caller keeps their own bytes', () => {
  const typed = new TextEncoder().encode('1234')
  const pin = taken('authentication', typed)
  let lent = new Uint8Array(0)
  pin.use(bytes => {
    lent = bytes as Uint8Array<ArrayBuffer>
  })
  pin.dispose()
  assert.deepEqual([...lent], [0, 0, 0, 0])
  assert.throws(() => pin.use(() => undefined))
  assert.deepEqual([...typed], [0x31, 0x32, 0x33, 0x34])
})
