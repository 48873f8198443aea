/** What the doors ask of the evidence layer: is this signature good, now, for this purpose? */
import type { VerificationReport } from '@sekisho/contract'
import type { CertificateReference } from '@sekisho/contract/authority'
import type { FourAttributes } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'

/** What is to be judged. */
export type SignatureToJudge = {
  readonly message: Uint8Array
  readonly signature: Uint8Array
  /** DER. */
  readonly certificate: Uint8Array
  readonly purpose: 'signature' | 'authentication'
  /** How revocation is looked up (per provider, C2). */
  readonly revocation: 'crl' | 'ocsp'
  /** Milliseconds a list may be old and still be enough for this provider; else the authority is asked (OCSP). Undefined: until it runs out. */
  readonly freshnessMs?: number | undefined
}

/** A signature that passed. Only the judge makes one. */
export type Judged = {
  readonly reference: CertificateReference
  readonly purpose: 'signature' | 'authentication'
  readonly notAfter: Instant
  /** DER of the distribution point's directory name. */
  readonly distributionPoint: Uint8Array | null
  /** Present for signature certificates. */
  readonly attributes: FourAttributes | undefined
  readonly at: Instant
  readonly policy: string
  /** How its validity was looked up in the end. */
  readonly method: 'crl' | 'ocsp'
  /** Path, revocation source and window, for the container. */
  readonly evidence: unknown
}

/** A judgement that refuses nothing. */
export type JudgementReport = Omit<VerificationReport, 'id'> & {
  readonly judged: Judged | undefined
  /** Whether validity was looked up at all: a certificate of no known issuer is never asked about, nor charged for. */
  readonly isStatusChecked: boolean
  /** How it was looked up. */
  readonly method: 'crl' | 'ocsp'
}

/**
 * State of a known certificate now. `superseded`: ended because a newer one took its place; `changed`: for affiliationChanged, `ceased`:
 * for cessationOfOperation, `revoked`: for another reason. `unlisted`: no list names it, and it may have left the lists because it
 * has expired; never to be read as valid.
 */
export type StatusNow =
  | 'valid'
  | 'held'
  | 'superseded'
  | 'changed'
  | 'ceased'
  | 'revoked'
  | 'expired'
  | 'unlisted'

export type Judge = {
  /** Refusals: `certificate-…`, `signature-invalid`, `algorithm-weak`, `revocation-…`, `authority-unreachable` (OCSP). */
  demand(given: SignatureToJudge): Promise<Judged>
  /** The same as a report: everything is told. Refusals only where the authority's OCSP cannot be asked. */
  report(given: SignatureToJudge): Promise<JudgementReport>
  /** State of a linked certificate by the lists in force. Refusals `revocation-stale`, `revocation-unavailable`. */
  statusOf(certificate: CertificateReference & { readonly notAfter: Instant }): StatusNow
}
