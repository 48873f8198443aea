/**
 * Messages between providers and the platform (catalogue C1–C3, C6, C7, C10). Login and identification go over
 * OpenID Connect; the rest is REST under `/v1` with an access token obtained by `private_key_jwt`.
 */
import { z } from 'zod'
import { instantText } from './authority.ts'
import { keptDaysMax } from './kept-result.ts'
import { toldStep } from './next-step.ts'
import { federationMetadata } from './federation.ts'
import { samlMetadata } from './saml.ts'
import { containerFormats } from './reader.ts'
import { isRefusalCode } from './refusal.ts'

/** Authentication contexts (`acr`): card with PIN, and card with the signature certificate. */
export const acr = {
  card: 'urn:sekisho:acr:card',
  cardSigned: 'urn:sekisho:acr:card-signed',
  /** A login at another OpenID Provider that a card was once linked to: weaker than both. */
  gateway: 'urn:sekisho:acr:gateway',
} as const
export type Acr = (typeof acr)[keyof typeof acr]

/** Scopes a provider can be contracted for. */
export const providerScopes = [
  'openid',
  'name',
  'address',
  'birthdate',
  'gender',
  'sign',
  'verify',
  'change',
  'link',
  'statement',
  'mandate',
  'procedure',
  'mail',
  'offline_access',
] as const
export const providerScope = z.enum(providerScopes)
export type ProviderScope = z.infer<typeof providerScope>

/**
 * Claims released by *identify*. `birthdate` is `YYYY-MM-DD` with `0000` or `00` for parts the register does not know;
 * the flags hold one `0`/`1` per character, `1` where the certificate carries a substitute character (jpki.md §2.3).
 */
export const identityClaims = z.object({
  sub: z.string(),
  name: z.string().optional(),
  name_substitutes: z
    .string()
    .regex(/^[01]*$/)
    .optional(),
  address: z.object({ formatted: z.string() }).optional(),
  address_substitutes: z
    .string()
    .regex(/^[01]*$/)
    .optional(),
  birthdate: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}$/)
    .optional(),
  gender: z.enum(['male', 'female', 'unknown']).optional(),
})
export type IdentityClaims = z.infer<typeof identityClaims>

/** Largest document for signing or verification over the API. A measured comfortable size for JSON; files stream later. */
export const documentBytesMax = 1024 * 1024

const documentBase64 = z.base64().max(Math.ceil(documentBytesMax / 3) * 4 + 4)

/** Media types a reader can show. */
export const signableMediaType = z.enum(['text/plain', 'application/json', 'application/pdf'])

/** `POST /v1/signing-transactions` (scope `sign`). */
export const signingTransactionRequest = z.strictObject({
  title: z.string().min(1).max(100),
  mediaType: signableMediaType,
  document: documentBase64,
  /** Pairwise subject who must sign; whoever else signs is refused. */
  subject: z.string().min(1).max(64),
  /** The file that the signature makes: the bare signature, a CMS container, XML, the PDF itself, JSON, a ZIP. */
  format: z.enum(['raw', ...containerFormats]).default('raw'),
})
export type SigningTransactionRequest = z.input<typeof signingTransactionRequest>

export const signingTransactionCreated = z.strictObject({
  id: z.string(),
  expiresAt: instantText,
})
export type SigningTransactionCreated = z.infer<typeof signingTransactionCreated>

/** `GET /v1/signing-transactions/{id}`. `receipt` is a JWS over {@link receipt}. */
export const signingTransactionResult = z.discriminatedUnion('state', [
  z.strictObject({ id: z.string(), state: z.literal('waiting') }),
  z.strictObject({ id: z.string(), state: z.literal('expired') }),
  z.strictObject({
    id: z.string(),
    state: z.literal('signed'),
    signedAt: instantText,
    receipt: z.string(),
  }),
  z.strictObject({
    id: z.string(),
    state: z.literal('refused'),
    code: z.string().refine(isRefusalCode),
  }),
])
export type SigningTransactionResult = z.infer<typeof signingTransactionResult>

