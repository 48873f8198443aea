import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import type { Card } from './exchange.ts'
import { parsePin, type Pin, type SecretName } from './pin.ts'
import type { Outcome } from './reason.ts'
import { triesLeft, verifyPin } from './jpki.ts'
import { readMyNumber, readTextAttributes, selectText } from './text.ts'
import { createVirtualCard } from './virtual/card.ts'
import { type CardState, parseCardState } from './virtual/state.ts'
import {
  hex,
  testAnchor,
  testApplications,
  testAttributes,
  testCard,
  testKey,
  testNumbers,
  testSigner,
} from './virtual/card-for-tests.ts'

const full: CardState = { ...testCard(testKey(1), testKey(2)), ...testApplications() }
const anchors = [testAnchor]

async function inReader(state: CardState = full): Promise<Card> {
  const card = createVirtualCard(parseCardState(JSON.parse(JSON.stringify(state))), {
    onChange: () => undefined,
  })
  valueOf(await selectText(card))
  return card
}

function valueOf<T>(outcome: Outcome<T>): T {
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome))
  return outcome.value
}

function reasonOf(outcome: Outcome<unknown>): string {
  assert.equal(outcome.kind, 'refused')
  return outcome.reason
}

const pinOf = (kind: SecretName, typed: string): Pin => valueOf(parsePin(kind, typed))

/** The card with a file of its text application bent. */
function bent(file: string, change: (bytes: Buffer) => Buffer): CardState {
  const { text } = full
  assert.ok(text)
  const bytes = change(Buffer.from(text.files[file] ?? '', 'base64'))
  return { ...full, text: { ...text, files: { ...text.files, [file]: bytes.toString('base64') } } }
}

test('code A opens the my number alone, code B the attributes alone, the PIN both, nothing opens neither', async () => {
  for (const [name, typed, number, attributes] of [
    ['text-code-a', testNumbers.myNumber, 'done', 'pin-required'],
    ['text-code-b', testNumbers.codeB, 'pin-required', 'done'],
    ['text-pin', '1234', 'done', 'done'],
  ] as const) {
    const card = await inReader()
    assert.equal(reasonOf(await readMyNumber(card, anchors)), 'pin-required')
    assert.equal(reasonOf(await readTextAttributes(card, anchors)), 'pin-required')
    valueOf(await verifyPin(card, pinOf(name, typed)))
    const readNumber = await readMyNumber(card, anchors)
    const readAttributes = await readTextAttributes(card, anchors)
    assert.equal(readNumber.kind === 'done' ? 'done' : readNumber.reason, number, name)
    assert.equal(readAttributes.kind === 'done' ? 'done' : readAttributes.reason, attributes, name)
    if (readAttributes.kind === 'done') assert.deepEqual(readAttributes.value, testAttributes)
    if (readNumber.kind === 'done')
      assert.equal(
        readNumber.value.use(digits => hex(digits)),
        '313233343536373839303138',
      )
  }
})

test('the my number is not in any text made of what was read, and is gone once disposed of', async () => {
  const card = await inReader()
  valueOf(await verifyPin(card, pinOf('text-pin', '1234')))
  const number = valueOf(await readMyNumber(card, anchors))
  for (const text of [`${number}`, JSON.stringify({ number }), inspect(number, { depth: 9 })])
    assert.ok(!text.includes('1234'), text)
  number.dispose()
  assert.throws(() => number.use(() => undefined))
})

test('a wrong code costs a try of that code alone, the third blocks it, and the last right one gives all back', async () => {
  const card = await inReader()
  const wrong = await verifyPin(card, pinOf('text-code-b', '90030420359999'))
  assert.deepEqual(wrong, { kind: 'refused', reason: 'code-wrong', status: 0x63c2, triesLeft: 2 })
  assert.equal(valueOf(await triesLeft(card, 'text-pin')), 3)
  assert.equal(valueOf(await triesLeft(card, 'text-code-a')), 3)
  valueOf(await verifyPin(card, pinOf('text-code-b', testNumbers.codeB)))
  assert.equal(valueOf(await triesLeft(card, 'text-code-b')), 3)
  const other = pinOf('text-code-a', '123456789017')
  assert.equal(reasonOf(await verifyPin(card, other)), 'code-wrong')
  assert.equal(reasonOf(await verifyPin(card, other)), 'code-wrong')
  assert.equal(reasonOf(await verifyPin(card, other)), 'code-locked')
  assert.equal(
    reasonOf(await verifyPin(card, pinOf('text-code-a', testNumbers.myNumber))),
    'code-locked',
  )
  assert.equal(valueOf(await triesLeft(card, 'text-code-b')), 3)
})

