/**
 * How much a box holds and how much a sender posts. The numbers are ours: no source states any. They are there so that nobody's box can be
 * filled by a stranger, and so that a sender gone astray is noticed on the first day.
 */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import { type SqlBool, sql, type Transaction } from '@sekisho/runtime/store'
import type { BoxKind, MailboxTables } from './table.ts'

/** Messages and bytes that a box holds; messages that it posts on one day in Japan. */
export const quotas: Readonly<
  Record<BoxKind, { readonly messages: number; readonly bytes: number; readonly aDay: number }>
> = {
  person: { messages: 10_000, bytes: 64 * 2 ** 30, aDay: 200 },
  organisation: { messages: 10_000_000, bytes: 2 ** 44, aDay: 2_000_000 },
  municipality: { messages: 10_000_000, bytes: 2 ** 44, aDay: 2_000_000 },
  provider: { messages: 10_000_000, bytes: 2 ** 44, aDay: 2_000_000 },
  system: { messages: 10_000_000, bytes: 2 ** 44, aDay: 10_000_000 },
}

/** What is to come into a box. */
export type Share = {
  readonly boxId: string
  readonly kind: BoxKind
  readonly count: number
  readonly bytes: number
}

/**
 * Takes places in boxes and gives the first number of each. The boxes stay locked until the transaction ends, always in one order, so that
 * numbers are committed in their order and two transactions cannot wait in a circle. Refusal `mailbox-full`.
 */
export async function takePlaces(
  tx: Transaction<MailboxTables>,
  shares: readonly Share[],
): Promise<ReadonlyMap<string, number>> {
  const first = new Map<string, number>()
  if (shares.length === 0) return first
  const boxes = shares.toSorted((a, b) => (a.boxId < b.boxId ? -1 : 1))
  if (boxes.length > 1)
    await tx
      .selectFrom('mailbox_box')
      .select('id')
      .where(sql<SqlBool>`id = any(${boxes.map(one => one.boxId)}::text[])`)
      .orderBy('id')
      .forUpdate()
      .execute()
  const { rows } = await sql<{ id: string; next_number: number; count: number }>`
    update mailbox_box set
      next_number = next_number + given.count,
      held_count = held_count + given.count,
      held_bytes = held_bytes + given.bytes
    from unnest(
      ${boxes.map(one => one.boxId)}::text[],
      ${boxes.map(one => one.count)}::integer[],
      ${boxes.map(one => one.bytes)}::bigint[],
      ${boxes.map(one => quotas[one.kind].messages)}::integer[],
      ${boxes.map(one => quotas[one.kind].bytes)}::bigint[]
    ) as given (id, count, bytes, count_max, bytes_max)
    where mailbox_box.id = given.id
      and held_count + given.count <= given.count_max
      and held_bytes + given.bytes <= given.bytes_max
    returning mailbox_box.id, next_number, given.count as count`.execute(tx)
  for (const row of rows) first.set(row.id, row.next_number - row.count)
  if (first.size !== boxes.length) throw new Refusal('mailbox-full')
  return first
}

/** Gives places back when content leaves a box. */
export async function givePlaces(
  tx: Transaction<MailboxTables>,
  share: Omit<Share, 'kind'>,
): Promise<void> {
  await tx
    .updateTable('mailbox_box')
    .set(eb => ({
      held_count: eb('held_count', '-', share.count),
      held_bytes: eb('held_bytes', '-', share.bytes),
    }))
    .where('id', '=', share.boxId)
    .execute()
}

/** Counts messages of a sender on a day. Refusal `mail-limit`. */
export async function countSent(
  tx: Transaction<MailboxTables>,
  sender: { readonly boxId: string; readonly kind: BoxKind; readonly count: number },
  at: Instant,
): Promise<void> {
  const { boxId, kind, count } = sender
  const row = await tx
    .insertInto('mailbox_sender_day')
    .values({ box_id: boxId, day: dayInJapan(at), count })
    .onConflict(conflict =>
      conflict
        .columns(['box_id', 'day'])
        .doUpdateSet(eb => ({ count: eb('mailbox_sender_day.count', '+', count) })),
    )
    .returning('count')
    .executeTakeFirstOrThrow()
  if (row.count > quotas[kind].aDay) throw new Refusal('mail-limit')
}

/** Days since 1970, in Japan. */
function dayInJapan(at: Instant): number {
  return Math.floor((at + 9 * 3600 * 1000) / dayMs)
}

const dayMs = 24 * 3600 * 1000
