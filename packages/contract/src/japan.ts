/**
 * What all sides count and compare alike: eras, ages, check digits, municipality codes, names and addresses. Pure.
 * Sources: jpki.md §3 (formulae executed there against known values).
 */
export {
  type Municipality,
  municipalities,
  municipalityOf,
  municipalityTableDate,
} from './municipality.ts'

export { compareAddresses } from './comparison/address-comparison.ts'
export {
  type AttributeComparison,
  type AttributeDifference,
  type ComparableAttributes,
  compareBirthdates,
  differenceOf,
} from './comparison/attribute-difference.ts'
export { compareNames, compareReadings } from './comparison/name-comparison.ts'
export {
  type Comparison,
  type ComparisonKind,
  type Hint,
  type Written,
} from './comparison/written.ts'

/** A calendar date; months and days count from 1. */
export type CalendarDate = { readonly year: number; readonly month: number; readonly day: number }

/** The eras since Meiji with the digit that the certificates use (jpki.md §2.3) and their first Gregorian day. */
export const eras = [
  { digit: 1, en: 'Meiji', ja: '明治', first: { year: 1868, month: 1, day: 25 } },
  { digit: 2, en: 'Taisho', ja: '大正', first: { year: 1912, month: 7, day: 30 } },
  { digit: 3, en: 'Showa', ja: '昭和', first: { year: 1926, month: 12, day: 25 } },
  { digit: 4, en: 'Heisei', ja: '平成', first: { year: 1989, month: 1, day: 8 } },
  { digit: 5, en: 'Reiwa', ja: '令和', first: { year: 2019, month: 5, day: 1 } },
] as const
export type Era = (typeof eras)[number]

/** Orders two dates: negative when `a` is earlier. */
export function compareDates(a: CalendarDate, b: CalendarDate): number {
  return a.year - b.year || a.month - b.month || a.day - b.day
}

/** The era that a date lies in; a boundary day belongs to the era that begins. Undefined before Meiji. */
export function eraOf(date: CalendarDate): Era | undefined {
  return eras.findLast(era => compareDates(era.first, date) <= 0)
}

/** A date as the screens write it: 平成2年3月4日. Dates before Meiji keep the Gregorian year. */
export function japaneseDate(date: CalendarDate): string {
  const era = eraOf(date)
  const year = era ? date.year - era.first.year + 1 : date.year
  return `${era?.ja ?? '西暦'}${year === 1 && era ? '元' : year}年${date.month}月${date.day}日`
}

/** Hours that Japan is ahead of UTC; there is no summer time. */
const japanOffsetMs = 9 * 3600 * 1000

/** The calendar date in Japan at an instant (milliseconds since 1970 UTC). */
export function dateInJapan(at: number): CalendarDate {
  const shifted = new Date(at + japanOffsetMs)
  return {
    year: shifted.getUTCFullYear(),
    month: shifted.getUTCMonth() + 1,
    day: shifted.getUTCDate(),
  }
}

/** The instant at which a day in Japan begins. Days beyond the month roll over as in the Gregorian calendar. */
export function startOfDayInJapan(date: CalendarDate): number {
  return Date.UTC(date.year, date.month - 1, date.day) - japanOffsetMs
}

/**
 * Completed years on a day: a year is completed at the end of the day before the birthday
 * (年齢計算ニ関スル法律), which for a whole day means from the day before the birthday's end, so on the birthday itself.
 * With `legalMoment: 'day-before'` the age that laws count which ask at the end of a day is given.
 */
export function ageOn(
  birth: CalendarDate,
  day: CalendarDate,
  legalMoment: 'day' | 'day-before' = 'day',
): number {
  const on =
    legalMoment === 'day' ? day : dateInJapan(startOfDayInJapan({ ...day, day: day.day + 1 }))
  const before = on.month < birth.month || (on.month === birth.month && on.day < birth.day)
  return on.year - birth.year - (before ? 1 : 0)
}

/** My number 個人番号: 12 digits with a valid check digit. Never logs, never normalises. */
export function isMyNumber(text: string): boolean {
  return /^\d{12}$/.test(text) && Number(text[11]) === weightedCheckDigit(text.slice(0, 11))
}

/** The digit that ends a my number after eleven others (Ordinance 85 of 2014, article 5). */
export function myNumberCheckDigit(eleven: string): number {
  if (!/^\d{11}$/.test(eleven))
    throw new RangeError('a my number has eleven digits before its last')
  return weightedCheckDigit(eleven)
}

/** Modulus 11 with weights 2 to 7 and again from 2, counted from the right; 0 where 10 or 11 would come out. */
function weightedCheckDigit(digits: string): number {
  let sum = 0
  for (let n = 1; n <= digits.length; n++)
    sum += Number(digits[digits.length - n]) * (n <= 6 ? n + 1 : n - 5)
  const rest = sum % 11
  return rest <= 1 ? 0 : 11 - rest
}

/** Corporate number 法人番号: 13 digits, the first one is the check digit. */
export function isCorporateNumber(text: string): boolean {
  return /^\d{13}$/.test(text) && text === corporateNumberOf(text.slice(1))
}

/** The corporate number of a 会社法人等番号: a check digit before its twelve digits (Ordinance 70 of 2014 of the Ministry of Finance, article 2). */
export function corporateNumberOf(twelve: string): string {
  if (!/^\d{12}$/.test(twelve)) throw new RangeError('twelve digits follow the check digit')
  let sum = 0
  for (let n = 1; n <= 12; n++) sum += Number(twelve[12 - n]) * (n % 2 === 1 ? 1 : 2)
  return `${9 - (sum % 9)}${twelve}`
}

/** The check digit of a five-digit municipality code 全国地方公共団体コード. */
export function municipalityCheckDigit(code: string): number {
  if (!/^\d{5}$/.test(code)) throw new RangeError('a municipality code has five digits')
  const sum = [6, 5, 4, 3, 2].reduce((total, weight, at) => total + weight * Number(code[at]), 0)
  return (11 - (sum % 11)) % 10
}

/**
 * The digit that ends a resident code 住民票コード after ten others: as for the my number. The formula of the notice on resident
 * codes could not be had; this one is ours until it is.
 */
export function residentCodeCheckDigit(ten: string): number {
  if (!/^\d{10}$/.test(ten)) throw new RangeError('a resident code has ten digits before its last')
  return weightedCheckDigit(ten)
}

/** Resident code 住民票コード: 11 digits with a valid check digit. Never logs, never normalises. */
export function isResidentCode(text: string): boolean {
  return /^\d{11}$/.test(text) && Number(text[10]) === weightedCheckDigit(text.slice(0, 10))
}
