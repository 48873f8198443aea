/**
 * Tariffs as dated data (C7, flows.md §5, jpki.md §2.5): what the authority's fees are on which day in Japan, what is waived,
 * counted once a year or reduced, and the platform's own charge. Pure: nothing here reads a clock or a table.
 *
 * A day given as `from` belongs to its period, one given as `until` no longer does.
 */
import {
  type FeeMethod,
  type FeePurpose,
  Refusal,
  type UsageKind,
  usageKind,
} from '@sekisho/contract'
import { startOfDayInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { z } from 'zod'

const day = z.string().refine(isDay)
const period = { from: day, until: day.nullable() }
const percent = z.int().min(1).max(100)
/** Far above every fee, and low enough that a month's sum stays an exact integer. */
const yen = z.int().min(0).max(1_000_000)

/** A tariff as an operator writes it (`sekisho fees tariff add`). */
const tariffDefinition = z
  .strictObject({
    id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/),
    /** The month with which the year of "once a year" begins. */
    yearBeginsMonth: z.int().min(1).max(12),
    /** The price of a kind of use, until the next `from` of the same kind. */
    prices: z.array(z.strictObject({ kind: usageKind, from: day, yen })).max(300),
    /** Checks by this method cost nothing in this period. */
    waivers: z.array(z.strictObject({ ...period, method: z.enum(['crl', 'ocsp']) })).max(100),
    /** Current-status checks of one person by list count once a year in this period. */
    yearly: z.array(z.strictObject(period)).max(100),
    /** Of a provider's charged uses of a kind in a month, those beyond the first `above` are cheaper. */
    steps: z
      .array(z.strictObject({ ...period, kind: usageKind, above: z.int().min(1), percent }))
      .max(300),
    /** Providers of this class pay less. */
    reductions: z
      .array(z.strictObject({ ...period, class: z.literal('public-interest'), percent }))
      .max(100),
    /** The platform's own charge: for the month, and for each use; of a month the first day counts. */
    own: z.array(z.strictObject({ from: day, monthYen: yen, useYen: yen })).max(100),
  })
  .refine(({ prices }) => usageKind.options.every(kind => prices.some(one => one.kind === kind)))
  .refine(({ prices }) => isUnique(prices.map(one => `${one.kind} ${one.from}`)))
  .refine(({ own }) => isUnique(own.map(one => one.from)))

/** A tariff. */
export type Tariff = Readonly<z.infer<typeof tariffDefinition>>
/** What a provider is to the tariff. */
export type ProviderClass = 'ordinary' | 'public-interest'

/** Reads a tariff that an operator gives. Refusal `request-malformed`. */
export function parseTariff(candidate: unknown): Tariff {
  const parsed = tariffDefinition.safeParse(candidate)
  if (parsed.success) return parsed.data
  throw new Refusal('request-malformed', { field: parsed.error.issues[0]?.path.join('.') ?? '' })
}

/** The terms of one kind of use on one day. */
export type Terms = {
  readonly unitYen: number
  readonly isWaived: boolean
  readonly isYearly: boolean
  readonly reductionPercent: number
  /** In rising order of `above`. */
  readonly steps: readonly { readonly above: number; readonly percent: number }[]
}

/**
 * The terms on a day, `YYYY-MM-DD` in Japan. A question about a certificate's counterpart is neither list nor immediate answer, so
 * no waiver is for it. Refusal `tariff-not-in-force` when the tariff has no price yet.
 */
export function termsOn(
  tariff: Tariff,
  on: string,
  use: {
    readonly kind: UsageKind
    readonly method: FeeMethod
    readonly purpose: FeePurpose
    readonly class: ProviderClass
  },
): Terms {
  const price = newest(
    tariff.prices.filter(one => one.kind === use.kind),
    on,
  )
  if (price === undefined) throw new Refusal('tariff-not-in-force', { tariff: tariff.id, day: on })
  const reductions = tariff.reductions.filter(one => one.class === use.class && isIn(one, on))
  return {
    unitYen: price.yen,
    isWaived: tariff.waivers.some(one => one.method === use.method && isIn(one, on)),
    isYearly:
      use.purpose === 'current-status' &&
      use.method === 'crl' &&
      tariff.yearly.some(one => isIn(one, on)),
    reductionPercent: Math.max(0, ...reductions.map(one => one.percent)),
    steps: tariff.steps
      .filter(one => one.kind === use.kind && isIn(one, on))
      .toSorted((a, b) => a.above - b.above),
  }
}

