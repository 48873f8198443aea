import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { createVirtualCard } from './card.ts'
import { parseCardState, personalise, renewKeys, resetPin } from './state.ts'
import { hex, standIn, testCard, testKey } from './card-for-tests.ts'

const key = testKey(1)
const adult = testCard(key, key)

test('a signature password is stored in capitals, the only form a card knows', () => {
  assert.equal(adult.signature.secret, 'SEKISHO1')
})

test('a card is not made with a malformed serial, municipality, expiry, PIN or password, and the fault shows no value', () => {
  const whole = { serial: '123456789012345', municipality: '13101', expires: '20351120' }
  const material = {
    privateKey: key.pkcs8,
    certificate: standIn(9, 1),
    caCertificate: standIn(9, 2),
  }
  for (const wrong of [
    { ...whole, serial: '12345' },
    { ...whole, municipality: '131016' },
    { ...whole, expires: '2035-11-20' },
    { ...whole, authentication: { ...material, pin: '99887' } },
    { ...whole, authentication: { ...material, pin: '99a8' } },
    { ...whole, signature: { ...material, password: '99887' } },
    { ...whole, signature: { ...material, password: '9988-7766' } },
  ]) {
    assert.throws(
      () => personalise(wrong),
      (fault: unknown) => fault instanceof RangeError && !fault.message.includes('9988'),
    )
  }
})

test('a state with a missing or foreign member value is not read', () => {
  const value = JSON.parse(JSON.stringify(adult))
  for (const wrong of [
    null,
    [],
    {},
    { ...value, v: 2 },
    { ...value, demandsPinAlways: 'no' },
    { ...value, signature: undefined },
    { ...value, signature: { ...value.signature, triesLeft: 6 } },
    { ...value, signature: { ...value.signature, triesLeft: -1 } },
    { ...value, signature: { ...value.signature, secret: 'x' } },
    { ...value, authentication: { ...value.authentication, privateKey: '%%%' } },
  ]) {
    assert.throws(() => parseCardState(wrong), RangeError)
  }
})

test('there is no PIN to set for a key that was never issued', () => {
  const young = testCard(key)
  assert.throws(() => resetPin(young, 'signature', 'ABCDEF'), RangeError)
})

test('a renewed card signs with the new key and its PIN, with full counters', async () => {
  const used = { ...adult, authentication: { ...adult.authentication, triesLeft: 1 } }
  const fresh = testKey(2)
  const renewed = renewKeys(
    used,
    'authentication',
    { privateKey: fresh.pkcs8, certificate: standIn(8, 3), caCertificate: standIn(8, 4) },
    '4321',
  )
  assert.equal(renewed.authentication.triesLeft, 3)
  const card = createVirtualCard(renewed, { onChange: () => undefined })
  const send = async (command: string): Promise<string> =>
    hex(await card.transmit(Buffer.from(command, 'hex')))
  await send('00A4040C0AD392F000260100000001')
  assert.equal(await send('002000980434333231'), '9000')
  assert.equal((await send('802A0097013000')).length, 516)
})

test('no damaged state is read, and the reader of states throws nothing else than that it is damaged', () => {
  const members = fc.constantFrom('v', 'serial', 'expires', 'demandsPinAlways', 'signature')
  fc.assert(
    fc.property(members, fc.jsonValue(), (member, value) => {
      fc.pre(JSON.stringify(value) !== JSON.stringify(adult[member]))
      const damaged = { ...adult, [member]: value }
      try {
        const read = parseCardState(damaged)
        return ['serial', 'expires', 'demandsPinAlways'].includes(member) && read[member] === value
      } catch (fault) {
        return fault instanceof RangeError
      }
    }),
    { numRuns: 500 },
  )
})
