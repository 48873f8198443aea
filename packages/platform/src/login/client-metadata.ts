/** A registered provider as the OpenID library knows it: a client. */
import { type GrantType, grantTypes, type ProviderMetadata } from '@sekisho/contract'
import type { AdapterPayload } from 'oidc-provider'
import { sha256Hex } from '../evidence/hash.ts'
import type { Provider } from '../providers/registry.ts'
import { signingIntentType } from './signing-intent.ts'

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
  const keys = isDeferred(metadata.grant_types ?? [])
    ? { jwks_uri: registeredKeys(metadata), sector_identifier_uri: registeredKeys(metadata) }
    : { jwks: metadata.jwks }
  const client = {
    client_id: metadata.client_id,
    client_name: metadata.client_name,
    client_uri: metadata.client_uri,
    redirect_uris: metadata.redirect_uris,
    ...keys,
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
    // Whom the portal may send is always told when the card was used.
    ...(metadata.initiate_login_uri === undefined ? {} : { require_auth_time: true }),
    backchannel_token_delivery_mode: metadata.backchannel_token_delivery_mode,
    backchannel_client_notification_endpoint: metadata.backchannel_client_notification_endpoint,
    authorization_details_types: found.scopes.has('sign') ? [signingIntentType] : [],
    sekisho_profile: metadata.sekisho_profile,
  }
  const given = Object.entries(client).filter(([, value]) => value !== undefined)
  // The type of payloads is one for all models; a client's is its metadata.
  return Object.fromEntries(given)
}

/**
 * For logins that no redirect address belongs to, the library takes the sector of pairwise ids from the host of `jwks_uri` and so demands
 * one. Keys are registered by value here, and sectors are providers: it gets an address that resolves nowhere (RFC 6761 §6.4) and changes
 * with the keys, and {@link readRegisteredKeys} answers in the network's place.
 */
function registeredKeys({ client_id, jwks }: ProviderMetadata): string {
  return `${registeredPrefix}${client_id}/${sha256Hex(Buffer.from(JSON.stringify(jwks)))}`
}

const registeredPrefix = 'https://registered.invalid/'

/** The answer to a look at registered keys; undefined for any other address. */
export async function readRegisteredKeys(
  address: string,
  find: (id: string) => Promise<Provider | undefined>,
): Promise<Response | undefined> {
  if (!address.startsWith(registeredPrefix)) return undefined
  const id = address.slice(registeredPrefix.length).split('/')[0] ?? ''
  const found = await find(id)
  return found === undefined || registeredKeys(found.metadata) !== address
    ? new Response(null, { status: 404 })
    : Response.json(found.metadata.jwks)
}

function isDeferred(grants: readonly GrantType[]): boolean {
  return grants.includes(grantTypes[3]) || grants.includes(grantTypes[4])
}
