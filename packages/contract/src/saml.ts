/** What a provider may register to log people in by SAML 2.0, for systems that speak nothing newer (catalogue C5). */
import { z } from 'zod'

/** The provider as a SAML service provider. */
export const samlMetadata = z.strictObject({
  /** Its entity id: what its requests name as their issuer, and assertions as their audience. */
  entity_id: z.url().max(1024),
  /** Where assertions may be posted; the first is the default. */
  assertion_consumer_services: z.array(z.url().max(2048)).min(1).max(10),
  /** Certificates (DER in base64) of the keys that sign its requests; two of them while keys change. */
  signing_certificates: z.array(z.base64().max(8192)).min(1).max(4),
  /** What is asked of people at every login: `openid`, and scopes of attributes. */
  scope: z.string().max(200).default('openid'),
  /** Where answers to its logout requests are taken. Without it it cannot log people out here. */
  single_logout_service: z.url().max(2048).optional(),
})
export type SamlMetadata = z.infer<typeof samlMetadata>
