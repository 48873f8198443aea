/**
 * A life as the law has it, told once more without the authority's tables: what a resident, a card and certificates are after
 * each event, after flows.md §2–3 and catalogue A1–A3, A8, A9. The simulation (`lives-for-tests.ts`) lets the same
 * events happen here and at the window and compares. Nothing here is taken from `registry/life-event.ts` or `revocation/`.
 */
import type { CaKind } from '@sekisho/contract/authority'
import { ageOn, type CalendarDate, dateInJapan, startOfDayInJapan } from '@sekisho/contract/japan'
import type { ForeignStay } from '../registry/foreign-stay.ts'
import type { ResidentEvent } from './event.ts'

/** A certificate as it ought to be. Its serial is learnt when it is issued. */
export type ModelCertificate = {
  readonly ca: CaKind
  readonly card: number
  readonly municipality: string
  readonly issuedAt: number
  state: 'valid' | 'held' | 'revoked'
  reason: string | null
  revokedAt: number | null
  /** Known after issue. */
  key: string
  notAfter: number
  /** Name and address that it shows, for a signature certificate. */
  readonly shows: string
}

/** A life. */
export type Life = {
  id: string
  status: 'resident' | 'overseas' | 'deceased' | 'removed'
  municipality: string
  name: string
  address: string
  birth: CalendarDate
  gender: 'male' | 'female'
  isWard: boolean
  stay: ForeignStay | null
  /** Number of the card in use, counted from 1; 0: none. */
  card: number
  cards: number
  cardEnd: number
  cardIssuedAt: number
  events: number
  numberChanges: number
  readonly certificates: ModelCertificate[]
}

/** What an event must do: be refused, or happen and issue these certificates, in this order. */
export type Outcome = { readonly isRefused: boolean; readonly issued: readonly CaKind[] }

const refusedOutcome: Outcome = { isRefused: true, issued: [] }
const done: Outcome = { isRefused: false, issued: [] }

/** Has an event happen in the model. A refused one changes nothing. */
export function live(life: Life, event: ResidentEvent, at: number): Outcome {
  const outcome = happen(life, event, at)
  if (!outcome.isRefused) life.events++
  return outcome
}

function happen(life: Life, event: ResidentEvent, at: number): Outcome {
  switch (event.what) {
    case 'card':
    case 'reissue':
    case 'renew':
    case 'signature':
    case 'extend-card':
    case 'end-card':
      return cardEvent(life, event, at)
    case 'lost':
    case 'found':
    case 'stop':
    case 'key-compromised':
    case 'recorded-wrongly':
      return certificateEvent(life, event.what, at)
    case 'overseas':
    case 'deceased':
    case 'residence-lost':
    case 'stay-ended':
      return leave(life, event, at)
    default:
      return recordEvent(life, event, at)
  }
}

function recordEvent(life: Life, event: ResidentEvent, at: number): Outcome {
  if (event.what === 'move') {
    if (!isAlive(life)) return refusedOutcome
    const isSame =
      life.status === 'resident' &&
      life.municipality === event.municipality &&
      life.address === event.address
    if (isSame) return refusedOutcome
    life.status = 'resident'
    life.municipality = event.municipality
    life.address = event.address
    return endSignature(life, 'affiliationChanged', at)
  }
  if (event.what === 'begin-guardianship' || event.what === 'end-guardianship') {
    const begins = event.what === 'begin-guardianship'
    if (!isAlive(life) || life.isWard === begins) return refusedOutcome
    life.isWard = begins
    return begins ? endSignature(life, 'cessationOfOperation', at) : done
  }
  if (life.status !== 'resident') return refusedOutcome
  switch (event.what) {
    case 'rename':
      if (event.name === life.name) return refusedOutcome
      life.name = event.name
      return endSignature(life, 'affiliationChanged', at)
    case 'correct':
      if (event.gender === life.gender || event.gender === 'unknown' || event.gender === undefined)
        return refusedOutcome
      life.gender = event.gender
      return endSignature(life, 'affiliationChanged', at)
    case 'correct-trivially':
      if (event.address === undefined || event.address === life.address) return refusedOutcome
      life.address = event.address
      return done
    case 'extend-stay': {
      const { stay } = life
      if (stay === null || stay.until === null) return refusedOutcome
      if (event.until !== null && dayStart(event.until) <= dayStart(stay.until))
        return refusedOutcome
      life.stay = { ...stay, category: event.category, until: event.until }
      return done
    }
    case 'change-number':
      if (life.numberChanges === 9) return refusedOutcome
      life.numberChanges++
      life.card = 0
      return endBoth(life, 'cessationOfOperation', at)
    default:
      throw new RangeError(`the model does not know ${event.what}`)
  }
}

