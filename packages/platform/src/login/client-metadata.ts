/** A registered provider as the OpenID library knows it: a client. */
import { type GrantType, grantTypes } from '@sekisho/contract'
import type { AdapterPayload } from 'oidc-provider'
import type { Provider } from '../providers/registry.ts'

/** Every provider's ways to tokens. */
const ownGrantTypes: readonly GrantType[] = [grantTypes[0], grantTypes[1]]

/**
 * Metadata of an active provider. Only what was checked at registration reaches the library. The sector of pairwise ids is the
 * provider, a legal entity, whatever hosts it uses: subjects are looked up by its id.
 */
export function clientOf(found: Provider | undefined): AdapterPayload | undefined {
  if (found === undefined || found.state !== 'active') return undefined
  const { metadata } = found
  const isFapi = metadata.sekisho_profile === 'fapi2'
  const client = {
    client_id: metadata.client_id,
    client_name: metadata.client_name,
    client_uri: metadata.client_uri,
    redirect_uris: metadata.redirect_uris,
    jwks: metadata.jwks,
    scope: metadata.scope,
    grant_types: metadata.grant_types ?? ownGrantTypes,
    post_logout_redirect_uris: metadata.post_logout_redirect_uris,
    backchannel_logout_uri: metadata.backchannel_logout_uri,
    subject_type: 'pairwise',
    token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? 'private_key_jwt',
    token_endpoint_auth_signing_alg: metadata.token_endpoint_auth_signing_alg,
    tls_client_auth_san_dns: metadata.tls_client_auth_san_dns,
    tls_client_auth_san_uri: metadata.tls_client_auth_san_uri,
    tls_client_certificate_bound_access_tokens: metadata.tls_client_certificate_bound_access_tokens,
    dpop_bound_access_tokens: metadata.dpop_bound_access_tokens,
    require_pushed_authorization_requests:
      isFapi || metadata.require_pushed_authorization_requests === true,
    require_signed_request_object: metadata.require_signed_request_object,
    request_object_signing_alg: metadata.request_object_signing_alg,
    sekisho_profile: metadata.sekisho_profile,
  }
  const given = Object.entries(client).filter(([, value]) => value !== undefined)
  // The type of payloads is one for all models; a client's is its metadata.
  return Object.fromEntries(given)
}
