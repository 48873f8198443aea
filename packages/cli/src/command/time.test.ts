import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Refusal } from '@sekisho/contract'
import { parseDuration, parseInstant } from './time.ts'

const isMalformed = (error: unknown): boolean =>
  error instanceof Refusal && error.code === 'request-malformed'

test('durations are numbers with a unit and whole milliseconds', () => {
  assert.equal(parseDuration('90m'), 5_400_000)
  assert.equal(parseDuration('1.5h'), 5_400_000)
  assert.equal(parseDuration('3d'), 259_200_000)
  assert.equal(parseDuration('0.0001s'), 0)
  for (const text of ['', '3', '-1d', '1w', '1 d', '1e9d', 'd', '9999999999d'])
    assert.throws(() => parseDuration(text), isMalformed, text)
})

test('an instant names its time zone', () => {
  assert.equal(parseInstant('2027-04-01T00:00:00Z', 'at'), Date.UTC(2027, 3, 1))
  assert.equal(parseInstant('2027-04-01T09:00+09:00', 'at'), Date.UTC(2027, 3, 1))
  assert.equal(parseInstant('2028-02-29T00:00:00Z', 'at'), Date.UTC(2028, 1, 29))
  for (const text of ['2027-04-01', '2027-04-01T00:00:00', 'tomorrow', '2027-04-01 00:00Z', '1'])
    assert.throws(() => parseInstant(text, 'at'), isMalformed, text)
})

test('a day that the calendar does not have is refused', () => {
  for (const text of [
    '2027-02-29T00:00:00Z',
    '2027-04-31T00:00:00Z',
    '2027-13-01T00:00:00Z',
    '2027-04-01T25:00:00Z',
  ])
    assert.throws(() => parseInstant(text, 'at'), isMalformed, text)
})