/**
 * `GET /v1/signing-transactions/{id}/file` (scope `sign`), for registered verifiers of signatures only: the signed file, with all that
 * was added since so that it lasts.
 */
export const signedFileAnswer = z.strictObject({
  id: z.string(),
  format: z.enum(containerFormats),
  /** Level reached, such as `cades-lt`. */
  level: z.string(),
  file: z.base64(),
})
export type SignedFileAnswer = z.infer<typeof signedFileAnswer>

/** What a provider keeps instead of the citizen's certificate: the payload of a receipt. */
export const receipt = z.looseObject({
  iss: z.url(),
  aud: z.string(),
  sub: z.string(),
  iat: z.int(),
  jti: z.string(),
  verdict: z.literal('passed'),
  policy: z.string(),
  document: z.strictObject({
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    mediaType: signableMediaType,
    title: z.string(),
  }),
})
export type Receipt = z.infer<typeof receipt>

/** `POST /v1/verifications` (scope `verify`): raw signature + certificate + document. */
export const verificationRequest = z.strictObject({
  document: documentBase64,
  signature: z.base64().max(2048),
  certificate: z.base64().max(16_384),
  purpose: z.enum(['signature', 'authentication']).default('signature'),
  /** Days for which the result is kept for retrieval; without it nothing is kept for the provider. */
  keepDays: z.int().min(1).max(keptDaysMax).optional(),
})
export type VerificationRequest = z.infer<typeof verificationRequest>

/**
 * A verification report for a provider: verdict and reasons, and no serial, attribute or revocation data
 * (catalogue C4, C6). `id` finds the evidence that the platform keeps.
 */
export const verificationReport = z.strictObject({
  id: z.string(),
  verdict: z.enum(['passed', 'failed', 'indeterminate']),
  judgedAt: instantText,
  policy: z.string(),
  reasons: z.array(z.strictObject({ code: z.string(), ja: z.string(), en: z.string() })),
  /** Only of a kept result that passed: your id of the certificate, for later checks. */
  certificateId: z.string().optional(),
})
export type VerificationReport = z.infer<typeof verificationReport>

/** `POST /v1/pinless-challenges` (scope `verify`, B12): 32 random bytes for one answer of one card, to this provider alone. */
export const pinlessChallenge = z.strictObject({
  challenge: z.base64().length(44),
  expiresAt: instantText,
})
export type PinlessChallenge = z.infer<typeof pinlessChallenge>

/**
 * `POST /v1/pinless-verifications` (scope `verify`, B12; `docs/protocol/pinless.md`): what a card answered a certified terminal without
 * PIN. A challenge serves once, whatever comes of it.
 */
export const pinlessVerificationRequest = z.strictObject({
  challenge: z.base64().length(44),
  organisation: z.string().regex(/^\d{7}$/),
  /** The terminal's number under its organisation. */
  terminal: z.string().regex(/^[A-Za-z0-9]{1,8}$/),
  signature: z.base64().max(2048),
  certificate: z.base64().max(16_384),
})
export type PinlessVerificationRequest = z.infer<typeof pinlessVerificationRequest>

/** Who held the card is known by no PIN: `assurance` says so, and the answer opens no account by itself. */
export const pinlessVerificationReport = verificationReport.extend({
  assurance: z.literal('card-without-pin'),
  /** The person as this provider knows them, if the verdict is `passed` and they ever logged in there. */
  subject: z.string().nullable(),
})
export type PinlessVerificationReport = z.infer<typeof pinlessVerificationReport>

/** Largest signed file that comes of a signing transaction. */
export const signedFileBytesMax = 8 * 1024 * 1024

/** Largest file within a call; a larger one is uploaded before (`/v1/uploads`). */
export const inlineFileBytesMax = 1024 * 1024
/** Largest upload: 4 GiB. */
export const uploadBytesMax = 4 * 1024 * 1024 * 1024

