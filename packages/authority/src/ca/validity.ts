/**
 * How long a certificate is valid (A2, jpki.md §5.2): to the 5th birthday after issue (6th when renewed within three months
 * before expiry), never past the card; the signature certificate never past the authentication certificate. The last
 * instant is 23:59:59 in Japan.
 */
import {
  ageOn,
  type CalendarDate,
  compareDates,
  dateInJapan,
  startOfDayInJapan,
} from '@sekisho/contract/japan'
import { lastInstantOfDay } from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'

/** Years as data, for the next generation has others. Years end on birthdays. */
export type ValidityRules = {
  readonly certificateYears: number
  /** Instead of `certificateYears` for who renews in the last `renewalMonths` before expiry, so that nobody loses by being early. */
  readonly renewedCertificateYears: number
  readonly renewalMonths: number
  readonly cardYearsAdult: number
  readonly cardYearsMinor: number
  /** Whole months that a card is good beyond its last birthday. */
  readonly cardExtraMonths: number
  /** Age from which a card counts as an adult's. */
  readonly adultAge: number
  /** Age from which a signature certificate is issued by default. */
  readonly signatureAge: number
}

/** Today's rules. */
export const presentValidity: ValidityRules = {
  certificateYears: 5,
  renewedCertificateYears: 6,
  renewalMonths: 3,
  cardYearsAdult: 10,
  cardYearsMinor: 5,
  cardExtraMonths: 0,
  adultAge: 18,
  signatureAge: 15,
}

/** Those of the next card, as far as they are public (jpki.md §1.10); what was not published is as today. */
export const nextValidity: ValidityRules = {
  ...presentValidity,
  certificateYears: 10,
  renewedCertificateYears: 11,
  renewalMonths: 12,
  cardExtraMonths: 1,
}

/** The last instant of the `count`-th birthday after an instant. A birthday on the very day is not one after it. */
export function endOfBirthday(birth: CalendarDate, at: Instant, count: number): Instant {
  const today = dateInJapan(at)
  const passedThisYear = compareDates(birthdayIn(birth, today.year), today) <= 0
  const year = today.year + count - (passedThisYear ? 0 : 1)
  const day = birthdayIn(birth, year)
  return lastInstantOfDay(day.year, day.month, day.day)
}

/** End of a card issued at an instant. */
export function cardEnd(rules: ValidityRules, birth: CalendarDate, at: Instant): Instant {
  const isAdult = ageOn(birth, dateInJapan(at)) >= rules.adultAge
  const end = endOfBirthday(birth, at, isAdult ? rules.cardYearsAdult : rules.cardYearsMinor)
  return rules.cardExtraMonths === 0 ? end : monthsAfter(end, rules.cardExtraMonths)
}

/** The end of the same day some months later, or of the month's last day when it has no such day. */
function monthsAfter(end: Instant, months: number): Instant {
  const { year, month, day } = dateInJapan(end)
  const index = year * 12 + month - 1 + months
  const at = { year: Math.floor(index / 12), month: (index % 12) + 1 }
  return lastInstantOfDay(at.year, at.month, Math.min(day, daysOf(at.year, at.month)))
}

function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}

/**
 * End of a certificate issued at an instant, within the bounds given. `renews` is the end of the still valid certificate
 * that it takes the place of. May lie before `at` when a bound does; such a certificate must not be issued.
 */
export function certificateEnd(
  rules: ValidityRules,
  birth: CalendarDate,
  at: Instant,
  bounds: { readonly renews: Instant | undefined; readonly notPast: readonly Instant[] },
): Instant {
  const years = isInRenewalMonths(rules, bounds.renews, at)
    ? rules.renewedCertificateYears
    : rules.certificateYears
  return Math.min(endOfBirthday(birth, at, years), ...bounds.notPast)
}

/** Whether an instant lies in the last months of a certificate: from the start of the day as many months before its last day. */
function isInRenewalMonths(
  rules: ValidityRules,
  renews: Instant | undefined,
  at: Instant,
): boolean {
  if (renews === undefined || at > renews) return false
  const { year, month, day } = dateInJapan(renews)
  const index = year * 12 + month - 1 - rules.renewalMonths
  const from = { year: Math.floor(index / 12), month: (index % 12) + 1 }
  return at >= startOfDayInJapan({ ...from, day: Math.min(day, daysOf(from.year, from.month)) })
}

/** Someone born on 29 February has the birthday on the 28th in years without one. */
function birthdayIn(birth: CalendarDate, year: number): CalendarDate {
  const isLeap = new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1
  return birth.month === 2 && birth.day === 29 && !isLeap
    ? { year, month: 2, day: 28 }
    : { year, month: birth.month, day: birth.day }
}
