/** How long certificates of the other CAs last: whole months, to the end of a day in Japan. */
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/pki'
import { lastInstantOfDay } from '@sekisho/pki/issue'

/** The last second of the day before the same day so many months later; of a shorter month its last day counts as the same. */
export function endAfterMonths(from: Instant, months: number): Instant {
  const { year, month, day } = dateInJapan(from)
  const lastDay = new Date(Date.UTC(year, month - 1 + months + 1, 0)).getUTCDate()
  return lastInstantOfDay(year, month + months, Math.min(day, lastDay) - 1)
}