test('a PIN of another application opens nothing here, nor this one there', async () => {
  const card = await inReader()
  valueOf(await verifyPin(card, pinOf('text-pin', '1234')))
  valueOf(await selectText(card))
  assert.equal(reasonOf(await readMyNumber(card, anchors)), 'pin-required')
})

test('malformed codes never reach the card', () => {
  for (const [name, typed, reason] of [
    ['text-code-a', '12345678901', 'code-malformed'],
    ['text-code-a', '1234567890128', 'code-malformed'],
    ['text-code-b', '9003042035123x', 'code-malformed'],
    ['face-birth', '9003041', 'code-malformed'],
    ['text-pin', '12345', 'pin-malformed'],
  ] as const)
    assert.equal(reasonOf(parsePin(name, typed)), reason)
})

test('each byte of what was read is covered: a bent record is refused, whichever file was bent', async () => {
  const cases: readonly [string, (bytes: Buffer) => Buffer, string][] = [
    // Another digit of the my number.
    ['0001', bytes => withByte(bytes, 4, 0x39), 'record-altered'],
    // A filler behind it.
    ['0001', bytes => withByte(bytes, 16, 0x00), 'record-altered'],
    // A letter of the name, a digit of the birth date.
    ['0002', bytes => withByte(bytes, bytes.indexOf('花') + 2, 0xb2), 'record-altered'],
    ['0002', bytes => withByte(bytes, bytes.length - 5, 0x31), 'record-altered'],
    // The hashes replaced by those of a bent file would need the signature.
    ['0003', bytes => withByte(bytes, 12, (bytes[12] ?? 0) ^ 1), 'record-altered'],
    ['0003', bytes => withByte(bytes, bytes.length - 1, 0), 'record-altered'],
    // The certificate of the signer.
    ['0004', bytes => withByte(bytes, bytes.length - 1, 0x5a), 'record-altered'],
    ['0004', bytes => withByte(bytes, 200, (bytes[200] ?? 0) ^ 1), 'record-altered'],
    ['0003', bytes => bytes.subarray(0, 40), 'file-malformed'],
  ]
  for (const [file, change, reason] of cases) {
    const card = await inReader(bent(file, change))
    valueOf(await verifyPin(card, pinOf('text-pin', '1234')))
    const outcomes = [await readMyNumber(card, anchors), await readTextAttributes(card, anchors)]
    const reasons = outcomes.flatMap(one => (one.kind === 'refused' ? [one.reason] : []))
    assert.ok(reasons.includes(reason as (typeof reasons)[number]), `${file} ${reasons}`)
  }
})

test('the unsigned table of offsets may be anything without hiding a change', async () => {
  const card = await inReader(bent('0002', bytes => withByte(bytes, 8, 0x77)))
  valueOf(await verifyPin(card, pinOf('text-pin', '1234')))
  assert.deepEqual(valueOf(await readTextAttributes(card, anchors)), testAttributes)
})

test('a whole set signed by somebody else is refused, by name and by key', async () => {
  const forged = { ...full, ...testApplications(testSigner(21, 22)) }
  const card = await inReader(forged)
  valueOf(await verifyPin(card, pinOf('text-pin', '1234')))
  assert.equal(reasonOf(await readTextAttributes(card, anchors)), 'record-altered')
  assert.equal(reasonOf(await readTextAttributes(card, [])), 'signer-unknown')
})

test('a card of before has no text application', async () => {
  const card = createVirtualCard(testCard(testKey(1)), { onChange: () => undefined })
  assert.equal(reasonOf(await selectText(card)), 'application-absent')
})

function withByte(bytes: Buffer, at: number, value: number): Buffer {
  const copy = Buffer.from(bytes)
  assert.notEqual(copy[at], value)
  copy[at] = value
  return copy
}
