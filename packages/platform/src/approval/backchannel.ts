/**
 * Back-channel logins (CIBA) from the person's side: a provider asks for a person it knows, the person finds the request among their own
 * records, types the message that the provider shows where it began, and uses the card. A request that somebody else began cannot be
 * approved by pressing a button: its message is not on the person's screen. Times are protocol time.
 */
import { type Acr, acr, Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** Wrong messages after which a request ends. */
const messageMissesMax = 3

/** Requests of one provider that may wait for one person, so that nobody is flooded. */
const waitingMax = 3

const idBits = 256

/** A request as it arrives. */
export type BackchannelAsked = {
  readonly requestId: string
  readonly providerId: string
  readonly personId: string
  readonly bindingMessage: string
  readonly scopes: readonly string[]
  readonly acr: Acr
  readonly expiresAt: Instant
}

/** A request that waits for its person. */
export type WaitingRequest = Omit<BackchannelAsked, 'bindingMessage'> & {
  readonly id: string
  readonly begunAt: Instant
  /** Whether the message was typed. */
  readonly isMatched: boolean
}

/** Keeps a request. Refusal `challenge-limit` when too many of this provider wait for this person. */
export async function keepBackchannel(
  world: { readonly store: Store<PlatformTables>; readonly random: Random },
  asked: BackchannelAsked,
): Promise<void> {
  const at = protocolNow()
  await world.store.transaction(async tx => {
    const waiting = await tx
      .selectFrom('backchannel_request')
      .select('id')
      .where('provider_id', '=', asked.providerId)
      .where('person_id', '=', asked.personId)
      .where('state', '<>', 'ended')
      .where('expires_at', '>', at)
      .execute()
    if (waiting.length >= waitingMax) throw new Refusal('challenge-limit')
    await tx
      .insertInto('backchannel_request')
      .values({
        id: world.random.token(idBits),
        request_id: asked.requestId,
        provider_id: asked.providerId,
        person_id: asked.personId,
        binding_message: normalised(asked.bindingMessage),
        scopes: asked.scopes.join(' '),
        acr: asked.acr === acr.cardSigned ? 'card-signed' : 'card',
        state: 'open',
        misses: 0,
        begun_at: at,
        expires_at: asked.expiresAt,
      })
      .execute()
  })
}

/** The requests that wait for a person, oldest first. */
export async function waitingRequests(
  store: Store<PlatformTables>,
  personId: string,
): Promise<readonly WaitingRequest[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('backchannel_request')
      .selectAll()
      .where('person_id', '=', personId)
      .where('state', '<>', 'ended')
      .where('expires_at', '>', protocolNow())
      .orderBy('begun_at')
      .execute(),
  )
  return rows.map(row => ({
    id: row.id,
    requestId: row.request_id,
    providerId: row.provider_id,
    personId: row.person_id,
    scopes: row.scopes.split(' '),
    acr: row.acr === 'card' ? acr.card : acr.cardSigned,
    begunAt: row.begun_at,
    expiresAt: row.expires_at,
    isMatched: row.state === 'matched',
  }))
}

/** One of them. Refusal `interaction-unknown`. */
export async function waitingRequest(
  store: Store<PlatformTables>,
  key: { readonly id: string; readonly personId: string },
): Promise<WaitingRequest> {
  const found = (await waitingRequests(store, key.personId)).find(each => each.id === key.id)
  if (found === undefined) throw new Refusal('interaction-unknown')
  return found
}

/**
 * Compares the message that the person typed, and counts the wrong ones in the same write. `matched`, `missed`, or `ended` when that was
 * one too many.
 */
export async function matchMessage(
  store: Store<PlatformTables>,
  key: { readonly id: string; readonly personId: string },
  message: string,
): Promise<'matched' | 'missed' | 'ended'> {
  return store.transaction(async tx => {
    const matched = await tx
      .updateTable('backchannel_request')
      .set({ state: 'matched' })
      .where('id', '=', key.id)
      .where('person_id', '=', key.personId)
      .where('state', '=', 'open')
      .where('binding_message', '=', normalised(message))
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst()
    if (matched.numUpdatedRows === 1n) return 'matched'
    const missed = await tx
      .updateTable('backchannel_request')
      .set(eb => ({
        misses: eb('misses', '+', 1),
        state: eb
          .case()
          .when('misses', '>=', messageMissesMax - 1)
          .then('ended' as const)
          .else('open' as const)
          .end(),
      }))
      .where('id', '=', key.id)
      .where('person_id', '=', key.personId)
      .where('state', '=', 'open')
      .returning('state')
      .executeTakeFirst()
    return missed?.state === 'open' ? 'missed' : 'ended'
  })
}

/** Transition → ended. Whether it was this call that ended it. */
export async function endRequest(
  store: Store<PlatformTables>,
  key: { readonly id: string; readonly personId: string },
): Promise<boolean> {
  const changed = await store.transaction(tx =>
    tx
      .updateTable('backchannel_request')
      .set({ state: 'ended' })
      .where('id', '=', key.id)
      .where('person_id', '=', key.personId)
      .where('state', '<>', 'ended')
      .executeTakeFirst(),
  )
  return changed.numUpdatedRows === 1n
}

/** Removes what has run out. */
export async function sweepRequests(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('backchannel_request').where('expires_at', '<', protocolNow()).execute(),
  )
}

/** Whether a provider's message is one that people can read aloud and type: four to twelve letters and digits. */
export function isMessage(message: string | undefined): message is string {
  return message !== undefined && /^[A-Za-z0-9][A-Za-z0-9-]{2,10}[A-Za-z0-9]$/.test(message)
}

function normalised(message: string): string {
  return message
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '')
}
