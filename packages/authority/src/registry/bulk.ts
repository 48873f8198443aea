/**
 * Residents by the million: streamed from the generator into the tables, a few thousand rows a statement, so that memory stays flat.
 * Who has a card gets its certificates as registered numbers: serial, holder, times and state, without key pair and DER
 * (docs/decisions/0007). Lists, answers and counts are right for them; to show a card they come to the window and get another.
 */
import { createSecretKey } from 'node:crypto'
import { type CalendarDate, dateInJapan } from '@sekisho/contract/japan'
import type { CaKind } from '@sekisho/contract/authority'
import type { RevocationReason } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { sql, type Transaction } from '@sekisho/runtime/store'
import type { Hierarchy } from '../ca/hierarchy.ts'
import { cardEnd, certificateEnd, type ValidityRules } from '../ca/validity.ts'
import type { AuthorityTables } from '../database.ts'
import type { World } from '../world.ts'
import { permute } from './digit-permutation.ts'
import { type Draw, drawFrom } from './draw.ts'
import { endOfStay } from './foreign-stay.ts'
import { type GeneratedResident, generateResidents } from './generate.ts'
import { cardPercent, signaturePercent } from './population-table.ts'
import { latestBirthDate } from './resident.ts'

/** Who is to be registered. */
export type Census = {
  readonly count: number
  /** Codes of municipalities. */
  readonly places: readonly string[]
  /** Whether four in five have a card, as registered numbers. */
  readonly withCards: boolean
  /** Deterministic source of the residents. */
  readonly seed: Random
}

type BulkWorld = Pick<World, 'store' | 'numbers' | 'random' | 'clock' | 'hierarchy' | 'rules'>

/** Residents a transaction. */
const chunkSize = 4000
/** Transactions at once: while one is written, the next is made; an embedded engine takes one after the other. */
const inFlightMax = 3

/** Registers residents, chunk by chunk, each in one transaction. A process that dies in between leaves whole chunks. */
export async function registerMany(world: BulkWorld, census: Census): Promise<void> {
  const at = world.clock.now()
  const today = dateInJapan(at)
  const residents = generateResidents({
    random: census.seed,
    count: census.count,
    places: census.places,
    today,
  })
  const cards = census.withCards ? createCards(world, at, census.seed) : undefined
  let household = ''
  const running = new Set<Promise<void>>()
  for (const chunk of chunksOf(residents, chunkSize)) {
    const rows = chunk.map(one => {
      const id = world.random.uuidv7(at)
      if (one.relation === 'head') household = id
      return { ...one, id, household }
    })
    const cardsOfChunk = cards === undefined ? [] : rows.flatMap(row => cards(row) ?? [])
    const task = world.store
      .transaction(async tx => {
        await insertResidents(tx, rows, at)
        await insertNumbers(tx, world, rows)
        if (cardsOfChunk.length > 0) await insertCards(tx, cardsOfChunk)
      })
      .finally(() => running.delete(task))
    running.add(task)
    if (running.size >= inFlightMax) await Promise.race(running)
  }
  await Promise.all(running)
}

type Row = GeneratedResident & { readonly id: string; readonly household: string }

function* chunksOf<T>(all: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = []
  for (const one of all) {
    chunk.push(one)
    if (chunk.length < size) continue
    yield chunk
    chunk = []
  }
  if (chunk.length > 0) yield chunk
}

async function insertResidents(
  tx: Transaction<AuthorityTables>,
  rows: readonly Row[],
  at: Instant,
): Promise<void> {
  await sql`
    insert into resident (id, municipality, attributes, status, is_ward, recorded_at, household_id, relation, reading, stay, stay_until)
    select id, municipality, attributes::jsonb, 'resident', false, ${at}::bigint, household, relation, reading, stay::jsonb, stay_until
    from unnest(
      ${texts(rows.map(row => row.id))}, ${texts(rows.map(row => row.municipality))},
      ${texts(rows.map(row => JSON.stringify(row.attributes)))}, ${texts(rows.map(row => row.household))},
      ${texts(rows.map(row => row.relation))}, ${texts(rows.map(row => row.reading))},
      ${texts(rows.map(row => (row.stay === null ? null : JSON.stringify(row.stay))))},
      ${numbers(rows.map(row => endOfStay(row.stay) ?? null))}
    ) as row (id, municipality, attributes, household, relation, reading, stay, stay_until)`.execute(
    tx,
  )
}

