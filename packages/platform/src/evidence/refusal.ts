/** The one table from the trust core's reasons to refusals; exhaustive by type. */
import type { RefusalCode } from '@sekisho/contract'
import type { ReasonCode } from '@sekisho/pki'

/** A certificate of the other kind: which refusal it is depends on what it was offered for. */
const wrongPurpose = {
  signature: 'certificate-not-for-signing',
  authentication: 'certificate-not-for-login',
} as const

const refusalByReason = {
  'certificate-malformed': 'certificate-malformed',
  'search-budget-exhausted': 'certificate-untrusted',
  'issuer-unknown': 'certificate-untrusted',
  'certificate-signature-bad': 'certificate-untrusted',
  'algorithm-weak': 'algorithm-weak',
  'algorithm-unsupported': 'algorithm-weak',
  'key-unacceptable': 'algorithm-weak',
  'extension-critical-unknown': 'certificate-untrusted',
  'extension-misplaced': 'certificate-malformed',
  'serial-unacceptable': 'certificate-malformed',
  'issuer-not-authority': 'certificate-untrusted',
  'issuer-key-usage': 'certificate-untrusted',
  'path-too-long': 'certificate-untrusted',
  'name-not-permitted': 'certificate-untrusted',
  'name-excluded': 'certificate-untrusted',
  'name-constraint-unsupported': 'certificate-untrusted',
  'certificate-expired': 'certificate-expired',
  'certificate-not-yet-valid': 'certificate-not-yet-valid',
  'policy-unacceptable': 'certificate-untrusted',
  'key-usage-unacceptable': wrongPurpose,
  'extended-key-usage-unacceptable': wrongPurpose,
  'profile-unknown': 'certificate-untrusted',
  'wrong-purpose': wrongPurpose,
  'attributes-malformed': 'certificate-malformed',
  'key-test-only': 'certificate-untrusted',
  'revocation-missing': 'revocation-unavailable',
  'crl-malformed': 'revocation-untrusted',
  'crl-other-issuer': 'revocation-unavailable',
  'crl-other-partition': 'revocation-unavailable',
  'crl-signature-bad': 'revocation-untrusted',
  'crl-issuer-key-usage': 'revocation-untrusted',
  'crl-extension-unknown': 'revocation-untrusted',
  'crl-base-missing': 'revocation-unavailable',
  'crl-not-yet-valid': 'revocation-stale',
  'crl-stale': 'revocation-stale',
  'ocsp-malformed': 'revocation-untrusted',
  'ocsp-unsuccessful': 'revocation-unavailable',
  'ocsp-other-certificate': 'revocation-untrusted',
  'ocsp-signature-bad': 'revocation-untrusted',
  'ocsp-responder-unauthorised': 'revocation-untrusted',
  'ocsp-nonce-mismatch': 'revocation-untrusted',
  'ocsp-extension-unknown': 'revocation-untrusted',
  'ocsp-not-yet-valid': 'revocation-stale',
  'ocsp-stale': 'revocation-stale',
  'ocsp-unknown': 'revocation-unavailable',
  'certificate-held': 'certificate-held',
  'certificate-revoked': 'certificate-revoked',
  'signature-malformed': 'signature-invalid',
  'signature-bad': 'signature-invalid',
  'signer-certificate-missing': 'certificate-untrusted',
  'time-stamp-missing': 'signature-invalid',
  'time-stamp-in-future': 'signature-invalid',
  'time-stamp-authority-unfit': 'signature-invalid',
  'time-stamp-nonce-mismatch': 'signature-invalid',
  'time-stamp-imprint-mismatch': 'signature-invalid',
  'time-stamp-malformed': 'signature-invalid',
  'cades-certificate-unprotected': 'signature-invalid',
  'cms-malformed': 'signature-invalid',
  'archive-index-mismatch': 'signature-invalid',
  'archive-time-stamp-missing': 'signature-invalid',
  'validation-data-missing': 'signature-invalid',
  'cms-unsigned': 'signature-invalid',
  'cms-content-missing': 'signature-invalid',
  'signed-attributes-invalid': 'signature-invalid',
  'content-type-mismatch': 'signature-invalid',
  'digest-algorithm-mismatch': 'signature-invalid',
  'content-altered': 'signature-invalid',
  'signer-certificate-mismatch': 'signature-invalid',
} as const satisfies Record<ReasonCode, RefusalCode | typeof wrongPurpose>

/** What a caller is told for a reason of the trust core, about a certificate that was offered for this purpose. */
export function refusalOf(
  reason: ReasonCode,
  purpose: 'signature' | 'authentication',
): RefusalCode {
  const refusal = refusalByReason[reason]
  return typeof refusal === 'string' ? refusal : refusal[purpose]
}
