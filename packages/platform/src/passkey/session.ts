/**
 * Sessions of those who proved themselves with a passkey: a random cookie of one browser, its SHA-256 in the table, for a while. What its
 * holder may do is asked anew at every step, elsewhere. Times are protocol time.
 */
import { protocolNow } from '@sekisho/runtime/clock'
import { createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { sha256Hex } from '../evidence/hash.ts'

/** Makes the sessions of an origin; `area` is that of its passkeys. */
export function createPasskeySessions(given: {
  readonly store: Store<PlatformTables>
  readonly random: Random
  readonly publicOrigin: string
  readonly area: 'staff' | 'provider'
  readonly lifetimeMs: number
}) {
  const { store, random, publicOrigin, area } = given
  const cookie = createCookie({
    name: `sekisho_${area}`,
    publicOrigin,
    sameSite: 'strict',
    path: '/',
  })
  return {
    /** Whose session this browser has; undefined: nobody's. */
    async holder(request: Request): Promise<string | undefined> {
      const secret = cookie.read(request)
      if (secret === undefined) return undefined
      const row = await store.read(db =>
        db
          .selectFrom('passkey_session')
          .select('holder')
          .where('id', '=', digest(secret))
          .where('expires_at', '>', protocolNow())
          .executeTakeFirst(),
      )
      return row?.holder.startsWith(`${area}:`) === true
        ? row.holder.slice(area.length + 1)
        : undefined
    },
    /** Opens a session in the transaction that proves the person; `hand` gives it to the browser afterwards. */
    async open(tx: Transaction<PlatformTables>, holder: string) {
      const secret = random.token(secretBits)
      await tx
        .insertInto('passkey_session')
        .values({
          id: digest(secret),
          holder: `${area}:${holder}`,
          expires_at: protocolNow() + given.lifetimeMs,
        })
        .execute()
      return { hand: (reply: Reply): void => cookie.write(reply, secret) }
    },
    /** Ends the browser's session. */
    async end(request: Request, reply: Reply): Promise<void> {
      const secret = cookie.read(request)
      if (secret !== undefined)
        await store.transaction(tx =>
          tx.deleteFrom('passkey_session').where('id', '=', digest(secret)).execute(),
        )
      cookie.clear(reply)
    },
  }
}

/** Takes passkeys and sessions from somebody, everywhere. */
export async function shutOut(
  tx: Transaction<PlatformTables>,
  area: 'staff' | 'provider',
  holder: string,
): Promise<void> {
  const name = `${area}:${holder}`
  await tx.deleteFrom('passkey_session').where('holder', '=', name).execute()
  await tx.deleteFrom('passkey').where('holder', '=', name).execute()
}

/** Removes sessions and questions that have run out. */
export async function sweepPasskeys(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(async tx => {
    await tx.deleteFrom('passkey_session').where('expires_at', '<=', protocolNow()).execute()
    await tx.deleteFrom('passkey_question').where('expires_at', '<=', protocolNow()).execute()
  })
}

function digest(secret: string): string {
  return sha256Hex(Buffer.from(secret))
}

const secretBits = 256
