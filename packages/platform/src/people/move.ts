/** The rows of one registration, moved to another and back. What is sealed under a person's key is never moved. */
import type { Instant } from '@sekisho/runtime/clock'
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import type { Moved } from './moved.ts'

type Tx = Transaction<PlatformTables>

/** What other folders keep about people, and do when a registration changes. */
export type Followers = {
  /** What a browser or token could still reach under a registration ends. */
  end(tx: Tx, personId: string): Promise<void>
  /** These providers' ids of `from` are `to`'s now. */
  moved(
    tx: Tx,
    given: { readonly from: string; readonly to: string; readonly providers: readonly string[] },
  ): Promise<void>
}

/** Moves everything that can move; `from` is merged into `to` afterwards. */
export async function movePeople(
  tx: Tx,
  followers: Followers,
  given: { readonly from: string; readonly to: string; readonly at: Instant },
): Promise<Moved> {
  const { from, to } = given
  const { pairwise, doubles } = await movePairwise(tx, followers, { from, to, only: undefined })
  const { consents, replaced } = await moveConsents(tx, given)
  const certificates = await tx
    .updateTable('certificate_link')
    .set({ person_id: to })
    .where('person_id', '=', from)
    .returning('id')
    .execute()
  const customers = await moveCustomers(tx, from, to, undefined)
  const terminals = await moveTerminals(tx, from, to)
  await endShortLived(tx, followers, from)
  const merged = await tx
    .updateTable('person')
    .set({ merged_into: to })
    .where('merged_into', '=', from)
    .returning('id')
    .execute()
  await tx.updateTable('person').set({ merged_into: to }).where('id', '=', from).execute()
  return {
    certificates: certificates.map(row => row.id),
    pairwise,
    consents,
    replaced,
    customers,
    terminals,
    merged: merged.map(row => row.id),
    doubles,
  }
}

/** Moves certificates with the consents that were signed with them, and what named providers know. */
export async function moveSome(
  tx: Tx,
  followers: Followers,
  given: {
    readonly from: string
    readonly to: string
    readonly certificates: readonly string[]
    readonly providers: readonly string[]
  },
): Promise<Moved> {
  const { from, to } = given
  const certificates = [...given.certificates]
  await tx
    .updateTable('certificate_link')
    .set({ person_id: to })
    .where('id', 'in', certificates)
    .execute()
  const consents = await tx
    .updateTable('consent')
    .set({ person_id: to })
    .where('person_id', '=', from)
    .where('certificate_id', 'in', certificates)
    .returning('id')
    .execute()
  const { pairwise } = await movePairwise(tx, followers, { from, to, only: given.providers })
  const customers = await moveCustomers(tx, from, to, given.providers)
  await endShortLived(tx, followers, from)
  return {
    certificates,
    pairwise,
    consents: consents.map(row => row.id),
    replaced: [],
    customers,
    terminals: [],
    merged: [],
    doubles: [],
  }
}

/** Undoes {@link movePeople}, as far as rows are still where it put them. */
export async function moveBack(
  tx: Tx,
  followers: Followers,
  given: { readonly from: string; readonly to: string; readonly what: Moved },
): Promise<void> {
  const { from, to, what } = given
  const own = (table: 'certificate_link' | 'consent' | 'customer_link', ids: readonly string[]) =>
    ids.length === 0
      ? Promise.resolve()
      : tx
          .updateTable(table)
          .set({ person_id: to })
          .where('person_id', '=', from)
          .where('id', 'in', [...ids])
          .execute()
  await own('certificate_link', what.certificates)
  await own('consent', what.consents)
  await own('customer_link', what.customers)
  for (const id of what.replaced) await giveAgain(tx, id)
  await movePairwiseRows(tx, followers, { from, to, providers: what.pairwise })
  if (what.terminals.length > 0)
    await tx
      .updateTable('terminal_person')
      .set({ person_id: to })
      .where('person_id', '=', from)
      .where('terminal_id', 'in', what.terminals)
      .execute()
  await endShortLived(tx, followers, from)
  await tx.updateTable('person').set({ merged_into: null }).where('id', '=', to).execute()
  if (what.merged.length > 0)
    await tx.updateTable('person').set({ merged_into: to }).where('id', 'in', what.merged).execute()
}

/** A consent that gave way is in force again, unless another took its place since. */
async function giveAgain(tx: Tx, id: string): Promise<void> {
  const row = await tx
    .selectFrom('consent')
    .select(['person_id', 'provider_id'])
    .where('id', '=', id)
    .where('state', '=', 'replaced')
    .executeTakeFirst()
  if (row === undefined) return
  const other = await tx
    .selectFrom('consent')
    .select('id')
    .where('person_id', '=', row.person_id)
    .where('provider_id', '=', row.provider_id)
    .where('state', '=', 'given')
    .executeTakeFirst()
  if (other === undefined)
    await tx
      .updateTable('consent')
      .set({ state: 'given', ended_at: null })
      .where('id', '=', id)
      .execute()
}

