/**
 * Watchers of changed people (C14): of the providers with a stream and a consent in force those are told for whom the meaning is another than the
 * last one told. Everything is asked and written for many people at once, so that telling a hundred thousand costs statements by the batch.
 */
import type { ChangeMeaning } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { sql, type SqlBool, type Transaction } from '@sekisho/runtime/store'
import { meaningOf } from '../confirm/change.ts'
import { whoMayFetchLatest } from '../confirm/latest-consent.ts'
import type { PlatformTables } from '../database.ts'
import type { Judge } from '../evidence/judge.ts'
import { chargeAll } from '../fees/meter.ts'
import { isOpen } from '../people/consent-limit.ts'
import { certificatesOfAll } from '../people/link.ts'
import { addChanges, type EventWorld } from './event.ts'

/** Tells the watchers of these people in the caller's transaction; how many were told. Refusals of the judge. */
export async function tellWatchers(
  tx: Transaction<PlatformTables>,
  world: EventWorld & { readonly judge: Judge },
  people: readonly string[],
  at: Instant,
): Promise<number> {
  const watchers = (await watchersOf(tx, people, at)).filter(watcher => isConsented(watcher, at))
  if (watchers.length === 0) return 0
  const certificates = await certificatesOfAll(tx, [
    ...new Set(watchers.map(watcher => watcher.personId)),
  ])
  const news = watchers
    .map(watcher => ({
      ...watcher,
      meaning: meaningOf(
        certificates.get(watcher.personId) ?? [],
        world.judge,
        watcher.certificateId,
      ).meaning,
    }))
    .filter(({ meaning, told }) => meaning !== (told ?? unchanged))
  const fetchable = await whoMayFetchLatest(
    tx,
    news.filter(({ meaning }) => meaning === 'ask-for-update'),
    at,
  )
  await noteTold(tx, news)
  await addChanges(
    tx,
    world,
    news.map(({ providerId, personId, subject, meaning }) => ({
      providerId,
      subject,
      meaning,
      isFetchable: fetchable.has(`${providerId} ${personId}`),
      at,
    })),
  )
  const day = dateInJapan(at)
  await chargeAll(
    tx,
    news.map(({ providerId, subject }) => ({
      providerId,
      // As a change confirmation of the same day: who hears it here and asks besides pays once.
      transaction: `change ${subject} ${day.year}-${day.month}-${day.day}`,
      at,
      kind: 'signature-check',
      method: 'crl',
      currentStatusOf: subject,
    })),
  )
  return news.length
}

const unchanged: ChangeMeaning = 'no-change'

type Watcher = {
  readonly personId: string
  readonly providerId: string
  readonly certificateId: string
  readonly subject: string
  readonly scopes: string
  /** What it was last told; null: nothing yet. */
  readonly told: ChangeMeaning | null
  readonly limited: string | null
  readonly endedAt: Instant | null
  readonly until: Instant | null
  readonly usesMax: number | null
  readonly uses: number | null
  readonly usedOn: number | null
}

/** Providers with a stream and a consent of these people, whatever it is about. */
function watchersOf(
  tx: Transaction<PlatformTables>,
  people: readonly string[],
  at: Instant,
): Promise<readonly Watcher[]> {
  return tx
    .selectFrom('consent')
    .innerJoin('watch_stream', 'watch_stream.provider_id', 'consent.provider_id')
    .innerJoin('pairwise', join =>
      join
        .onRef('pairwise.provider_id', '=', 'consent.provider_id')
        .onRef('pairwise.person_id', '=', 'consent.person_id'),
    )
    .leftJoin('watch_told', join =>
      join
        .onRef('watch_told.provider_id', '=', 'consent.provider_id')
        .onRef('watch_told.person_id', '=', 'consent.person_id'),
    )
    .leftJoin('consent_limit', join =>
      join
        .onRef('consent_limit.consent_id', '=', 'consent.id')
        .on('consent_limit.scope', '=', watchScope),
    )
    .select([
      'consent.person_id as personId',
      'consent.provider_id as providerId',
      'consent.certificate_id as certificateId',
      'consent.scopes',
      'pairwise.subject',
      'watch_told.meaning as told',
      'consent_limit.consent_id as limited',
      'consent_limit.ended_at as endedAt',
      'consent_limit.until',
      'consent_limit.uses_max as usesMax',
      'consent_limit.uses',
      'consent_limit.used_on as usedOn',
    ])
    .where(sql<SqlBool>`consent.person_id = any(${people}::text[])`)
    .where('consent.state', '=', 'given')
    .where('consent.until', '>', at)
    .execute()
}

const watchScope = 'change'

/** As `consentInForce` for this scope. */
function isConsented(watcher: Watcher, at: Instant): boolean {
  if (!watcher.scopes.split(' ').includes(watchScope)) return false
  const { limited, endedAt, until, usesMax, uses, usedOn } = watcher
  if (limited === null) return true
  return isOpen({ isEnded: endedAt !== null, until, usesMax, uses: uses ?? 0, usedOn }, at)
}

/** Notes what providers know now. */
async function noteTold(
  tx: Transaction<PlatformTables>,
  news: readonly {
    readonly providerId: string
    readonly personId: string
    readonly meaning: ChangeMeaning
  }[],
): Promise<void> {
  if (news.length === 0) return
  await sql`
    insert into watch_told (provider_id, person_id, meaning)
    select * from unnest(
      ${news.map(each => each.providerId)}::text[],
      ${news.map(each => each.personId)}::text[],
      ${news.map(each => each.meaning)}::text[])
    on conflict (provider_id, person_id) do update set meaning = excluded.meaning`.execute(tx)
}
