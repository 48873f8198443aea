/** Which tariffs there are, and which is in force in which month (C7). What was added or adopted is never taken back. */
import { isDeepStrictEqual } from 'node:util'
import { Refusal } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import { jsonb, type Store, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { ownProviderId } from '../providers/registry.ts'
import { monthOf } from './meter.ts'
import { ministryList, ministryWaived, parseTariff, type Tariff, termsOn } from './tariff.ts'

/** What fees are worked out from. */
export type FeeWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly ledger: Ledger
}

const builtIn: readonly Tariff[] = [ministryList, ministryWaived]

/** Adds a tariff; the same again changes nothing. Refusals `request-malformed`, `tariff-conflict`. */
export async function addTariff(
  world: Pick<FeeWorld, 'store' | 'clock'>,
  candidate: unknown,
): Promise<Tariff> {
  const tariff = parseTariff(candidate)
  const kept = await world.store.transaction(async tx => {
    await tx
      .insertInto('tariff')
      .values({ id: tariff.id, definition: jsonb(tariff), added_at: world.clock.now() })
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute()
    return requireTariff(tx, tariff.id)
  })
  if (!isDeepStrictEqual(kept, tariff)) throw new Refusal('tariff-conflict', { tariff: tariff.id })
  return kept
}

/** A tariff by its id, built in or added. Refusal `tariff-unknown`. */
export async function requireTariff(tx: Transaction<PlatformTables>, id: string): Promise<Tariff> {
  const own = builtIn.find(one => one.id === id)
  if (own !== undefined) return own
  const row = await tx
    .selectFrom('tariff')
    .select('definition')
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('tariff-unknown', { tariff: id })
  return parseTariff(row.definition)
}

/** The tariff in force in a month: the one adopted last for that month or one before, and the ministry's list before any. */
export async function tariffOf(tx: Transaction<PlatformTables>, month: string): Promise<Tariff> {
  const row = await tx
    .selectFrom('tariff_adoption')
    .select('tariff_id')
    .where('month', '<=', month)
    .orderBy('month', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row === undefined ? ministryList : requireTariff(tx, row.tariff_id)
}

/**
 * Adopts a tariff from a month on, with an entry in the ledger; another for the same month takes its place. Only for months that have not
 * begun: what a provider was told while a month ran stays true. Refusals `tariff-unknown`, `tariff-not-in-force`.
 */
export async function adoptTariff(
  world: FeeWorld,
  given: { readonly tariff: string; readonly month: string },
): Promise<void> {
  const at = world.clock.now()
  const { month } = given
  if (month <= monthOf(at)) throw new Refusal('tariff-not-in-force', { ...given })
  await world.store.transaction(async tx => {
    const tariff = await requireTariff(tx, given.tariff)
    for (const { kind } of tariff.prices)
      termsOn(tariff, `${month}-01`, {
        kind,
        method: 'query',
        purpose: 'transaction',
        class: 'ordinary',
      })
    await tx
      .insertInto('tariff_adoption')
      .values({ month, tariff_id: tariff.id, adopted_at: at })
      .onConflict(conflict =>
        conflict.column('month').doUpdateSet({ tariff_id: tariff.id, adopted_at: at }),
      )
      .execute()
    await world.ledger.record(tx, entries['platform.tariff-adopted'], {
      at,
      providerId: ownProviderId,
      personId: undefined,
      values: { ...given },
    })
  })
}

/** All tariffs, and from when which is in force. */
export async function listTariffs(world: Pick<FeeWorld, 'store'>): Promise<{
  readonly tariffs: readonly Tariff[]
  readonly adopted: readonly { readonly month: string; readonly tariff: string }[]
}> {
  const added = await world.store.read(db =>
    db.selectFrom('tariff').select('definition').orderBy('id').execute(),
  )
  const adopted = await world.store.read(db =>
    db
      .selectFrom('tariff_adoption')
      .select(['month', 'tariff_id as tariff'])
      .orderBy('month')
      .execute(),
  )
  return { tariffs: [...builtIn, ...added.map(row => parseTariff(row.definition))], adopted }
}
