/**
 * How long a certificate is valid (A2, jpki.md §5.2): to the 5th birthday after issue (6th when renewed within three months
 * before expiry), never past the card; the signature certificate never past the authentication certificate. The last
 * instant is 23:59:59 in Japan.
 */
import { ageOn, type CalendarDate, dateInJapan, startOfDayInJapan } from '@sekisho/contract/japan'
import { lastInstantOfDay } from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'

/** Years as data, for the next generation has others. */
export type ValidityRules = {
  readonly certificateYears: number
  readonly renewedCertificateYears: number
  readonly cardYearsAdult: number
  readonly cardYearsMinor: number
  /** Age from which a card counts as an adult's. */
  readonly adultAge: number
  /** Age from which a signature certificate is issued by default. */
  readonly signatureAge: number
}

/** Today's rules. */
export const presentRules: ValidityRules = {
  certificateYears: 5,
  renewedCertificateYears: 6,
  cardYearsAdult: 10,
  cardYearsMinor: 5,
  adultAge: 18,
  signatureAge: 15,
}

/** The last instant of the `count`-th birthday after an instant: the birthday itself still counts. */
export function endOfBirthday(birth: CalendarDate, at: Instant, count: number): Instant {
  const today = dateInJapan(at)
  const passedThisYear = !isBefore(today, birthdayIn(birth, today.year))
  const year = today.year + count - (passedThisYear ? 0 : 1)
  const day = birthdayIn(birth, year)
  return lastInstantOfDay(day.year, day.month, day.day)
}

/** End of a card issued at an instant. */
export function cardEnd(rules: ValidityRules, birth: CalendarDate, at: Instant): Instant {
  const isAdult = ageOn(birth, dateInJapan(at)) >= rules.adultAge
  return endOfBirthday(birth, at, isAdult ? rules.cardYearsAdult : rules.cardYearsMinor)
}

/** End of a certificate issued at an instant, within the bounds given. */
export function certificateEnd(
  rules: ValidityRules,
  birth: CalendarDate,
  at: Instant,
  bounds: { readonly isRenewal: boolean; readonly notPast: readonly Instant[] },
): Instant {
  const years = bounds.isRenewal ? rules.renewedCertificateYears : rules.certificateYears
  return Math.min(endOfBirthday(birth, at, years), ...bounds.notPast)
}

/** Someone born on 29 February has the birthday on the 28th in other years. */
function birthdayIn(birth: CalendarDate, year: number): CalendarDate {
  const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1
  return birth.month === 2 && birth.day === 29 && !isLeap
    ? { year, month: 2, day: 28 }
    : { year, month: birth.month, day: birth.day }
}

function isBefore(a: CalendarDate, b: CalendarDate): boolean {
  return startOfDayInJapan(a) < startOfDayInJapan(b)
}
