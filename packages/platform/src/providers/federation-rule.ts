/** What a registration's members of federation (C5) must keep to; refused at registration, so that nothing is found out in a login. */
import { X509Certificate } from 'node:crypto'
import type { GrantType, ProviderMetadata } from '@sekisho/contract'
import { importPublicKey } from '@sekisho/pki'

/** How the platform runs. */
export type Mode = 'town' | 'production'

/** The first member that breaks a rule; undefined when all is well. */
export function brokenMember(metadata: ProviderMetadata, mode: Mode): string | undefined {
  const grants: readonly GrantType[] = metadata.grant_types ?? ['authorization_code']
  const isStanding = metadata.scope.split(' ').includes('offline_access')
  // One without the other would be a contract that cannot be used.
  if (isStanding !== grants.includes('refresh_token')) return 'grant_types'
  const pages = metadata.post_logout_redirect_uris ?? []
  if (pages.some(address => !isPageAddress(address, mode))) return 'post_logout_redirect_uris'
  const logout = metadata.backchannel_logout_uri
  if (logout !== undefined && !isPageAddress(logout, mode)) return 'backchannel_logout_uri'
  return (
    brokenBackchannel(metadata, grants) ??
    brokenAuthentication(metadata) ??
    brokenSaml(metadata, mode)
  )
}

/** CIBA §4: a mode of delivery where the grant is, and an address where pings go, over TLS always. */
function brokenBackchannel(
  metadata: ProviderMetadata,
  grants: readonly GrantType[],
): string | undefined {
  const mode = metadata.backchannel_token_delivery_mode
  if (grants.includes('urn:openid:params:grant-type:ciba') !== (mode !== undefined))
    return 'backchannel_token_delivery_mode'
  const endpoint = metadata.backchannel_client_notification_endpoint
  if ((mode === 'ping') !== (endpoint !== undefined))
    return 'backchannel_client_notification_endpoint'
  return endpoint === undefined || isPageAddress(endpoint, 'production')
    ? undefined
    : 'backchannel_client_notification_endpoint'
}

/** How it authenticates, and what FAPI 2.0 (§5.3.2.1, §5.4) demands of that: bound tokens, and none of the older algorithms. */
function brokenAuthentication(metadata: ProviderMetadata): string | undefined {
  const method = metadata.token_endpoint_auth_method ?? 'private_key_jwt'
  const names = [metadata.tls_client_auth_san_dns, metadata.tls_client_auth_san_uri]
  const named = names.filter(name => name !== undefined).length
  if (named !== (method === 'tls_client_auth' ? 1 : 0)) return 'tls_client_auth_san_dns'
  if (method === 'self_signed_tls_client_auth' && !metadata.jwks.keys.some(hasCertificate))
    return 'jwks'
  const algorithm = metadata.token_endpoint_auth_signing_alg
  if (algorithm !== undefined && method !== 'private_key_jwt')
    return 'token_endpoint_auth_signing_alg'
  if (metadata.sekisho_profile !== 'fapi2') return undefined
  if (
    metadata.dpop_bound_access_tokens !== true &&
    metadata.tls_client_certificate_bound_access_tokens !== true
  )
    return 'dpop_bound_access_tokens'
  if (method === 'private_key_jwt' && (algorithm === undefined || algorithm === 'RS256'))
    return 'token_endpoint_auth_signing_alg'
  return undefined
}

function hasCertificate(key: Readonly<Record<string, unknown>>): boolean {
  return Array.isArray(key['x5c']) && key['x5c'].length > 0
}

/** SAML: addresses as redirect addresses are, keys that may sign, and nothing asked beyond the contract. */
function brokenSaml(
  { sekisho_saml: saml, scope }: ProviderMetadata,
  mode: Mode,
): string | undefined {
  if (saml === undefined) return undefined
  const addresses = [
    ...saml.assertion_consumer_services,
    ...(saml.single_logout_service === undefined ? [] : [saml.single_logout_service]),
  ]
  if (addresses.some(address => !isPageAddress(address, mode)))
    return 'sekisho_saml.assertion_consumer_services'
  if (!saml.signing_certificates.every(isSigningCertificate))
    return 'sekisho_saml.signing_certificates'
  const contracted = scope.split(' ')
  const asked = saml.scope.split(' ')
  const isWithin = asked.every(each => samlScopes.includes(each) && contracted.includes(each))
  return isWithin && asked.includes('openid') ? undefined : 'sekisho_saml.scope'
}

/** What a SAML login can ask for. */
const samlScopes: readonly string[] = ['openid', 'name', 'address', 'birthdate', 'gender']

/** RSA from 2,048 bits or a curve; how it is signed and how long it is good does not matter (SAML Metadata Interoperability §2.6.1). */
function isSigningCertificate(base64: string): boolean {
  try {
    const { publicKey } = new X509Certificate(Buffer.from(base64, 'base64'))
    const { facts } = importPublicKey(publicKey.export({ type: 'spki', format: 'der' }))
    return facts.kind === 'ec' || (facts.kind === 'rsa' && facts.bits >= 2048)
  } catch {
    return false
  }
}

/** A page of the provider, over TLS in production; no fragment (RFC 6749 §3.1.2), no password in it. */
export function isPageAddress(address: string, mode: Mode): boolean {
  const url = new URL(address)
  const isSafe = url.protocol === 'https:' || (mode === 'town' && url.protocol === 'http:')
  return isSafe && !address.includes('#') && url.username === '' && url.password === ''
}
