/**
 * How long messages are kept: dated rules as data, for there is no law for boxes of this kind yet (flows.md §25). What is due loses content and
 * keys, documents with them; that it was erased stands in the ledger, and the sender's receipts stay.
 */
import { type MailKind, mailKinds } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { Store, Transaction } from '@sekisho/runtime/store'
import { boxById } from './box.ts'
import { entries } from './entry.ts'
import type { MailTables } from './post.ts'
import { givePlaces } from './quota.ts'
import type { Folder, MessageRow } from './table.ts'

/** One rule: messages of these kinds in this folder, that came there from a day on, are kept for so many days. The newest that fits holds. */
export type MailRetention = {
  readonly name: string
  /** Instant from which on messages that come into the folder fall under it. */
  readonly from: Instant
  readonly kinds: readonly MailKind[]
  readonly folder: Folder
  readonly days: number
}

/** Ours: five years as long as people must keep papers for taxes, ten for what binds, a month for what was thrown away. */
export const plainMailRetention: readonly MailRetention[] = [
  { name: 'plain', from: 0, kinds: ['notice', 'request', 'answer'], folder: 'in', days: 1826 },
  {
    name: 'binding',
    from: 0,
    kinds: ['application', 'certificate', 'decision', 'contract'],
    folder: 'in',
    days: 3653,
  },
  { name: 'archive', from: 0, kinds: mailKinds, folder: 'archive', days: 3653 },
  { name: 'bin', from: 0, kinds: mailKinds, folder: 'bin', days: 30 },
]

/** Erases what is due; how many messages. `removeFile` takes a file of the folder away that no message has any more. */
export async function eraseDue(
  world: World,
  store: Store<MailTables>,
  rules: readonly MailRetention[],
  removeFile: (file: string) => Promise<void>,
): Promise<number> {
  let erased = 0
  for (const rule of rules)
    for (const kind of rule.kinds) {
      const later = rules
        .filter(one => one.folder === rule.folder && one.kinds.includes(kind))
        .map(one => one.from)
        .filter(from => from > rule.from)
      const until = Math.min(world.clock.now() - rule.days * dayMs + 1, ...later)
      const due = await store.read(db =>
        db
          .selectFrom('mailbox_message')
          .select('id')
          .where('kind', '=', kind)
          .where('folder', '=', rule.folder)
          .where('moved_at', '>=', rule.from)
          .where('moved_at', '<', until)
          .where('sealed', 'is not', null)
          .orderBy('moved_at')
          .limit(roundMax)
          .execute(),
      )
      for (const { id } of due) {
        const files = await store.transaction(tx => erase(tx, world, id, { rule, until }))
        if (files === undefined) continue
        erased += 1
        for (const file of files) await removeFile(file)
      }
    }
  return erased
}

/** The files that nobody has any more; undefined when it was moved or erased meanwhile. */
async function erase(
  tx: Transaction<MailTables>,
  world: World,
  id: string,
  { rule, until }: { readonly rule: MailRetention; readonly until: Instant },
): Promise<readonly string[] | undefined> {
  const at = world.clock.now()
  const row = await tx
    .updateTable('mailbox_message')
    .set({ sealed: null, sender_key: null, recipient_key: null })
    .where('id', '=', id)
    .where('folder', '=', rule.folder)
    .where('moved_at', '<', until)
    .where('sealed', 'is not', null)
    .returningAll()
    .executeTakeFirst()
  if (row === undefined) return undefined
  if (row.state === 'delivered' || row.state === 'read')
    await givePlaces(tx, { boxId: row.recipient_box, count: 1, bytes: row.bytes })
  await recordErased(tx, world, row, { rule, at })
  const gone = await tx
    .deleteFrom('mailbox_document')
    .where('message_id', '=', id)
    .returning('file')
    .execute()
  const files: string[] = []
  for (const { file } of gone) if (file !== null && (await isFree(tx, file))) files.push(file)
  return files
}

async function recordErased(
  tx: Transaction<MailTables>,
  world: World,
  row: MessageRow,
  { rule, at }: { readonly rule: MailRetention; readonly at: Instant },
): Promise<void> {
  const { kind, owner } = await boxById(tx, row.recipient_box)
  const erasedPerson =
    kind === 'person' && (await world.personKeys.find(tx, owner)).kind === 'erased'
  await world.ledger.record(tx, entries['mailbox.message-erased'], {
    at,
    personId: kind === 'person' && !erasedPerson ? owner : undefined,
    values: { message: row.id, kind: row.kind, days: rule.days, rule: rule.name },
  })
}

async function isFree(tx: Transaction<MailTables>, file: string): Promise<boolean> {
  const other = await tx
    .selectFrom('mailbox_document')
    .select('message_id')
    .where('file', '=', file)
    .limit(1)
    .executeTakeFirst()
  return other === undefined
}

const dayMs = 24 * 3600 * 1000
/** Most that one kind loses in one round. */
const roundMax = 200
