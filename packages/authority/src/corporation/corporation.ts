/**
 * Corporations and their representatives as the register 商業登記簿 has them. Numbers, names and head offices are public (法人番号の公表);
 * so is, for whoever asks for the extract, who represents a corporation.
 */
import { Refusal } from '@sekisho/contract'
import type { CorporationEntry } from '@sekisho/contract/authority'
import type { Instant } from '@sekisho/runtime/clock'
import type { Selectable, Transaction } from '@sekisho/runtime/store'
import type { OtherTables } from '../other-ca/database.ts'
import type { OtherWorld } from '../other-ca/world.ts'

/** A row of the register. */
export type Corporation = Selectable<OtherTables['corporation']>
/** Somebody who represents a corporation, or did. */
export type Representative = Selectable<OtherTables['representative']>

type Reading = Pick<Transaction<OtherTables>, 'selectFrom'>

/** Most corporations in one answer. */
const foundMax = 100

/** Corporations whose name has a text in it, in the order of their numbers. */
export async function searchCorporations(
  world: Pick<OtherWorld, 'store'>,
  text: string,
): Promise<{ readonly corporations: readonly CorporationEntry[]; readonly isComplete: boolean }> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('corporation')
      .selectAll()
      .where(eb => eb(eb.fn<number>('strpos', ['name', eb.val(text)]), '>', 0))
      .orderBy('number')
      .limit(foundMax + 1)
      .execute(),
  )
  return {
    corporations: rows.slice(0, foundMax).map(entryOf),
    isComplete: rows.length <= foundMax,
  }
}

/** The public facts of a corporation with the entries of its register. Refusal `corporation-unknown`. */
export async function readHistory(world: Pick<OtherWorld, 'store'>, number: string) {
  const [row, events] = await Promise.all([
    world.store.read(db => corporationOf(db, number)),
    world.store.read(db =>
      db
        .selectFrom('corporation_event')
        .select(['kind', 'before', 'at'])
        .where('corporation', '=', number)
        .orderBy('position')
        .execute(),
    ),
  ])
  const changes = events.map(({ kind, before, at }) => ({ kind, before, at: isoText(at) }))
  return { ...entryOf(row), changes }
}

/** Who represents a corporation and who did, in order. */
export async function readRepresentatives(
  world: Pick<OtherWorld, 'store'>,
  number: string,
): Promise<readonly Representative[]> {
  return world.store.read(db =>
    db
      .selectFrom('representative')
      .selectAll()
      .where('corporation', '=', number)
      .orderBy('since')
      .orderBy('id')
      .execute(),
  )
}

/** One row. Refusal `corporation-unknown`. */
export async function corporationOf(db: Reading, number: string): Promise<Corporation> {
  const row = await db
    .selectFrom('corporation')
    .selectAll()
    .where('number', '=', number)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('corporation-unknown')
  return row
}

/** A corporation for the length of a transaction: its entries come one after another. Refusals `corporation-unknown`, `corporation-closed`. */
export async function lockOpenCorporation(
  tx: Transaction<OtherTables>,
  number: string,
): Promise<Corporation> {
  const row = await tx
    .selectFrom('corporation')
    .selectAll()
    .where('number', '=', number)
    .forUpdate()
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('corporation-unknown')
  if (row.closed_at !== null) throw new Refusal('corporation-closed')
  return row
}

/** A representative in office. Refusal `corporation-unknown`. */
export async function representativeOf(
  db: Reading,
  corporation: string,
  id: string,
): Promise<Representative> {
  const row = await db
    .selectFrom('representative')
    .selectAll()
    .where('corporation', '=', corporation)
    .where('id', '=', id)
    .where('until', 'is', null)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('corporation-unknown')
  return row
}

function entryOf(row: Corporation): CorporationEntry {
  return {
    number: row.number,
    name: row.name,
    headOffice: row.head_office,
    registeredAt: isoText(row.registered_at),
    closed:
      row.closed_at === null
        ? null
        : { at: isoText(row.closed_at), cause: row.close_cause ?? '', successor: row.successor },
  }
}

function isoText(at: Instant): string {
  return new Date(at).toISOString()
}
