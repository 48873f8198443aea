import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noon } from '../world-for-tests.ts'
import { cardEnd, certificateEnd, endOfBirthday, presentValidity as rules } from './validity.ts'

const birth = { year: 1985, month: 4, day: 1 }
const end = (at: number, renews?: number, notPast: readonly number[] = []): string =>
  new Date(certificateEnd(rules, birth, at, { renews, notPast })).toISOString()

describe('a certificate', () => {
  it('ends on the fifth birthday after issue at 23:59:59 in Japan', () => {
    assert.equal(end(noon(2026, 3, 31)), '2030-04-01T14:59:59.000Z')
  })

  it('issued on a birthday does not count that birthday', () => {
    assert.equal(end(noon(2026, 4, 1)), '2031-04-01T14:59:59.000Z')
    assert.equal(end(noon(2026, 4, 2)), '2031-04-01T14:59:59.000Z')
  })

  it('takes its day from the calendar of Japan, not of UTC', () => {
    const midnight = Date.UTC(2026, 2, 31, 15)
    assert.equal(end(midnight - 1), '2030-04-01T14:59:59.000Z')
    assert.equal(end(midnight), '2031-04-01T14:59:59.000Z')
  })

  it('renewed in the last three months ends on the sixth birthday, so that being early costs nothing', () => {
    const old = Date.UTC(2026, 3, 1, 14, 59, 59)
    const first = Date.UTC(2025, 11, 31, 15)
    assert.equal(end(first - 1, old), '2030-04-01T14:59:59.000Z')
    assert.equal(end(first, old), '2031-04-01T14:59:59.000Z')
    assert.equal(end(old, old), '2032-04-01T14:59:59.000Z')
    assert.equal(end(noon(2026, 3, 1)), '2030-04-01T14:59:59.000Z', 'nothing is renewed')
  })

  it('renewed after its end is a new one like any other', () => {
    const old = Date.UTC(2026, 3, 1, 14, 59, 59)
    assert.equal(end(old + 1, old), '2031-04-01T14:59:59.000Z')
  })

  it('whose month three months before is shorter is renewed from that month’s last day', () => {
    const may = { ...birth, month: 5, day: 31 }
    const old = Date.UTC(2026, 4, 31, 14, 59, 59)
    const from = Date.UTC(2026, 1, 27, 15)
    const ended = (at: number): string =>
      new Date(certificateEnd(rules, may, at, { renews: old, notPast: [] })).toISOString()
    assert.equal(ended(from - 1), '2030-05-31T14:59:59.000Z')
    assert.equal(ended(from), '2031-05-31T14:59:59.000Z')
  })

  it('never outlives what it must not outlive', () => {
    const card = Date.UTC(2027, 3, 1, 14, 59, 59)
    assert.equal(end(noon(2026, 3, 31), undefined, [card, card + 1]), '2027-04-01T14:59:59.000Z')
  })
})

describe('a birthday on 29 February', () => {
  const leap = { year: 2000, month: 2, day: 29 }
  const fifth = (at: number): string => new Date(endOfBirthday(leap, at, 5)).toISOString()

  it('is the 28th in a year without one', () => {
    assert.equal(fifth(noon(2025, 2, 27)), '2029-02-28T14:59:59.000Z')
    assert.equal(fifth(noon(2025, 2, 28)), '2030-02-28T14:59:59.000Z')
  })

  it('is the 29th in a leap year', () => {
    assert.equal(fifth(noon(2023, 2, 28)), '2028-02-29T14:59:59.000Z')
    assert.equal(fifth(noon(2024, 2, 28)), '2028-02-29T14:59:59.000Z')
    assert.equal(fifth(noon(2024, 2, 29)), '2029-02-28T14:59:59.000Z')
  })
})

describe('a card', () => {
  const born = { year: 2008, month: 4, day: 2 }
  const ended = (at: number): string => new Date(cardEnd(rules, born, at)).toISOString()

  it('of a minor ends on the fifth birthday, of an adult on the tenth', () => {
    assert.equal(ended(noon(2026, 4, 1)), '2030-04-02T14:59:59.000Z')
    assert.equal(ended(noon(2026, 4, 2)), '2036-04-02T14:59:59.000Z')
  })
})
