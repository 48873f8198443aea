/**
 * Short-lived state of the OpenID protocol for the OpenID library: codes, tokens, interactions, pushed requests.
 *
 * Bearer secrets (codes, tokens) are stored under their SHA-256. `consume` is one conditional write: of two
 * callers one wins, the other gets `invalid_grant`. So is the note that a signed assertion or proof was used.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import type { Adapter, AdapterPayload } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { PlatformTables } from '../database.ts'
import { type Conflict, stateId } from './protocol-change.ts'
import type { ProtocolRequests } from './protocol-request.ts'

/** Finds registered clients for the library; `undefined` for an unknown or suspended provider. */
export type ClientLookup = (id: string) => Promise<AdapterPayload | undefined>

/** The adapter of one model, as the library constructs it by name. */
export function protocolStateOf(
  store: Store<PlatformTables>,
  requests: ProtocolRequests,
  clients: ClientLookup,
): (kind: string) => Adapter {
  return kind => {
    if (kind === 'Client') return clientAdapter(clients)
    return kind === 'Session' ? noSession : createAdapter(store, requests, kind)
  }
}

function createAdapter(
  store: Store<PlatformTables>,
  requests: ProtocolRequests,
  kind: string,
): Adapter {
  return {
    upsert: async (id, payload, expiresIn) => {
      // Every lifetime is configured; a missing one would be state that never goes away.
      if (expiresIn === undefined || expiresIn <= 0) throw new Error(`${kind} without a lifetime`)
      const conflict = await requests.change({
        // What was used before may be noted anew only once it has run out.
        act: kind === replayKind ? 'note' : 'keep',
        kind,
        id: stateId(id),
        payload: withoutSecret(payload),
        grantId: payload.grantId,
        expiresAt: protocolNow() + expiresIn * 1000,
      })
      if (conflict !== undefined) throw errorOf(conflict)
    },
    find: async id => {
      // Whether it is there is told by the write that follows.
      if (kind === replayKind && requests.isDeferring()) return undefined
      const found = await requests.find(kind, stateId(id))
      if (found === undefined) return undefined
      const { payload, consumedAt } = found
      return {
        ...payload,
        jti: id,
        ...(consumedAt === undefined ? {} : { consumed: Math.floor(consumedAt / 1000) }),
      }
    },
    // Sessions alone have one, and there are none.
    findByUid: () => Promise.resolve(undefined),
    // Codes are typed on pages of ours (`approval/`), never on the library's.
    findByUserCode: () => Promise.resolve(undefined),
    consume: async id => {
      const conflict = await requests.change({ act: 'consume', kind, id: stateId(id) })
      if (conflict !== undefined) throw errorOf(conflict)
    },
    destroy: async id => {
      await requests.change({ act: 'destroy', kind, id: stateId(id) })
    },
    revokeByGrantId: async grantId => {
      await store.write(db => db.deleteFrom('protocol').where('grant_id', '=', grantId).compile())
      requests.forget()
    },
  }
}

/** The error that tells a provider of a conflict. */
export function errorOf(conflict: Conflict): errors.OIDCProviderError {
  return new errors.InvalidGrant(
    `${conflict.kind} was ${conflict.act === 'note' ? 'noted' : 'consumed'} before`,
  )
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

/** The library's own session never reaches a browser (`open-id.ts`), so nobody could come back to it: none is kept. */
const noSession: Adapter = {
  find: () => Promise.resolve(undefined),
  upsert: () => Promise.resolve(),
  findByUid: () => Promise.resolve(undefined),
  findByUserCode: () => Promise.resolve(undefined),
  consume: () => Promise.resolve(),
  destroy: () => Promise.resolve(),
  revokeByGrantId: () => Promise.resolve(),
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

/** The id is the bearer secret itself; who finds a state by it has it. */
function withoutSecret(payload: AdapterPayload): AdapterPayload {
  const { jti: _jti, ...kept } = payload
  return kept
}
