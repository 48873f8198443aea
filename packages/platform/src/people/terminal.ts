/**
 * Shared televisions, households and devices (C4, flows.md §1): many people to one terminal, many terminals to one person. Who is looking
 * is chosen, and proven by the card; nobody is taken for the only one at home. A terminal is one provider's: no number of it links
 * people over providers.
 */
import { createHmac } from 'node:crypto'
import { Refusal, type Terminal, type TerminalRequest } from '@sekisho/contract'
import type { Ledger } from '@sekisho/ledger'
import type { Clock } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Reader, Store, Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import { personWithCard } from './fresh-card.ts'
import { currentPerson, knownSubject, personOfSubject } from './link.ts'

export type TerminalWorld = {
  readonly store: Store<PlatformTables>
  readonly clock: Clock
  readonly random: Random
  readonly ledger: Ledger
  readonly questionKey: Uint8Array
}

/** Milliseconds for which a choice of viewer holds: an evening (*ours*). */
const viewerMs = 4 * 3600 * 1000

/** A terminal in a person's own records. */
export type OwnTerminal = {
  readonly id: string
  readonly providerId: string
  readonly kind: Terminal['kind']
  readonly linkedAt: number
}

/** Links the person to the terminal, which is made at first need. Refusals `person-unknown`, `card-step-needed`. */
export async function linkTerminal(
  world: TerminalWorld,
  providerId: string,
  { kind, number, subject }: TerminalRequest,
): Promise<Terminal> {
  const at = world.clock.now()
  const numberHash = createHmac('sha256', world.questionKey)
    .update(`terminal\n${providerId}\n${kind}\n${number}`)
    .digest('hex')
  return world.store.transaction(async tx => {
    const personId = await personWithCard(tx, { providerId, subject }, at)
    await tx
      .insertInto('terminal')
      .values({
        id: world.random.token(idBits),
        provider_id: providerId,
        kind,
        number_hash: numberHash,
        viewer_id: null,
        viewer_until: null,
        created_at: at,
      })
      .onConflict(conflict => conflict.columns(['provider_id', 'kind', 'number_hash']).doNothing())
      .execute()
    const { id } = await tx
      .selectFrom('terminal')
      .select('id')
      .where('provider_id', '=', providerId)
      .where('kind', '=', kind)
      .where('number_hash', '=', numberHash)
      .executeTakeFirstOrThrow()
    const made = await tx
      .insertInto('terminal_person')
      .values({ terminal_id: id, person_id: personId, linked_at: at })
      .onConflict(conflict => conflict.columns(['terminal_id', 'person_id']).doNothing())
      .returning('terminal_id')
      .executeTakeFirst()
    if (made !== undefined)
      await world.ledger.record(tx, entries['platform.terminal-linked'], {
        at,
        personId,
        providerId,
        values: { terminal: id, kind },
      })
    return describe(tx, world, providerId, id)
  })
}

/** A terminal of this provider. Refusal `terminal-unknown`. */
export function readTerminal(
  world: TerminalWorld,
  providerId: string,
  id: string,
): Promise<Terminal> {
  return world.store.read(db => describe(db, world, providerId, id))
}

/**
 * Says who is looking. Refusals `terminal-unknown`, `person-unknown` for somebody who is not linked to it, `card-step-needed`.
 */
export async function chooseViewer(
  world: TerminalWorld,
  providerId: string,
  given: { readonly id: string; readonly subject: string },
): Promise<Terminal> {
  const at = world.clock.now()
  const { id, subject } = given
  return world.store.transaction(async tx => {
    await describe(tx, world, providerId, id)
    const personId = await personWithCard(tx, { providerId, subject }, at)
    const linked = await tx
      .selectFrom('terminal_person')
      .select('person_id')
      .where('terminal_id', '=', id)
      .where('person_id', '=', personId)
      .executeTakeFirst()
    if (linked === undefined) throw new Refusal('person-unknown')
    await tx
      .updateTable('terminal')
      .set({ viewer_id: personId, viewer_until: at + viewerMs })
      .where('id', '=', id)
      .execute()
    await world.ledger.record(tx, entries['platform.viewer-chosen'], {
      at,
      personId,
      providerId,
      values: { terminal: id },
    })
    return describe(tx, world, providerId, id)
  })
}

