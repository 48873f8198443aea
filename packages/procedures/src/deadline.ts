/**
 * Deadlines by the Japanese calendar: the first day does not count (Civil Code art. 140), the last one counts whole, and one that falls on a day on
 * which offices are closed moves to the next open day (Civil Code art. 142, Local Autonomy Act art. 4-2).
 */
import { type CalendarDate, dateInJapan, startOfDayInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import holidayTable from '@holiday-jp/holiday_jp'

/** Whether offices are closed: Saturday, Sunday, a national holiday, 29 December to 3 January (Act on Holidays of Administrative Organs art. 1). */
export function isClosed(date: CalendarDate): boolean {
  const { year, month, day } = date
  const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay()
  if (weekday === 0 || weekday === 6) return true
  if ((month === 12 && day >= 29) || (month === 1 && day <= 3)) return true
  const two = (value: number): string => String(value).padStart(2, '0')
  return Object.hasOwn(holidayTable.holidays, `${year}-${two(month)}-${two(day)}`)
}

/** The instant at which a deadline has passed: the end of its last day. */
export function deadlineAfter(
  from: CalendarDate,
  days: number,
  counted: 'calendar' | 'open-days',
): Instant {
  let date = from
  if (counted === 'calendar') date = dayAfter(from, days)
  else
    for (let left = days; left > 0; ) {
      date = dayAfter(date, 1)
      if (!isClosed(date)) left--
    }
  while (isClosed(date)) date = dayAfter(date, 1)
  return startOfDayInJapan(dayAfter(date, 1))
}

/** A date as forms write it. */
export function dateOfText(text: string): CalendarDate {
  const [year = 0, month = 0, day = 0] = text.split('-').map(Number)
  return { year, month, day }
}

function dayAfter(date: CalendarDate, days: number): CalendarDate {
  return dateInJapan(startOfDayInJapan({ ...date, day: date.day + days }))
}
