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
  /** Path, revocation source and window, for the container. */
  readonly evidence: unknown
}

/** State of a known certificate now. */
export type StatusNow = 'valid' | 'revoked' | 'held' | 'expired'

export type Judge = {
  /** Refusals: `certificate-…`, `signature-invalid`, `algorithm-weak`, `revocation-…`, `authority-unreachable` (OCSP). */
  demand(given: SignatureToJudge): Promise<Judged>
  /** The same as a report: nothing is refused but malformed bytes, everything is told. */
  report(
    given: SignatureToJudge,
  ): Promise<Omit<VerificationReport, 'id'> & { readonly judged: Judged | undefined }>
  /** State of a linked certificate by the lists in force. Refusals `revocation-stale`, `revocation-unavailable`. */
  statusOf(
    certificate: CertificateReference & { distributionPoint: Uint8Array | null; notAfter: Instant },
  ): StatusNow
}