/** Ends a link at the provider's wish. Refusals `terminal-unknown`, `person-unknown`. */
export async function unlinkTerminal(
  world: TerminalWorld,
  providerId: string,
  given: { readonly id: string; readonly subject: string },
): Promise<Terminal> {
  return world.store.transaction(async tx => {
    await describe(tx, world, providerId, given.id)
    const personId = await personOfSubject(tx, providerId, given.subject)
    const isEnded =
      personId !== undefined &&
      (await endTerminal(tx, world, { id: given.id, personId, by: 'provider' }))
    if (!isEnded) throw new Refusal('person-unknown')
    return describe(tx, world, providerId, given.id)
  })
}

/** Ends a link, at the person's own wish too. False when there was none. */
export async function endTerminal(
  tx: Transaction<PlatformTables>,
  world: Pick<TerminalWorld, 'clock' | 'ledger'>,
  given: {
    readonly id: string
    readonly personId: string
    readonly by: 'provider' | 'person'
  },
): Promise<boolean> {
  const { id, personId, by } = given
  const ended = await tx
    .deleteFrom('terminal_person')
    .where('terminal_id', '=', id)
    .where('person_id', '=', personId)
    .executeTakeFirst()
  if (ended.numDeletedRows === 0n) return false
  const row = await tx
    .selectFrom('terminal')
    .select('provider_id')
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  await tx
    .updateTable('terminal')
    .set({ viewer_id: null, viewer_until: null })
    .where('id', '=', id)
    .where('viewer_id', '=', personId)
    .execute()
  await world.ledger.record(tx, entries['platform.terminal-unlinked'], {
    at: world.clock.now(),
    personId,
    providerId: row.provider_id,
    values: { terminal: id, by },
  })
  return true
}

/** The terminals of a person, newest first. */
export async function terminalsOf(
  db: Reader<PlatformTables>,
  personId: string,
): Promise<readonly OwnTerminal[]> {
  const rows = await db
    .selectFrom('terminal_person')
    .innerJoin('terminal', 'terminal.id', 'terminal_person.terminal_id')
    .select(['terminal.id', 'provider_id', 'kind', 'linked_at'])
    .where('person_id', '=', personId)
    .orderBy('linked_at', 'desc')
    .execute()
  return rows.map(row => ({
    id: row.id,
    providerId: row.provider_id,
    kind: row.kind,
    linkedAt: row.linked_at,
  }))
}

async function describe(
  db: Reader<PlatformTables>,
  world: Pick<TerminalWorld, 'clock'>,
  providerId: string,
  id: string,
): Promise<Terminal> {
  const row = await db
    .selectFrom('terminal')
    .select(['kind', 'viewer_id', 'viewer_until'])
    .where('id', '=', id)
    .where('provider_id', '=', providerId)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('terminal-unknown')
  const linked = await db
    .selectFrom('terminal_person')
    .innerJoin('pairwise', 'pairwise.person_id', 'terminal_person.person_id')
    .select(['terminal_person.person_id', 'subject', 'linked_at'])
    .where('terminal_id', '=', id)
    .where('provider_id', '=', providerId)
    .orderBy('linked_at')
    .orderBy('subject')
    .execute()
  const isChosen = row.viewer_until !== null && row.viewer_until > world.clock.now()
  const viewerId =
    isChosen && row.viewer_id !== null ? await currentPerson(db, row.viewer_id) : undefined
  const viewer =
    viewerId === undefined ? undefined : await knownSubject(db, { providerId, personId: viewerId })
  return {
    id,
    kind: row.kind,
    people: linked.map(each => ({
      subject: each.subject,
      linkedAt: new Date(each.linked_at).toISOString(),
    })),
    viewer:
      viewer === undefined || row.viewer_until === null
        ? null
        : { subject: viewer, until: new Date(row.viewer_until).toISOString() },
  }
}

const idBits = 128
