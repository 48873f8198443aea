/**
 * The browsers in which a person looks at their own records (C9): a random cookie that only this page gets, its SHA-256 in
 * the table. It is no login that any provider could use. Times are protocol time.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import { type Cookie, createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'

/** Sessions of one's own page. */
export type OwnSessions = {
  /** Whose records this browser may see, if it may. */
  read(request: Request): Promise<string | undefined>
  /** The session itself, for what rests on the card step that opened it. */
  find(request: Request): Promise<PlatformTables['own_session'] | undefined>
  /** Opens a session inside the transaction that proves the person; `hand` gives it to the browser afterwards. */
  open(
    tx: Transaction<PlatformTables>,
    by: { readonly personId: string; readonly certificateId: string },
  ): Promise<{ readonly hand: (reply: Reply) => void }>
  /** Ends the session of this browser. */
  end(request: Request, reply: Reply): Promise<void>
}

/** Milliseconds a look at one's records may take; then the card is asked for again. */
const lifetimeMs = 10 * 60 * 1000
const secretBits = 256

/** Makes the sessions of an origin. */
export function createOwnSessions(
  store: Store<PlatformTables>,
  random: Random,
  publicOrigin: string,
): OwnSessions {
  const cookie: Cookie = createCookie({
    name: 'sekisho_own',
    publicOrigin,
    sameSite: 'strict',
    path: '/me',
  })
  const find: OwnSessions['find'] = async request => {
    const secret = cookie.read(request)
    if (secret === undefined) return undefined
    return store.read(db =>
      db
        .selectFrom('own_session')
        .selectAll()
        .where('id', '=', digest(secret))
        .where('expires_at', '>', protocolNow())
        .executeTakeFirst(),
    )
  }
  return {
    find,
    read: async request => (await find(request))?.person_id,
    open: async (tx, { personId, certificateId }) => {
      const secret = random.token(secretBits)
      await tx
        .insertInto('own_session')
        .values({
          id: digest(secret),
          person_id: personId,
          certificate_id: certificateId,
          opened_at: protocolNow(),
          expires_at: protocolNow() + lifetimeMs,
        })
        .execute()
      return { hand: reply => cookie.write(reply, secret) }
    },
    end: async (request, reply) => {
      const secret = cookie.read(request)
      if (secret !== undefined)
        await store.transaction(tx =>
          tx.deleteFrom('own_session').where('id', '=', digest(secret)).execute(),
        )
      cookie.clear(reply)
    },
  }
}

/** Ends every session of a person. */
export async function endOwnSessions(
  tx: Transaction<PlatformTables>,
  personId: string,
): Promise<void> {
  await tx.deleteFrom('own_session').where('person_id', '=', personId).execute()
}

/** Removes sessions that have run out. */
export async function sweepOwnSessions(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('own_session').where('expires_at', '<', protocolNow()).execute(),
  )
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}
