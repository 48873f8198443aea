/**
 * Results that the platform keeps for a provider, and a provider's own ids of certificates (C1, C3), so that no provider needs to hold
 * a certificate or a serial.
 */
import { z } from 'zod'
import { instantText } from './authority.ts'

/** Days for which a result may be kept: ten years, as long as books are. */
export const keptDaysMax = 3660

/** Why a certificate is checked: what is recorded beside the check and what it is charged by. */
const checkPurpose = z.enum(['transaction', 'current-status'])

/** `GET /v1/results/{id}` (scope `verify`): the report as it was given, and how the check was made. */
export const keptResult = z.strictObject({
  id: z.string(),
  verdict: z.enum(['passed', 'failed', 'indeterminate']),
  judgedAt: instantText,
  policy: z.string(),
  reasons: z.array(z.strictObject({ code: z.string(), ja: z.string(), en: z.string() })),
  /** By list or by immediate answer. */
  method: z.enum(['crl', 'ocsp']),
  purpose: z.enum(['signature', 'authentication']),
  /** SHA-256 (hex) of what was signed. */
  documentSha256: z.string(),
  /** Your id of the certificate; absent unless the verdict is `passed`. */
  certificateId: z.string().optional(),
  keptUntil: instantText,
})
export type KeptResult = z.infer<typeof keptResult>

/** `GET /v1/results?after=…`: a hundred at most, by the order of their ids; `after` is the last id of the page before. */
export const keptResultList = z.strictObject({
  results: z.array(keptResult).max(100),
  isComplete: z.boolean(),
})

/**
 * `DELETE /v1/results/{id}`, and `GET /v1/results/{id}/deletion` afterwards: that it is gone, and since when. The entry stands in the
 * ledger: its leaf is SHA-256 over 0 and the SHA-256 of salt and entry (`docs/protocol/ledger.md`); `inclusion` comes with the next
 * checkpoint, a second later.
 */
export const deletionProof = z.strictObject({
  id: z.string(),
  deletedAt: instantText,
  why: z.enum(['asked', 'retention']),
  /** Base64. */
  salt: z.string(),
  /** Base64 of the entry's JSON. */
  entry: z.string(),
  inclusion: z
    .strictObject({
      index: z.int().nonnegative(),
      size: z.int().positive(),
      path: z.array(z.string()),
      checkpoint: z.string(),
    })
    .nullable(),
})
export type DeletionProof = z.infer<typeof deletionProof>

/** `POST /v1/certificate-checks` (scope `verify`): how the certificate of a kept result stands now, by the lists in force. */
export const certificateCheckRequest = z.strictObject({
  certificateId: z.string().min(1).max(64),
  purpose: checkPurpose.default('transaction'),
})
export type CertificateCheckRequest = z.input<typeof certificateCheckRequest>

/** Valid or not; never why, nor since when. Charged once a day. */
export const certificateCheckAnswer = z.strictObject({
  certificateId: z.string(),
  state: z.enum(['valid', 'not-valid']),
  checkedAt: instantText,
})
export type CertificateCheckAnswer = z.infer<typeof certificateCheckAnswer>
