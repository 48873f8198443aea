/** What a provider may register of OpenID federation (catalogue C5), beside the members that every provider has. */
import { z } from 'zod'

/** Ways to tokens that a provider can be registered for. The first two are every provider's. */
export const grantTypes = [
  'authorization_code',
  'client_credentials',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:openid:params:grant-type:ciba',
] as const
export type GrantType = (typeof grantTypes)[number]

/** Members of OpenID client metadata. Absent ones take the strict default. */
export const federationMetadata = {
  grant_types: z.array(z.enum(grantTypes)).min(1).max(grantTypes.length).optional(),
  /** Where a browser may be sent after the provider ended a session (RP-Initiated Logout 1.0 §2.1). */
  post_logout_redirect_uris: z.array(z.url()).max(20).optional(),
  /** Where logout tokens are sent (Back-Channel Logout 1.0 §2.2). */
  backchannel_logout_uri: z.url().optional(),
} as const
