/**
 * Short-lived state of the OpenID protocol for the OpenID library: codes, tokens, sessions, interactions, pushed requests.
 *
 * Bearer secrets (codes, tokens, session ids) are stored under their SHA-256. `consume` is one conditional write: of two
 * callers one wins, the other gets `invalid_grant`. So is the note that a signed assertion or proof was used.
 */
import { createHash } from 'node:crypto'
import { protocolNow } from '@sekisho/runtime/clock'
import { jsonb, type Store } from '@sekisho/runtime/store'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { PlatformTables } from '../database.ts'

/** Finds registered clients for the library; `undefined` for an unknown or suspended provider. */
export type ClientLookup = (id: string) => Promise<AdapterPayload | undefined>

/** The adapter of one model, as the library constructs it by name. */
export function protocolStateOf(
  store: Store<PlatformTables>,
  clients: ClientLookup,
): (kind: string) => Adapter {
  return kind => (kind === 'Client' ? clientAdapter(clients) : createAdapter(store, kind))
}

function createAdapter(store: Store<PlatformTables>, kind: string): Adapter {
  const one = async (column: 'id' | 'uid', value: string): Promise<AdapterPayload | undefined> => {
    const row = await store.read(db =>
      db
        .selectFrom('protocol')
        .select(['payload', 'consumed_at'])
        .where('kind', '=', kind)
        .where(column, '=', column === 'id' ? stateId(value) : value)
        .where('expires_at', '>', protocolNow())
        .executeTakeFirst(),
    )
    if (row === undefined) return undefined
    return {
      ...(row.payload as AdapterPayload),
      ...(column === 'id' ? { jti: value } : {}),
      ...(row.consumed_at === null ? {} : { consumed: Math.floor(row.consumed_at / 1000) }),
    }
  }
  return {
    upsert: async (id, payload, expiresIn) => {
      // Every lifetime is configured; a missing one would be state that never goes away.
      if (expiresIn === undefined || expiresIn <= 0) throw new Error(`${kind} without a lifetime`)
      const row = {
        payload: jsonb<unknown>(withoutSecret(payload)),
        uid: payload.uid ?? null,
        grant_id: payload.grantId ?? null,
        expires_at: protocolNow() + expiresIn * 1000,
      }
      const written = await store.transaction(tx =>
        tx
          .insertInto('protocol')
          .values({ kind, id: stateId(id), consumed_at: null, ...row })
          .onConflict(conflict => {
            const update = conflict.columns(['kind', 'id']).doUpdateSet(row)
            // What was used before may be noted anew only once it has run out.
            return kind === replayKind
              ? update.where('protocol.expires_at', '<=', protocolNow())
              : update
          })
          .executeTakeFirst(),
      )
      if (written.numInsertedOrUpdatedRows !== 1n)
        throw new errors.InvalidGrant(`${kind} was noted before`)
    },
    find: id => one('id', id),
    findByUid: uid => one('uid', uid),
    // Codes are typed on pages of ours (`approval/`), never on the library's.
    findByUserCode: () => Promise.resolve(undefined),
    consume: async id => {
      const changed = await store.transaction(tx =>
        tx
          .updateTable('protocol')
          .set({ consumed_at: protocolNow() })
          .where('kind', '=', kind)
          .where('id', '=', stateId(id))
          .where('consumed_at', 'is', null)
          .executeTakeFirst(),
      )
      if (changed.numUpdatedRows !== 1n)
        throw new errors.InvalidGrant(`${kind} was consumed before`)
    },
    destroy: async id => {
      await store.transaction(tx =>
        tx.deleteFrom('protocol').where('kind', '=', kind).where('id', '=', stateId(id)).execute(),
      )
    },
    revokeByGrantId: async grantId => {
      await store.transaction(tx =>
        tx.deleteFrom('protocol').where('grant_id', '=', grantId).execute(),
      )
    },
  }
}

/** The library's memory of assertions and proofs: it looks first and writes then, so the write itself must refuse the second. */
const replayKind = 'ReplayDetection'

/** Clients are the registered providers; the library only ever reads them. */
function clientAdapter(clients: ClientLookup): Adapter {
  const readOnly = (): Promise<never> =>
    Promise.reject(new Error('clients are registered by the operator'))
  return {
    find: clients,
    upsert: readOnly,
    findByUid: () => Promise.resolve(undefined),
    findByUserCode: () => Promise.resolve(undefined),
    consume: readOnly,
    destroy: readOnly,
    revokeByGrantId: readOnly,
  }
}

/** Removes what has expired, a bounded number at a time; returns how many. */
export async function sweepProtocolState(store: Store<PlatformTables>): Promise<number> {
  const before = protocolNow()
  return store.transaction(async tx => {
    const found = await tx
      .selectFrom('protocol')
      .select(['kind', 'id'])
      .where('expires_at', '<', before)
      .limit(sweepRowsMax)
      .execute()
    for (const { kind, id } of found)
      await tx.deleteFrom('protocol').where('kind', '=', kind).where('id', '=', id).execute()
    return found.length
  })
}

/** Rows a sweep removes, so that none holds locks for long. */
const sweepRowsMax = 1000

/** The id is the bearer secret itself; who finds a state by it has it. Only what is found by another name keeps it. */
function withoutSecret(payload: AdapterPayload): AdapterPayload {
  if (payload.uid !== undefined) return payload
  const { jti: _jti, ...kept } = payload
  return kept
}

/** How an id is stored. */
export function stateId(id: string): string {
  return createHash('sha256').update(id).digest('base64url')
}