function cardEvent(life: Life, event: ResidentEvent, at: number): Outcome {
  if (event.what === 'end-card') {
    if (life.card === 0) return refusedOutcome
    life.card = 0
    return endBoth(life, 'cessationOfOperation', at)
  }
  if (event.what === 'card' || event.what === 'reissue') {
    if (!isAlive(life) || (event.what === 'card') !== (life.card === 0)) return refusedOutcome
    if (stayEnd(life) <= at) return refusedOutcome
    endBoth(life, 'superseded', at)
    life.card = ++life.cards
    life.cardIssuedAt = at
    life.cardEnd = Math.min(fullCardEnd(life), stayEnd(life))
    const { withAuthentication = true, withSignature = true } = event
    return {
      isRefused: false,
      issued: [
        ...(withAuthentication ? (['authentication'] as const) : []),
        ...(withSignature && maySign(life, at) ? (['signature'] as const) : []),
      ],
    }
  }
  if (life.card === 0 || life.cardEnd <= at) return refusedOutcome
  if (event.what === 'renew') {
    endBoth(life, 'superseded', at)
    const isSigning = event.withSignature !== false && maySign(life, at)
    return {
      isRefused: false,
      issued: isSigning ? ['authentication', 'signature'] : ['authentication'],
    }
  }
  if (event.what === 'signature') {
    const beside = present(life, 'authentication')
    const isHeld = life.certificates.some(one => one.state === 'held')
    const isLate = beside !== undefined && beside.notAfter <= at
    if (!maySign(life, at) || isHeld || isLate) return refusedOutcome
    endSignature(life, 'superseded', at)
    return { isRefused: false, issued: ['signature'] }
  }
  // The card follows the stay as far as a card goes.
  const end = Math.min(fullCardEnd(life), stayEnd(life))
  if (life.status !== 'resident' || end <= life.cardEnd) return refusedOutcome
  life.cardEnd = end
  return done
}

function certificateEvent(life: Life, what: string, at: number): Outcome {
  const live = life.certificates.filter(one => one.state !== 'revoked')
  if (what === 'lost') {
    const valid = live.filter(one => one.state === 'valid' && one.notAfter >= at)
    for (const one of valid)
      Object.assign(one, { state: 'held', reason: 'certificateHold', revokedAt: at })
    return valid.length === 0 ? refusedOutcome : done
  }
  if (what === 'found') {
    const held = live.filter(one => one.state === 'held')
    for (const one of held) Object.assign(one, { state: 'valid', reason: null, revokedAt: null })
    return held.length === 0 ? refusedOutcome : done
  }
  if (live.length === 0) return refusedOutcome
  const reasons: Readonly<Record<string, string>> = {
    stop: 'cessationOfOperation',
    'key-compromised': 'keyCompromise',
    'recorded-wrongly': 'superseded',
  }
  return endBoth(life, reasons[what] ?? '', at)
}

function leave(life: Life, event: ResidentEvent, at: number): Outcome {
  const isPossible =
    event.what === 'deceased'
      ? isAlive(life)
      : life.status === 'resident' &&
        (event.what !== 'residence-lost' || life.stay !== null) &&
        (event.what !== 'stay-ended' || stayEnd(life) < at)
  if (!isPossible) return refusedOutcome
  life.status =
    event.what === 'deceased' ? 'deceased' : event.what === 'overseas' ? 'overseas' : 'removed'
  if (event.what === 'overseas' && event.continues !== false)
    return endSignature(life, 'affiliationChanged', at)
  life.card = 0
  return endBoth(life, 'affiliationChanged', at)
}

/** Whether somebody may be issued a signature certificate: 15, no ward, registered here (A2). */
function maySign(life: Life, at: number): boolean {
  return ageOn(life.birth, dateInJapan(at)) >= 15 && !life.isWard && life.status === 'resident'
}

/** Last instant of the stay; infinite without an end. */
export function stayEnd(life: Pick<Life, 'stay'>): number {
  const until = life.stay?.until
  return until === null || until === undefined
    ? Number.POSITIVE_INFINITY
    : dayStart({ ...until, day: until.day + 1 }) - 1000
}

/** The tenth birthday after the card was handed out, the fifth of under-18s (jpki.md §5.2), at the end of the day. */
function fullCardEnd({ birth, cardIssuedAt }: Life): number {
  const today = dateInJapan(cardIssuedAt)
  const age = ageOn(birth, today)
  // Who is N today had the last birthday at N; somebody born on 29 February has it on the 28th in years without one.
  const year = birth.year + age + (age >= 18 ? 10 : 5)
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  const day = birth.month === 2 && birth.day === 29 && !isLeap ? 28 : birth.day
  return dayStart({ year, month: birth.month, day: day + 1 }) - 1000
}

/** The certificate of a kind that is not revoked. */
export function present(life: Life, ca: CaKind): ModelCertificate | undefined {
  return life.certificates.find(one => one.ca === ca && one.state !== 'revoked')
}

function isAlive(life: Life): boolean {
  return life.status === 'resident' || life.status === 'overseas'
}

function endBoth(life: Life, reason: string, at: number): Outcome {
  for (const one of life.certificates) end(one, reason, at)
  return done
}

function endSignature(life: Life, reason: string, at: number): Outcome {
  for (const one of life.certificates) if (one.ca === 'signature') end(one, reason, at)
  return done
}

/** Ended for good; what was held has not been valid since then. */
function end(one: ModelCertificate, reason: string, at: number): void {
  if (one.state === 'revoked') return
  Object.assign(one, { state: 'revoked', reason, revokedAt: one.revokedAt ?? at })
}

function dayStart(day: CalendarDate): number {
  return startOfDayInJapan(day)
}
