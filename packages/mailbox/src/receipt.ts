/**
 * Receipts (C11): what a sender can prove. The payload is fixed in the transaction in which the thing happened, its hash stands in the ledger by
 * the same transaction; the signature is put to it when the sender first fetches it, and kept.
 */
import { createHash } from 'node:crypto'
import {
  type MailEvent,
  type MailKind,
  type MailReceipt,
  type mailReceiptList,
  Refusal,
  remEvents,
} from '@sekisho/contract'
import { signJws, type World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey, PersonKeyTables } from '@sekisho/runtime/keys'
import type { LedgerSchema } from '@sekisho/ledger'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { z } from 'zod'
import { type Box } from './box.ts'
import { type Content, contentSha256 } from './content.ts'
import { entries } from './entry.ts'
import type { MailboxTables } from './table.ts'

/** Something that happened to a message. */
export type Happening = {
  readonly event: MailEvent
  readonly at: Instant
  readonly why?: string | undefined
}

/** A message to which things happened, with the key of its sender's box; undefined: the sender was erased, and nobody asks for receipts. */
export type Told = {
  readonly id: string
  readonly kind: MailKind
  readonly content: Content
  readonly senderKey: PersonKey | undefined
  readonly happenings: readonly Happening[]
}

/** Fixes the receipts of several messages and enters their hashes into the ledger. */
export async function recordHappenings(
  tx: Transaction<MailboxTables & LedgerSchema>,
  world: Pick<World, 'issuer' | 'ledger' | 'random'>,
  told: readonly Told[],
  at: Instant,
): Promise<void> {
  const made = told.flatMap(one => {
    const { senderKey } = one
    if (senderKey === undefined) return []
    const receipts = one.happenings.map(happening => {
      const payload = new TextEncoder().encode(JSON.stringify(payloadOf(world, one, happening)))
      return {
        happening,
        sealed: senderKey.seal(placeOf(one.id, happening.event), payload),
        sha256: createHash('sha256').update(payload).digest('hex'),
      }
    })
    return receipts.length === 0 ? [] : [{ id: one.id, receipts }]
  })
  if (made.length === 0) return
  const entryIds = await world.ledger.recordAll(
    tx,
    entries['mailbox.receipts-made'],
    made.map(one => ({ at, values: { receipts: one.receipts.map(each => each.sha256) } })),
  )
  await tx
    .insertInto('mailbox_event')
    .values(
      made.flatMap((one, index) =>
        one.receipts.map(({ happening, sealed }) => ({
          message_id: one.id,
          event: happening.event,
          at: happening.at,
          sealed,
          entry_id: entryIds[index] ?? '',
          receipt: null,
        })),
      ),
    )
    .execute()
}

function payloadOf(
  world: Pick<World, 'issuer' | 'random'>,
  one: Told,
  { event, at, why }: Happening,
): MailReceipt {
  const { content } = one
  return {
    iss: world.issuer,
    aud: content.audience,
    iat: Math.floor(at / 1000),
    jti: world.random.token(idBits),
    event,
    evidence: {
      version: 'urn:sekisho:rem-evidence:1',
      ...remEvents[event],
      at: new Date(at).toISOString(),
      message: one.id,
      kind: one.kind,
      sender: content.sender,
      recipient: content.recipient,
      contentSha256: contentSha256(content),
      documents: content.documents.map(({ name, mediaType, length, sha256 }) => ({
        name,
        mediaType,
        length,
        sha256,
      })),
      ...(why === undefined ? {} : { why }),
    },
  }
}

/** The receipts of a message of this sender, oldest first. Refusal `message-unknown` for another's. */
export async function receiptsOf(
  world: World,
  store: Store<MailboxTables & PersonKeyTables>,
  sender: Box,
  id: string,
): Promise<z.infer<typeof mailReceiptList>> {
  const { rows, key } = await store.read(async db => {
    const found = await world.personKeys.find(db, sender.keyId)
    const all = await db
      .selectFrom('mailbox_event')
      .innerJoin('mailbox_message', 'mailbox_message.id', 'mailbox_event.message_id')
      .selectAll('mailbox_event')
      .where('message_id', '=', id)
      .where('sender_box', '=', sender.id)
      .orderBy('at')
      .orderBy('entry_id')
      .execute()
    return { rows: all, key: found.kind === 'present' ? found.key : undefined }
  })
  if (rows.length === 0 || key === undefined) throw new Refusal('message-unknown')
  const receipts = []
  for (const row of rows) {
    const entry = await world.ledger.openEntry(row.entry_id)
    if (entry === undefined) throw new Error('a receipt without its entry')
    receipts.push({
      event: row.event,
      at: new Date(row.at).toISOString(),
      receipt: row.receipt ?? (await sign(world, store, key, row)),
      entry: {
        index: entry.index ?? null,
        salt: Buffer.from(entry.disclosed.salt).toString('base64'),
        entry: Buffer.from(entry.disclosed.entry).toString('base64'),
      },
    })
  }
  return { receipts: receipts.toSorted((a, b) => order[a.event] - order[b.event]) }
}

/** Who comes second gets what the first one kept: a receipt has one signature for ever. */
async function sign(
  world: Pick<World, 'receiptKey'>,
  store: Store<MailboxTables>,
  key: PersonKey,
  row: MailboxTables['mailbox_event'],
): Promise<string> {
  const payload = new TextDecoder().decode(key.open(placeOf(row.message_id, row.event), row.sealed))
  // What JSON has written it reads and writes again to the same bytes.
  const receipt = await signJws(world.receiptKey, receiptType, JSON.parse(payload))
  return store.transaction(async tx => {
    await tx
      .updateTable('mailbox_event')
      .set({ receipt })
      .where('message_id', '=', row.message_id)
      .where('event', '=', row.event)
      .where('receipt', 'is', null)
      .execute()
    const kept = await tx
      .selectFrom('mailbox_event')
      .select('receipt')
      .where('message_id', '=', row.message_id)
      .where('event', '=', row.event)
      .executeTakeFirstOrThrow()
    return kept.receipt ?? receipt
  })
}

function placeOf(messageId: string, event: MailEvent): string {
  return `mailbox.event ${messageId} ${event}`
}

/** `typ` of a receipt of the mailbox. */
const receiptType = 'sekisho-mail-receipt+jwt'

/** What happened first where the clock shows the same. */
const order: Readonly<Record<MailEvent, number>> = {
  posting: 0,
  delivery: 1,
  reading: 2,
  rejection: 3,
  withdrawal: 3,
  expiry: 3,
}

const idBits = 128
