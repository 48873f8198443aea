/**
 * The life of a message after it was posted: each step is one conditional write together with its receipt and its ledger entries, so that it
 * happens once, whoever else tries at the same time and wherever a node dies.
 *
 * posted → delivered → read; posted → rejected; posted or delivered → withdrawn, or expired.
 */
import { type MailState, Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey } from '@sekisho/runtime/keys'
import type { Transaction } from '@sekisho/runtime/store'
import { noteArrivals } from './arrival.ts'
import { type Box, boxById } from './box.ts'
import { type Content, MessageKey } from './content.ts'
import { entries } from './entry.ts'
import type { MailTables } from './post.ts'
import { givePlaces, takePlaces } from './quota.ts'
import { type Happening, recordHappenings } from './receipt.ts'
import type { MessageRow } from './table.ts'

type Row = MessageRow

/** A message that was opened by the system for a step. */
type Opened = {
  readonly row: Row
  readonly sender: Box
  readonly recipient: Box
  readonly content: Content
  /** Undefined: that side was erased. */
  readonly senderKey: PersonKey | undefined
  readonly recipientKey: PersonKey | undefined
}

/** posted → delivered: the message gets its place in the recipient's box. False when it was no longer waiting. Refusal `mailbox-full`. */
export async function deliver(
  tx: Transaction<MailTables>,
  world: World,
  id: string,
  /** Changes what is sealed, such as verdicts on documents. */
  amend: (content: Content) => Content = content => content,
): Promise<boolean> {
  const at = world.clock.now()
  const row = await claim(tx, id, ['posted'])
  if (row === undefined) return false
  const opened = await openFor(tx, world, row)
  // Whoever left in the meantime gets nothing, and the sender learns it.
  if (opened?.recipientKey === undefined || row.recipient_key === null)
    return end(tx, world, row, 'expired', { at, why: 'recipient-left' })
  const content = amend(opened.content)
  const { recipient, recipientKey } = opened
  const own = MessageKey.open(id, recipientKey, row.recipient_key)
  const share = { boxId: recipient.id, kind: recipient.kind, count: 1, bytes: row.bytes }
  const number = (await takePlaces(tx, [share])).get(recipient.id)
  if (number === undefined) throw new Error('a box without a number')
  await tx
    .updateTable('mailbox_message')
    .set({
      state: 'delivered',
      number,
      delivered_at: at,
      moved_at: at,
      try_at: null,
      sealed: own.sealContent(content, world.random),
    })
    .where('id', '=', id)
    .execute()
  await record(tx, world, { ...opened, content }, { event: 'delivery', at })
  if (recipient.kind === 'person')
    await world.ledger.record(tx, entries['mailbox.message-delivered'], {
      at,
      personId: recipient.owner,
      providerId: opened.sender.providerId ?? undefined,
      values: { message: id, kind: row.kind },
    })
  if (recipient.kind === 'person') await noteArrivals(tx, world, [recipient.owner])
  return true
}

/** delivered → read, the first time it is opened. False when it was read before. Refusal `message-unknown` when it is not there to be read. */
export async function markRead(
  tx: Transaction<MailTables>,
  world: World,
  box: Pick<Box, 'id'>,
  id: string,
): Promise<boolean> {
  const at = world.clock.now()
  const row = await claim(tx, id, ['delivered', 'read'])
  if (row === undefined || row.recipient_box !== box.id) throw new Refusal('message-unknown')
  if (row.state === 'read') return false
  if (row.expires_at !== null && row.expires_at <= at) throw new Refusal('message-unknown')
  const opened = await openFor(tx, world, row)
  if (opened === undefined) throw new Refusal('message-unknown')
  await tx
    .updateTable('mailbox_message')
    .set({ state: 'read', read_at: at })
    .where('id', '=', id)
    .execute()
  await record(tx, world, opened, { event: 'reading', at })
  if (opened.recipient.kind === 'person')
    await world.ledger.record(tx, entries['mailbox.message-opened'], {
      at,
      personId: opened.recipient.owner,
      providerId: opened.sender.providerId ?? undefined,
      values: { message: id, kind: row.kind },
    })
  return true
}

