/** Why a certificate was revoked (RFC 5280 §5.3.1), with what the JPKI CAs mean by it (jpki.md §2.6). */

/** A CRLReason by name. `removeFromCRL` occurs in delta lists only and is not a reason for anything. */
export type RevocationReason =
  /** Thrown away before being handed over. */
  | 'unspecified'
  | 'keyCompromise'
  | 'caCompromise'
  /** Name or address changed: the ordinary case of a person who moved. */
  | 'affiliationChanged'
  /** Renewed. */
  | 'superseded'
  /** No longer wanted. */
  | 'cessationOfOperation'
  /** Suspended: not valid now. Whether it can be lifted depends on certificate and medium. */
  | 'certificateHold'
  | 'removeFromCRL'
  | 'privilegeWithdrawn'
  | 'aaCompromise'

/** The reason's number in the standard. */
export function reasonNumber(reason: RevocationReason): number {
  return numbers[reason]
}

/** The reason of a number, or undefined: 7 and all above 10 are not in use. */
export function reasonOfNumber(number: number): RevocationReason | undefined {
  return names[number]
}

const numbers = {
  unspecified: 0,
  keyCompromise: 1,
  caCompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aaCompromise: 10,
} as const satisfies Record<RevocationReason, number>

const names: readonly (RevocationReason | undefined)[] = [
  'unspecified',
  'keyCompromise',
  'caCompromise',
  'affiliationChanged',
  'superseded',
  'cessationOfOperation',
  'certificateHold',
  undefined,
  'removeFromCRL',
  'privilegeWithdrawn',
  'aaCompromise',
]
