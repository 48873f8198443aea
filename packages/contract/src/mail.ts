/**
 * The P.O. box 電子私書箱 (C11): what providers post, what comes to them, and what receipts prove (`docs/protocol/mailbox.md`).
 */
import { z } from 'zod'
import { instantText } from './authority.ts'
import { holderFacts } from './platform.ts'

/** What a message is about; how long it is kept depends on it. */
export const mailKinds = [
  'notice',
  'request',
  'application',
  'certificate',
  'answer',
  'decision',
  'contract',
] as const
export const mailKind = z.enum(mailKinds)
export type MailKind = z.infer<typeof mailKind>

/** Whom a provider writes to. */
export const mailAddress = z.union([
  /** A person, as this provider knows them. */
  z.strictObject({ subject: z.string().min(1).max(64) }),
  /** A corporate number 法人番号. */
  z.strictObject({ organisation: z.string().regex(/^\d{13}$/) }),
  /** A municipality by its code of five digits. */
  z.strictObject({ municipality: z.string().regex(/^\d{5}$/) }),
  /** A provider that is registered here. */
  z.strictObject({ provider: z.string().min(1).max(63) }),
  /** Whoever sent this message, which is in one's own in-tray. */
  z.strictObject({ replyTo: z.string().min(1).max(64) }),
])
export type MailAddress = z.infer<typeof mailAddress>

/** Whom a message came from, as its recipient may know them. `person`: somebody whom the recipient has no id of. */
export const mailParty = z.strictObject({
  kind: z.enum(['person', 'organisation', 'municipality', 'provider', 'system']),
  /** Corporate number, code, provider's id or pairwise subject. */
  id: z.string().optional(),
  name: z.string().optional(),
})
export type MailParty = z.infer<typeof mailParty>

/** Most that a message holds, besides documents. */
export const mailSubjectMax = 200
export const mailBodyMax = 20_000
const mailDocumentsMax = 20
/** Bytes of all documents that are given within the call; larger ones are uploaded before. */
export const mailInlineBytesMax = 1024 * 1024
/** Largest document: 16 GiB (`/v1/mail/uploads`). */
export const mailUploadBytesMax = 16 * 1024 * 1024 * 1024

const documentName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^/\\\p{Cc}]+$/u)

/** A document as it is given. */
export const mailDocumentGiven = z.strictObject({
  name: documentName,
  mediaType: z
    .string()
    .max(127)
    .regex(/^[\w.+-]+\/[\w.+-]+$/),
  content: z.union([
    z.base64().max(Math.ceil(mailInlineBytesMax / 3) * 4 + 4),
    z.strictObject({ upload: z.string().min(1).max(64) }),
  ]),
})
export type MailDocumentGiven = z.infer<typeof mailDocumentGiven>

/** What was found of the signatures on a document when it came. */
const mailVerification = z.strictObject({
  verdict: z.enum(['passed', 'failed', 'indeterminate']),
  judgedAt: instantText,
  signatures: z.array(
    z.strictObject({
      verdict: z.enum(['passed', 'failed', 'indeterminate']),
      reasons: z.array(z.strictObject({ code: z.string(), ja: z.string(), en: z.string() })),
      provenAt: z.string().optional(),
      isCitizen: z.boolean(),
      holder: holderFacts.optional(),
    }),
  ),
})

/** What is said of a document, besides its bytes. */
export const mailDocument = z.strictObject({
  name: z.string(),
  mediaType: z.string(),
  /** Bytes. */
  length: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
})
export type MailDocument = z.infer<typeof mailDocument>

/** A document that came: with what was found of its signatures. */
const mailDocumentReceived = z.strictObject({
  ...mailDocument.shape,
  /** Absent where there is no signature that is read here. */
  verification: mailVerification.optional(),
  /** It carries a citizen's signature, and you are no registered verifier: you get what was signed, without the signature. */
  isWithheld: z.boolean(),
})
export type MailDocumentReceived = z.infer<typeof mailDocumentReceived>

/** `POST /v1/mail/messages` (scope `mail`), with an `Idempotency-Key`. */
export const mailPosting = z.strictObject({
  to: mailAddress,
  kind: mailKind,
  subject: z.string().min(1).max(mailSubjectMax),
  body: z.string().max(mailBodyMax),
  documents: z.array(mailDocumentGiven).max(mailDocumentsMax).default([]),
  /** After this the message is no longer delivered, nor read for the first time. */
  expiresAt: instantText.optional(),
})
export type MailPosting = z.input<typeof mailPosting>

/**
 * `posted`: kept, and waiting for the checks of its documents. `delivered`: in the recipient's box. `read`: opened there.
 * `rejected`: the content is against the policy, see `why`.
 */
export const mailState = z.enum(['posted', 'delivered', 'read', 'rejected', 'withdrawn', 'expired'])
export type MailState = z.infer<typeof mailState>

/** How a message stands, for its sender. */
export const mailStanding = z.strictObject({
  id: z.string(),
  state: mailState,
  postedAt: instantText,
  deliveredAt: instantText.nullable(),
  readAt: instantText.nullable(),
  endedAt: instantText.nullable(),
  why: z.string().nullable(),
})
export type MailStanding = z.infer<typeof mailStanding>

/** What can be proven of a message. */
export const mailEvent = z.enum([
  'posting',
  'delivery',
  'reading',
  'rejection',
  'withdrawal',
  'expiry',
])
export type MailEvent = z.infer<typeof mailEvent>

