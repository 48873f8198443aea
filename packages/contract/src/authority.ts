/**
 * Messages between the authority and accredited verifiers (catalogue A3–A6).
 *
 * Requests and answers are JSON signed as in `docs/protocol/authority-messages-signing.md` (RFC 9421); CRL files are
 * DER, OCSP is RFC 6960 over HTTP. The real interface is not public: paths and member names are ours
 * (`docs/divergences.md`). Queries carry an `Idempotency-Key`; the authority stores answer and usage under it and
 * repeats both.
 */
import { z } from 'zod'
import { consentedAttributes } from './attribute-consent.ts'

export {
  type AttributeConsent,
  composeAttributeConsent,
  type ConsentedAttribute,
  consentedAttributes,
  readAttributeConsent,
} from './attribute-consent.ts'

const hex = z.string().regex(/^[0-9a-f]+$/)
const base64 = z.base64()

/** Instants on the wire are RFC 3339 in UTC with seconds or finer. */
export const instantText = z.iso.datetime({ offset: false })

/** Which of the two CAs. */
export const caKind = z.enum(['signature', 'authentication'])
export type CaKind = z.infer<typeof caKind>

/**
 * One certificate, named without a name: the issuing key (hex of its subject key identifier, because all key
 * generations of a CA share one DN, jpki.md §2.1) and the serial (hex of the INTEGER's content octets).
 */
export const certificateReference = z.strictObject({
  issuerKeyId: hex.max(64),
  serial: hex.max(40),
})
export type CertificateReference = z.infer<typeof certificateReference>

/** One partition (CA key generation × municipality) in the publication manifest. */
export const crlPartition = z.strictObject({
  ca: caKind,
  issuerKeyId: hex.max(64),
  /** Five digits, no check digit. */
  municipality: z.string().regex(/^\d{5}$/),
  /** DER of the distribution point's directory name, as in the certificates' CRLDP and the list's IDP. */
  distributionPoint: base64,
  /** Path of the DER file below the publication's base address. */
  path: z.string().regex(/^[\w./-]+$/),
  sha256: hex.length(64),
  bytes: z.int().nonnegative(),
  number: z.int().nonnegative(),
  thisUpdate: instantText,
  nextUpdate: instantText,
  /** The same list told as what changed since an earlier one, for who has that or one later (RFC 5280 §5.2.4). */
  delta: z
    .strictObject({
      path: z.string().regex(/^[\w./-]+$/),
      sha256: hex.length(64),
      bytes: z.int().nonnegative(),
      /** Number of the earlier list. */
      base: z.int().nonnegative(),
    })
    .optional(),
})
export type CrlPartition = z.infer<typeof crlPartition>

/** `GET /crl/manifest`: every partition published now. The answer is signed. */
export const crlManifest = z.strictObject({
  publishedAt: instantText,
  partitions: z.array(crlPartition).max(20_000),
})
export type CrlManifest = z.infer<typeof crlManifest>

/** For what a verifier asks; the law names what each answer may be used for (jpki.md §5.1, art. 52). */
export const queryPurpose = z.enum([
  'identification',
  'login',
  'age-determination',
  'attribute-update',
])
export type QueryPurpose = z.infer<typeof queryPurpose>

/** `POST /v1/corresponding-serial` 対応証明書の発行番号 (A5): the holder's authentication certificate. ¥2. */
export const correspondingSerialQuery = z.strictObject({
  signature: certificateReference,
  purpose: queryPurpose,
  /** SHA-256 (hex) of the statement that the holder signed and that contains the consent. */
  consent: z.strictObject({ statementSha256: hex.length(64), givenAt: instantText }),
})
export type CorrespondingSerialQuery = z.infer<typeof correspondingSerialQuery>

/** `authentication` is null when the holder has none that was ever issued with this signature certificate. */
export const correspondingSerialAnswer = z.strictObject({
  usage: z.string().min(1).max(64),
  feeYen: z.int().nonnegative(),
  answeredAt: instantText,
  authentication: certificateReference.nullable(),
})
export type CorrespondingSerialAnswer = z.infer<typeof correspondingSerialAnswer>

/** `POST /v1/predecessor` 新旧シリアル番号の紐付け (A6): the authentication certificate one before. Free. */
export const predecessorQuery = z.strictObject({
  authentication: certificateReference,
  purpose: queryPurpose,
  /** Consents held: the authority's use of its records; for verifiers of authentications only, also the obtaining. */
  consents: z.array(z.enum(['authority-use', 'provider-obtaining'])).min(1),
})
export type PredecessorQuery = z.infer<typeof predecessorQuery>

