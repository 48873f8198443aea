/** What the OpenID Provider asks of the rest of the platform. */
import type { Refusal } from '@sekisho/contract'
import type { SigningKey } from '@sekisho/runtime/keyring'
import type { Log } from '@sekisho/runtime/log'
import type { Fetch } from '@sekisho/runtime/net'
import type { Store } from '@sekisho/runtime/store'
import type { BackchannelAsked } from '../approval/backchannel.ts'
import type { PlatformTables } from '../database.ts'
import type { Provider } from '../providers/registry.ts'
import type { ClientCertificates } from './client-certificate.ts'

/** What the OpenID Provider needs to know of the rest. */
export type OpenIdWorld = {
  readonly issuer: string
  readonly store: Store<PlatformTables>
  readonly log: Log
  /** Keys of the JWKS; the first ES256 one signs ID tokens. */
  readonly keys: readonly SigningKey[]
  /** Secrets (newest first) that sign the protocol's cookies. */
  readonly cookieSecrets: readonly string[]
  findProvider(id: string): Promise<Provider | undefined>
  subjectOf(providerId: string, personId: string): Promise<string | undefined>
  /** The person whom a provider knows by a pairwise subject. */
  personOf(providerId: string, subject: string): Promise<string | undefined>
  /** Keeps a back-channel login for its person to answer. Refusal `challenge-limit`. */
  keepBackchannel(asked: BackchannelAsked): Promise<void>
  /** Whether the session of a grant stands, so that its refresh token may be used. */
  isStanding(grantId: string): Promise<boolean>
  /** How providers' certificates come in; undefined: none do, and no provider may authenticate with one. */
  readonly certificates: ClientCertificates | undefined
  /** Calls to addresses that providers have named. */
  readonly fetch: Fetch
  /** Claims released by a grant; empty after a login. */
  releasedBy(grantId: string): Promise<Readonly<Record<string, unknown>>>
  renderPage(
    refusal: Refusal,
    request: { readonly url: string; readonly cookie: string | undefined },
  ): string
}
