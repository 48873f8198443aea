/**
 * How long what is personal is kept, and why (C8): a table of rules, each with its lawful ground, a sweep that erases what is due, and
 * legal holds that stop it. To erase a person is to destroy their key: all that is sealed under it becomes unreadable wherever it
 * lies, copies of the database included once they have expired; hashes and places in the ledger stay, and the ledger
 * tells of it.
 */
import { Refusal } from '@sekisho/contract'
import type { Ledger, OpenEntry } from '@sekisho/ledger'
import { type Clock, type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { PersonKeys } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { forgetUpstreams } from '../gateway/login.ts'
import { forgetCertificates, isPerson, selvesOf } from '../people/link.ts'
import { endSessions } from '../session/provider-session.ts'

/**
 * One rule. `left`: people who asked to be erased, from the asking on. `idle`: people of whom the ledger has told nothing, from its last
 * entry on (real time).
 */
export type RetentionRule = {
  readonly kind: 'left' | 'idle'
  /** Days for which the content is kept. */
  readonly days: number
  /** Law, contract or purpose that asks for it, as the operator has determined. */
  readonly ground: string
}

/** No law that binds verifiers to keep anything is known to us (jpki.md §4): who leaves is erased, nobody for being idle. */
export const plainRetention: readonly RetentionRule[] = [
  { kind: 'left', days: 0, ground: 'the purpose has ended at the wish of the person' },
]

/** What retention works with. */
export type RetentionWorld = {
  readonly store: Store<PlatformTables>
  readonly ledger: Pick<Ledger, 'record' | 'openEntry' | 'idlePeople'>
  readonly personKeys: PersonKeys
  readonly retention: readonly RetentionRule[]
  readonly clock: Clock
  readonly random: Random
}

/**
 * Notes that a person wants to be erased; the instant from which they will be, holds apart, or undefined while no rule says how long
 * their content must be kept. Asking again changes nothing. Refusal `person-unknown`.
 */
export async function askErasure(
  world: RetentionWorld,
  personId: string,
): Promise<Instant | undefined> {
  const at = world.clock.now()
  const rule = world.retention.find(one => one.kind === 'left')
  return world.store.transaction(async tx => {
    await requirePerson(tx, personId)
    const row = await tx
      .insertInto('retention_person')
      .values({ person_id: personId, asked_at: at, holds: 0 })
      .onConflict(conflict =>
        conflict.column('person_id').doUpdateSet(eb => ({
          asked_at: eb.fn.coalesce('retention_person.asked_at', eb.val(at)),
        })),
      )
      .returning('asked_at')
      .executeTakeFirstOrThrow()
    return rule === undefined ? undefined : (row.asked_at ?? at) + rule.days * dayMs
  })
}

/** A legal hold: a court, an authority or a dispute wants what is kept of a person. */
export type Hold = {
  readonly personId: string
  readonly ground: string
  /** Who places it. */
  readonly by: string
}

/** Places a hold; its id. From the moment it is placed nothing of the person is erased. Refusal `person-unknown`, also for who is erased already. */
export async function placeHold(world: RetentionWorld, hold: Hold): Promise<string> {
  const { personId, ground, by } = hold
  const at = world.clock.now()
  const id = world.random.uuidv7(at)
  await world.store.transaction(async tx => {
    await requirePerson(tx, personId)
    const row = await tx
      .insertInto('retention_person')
      .values({ person_id: personId, holds: 1 })
      .onConflict(conflict =>
        conflict
          .column('person_id')
          .doUpdateSet(eb => ({ holds: eb('retention_person.holds', '+', 1) }))
          .where('retention_person.erased_at', 'is', null),
      )
      .returning('person_id')
      .executeTakeFirst()
    if (row === undefined) throw new Refusal('person-unknown')
    await tx
      .insertInto('legal_hold')
      .values({ id, person_id: personId, ground, placed_by: by, placed_at: at })
      .execute()
    await world.ledger.record(tx, entries['platform.hold-placed'], {
      at,
      values: { hold: id, by, ground, person: nameOf(personId) },
    })
  })
  return id
}

/** Ends a hold. Refusal `not-found` when there is none that lasts. */
export async function endHold(world: RetentionWorld, id: string, by: string): Promise<void> {
  const at = world.clock.now()
  await world.store.transaction(async tx => {
    const row = await tx
      .updateTable('legal_hold')
      .set({ ended_by: by, ended_at: at })
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .returning('person_id')
      .executeTakeFirst()
    if (row === undefined) throw new Refusal('not-found')
    await tx
      .updateTable('retention_person')
      .set(eb => ({ holds: eb('holds', '-', 1) }))
      .where('person_id', '=', row.person_id)
      .execute()
    await world.ledger.record(tx, entries['platform.hold-ended'], { at, values: { hold: id, by } })
  })
}

/** Erases everybody who is due and not held; how many. */
export async function sweepRetention(world: RetentionWorld): Promise<number> {
  let erased = 0
  for (const rule of world.retention)
    for (const personId of await duePeople(world, rule))
      if (await world.store.transaction(tx => erase(tx, world, personId, rule))) erased += 1
  return erased
}

/** That a person was erased: when, by which rule, and the ledger's entry of it. Undefined: they were not. */
export async function erasureOf(
  world: Pick<RetentionWorld, 'store' | 'ledger'>,
  personId: string,
): Promise<{ readonly at: Instant; readonly entry: OpenEntry } | undefined> {
  const row = await world.store.read(db =>
    db
      .selectFrom('retention_person')
      .select(['erased_at', 'entry_id'])
      .where('person_id', '=', personId)
      .executeTakeFirst(),
  )
  if (row === undefined || row.erased_at === null || row.entry_id === null) return undefined
  const entry = await world.ledger.openEntry(row.entry_id)
  return entry === undefined ? undefined : { at: row.erased_at, entry }
}

async function duePeople(world: RetentionWorld, rule: RetentionRule): Promise<readonly string[]> {
  if (rule.kind === 'idle')
    return world.ledger.idlePeople(protocolNow() - rule.days * dayMs, roundMax)
  const rows = await world.store.read(db =>
    db
      .selectFrom('retention_person')
      .select('person_id')
      .where('asked_at', '<=', world.clock.now() - rule.days * dayMs)
      .where('erased_at', 'is', null)
      .where('holds', '=', 0)
      .orderBy('asked_at')
      .limit(roundMax)
      .execute(),
  )
  return rows.map(row => row.person_id)
}

/** One conditional write decides, so that a hold that is placed at the same time either comes first or finds the person erased. */
async function erase(
  tx: Transaction<PlatformTables>,
  world: RetentionWorld,
  personId: string,
  rule: RetentionRule,
): Promise<boolean> {
  const at = world.clock.now()
  const claimed = await tx
    .insertInto('retention_person')
    .values({ person_id: personId, holds: 0, erased_at: at })
    .onConflict(conflict =>
      conflict
        .column('person_id')
        .doUpdateSet({ erased_at: at })
        .where('retention_person.holds', '=', 0)
        .where('retention_person.erased_at', 'is', null),
    )
    .returning('person_id')
    .executeTakeFirst()
  if (claimed === undefined) return false
  // Registrations that were brought together are one person.
  let hadKey = false
  for (const self of new Set([personId, ...(await selvesOf(tx, personId))])) {
    hadKey = (await world.personKeys.erase(tx, self, at)) || hadKey
    await forgetCertificates(tx, self)
    await forgetUpstreams(tx, self)
    await endSessions(tx, { personId: self })
  }
  const entryId = await world.ledger.record(tx, entries['platform.person-erased'], {
    at,
    values: {
      person: nameOf(personId),
      rule: rule.kind,
      days: rule.days,
      ground: rule.ground,
      hadContent: hadKey,
    },
  })
  await tx
    .updateTable('retention_person')
    .set({ entry_id: entryId })
    .where('person_id', '=', personId)
    .execute()
  return true
}

async function requirePerson(tx: Transaction<PlatformTables>, personId: string): Promise<void> {
  if (!(await isPerson(tx, personId))) throw new Refusal('person-unknown')
}

/** Who it was, for those alone who know the person's id, which is random. */
function nameOf(personId: string): string {
  return sha256Hex(new TextEncoder().encode(`erased person\n${personId}`))
}

const dayMs = 24 * 3600 * 1000
/** Most that one rule erases in one round. */
const roundMax = 200
