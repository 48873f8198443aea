/**
 * What all sides count alike: eras, ages, check digits, municipality codes. Pure.
 * Sources: jpki.md §3 (formulae executed there against known values).
 */

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
  if (!/^\d{12}$/.test(text)) return false
  const weights = [6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]
  const rest = weights.reduce((sum, weight, at) => sum + weight * Number(text[at]), 0) % 11
  return Number(text[11]) === (rest <= 1 ? 0 : 11 - rest)
}

/** Corporate number 法人番号: 13 digits, the first one is the check digit. */
export function isCorporateNumber(text: string): boolean {
  if (!/^\d{13}$/.test(text)) return false
  let sum = 0
  for (let n = 1; n <= 12; n++) sum += Number(text[13 - n]) * (n % 2 === 1 ? 1 : 2)
  return Number(text[0]) === 9 - (sum % 9)
}

/** The check digit of a five-digit municipality code 全国地方公共団体コード. */
export function municipalityCheckDigit(code: string): number {
  if (!/^\d{5}$/.test(code)) throw new RangeError('a municipality code has five digits')
  const sum = [6, 5, 4, 3, 2].reduce((total, weight, at) => total + weight * Number(code[at]), 0)
  return (11 - (sum % 11)) % 10
}

/** A municipality as certificates and screens name it. `romaji` and `prefectureRomaji` carry their suffix. */
export type Municipality = {
  readonly code: string
  readonly name: string
  readonly prefecture: string
  readonly romaji: string
  readonly prefectureRomaji: string
}

/** Municipalities of the town, real codes as of 2026-04-01; the whole dated table comes with the registry (A1). */
export const municipalities: readonly Municipality[] = [
  {
    code: '13101',
    name: '千代田区',
    prefecture: '東京都',
    romaji: 'Chiyoda-ku',
    prefectureRomaji: 'Tokyo-to',
  },
  {
    code: '13104',
    name: '新宿区',
    prefecture: '東京都',
    romaji: 'Shinjuku-ku',
    prefectureRomaji: 'Tokyo-to',
  },
  {
    code: '14205',
    name: '藤沢市',
    prefecture: '神奈川県',
    romaji: 'Fujisawa-shi',
    prefectureRomaji: 'Kanagawa-ken',
  },
  {
    code: '23211',
    name: '豊田市',
    prefecture: '愛知県',
    romaji: 'Toyota-shi',
    prefectureRomaji: 'Aichi-ken',
  },
  {
    code: '01202',
    name: '函館市',
    prefecture: '北海道',
    romaji: 'Hakodate-shi',
    prefectureRomaji: 'Hokkaido',
  },
  {
    code: '47201',
    name: '那覇市',
    prefecture: '沖縄県',
    romaji: 'Naha-shi',
    prefectureRomaji: 'Okinawa-ken',
  },
  {
    code: '13421',
    name: '小笠原村',
    prefecture: '東京都',
    romaji: 'Ogasawara-mura',
    prefectureRomaji: 'Tokyo-to',
  },
]

/** The municipality with a code, or undefined. */
export function municipalityOf(code: string): Municipality | undefined {
  return municipalities.find(municipality => municipality.code === code)
}

/**
 * A key under which two spellings of a name or address compare equal: NFKC, upper case, spaces removed, dashes and
 * wave dashes folded, variation selectors removed. For comparison only; never stored in place of the original.
 */
export function comparisonKey(text: string): string {
  return text
    .normalize('NFKC')
    .replace(/[\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}]/gu, '')
    .replace(/[‐‑‒–—―−ー－ｰ]/gu, '-')
    .replace(/[〜～∼]/gu, '~')
    .replace(/\s+/gu, '')
    .toUpperCase()
}

/** Whether two texts agree, where `substitutes` flags positions of `a` that hold a substitute character: those are unknown, not different. */
export function agreesWithSubstitutes(a: string, substitutes: string, b: string): boolean {
  const left = Array.from(a)
  const right = Array.from(b)
  if (left.length !== right.length) return false
  return left.every(
    (character, at) =>
      substitutes[at] === '1' || comparisonKey(character) === comparisonKey(right[at] ?? ''),
  )
}
