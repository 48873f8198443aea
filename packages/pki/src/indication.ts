/**
 * Our reasons in the words of ETSI EN 319 102-1 (clause 5.1.3, tables 5 and 6), for readers who know those. Our own verdict decides: it is
 * stricter in places (docs/protocol/verify-batch.md), so that a signature which ETSI leaves undetermined may be failed here.
 */
import type { Reason, ReasonCode, Verdict } from './reason.ts'

/** Main status indication. */
export type Indication = 'TOTAL-PASSED' | 'TOTAL-FAILED' | 'INDETERMINATE'

/** Why not passed. */
export type SubIndication = keyof typeof failing | keyof typeof open

const failing = {
  FORMAT_FAILURE: true,
  HASH_FAILURE: true,
  SIG_CRYPTO_FAILURE: true,
  REVOKED: true,
  NOT_YET_VALID: true,
} as const
const open = {
  SIG_CONSTRAINTS_FAILURE: true,
  CHAIN_CONSTRAINTS_FAILURE: true,
  CERTIFICATE_CHAIN_GENERAL_FAILURE: true,
  CRYPTO_CONSTRAINTS_FAILURE_NO_POE: true,
  OUT_OF_BOUNDS_NO_POE: true,
  REVOKED_NO_POE: true,
  NO_SIGNING_CERTIFICATE_FOUND: true,
  NO_CERTIFICATE_CHAIN_FOUND: true,
  SIGNED_DATA_NOT_FOUND: true,
  TRY_LATER: true,
  CUSTOM: true,
} as const

/**
 * The indication of a verdict. Of several reasons one that makes a failure certain counts before those that leave it open; a
 * revocation is certain only when the time of signing is proven.
 */
export function indicationOf(
  verdict: Verdict<unknown>,
  isTimeProven: boolean,
): { readonly indication: Indication; readonly subIndication: SubIndication | undefined } {
  if (verdict.kind === 'passed') return { indication: 'TOTAL-PASSED', subIndication: undefined }
  const all = verdict.reasons.map(each => subIndicationOf(each, isTimeProven))
  const certain = all.find(each => each in failing)
  if (certain !== undefined) return { indication: 'TOTAL-FAILED', subIndication: certain }
  return { indication: 'INDETERMINATE', subIndication: all[0] }
}

function subIndicationOf(reason: Reason, isTimeProven: boolean): SubIndication {
  const found = subIndications[reason.code]
  return found === 'REVOKED_NO_POE' && isTimeProven ? 'REVOKED' : found
}

