/**
 * What the other CAs publish: a full list each, signed daily and when something changed, and the cross-certificates, which are made anew
 * before they end. One that was revoked is not: whoever cut a CA off must say so when it is to be let in again (`recognise`).
 */
import type { Instant } from '@sekisho/runtime/clock'
import { issueCrl } from '@sekisho/pki/issue'
import { lockInTransaction, type Transaction } from '@sekisho/runtime/store'
import { dailyPublication } from '../revocation/publish.ts'
import type { OtherCa } from './authority.ts'
import type { OtherTables } from './database.ts'
import { issueCross } from './issue.ts'
import { crossPairs, type OtherCaId, otherCaIds } from './kind.ts'
import type { OtherWorld } from './world.ts'

type World = Pick<OtherWorld, 'store' | 'cas' | 'clock' | 'random'>

const { everyMs, lifetimeMs } = dailyPublication
/** Lists kept besides the newest, for who is just fetching. */
const listsBefore = 2
/** A cross-certificate with less than this is followed by a new one. */
const crossLeftMs = 90 * 24 * 3600 * 1000

/** Publishes what is due of every CA that is in force; returns how many lists. When nothing is, three small reads are all it costs. */
export async function publishOthers(world: World): Promise<number> {
  const at = wholeSecond(world.clock.now())
  const inForce = otherCaIds.filter(id => isInForce(world.cas[id], at))
  if (inForce.length === 0) return 0
  await renewCross(
    world,
    crossPairs.filter(pair => pair.every(id => inForce.includes(id))),
    at,
  )
  const changed = await world.store.read(db =>
    db.selectFrom('other_list_change').select('ca').distinct().execute(),
  )
  const newest = await world.store.read(db =>
    db
      .selectFrom('other_list')
      .select(['ca', eb => eb.fn.max('this_update').as('at')])
      .groupBy('ca')
      .execute(),
  )
  let published = 0
  for (const id of inForce) {
    const last = newest.find(row => row.ca === id)?.at
    const isDue = last === undefined || at >= last + everyMs
    if (!isDue && !changed.some(row => row.ca === id)) continue
    await world.store.transaction(tx => publishList(tx, world, world.cas[id]))
    published++
  }
  return published
}

/** The newest list of a CA, DER; undefined: none yet. */
export async function readOtherList(
  world: Pick<World, 'store'>,
  ca: OtherCaId,
): Promise<Uint8Array | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('other_list')
      .select('der')
      .where('ca', '=', ca)
      .orderBy('number', 'desc')
      .limit(1)
      .executeTakeFirst(),
  )
  return row?.der
}

/** A certificate of one CA for another. */
export type CrossCertificate = {
  readonly issuer: OtherCaId
  readonly subject: OtherCaId
  readonly der: Uint8Array
}

/** The cross-certificates in force; a revoked one is withdrawn from here too. */
export async function readCross(
  world: Pick<World, 'store' | 'clock'>,
): Promise<readonly CrossCertificate[]> {
  const at = world.clock.now()
  const rows = await world.store.read(db =>
    db
      .selectFrom('other_certificate')
      .select(['ca', 'crossed', 'der'])
      .where('kind', '=', 'cross')
      .where('state', '=', 'valid')
      .where('not_after', '>=', at)
      .orderBy('ca')
      .orderBy('crossed')
      .orderBy('not_before')
      .execute(),
  )
  return rows.flatMap(({ ca, crossed, der }) =>
    crossed === null ? [] : [{ issuer: ca, subject: crossed, der }],
  )
}

/** Lets a CA in again that was cut off, or for the first time: a new cross-certificate in one direction. */
export async function recognise(
  world: World,
  pair: readonly [OtherCaId, OtherCaId],
): Promise<void> {
  await world.store.transaction(tx => issueCross(tx, world, pair, world.clock.now()))
}