/** What the events are called by ETSI EN 319 522-1 §6.2; withdrawing is not among its events. */
export const remEvents: Readonly<
  Record<MailEvent, { readonly code: string; readonly name: string }>
> = {
  posting: { code: 'A.1', name: 'SubmissionAcceptance' },
  delivery: { code: 'D.1', name: 'ContentConsignment' },
  reading: { code: 'E.1', name: 'ContentHandover' },
  rejection: { code: 'D.2', name: 'ContentConsignmentFailure' },
  withdrawal: { code: 'sekisho:withdrawal', name: 'Withdrawal' },
  expiry: { code: 'E.2', name: 'ContentHandoverFailure' },
}

/** What a receipt says (JWS with `typ` `sekisho-mail-receipt+jwt`). */
export const mailReceipt = z.strictObject({
  iss: z.url(),
  /** The sender. */
  aud: z.string(),
  iat: z.int(),
  jti: z.string(),
  event: mailEvent,
  /** In the terms of ETSI EN 319 522, in a JSON form of ours. */
  evidence: z.strictObject({
    version: z.literal('urn:sekisho:rem-evidence:1'),
    code: z.string(),
    name: z.string(),
    at: instantText,
    message: z.string(),
    kind: mailKind,
    sender: z.string(),
    recipient: z.string(),
    /** SHA-256 (hex) of {@link mailContentText}. */
    contentSha256: z.string().regex(/^[0-9a-f]{64}$/),
    documents: z.array(mailDocument),
    why: z.string().optional(),
  }),
})
export type MailReceipt = z.infer<typeof mailReceipt>

/** `GET /v1/mail/messages/{id}/receipts`, oldest first. */
export const mailReceiptList = z.strictObject({
  receipts: z.array(
    z.strictObject({
      event: mailEvent,
      at: instantText,
      receipt: z.string(),
      /** The ledger's entry that names the SHA-256 of the receipt's payload; the place is null until it is sequenced. */
      entry: z.strictObject({
        index: z.int().nonnegative().nullable(),
        salt: z.base64(),
        entry: z.base64(),
      }),
    }),
  ),
})

/** A line of an in-tray. */
export const mailItem = z.strictObject({
  id: z.string(),
  /** The place in this box; grows. */
  number: z.int().positive(),
  from: mailParty,
  kind: mailKind,
  subject: z.string(),
  state: z.enum(['delivered', 'read']),
  deliveredAt: instantText,
  documents: z.array(mailDocumentReceived),
})
export type MailItem = z.infer<typeof mailItem>

/** `GET /v1/mail/in-tray?after=…`: a hundred at most, oldest first. */
export const mailInTray = z.strictObject({
  messages: z.array(mailItem).max(100),
  isComplete: z.boolean(),
})

/** `GET /v1/mail/in-tray/{id}`. */
export const mailReceived = z.strictObject({
  ...mailItem.shape,
  body: z.string(),
  /** SHA-256 (hex) of {@link mailContentText}. */
  contentSha256: z.string(),
})
export type MailReceived = z.infer<typeof mailReceived>

/** A line of a bulk file: a message without documents, to somebody known by an id, or by name, address and birth date alone (D20). */
export const mailBulkLine = z.strictObject({
  /** Names this message among all of the sender's, as an `Idempotency-Key` does. */
  key: z.string().min(8).max(128),
  to: z.union([
    mailAddress,
    z.strictObject({
      person: z.strictObject({
        name: z.string().min(1).max(200),
        address: z.string().min(1).max(400),
        birthdate: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
      }),
    }),
  ]),
  kind: mailKind,
  subject: z.string().min(1).max(mailSubjectMax),
  body: z.string().max(mailBodyMax),
  expiresAt: instantText.optional(),
})
export type MailBulkLine = z.infer<typeof mailBulkLine>

/** `POST /v1/mail/bulk` (scope `mail`), with an `Idempotency-Key`: a file of such lines (NDJSON) that was uploaded. */
export const mailBulkRequest = z.strictObject({ upload: z.string().min(1).max(64) })

/** How far a bulk post is. `postal`: nobody who takes mail of this kind from you was found with certainty; post it on paper. */
export const mailBulkState = z.strictObject({
  id: z.string(),
  state: z.enum(['running', 'done']),
  lines: z.int().nonnegative(),
  posted: z.int().nonnegative(),
  postal: z.int().nonnegative(),
  refused: z.int().nonnegative(),
})
export type MailBulkState = z.infer<typeof mailBulkState>

/** A line of the results, `GET /v1/mail/bulk/{id}/results?after=…` (NDJSON, ten thousand at most), in the order of the file. */
export const mailBulkResult = z.strictObject({
  line: z.int().positive(),
  key: z.string().nullable(),
  outcome: z.enum(['posted', 'postal', 'refused']),
  /** The message's id, or why it was refused. */
  detail: z.string().nullable(),
})
export type MailBulkResult = z.infer<typeof mailBulkResult>

/** The text whose hash stands in receipts: members in this order, without white space, as `JSON.stringify` writes them. */
export function mailContentText(content: {
  readonly kind: MailKind
  readonly subject: string
  readonly body: string
  readonly documents: readonly MailDocument[]
}): string {
  const { kind, subject, body } = content
  const documents = content.documents.map(({ name, mediaType, length, sha256 }) => ({
    name,
    mediaType,
    length,
    sha256,
  }))
  return JSON.stringify({ kind, subject, body, documents })
}
