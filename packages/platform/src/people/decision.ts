/**
 * Bringing registrations together and taking them apart (C4): decided by people, never by the platform. Pairwise ids are kept: each goes
 * on naming the same person at its provider. Everything is recorded, in both people's entries too, and can be undone. What is sealed
 * under a person's key stays where it is; whoever reads follows `merged_into`.
 */
import { Refusal } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import { jsonb, lockInTransaction, type Store, type Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { settleCase } from './conflict.ts'
import { type Followers, moveBack, movePeople, moveSome } from './move.ts'
import { moved, type Moved } from './moved.ts'

/** What a provider is told: one of its ids now names whom another names, or does not name one person any more. */
export type SubjectNews = {
  readonly providerId: string
  readonly subject: string
  /** The other id that this provider has for the same person; undefined: nothing was brought together. */
  readonly other: string | undefined
  readonly kind: 'merged' | 'split'
  readonly at: Instant
}

/** What decisions are made with. `tell` brings news to a provider, in the decision's transaction. */
export type DecisionWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
  readonly ledger: Ledger
  readonly followers: Followers
  tell(tx: Transaction<PlatformTables>, news: SubjectNews): Promise<void>
}

/** Who decided, and why. Both are recorded; the person reads them, so no names of others belong there. */
export type Deciding = { readonly by: string; readonly reason: string }

/** A decision as it is shown. */
export type Decision = {
  readonly id: string
  readonly kind: 'merge' | 'split'
  readonly personId: string
  readonly otherId: string
  readonly reason: string
  readonly decidedBy: string
  readonly decidedAt: Instant
  readonly undoneBy: string | null
}

/**
 * Brings `otherId` into `personId`; the same again changes nothing. Refusals `person-unknown`, `decision-not-possible` where one of them is merged already or both are
 * the same.
 */
export async function mergePeople(
  world: DecisionWorld,
  given: Deciding & { readonly personId: string; readonly otherId: string },
): Promise<{ readonly decision: string }> {
  const at = world.clock.now()
  const { personId, otherId } = given
  return world.store.transaction(async tx => {
    await lockPeople(tx, [personId, otherId])
    const standing = await standingOf(tx, [personId, otherId])
    if (standing.size !== new Set([personId, otherId]).size) throw new Refusal('person-unknown')
    // The same decision again, after a node died in the middle of telling of it.
    const before = await mergedBefore(tx, given)
    if (before !== undefined) return { decision: before }
    if (personId === otherId || [...standing.values()].some(into => into !== null))
      throw new Refusal('decision-not-possible')
    const what = await movePeople(tx, world.followers, { from: otherId, to: personId, at })
    await settleCase(tx, [personId, otherId])
    const decision = await write(tx, world, { ...given, kind: 'merge', what, at })
    await tellDoubles(tx, world, { personId, otherId, what, at, kind: 'merged' })
    return { decision }
  })
}

/**
 * Takes certificates out of a registration into a new one, with the consents that were signed with them, and with the pairwise ids of the
 * named providers; all other pairwise ids stay. Every provider that knew the person is told to confirm who is who. Refusals
 * `person-unknown`, `decision-not-possible` where not some, but not all, of the person's certificates are named.
 */
export async function splitPerson(
  world: DecisionWorld,
  given: Deciding & {
    readonly personId: string
    /** Ids of links. */
    readonly certificates: readonly string[]
    readonly providers: readonly string[]
  },
): Promise<{ readonly decision: string; readonly personId: string }> {
  const at = world.clock.now()
  const { personId } = given
  return world.store.transaction(async tx => {
    await lockPeople(tx, [personId])
    if ((await standingOf(tx, [personId])).get(personId) !== null)
      throw new Refusal('person-unknown')
    const rows = await tx
      .selectFrom('certificate_link')
      .select('id')
      .where('person_id', '=', personId)
      .execute()
    const own = new Set(rows.map(row => row.id))
    const chosen = new Set(given.certificates)
    const isProper =
      chosen.size > 0 && chosen.size < own.size && [...chosen].every(id => own.has(id))
    if (!isProper) throw new Refusal('decision-not-possible')
    const known = await tx
      .selectFrom('pairwise')
      .select(['provider_id', 'subject'])
      .where('person_id', '=', personId)
      .execute()
    const otherId = world.random.uuidv7(at)
    await tx
      .insertInto('person')
      .values({ id: otherId, created_at: at, merged_into: null })
      .execute()
    const what = await moveSome(tx, world.followers, {
      from: personId,
      to: otherId,
      certificates: [...chosen],
      providers: given.providers,
    })
    const decision = await write(tx, world, { ...given, otherId, kind: 'split', what, at })
    for (const { provider_id: providerId, subject } of known)
      await world.tell(tx, { providerId, subject, other: undefined, kind: 'split', at })
    return { decision, personId: otherId }
  })
}

/**
 * Undoes a decision. A merge is taken apart to the row, as far as rows are still where it put them; a split is undone by bringing both
 * together again. Refusal `decision-not-possible` for one that does not exist, was undone, or on which a later one rests.
 */
