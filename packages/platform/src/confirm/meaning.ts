/**
 * What the states of both certificates tell about a person, and what the provider may do next (flows.md §3), as data. A code means
 * something only together with the state of the other certificate; "has none" is never "revoked"; what cannot be told is never "no
 * change". The provider gets meaning and next steps, never code, serial or time.
 */
import type { ChangeMeaning, NextStep } from '@sekisho/contract'
import type { StatusNow } from '../evidence/judge.ts'

/** State of one of a person's certificates. `none`: the person is not known to have one. */
export type CertificateState = StatusNow | 'none'

/** Every state, for tables and tests. */
export const certificateStates = [
  'valid',
  'held',
  'changed',
  'ceased',
  'revoked',
  'superseded',
  'expired',
  'unlisted',
  'none',
] as const satisfies readonly CertificateState[]

/** What a pair of states amounts to. */
export type Situation = {
  readonly meaning: ChangeMeaning
  /** Lawful steps, the best first; empty: nothing is to be done. */
  readonly next: readonly NextStep[]
}

/** The situations that the ministry's table tells apart. */
const situations = {
  /** A signature certificate ends with any change of attributes, with death and with the card: they stand, and the person lives. */
  unchanged: { meaning: 'no-change', next: [] },
  /** Attributes changed; alive. Also who moved overseas and has certificates continued: the authentication certificate stays. */
  changed: {
    meaning: 'ask-for-update',
    next: ['latest-attributes', 'new-signature', 'card-text'],
  },
  /** Alive; the attributes are no longer certified, or never were, and nothing says that they changed. */
  uncertified: { meaning: 'ask-for-update', next: ['new-signature', 'card-text'] },
  /** Both replaced: the person came to the window. The card's successor is looked up, or the person shows it. */
  renewed: { meaning: 'ask-for-update', next: ['login-with-new-card', 'new-signature'] },
  /** Removed from the register: death, move overseas without continuation, loss of residence status. */
  removed: { meaning: 'confirm-in-person', next: ['field-check', 'ask-person'] },
  /** The card ended: lost, given up, overseas; the person can say. */
  ended: { meaning: 'confirm-in-person', next: ['ask-person'] },
  /** Held: the card is lost, perhaps stolen. Whether a hold can be lifted is the authority's; while it lasts nothing goes online. */
  held: { meaning: 'confirm-in-person', next: ['refuse-for-now', 'ask-person'] },
  /** A valid signature certificate beside an ended card is odd enough to ask. */
  odd: { meaning: 'confirm-in-person', next: ['refuse-for-now', 'ask-person'] },
  /** Nobody vouches that the person lives. */
  unvouched: { meaning: 'confirm-in-person', next: ['ask-person', 'field-check'] },
} as const satisfies Readonly<Record<string, Situation>>

type Row = Readonly<Record<CertificateState, keyof typeof situations>>

/** Columns that are the same for every signature certificate that is no longer valid: the other one speaks. */
const besideEnded = {
  held: 'held',
  changed: 'removed',
  ceased: 'ended',
  revoked: 'ended',
  superseded: 'renewed',
  expired: 'unvouched',
  unlisted: 'unvouched',
  none: 'unvouched',
} as const

const inPerson = (situation: 'held' | 'unvouched'): Row => ({
  valid: situation,
  held: 'held',
  changed: 'removed',
  ceased: 'ended',
  revoked: 'ended',
  superseded: situation,
  expired: situation,
  unlisted: situation,
  none: situation,
})

/**
 * By the signature certificate from which the provider got its attributes (first key) and the best of the person's
 * authentication certificates (second key).
 */
const table: Readonly<Record<CertificateState, Row>> = {
  valid: {
    valid: 'unchanged',
    superseded: 'unchanged',
    expired: 'unchanged',
    unlisted: 'unchanged',
    none: 'unchanged',
    held: 'held',
    changed: 'odd',
    ceased: 'odd',
    revoked: 'odd',
  },
  changed: { ...besideEnded, valid: 'changed' },
  superseded: { ...besideEnded, valid: 'changed' },
  // No source names the code of a lone attribute change, so any end beside a living certificate may be one.
  revoked: { ...besideEnded, valid: 'changed' },
  // Given up alone, or guardianship began.
  ceased: { ...besideEnded, valid: 'uncertified' },
  expired: { ...besideEnded, valid: 'uncertified' },
  none: { ...besideEnded, valid: 'uncertified' },
  held: inPerson('held'),
  // A signature certificate is always met itself, so its end is known; should it not be, nothing is told.
  unlisted: inPerson('unvouched'),
}

/** Reads the table. */
export function situationOf(
  signature: CertificateState,
  authentication: CertificateState,
): Situation {
  return situations[table[signature][authentication]]
}

/**
 * Of several authentication certificates of a person (renewed cards) the best state counts: one valid certificate is enough. One
 * that ended outweighs those that a newer one has replaced: it may be the newest.
 */
export function bestOf(states: readonly CertificateState[]): CertificateState {
  const order: readonly CertificateState[] = [
    'valid',
    'held',
    'changed',
    'ceased',
    'revoked',
    'superseded',
    'expired',
    'unlisted',
  ]
  return order.find(state => states.includes(state)) ?? 'none'
}