/** `predecessor` is null when there was none. */
export const predecessorAnswer = z.strictObject({
  usage: z.string().min(1).max(64),
  feeYen: z.int().nonnegative(),
  answeredAt: instantText,
  predecessor: certificateReference.nullable(),
})
export type PredecessorAnswer = z.infer<typeof predecessorAnswer>

/**
 * `POST /v1/age` 年齢判定 (A7): is the holder of this certificate of that age or over? The tap is the holder's consent. The age costs nothing
 * beside the validity check that comes with it.
 */
export const ageQuery = z.strictObject({
  authentication: certificateReference,
  purpose: queryPurpose,
  /** One of the ages that laws ask about. */
  age: z.int().min(1).max(120),
})
export type AgeQuery = z.infer<typeof ageQuery>

/** Nothing but this: no date, no age. `isReached` is null unless the certificate is valid. */
export const ageAnswer = z.strictObject({
  usage: z.string().min(1).max(64),
  feeYen: z.int().nonnegative(),
  answeredAt: instantText,
  certificate: z.enum(['valid', 'invalid', 'unknown']),
  isReached: z.boolean().nullable(),
})
export type AgeAnswer = z.infer<typeof ageAnswer>

/**
 * `POST /v1/latest-attributes` 最新の利用者情報 (A14): the present attributes of the person to whom a signature certificate was issued, by a
 * consent (`composeAttributeConsent`) that they signed with it or with another of theirs.
 */
export const latestAttributesQuery = z.strictObject({
  signature: certificateReference,
  purpose: queryPurpose,
  attributes: z.array(z.enum(consentedAttributes)).min(1),
  consent: z.strictObject({
    /** The text, UTF-8 in base64. */
    text: base64.max(8192),
    /** RSA with SHA-256 over the text. */
    signature: base64.max(2048),
    /** The certificate that it was signed with. */
    signedWith: certificateReference,
  }),
})
export type LatestAttributesQuery = z.infer<typeof latestAttributesQuery>

/** `attributes` is null when there are none at present: the person died, or is no longer in the register. */
export const latestAttributesAnswer = z.strictObject({
  usage: z.string().min(1).max(64),
  feeYen: z.int().nonnegative(),
  answeredAt: instantText,
  attributes: z
    .strictObject({
      /** With 〓 where a character cannot be carried. */
      name: z.string().optional(),
      address: z.string().optional(),
      /** `YYYY-MM-DD`; unknown parts are zeros. */
      birthdate: z.string().optional(),
      gender: z.enum(['male', 'female', 'unknown']).optional(),
    })
    .nullable(),
})
export type LatestAttributesAnswer = z.infer<typeof latestAttributesAnswer>

/** `POST /v1/consent-withdrawals` (A14): the consent with this number may no longer be used. Idempotent; free. */
export const consentWithdrawal = z.strictObject({ number: z.string().min(1).max(200) })
export type ConsentWithdrawal = z.infer<typeof consentWithdrawal>

/** `GET /v1/usage/{YYYY-MM}`: what the authority counted for this verifier, for reconciliation. */
export const usageStatement = z.strictObject({
  month: z.string().regex(/^\d{4}-\d{2}$/),
  lines: z.array(
    z.strictObject({
      usage: z.string(),
      idempotencyKey: z.string(),
      kind: z.enum([
        'corresponding-serial',
        'predecessor',
        'age',
        'latest-attributes',
        'ocsp-signature',
        'ocsp-authentication',
      ]),
      at: instantText,
      feeYen: z.int().nonnegative(),
    }),
  ),
  totalYen: z.int().nonnegative(),
})
export type UsageStatement = z.infer<typeof usageStatement>

/** `GET /other-ca/cross-certificates`: certificates of the other CAs for each other (A13), DER in base64. */
export const crossCertificateList = z.strictObject({
  certificates: z
    .array(
      z.strictObject({
        issuer: z.string().max(32),
        subject: z.string().max(32),
        certificate: base64,
      }),
    )
    .max(256),
})

const corporateNumber = z.string().regex(/^\d{13}$/)

/** What anybody may know of a corporation under its number: name, head office, and how they changed. */
export const corporationEntry = z.strictObject({
  number: corporateNumber,
  name: z.string(),
  headOffice: z.string(),
  registeredAt: instantText,
  closed: z
    .strictObject({ at: instantText, cause: z.string(), successor: corporateNumber.nullable() })
    .nullable(),
})
export type CorporationEntry = z.infer<typeof corporationEntry>