const inlineBase64 = z.base64().max(Math.ceil(inlineFileBytesMax / 3) * 4 + 4)
/** A file within the call in base64, or one that was uploaded. */
const fileGiven = z.union([inlineBase64, z.strictObject({ upload: z.string().max(64) })])

/** `POST /v1/file-verifications` (scope `verify`): a container with the citizens' certificates in it (C1). */
export const fileVerificationRequest = z.strictObject({
  kind: z.enum(['cms', 'pdf', 'xml', 'jws', 'asice', 'tsr']),
  file: fileGiven,
  /** What was signed or stamped, where it is not in the file. */
  content: fileGiven.optional(),
  /** Instead of the content its hash, in base64. */
  contentHashes: z
    .strictObject({
      sha256: z.base64().length(44).optional(),
      sha384: z.base64().length(64).optional(),
      sha512: z.base64().length(88).optional(),
    })
    .optional(),
  /** Files beside a document, by the URI that it has for them. */
  files: z.record(z.string().max(1024), fileGiven).optional(),
  /** The request that a time-stamp answers. */
  query: z.base64().max(4096).optional(),
  purpose: z.enum(['signature', 'authentication']).default('signature'),
  /**
   * As whom all signers are to be recognised: citizens, or one kind of holder of another PKI that the platform recognises
   * (docs/protocol/other-cas.md).
   */
  signers: z
    .enum(['citizen', 'representative', 'person', 'mandate', 'doctor', 'official'])
    .default('citizen'),
})
export type FileVerificationRequest = z.input<typeof fileVerificationRequest>

/**
 * `POST /v1/uploads` and what follows (scope `verify`): a file of any size in pieces, resumable
 * (draft-ietf-httpbis-resumable-upload). It is kept for an hour after its last piece.
 */
export const uploadState = z.strictObject({
  id: z.string(),
  /** Bytes that have arrived. */
  offset: z.int().nonnegative(),
  complete: z.boolean(),
})
export type UploadState = z.infer<typeof uploadState>

const indication = {
  verdict: z.enum(['passed', 'failed', 'indeterminate']),
  /** In the words of ETSI EN 319 102-1 §5.1.3. */
  indication: z.enum(['TOTAL-PASSED', 'TOTAL-FAILED', 'INDETERMINATE']),
  subIndication: z.string().optional(),
  reasons: z.array(z.strictObject({ code: z.string(), ja: z.string(), en: z.string() })),
}

/** What a certificate says of a holder who is no citizen to the platform (C12): company, capacity, mandate, role. */
export const holderFacts = z.strictObject({
  kind: z.enum(['representative', 'person', 'mandate', 'doctor', 'official']),
  name: z.string(),
  unit: z.string().optional(),
  title: z.string().optional(),
  corporation: z
    .strictObject({ number: z.string(), name: z.string(), headOffice: z.string() })
    .optional(),
  mandate: z
    .strictObject({
      by: z.strictObject({ name: z.string(), title: z.string() }),
      scope: z.array(z.strictObject({ code: z.string(), text: z.string() })),
      isSubdelegable: z.boolean(),
    })
    .optional(),
  roles: z.array(z.string()).optional(),
})
export type HolderFacts = z.infer<typeof holderFacts>

/** The report on a signed file: one outcome a signature, and nothing of signers who are citizens. */
export const fileVerificationReport = z.strictObject({
  id: z.string(),
  kind: z.string(),
  ...indication,
  judgedAt: instantText,
  policy: z.string(),
  /** SHA-256 (hex) of the file. */
  fileSha256: z.string().length(64),
  signatures: z.array(
    z.strictObject({
      ...indication,
      /** Format and level reached, such as `cades-t`. */
      level: z.string(),
      algorithm: z.string().optional(),
      /** What the signer says of the time, which proves nothing. */
      claimedAt: instantText.optional(),
      /** A time at which the signature is proven to have existed. */
      provenAt: instantText.optional(),
      /** What is covered, where a signature may cover a part. */
      covers: z.array(z.string()),
      /** Of a signature that passed as that of another kind of signer than citizens. */
      holder: holderFacts.optional(),
      /** What was changed in a PDF since, in words. */
      changes: z.array(
        z.strictObject({
          code: z.string(),
          ja: z.string(),
          en: z.string(),
          isPermitted: z.boolean(),
        }),
      ),
    }),
  ),
  /** The same as a JWS of the platform's, for an auditor to verify later. */
  signedReport: z.string(),
})
export type FileVerificationReport = z.infer<typeof fileVerificationReport>

