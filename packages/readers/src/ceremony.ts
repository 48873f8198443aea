/**
 * The card ceremony (`docs/protocol/reader.md`), the same in every reader: what the card is asked, in which order, and what
 * the authentication key signs. Transports bring request, origin, card and PIN.
 */
import {
  type Card,
  type CardReason,
  checkCertificate,
  logout,
  type Outcome,
  parsePin,
  type Pin,
  readAuthenticationCertificate,
  readSignatureCertificate,
  type SecretKind,
  selectJpki,
  sign,
  triesLeft,
  verifyPin,
} from '@sekisho/card'
import {
  authenticationMessage,
  composeStatement,
  type ReaderAnswer,
  readerProtocolVersion,
} from '@sekisho/contract/reader'
import { digest, MalformedError, parseCertificate } from '@sekisho/pki'
import { prepareDocument } from '@sekisho/pki/assemble'
import type { Asked } from './asked.ts'
import { refusedAnswer } from './card-refusal.ts'

/** Which key a request needs, and so which secret is typed. */
export function secretOf(asked: Asked): SecretKind {
  return asked.kind === 'authenticate' ? 'authentication' : 'signature'
}

/**
 * What a person must know before typing: the tries left (`undefined` when the card does not say). Refuses what cannot
 * succeed before anything is typed: not a JPKI card, certificate absent, secret locked. Uses no try up.
 */
export async function prepareCeremony(
  card: Card,
  kind: SecretKind,
): Promise<Outcome<{ readonly triesLeft: number | undefined }>> {
  const selected = await selectJpki(card)
  if (selected.kind === 'refused') return selected
  const present = await checkCertificate(card, kind)
  if (present.kind === 'refused') return present
  const left = await triesLeft(card, kind)
  if (left.kind === 'refused') return left
  if (left.value === 0) {
    const reason = kind === 'authentication' ? 'pin-locked' : 'password-locked'
    return { kind: 'refused', reason, triesLeft: 0 }
  }
  return { kind: 'done', value: { triesLeft: left.value } }
}

/**
 * What came of a typed PIN. `again`: the person may type once more, knowing the trouble and the tries left; `unusable`:
 * this card cannot do it.
 */
export type Presented =
  | { readonly kind: 'done'; readonly answer: ReaderAnswer }
  | {
      readonly kind: 'again'
      readonly trouble: CardReason | 'last-try-unconfirmed'
      readonly triesLeft: number | undefined
    }
  | { readonly kind: 'unusable'; readonly reason: CardReason }

/**
 * A person has typed: asks the card for the tries left now, checks the form, demands that the last try was confirmed,
 * and performs the ceremony. Neither a malformed entry nor an unconfirmed last try reaches the card.
 */
export async function presentPin(
  card: Card,
  given: {
    readonly asked: Asked
    readonly origin: string
    readonly typed: Uint8Array | string
    readonly isLastConfirmed: boolean
  },
): Promise<Presented> {
  const { asked, origin } = given
  const prepared = await prepareCeremony(card, secretOf(asked))
  if (prepared.kind === 'refused') return { kind: 'unusable', reason: prepared.reason }
  const { triesLeft: left } = prepared.value
  const parsed = parsePin(secretOf(asked), given.typed)
  if (parsed.kind === 'refused') return { kind: 'again', trouble: parsed.reason, triesLeft: left }
  using pin = parsed.value
  if (left === 1 && !given.isLastConfirmed) {
    return { kind: 'again', trouble: 'last-try-unconfirmed', triesLeft: left }
  }
  const outcome = await performCeremony(card, { asked, origin, pin })
  if (outcome.kind === 'done') return { kind: 'done', answer: outcome.value }
  const { reason } = outcome
  if (reason !== 'pin-wrong' && reason !== 'password-wrong') return { kind: 'unusable', reason }
  return { kind: 'again', trouble: reason, triesLeft: outcome.triesLeft }
}

/**
 * Verifies the PIN, reads the certificate, signs, and logs out whatever happened. `origin` is the browser's own
 * attestation. The Pin stays the caller's to dispose of.
 *
 * @throws Error when the Pin is of the other kind: a fault of the reader.
 */
export async function performCeremony(
  card: Card,
  given: { readonly asked: Asked; readonly origin: string; readonly pin: Pin },
): Promise<Outcome<ReaderAnswer>> {
  if (given.pin.kind !== secretOf(given.asked)) throw new Error('a PIN of the wrong kind')
  const selected = await selectJpki(card)
  if (selected.kind === 'refused') return selected
  const verified = await verifyPin(card, given.pin)
  if (verified.kind === 'refused') return verified
  const outcome = await signAsked(card, given.asked, given.origin)
  const ended = await logout(card)
  return outcome.kind === 'done' && ended.kind === 'refused' ? ended : outcome
}

async function signAsked(card: Card, asked: Asked, origin: string): Promise<Outcome<ReaderAnswer>> {
  const { id } = asked.request
  if (asked.kind === 'sign') {
    const certificate = await readSignatureCertificate(card)
    if (certificate.kind === 'refused') return certificate
    const hash = hashToSign(asked, certificate.value)
    if (hash === undefined) return { kind: 'done', value: refusedAnswer(id, 'request-malformed') }
    const signature = await sign(card, 'signature', hash)
    if (signature.kind === 'refused') return signature
    const value = {
      v: readerProtocolVersion,
      type: 'signed',
      id,
      signature: base64Url(signature.value),
      certificate: base64Url(certificate.value),
    } as const
    return { kind: 'done', value }
  }
  const { purpose, challenge } = asked.request
  const certificate = await readAuthenticationCertificate(card)
  if (certificate.kind === 'refused') return certificate
  const statement = composeStatement({ purpose, origin, challenge })
  const digest = sha256(authenticationMessage(statement))
  const signature = await sign(card, 'authentication', digest)
  if (signature.kind === 'refused') return signature
  const value = {
    v: readerProtocolVersion,
    type: 'authenticated',
    id,
    signed: base64Url(statement),
    signature: base64Url(signature.value),
    certificate: base64Url(certificate.value),
  } as const
  return { kind: 'done', value }
}

/** What the card is to sign, computed here from what was shown; undefined: the document cannot be signed in that form. */
function hashToSign(
  asked: Extract<Asked, { kind: 'sign' }>,
  certificate: Uint8Array,
): Uint8Array | undefined {
  const { container, mediaType } = asked.request
  if (container === undefined) return sha256(asked.document)
  try {
    return prepareDocument({
      format: container.format,
      document: asked.document,
      mediaType,
      certificate: parseCertificate(certificate),
      algorithm: 'rsa-sha256',
      signingTime: Date.parse(container.signingTime),
    }).digest
  } catch (error) {
    if (error instanceof MalformedError || error instanceof RangeError) return undefined
    throw error
  }
}

const sha256 = (bytes: Uint8Array): Uint8Array => digest('sha256', bytes)
const base64Url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
