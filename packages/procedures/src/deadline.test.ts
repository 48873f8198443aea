import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startOfDayInJapan } from '@sekisho/contract/japan'
import { dateOfText, deadlineAfter, isClosed } from './deadline.ts'

/** The last day of a deadline, as written. */
function lastDay(from: string, days: number, counted: 'calendar' | 'open-days'): string {
  const end = deadlineAfter(dateOfText(from), days, counted)
  return new Date(end - 1 + 9 * 3600 * 1000).toISOString().slice(0, 10)
}

describe('deadlines by the Japanese calendar', () => {
  it('leave the first day out and count the last one whole', () => {
    assert.equal(lastDay('2026-06-01', 14, 'calendar'), '2026-06-15')
    const end = deadlineAfter(dateOfText('2026-06-01'), 14, 'calendar')
    assert.equal(end, startOfDayInJapan({ year: 2026, month: 6, day: 16 }))
  })

  it('move to the next open day: over a weekend, a holiday, a substitute holiday, the turn of the year', () => {
    // 14 days after Saturday 18 April 2026 is Saturday 2 May; until 6 May everything is closed.
    assert.equal(lastDay('2026-04-18', 14, 'calendar'), '2026-05-07')
    // 21 to 23 September 2026: Respect for the Aged, a citizens' holiday in between, the equinox.
    assert.equal(lastDay('2026-09-07', 14, 'calendar'), '2026-09-24')
    assert.equal(lastDay('2026-12-15', 14, 'calendar'), '2027-01-04')
    assert.equal(lastDay('2024-02-01', 3, 'calendar'), '2024-02-05')
  })

  it('count open days alone where the rule says so', () => {
    assert.equal(lastDay('2026-04-28', 5, 'open-days'), '2026-05-11')
    assert.equal(lastDay('2026-06-05', 1, 'open-days'), '2026-06-08')
  })

  it('know which days are closed', () => {
    for (const day of ['2026-01-01', '2026-02-23', '2026-12-29', '2027-03-22', '2026-11-21'])
      assert.ok(isClosed(dateOfText(day)), day)
    for (const day of ['2026-12-28', '2027-01-04', '2026-11-24'])
      assert.ok(!isClosed(dateOfText(day)), day)
  })
})
