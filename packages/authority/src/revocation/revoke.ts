/**
 * Revocation (A3, flows.md §3): which certificates an event ends, and with which code. A hold is the one state that can be
 * lifted; nothing else is ever un-revoked. Every function returns how many certificates it changed.
 */
import type { CaKind } from '@sekisho/contract/authority'
import type { RevocationReason } from '@sekisho/pki'
import type { Instant } from '@sekisho/runtime/clock'
import { sql, type Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'

/** What happened to a resident, a card or a certificate. */
export type Cause =
  | 'attributes-changed'
  | 'removed-from-register'
  | 'card-ended'
  | 'stopped-by-holder'
  | 'key-compromised'
  | 'recorded-wrongly'
  | 'renewed'
  | 'signature-renewed'
  | 'guardianship-begun'

type Effect = {
  readonly ends: readonly CaKind[]
  readonly reason: RevocationReason
}

/** Effect of each cause: the certificates it ends and the code they get. Sources: flows.md §3, codes jpki.md §2.6. */
const effects: Readonly<Record<Cause, Effect>> = {
  'attributes-changed': { ends: ['signature'], reason: 'affiliationChanged' },
  'removed-from-register': { ends: ['signature', 'authentication'], reason: 'affiliationChanged' },
  'card-ended': { ends: ['signature', 'authentication'], reason: 'cessationOfOperation' },
  'stopped-by-holder': { ends: ['signature', 'authentication'], reason: 'cessationOfOperation' },
  'key-compromised': { ends: ['signature', 'authentication'], reason: 'keyCompromise' },
  // No source names the code. This one reads as "look the successor up", which is what the holder gets.
  'recorded-wrongly': { ends: ['signature', 'authentication'], reason: 'superseded' },
  renewed: { ends: ['signature', 'authentication'], reason: 'superseded' },
  'signature-renewed': { ends: ['signature'], reason: 'superseded' },
  // No source names the code either, nor that it ends at all: `GuardianshipRules`.
  'guardianship-begun': { ends: ['signature'], reason: 'cessationOfOperation' },
}

/** Whether a hold can be lifted: sources differ (jpki.md §2.6), so the regime is data. */
export type HoldRules = { readonly areLiftable: boolean }

/**
 * Whether guardianship that begins ends a signature certificate that is there: wards are normally issued none, but no source
 * says what becomes of one, so it is data (A1).
 */
export type GuardianshipRules = { readonly endsSignature: boolean }

/** A ward has none. */
export const presentGuardianship: GuardianshipRules = { endsSignature: true }

/** As the public help pages say of cards: found again, released at the window. */
export const liftableHolds: HoldRules = { areLiftable: true }
/** As the list of reason codes says: a hold stays until the certificate is replaced. */
export const finalHolds: HoldRules = { areLiftable: false }

/**
 * Ends what the cause ends among a resident's certificates, expired ones included. Transition valid | held → revoked. What was
 * held has not been valid since then, so the instant of the hold stays.
 */
export async function revoke(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  cause: Cause,
  at: Instant,
): Promise<number> {
  const { ends, reason } = effects[cause]
  const changed = await tx
    .updateTable('certificate')
    .set({ state: 'revoked', reason, revoked_at: sql<number>`coalesce(revoked_at, ${at})` })
    .where('resident_id', '=', residentId)
    .where('ca', 'in', [...ends])
    .where('state', 'in', ['valid', 'held'])
    .returning(['issuer_key_id', 'municipality', 'serial'])
    .execute()
  return noteChanges(tx, changed)
}

/** Stops a resident's unexpired certificates for the time being (loss line, A8). Transition valid → held. */
export async function hold(
  tx: Transaction<AuthorityTables>,
  residentId: string,
  at: Instant,
): Promise<number> {
  const changed = await tx
    .updateTable('certificate')
    .set({ state: 'held', reason: 'certificateHold', revoked_at: at })
    .where('resident_id', '=', residentId)
    .where('state', '=', 'valid')
    .where('not_after', '>=', at)
    .returning(['issuer_key_id', 'municipality', 'serial'])
    .execute()
  return noteChanges(tx, changed)
}

/** Lifts a hold. Transition held → valid. */
export async function release(
  tx: Transaction<AuthorityTables>,
  residentId: string,
): Promise<number> {
  const changed = await tx
    .updateTable('certificate')
    .set({ state: 'valid', reason: null, revoked_at: null })
    .where('resident_id', '=', residentId)
    .where('state', '=', 'held')
    .returning(['issuer_key_id', 'municipality', 'serial'])
    .execute()
  return noteChanges(tx, changed)
}

/**
 * Tells, with the change itself, publication which lists are out of date, and responders which answers are. Rows are only
 * added, so nobody waits for another.
 */
async function noteChanges(
  tx: Transaction<AuthorityTables>,
  changed: readonly {
    readonly issuer_key_id: string
    readonly municipality: string
    readonly serial: string
  }[],
): Promise<number> {
  if (changed.length === 0) return 0
  await tx
    .insertInto('partition_change')
    .values(changed.map(({ issuer_key_id, municipality }) => ({ issuer_key_id, municipality })))
    .execute()
  await tx
    .insertInto('status_change')
    .values(changed.map(({ issuer_key_id, serial }) => ({ issuer_key_id, serial })))
    .execute()
  return changed.length
}