async function insertNumbers(
  tx: Transaction<AuthorityTables>,
  world: Pick<World, 'numbers'>,
  rows: readonly Row[],
): Promise<void> {
  const ids = rows.map(row => row.id)
  const boxes = await world.numbers.sealNext(tx, ids)
  await sql`
    insert into personal_number (resident_id, sealed, changes)
    select id, decode(sealed, 'hex'), 0
    from unnest(${texts(ids)}, ${texts(boxes.map(box => Buffer.from(box).toString('hex')))}) as row (id, sealed)`.execute(
    tx,
  )
}

/** A certificate as a registered number. */
type Registered = {
  readonly ca: CaKind
  readonly issuerKeyId: string
  readonly serial: string
  readonly notAfter: Instant
  readonly state: 'valid' | 'held' | 'revoked'
  readonly reason: RevocationReason | null
  readonly revokedAt: Instant | null
}

/** A card with what is registered on it. */
type RegisteredCard = {
  readonly id: string
  readonly residentId: string
  readonly municipality: string
  readonly serial: string
  readonly issuedAt: Instant
  readonly expiresAt: Instant
  readonly isActive: boolean
  readonly certificates: readonly Registered[]
}

/** Makes cards for residents: four in five have one, handed out on a day of the last years. */
function createCards(
  world: BulkWorld,
  at: Instant,
  seed: Random,
): (row: Row) => RegisteredCard | undefined {
  const draw = drawFrom(seed)
  const serials = createSerials(world.random)
  const issuers = createIssuers(world.hierarchy)
  const { validity } = world.rules
  return row => {
    if (!draw.happens(cardPercent)) return undefined
    const birth = latestBirthDate(row.attributes)
    const issuedAt = wholeSecond(
      at - draw.below(cardDaysMax) * dayMs - draw.below(dayMs / 1000) * 1000,
    )
    const stay = endOfStay(row.stay)
    const end = Math.min(cardEnd(validity, birth, issuedAt), stay ?? Number.POSITIVE_INFINITY)
    if (isBefore(issuedAt, row.attributes.birthDate) || end <= issuedAt) return undefined
    const fate = fateOf(draw)
    const certificates = (['authentication', 'signature'] as const)
      .filter(ca => ca === 'authentication' || mayHold(draw, validity, birth, issuedAt))
      .map((ca): Registered => {
        const issuer = issuers(ca, issuedAt)
        const bounds = { renews: undefined, notPast: [end, issuer.notAfter] }
        const happened = fate[ca]
        return {
          ca,
          issuerKeyId: issuer.keyId,
          serial: serials(),
          notAfter: certificateEnd(validity, birth, issuedAt, bounds),
          state: happened?.state ?? 'valid',
          reason: happened?.reason ?? null,
          revokedAt:
            happened === undefined
              ? null
              : wholeSecond(issuedAt + Math.floor(((at - issuedAt) * draw.below(1000)) / 1000)),
        }
      })
    return {
      id: world.random.uuidv7(at),
      residentId: row.id,
      municipality: row.municipality,
      serial: cardSerial(world.random),
      issuedAt,
      expiresAt: end,
      isActive: fate.isCardActive,
      certificates,
    }
  }
}

const dayMs = 24 * 3600 * 1000
/** Cards were handed out on any day of so many: a little less than the five years of a certificate. */
const cardDaysMax = 1750

type Happened = { readonly state: 'held' | 'revoked'; readonly reason: RevocationReason }
type Fate = { readonly [Ca in CaKind]?: Happened } & { readonly isCardActive: boolean }

const moved: Happened = { state: 'revoked', reason: 'affiliationChanged' }
const held: Happened = { state: 'held', reason: 'certificateHold' }
const ended: Happened = { state: 'revoked', reason: 'cessationOfOperation' }

/** What became of the certificates since: shares are ours, so that lists are of a believable length. */
function fateOf(draw: Draw): Fate {
  const percent = draw.below(1000) / 10
  if (percent < 12) return { signature: moved, isCardActive: true }
  if (percent < 12.1) return { signature: held, authentication: held, isCardActive: true }
  if (percent < 12.6) return { signature: ended, authentication: ended, isCardActive: false }
  return { isCardActive: true }
}

function mayHold(draw: Draw, validity: ValidityRules, birth: CalendarDate, at: Instant): boolean {
  const day = dateInJapan(at)
  const isOldEnough = day.year - birth.year > validity.signatureAge
  return isOldEnough && draw.happens(signaturePercent)
}

function isBefore(at: Instant, birth: GeneratedResident['attributes']['birthDate']): boolean {
  return at < Date.UTC(birth.year, (birth.month ?? 12) - 1, birth.day ?? 28)
}

