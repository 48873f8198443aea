/**
 * Requests that wait for an answer given elsewhere: device codes (RFC 8628) and back-channel logins (CIBA). The answer is one conditional
 * write on the library's own state: of two that answer at once, one does.
 */
import { acr } from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { sql, type Store } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** What kinds there are, as the library names them. */
export type DeferredKind = 'DeviceCode' | 'BackchannelAuthenticationRequest'

/** A device code that waits. */
export type WaitingDevice = {
  /** How it is stored; not the code itself. */
  readonly id: string
  readonly params: Readonly<Record<string, unknown>>
  /** Seconds, protocol time. */
  readonly begunAt: number
}

/** The device code that shows this user code, if it waits for an answer. */
export async function findWaitingDevice(
  store: Store<PlatformTables>,
  userCode: string,
): Promise<WaitingDevice | undefined> {
  return waitingDevice(store, sql<boolean>`payload->>'userCode' = ${normalised(userCode)}`)
}

/** The same by how it is stored. */
export async function readWaitingDevice(
  store: Store<PlatformTables>,
  id: string,
): Promise<WaitingDevice | undefined> {
  return waitingDevice(store, sql<boolean>`id = ${id}`)
}

async function waitingDevice(
  store: Store<PlatformTables>,
  which: ReturnType<typeof sql<boolean>>,
): Promise<WaitingDevice | undefined> {
  const row = await store.read(db =>
    db
      .selectFrom('protocol')
      .select(['id', 'payload'])
      .where('kind', '=', 'DeviceCode')
      .where(which)
      .where(isOpen)
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst(),
  )
  if (row === undefined) return undefined
  const { params, iat } = row.payload as {
    readonly params: Readonly<Record<string, unknown>>
    readonly iat: number
  }
  return { id: row.id, params, begunAt: iat }
}

/** What was answered: who it was, or why not. */
export type DeferredAnswer =
  | {
      readonly accountId: string
      readonly acr: string
      readonly amr: readonly string[]
      readonly authTime: number
      readonly grantId: string
      readonly scope: string
    }
  | { readonly error: string; readonly errorDescription: string }

/** Answers a request that waits. False when it has been answered, used or has run out: nothing is changed then. */
export async function answerDeferred(
  store: Store<PlatformTables>,
  key: { readonly kind: DeferredKind; readonly id: string },
  answer: DeferredAnswer,
): Promise<boolean> {
  // The authentication context is told in the ID token, whether or not it was asked for.
  const claims = { id_token: { acr: { values: Object.values(acr) } } }
  const added = JSON.stringify('error' in answer ? answer : { ...answer, claims })
  const changed = await store.transaction(tx =>
    tx
      .updateTable('protocol')
      .set({
        payload: sql`payload || ${added}::jsonb`,
        ...('error' in answer ? {} : { grant_id: answer.grantId }),
      })
      .where('kind', '=', key.kind)
      .where('id', '=', key.id)
      .where(isOpen)
      .where('consumed_at', 'is', null)
      .where('expires_at', '>', protocolNow())
      .executeTakeFirst(),
  )
  return changed.numUpdatedRows === 1n
}

const isOpen = sql<boolean>`payload->>'grantId' is null and payload->>'error' is null`

/** As the library stores it: letters of one case, without what people add for reading. */
function normalised(userCode: string): string {
  return userCode
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]/g, '')
}
