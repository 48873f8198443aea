/**
 * Events of streams: security event tokens (RFC 8417), kept in the order in which they came to be until they are acknowledged, and for a
 * while after, so that a receiver that lost some can have them again.
 */
import type { ChangeMeaning } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { sql, type Store, type Transaction } from '@sekisho/runtime/store'
import { type ReceiptKey, signEvent } from '../confirm/receipt.ts'
import type { PlatformTables } from '../database.ts'
import type { SubjectNews } from '../people/decision.ts'
import {
  changeEvent,
  findStream,
  subjectMergedEvent,
  subjectSplitEvent,
  verificationEvent,
} from './stream.ts'

/** What events are made with. */
export type EventWorld = {
  readonly store: Store<PlatformTables>
  readonly issuer: string
  readonly random: Random
  readonly receiptKey: ReceiptKey
}

/** An event on its way. */
export type Pending = { readonly jti: string; readonly token: string }

/** A change to be told. */
export type Change = {
  readonly providerId: string
  readonly subject: string
  readonly meaning: ChangeMeaning
  /** Whether the person agreed before that the latest attributes are fetched. */
  readonly isFetchable: boolean
  readonly at: Instant
}

/** Tells of changes, in the transaction that found them. Meaning only: no reason, no serial, no time of revocation. */
export async function addChanges(
  tx: Transaction<PlatformTables>,
  world: EventWorld,
  changes: readonly Change[],
): Promise<void> {
  await addAll(
    tx,
    world,
    changes.map(({ providerId, subject, meaning, isFetchable, at }) => ({
      providerId,
      at,
      subject,
      events: { [changeEvent]: { meaning, ...(isFetchable ? { latest: true } : {}) } },
    })),
  )
}

/** Tells a provider with a stream of a decision about its ids, in the decision's transaction. */
export async function addSubjectNews(
  tx: Transaction<PlatformTables>,
  world: EventWorld,
  { providerId, subject, other, kind, at }: SubjectNews,
): Promise<void> {
  const stream = await findStream(tx, world.issuer, providerId)
  if (stream === undefined) return
  const event = kind === 'merged' ? subjectMergedEvent : subjectSplitEvent
  await addAll(tx, world, [
    { providerId, at, subject, events: { [event]: other === undefined ? {} : { other } } },
  ])
}

/** An event that says nothing but that the stream works (SSF 1.0 §8.1.4). */
export async function addVerification(
  world: EventWorld,
  given: { readonly providerId: string; readonly state: string | undefined; readonly at: Instant },
): Promise<void> {
  const { providerId, state, at } = given
  await world.store.transaction(tx =>
    addAll(tx, world, [
      {
        providerId,
        at,
        subject: undefined,
        events: { [verificationEvent]: state === undefined ? {} : { state } },
      },
    ]),
  )
}

type ToAdd = {
  readonly providerId: string
  readonly at: Instant
  readonly subject: string | undefined
  readonly events: Readonly<Record<string, unknown>>
}

/** In one statement; their positions are in their order. */
async function addAll(
  tx: Transaction<PlatformTables>,
  world: EventWorld,
  all: readonly ToAdd[],
): Promise<void> {
  if (all.length === 0) return
  const made = all.map(event => ({ ...event, jti: world.random.token(idBits) }))
  const tokens = await Promise.all(made.map(event => tokenOf(world, event)))
  await sql`
    insert into watch_event (provider_id, jti, token, made_at, acknowledged_at)
    select provider_id, jti, token, made_at, null
    from unnest(
      ${made.map(event => event.providerId)}::text[],
      ${made.map(event => event.jti)}::text[],
      ${tokens}::text[],
      ${made.map(event => String(event.at))}::bigint[]
    ) with ordinality as given (provider_id, jti, token, made_at, place)
    order by place`.execute(tx)
}

function tokenOf(
  world: EventWorld,
  { providerId, subject, events, at, jti }: ToAdd & { readonly jti: string },
): Promise<string> {
  return signEvent(world.receiptKey, {
    iss: world.issuer,
    aud: providerId,
    iat: Math.floor(at / 1000),
    jti,
    // RFC 9493: the pairwise subject as the provider knows it.
    sub_id:
      subject === undefined
        ? { format: 'opaque', id: providerId }
        : { format: 'iss_sub', iss: world.issuer, sub: subject },
    events,
  })
}

const idBits = 128

/** Events that were not acknowledged, oldest first, and whether there are more. */
export async function pendingEvents(
  store: Store<PlatformTables>,
  providerId: string,
  countMax: number,
): Promise<{ readonly events: readonly Pending[]; readonly isMore: boolean }> {
  const rows = await store.read(db =>
    db
      .selectFrom('watch_event')
      .select(['jti', 'token'])
      .where('provider_id', '=', providerId)
      .where('acknowledged_at', 'is', null)
      .orderBy('position')
      .limit(countMax + 1)
      .execute(),
  )
  return { events: rows.slice(0, countMax), isMore: rows.length > countMax }
}

/** Events after a position, acknowledged or not, for who has lost some; with the position of the last. */
export async function eventsAfter(
  store: Store<PlatformTables>,
  providerId: string,
  position: number,
  countMax: number,
): Promise<{ readonly events: readonly Pending[]; readonly position: number }> {
  const rows = await store.read(db =>
    db
      .selectFrom('watch_event')
      .select(['jti', 'token', 'position'])
      .where('provider_id', '=', providerId)
      .where('position', '>', position)
      .orderBy('position')
      .limit(countMax)
      .execute(),
  )
  const events = rows.map(({ jti, token }) => ({ jti, token }))
  return { events, position: rows.at(-1)?.position ?? position }
}

/** Transition pending → acknowledged. What is not there, or another provider's, is passed over. */
export async function acknowledge(
  store: Store<PlatformTables>,
  providerId: string,
  jtis: readonly string[],
  at: Instant,
): Promise<void> {
  if (jtis.length === 0) return
  await store.transaction(tx =>
    tx
      .updateTable('watch_event')
      .set({ acknowledged_at: at })
      .where('provider_id', '=', providerId)
      .where('jti', 'in', [...jtis])
      .where('acknowledged_at', 'is', null)
      .execute(),
  )
}

/** Days for which an acknowledged event can be had again (*ours*). */
const keptDays = 90

/** Forgets events that were acknowledged long ago. */
export async function forgetEvents(store: Store<PlatformTables>, at: Instant): Promise<void> {
  await store.transaction(tx =>
    tx
      .deleteFrom('watch_event')
      .where('acknowledged_at', '<', at - keptDays * 24 * 3600 * 1000)
      .execute(),
  )
}