/** The sender takes back what nobody has read. Refusals `message-unknown`, `message-finished`. Withdrawing twice is withdrawing once. */
export async function withdraw(
  tx: Transaction<MailTables>,
  world: World,
  sender: Pick<Box, 'id'>,
  id: string,
): Promise<void> {
  const row = await claim(tx, id, undefined)
  if (row === undefined || row.sender_box !== sender.id) throw new Refusal('message-unknown')
  if (row.state === 'withdrawn') return
  if (row.state !== 'posted' && row.state !== 'delivered')
    throw new Refusal('message-finished', { state: row.state })
  await end(tx, world, row, 'withdrawn', { at: world.clock.now() })
}

/** posted → rejected: the content is against the policy. False when it was no longer waiting. */
export async function reject(
  tx: Transaction<MailTables>,
  world: World,
  id: string,
  why: string,
): Promise<boolean> {
  const row = await claim(tx, id, ['posted'])
  if (row === undefined) return false
  return end(tx, world, row, 'rejected', { at: world.clock.now(), why })
}

/** Ends messages whose time is over and that nobody has read; how many. */
export async function expireDue(
  tx: Transaction<MailTables>,
  world: World,
  limit: number,
): Promise<number> {
  const at = world.clock.now()
  const due = await tx
    .selectFrom('mailbox_message')
    .selectAll()
    .where('state', 'in', ['posted', 'delivered'])
    .where('expires_at', '<=', at)
    .orderBy('expires_at')
    .limit(limit)
    .forUpdate()
    .skipLocked()
    .execute()
  for (const row of due) await end(tx, world, row, 'expired', { at })
  return due.length
}

/** Locks a message for a step; undefined when it is in none of these states. */
async function claim(
  tx: Transaction<MailTables>,
  id: string,
  states: readonly MailState[] | undefined,
): Promise<Row | undefined> {
  const row = await tx
    .selectFrom('mailbox_message')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst()
  return row !== undefined && (states?.includes(row.state) ?? true) ? row : undefined
}

const eventOf = { rejected: 'rejection', withdrawn: 'withdrawal', expired: 'expiry' } as const

async function end(
  tx: Transaction<MailTables>,
  world: World,
  row: Row,
  state: keyof typeof eventOf,
  given: { readonly at: Instant; readonly why?: string },
): Promise<true> {
  const { at, why } = given
  const opened = await openFor(tx, world, row)
  await tx
    .updateTable('mailbox_message')
    .set({
      state,
      ended_at: at,
      moved_at: at,
      why: why ?? null,
      try_at: null,
      // It is the sender's alone again.
      recipient_key: null,
    })
    .where('id', '=', row.id)
    .execute()
  if (row.state === 'delivered')
    await givePlaces(tx, { boxId: row.recipient_box, count: 1, bytes: row.bytes })
  if (opened !== undefined) await record(tx, world, opened, { event: eventOf[state], at, why })
  return true
}

async function record(
  tx: Transaction<MailTables>,
  world: World,
  opened: Opened,
  happening: Happening,
): Promise<void> {
  const { row, content, senderKey } = opened
  const told = { id: row.id, kind: row.kind, content, senderKey, happenings: [happening] }
  await recordHappenings(tx, world, [told], happening.at)
}

/** Undefined when neither side can open it any more. */
async function openFor(
  tx: Transaction<MailTables>,
  world: World,
  row: Row,
): Promise<Opened | undefined> {
  const [sender, recipient] = [
    await boxById(tx, row.sender_box),
    await boxById(tx, row.recipient_box),
  ]
  const keys = await world.personKeys.findAll(tx, [sender.keyId, recipient.keyId])
  const senderKey = keys.get(sender.keyId)
  const recipientKey = keys.get(recipient.keyId)
  if (row.sealed === null) return undefined
  const opening =
    senderKey !== undefined && row.sender_key !== null
      ? MessageKey.open(row.id, senderKey, row.sender_key)
      : recipientKey !== undefined && row.recipient_key !== null
        ? MessageKey.open(row.id, recipientKey, row.recipient_key)
        : undefined
  if (opening === undefined) return undefined
  const content = opening.openContent(row.sealed)
  return { row, sender, recipient, content, senderKey, recipientKey }
}
