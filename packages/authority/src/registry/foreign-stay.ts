/** What the record of a foreign resident 外国人住民 has besides (Basic Resident Registration Act art. 30-45), and what follows for the card. */
import { compareDates } from '@sekisho/contract/japan'
import { lastInstantOfDay } from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import { z } from 'zod'

/** The categories of the law's table, and whether somebody of it can be without an end of stay. */
const categories = {
  /** 中長期在留者; permanent residents are of this category and have no end. */
  'mid-to-long-term': { mayBeWithoutEnd: true },
  /** 特別永住者. */
  'special-permanent': { mayBeWithoutEnd: true },
  /** 一時庇護許可者・仮滞在許可者. */
  provisional: { mayBeWithoutEnd: false },
  /** 出生による経過滞在者・国籍喪失による経過滞在者: sixty days. */
  transitional: { mayBeWithoutEnd: false },
} as const

/** A day that exists. */
export const calendarDate = z
  .strictObject({
    year: z.int().min(1868).max(2100),
    month: z.int().min(1).max(12),
    day: z.int().min(1).max(31),
  })
  .refine(({ year, month, day }) => day <= new Date(Date.UTC(year, month, 0)).getUTCDate())

/** A foreign resident's part of the record. */
export const foreignStay = z
  .strictObject({
    category: z.enum(['mid-to-long-term', 'special-permanent', 'provisional', 'transitional']),
    /** 国籍・地域, three letters as in a passport (ICAO Doc 9303-3 §5). */
    nationality: z.string().regex(/^[A-Z]{3}$/),
    /** Last day of the stay; null: without an end. */
    until: calendarDate.nullable(),
    /** 通称: a Japanese name by which somebody is known, written beside the name. */
    alias: z.string().min(1).max(40).nullable(),
  })
  .refine(one => one.until !== null || categories[one.category].mayBeWithoutEnd)
export type ForeignStay = z.infer<typeof foreignStay>

/** The last instant of a stay, which is the card's too at the latest; undefined: it has no end. */
export function endOfStay(stay: ForeignStay | null): Instant | undefined {
  const until = stay?.until
  return until === null || until === undefined
    ? undefined
    : lastInstantOfDay(until.year, until.month, until.day)
}

/** Whether one stay goes on longer than another. */
export function lastsLonger(stay: ForeignStay, than: ForeignStay): boolean {
  if (than.until === null) return false
  return stay.until === null || compareDates(stay.until, than.until) > 0
}

/** The name as the record shows it, with the alias in brackets. How certificates write an alias could not be verified. */
export function nameWithAlias(name: string, alias: string | null): string {
  const [own = name] = name.split('（')
  return alias === null ? own : `${own}（${alias}）`
}
