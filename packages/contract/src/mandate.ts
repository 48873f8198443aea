/**
 * Mandates 電子委任状 and the question whether somebody may act for another (C12, flows.md §17): what representatives and offices sign, and
 * what is asked and answered over them. Statements are JSON, signed as attached CMS (`docs/protocol/mandates.md`).
 */
import { z } from 'zod'

const instantText = z.iso.datetime()
const corporateNumber = z.string().regex(/^\d{13}$/)
const line = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]*$/u)

/** Codes of acts: small letters, digits, points, dashes, such as `bid.submit`; `*` alone is every act. */
const actCode = z.string().regex(/^(\*|[a-z0-9.-]{1,64})$/)

/** One kind of act that a delegate may do, and its limits. */
export const mandateAct = z.strictObject({
  code: actCode,
  /** For people. */
  text: line(200),
  /** Largest amount of one act. */
  yenMax: z.int().nonnegative().optional(),
  /** Providers (their ids) before whom it may be done; absent: before all. */
  counterparties: z.array(z.string().min(1).max(64)).min(1).max(64).optional(),
})
export type MandateAct = z.infer<typeof mandateAct>

const terms = {
  acts: z.array(mandateAct).min(1).max(32),
  from: instantText,
  until: instantText,
  /** How many further steps the power may be handed on; 0: not at all. */
  subdelegations: z.int().min(0).max(3),
}
/** What somebody may do, from when to when. */
export const mandateTerms = z.strictObject(terms)
export type MandateTerms = z.infer<typeof mandateTerms>

/** Who acts for another. Unit and title are those in the organisation. */
export const mandateDelegate = z.strictObject({
  name: line(64),
  address: line(256),
  unit: line(64).optional(),
  title: line(64).optional(),
})
export type MandateDelegate = z.infer<typeof mandateDelegate>

/**
 * What a corporation's representative signs. `operator-file` 取扱事業者記録ファイル方式: sent to `POST /mandates`, the operator records it once the delegate
 * has accepted with the card. `mandator-file` 委任者記録ファイル方式: the mandator keeps the signed file and gives it along with each document; then the
 * delegate's certificate is named.
 */
export const mandateGrant = z.strictObject({
  kind: z.literal('mandate-grant'),
  method: z.enum(['operator-file', 'mandator-file']),
  /** When it was written; an operator takes it for a day. */
  at: instantText,
  corporation: corporateNumber,
  delegate: mandateDelegate,
  /** SHA-256 (hex) of the delegate's signature certificate. Demanded in a `mandator-file`. */
  certificateSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  ...terms,
})
export type MandateGrant = z.infer<typeof mandateGrant>

/** What a representative signs to end a mandate: `POST /mandates/revocations`. */
export const mandateRevocation = z.strictObject({
  kind: z.literal('mandate-revocation'),
  at: instantText,
  corporation: corporateNumber,
  mandate: z.string().min(1).max(64),
})

/** `POST /mandates`. The code goes to the delegate, by another way than the mandate's id. */
export const mandateOffered = z.strictObject({
  id: z.string(),
  state: z.enum(['offered', 'active', 'ended']),
  /** Told once: the same file again is answered without. */
  acceptanceCode: z.string().optional(),
  until: instantText,
})
export type MandateOffered = z.infer<typeof mandateOffered>

const personFacts = z.strictObject({
  name: line(64),
  address: line(256),
  birthdate: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
})

/**
 * What an office signs: that one person stands for another by law (guardian 成年後見人, parent 親権者, representative of heirs 相続人代表). The person
 * concerned is told by name, address and birth date, or only by birth date and name where they have died.
 */
export const standingDocument = z.strictObject({
  kind: z.literal('standing'),
  relation: z.enum(['guardian', 'parent', 'heirs']),
  /** Of whom. */
  of: personFacts,
  /** Who stands for them. */
  by: personFacts,
  issuedAt: instantText,
  /** Standing ends here, such as a child's coming of age; null: it ends by another document. */
  until: instantText.nullable(),
})
export type StandingDocument = z.infer<typeof standingDocument>

const base64File = z.base64().max(3 * 1024 * 1024)

/**
 * `POST /v1/authority-checks` (scope `mandate`): a signed document, for whom it was signed, and what act it does. The four questions of a
 * receiver (flows.md §17): author, corporation, representative, authority.
 */
export const authorityCheckRequest = z.strictObject({
  kind: z.enum(['cms', 'pdf', 'xml', 'jws', 'asice']),
  file: base64File,
  /** Content beside a detached signature. */
  content: base64File.optional(),
  /** For whom it was signed. */
  corporation: corporateNumber,
  /** A code as in mandates, without `*`. */
  act: z.string().regex(/^[a-z0-9.-]{1,64}$/),
  yen: z.int().nonnegative().optional(),
  /** At what time; absent: now. Not in the future. */
  at: instantText.optional(),
  /** A mandate that the mandator keeps (CMS), where it came along. */
  mandate: base64File.optional(),
})
export type AuthorityCheckRequest = z.input<typeof authorityCheckRequest>

const finding = z.strictObject({
  question: z.enum(['author', 'corporation', 'representative', 'authority']),
  /** `unknown`: it cannot be told now, which is never yes. */
  answer: z.enum(['yes', 'no', 'unknown']),
  code: z.string(),
  ja: z.string(),
  en: z.string(),
})

/** One step from the corporation to who signed. */
const chainLink = z.strictObject({
  by: z.strictObject({ name: z.string(), title: z.string().optional() }),
  to: z.strictObject({
    name: z.string(),
    unit: z.string().optional(),
    title: z.string().optional(),
  }),
  method: z.enum(['operator-file', 'mandator-file', 'certificate', 'sub-delegation']),
  acts: z.array(mandateAct),
  /** Null: as long as the certificate that carries it is valid. */
  from: instantText.nullable(),
  until: instantText.nullable(),
  subdelegations: z.int(),
  /** SHA-256 (hex) of what was signed to give it; absent where a certificate carries it. */
  grantSha256: z.string().optional(),
  /** The operator's record (JWS, RFC 7515). */
  record: z.string().optional(),
})

export const authorityCheckAnswer = z.strictObject({
  id: z.string(),
  verdict: z.enum(['authorised', 'not-authorised', 'indeterminate']),
  judgedAt: instantText,
  /** The time that it was judged for. */
  at: instantText,
  fileSha256: z.string(),
  findings: z.array(finding),
  /** What receivers want to see (flows.md §24). Present once the author is known and acts for the corporation. */
  actor: z
    .strictObject({
      corporation: z.string(),
      corporateNumber,
      headOffice: z.string(),
      unit: z.string().optional(),
      title: z.string().optional(),
      name: z.string(),
      authority: z.strictObject({ ja: z.string(), en: z.string() }),
    })
    .optional(),
  /** From the representative down; empty for a representative. */
  chain: z.array(chainLink),
  /** The answer as a JWS of the platform's, for an auditor. */
  signedReport: z.string(),
})
export type AuthorityCheckAnswer = z.infer<typeof authorityCheckAnswer>
export type AuthorityFinding = z.infer<typeof finding>
export type MandateChainLink = z.infer<typeof chainLink>
