/**
 * The reader protocol: what passes between a page and the reader that holds the card. Specified, with byte vectors, in
 * `docs/protocol/reader.md`. No message carries a digest made by the caller, nor a PIN; the reader composes what the
 * authentication key signs.
 */
import { z } from 'zod'
import type { RefusalCode } from './refusal.ts'

/** Version of the protocol; every message states it. */
export const readerProtocolVersion = 1

/** The only purpose of an authentication: login 利用者証明. */
export const authenticationPurposes = ['login'] as const

/** Purposes of a signature: identity confirmation (C3) and the signing of an application (C10). */
export const signaturePurposes = ['identify', 'sign'] as const

/** Document types that every reader can show. */
export const documentTypes = ['text/plain', 'application/json', 'application/pdf'] as const

/** Files that can be made around a signature: CMS, XML, the PDF itself, JSON, a ZIP. */
export const containerFormats = ['cades', 'xades', 'pades', 'jades', 'asice'] as const

/** Bytes of a document to sign: what a person can be expected to read on a reader's screen fits many times over. */
export const documentBytesMax = 1024 * 1024

/** Bytes of a challenge: 256 bits, so that none is ever met twice or guessed. */
export const challengeBytes = 32

/** Characters of a message in either direction: a document of the greatest size in base64 and room for the rest. */
export const messageCharactersMax = 1_500_000

const version = z.literal(readerProtocolVersion)
/** The page's own correlation mark; means nothing to the reader. */
const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
const challenge = z.string().regex(/^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$/)
const base64Url = z.string().regex(/^[A-Za-z0-9_-]+$/)
const base64 = z.string().regex(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/)

/** Asks for a login: a signature of the authentication key over bytes that the reader composes. */
export const authenticateRequest = z.strictObject({
  v: version,
  type: z.literal('authenticate'),
  id,
  purpose: z.enum(authenticationPurposes),
  challenge,
})

/** Asks for a signature of the signature key over exactly these document bytes, which the reader shows and hashes itself. */
export const signRequest = z.strictObject({
  v: version,
  type: z.literal('sign'),
  id,
  purpose: z.enum(signaturePurposes),
  /** Shown above the document; one line. */
  // oxlint-disable-next-line no-control-regex
  title: z.string().regex(/^[^\u0000-\u001f\u007f\u2028\u2029\u202a-\u202e\u2066-\u2069]{1,200}$/u),
  mediaType: z.enum(documentTypes),
  /**
   * The file to make of the document. The reader computes what the key signs from document, certificate and time itself
   * (`prepareDocument` of `@sekisho/pki/assemble`). Absent: the document's bytes are signed as they are.
   */
  container: z
    .strictObject({
      format: z.enum(containerFormats),
      /** The time that the signer claims, in whole seconds. */
      signingTime: z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/),
    })
    .optional(),
  document: base64.min(4).max(Math.ceil(documentBytesMax / 3) * 4),
})

/** What a page may ask of a reader. */
export const readerRequest = z.discriminatedUnion('type', [authenticateRequest, signRequest])

/** Answer to `authenticate`: the exact bytes signed, the signature and the DER certificate, base64url without padding. */
export const authenticatedAnswer = z.strictObject({
  v: version,
  type: z.literal('authenticated'),
  id,
  signed: base64Url.max(2048),
  signature: base64Url.max(1024),
  certificate: base64Url.max(16384),
})

/** Answer to `sign`: a PKCS#1 v1.5 SHA-256 signature over the document bytes, and the DER certificate. */
export const signedAnswer = z.strictObject({
  v: version,
  type: z.literal('signed'),
  id,
  signature: base64Url.max(1024),
  certificate: base64Url.max(16384),
})

/** The refusals that a reader may answer; each is a refusal of the closed list with its texts. */
export const readerRefusalCodes = [
  'ceremony-cancelled',
  'request-malformed',
  'request-too-large',
  'origin-foreign',
  'reader-absent',
  'card-absent',
  'card-in-use',
  'card-fault',
  'pin-malformed',
  'pin-wrong',
  'pin-locked',
  'signature-certificate-absent',
] as const satisfies readonly RefusalCode[]

/** A refusal code that a reader may answer. */
export type ReaderRefusalCode = (typeof readerRefusalCodes)[number]

/** The card step did not succeed. It never states tries left, a serial or anything else of the card. */
export const refusedAnswer = z.strictObject({
  v: version,
  type: z.literal('refused'),
  id,
  code: z.enum(readerRefusalCodes),
})

/** What a reader may answer. */
export const readerAnswer = z.discriminatedUnion('type', [
  authenticatedAnswer,
  signedAnswer,
  refusedAnswer,
])

/** What a wallet window says to its opener once it can take a request. */
export const readyMessage = z.strictObject({ v: version, type: z.literal('ready') })

/** What the authentication key signs, in the order in which the reader writes it. */
export const authenticationStatement = z.strictObject({
  v: version,
  type: z.literal('authenticate'),
  purpose: z.enum(authenticationPurposes),
  origin: z.string().max(512),
  challenge,
})

export type AuthenticateRequest = z.infer<typeof authenticateRequest>
export type SignRequest = z.infer<typeof signRequest>
export type ReaderRequest = z.infer<typeof readerRequest>
export type AuthenticatedAnswer = z.infer<typeof authenticatedAnswer>
export type SignedAnswer = z.infer<typeof signedAnswer>
export type RefusedAnswer = z.infer<typeof refusedAnswer>
export type ReaderAnswer = z.infer<typeof readerAnswer>
export type AuthenticationStatement = z.infer<typeof authenticationStatement>

/**
 * The bytes of an authentication statement: compact JSON with the members in the order v, type, purpose, origin,
 * challenge, in UTF-8. `origin` is the browser's own attestation (`event.origin`, `Origin` header).
 */
export function composeStatement(given: Omit<AuthenticationStatement, 'v' | 'type'>): Uint8Array {
  const { purpose, origin, challenge: wanted } = given
  return new TextEncoder().encode(
    JSON.stringify({
      v: readerProtocolVersion,
      type: 'authenticate',
      purpose,
      origin,
      challenge: wanted,
    }),
  )
}

/**
 * Reads a statement from the bytes as received; `undefined` unless they are exactly the bytes that `composeStatement`
 * makes of it, so that no second spelling (doubled members, spaces, other order) can mean something else elsewhere.
 */
export function parseStatement(bytes: Uint8Array): AuthenticationStatement | undefined {
  let read: unknown
  try {
    read = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))
  } catch {
    return undefined
  }
  const parsed = authenticationStatement.safeParse(read)
  if (!parsed.success) return undefined
  const again = composeStatement(parsed.data)
  const same = again.length === bytes.length && again.every((byte, at) => byte === bytes[at])
  return same ? parsed.data : undefined
}

/**
 * The message whose SHA-256 the authentication key signs: context label ‖ 00 ‖ statement bytes. The label keeps the
 * signature from ever being one over a document or another protocol's message.
 */
export function authenticationMessage(statement: Uint8Array): Uint8Array {
  const label = new TextEncoder().encode(authenticationLabel)
  const message = new Uint8Array(label.length + 1 + statement.length)
  message.set(label)
  message.set(statement, label.length + 1)
  return message
}

/** Context label of card authentication. */
export const authenticationLabel = 'sekisho-card-authentication-v1'
