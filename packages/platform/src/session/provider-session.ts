/**
 * Sessions at providers (C5): what a finished card step opened at one provider, for as long as the certificate that opened it is valid,
 * the person has not ended it and its time has not run out. There is no session at the platform itself (decision 0005): a session
 * here belongs to one provider and opens nothing elsewhere. Times are protocol time; the state of a certificate is domain time.
 */
import { Refusal } from '@sekisho/contract'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import {
  type CompiledQuery,
  sql,
  type SqlBool,
  type Store,
  type Transaction,
  type Writer,
} from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import type { Judge } from '../evidence/judge.ts'
import type { LinkOfSerial } from '../people/link.ts'

/** Days a session may stand without the card: a habit of services, far below the five years of a certificate. */
export const sessionDays = 30

/** Milliseconds of the same. */
export const sessionMs = sessionDays * 24 * 3600 * 1000

/** A session to begin. */
export type SessionToBegin = {
  readonly grantId: string
  readonly personId: string
  readonly providerId: string
  /** Serial (hex) of the certificate that the card step was done with; it is linked to the person. */
  readonly serial: string
  readonly isStanding: boolean
}

/** Notes that a card step opened a session at a provider. */
export async function beginSession(
  store: Store<PlatformTables>,
  given: SessionToBegin,
): Promise<void> {
  await store.transaction(async tx => {
    const { id } = await tx
      .selectFrom('certificate_link')
      .select('id')
      .where('person_id', '=', given.personId)
      .where('serial', '=', given.serial)
      .executeTakeFirstOrThrow()
    await tx.executeQuery(sessionStatement(tx, { ...given, certificateId: id }))
  })
}

/** The same as a statement for the transaction of the card step, where the certificate's link is known. */
export function sessionStatement(
  db: Writer<PlatformTables>,
  given: Omit<SessionToBegin, 'serial'> & { readonly certificateId: string },
): CompiledQuery {
  const begun_at = protocolNow()
  return db
    .insertInto('provider_session')
    .values({
      grant_id: given.grantId,
      person_id: given.personId,
      provider_id: given.providerId,
      certificate_id: given.certificateId,
      is_standing: given.isStanding,
      begun_at,
      until: begun_at + sessionMs,
      ended_at: null,
    })
    .compile()
}

/**
 * Whether the session of a grant stands now: not ended, not run out, its certificate valid by the lists in force. Where the lists do not
 * tell, it does not stand.
 */
export async function isSessionStanding(
  world: { readonly store: Store<PlatformTables>; readonly judge: Judge },
  grantId: string,
): Promise<boolean> {
  const row = await world.store.read(db =>
    db
      .selectFrom('provider_session')
      .innerJoin('certificate_link', 'certificate_link.id', 'provider_session.certificate_id')
      .select(['issuer_key_id', 'serial', 'not_after'])
      .where('grant_id', '=', grantId)
      .where('ended_at', 'is', null)
      .where('until', '>', protocolNow())
      .executeTakeFirst(),
  )
  return row !== undefined && isValid(world.judge, row)
}

/** Whose sessions end. */
export type Ended = {
  readonly personId: string
  /** Undefined: at every provider. */
  readonly providerId?: string
}

/**
 * Ends sessions at once, in the caller's transaction: their tokens and what these could still fetch are gone, and each provider is to be
 * told. `besides` is the provider that ended it itself and needs no notice. How many ended.
 */
export async function endSessions(
  tx: Transaction<PlatformTables>,
  { personId, providerId }: Ended,
  besides?: string,
): Promise<number> {
  const at = protocolNow()
  const ended = await tx
    .updateTable('provider_session')
    .set({ ended_at: at })
    .where('person_id', '=', personId)
    .where('ended_at', 'is', null)
    .$if(providerId !== undefined, query => query.where('provider_id', '=', providerId ?? ''))
    .returning(['grant_id', 'provider_id', 'person_id'])
    .execute()
  await takeBack(tx, ended, { at, besides })
  return ended.length
}

/**
 * Ends the sessions that rest on certificates which are not valid any more. `changed`: links of those whose state has
 * changed. A certificate that cannot be judged ends nothing here; its tokens are refused at their next use.
 */
export async function endSessionsOfChanged(
  tx: Transaction<PlatformTables>,
  judge: Judge,
  changed: readonly LinkOfSerial[],
): Promise<void> {
  if (changed.length === 0) return
  const rows = await tx
    .selectFrom('provider_session')
    .select('certificate_id')
    .distinct()
    .where(sql<SqlBool>`certificate_id = any(${changed.map(({ id }) => id)}::text[])`)
    .where('ended_at', 'is', null)
    .execute()
  const open = new Set(rows.map(row => row.certificate_id))
  const over = changed.filter(({ id }) => open.has(id)).filter(row => !isValid(judge, row))
  if (over.length === 0) return
  const at = protocolNow()
  const ended = await tx
    .updateTable('provider_session')
    .set({ ended_at: at })
    .where(sql<SqlBool>`certificate_id = any(${over.map(({ id }) => id)}::text[])`)
    .where('ended_at', 'is', null)
    .returning(['grant_id', 'provider_id', 'person_id'])
    .execute()
  await takeBack(tx, ended, { at, besides: undefined })
}

/** Providers at which a person has sessions now, newest first. */
export async function sessionsOf(
  store: Store<PlatformTables>,
  personId: string,
): Promise<
  readonly { readonly providerId: string; readonly begunAt: Instant; readonly until: Instant }[]
> {
  const rows = await store.read(db =>
    db
      .selectFrom('provider_session')
      .select(['provider_id', 'begun_at', 'until'])
      .where('person_id', '=', personId)
      .where('ended_at', 'is', null)
      .where('until', '>', protocolNow())
      .orderBy('begun_at', 'desc')
      .execute(),
  )
  return rows.map(row => ({
    providerId: row.provider_id,
    begunAt: row.begun_at,
    until: row.until,
  }))
}

/** Removes sessions whose time ran out. */
export async function sweepSessions(store: Store<PlatformTables>): Promise<void> {
  await store.transaction(tx =>
    tx.deleteFrom('provider_session').where('until', '<', protocolNow()).execute(),
  )
}

async function takeBack(
  tx: Transaction<PlatformTables>,
  ended: readonly {
    readonly grant_id: string
    readonly provider_id: string
    readonly person_id: string
  }[],
  { at, besides }: { readonly at: Instant; readonly besides: string | undefined },
): Promise<void> {
  if (ended.length === 0) return
  const grants = ended.map(each => each.grant_id)
  await tx.deleteFrom('protocol').where('grant_id', 'in', grants).execute()
  await tx.deleteFrom('release').where('grant_id', 'in', grants).execute()
  // One notice tells of all sessions of a person at a provider: the token names the person and no session.
  const told = new Map(
    ended
      .filter(each => each.provider_id !== besides)
      .map(each => [`${each.provider_id} ${each.person_id}`, each]),
  )
  if (told.size === 0) return
  await tx
    .insertInto('logout_notice')
    .values(
      [...told.values()].map(({ provider_id, person_id }) => ({
        provider_id,
        person_id,
        made_at: at,
      })),
    )
    .execute()
}

function isValid(
  judge: Judge,
  row: { readonly issuer_key_id: string; readonly serial: string; readonly not_after: number },
): boolean {
  try {
    const about = {
      issuerKeyId: row.issuer_key_id,
      serial: row.serial,
      notAfter: row.not_after,
    }
    return judge.statusOf(about) === 'valid'
  } catch (error) {
    // Stale lists: nothing is known, so nothing stands.
    if (error instanceof Refusal) return false
    throw error
  }
}