export async function undoDecision(
  world: DecisionWorld,
  given: Deciding & { readonly decision: string },
): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const row = await tx
      .selectFrom('identity_decision')
      .selectAll()
      .where('id', '=', given.decision)
      .executeTakeFirst()
    if (row === undefined || row.undone_at !== null) throw new Refusal('decision-not-possible')
    const { person_id: personId, other_id: otherId } = row
    await lockPeople(tx, [personId, otherId])
    if (await isBuiltUpon(tx, row)) throw new Refusal('decision-not-possible')
    const undone = await tx
      .updateTable('identity_decision')
      .set({ undone_by: given.by, undone_at: at })
      .where('id', '=', row.id)
      .where('undone_at', 'is', null)
      .executeTakeFirst()
    if (undone.numUpdatedRows !== 1n) throw new Refusal('decision-not-possible')
    const what = moved.parse(row.moved)
    if (row.kind === 'merge') {
      await moveBack(tx, world.followers, { from: personId, to: otherId, what })
      await tellDoubles(tx, world, { personId, otherId, what, at, kind: 'split' })
    } else {
      const back = await movePeople(tx, world.followers, { from: otherId, to: personId, at })
      await tellDoubles(tx, world, { personId, otherId, what: back, at, kind: 'merged' })
    }
    for (const person of [personId, otherId])
      await world.ledger.record(tx, entries['platform.decision-undone'], {
        at,
        personId: person,
        values: { decision: row.id, by: given.by, reason: given.reason },
      })
  })
}

/** Decisions about a person, newest first. */
export async function decisionsOf(
  store: Store<PlatformTables>,
  personId: string,
): Promise<readonly Decision[]> {
  const rows = await store.read(db =>
    db
      .selectFrom('identity_decision')
      .selectAll()
      .where(eb => eb.or([eb('person_id', '=', personId), eb('other_id', '=', personId)]))
      .orderBy('position', 'desc')
      .execute(),
  )
  return rows.map(row => ({
    id: row.id,
    kind: row.kind,
    personId: row.person_id,
    otherId: row.other_id,
    reason: row.reason,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at,
    undoneBy: row.undone_by,
  }))
}

async function mergedBefore(
  tx: Transaction<PlatformTables>,
  given: { readonly personId: string; readonly otherId: string },
): Promise<string | undefined> {
  const row = await tx
    .selectFrom('identity_decision')
    .select('id')
    .where('kind', '=', 'merge')
    .where('person_id', '=', given.personId)
    .where('other_id', '=', given.otherId)
    .where('undone_at', 'is', null)
    .executeTakeFirst()
  return row?.id
}

async function lockPeople(
  tx: Transaction<PlatformTables>,
  people: readonly string[],
): Promise<void> {
  for (const id of people.toSorted()) await lockInTransaction(tx, `person ${id}`)
}

/** Into whom each of these is merged; null: into nobody. Who does not exist is not in the map. */
async function standingOf(
  tx: Transaction<PlatformTables>,
  people: readonly string[],
): Promise<ReadonlyMap<string, string | null>> {
  const rows = await tx
    .selectFrom('person')
    .select(['id', 'merged_into'])
    .where('id', 'in', [...people])
    .execute()
  return new Map(rows.map(row => [row.id, row.merged_into]))
}

async function write(
  tx: Transaction<PlatformTables>,
  world: DecisionWorld,
  given: Deciding & {
    readonly kind: 'merge' | 'split'
    readonly personId: string
    readonly otherId: string
    readonly what: Moved
    readonly at: Instant
  },
): Promise<string> {
  const { kind, personId, otherId, what, at, by, reason } = given
  const id = world.random.uuidv7(at)
  await tx
    .insertInto('identity_decision')
    .values({
      id,
      kind,
      person_id: personId,
      other_id: otherId,
      moved: jsonb(what),
      reason,
      decided_by: by,
      decided_at: at,
      undone_by: null,
      undone_at: null,
    })
    .execute()
  const entry =
    kind === 'merge'
      ? entries['platform.registrations-merged']
      : entries['platform.registrations-split']
  for (const person of [personId, otherId])
    await world.ledger.record(tx, entry, {
      at,
      personId: person,
      values: { decision: id, by, reason },
    })
  return id
}

/** Tells the providers that knew both. */
async function tellDoubles(
  tx: Transaction<PlatformTables>,
  world: DecisionWorld,
  given: {
    readonly personId: string
    readonly otherId: string
    readonly what: Moved
    readonly at: Instant
    readonly kind: 'merged' | 'split'
  },
): Promise<void> {
  const { personId, otherId, what, at, kind } = given
  for (const providerId of what.doubles) {
    const rows = await tx
      .selectFrom('pairwise')
      .select(['person_id', 'subject'])
      .where('provider_id', '=', providerId)
      .where('person_id', 'in', [personId, otherId])
      .execute()
    const subject = rows.find(row => row.person_id === personId)?.subject
    const other = rows.find(row => row.person_id === otherId)?.subject
    if (subject !== undefined) await world.tell(tx, { providerId, subject, other, kind, at })
  }
}

/** Whether a later decision, not undone, concerns one of these two. */
async function isBuiltUpon(
  tx: Transaction<PlatformTables>,
  row: { readonly person_id: string; readonly other_id: string; readonly position: number },
): Promise<boolean> {
  const people = [row.person_id, row.other_id]
  const later = await tx
    .selectFrom('identity_decision')
    .select('id')
    .where('undone_at', 'is', null)
    .where('position', '>', row.position)
    .where(eb => eb.or([eb('person_id', 'in', people), eb('other_id', 'in', people)]))
    .executeTakeFirst()
  return later !== undefined
}
