/**
 * Monthly statements (C7). A running month is rated whenever it is asked for; a month that has ended is rated once and kept, and
 * only a correction adds to that, as the next version beside the first. What a statement says rests on the usage table alone.
 *
 * A provider is billed by its client id: a firm with several services that wants a bill for each registers each.
 */
import { isDeepStrictEqual } from 'node:util'
import { type FeeStatement, feeStatement, Refusal } from '@sekisho/contract'
import { jsonb, lockInTransaction, sql, type Store, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { findProvider } from '../providers/registry.ts'
import { type Rated, rateMonth, type UsageGroup } from './rating.ts'
import {
  instantOf,
  monthAfter,
  partsOf,
  type ProviderClass,
  type Tariff,
  yearBegin,
} from './tariff.ts'
import { type FeeWorld, requireTariff, tariffOf } from './tariff-book.ts'

/** The statement of one provider for a month (`YYYY-MM` in Japan). Refusal `tariff-not-in-force`. */
export async function statementOf(
  world: Pick<FeeWorld, 'store' | 'clock'>,
  providerId: string,
  month: string,
): Promise<FeeStatement> {
  const now = world.clock.now()
  const of = { providerId, month, class: await classOf(world.store, providerId) }
  const found = await world.store.transaction(
    async tx => {
      const [kept] = await versionsIn(tx, providerId, month)
      if (kept !== undefined) return { kept }
      const tariff = await tariffOf(tx, month)
      const rated = await rate(tx, tariff, of)
      return { made: { month, provider: providerId, tariff: tariff.id, ...rated } }
    },
    // One view of all tables: repeats are part of the uses beside which they stand.
    { isolation: 'repeatable read' },
  )
  if (found.kept !== undefined) return found.kept
  const isOver = now >= instantOf(`${monthAfter(month)}-01`) + closingDelayMs
  if (!isOver) return { ...found.made, state: 'running', version: 0 }
  const made: FeeStatement = { ...found.made, state: 'final', version: 1 }
  if (made.lines.length + made.own.length === 0) return made
  return world.store.transaction(async tx => {
    await keep(tx, made, { reason: null, at: now })
    // Another node may have been first.
    return (await versionsIn(tx, providerId, month))[0] ?? made
  })
}

/** All versions of the statement of a month that has ended, the newest first. */
export async function versionsOf(
  store: Store<PlatformTables>,
  providerId: string,
  month: string,
): Promise<readonly FeeStatement[]> {
  return store.transaction(tx => versionsIn(tx, providerId, month))
}

/** What the month would cost under another tariff; nothing is changed. Refusals `tariff-unknown`, `tariff-not-in-force`. */
export async function rateAgain(
  world: Pick<FeeWorld, 'store'>,
  providerId: string,
  given: { readonly month: string; readonly tariff: string },
): Promise<Rated> {
  const of = { providerId, month: given.month, class: await classOf(world.store, providerId) }
  return world.store.transaction(async tx => rate(tx, await requireTariff(tx, given.tariff), of), {
    isolation: 'repeatable read',
  })
}

/**
 * Corrects the statement of a month that has ended: all its uses under the tariff named, as the next version, with an entry in the
 * ledger. The earlier versions stay. When nothing differs from the newest version nothing is written, so a repeated correction
 * is the same one. Refusals `month-running`, `tariff-unknown`, `tariff-not-in-force`.
 */
export async function correctStatement(
  world: FeeWorld,
  providerId: string,
  given: { readonly month: string; readonly tariff: string; readonly reason: string },
): Promise<{ readonly statement: FeeStatement; readonly isChanged: boolean }> {
  const { month, reason } = given
  const now = world.clock.now()
  const first = await statementOf(world, providerId, month)
  if (first.state === 'running') throw new Refusal('month-running', { month })
  const of = { providerId, month, class: await classOf(world.store, providerId) }
  return world.store.transaction(async tx => {
    // Of two corrections at a time the second sees what the first wrote.
    await lockInTransaction(tx, `fee-statement ${providerId} ${month}`)
    const newest = (await versionsIn(tx, providerId, month))[0] ?? first
    const tariff = await requireTariff(tx, given.tariff)
    const rated = await rate(tx, tariff, of)
    const version = newest.version + 1
    const same = { ...newest, tariff: tariff.id, ...rated }
    if (isDeepStrictEqual(same, newest)) return { statement: newest, isChanged: false }
    const statement: FeeStatement = { ...same, version }
    // An empty statement was not kept until now.
    if (newest.version === 1) await keep(tx, newest, { reason: null, at: now })
    await keep(tx, statement, { reason, at: now })
    await world.ledger.record(tx, entries['platform.statement-corrected'], {
      at: now,
      providerId,
      personId: undefined,
      values: { month, version, tariff: tariff.id, reason, totalYen: statement.totalYen },
    })
    return { statement, isChanged: true }
  })
}

/** Everybody with a use in a month, in the order of their ids. */
export async function providersBilled(
  store: Store<PlatformTables>,
  month: string,
): Promise<readonly string[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('usage')
      .select('provider_id')
      .distinct()
      .where('month', '=', month)
      .orderBy('provider_id')
      .execute(),
  )
  return rows.map(row => row.provider_id)
}

