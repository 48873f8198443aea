/** Browser sessions of the bank: a random cookie, its SHA-256 in the table, JSON content. */
import { createHash } from 'node:crypto'
import type { IdentityClaims, Pending } from '@sekisho/sdk'
import { protocolNow } from '@sekisho/runtime/clock'
import { type Cookie, createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { Application } from './application.ts'
import type { BankTables } from './books.ts'

/** A step that this browser has begun at the platform, and what it is for. */
export type Waiting = Pending &
  (
    | { readonly why: 'login' | 'open' }
    /** `customer`: who asked for it, if somebody was logged in. */
    | { readonly why: 'update'; readonly customer: string | null }
    | {
        readonly why: 'sign'
        readonly subject: string
        readonly application: Application
        readonly text: string
      }
  )

/** What a session remembers. */
export type Content = {
  /** Steps under way, newest last: each tab of a browser may have begun one. */
  readonly waiting: readonly Waiting[]
  /** Proven identity, waiting for the application form. */
  readonly identity?: {
    readonly subject: string
    readonly claims: IdentityClaims
    /** Makes the same form sent twice one document; another one once the person refused to sign. */
    readonly applicationKey: string
  }
  /** Logged-in customer. */
  readonly customer?: string
  /** Token that every form of this session carries. */
  readonly formToken: string
}

/** A browser remembers this many steps under way. */
const waitingMax = 5

export type Sessions = {
  read(request: Request): Promise<Content>
  /** Changes the content under the same id, one request after the other; begins a session if there is none. */
  change(request: Request, reply: Reply, edit: (content: Content) => Content): Promise<void>
  /**
   * Changes it under a new id: whenever more is known about who sits there, so that an id that somebody else planted in the
   * browser never sees it.
   */
  renew(request: Request, reply: Reply, edit: (content: Content) => Content): Promise<void>
  /** Remembers a step under way. */
  wait(request: Request, reply: Reply, waiting: Waiting): Promise<void>
  /** Takes the step with this state out: it can be finished once. */
  take(request: Request, state: string): Promise<Waiting | undefined>
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
  const empty = (): Content => ({ waiting: [], formToken: random.token(tokenBits) })

  const put = async (
    request: Request,
    reply: Reply,
    edit: (content: Content) => Content,
    given: { readonly isRenewed: boolean },
  ): Promise<void> => {
    const old = cookie.read(request)
    const id = await store.transaction(async tx => {
      const found = old === undefined ? undefined : await lockedContent(tx, old)
      const content = edit(found ?? empty())
      const keeps = old !== undefined && found !== undefined && !given.isRenewed
      if (keeps) {
        await save(tx, old, content)
        return old
      }
      if (old !== undefined) await tx.deleteFrom('session').where('id', '=', digest(old)).execute()
      const next = random.token(tokenBits)
      await save(tx, next, content)
      return next
    })
    if (id !== old) cookie.write(reply, id)
  }
  const change: Sessions['change'] = (request, reply, edit) =>
    put(request, reply, edit, { isRenewed: false })

  return {
    read: async request => {
      const id = cookie.read(request)
      if (id === undefined) return empty()
      const row = await store.read(db =>
        db
          .selectFrom('session')
          .select('content')
          .where('id', '=', digest(id))
          .where('expires_at', '>', protocolNow())
          .executeTakeFirst(),
      )
      return row === undefined ? empty() : contentOf(row.content)
    },
    change,
    renew: (request, reply, edit) => put(request, reply, edit, { isRenewed: true }),
    wait: (request, reply, waiting) =>
      change(request, reply, content => ({
        ...content,
        waiting: [...content.waiting, waiting].slice(-waitingMax),
      })),
    take: async (request, state) => {
      const id = cookie.read(request)
      if (id === undefined) return undefined
      return store.transaction(async tx => {
        const content = await lockedContent(tx, id)
        const taken = content?.waiting.find(one => one.state === state)
        if (content === undefined || taken === undefined) return undefined
        const waiting = content.waiting.filter(one => one !== taken)
        await save(tx, id, { ...content, waiting })
        return taken
      })
    },
    end: async (request, reply) => {
      const id = cookie.read(request)
      if (id !== undefined)
        await store.transaction(tx =>
          tx.deleteFrom('session').where('id', '=', digest(id)).execute(),
        )
      cookie.clear(reply)
    },
  }
}

/** Forgets sessions that have run out. */
export async function sweepSessions(store: Store<BankTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('session').where('expires_at', '<', protocolNow()).execute(),
  )
}

async function lockedContent(
  tx: Transaction<BankTables>,
  id: string,
): Promise<Content | undefined> {
  const row = await tx
    .selectFrom('session')
    .select('content')
    .where('id', '=', digest(id))
    .where('expires_at', '>', protocolNow())
    .forUpdate()
    .executeTakeFirst()
  return row === undefined ? undefined : contentOf(row.content)
}

async function save(tx: Transaction<BankTables>, id: string, content: Content): Promise<void> {
  const row = { content: JSON.stringify(content), expires_at: protocolNow() + lifetimeMs }
  await tx
    .insertInto('session')
    .values({ id: digest(id), ...row })
    .onConflict(conflict => conflict.column('id').doUpdateSet(row))
    .execute()
}

/** Only this file writes the column. */
function contentOf(text: string): Content {
  return JSON.parse(text) as Content
}

function digest(id: string): string {
  return createHash('sha256').update(id).digest('hex')
}
