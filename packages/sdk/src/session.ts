/** People who stay logged in: refresh tokens, and their end. */
import * as oidc from 'openid-client'
import { type Arrival, arrivalOf } from './arrival.ts'
import type { Link } from './link.ts'

/** What there is to do with a refresh token (grant `refresh_token`, scope `offline_access` in your contract). */
export type Sessions = {
  /**
   * Looks again at somebody who stays logged in. The token serves once: keep the one that comes instead. `grant-ended` when the person, the card,
   * the consent or you have ended it: begin a login. `acr` is that of the login.
   *
   * ```js
   * const { subject, refreshToken } = await sekisho.refresh(session.refreshToken, session.acr)
   * ```
   */
  refresh(refreshToken: string, acr: string): Promise<Arrival>
  /**
   * Ends it: this token and all that came of its login.
   *
   * ```js
   * await sekisho.endSession(session.refreshToken)
   * ```
   */
  endSession(refreshToken: string): Promise<void>
}

/** The calls. */
export function sessionsOf(link: Link): Sessions {
  return {
    refresh: async (refreshToken, acr) => {
      const [config, proof] = [await link.config(), await link.proof()]
      const tokens = await oidc.refreshTokenGrant(config, refreshToken, undefined, proof)
      return arrivalOf(link, tokens, acr)
    },
    endSession: async refreshToken => oidc.tokenRevocation(await link.config(), refreshToken),
  }
}