/** Moves pairwise ids where the other has none; who has two keeps both, each under its own registration. */
async function movePairwise(
  tx: Tx,
  followers: Followers,
  given: {
    readonly from: string
    readonly to: string
    readonly only: readonly string[] | undefined
  },
): Promise<{ readonly pairwise: string[]; readonly doubles: string[] }> {
  const { from, to, only } = given
  const rows = await tx
    .selectFrom('pairwise')
    .select(['provider_id', 'person_id'])
    .where('person_id', 'in', [from, to])
    .execute()
  const known = new Set(rows.filter(row => row.person_id === to).map(row => row.provider_id))
  const own = rows.filter(row => row.person_id === from).map(row => row.provider_id)
  const pairwise = own.filter(id => !known.has(id) && (only?.includes(id) ?? true))
  await movePairwiseRows(tx, followers, { from, to, providers: pairwise })
  return { pairwise, doubles: own.filter(id => known.has(id)) }
}

async function movePairwiseRows(
  tx: Tx,
  followers: Followers,
  given: { readonly from: string; readonly to: string; readonly providers: readonly string[] },
): Promise<void> {
  if (given.providers.length === 0) return
  await tx
    .updateTable('pairwise')
    .set({ person_id: given.to })
    .where('person_id', '=', given.from)
    .where('provider_id', 'in', [...given.providers])
    .execute()
  await followers.moved(tx, given)
}

/** Of two consents in force towards one provider the later stays. */
async function moveConsents(
  tx: Tx,
  given: { readonly from: string; readonly to: string; readonly at: Instant },
): Promise<{ readonly consents: string[]; readonly replaced: string[] }> {
  const { from, to, at } = given
  const rows = await tx
    .selectFrom('consent')
    .select(['id', 'provider_id', 'person_id', 'given_at', 'state'])
    .where('person_id', 'in', [from, to])
    .execute()
  const replaced: string[] = []
  for (const one of rows.filter(row => row.person_id === from && row.state === 'given')) {
    const rival = rows.find(
      row => row.person_id === to && row.provider_id === one.provider_id && row.state === 'given',
    )
    if (rival !== undefined) replaced.push(rival.given_at > one.given_at ? one.id : rival.id)
  }
  if (replaced.length > 0)
    await tx
      .updateTable('consent')
      .set({ state: 'replaced', ended_at: at })
      .where('id', 'in', replaced)
      .execute()
  const consents = rows.filter(row => row.person_id === from).map(row => row.id)
  if (consents.length > 0)
    await tx.updateTable('consent').set({ person_id: to }).where('id', 'in', consents).execute()
  return { consents, replaced }
}

/** A number moves where the other has none at that provider; else it stays and the provider decides. */
async function moveCustomers(
  tx: Tx,
  from: string,
  to: string,
  only: readonly string[] | undefined,
): Promise<string[]> {
  const rows = await tx
    .selectFrom('customer_link')
    .select(['id', 'provider_id', 'person_id'])
    .where('person_id', 'in', [from, to])
    .where('state', 'in', ['linked', 'waiting'])
    .execute()
  const known = new Set(rows.filter(row => row.person_id === to).map(row => row.provider_id))
  const ids = rows
    .filter(row => row.person_id === from && !known.has(row.provider_id))
    .filter(row => only?.includes(row.provider_id) ?? true)
    .map(row => row.id)
  if (ids.length > 0)
    await tx.updateTable('customer_link').set({ person_id: to }).where('id', 'in', ids).execute()
  return ids
}

async function moveTerminals(tx: Tx, from: string, to: string): Promise<string[]> {
  const rows = await tx
    .selectFrom('terminal_person')
    .select(['terminal_id', 'person_id'])
    .where('person_id', 'in', [from, to])
    .execute()
  const known = new Set(rows.filter(row => row.person_id === to).map(row => row.terminal_id))
  const ids = rows
    .filter(row => row.person_id === from && !known.has(row.terminal_id))
    .map(row => row.terminal_id)
  if (ids.length > 0)
    await tx
      .updateTable('terminal_person')
      .set({ person_id: to })
      .where('person_id', '=', from)
      .where('terminal_id', 'in', ids)
      .execute()
  return ids
}

/** Ends what rests on a registration as it was. */
async function endShortLived(tx: Tx, followers: Followers, personId: string): Promise<void> {
  await followers.end(tx, personId)
  await tx
    .updateTable('terminal')
    .set({ viewer_id: null, viewer_until: null })
    .where('viewer_id', '=', personId)
    .execute()
}
