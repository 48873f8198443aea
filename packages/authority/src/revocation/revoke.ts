/**
 * Revocation (A3, flows.md §3): which certificates an event ends, and with which code. A hold is the one state that can be
 * lifted; nothing else is ever un-revoked.
 */
import { Refusal } from '@sekisho/contract'
import type { CaKind } from '@sekisho/contract/authority'
import type { RevocationReason } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'

/** What happened to a resident, a card or a certificate. */
export type Cause =
  | 'attributes-changed'
  | 'removed-from-register'
  | 'moved-overseas'
  | 'card-ended'
  | 'stopped-by-holder'
  | 'key-compromised'
  | 'renewed'

/** Effect of each cause: the certificates it ends and the code they get (flows.md §3, jpki.md §2.6). */
const effects: Readonly<
  Record<Cause, { readonly ends: readonly CaKind[]; readonly reason: RevocationReason }>
> = {
  'attributes-changed': { ends: ['signature'], reason: 'affiliationChanged' },
  'removed-from-register': { ends: ['signature', 'authentication'], reason: 'affiliationChanged' },
  // With continuation (A9) the authentication certificate stays.
  'moved-overseas': { ends: ['signature'], reason: 'affiliationChanged' },
  'card-ended': { ends: ['signature', 'authentication'], reason: 'cessationOfOperation' },
  'stopped-by-holder': { ends: ['signature', 'authentication'], reason: 'cessationOfOperation' },
  'key-compromised': { ends: ['signature', 'authentication'], reason: 'keyCompromise' },
  renewed: { ends: ['signature', 'authentication'], reason: 'superseded' },
}

/** Ends what the cause ends among a resident's certificates. Transition valid | held → revoked. */
export async function revoke(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  cause: Cause,
  at: Instant,
): Promise<void> {
  const { ends, reason } = effects[cause]
  await tx
    .updateTable('certificate')
    .set({ state: 'revoked', reason, revoked_at: at })
    .where('resident_id', '=', residentId)
    .where('ca', 'in', [...ends])
    .where('state', 'in', ['valid', 'held'])
    .execute()
}

/** Stops all of a resident's certificates for the time being (loss line, A8). Transition valid → held. */
export async function hold(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  at: Instant,
): Promise<void> {
  const changed = await tx
    .updateTable('certificate')
    .set({ state: 'held', reason: 'certificateHold', revoked_at: at })
    .where('resident_id', '=', residentId)
    .where('state', '=', 'valid')
    .executeTakeFirst()
  if (changed.numUpdatedRows === 0n) throw new Refusal('event-not-possible')
}

/** Lifts a hold. Transition held → valid. */
export async function release(tx: Transaction<AuthorityTables>, residentId: string): Promise<void> {
  const changed = await tx
    .updateTable('certificate')
    .set({ state: 'valid', reason: null, revoked_at: null })
    .where('resident_id', '=', residentId)
    .where('state', '=', 'held')
    .executeTakeFirst()
  if (changed.numUpdatedRows === 0n) throw new Refusal('event-not-possible')
}
