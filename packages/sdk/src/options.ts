import type { JWK } from 'jose'

/** A provider's registration and the world it runs in. */
export type SekishoOptions = {
  /** Issuer of the platform, exactly as in its discovery document. */
  readonly issuer: string
  readonly clientId: string
  /** The private key whose public half is registered (JWK with `kid`; ES256 or RS256). */
  readonly privateKey: JWK
  /** Where the browser comes back to; one of the registered addresses. */
  readonly redirectUri: string
  /** Client id of the provider for whom all calls of the interface are, which has named this one as its agent (C15). */
  readonly onBehalfOf?: string
  /** Binds tokens to a key of this process (DPoP), as `dpop_bound_access_tokens` in your registration says. */
  readonly isTokenBound?: boolean
  /** Defaults to the global `fetch`. */
  readonly fetch?: typeof fetch
  /** Allows `http:` issuers, for a town on this machine. Never in production. */
  readonly dangerAllowHttp?: boolean
}
