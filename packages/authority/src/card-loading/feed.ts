/**
 * What owners are told to stop (flows.md §21, loss): from the loss line, the end of a card, a death, refreshed once a day; and the
 * urgent stop by the owner itself. An owner learns that a card was lost or has ended, and nothing of why or whose it was.
 */
import { Refusal } from '@sekisho/contract'
import {
  loadingFeed,
  type LoadedCard,
  type LoadingFeed,
  type LoadingStop,
} from '@sekisho/contract/authority'
import { lockInTransaction, type Transaction } from '@sekisho/runtime/store'
import type { LoadingTables } from './database.ts'
import { type LoadingWorld, note } from './world.ts'

/** The newest for an owner; made when the one before is past its end. */
export async function readFeed(world: LoadingWorld, owner: string): Promise<LoadingFeed> {
  return world.store.transaction(async tx => {
    await lockInTransaction(tx, `loading feed ${owner}`)
    const newest = await newestOf(tx, owner)
    if (newest !== undefined && newest.next_update > world.clock.now()) return feedOf(newest)
    return publish(tx, world, owner, world.clock.now() + world.rules.feedMs)
  })
}

/** All owners' that are due: what the day brings. How many were made. */
export async function publishFeedsDue(world: LoadingWorld): Promise<number> {
  const at = world.clock.now()
  const due = await world.store.read(db =>
    db
      .selectFrom('loading_owner')
      .select('id')
      .where('state', '=', 'active')
      .where(({ exists, not, selectFrom }) =>
        not(
          exists(
            selectFrom('loading_feed')
              .select('number')
              .whereRef('owner', '=', 'loading_owner.id')
              .where('next_update', '>', at),
          ),
        ),
      )
      .execute(),
  )
  for (const { id } of due) await readFeed(world, id)
  return due.length
}

/**
 * The owner stops a user at once: the feed tells so from now on, and the daily round stays when it was. Again, it changes nothing. Refusal
 * `loading-number-unknown`, also for another owner's.
 */
export async function stopUser(
  world: LoadingWorld,
  owner: string,
  { aid, userNumber }: LoadingStop,
): Promise<LoadingFeed> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    await lockInTransaction(tx, `loading feed ${owner}`)
    const found = await tx
      .selectFrom('loading')
      .innerJoin('loading_application', 'loading_application.aid', 'loading.aid')
      .select(['loading.id as id', 'stopped_at'])
      .where('loading.aid', '=', aid)
      .where('user_number', '=', userNumber)
      .where('owner', '=', owner)
      .executeTakeFirst()
    if (found === undefined) throw new Refusal('loading-number-unknown')
    const newest = await newestOf(tx, owner)
    const isGood = newest !== undefined && newest.next_update > at
    if (found.stopped_at !== null && isGood) return feedOf(newest)
    if (found.stopped_at === null) {
      await tx.updateTable('loading').set({ stopped_at: at }).where('id', '=', found.id).execute()
      await note(tx, world, { kind: 'stopped', aid, loading: found.id })
    }
    return publish(tx, world, owner, isGood ? newest.next_update : at + world.rules.feedMs)
  })
}

/**
 * Which user the application on a card is for. Refusal `loading-number-unknown` when it is not on it by our doing, also for another
 * owner's application.
 */
export async function userOf(
  world: LoadingWorld,
  owner: string,
  { aid, cardSerial }: LoadedCard,
): Promise<{ readonly aid: string; readonly userNumber: string }> {
  const found = await world.store.read(db =>
    db
      .selectFrom('loading')
      .innerJoin('loading_application', 'loading_application.aid', 'loading.aid')
      .select('user_number')
      .where('loading.aid', '=', aid)
      .where('card_serial', '=', cardSerial)
      .where('owner', '=', owner)
      .where('loading.state', '=', 'loaded')
      .executeTakeFirst(),
  )
  if (found === undefined) throw new Refusal('loading-number-unknown')
  return { aid, userNumber: found.user_number }
}

type FeedRow = LoadingTables['loading_feed']

async function newestOf(
  tx: Transaction<LoadingTables>,
  owner: string,
): Promise<FeedRow | undefined> {
  return tx
    .selectFrom('loading_feed')
    .selectAll()
    .where('owner', '=', owner)
    .orderBy('number', 'desc')
    .limit(1)
    .executeTakeFirst()
}

async function publish(
  tx: Transaction<LoadingTables>,
  world: LoadingWorld,
  owner: string,
  nextUpdate: number,
): Promise<LoadingFeed> {
  const before = await newestOf(tx, owner)
  const entries = JSON.stringify(await stoppedOf(tx, owner))
  const made: FeedRow = {
    owner,
    number: (before?.number ?? 0) + 1,
    this_update: world.clock.now(),
    next_update: nextUpdate,
    entries,
  }
  await tx.insertInto('loading_feed').values(made).execute()
  return feedOf(made)
}

/** Applications on cards that are lost or ended, and those that the owner stopped. */
async function stoppedOf(
  tx: Transaction<LoadingTables>,
  owner: string,
): Promise<LoadingFeed['stopped']> {
  const rows = await tx
    .selectFrom('loading')
    .innerJoin('loading_application', 'loading_application.aid', 'loading.aid')
    .leftJoin('card', 'card.serial', 'loading.card_serial')
    .select(['loading.aid as aid', 'user_number', 'card.state as card_state', 'stopped_at'])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom('certificate')
          .select('certificate.serial')
          .whereRef('certificate.card_id', '=', 'card.id')
          .where('certificate.state', '=', 'held'),
      ).as('is_held'),
    )
    .where('owner', '=', owner)
    // What was begun may be on the card.
    .where('loading.state', '<>', 'deleted')
    .orderBy('loading.aid')
    .orderBy('user_number')
    .execute()
  return rows.flatMap(row => {
    const why =
      row.card_state !== 'active'
        ? 'ended'
        : row.is_held === true
          ? 'lost'
          : row.stopped_at === null
            ? undefined
            : 'owner'
    return why === undefined ? [] : [{ aid: row.aid, userNumber: row.user_number, why }]
  })
}

function feedOf(row: FeedRow): LoadingFeed {
  return loadingFeed.parse({
    owner: row.owner,
    number: row.number,
    thisUpdate: new Date(row.this_update).toISOString(),
    nextUpdate: new Date(row.next_update).toISOString(),
    stopped: JSON.parse(row.entries),
  })
}
