/**
 * Requests that wait for the person (SAML Profiles §4.1.3.4). Each is taken once by its id, opened by one browser, and answered by one
 * conditional write. Times are protocol time.
 */
import { type Acr, acr, Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'
import type { Browser } from '../login/ceremony.ts'
import type { AuthnRequest } from './authn-request.ts'

/** Milliseconds a person has, as with OpenID. */
const waitingMs = 10 * 60 * 1000

/** A request that waits. */
export type WaitingRequest = {
  readonly uid: string
  readonly providerId: string
  readonly requestId: string
  readonly consumer: string
  readonly relayState: string | undefined
  readonly scopes: readonly string[]
  readonly acr: Acr
}

/** Keeps a request; its uid. Refusal `saml-request-replayed` when the provider has sent one with this id before. */
export async function keepRequest(
  { store, random }: { readonly store: Store<PlatformTables>; readonly random: Random },
  providerId: string,
  request: AuthnRequest,
  relayState: string | undefined,
): Promise<string> {
  const uid = random.token(128)
  const at = protocolNow()
  const written = await store.transaction(tx =>
    tx
      .insertInto('saml_request')
      .values({
        uid,
        provider_id: providerId,
        request_id: request.id,
        browser: null,
        consumer: request.consumer,
        relay_state: relayState ?? null,
        scopes: request.scopes.join(' '),
        acr: request.acr === acr.card ? 'card' : 'card-signed',
        state: request.unmet === undefined ? 'open' : 'answered',
        begun_at: at,
        expires_at: at + waitingMs,
      })
      .onConflict(conflict => conflict.columns(['provider_id', 'request_id']).doNothing())
      .executeTakeFirst(),
  )
  if (written.numInsertedOrUpdatedRows !== 1n) throw new Refusal('saml-request-replayed')
  return uid
}

/** The request of this uid, opened by this browser first. Refusal `interaction-unknown` when it is another's, answered or over. */
export async function openRequest(
  store: Store<PlatformTables>,
  uid: string,
  browser: Browser,
): Promise<WaitingRequest> {
  const own = sha256Hex(Buffer.from(browser.secret))
  const row = await store.transaction(async tx => {
    await tx
      .updateTable('saml_request')
      .set({ browser: own })
      .where('uid', '=', uid)
      .where('browser', 'is', null)
      .execute()
    return tx
      .selectFrom('saml_request')
      .selectAll()
      .where('uid', '=', uid)
      .where('browser', '=', own)
      .where('state', '=', 'open')
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst()
  })
  if (row === undefined) throw new Refusal('interaction-unknown')
  return {
    uid,
    providerId: row.provider_id,
    requestId: row.request_id,
    consumer: row.consumer,
    relayState: row.relay_state ?? undefined,
    scopes: row.scopes.split(' '),
    acr: row.acr === 'card' ? acr.card : acr.cardSigned,
  }
}

/** Transition open → answered. Refusal `saml-request-replayed` for the loser of a race. */
export async function answerRequest(store: Store<PlatformTables>, uid: string): Promise<void> {
  const changed = await store.transaction(tx =>
    tx
      .updateTable('saml_request')
      .set({ state: 'answered' })
      .where('uid', '=', uid)
      .where('state', '=', 'open')
      .executeTakeFirst(),
  )
  if (changed.numUpdatedRows !== 1n) throw new Refusal('saml-request-replayed')
}

/** Removes what is over: a request is refused as too old long before its id is forgotten. */
export async function sweepSamlRequests(store: Store<PlatformTables>): Promise<void> {
  const before: Instant = protocolNow() - 3600 * 1000
  await store.transaction(tx =>
    tx.deleteFrom('saml_request').where('expires_at', '<', before).execute(),
  )
}