/** Makes those cross-certificates that there never were, and those that follow others. */
async function renewCross(
  world: World,
  pairs: readonly (readonly [OtherCaId, OtherCaId])[],
  at: Instant,
): Promise<void> {
  const read = (db: Pick<Transaction<OtherTables>, 'selectFrom'>) =>
    db
      .selectFrom('other_certificate')
      .distinctOn(['ca', 'crossed'])
      .select(['ca', 'crossed', 'not_after', 'state'])
      .where('kind', '=', 'cross')
      .orderBy('ca')
      .orderBy('crossed')
      .orderBy('not_before', 'desc')
      .execute()
  type Rows = Awaited<ReturnType<typeof read>>
  const isWanting = (rows: Rows, [issuer, subject]: readonly [OtherCaId, OtherCaId]): boolean => {
    const [one, other] = [world.cas[issuer].certificate, world.cas[subject].certificate]
    // Where a CA ends as soon as that, nothing can follow.
    if (Math.min(one.notAfter, other.notAfter) - at < crossLeftMs) return false
    const row = rows.find(each => each.ca === issuer && each.crossed === subject)
    return row === undefined || (row.state === 'valid' && row.not_after - at <= crossLeftMs)
  }
  const seen = await world.store.read(read)
  if (!pairs.some(pair => isWanting(seen, pair))) return
  await world.store.transaction(async tx => {
    await lockInTransaction(tx, 'cross-certificates')
    const rows = await read(tx)
    for (const pair of pairs) if (isWanting(rows, pair)) await issueCross(tx, world, pair, at)
  })
}

async function publishList(tx: Transaction<OtherTables>, world: World, ca: OtherCa): Promise<void> {
  await lockInTransaction(tx, `other list ${ca.id}`)
  // Before the certificates are read: a change that commits in between is on the list and published once more.
  await tx.deleteFrom('other_list_change').where('ca', '=', ca.id).execute()
  const last = await tx
    .selectFrom('other_list')
    .select(['number', 'this_update'])
    .where('ca', '=', ca.id)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
  const at = wholeSecond(world.clock.now())
  const since = last?.this_update ?? at
  const rows = await tx
    .selectFrom('other_certificate')
    .select(['serial', 'reason', 'revoked_at', 'not_after'])
    .where('ca', '=', ca.id)
    .where('state', '=', 'revoked')
    .where('not_after', '>=', since)
    .orderBy('serial')
    .execute()
  const entries = rows.map(({ serial, reason, revoked_at: revokedAt }) => {
    if (reason === null || revokedAt === null) throw new Error('revoked without reason or instant')
    return { serial: Buffer.from(serial, 'hex'), reason, revokedAt: Math.min(revokedAt, at) }
  })
  const keyId = ca.certificate.subjectKeyIdentifier
  if (keyId === undefined) throw new Error('a CA certificate without key identifier')
  const number = (last?.number ?? 0) + 1
  const sign = ca.listSigner({
    partition: undefined,
    at,
    lifetimeMs,
    deltaBase: undefined,
    last: last === undefined ? undefined : { number: last.number, thisUpdate: since },
    ends: new Map(rows.map(row => [row.serial, row.not_after])),
  })
  const times = { this_update: at, next_update: at + lifetimeMs }
  const content = {
    issuer: ca.certificate.subject,
    issuerKeyId: keyId,
    thisUpdate: times.this_update,
    nextUpdate: times.next_update,
    number,
    partition: undefined,
    deltaBase: undefined,
    entries,
  }
  const der = issueCrl(content, ca.algorithm, sign)
  await tx
    .insertInto('other_list')
    .values({ ca: ca.id, number, ...times, der })
    .execute()
  await tx
    .deleteFrom('other_list')
    .where('ca', '=', ca.id)
    .where('number', '<', number - listsBefore)
    .execute()
}

function isInForce({ certificate }: OtherCa, at: Instant): boolean {
  return certificate.notBefore <= at && at <= certificate.notAfter
}

function wholeSecond(at: Instant): Instant {
  return Math.floor(at / 1000) * 1000
}
