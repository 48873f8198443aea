/**
 * The latest four attributes of somebody who agreed to that before (A14, C9): the person signs a consent once, and the provider fetches
 * a new name or address later without a card step.
 */
import { z } from 'zod'
import { consentedAttributes } from './attribute-consent.ts'
import { instantText } from './authority.ts'

const subject = z.string().min(1).max(64)

/** `POST /v1/latest-consents` (scope `change`): has the text of a consent made, to be signed like any document. */
export const latestConsentRequest = z.strictObject({
  subject,
  /** No more than the provider is contracted for. */
  attributes: z.array(z.enum(consentedAttributes)).min(1).max(4),
  /** Days for which it is to hold: five years at most. */
  days: z.int().min(1).max(1826),
  /** How often it may be used; without it as often as needed. */
  usesMax: z.int().min(1).max(1000).optional(),
})
export type LatestConsentRequest = z.infer<typeof latestConsentRequest>

/** `id` is a signing transaction: the person is sent to sign it. */
export const latestConsentCreated = z.strictObject({
  id: z.string(),
  number: z.string(),
  /** What is to be signed. */
  text: z.string(),
  expiresAt: instantText,
})
export type LatestConsentCreated = z.infer<typeof latestConsentCreated>

/** `POST /v1/latest-attributes` (scope `change`). ¥20, as a check of a signature certificate. */
export const latestRequest = z.strictObject({ subject })

/** `attributes` is null when there are none at present: the person died, or is no longer in the register. */
export const latestAnswer = z.strictObject({
  subject: z.string(),
  answeredAt: instantText,
  attributes: z
    .strictObject({
      /** With 〓 where a character cannot be carried. */
      name: z.string().optional(),
      address: z.strictObject({ formatted: z.string() }).optional(),
      birthdate: z.string().optional(),
      gender: z.enum(['male', 'female', 'unknown']).optional(),
    })
    .nullable(),
  /** Against what the person showed you last, where that can be compared. */
  difference: z.enum(['same', 'notation', 'unknown', 'moved', 'renamed', 'corrected', 'several']),
  /** How often the consent may still be used; null: as often as needed. */
  usesLeft: z.int().nonnegative().nullable(),
})
export type LatestAnswer = z.infer<typeof latestAnswer>
