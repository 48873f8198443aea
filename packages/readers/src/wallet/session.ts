import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import { createCookie, type Reply, type Request } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'

/** One browser's session with the wallet: its id, the token its forms carry, the card it used last. */
export type WalletSession = { readonly id: string; readonly token: string; persona?: string }

/** Sessions of the wallet, in memory. */
export interface WalletSessions {
  /** The session of a browser; a new one with its cookie when it has none. */
  open(request: Request, reply: Reply): WalletSession
  /**
   * The session of a browser that sends something: it must come from a page of our own (`Origin`, fetch metadata) and
   * carry that session's token.
   *
   * Throws the refusals `origin-foreign` and `session-foreign`.
   */
  demand(request: Request, token: string): WalletSession
}

/** Sessions end with the browser, or after this long. */
const sessionLifeMs = 12 * 60 * 60 * 1000
const sessionsMax = 1000

/** Makes the sessions of one wallet. */
export function createWalletSessions(given: {
  readonly publicOrigin: string
  readonly random: Random
  readonly now: () => Instant
}): WalletSessions {
  const sessions = new Map<string, WalletSession & { readonly until: Instant }>()
  // Lax: the window is opened by pages of other sites, and must not get a second session by that.
  const cookie = createCookie({
    name: 'wallet',
    publicOrigin: given.publicOrigin,
    sameSite: 'lax',
  })
  const known = (request: Request): WalletSession | undefined => {
    const session = sessions.get(cookie.read(request) ?? '')
    return session !== undefined && session.until >= given.now() ? session : undefined
  }
  return {
    open(request, reply) {
      const found = known(request)
      if (found !== undefined) return found
      for (const [id, session] of sessions) {
        if (sessions.size >= sessionsMax || session.until < given.now()) sessions.delete(id)
      }
      const session = {
        id: given.random.token(128),
        token: given.random.token(128),
        until: given.now() + sessionLifeMs,
      }
      sessions.set(session.id, session)
      cookie.write(reply, session.id)
      return session
    },
    demand(request, token) {
      const { origin, 'sec-fetch-site': relation } = request.headers
      const isOwn = origin === given.publicOrigin && (relation ?? 'same-origin') === 'same-origin'
      if (!isOwn) throw new Refusal('origin-foreign')
      const session = known(request)
      if (session === undefined || session.token !== token) throw new Refusal('session-foreign')
      return session
    },
  }
}