/** How it was looked up: bulk list, immediate answer, or a question of another sort. */
export const feeMethod = z.enum(['crl', 'ocsp', 'query'])
export type FeeMethod = z.infer<typeof feeMethod>

/** For what: a transaction of the person's, or whether the person is still there (現況確認). */
export const feePurpose = z.enum(['transaction', 'current-status'])
export type FeePurpose = z.infer<typeof feePurpose>

/** `POST /v1/changes` (scope `change`): the change confirmation 変更確認 for one consented person. */
export const changeRequest = z.strictObject({
  subject: z.string().min(1).max(64),
  /** `current-status`: whether the person is still there, for providers to whom that is granted; counted once a year. */
  purpose: feePurpose.default('transaction'),
})
export type ChangeRequest = z.input<typeof changeRequest>

/** Meaning only, never reason, serial or revocation time (flows.md §3). */
export const changeMeaning = z.enum(['no-change', 'ask-for-update', 'confirm-in-person'])
export type ChangeMeaning = z.infer<typeof changeMeaning>

export const changeAnswer = z.strictObject({
  subject: z.string(),
  meaning: changeMeaning,
  checkedAt: instantText,
  /** Lawful steps, the best first; empty: nothing is to be done. */
  next: z.array(toldStep),
  /** Whether the platform knows a renewed card of this person: `none`: nothing was renewed. */
  successor: z.enum(['none', 'known', 'unknown']),
})
export type ChangeAnswer = z.infer<typeof changeAnswer>

/** Kinds of metered use (catalogue C7). */
export const usageKind = z.enum(['signature-check', 'authentication-check', 'corresponding-serial'])
export type UsageKind = z.infer<typeof usageKind>

/** Uses that cost the same. `counted-before`: a current-status check of a person who was counted in the same year. */
const feeLine = z.strictObject({
  kind: usageKind,
  method: feeMethod,
  purpose: feePurpose,
  basis: z.enum(['charged', 'waived', 'counted-before']),
  count: z.int().nonnegative(),
  unitYen: z.int().nonnegative(),
  /** By volume. */
  discountPercent: z.int().min(0).max(100),
  /** By who the provider is. */
  reductionPercent: z.int().min(0).max(100),
  feeYen: z.int().nonnegative(),
})
export type FeeLine = z.infer<typeof feeLine>

/** The platform's own charge: for the month, or for all uses. */
const ownLine = z.strictObject({
  item: z.enum(['month', 'use']),
  count: z.int().nonnegative(),
  unitYen: z.int().nonnegative(),
  feeYen: z.int().nonnegative(),
})
export type OwnLine = z.infer<typeof ownLine>

const billed = {
  lines: z.array(feeLine).readonly(),
  own: z.array(ownLine).readonly(),
  feesYen: z.int().nonnegative(),
  ownYen: z.int().nonnegative(),
  totalYen: z.int().nonnegative(),
}

/** `GET /v1/statements/{YYYY-MM}` (scope `statement`), also as `/csv` and `/pdf`. `docs/protocol/fees.md`. */
export const feeStatement = z.strictObject({
  month: z.string().regex(/^\d{4}-\d{2}$/),
  provider: z.string(),
  /** The tariff by which it was rated. */
  tariff: z.string(),
  /** A running month's grows; a final one is changed by a correction only, which has the next version. */
  state: z.enum(['running', 'final']),
  /** 0 while running, 1 when final, then one more for every correction. */
  version: z.int().nonnegative(),
  ...billed,
})
export type FeeStatement = z.infer<typeof feeStatement>

