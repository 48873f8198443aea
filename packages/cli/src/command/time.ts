/** Times and durations as they are typed on the command line. Pure. */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'

const unitsMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Milliseconds of `90m`, `1.5h`, `3d`. Refusal `request-malformed`. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,6})?)([smhd])$/.exec(text)
  const unitMs = unitsMs[match?.[2] ?? '']
  if (match === null || unitMs === undefined)
    throw new Refusal('request-malformed', { fields: 'duration' })
  return Math.round(Number(match[1]) * unitMs)
}

/**
 * An instant as RFC 3339 writes it, seconds optional. A time zone must be named: a time without one would mean another instant on
 * another machine. Refusal `request-malformed` naming `field`.
 */
export function parseInstant(text: string, field: string): Instant {
  const match =
    /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/.exec(text)
  const at = match === null ? Number.NaN : Date.parse(text)
  const [year, month, day] = (match ?? []).slice(1).map(Number)
  // Some days exist for a parser only: 30 February is 2 March to it.
  const isDay =
    year !== undefined &&
    month !== undefined &&
    day !== undefined &&
    day <= new Date(Date.UTC(year, month, 0)).getUTCDate()
  if (Number.isNaN(at) || !isDay) throw new Refusal('request-malformed', { fields: field })
  return at
}
