/** A person who was let in, whichever way: what the platform says of them, and the check that it is no weaker than asked for. */
import { type IdentityClaims, identityClaims, type ProviderScope } from '@sekisho/contract'
import * as oidc from 'openid-client'
import { SekishoError } from './failure.ts'
import type { Link } from './link.ts'

export type IdentityScope = Extract<ProviderScope, 'name' | 'address' | 'birthdate' | 'gender'>

/** A person who has come back. */
export type Arrival = {
  /** Stable pairwise id of this person for this provider; it says nothing about the person. */
  readonly subject: string
  readonly acr: string
  /** The consented claims of *identify*; only `sub` after a login. */
  readonly claims: IdentityClaims
  /** Keeps the person logged in without the card, where that was asked for and allowed; serves once, see {@link Sessions.refresh}. */
  readonly refreshToken?: string
}

/** What tokens say. Rejects with `unexpected` when the authentication is not the one that was asked for. */
export async function arrivalOf(
  link: Link,
  tokens: oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers,
  acr: string,
): Promise<Arrival> {
  const identity = tokens.claims()
  // A weaker authentication than the one asked for is no authentication.
  if (identity === undefined || identity.acr !== acr) throw new SekishoError('unexpected')
  const { access_token: token, refresh_token: refreshToken } = tokens
  const config = await link.config()
  const claims = await oidc.fetchUserInfo(config, token, identity.sub, await link.proof())
  return {
    subject: identity.sub,
    acr,
    claims: identityClaims.parse(claims),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }
}
