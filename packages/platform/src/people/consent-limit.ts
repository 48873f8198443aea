/**
 * Limits that a person sets to a consent in force (C9): one attribute or permission withdrawn and the rest left, an earlier end, a number
 * of times. A limit only ever narrows; what is to be wider is consented to anew.
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { Reader, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** A limit as it is shown. */
export type ConsentLimit = {
  readonly scope: string
  readonly isEnded: boolean
  readonly until: Instant | null
  readonly usesMax: number | null
  readonly uses: number
}

/** What a person sets. */
export type LimitWish = {
  readonly consentId: string
  readonly personId: string
  readonly scope: string
} & (
  | { readonly end: true }
  | { readonly end?: false; readonly until?: Instant; readonly usesMax?: number }
)

/** Sets a limit; whose consent it was. Undefined when it is not in force, not theirs, without the scope, or would be wider. */
export async function limitConsent(
  tx: Transaction<PlatformTables>,
  wish: LimitWish,
  at: Instant,
): Promise<{ readonly providerId: string } | undefined> {
  const consent = await tx
    .selectFrom('consent')
    .select(['provider_id', 'scopes', 'until'])
    .where('id', '=', wish.consentId)
    .where('person_id', '=', wish.personId)
    .where('state', '=', 'given')
    .where('until', '>', at)
    .executeTakeFirst()
  if (consent === undefined || !consent.scopes.split(' ').includes(wish.scope)) return undefined
  const key = { consentId: wish.consentId, scope: wish.scope }
  const before = await limitOf(tx, key)
  if (before?.isEnded === true) return undefined
  const until = wish.end === true ? undefined : wish.until
  const usesMax = wish.end === true ? undefined : wish.usesMax
  const isWider =
    (until !== undefined && until > Math.min(before?.until ?? consent.until, consent.until)) ||
    (usesMax !== undefined && usesMax > (before?.usesMax ?? usesMax))
  if (isWider) return undefined
  const row = {
    ended_at: wish.end === true ? at : null,
    until: until ?? before?.until ?? null,
    uses_max: usesMax ?? before?.usesMax ?? null,
  }
  await tx
    .insertInto('consent_limit')
    .values({ consent_id: wish.consentId, scope: wish.scope, ...row })
    .onConflict(conflict => conflict.columns(['consent_id', 'scope']).doUpdateSet(row))
    .execute()
  return { providerId: consent.provider_id }
}

/** The limits of consents. */
export async function limitsOf(
  db: Reader<PlatformTables>,
  consentIds: readonly string[],
): Promise<ReadonlyMap<string, readonly ConsentLimit[]>> {
  if (consentIds.length === 0) return new Map()
  const rows = await db
    .selectFrom('consent_limit')
    .selectAll()
    .where('consent_id', 'in', [...consentIds])
    .execute()
  return Map.groupBy(rows.map(limitOfRow), limit => limit.consentId)
}

/** Whether a scope of a consent may be used now, as far as limits go. */
export async function isWithinLimit(
  db: Reader<PlatformTables>,
  of: { readonly consentId: string; readonly scope: string },
  at: Instant,
): Promise<boolean> {
  return isOpen(await limitOf(db, of), at)
}

/** Whether a limit allows a use now; undefined: there is none. */
export function isOpen(
  limit: (Omit<ConsentLimit, 'scope'> & { readonly usedOn: number | null }) | undefined,
  at: Instant,
): boolean {
  if (limit === undefined) return true
  if (limit.isEnded || (limit.until !== null && limit.until <= at)) return false
  // A use of today was counted already; asking again on the same day is the same use.
  return limit.usesMax === null || limit.uses < limit.usesMax || limit.usedOn === dayKey(at)
}

/** Counts a use: one a day. Nothing is counted where no limit is set. */
export async function countUse(
  tx: Transaction<PlatformTables>,
  of: { readonly consentId: string; readonly scope: string },
  at: Instant,
): Promise<void> {
  await tx
    .updateTable('consent_limit')
    .set(eb => ({ uses: eb('uses', '+', 1), used_on: dayKey(at) }))
    .where('consent_id', '=', of.consentId)
    .where('scope', '=', of.scope)
    .where(eb => eb.or([eb('used_on', 'is', null), eb('used_on', '<>', dayKey(at))]))
    .execute()
}

async function limitOf(
  db: Reader<PlatformTables>,
  of: { readonly consentId: string; readonly scope: string },
) {
  const row = await db
    .selectFrom('consent_limit')
    .selectAll()
    .where('consent_id', '=', of.consentId)
    .where('scope', '=', of.scope)
    .executeTakeFirst()
  return row === undefined ? undefined : limitOfRow(row)
}

function limitOfRow(row: {
  readonly consent_id: string
  readonly scope: string
  readonly ended_at: Instant | null
  readonly until: Instant | null
  readonly uses_max: number | null
  readonly uses: number
  readonly used_on: number | null
}) {
  return {
    consentId: row.consent_id,
    scope: row.scope,
    isEnded: row.ended_at !== null,
    until: row.until,
    usesMax: row.uses_max,
    uses: row.uses,
    usedOn: row.used_on,
  }
}

const dayMs = 24 * 3600 * 1000
const japanOffsetMs = 9 * 3600 * 1000

/** The number of a day in Japan. */
function dayKey(at: Instant): number {
  return Math.floor((at + japanOffsetMs) / dayMs)
}
