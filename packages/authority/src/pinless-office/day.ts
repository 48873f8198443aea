/** Days in Japan as card-verifiable certificates write them: YYYYMMDD. */
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'

/** The day at an instant. */
export function dayText(at: Instant): string {
  const { year, month, day } = dateInJapan(at)
  return `${year}${String(month).padStart(2, '0')}${String(day).padStart(2, '0')}`
}

/** So many days after a day. */
export function dayAfter(day: string, days: number): string {
  const at = Date.UTC(
    Number(day.slice(0, 4)),
    Number(day.slice(4, 6)) - 1,
    Number(day.slice(6)) + days,
  )
  return new Date(at).toISOString().slice(0, 10).replaceAll('-', '')
}
