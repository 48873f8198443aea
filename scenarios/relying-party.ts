/** A relying party by `openid-client`, an independent and certified library: what a provider without our SDK does. */
import type { TestProvider, TestTown } from '@sekisho/cli/testkit'
import * as oidc from 'openid-client'

/** A provider that has discovered the platform. */
export type RelyingParty = {
  readonly config: oidc.Configuration
  /** The address of an authorization and what belongs to it. Pushed unless `isPushed` is false. */
  begin(
    parameters: Readonly<Record<string, string>>,
    given?: { readonly isPushed?: boolean; readonly handle?: oidc.DPoPHandle },
  ): Promise<Begun>
  /** Exchanges the code that came back. */
  finish(
    address: string,
    begun: Begun,
    given?: oidc.DPoPOptions,
  ): Promise<oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers>
}

/** An authorization that was begun. */
export type Begun = {
  readonly url: string
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

/** Makes one. `authentication` in place of `private_key_jwt`. */
export async function relyingParty(
  town: TestTown,
  provider: TestProvider,
  given: {
    readonly metadata?: Partial<oidc.ClientMetadata>
    readonly authentication?: oidc.ClientAuth
    readonly fetch?: oidc.CustomFetch
  } = {},
): Promise<RelyingParty> {
  const { privateKey, kid } = await keyOf(provider)
  const config = await oidc.discovery(
    new URL(town.urls.platform),
    provider.id,
    { redirect_uris: [provider.redirectUri], ...given.metadata },
    given.authentication ?? oidc.PrivateKeyJwt({ key: privateKey, kid }),
    {
      // The library's own type of a request differs from the platform's in what a body may be.
      [oidc.customFetch]: given.fetch ?? ((url, init) => town.fetch(url, init as RequestInit)),
      execute: [oidc.allowInsecureRequests],
    },
  )
  return {
    config,
    begin: async (parameters, { isPushed = true, handle } = {}) => {
      const verifier = oidc.randomPKCECodeVerifier()
      const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
      const asked = {
        redirect_uri: provider.redirectUri,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        state,
        nonce,
        ...parameters,
      }
      const options = handle === undefined ? {} : { DPoP: handle }
      const url = isPushed
        ? await oidc.buildAuthorizationUrlWithPAR(config, asked, options)
        : oidc.buildAuthorizationUrl(config, asked)
      return { url: url.href, verifier, state, nonce }
    },
    finish: (address, begun, options) =>
      oidc.authorizationCodeGrant(
        config,
        new URL(address),
        {
          pkceCodeVerifier: begun.verifier,
          expectedState: begun.state,
          expectedNonce: begun.nonce,
          idTokenExpected: true,
        },
        undefined,
        options,
      ),
  }
}

/** The provider's key as the library takes it. */
export async function keyOf(
  provider: TestProvider,
): Promise<{ readonly privateKey: oidc.CryptoKey; readonly kid: string }> {
  const { alg: _alg, ...jwk } = provider.key
  const curve = { name: 'ECDSA', namedCurve: 'P-256' }
  const privateKey = await crypto.subtle.importKey('jwk', jwk, curve, false, ['sign'])
  return { privateKey, kid: provider.key.kid ?? '' }
}

/** The OAuth error of a rejected call, as `error code`; `none` when it was not rejected. */
export async function errorOf(run: Promise<unknown>): Promise<string> {
  try {
    await run
    return 'none'
  } catch (thrown) {
    if (thrown instanceof oidc.ResponseBodyError) {
      const { code } = thrown.cause
      return `${thrown.error} ${typeof code === 'string' ? code : (thrown.error_description ?? '')}`
    }
    if (thrown instanceof oidc.AuthorizationResponseError)
      return `${thrown.error} ${thrown.error_description ?? ''}`
    throw thrown
  }
}
