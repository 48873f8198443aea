/** Consent (C9): who may know what about whom until when; given by a signed statement, withdrawn at any time. */
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Reader, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'

/** What can be consented to besides attribute scopes: following renewed cards, and change confirmations. */
export type ConsentScope = 'name' | 'address' | 'birthdate' | 'gender' | 'linkage' | 'change'

/** Years for which a consent holds unless withdrawn; the life of a certificate (jpki.md §5.2). */
const consentYears = 5

/** A consent as a person sees it. */
export type Consent = {
  readonly id: string
  readonly providerId: string
  readonly scopes: readonly string[]
  readonly state: 'given' | 'withdrawn'
  readonly givenAt: Instant
  readonly until: Instant
}

/** Records a consent; the same statement again changes nothing. */
export async function giveConsent(
  tx: Transaction<PlatformTables>,
  given: {
    readonly personId: string
    readonly providerId: string
    readonly scopes: readonly ConsentScope[]
    readonly statementSha256: string
  },
  world: { readonly at: Instant; readonly random: Random },
): Promise<void> {
  const until = new Date(world.at)
  until.setUTCFullYear(until.getUTCFullYear() + consentYears)
  await tx
    .insertInto('consent')
    .values({
      id: world.random.uuidv7(world.at),
      person_id: given.personId,
      provider_id: given.providerId,
      scopes: given.scopes.join(' '),
      statement_sha256: given.statementSha256,
      state: 'given',
      given_at: world.at,
      until: until.getTime(),
      ended_at: null,
    })
    .onConflict(conflict =>
      conflict.columns(['person_id', 'provider_id', 'statement_sha256']).doNothing(),
    )
    .execute()
}

/** Whether a consent to this scope towards this provider holds at this time. */
export async function hasConsent(
  db: Reader<PlatformTables>,
  asked: { readonly personId: string; readonly providerId: string; readonly scope: ConsentScope },
  at: Instant,
): Promise<boolean> {
  const rows = await db
    .selectFrom('consent')
    .select('scopes')
    .where('person_id', '=', asked.personId)
    .where('provider_id', '=', asked.providerId)
    .where('state', '=', 'given')
    .where('until', '>', at)
    .execute()
  return rows.some(row => row.scopes.split(' ').includes(asked.scope))
}

/** Whether any consent of this person allows following renewed cards (A6). */
export async function allowsLinkage(
  db: Reader<PlatformTables>,
  personId: string,
  at: Instant,
): Promise<boolean> {
  const rows = await db
    .selectFrom('consent')
    .select('scopes')
    .where('person_id', '=', personId)
    .where('state', '=', 'given')
    .where('until', '>', at)
    .execute()
  return rows.some(row => row.scopes.split(' ').includes('linkage'))
}

/** All consents of a person, newest first. */
export async function consentsOf(
  db: Reader<PlatformTables>,
  personId: string,
): Promise<readonly Consent[]> {
  const rows = await db
    .selectFrom('consent')
    .selectAll()
    .where('person_id', '=', personId)
    .orderBy('given_at', 'desc')
    .execute()
  return rows.map(row => ({
    id: row.id,
    providerId: row.provider_id,
    scopes: row.scopes.split(' '),
    state: row.state,
    givenAt: row.given_at,
    until: row.until,
  }))
}

/** Transition given → withdrawn by the person. False when it was not given or not theirs. */
export async function withdrawConsent(
  tx: Transaction<PlatformTables>,
  key: { readonly id: string; readonly personId: string },
  at: Instant,
): Promise<boolean> {
  const changed = await tx
    .updateTable('consent')
    .set({ state: 'withdrawn', ended_at: at })
    .where('id', '=', key.id)
    .where('person_id', '=', key.personId)
    .where('state', '=', 'given')
    .executeTakeFirst()
  return changed.numUpdatedRows === 1n
}
