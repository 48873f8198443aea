/**
 * A provider's own customer numbers, linked to people by proof (C4, flows.md §4), and terminals and households that several people
 * share (flows.md §1). A number is the provider's: it is linked with certainty or by a clerk of the provider, and never guessed.
 */
import { z } from 'zod'
import { instantText } from './authority.ts'

const subject = z.string().min(1).max(64)
const number = z.string().min(1).max(64)

/** `POST /v1/customer-links` (scope `link`): what the provider has of a customer, about somebody who was just identified. */
export const customerLinkRequest = z.strictObject({
  subject,
  customerNumber: number,
  /** As it stands in the provider's books. Compared with what the person consented to show, and not kept. */
  record: z.strictObject({
    name: z.string().max(200).optional(),
    address: z.string().max(400).optional(),
    birthdate: z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/)
      .optional(),
    gender: z.enum(['male', 'female', 'unknown']).optional(),
  }),
  /** How the person proved that the account is theirs; with `none` a clerk decides. */
  accountProof: z.enum(['password', 'bank-card', 'code-by-post', 'branch', 'none']),
})
export type CustomerLinkRequest = z.infer<typeof customerLinkRequest>

const comparison = z.strictObject({
  attribute: z.enum(['name', 'address', 'birthdate', 'gender']),
  kind: z.enum(['same', 'notation', 'unknown', 'different']),
  hints: z.array(z.string()),
})

/** A link. `waiting`: a clerk of the provider decides. */
export const customerLink = z.strictObject({
  id: z.string(),
  state: z.enum(['linked', 'waiting', 'refused', 'ended']),
  subject: z.string(),
  customerNumber: z.string(),
  /**
   * Why it was linked at once (`certain`), or why a clerk must look: `account-unproven`, `attributes-unclear`, `attributes-differ`,
   * `attributes-missing` (name and birth date must both be compared), `number-taken`, `person-linked`.
   */
  why: z.enum([
    'certain',
    'account-unproven',
    'attributes-unclear',
    'attributes-differ',
    'attributes-missing',
    'number-taken',
    'person-linked',
  ]),
  comparisons: z.array(comparison),
  clerk: z.string().nullable(),
  createdAt: instantText,
})
export type CustomerLink = z.infer<typeof customerLink>

/** `GET /v1/customer-links?state=…&after=…`: a hundred at most, oldest first. */
export const customerLinkList = z.strictObject({
  links: z.array(customerLink).max(100),
  isComplete: z.boolean(),
})

/** `POST /v1/customer-links/{id}/decision`: what a clerk of the provider decided; the name is the provider's own for its clerk. */
export const customerDecision = z.strictObject({
  decision: z.enum(['link', 'refuse']),
  clerk: z.string().min(1).max(64),
})

/** `POST /v1/terminals` (scope `link`): links somebody who has just shown the card to a receiver, household or device. */
export const terminalRequest = z.strictObject({
  kind: z.enum(['tv', 'household', 'device']),
  /** The provider's own number of it. */
  number,
  subject,
})
export type TerminalRequest = z.input<typeof terminalRequest>

/** `POST /v1/terminals/{id}/viewer`: somebody linked to it who has just shown the card is looking now. */
export const viewerRequest = z.strictObject({ subject })

/** A terminal with all who are linked to it, as this provider knows them. */
export const terminal = z.strictObject({
  id: z.string(),
  kind: z.enum(['tv', 'household', 'device']),
  people: z.array(z.strictObject({ subject: z.string(), linkedAt: instantText })),
  /** Who is looking, and until when that holds; null: choose. */
  viewer: z.strictObject({ subject: z.string(), until: instantText }).nullable(),
})
export type Terminal = z.infer<typeof terminal>
