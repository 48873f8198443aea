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

/** Algorithms of a provider's own signatures, apart from RS256, which only its authentication may still have. */
const strongAlgorithm = z.enum(['ES256', 'PS256', 'EdDSA'])

/** Members of OpenID client metadata. Absent ones take the strict default. */
export const federationMetadata = {
  grant_types: z.array(z.enum(grantTypes)).min(1).max(grantTypes.length).optional(),
  /** How it authenticates. With a certificate only where the platform stands behind a TLS proxy that it knows. */
  token_endpoint_auth_method: z
    .enum(['private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth'])
    .optional(),
  token_endpoint_auth_signing_alg: z.enum(['ES256', 'PS256', 'EdDSA', 'RS256']).optional(),
  /** The name in the certificate of `tls_client_auth` (RFC 8705 §2.1.2), one of both. */
  tls_client_auth_san_dns: z.string().min(1).max(253).optional(),
  tls_client_auth_san_uri: z.url().optional(),
  /** Tokens are bound to the certificate (RFC 8705 §3), or to a key that calls prove (RFC 9449). */
  tls_client_certificate_bound_access_tokens: z.boolean().optional(),
  dpop_bound_access_tokens: z.boolean().optional(),
  /** Authorization requests are pushed (RFC 9126) and nothing else is taken. */
  require_pushed_authorization_requests: z.boolean().optional(),
  /** Authorization requests are signed (RFC 9101). */
  require_signed_request_object: z.boolean().optional(),
  request_object_signing_alg: strongAlgorithm.optional(),
  /** How the end of a back-channel login is told (CIBA §5): by asking, or by a ping as well. */
  backchannel_token_delivery_mode: z.enum(['poll', 'ping']).optional(),
  backchannel_client_notification_endpoint: z.url().optional(),
  /** The security profile that all its requests are held to: FAPI 2.0. */
  sekisho_profile: z.enum(['fapi2']).optional(),
  /** Where a browser may be sent after the provider ended a session (RP-Initiated Logout 1.0 §2.1). */
  post_logout_redirect_uris: z.array(z.url()).max(20).optional(),
  /** Where logout tokens are sent (Back-Channel Logout 1.0 §2.2). */
  backchannel_logout_uri: z.url().optional(),
} as const
