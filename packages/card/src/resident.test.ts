import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Card } from './exchange.ts'
import { changePin, triesLeft, verifyPin } from './jpki.ts'
import { parsePin, type Pin } from './pin.ts'
import type { Outcome } from './reason.ts'
import { changeResidentPin, readResidentCode, selectResident } from './resident.ts'
import { createVirtualCard } from './virtual/card.ts'
import { type CardState, parseCardState, resetPin } from './virtual/state.ts'
import { hex, testApplications, testCard, testKey, testNumbers } from './virtual/card-for-tests.ts'

const full: CardState = { ...testCard(testKey(1)), ...testApplications() }

async function inReader(
  state: CardState,
  onChange: (state: CardState) => void = () => undefined,
): Promise<Card> {
  const card = createVirtualCard(state, { onChange })
  valueOf(await selectResident(card))
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

const pinOf = (typed: string): Pin => valueOf(parsePin('resident-pin', typed))

test('the resident code is read after its PIN, not before, and not after selection of another application', async () => {
  const card = await inReader(full)
  assert.equal(reasonOf(await readResidentCode(card)), 'pin-required')
  valueOf(await verifyPin(card, pinOf('1234')))
  const code = valueOf(await readResidentCode(card))
  assert.equal(
    code.use(digits => Buffer.from(digits).toString()),
    testNumbers.residentCode,
  )
  assert.equal(`${code}`, '[NUMBER]')
  valueOf(await selectResident(card))
  assert.equal(reasonOf(await readResidentCode(card)), 'pin-required')
})

test('its PIN is changed by a command of its own, after the old one, and stays after loss of power', async () => {
  let kept = full
  const card = await inReader(full, state => {
    kept = state
  })
  assert.equal(reasonOf(await changeResidentPin(card, pinOf('9876'))), 'pin-required')
  valueOf(await verifyPin(card, pinOf('1234')))
  assert.equal(reasonOf(await changePin(card, pinOf('9876'))), 'command-refused')
  valueOf(await changeResidentPin(card, pinOf('9876')))
  const again = await inReader(parseCardState(JSON.parse(JSON.stringify(kept))))
  assert.equal(reasonOf(await verifyPin(again, pinOf('1234'))), 'pin-wrong')
  valueOf(await verifyPin(again, pinOf('9876')))
})

test('three wrong PINs block it, and only the window helps', async () => {
  let kept = full
  const card = await inReader(full, state => {
    kept = state
  })
  for (const reason of ['pin-wrong', 'pin-wrong', 'pin-locked', 'pin-locked'])
    assert.equal(reasonOf(await verifyPin(card, pinOf('0000'))), reason)
  assert.equal(reasonOf(await verifyPin(card, pinOf('1234'))), 'pin-locked')
  const after = await inReader(resetPin(kept, 'resident-pin', '5678'))
  assert.equal(valueOf(await triesLeft(after, 'resident-pin')), 3)
  valueOf(await verifyPin(after, pinOf('5678')))
})

test('the code has no read path by short identifier either', async () => {
  const card = await inReader(full)
  assert.equal(hex(await card.transmit(Buffer.from('00B0810000', 'hex'))), '6982')
})