/** `GET /corporations?name=…`: at most a hundred; `isComplete` is false when there are more. */
export const corporationList = z.strictObject({
  corporations: z.array(corporationEntry).max(100),
  isComplete: z.boolean(),
})

/** `GET /corporations/{number}`: besides, the entries of the register in order, with what each changed. */
export const corporationHistory = corporationEntry.extend({
  changes: z.array(
    z.strictObject({ kind: z.string(), before: z.string().nullable(), at: instantText }),
  ),
})

/** `GET /corporations/{number}/register` 登記事項: besides, who represents it and who did. */
export const corporationRegister = corporationHistory.extend({
  representatives: z.array(
    z.strictObject({
      name: z.string(),
      title: z.string(),
      since: instantText,
      until: instantText.nullable(),
    }),
  ),
})

/** What a representative signs (CMS, attached) to have a delegate certified: `POST /mandates` 電子委任状 (C12). */
export const mandateApplication = z.strictObject({
  kind: z.literal('mandate-application'),
  /** When it was written: not longer than a day ago. */
  at: instantText,
  corporation: corporateNumber,
  delegate: z.strictObject({
    name: z.string().min(1).max(64),
    address: z.string().min(1).max(128),
    unit: z.string().min(1).max(64),
    title: z.string().min(1).max(64),
  }),
  /** SubjectPublicKeyInfo of the delegate. */
  publicKey: base64.max(4096),
  /** The delegate's signature (RSA, SHA-256) over `mandateProofText`: the key is the delegate's. */
  proof: base64.max(4096),
  scope: z
    .array(
      z.strictObject({
        code: z.string().regex(/^[a-z0-9.-]{1,64}$/),
        text: z.string().min(1).max(200),
      }),
    )
    .min(1)
    .max(32),
  isSubdelegable: z.boolean(),
  months: z.int().min(1).max(60),
})
export type MandateApplication = z.infer<typeof mandateApplication>

/** What the delegate's key signs. */
export function mandateProofText(
  application: Pick<MandateApplication, 'corporation' | 'publicKey' | 'at'>,
): string {
  const { corporation, publicKey, at } = application
  return ['sekisho-mandate-v1', corporation, publicKey, at].join('\n')
}

/** A day in Japan, YYYYMMDD. */
const dayText = z.string().regex(/^\d{8}$/)
const standing = { until: dayText.nullable(), withdrawnAt: instantText.nullable() }

/**
 * `GET /v1/pinless-standing` (A10): organisations 特定機関 and their terminals, each with the last day of the certificate that the
 * office knows of, and with when it was withdrawn. What is not on it is not registered. The answer is signed.
 */
export const pinlessStanding = z.strictObject({
  thisUpdate: instantText,
  nextUpdate: instantText,
  organisations: z
    .array(
      z.strictObject({
        code: z.string().regex(/^\d{7}$/),
        ...standing,
        terminals: z
          .array(z.strictObject({ number: z.string().regex(/^[A-Za-z0-9]{1,8}$/), ...standing }))
          .max(100_000),
      }),
    )
    .max(20_000),
})
export type PinlessStanding = z.infer<typeof pinlessStanding>

const aid = z.string().regex(/^(?:[0-9A-F]{2}){5,16}$/)
const userNumber = z.string().regex(/^\d{12}$/)

/**
 * `GET /v1/card-loading/stopped` (A11): to an owner of card applications, the users whose service it stops. Refreshed once a day, and
 * at once when the owner itself stops one. Whoever is on it no longer in the next one may use the service again.
 */
export const loadingFeed = z.strictObject({
  owner: z.string(),
  number: z.int().positive(),
  thisUpdate: instantText,
  nextUpdate: instantText,
  stopped: z.array(
    z.strictObject({
      aid,
      userNumber,
      /** The card was reported lost; it ended, for whatever reason; the owner itself stopped it. */
      why: z.enum(['lost', 'ended', 'owner']),
    }),
  ),
})
export type LoadingFeed = z.infer<typeof loadingFeed>

/** `POST /v1/card-loading/stops` (A11): the owner stops a user's service at once. Idempotent. */
export const loadingStop = z.strictObject({ aid, userNumber })
export type LoadingStop = z.infer<typeof loadingStop>

/** `POST /v1/card-loading/user-numbers` (A11): which user an application on a card is for, asked by its owner's terminal. */
export const loadedCard = z.strictObject({ aid, cardSerial: z.string().regex(/^\d{15}$/) })
export type LoadedCard = z.infer<typeof loadedCard>
export const loadedUser = z.strictObject({ aid, userNumber })
