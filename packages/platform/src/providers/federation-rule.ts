/** What a registration's members of federation (C5) must keep to; refused at registration, so that nothing is found out in a login. */
import type { GrantType, ProviderMetadata } from '@sekisho/contract'

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
  return undefined
}

/** A page of the provider, over TLS in production; no fragment (RFC 6749 §3.1.2), no password in it. */
export function isPageAddress(address: string, mode: Mode): boolean {
  const url = new URL(address)
  const isSafe = url.protocol === 'https:' || (mode === 'town' && url.protocol === 'http:')
  return isSafe && !address.includes('#') && url.username === '' && url.password === ''
}