/** Serials that no other registered number has: the images of 0, 1, 2 … under a fresh key, four octets from 1 on (jpki.md §2.2). */
function createSerials(random: Random): () => string {
  const key = createSecretKey(random.bytes(32))
  let ready: readonly number[] = []
  let taken = 0
  let next = 0
  return () => {
    if (taken === ready.length) {
      ready = permute(
        key,
        0,
        Array.from({ length: serialsAtOnce }, () => next++),
      )
      taken = 0
    }
    return (firstSerial + (ready[taken++] ?? 0)).toString(16).padStart(8, '0')
  }
}

const serialsAtOnce = 4096
const firstSerial = 0x0100_0000

/** The generation that issued at an instant, looked up once a generation and kind. */
function createIssuers(
  hierarchy: Hierarchy,
): (kind: CaKind, at: Instant) => { readonly keyId: string; readonly notAfter: Instant } {
  const known = new Map<string, { readonly keyId: string; readonly notAfter: Instant }>()
  return (kind, at) => {
    const day = `${kind} ${Math.floor(at / dayMs)}`
    const found = known.get(day)
    if (found !== undefined) return found
    const { keyId, certificate } = hierarchy.issuing(kind, at)
    const issuer = { keyId, notAfter: certificate.notAfter }
    known.set(day, issuer)
    return issuer
  }
}

async function insertCards(
  tx: Transaction<AuthorityTables>,
  cards: readonly RegisteredCard[],
): Promise<void> {
  await sql`
    insert into card (id, resident_id, serial, expires_at, state, issued_at)
    select * from unnest(
      ${texts(cards.map(one => one.id))}, ${texts(cards.map(one => one.residentId))},
      ${texts(cards.map(one => one.serial))}, ${numbers(cards.map(one => one.expiresAt))},
      ${texts(cards.map(one => (one.isActive ? 'active' : 'ended')))}, ${numbers(cards.map(one => one.issuedAt))})`.execute(
    tx,
  )
  const all = cards.flatMap(card => card.certificates.map(one => ({ ...one, card })))
  await sql`
    insert into certificate (issuer_key_id, serial, ca, resident_id, card_id, municipality, not_before, not_after, state, reason,
      revoked_at, authentication_issuer_key_id, authentication_serial)
    select * from unnest(
      ${texts(all.map(one => one.issuerKeyId))}, ${texts(all.map(one => one.serial))}, ${texts(all.map(one => one.ca))},
      ${texts(all.map(one => one.card.residentId))}, ${texts(all.map(one => one.card.id))},
      ${texts(all.map(one => one.card.municipality))}, ${numbers(all.map(one => one.card.issuedAt))},
      ${numbers(all.map(one => one.notAfter))}, ${texts(all.map(one => one.state))}, ${texts(all.map(one => one.reason))},
      ${numbers(all.map(one => one.revokedAt))}, ${texts(all.map(one => besideOf(one)?.issuerKeyId ?? null))},
      ${texts(all.map(one => besideOf(one)?.serial ?? null))})`.execute(tx)
  const partitions = new Set(all.map(one => `${one.issuerKeyId} ${one.card.municipality}`))
  // In one order, so that chunks that are written at the same time do not wait for each other for ever.
  for (const partition of [...partitions].toSorted()) {
    const [issuerKeyId = '', municipality = ''] = partition.split(' ')
    await tx
      .insertInto('partition')
      .values({ issuer_key_id: issuerKeyId, municipality })
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
}

/** Of a signature certificate: the authentication certificate beside it. */
function besideOf(one: Registered & { readonly card: RegisteredCard }): Registered | undefined {
  return one.ca === 'signature'
    ? one.card.certificates.find(other => other.ca === 'authentication')
    : undefined
}

/** 15 digits, as on the card. */
export function cardSerial(random: Random): string {
  const bytes = random.bytes(8)
  const number = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0)
  return String(number % 1_000_000_000_000_000n).padStart(15, '0')
}

function wholeSecond(at: Instant): Instant {
  return Math.floor(at / 1000) * 1000
}

/** An array parameter in its text form (PostgreSQL §8.15.2), which both engines read alike and neither driver has to build. */
function texts(values: readonly (string | null)[]) {
  const items = values.map(value =>
    value === null ? 'NULL' : `"${value.replace(/["\\]/g, found => `\\${found}`)}"`,
  )
  return sql`${`{${items.join(',')}}`}::text::text[]`
}

function numbers(values: readonly (number | null)[]) {
  return sql`${`{${values.map(value => value ?? 'NULL').join(',')}}`}::text::bigint[]`
}
