/**
 * What the states of both certificates tell about a person (flows.md §3), as data. A code means something only together with
 * the state of the other certificate; "has none" is never "revoked"; what cannot be told is never "no change".
 */
import type { ChangeMeaning } from '@sekisho/contract'
import type { StatusNow } from '../evidence/judge.ts'

/** State of one of a person's certificates. `none`: the person is not known to have one. */
export type CertificateState = StatusNow | 'none'

/** Every state, for tables and tests. */
export const certificateStates = [
  'valid',
  'held',
  'superseded',
  'revoked',
  'expired',
  'unlisted',
  'none',
] as const satisfies readonly CertificateState[]

/**
 * By the signature certificate from which the provider got its attributes (first key) and the best of the person's
 * authentication certificates (second key).
 *
 * - *valid*, whatever the other: a signature certificate ends with any change of attributes, with death and with the card, so
 *   attributes stand and the person lives. Only a stopped or held card beside it is odd enough to ask in person.
 * - *revoked* or *superseded* or *expired* beside a living authentication certificate: alive, attributes changed or no longer
 *   certified: ask for a signature with the new certificate.
 * - both *superseded*: renewed; the person came to the window; ask for the new certificate.
 * - both *revoked*: death, move overseas, card lost: ask the person, in the field if need be.
 * - *held* on either side: card lost, perhaps stolen: never by an online step.
 * - *expired*, *unlisted* or *none* for the authentication certificate: nobody vouches that the person lives.
 */
const meanings: Readonly<
  Record<CertificateState, Readonly<Record<CertificateState, ChangeMeaning>>>
> = {
  valid: {
    valid: 'no-change',
    superseded: 'no-change',
    expired: 'no-change',
    unlisted: 'no-change',
    none: 'no-change',
    held: 'confirm-in-person',
    revoked: 'confirm-in-person',
  },
  superseded: {
    valid: 'ask-for-update',
    superseded: 'ask-for-update',
    expired: 'confirm-in-person',
    unlisted: 'confirm-in-person',
    none: 'confirm-in-person',
    held: 'confirm-in-person',
    revoked: 'confirm-in-person',
  },
  revoked: {
    valid: 'ask-for-update',
    // Changed first, then renewed at the window.
    superseded: 'ask-for-update',
    expired: 'confirm-in-person',
    unlisted: 'confirm-in-person',
    none: 'confirm-in-person',
    held: 'confirm-in-person',
    revoked: 'confirm-in-person',
  },
  expired: {
    valid: 'ask-for-update',
    superseded: 'ask-for-update',
    expired: 'confirm-in-person',
    unlisted: 'confirm-in-person',
    none: 'confirm-in-person',
    held: 'confirm-in-person',
    revoked: 'confirm-in-person',
  },
  none: {
    // Alive; whether attributes changed cannot be told.
    valid: 'ask-for-update',
    superseded: 'ask-for-update',
    expired: 'confirm-in-person',
    unlisted: 'confirm-in-person',
    none: 'confirm-in-person',
    held: 'confirm-in-person',
    revoked: 'confirm-in-person',
  },
  held: inPerson(),
  // A signature certificate is always met itself, so its end is known; should it not be, nothing is told.
  unlisted: inPerson(),
}

/** Reads the table. */
export function meaningOf(
  signature: CertificateState,
  authentication: CertificateState,
): ChangeMeaning {
  return meanings[signature][authentication]
}

/**
 * Of several authentication certificates of a person (renewed cards) the best state counts: one valid certificate is enough. A
 * revoked one outweighs those that a newer one has replaced: it may be the newest.
 */
export function bestOf(states: readonly CertificateState[]): CertificateState {
  const order: readonly CertificateState[] = [
    'valid',
    'held',
    'revoked',
    'superseded',
    'expired',
    'unlisted',
  ]
  return order.find(state => states.includes(state)) ?? 'none'
}

function inPerson(): Readonly<Record<CertificateState, ChangeMeaning>> {
  const asked = 'confirm-in-person'
  return {
    valid: asked,
    held: asked,
    superseded: asked,
    revoked: asked,
    expired: asked,
    unlisted: asked,
    none: asked,
  }
}
