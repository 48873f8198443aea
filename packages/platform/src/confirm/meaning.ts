/**
 * What the states of both certificates tell about a person (flows.md §3), as data. A code means something only together with
 * the state of the other certificate; "has none" is never "revoked"; what cannot be told is never "no change".
 */
import type { ChangeMeaning } from '@sekisho/contract'

/** State of one of a person's certificates. `none` = never had one; `expired` counts from the certificate's end. */
export type CertificateState = 'valid' | 'revoked' | 'held' | 'expired' | 'none'

/**
 * Meaning by state of the signature certificate and of the authentication certificate. The present table needs no reason
 * code: where both have ended, every code asks for the person, and the finer next steps (field check, successor) belong to the
 * provider's own policy (C3, complete in a later slice).
 */
const meanings: Readonly<
  Record<CertificateState, Readonly<Record<CertificateState, ChangeMeaning>>>
> = {
  valid: {
    valid: 'no-change',
    // The signature certificate alone is valid proof that the four attributes stand.
    expired: 'no-change',
    none: 'no-change',
    revoked: 'confirm-in-person',
    held: 'confirm-in-person',
  },
  revoked: {
    valid: 'ask-for-update',
    expired: 'ask-for-update',
    none: 'ask-for-update',
    revoked: 'confirm-in-person',
    held: 'confirm-in-person',
  },
  expired: {
    valid: 'ask-for-update',
    expired: 'ask-for-update',
    none: 'ask-for-update',
    revoked: 'confirm-in-person',
    held: 'confirm-in-person',
  },
  held: {
    valid: 'confirm-in-person',
    expired: 'confirm-in-person',
    none: 'confirm-in-person',
    revoked: 'confirm-in-person',
    held: 'confirm-in-person',
  },
  none: {
    // Alive; whether attributes changed cannot be told, so the provider asks by other means.
    valid: 'ask-for-update',
    expired: 'ask-for-update',
    none: 'confirm-in-person',
    revoked: 'confirm-in-person',
    held: 'confirm-in-person',
  },
}

/** Reads the table. */
export function meaningOf(
  signature: CertificateState,
  authentication: CertificateState,
): ChangeMeaning {
  return meanings[signature][authentication]
}