/** A use is written by a transaction that took its time before; none lasts so long. */
const closingDelayMs = 10 * 60_000

type Of = { readonly providerId: string; readonly month: string; readonly class: ProviderClass }

async function rate(tx: Transaction<PlatformTables>, tariff: Tariff, of: Of): Promise<Rated> {
  return rateMonth(tariff, of.month, {
    class: of.class,
    groups: await groupsOf(tx, tariff, of),
  })
}

/** Counts in the database, so that memory does not grow with the uses. */
export async function groupsOf(
  tx: Transaction<PlatformTables>,
  tariff: Tariff,
  { providerId, month }: Pick<Of, 'providerId' | 'month'>,
): Promise<readonly UsageGroup[]> {
  const inner = partsOf(tariff, month).slice(1).map(instantOf)
  // Without a change of terms in the month there is one part, and nothing to compute for every row.
  const part = inner.reduce(
    (sum, at) => sql<number>`${sum} + (u.at >= ${String(at)}::bigint)::integer`,
    sql<number>`0`,
  )
  const { rows } = await sql<UsageGroup>`
    select u.kind, u.method, u.purpose, ${part} as part, count(*) as uses, 0 as repeats
    from usage u where u.provider_id = ${providerId} and u.month = ${month}
    group by 1, 2, 3, 4`.execute(tx)
  if (!rows.some(row => row.purpose === 'current-status')) return rows
  // That there is a subject is said although it follows, for the index has only such rows.
  const begin = String(yearBegin(tariff, month))
  const { rows: repeated } = await sql<UsageGroup>`
    select u.kind, u.method, u.purpose, ${part} as part, 0 as uses, count(*) as repeats
    from usage u
    where u.provider_id = ${providerId} and u.month = ${month}
      and u.subject is not null and u.purpose = 'current-status' and u.method = 'crl'
      and exists (
        select from usage e
        where e.provider_id = u.provider_id and e.kind = u.kind and e.subject = u.subject
          and e.subject is not null
          and e.purpose = 'current-status' and e.method = 'crl'
          and e.at >= ${begin}::bigint and (e.at, e.transaction) < (u.at, u.transaction))
    group by 1, 2, 3, 4`.execute(tx)
  const repeats = new Map(repeated.map(row => [nameOf(row), row.repeats]))
  return rows.map(row => ({ ...row, repeats: repeats.get(nameOf(row)) ?? 0 }))
}

function nameOf({ kind, method, purpose, part }: UsageGroup): string {
  return `${kind} ${method} ${purpose} ${part}`
}

async function versionsIn(
  tx: Transaction<PlatformTables>,
  providerId: string,
  month: string,
): Promise<readonly FeeStatement[]> {
  const rows = await tx
    .selectFrom('fee_statement')
    .select('statement')
    .where('provider_id', '=', providerId)
    .where('month', '=', month)
    .orderBy('version', 'desc')
    .execute()
  return rows.map(row => feeStatement.parse(row.statement))
}

/** Whoever is first to write a version is the one that counts. */
async function keep(
  tx: Transaction<PlatformTables>,
  statement: FeeStatement,
  given: { readonly reason: string | null; readonly at: number },
): Promise<void> {
  await tx
    .insertInto('fee_statement')
    .values({
      provider_id: statement.provider,
      month: statement.month,
      version: statement.version,
      statement: jsonb(statement),
      reason: given.reason,
      made_at: given.at,
    })
    .onConflict(conflict => conflict.doNothing())
    .execute()
}

async function classOf(store: Store<PlatformTables>, providerId: string): Promise<ProviderClass> {
  const provider = await findProvider(store, providerId)
  return provider?.metadata.sekisho_public_interest === true ? 'public-interest' : 'ordinary'
}
