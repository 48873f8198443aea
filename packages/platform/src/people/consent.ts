/**
 * Consent (C9): who may know what about whom until when; given by a signed statement, withdrawn at any time. One consent of a
 * person towards a provider is in force; a later one takes its place.
 */
import type { Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { lockInTransaction, type Reader, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { type ConsentLimit, isWithinLimit, limitsOf } from './consent-limit.ts'

/** What can be consented to besides attribute scopes: following renewed cards, and change confirmations. */
export type ConsentScope = 'name' | 'address' | 'birthdate' | 'gender' | 'linkage' | 'change'

/** Years for which a consent holds unless withdrawn, as the statement says; the life of a certificate (jpki.md §5.2). */
export const consentYears = 5

/** A consent as a person sees it. */
export type Consent = {
  readonly id: string
  readonly providerId: string
  readonly scopes: readonly string[]
  readonly state: 'given' | 'withdrawn' | 'replaced'
  /** As the statement said it; undefined: given before that was kept. */
  readonly purpose: string | undefined
  readonly limits: readonly ConsentLimit[]
  readonly givenAt: Instant
  readonly until: Instant
}

/** Records a consent in place of the one in force. The same statement again changes nothing. */
export async function giveConsent(
  tx: Transaction<PlatformTables>,
  given: {
    readonly personId: string
    readonly providerId: string
    readonly scopes: readonly ConsentScope[]
    readonly purpose?: string
    readonly statementSha256: string
    /** Link id of the signature certificate that signed. */
    readonly certificateId: string
  },
  world: { readonly at: Instant; readonly random: Random },
): Promise<void> {
  // Two identifications of one person with an old and a new card at once: the later takes the earlier's place.
  await lockInTransaction(tx, `consent ${given.personId} ${given.providerId}`)
  await tx
    .updateTable('consent')
    .set({ state: 'replaced', ended_at: world.at })
    .where('person_id', '=', given.personId)
    .where('provider_id', '=', given.providerId)
    .where('statement_sha256', '<>', given.statementSha256)
    .where('state', '=', 'given')
    .execute()
  await tx
    .insertInto('consent')
    .values({
      id: world.random.uuidv7(world.at),
      person_id: given.personId,
      provider_id: given.providerId,
      scopes: given.scopes.join(' '),
      purpose: given.purpose ?? null,
      statement_sha256: given.statementSha256,
      certificate_id: given.certificateId,
      state: 'given',
      given_at: world.at,
      until: consentEnd(world.at),
      ended_at: null,
    })
    .onConflict(conflict =>
      conflict.columns(['person_id', 'provider_id', 'statement_sha256']).doNothing(),
    )
    .execute()
}

/** The consent in force of this person towards this provider, if it covers the scope and no limit of the person forbids it. */
export async function consentInForce(
  db: Reader<PlatformTables>,
  asked: { readonly personId: string; readonly providerId: string; readonly scope: ConsentScope },
  at: Instant,
): Promise<{ readonly id: string; readonly certificateId: string } | undefined> {
  const row = await db
    .selectFrom('consent')
    .select(['id', 'scopes', 'certificate_id'])
    .where('person_id', '=', asked.personId)
    .where('provider_id', '=', asked.providerId)
    .where('state', '=', 'given')
    .where('until', '>', at)
    .executeTakeFirst()
  if (row === undefined || !row.scopes.split(' ').includes(asked.scope)) return undefined
  if (!(await isWithinLimit(db, { consentId: row.id, scope: asked.scope }, at))) return undefined
  return { id: row.id, certificateId: row.certificate_id }
}

/**
 * Whether a person may be followed to a renewed card (A6): `given` by any consent in force, `ended` when every one that
 * allowed it was withdrawn or has run out, `never` when none was ever asked for.
 */
export async function linkageConsent(
  db: Reader<PlatformTables>,
  personId: string,
  at: Instant,
): Promise<'given' | 'ended' | 'never'> {
  const rows = await db
    .selectFrom('consent')
    .select(['id', 'scopes', 'state', 'until'])
    .where('person_id', '=', personId)
    .execute()
  const allowing = rows.filter(row => row.scopes.split(' ').includes('linkage'))
  for (const row of allowing.filter(each => each.state === 'given' && each.until > at))
    if (await isWithinLimit(db, { consentId: row.id, scope: 'linkage' }, at)) return 'given'
  return allowing.length === 0 ? 'never' : 'ended'
}

/** All consents of a person, newest first. */
export async function consentsOf(
  db: Reader<PlatformTables>,
  personId: string,
): Promise<readonly Consent[]> {
  const rows = await db
    .selectFrom('consent')
    .select(['id', 'provider_id', 'scopes', 'purpose', 'state', 'given_at', 'until'])
    .where('person_id', '=', personId)
    .orderBy('given_at', 'desc')
    .orderBy('id', 'desc')
    .execute()
  const limits = await limitsOf(
    db,
    rows.map(row => row.id),
  )
  return rows.map(row => ({
    purpose: row.purpose ?? undefined,
    limits: limits.get(row.id) ?? [],
    id: row.id,
    providerId: row.provider_id,
    scopes: row.scopes.split(' '),
    state: row.state,
    givenAt: row.given_at,
    until: row.until,
  }))
}

/** Transition given → withdrawn by the person. Undefined when it was not given or not theirs; else whose it was. */
export async function withdrawConsent(
  tx: Transaction<PlatformTables>,
  key: { readonly id: string; readonly personId: string },
  at: Instant,
): Promise<{ readonly providerId: string } | undefined> {
  const row = await tx
    .updateTable('consent')
    .set({ state: 'withdrawn', ended_at: at })
    .where('id', '=', key.id)
    .where('person_id', '=', key.personId)
    .where('state', '=', 'given')
    .returning('provider_id')
    .executeTakeFirst()
  return row === undefined ? undefined : { providerId: row.provider_id }
}

/** The last instant of a consent given at an instant. */
function consentEnd(at: Instant): Instant {
  const until = new Date(at)
  until.setUTCFullYear(until.getUTCFullYear() + consentYears)
  return until.getTime()
}