/** A source of validity, what the month would cost by it, and whether it is open to the provider. */
const methodOption = z.strictObject({
  /** `current-status`: change confirmations declared as such, by list. */
  method: z.enum(['crl', 'ocsp', 'current-status']),
  yen: z.int().nonnegative(),
  isAllowed: z.boolean(),
  /** `keep`: the present one and the cheapest open; `change`: open and cheaper; `possible`: open and not the cheapest. */
  advice: z.enum(['keep', 'change', 'possible', 'not-allowed']),
  ja: z.string(),
  en: z.string(),
})
export type MethodOption = z.infer<typeof methodOption>

/** `GET /v1/forecast` (scope `statement`): what the running month will cost, and the cheapest way that is open. */
export const feeForecast = z.strictObject({
  month: z.string().regex(/^\d{4}-\d{2}$/),
  tariff: z.string(),
  /** Until now. */
  usedYen: z.int().nonnegative(),
  /** At the end of the month, if it goes on as in the last four weeks; as in their weakest and their strongest. */
  expectedYen: z.int().nonnegative(),
  lowYen: z.int().nonnegative(),
  highYen: z.int().nonnegative(),
  options: z.array(methodOption),
})
export type FeeForecast = z.infer<typeof feeForecast>

/** OpenID client metadata by which a provider is registered (`sekisho provider add`). */
export const providerMetadata = z.looseObject({
  client_id: z.string().regex(/^[0-9a-z][0-9a-z.-]{0,62}$/),
  client_name: z.string().min(1).max(100),
  client_uri: z.url().optional(),
  redirect_uris: z.array(z.url()).min(1).max(20),
  /** A page of the service, at an origin of its own, that begins a login: people come there from the portal (ADR 0011). */
  initiate_login_uri: z.url().max(2000).optional(),
  jwks: z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }),
  scope: z.string(),
  ...federationMetadata,
  sekisho_saml: samlMetadata.optional(),
  /** Other OpenID Providers whose logins it takes where a request asks for `urn:sekisho:acr:gateway`, by the operator's ids. */
  sekisho_gateways: z.array(z.string().min(1).max(32)).max(8).optional(),
  /** Why data is asked for; shown to the person and written into the statement. */
  sekisho_purpose: z.string().min(1).max(200),
  /** How certificates are checked for this provider. */
  sekisho_revocation: z.enum(['crl', 'ocsp']).default('crl'),
  /** `sandbox`: for trials, at once and without a contract, in practice towns only. */
  sekisho_stage: z.enum(['sandbox', 'production']).default('production'),
  /** Minutes a revocation list may be old and still be enough for this provider; beyond that the authority is asked each time. */
  sekisho_freshness_minutes: z.int().min(5).max(10_000).optional(),
  /** Calls of the interface a second on each node of the platform, with a burst of two seconds. */
  sekisho_rate_per_second: z.int().min(1).max(100_000).default(1000),
  /** Providers that may call for this one, under its contract and on its bill (C15): the shared validity service of a town. */
  sekisho_agents: z.array(z.string().max(63)).max(20).default([]),
  /** Whether it is a registered verifier of signatures (municipality, tax office), which may have containers with certificates. */
  sekisho_signature_verifier: z.boolean().default(false),
  /** Whether a reduction for public interest (C7) was granted. */
  sekisho_public_interest: z.boolean().default(false),
  /** Whether the authority accepted that current-status checks 現況確認 are told apart, so that a person counts once a year. */
  sekisho_current_status: z.boolean().default(false),
  /** Whether `sekisho_revocation` is a rule for this provider rather than a habit; advice on fees never goes against a rule. */
  sekisho_revocation_required: z.boolean().default(true),
})
export type ProviderMetadata = z.infer<typeof providerMetadata>
