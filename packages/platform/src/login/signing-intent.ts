/**
 * Signing by intent (RFC 9396): an authorization that names the very document that is to be signed, by the transaction that holds it and the
 * SHA-256 of its bytes. What the person is shown, hashed and signed are the bytes of the transaction; a request that names others is refused.
 */
import { z } from 'zod'

/** The type of authorization details. */
export const signingIntentType = 'sekisho_sign'

/** What is to be signed. */
export type SigningIntent = {
  /** Id of a signing transaction of the provider. */
  readonly transaction: string
  /** SHA-256 (hex) of the document's bytes. */
  readonly documentSha256: string
}

const intent = z
  .array(
    z.strictObject({
      type: z.literal(signingIntentType),
      transaction: z.string().min(1).max(64),
      document_sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  )
  .length(1)

/** Whether authorization details, as a parameter's text, are one intent to sign. */
export function isSigningIntent(text: unknown): boolean {
  return readSigningIntent(text) !== undefined
}

/** The intent in a parameter's text; undefined when it is none. */
export function readSigningIntent(text: unknown): SigningIntent | undefined {
  if (typeof text !== 'string') return undefined
  const parsed = intent.safeParse(jsonOf(text))
  const [only] = parsed.success ? parsed.data : []
  return only === undefined
    ? undefined
    : { transaction: only.transaction, documentSha256: only.document_sha256 }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