const subIndications: Readonly<Record<ReasonCode, SubIndication>> = {
  'certificate-malformed': 'CERTIFICATE_CHAIN_GENERAL_FAILURE',
  'search-budget-exhausted': 'CERTIFICATE_CHAIN_GENERAL_FAILURE',
  'issuer-unknown': 'NO_CERTIFICATE_CHAIN_FOUND',
  'certificate-signature-bad': 'NO_CERTIFICATE_CHAIN_FOUND',
  'algorithm-weak': 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
  'algorithm-unsupported': 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
  'algorithm-outdated': 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
  'key-unacceptable': 'CRYPTO_CONSTRAINTS_FAILURE_NO_POE',
  'extension-critical-unknown': 'CHAIN_CONSTRAINTS_FAILURE',
  'extension-misplaced': 'CHAIN_CONSTRAINTS_FAILURE',
  'serial-unacceptable': 'CHAIN_CONSTRAINTS_FAILURE',
  'issuer-not-authority': 'CHAIN_CONSTRAINTS_FAILURE',
  'issuer-key-usage': 'CHAIN_CONSTRAINTS_FAILURE',
  'path-too-long': 'CHAIN_CONSTRAINTS_FAILURE',
  'name-not-permitted': 'CHAIN_CONSTRAINTS_FAILURE',
  'name-excluded': 'CHAIN_CONSTRAINTS_FAILURE',
  'name-constraint-unsupported': 'CHAIN_CONSTRAINTS_FAILURE',
  'certificate-expired': 'OUT_OF_BOUNDS_NO_POE',
  'certificate-not-yet-valid': 'NOT_YET_VALID',
  'policy-unacceptable': 'CHAIN_CONSTRAINTS_FAILURE',
  'key-usage-unacceptable': 'CHAIN_CONSTRAINTS_FAILURE',
  'extended-key-usage-unacceptable': 'CHAIN_CONSTRAINTS_FAILURE',
  'profile-unknown': 'CHAIN_CONSTRAINTS_FAILURE',
  'wrong-purpose': 'CHAIN_CONSTRAINTS_FAILURE',
  'attributes-malformed': 'CHAIN_CONSTRAINTS_FAILURE',
  'key-test-only': 'CHAIN_CONSTRAINTS_FAILURE',
  'revocation-missing': 'TRY_LATER',
  'crl-malformed': 'TRY_LATER',
  'crl-other-issuer': 'TRY_LATER',
  'crl-other-partition': 'TRY_LATER',
  'crl-signature-bad': 'TRY_LATER',
  'crl-issuer-key-usage': 'TRY_LATER',
  'crl-extension-unknown': 'TRY_LATER',
  'crl-base-missing': 'TRY_LATER',
  'crl-signer-untrusted': 'TRY_LATER',
  'crl-reasons-missing': 'TRY_LATER',
  'crl-not-yet-valid': 'TRY_LATER',
  'crl-stale': 'TRY_LATER',
  'ocsp-malformed': 'TRY_LATER',
  'ocsp-unsuccessful': 'TRY_LATER',
  'ocsp-other-certificate': 'TRY_LATER',
  'ocsp-signature-bad': 'TRY_LATER',
  'ocsp-responder-unauthorised': 'TRY_LATER',
  'ocsp-nonce-mismatch': 'TRY_LATER',
  'ocsp-extension-unknown': 'TRY_LATER',
  'ocsp-not-yet-valid': 'TRY_LATER',
  'ocsp-stale': 'TRY_LATER',
  'ocsp-unknown': 'TRY_LATER',
  'certificate-held': 'TRY_LATER',
  'certificate-revoked': 'REVOKED_NO_POE',
  'signature-malformed': 'FORMAT_FAILURE',
  'signature-bad': 'SIG_CRYPTO_FAILURE',
  'pdf-malformed': 'FORMAT_FAILURE',
  'pdf-encrypted': 'FORMAT_FAILURE',
  'pdf-unsigned': 'FORMAT_FAILURE',
  'pdf-signature-incomplete': 'FORMAT_FAILURE',
  'pdf-budget-exhausted': 'CUSTOM',
  'pdf-byte-range-invalid': 'FORMAT_FAILURE',
  'pades-form-missing': 'SIG_CONSTRAINTS_FAILURE',
  'pdf-changed-after-signing': 'SIG_CONSTRAINTS_FAILURE',
  'pdf-change-forbidden': 'SIG_CONSTRAINTS_FAILURE',
  'signer-certificate-missing': 'NO_SIGNING_CERTIFICATE_FOUND',
  'time-stamp-missing': 'SIG_CONSTRAINTS_FAILURE',
  'time-stamp-in-future': 'SIG_CONSTRAINTS_FAILURE',
  'time-stamp-authority-unfit': 'CHAIN_CONSTRAINTS_FAILURE',
  'time-stamp-nonce-mismatch': 'SIG_CONSTRAINTS_FAILURE',
  'time-stamp-imprint-mismatch': 'HASH_FAILURE',
  'time-stamp-malformed': 'FORMAT_FAILURE',
  'cades-certificate-unprotected': 'SIG_CONSTRAINTS_FAILURE',
  'cms-malformed': 'FORMAT_FAILURE',
  'archive-index-mismatch': 'HASH_FAILURE',
  'archive-time-stamp-missing': 'SIG_CONSTRAINTS_FAILURE',
  'validation-data-missing': 'SIG_CONSTRAINTS_FAILURE',
  'cms-unsigned': 'FORMAT_FAILURE',
  'cms-content-missing': 'SIGNED_DATA_NOT_FOUND',
  'signed-attributes-invalid': 'FORMAT_FAILURE',
  'content-type-mismatch': 'FORMAT_FAILURE',
  'digest-algorithm-mismatch': 'SIG_CONSTRAINTS_FAILURE',
  'content-altered': 'HASH_FAILURE',
  'signer-certificate-mismatch': 'SIG_CONSTRAINTS_FAILURE',
  'xml-malformed': 'FORMAT_FAILURE',
  'xml-document-type-refused': 'FORMAT_FAILURE',
  'xml-encoding-unsupported': 'FORMAT_FAILURE',
  'xml-budget-exhausted': 'CUSTOM',
  'xml-unsigned': 'FORMAT_FAILURE',
  'xml-signature-malformed': 'FORMAT_FAILURE',
  'xml-reference-refused': 'SIG_CONSTRAINTS_FAILURE',
  'xml-reference-unresolved': 'HASH_FAILURE',
  'xml-reference-ambiguous': 'FORMAT_FAILURE',
  'xml-transform-refused': 'SIG_CONSTRAINTS_FAILURE',
  'xml-content-missing': 'SIGNED_DATA_NOT_FOUND',
  'xml-nothing-covered': 'SIG_CONSTRAINTS_FAILURE',
  'xml-partly-covered': 'SIG_CONSTRAINTS_FAILURE',
  'jws-malformed': 'FORMAT_FAILURE',
  'jws-header-invalid': 'FORMAT_FAILURE',
  'jws-critical-unknown': 'FORMAT_FAILURE',
  'jws-mechanism-refused': 'SIG_CONSTRAINTS_FAILURE',
  'jws-content-missing': 'SIGNED_DATA_NOT_FOUND',
  'jws-partly-covered': 'SIG_CONSTRAINTS_FAILURE',
  'jades-certificate-unprotected': 'SIG_CONSTRAINTS_FAILURE',
  'asic-malformed': 'FORMAT_FAILURE',
  'asic-kind-unsupported': 'FORMAT_FAILURE',
  'asic-unsigned': 'FORMAT_FAILURE',
  'asic-file-uncovered': 'SIG_CONSTRAINTS_FAILURE',
  'xades-certificate-unprotected': 'SIG_CONSTRAINTS_FAILURE',
}