/** The platform's own charge in a month, `YYYY-MM`; nothing before the first one. */
export function ownChargeOf(
  tariff: Tariff,
  month: string,
): { readonly monthYen: number; readonly useYen: number } {
  return newest(tariff.own, `${month}-01`) ?? { monthYen: 0, useYen: 0 }
}

/** The first days of the parts of a month between which terms change; the first of the month is the first of them. */
export function partsOf(tariff: Tariff, month: string): readonly string[] {
  const changes = [
    ...tariff.prices,
    ...tariff.waivers,
    ...tariff.yearly,
    ...tariff.steps,
    ...tariff.reductions,
  ].flatMap(one => ('until' in one && one.until !== null ? [one.from, one.until] : [one.from]))
  const inside = changes.filter(one => one.startsWith(`${month}-`))
  return [...new Set([`${month}-01`, ...inside])].toSorted()
}

/** The instant at which the year of a month begins, by which checks are counted once. */
export function yearBegin(tariff: Tariff, month: string): Instant {
  const [year = 0, ordinal = 1] = month.split('-').map(Number)
  const first = tariff.yearBeginsMonth
  return startOfDayInJapan({ year: ordinal < first ? year - 1 : year, month: first, day: 1 })
}

/** The instant at which a day, `YYYY-MM-DD` in Japan, begins. */
export function instantOf(on: string): Instant {
  const [year = 0, month = 1, ordinal = 1] = on.split('-').map(Number)
  return startOfDayInJapan({ year, month, day: ordinal })
}

/** The month after, `YYYY-MM`. */
export function monthAfter(month: string): string {
  const [year = 0, ordinal = 1] = month.split('-').map(Number)
  return ordinal === 12
    ? `${String(year + 1).padStart(4, '0')}-01`
    : `${month.slice(0, 5)}${String(ordinal + 1).padStart(2, '0')}`
}

function isIn(one: { readonly from: string; readonly until: string | null }, on: string): boolean {
  return one.from <= on && (one.until === null || on < one.until)
}

function newest<T extends { readonly from: string }>(all: readonly T[], on: string): T | undefined {
  return all
    .filter(one => one.from <= on)
    .toSorted((a, b) => (a.from < b.from ? -1 : 1))
    .at(-1)
}

/** Whether a text names a day of the calendar. */
function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false
  const at = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text)
}

function isUnique(all: readonly string[]): boolean {
  return new Set(all).size === all.length
}

/**
 * The ministry's list (S1): ¥20 a signature certificate, ¥2 an authentication certificate or corresponding serial. S1 speaks of
 * reductions for bulk and public interest without figures, so there are none until an operator gives them. The year of "once a
 * year" is taken for the fiscal year, from April: no source says.
 */
export const ministryList: Tariff = {
  id: 'ministry-list',
  yearBeginsMonth: 4,
  prices: [
    { kind: 'signature-check', from: '2016-01-01', yen: 20 },
    { kind: 'authentication-check', from: '2016-01-01', yen: 2 },
    { kind: 'corresponding-serial', from: '2016-01-01', yen: 2 },
  ],
  waivers: [],
  yearly: [{ from: '2016-01-01', until: null }],
  steps: [],
  reductions: [],
  own: [],
}

/** The same with what is waived (jpki.md §2.5): lists for good, immediate answers for three years from January 2023. */
export const ministryWaived: Tariff = {
  ...ministryList,
  id: 'ministry-waived',
  waivers: [
    { method: 'crl', from: '2023-01-01', until: null },
    { method: 'ocsp', from: '2023-01-01', until: '2026-01-01' },
  ],
}
