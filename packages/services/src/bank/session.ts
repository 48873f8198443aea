/** Browser sessions of the bank: a random cookie, its SHA-256 in the table, JSON content. */
import { createHash } from 'node:crypto'
import type { Pending, IdentityClaims } from '@sekisho/sdk'
import { protocolNow } from '@sekisho/runtime/clock'
import { type Cookie, createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { Application, BankTables } from './books.ts'

/** What a session remembers. */
export type Content = {
  /** The step at the platform that this browser has begun. */
  readonly pending?: Pending & { readonly why: 'login' | 'open' | 'update' | 'sign' }
  /** Proven identity, waiting for the application form. */
  readonly identity?: { readonly subject: string; readonly claims: IdentityClaims }
  /** Application sent for signature. */
  readonly application?: Application & { readonly text: string }
  /** Logged-in customer. */
  readonly customer?: string
  /** Token that every form of this session carries. */
  readonly formToken: string
}

export type Sessions = {
  read(request: Request): Promise<Content>
  /** Replaces the content. The id changes at every write that changes who is logged in. */
  write(request: Request, reply: Reply, content: Content): Promise<void>
  end(request: Request, reply: Reply): Promise<void>
}

const lifetimeMs = 30 * 60 * 1000
const tokenBits = 256

export function createSessions(
  store: Store<BankTables>,
  random: Random,
  publicOrigin: string,
): Sessions {
  const cookie: Cookie = createCookie({ name: 'bank_session', publicOrigin, sameSite: 'lax' })
  const load = async (id: string): Promise<Content | undefined> => {
    const row = await store.read(db =>
      db
        .selectFrom('session')
        .select('content')
        .where('id', '=', digest(id))
        .where('expires_at', '>', protocolNow())
        .executeTakeFirst(),
    )
    return row === undefined ? undefined : (JSON.parse(row.content) as Content)
  }
  const forget = (id: string): Promise<unknown> =>
    store.transaction(tx => tx.deleteFrom('session').where('id', '=', digest(id)).execute())
  return {
    read: async request => {
      const id = cookie.read(request)
      const found = id === undefined ? undefined : await load(id)
      return found ?? { formToken: random.token(tokenBits) }
    },
    write: async (request, reply, content) => {
      const old = cookie.read(request)
      const id = random.token(tokenBits)
      await store.transaction(async tx => {
        if (old !== undefined)
          await tx.deleteFrom('session').where('id', '=', digest(old)).execute()
        await tx
          .insertInto('session')
          .values({
            id: digest(id),
            content: JSON.stringify(content),
            expires_at: protocolNow() + lifetimeMs,
          })
          .execute()
      })
      cookie.write(reply, id)
    },
    end: async (request, reply) => {
      const id = cookie.read(request)
      if (id !== undefined) await forget(id)
      cookie.clear(reply)
    },
  }
}

function digest(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}
