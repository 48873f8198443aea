/**
 * What lies in a box: listed, opened, searched and put into folders by whoever the box belongs to.
 *
 * Search opens what is sealed instead of keeping an index: an index over words, even a blinded one, tells whoever sees the table which
 * messages share words and how often. A person's box holds ten thousand messages at most, which are opened in well under a second;
 * of larger boxes the newest twenty thousand are looked at.
 */
import {
  type MailDocumentReceived,
  type MailKind,
  type MailParty,
  type MailState,
  Refusal,
} from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey } from '@sekisho/runtime/keys'
import type { Reader, Store } from '@sekisho/runtime/store'
import type { Box } from './box.ts'
import { type Content, type KeptDocument, MessageKey } from './content.ts'
import { markRead } from './life.ts'
import type { MailTables } from './post.ts'
import type { Folder, MessageRow } from './table.ts'

/** A message in a box, as its owner sees it. */
export type Shelved = {
  readonly id: string
  readonly boxId: string
  readonly number: number
  readonly from: MailParty
  readonly kind: MailKind
  readonly subject: string
  readonly state: 'delivered' | 'read'
  readonly folder: Folder
  readonly deliveredAt: Instant
  readonly expiresAt: Instant | undefined
  readonly documents: readonly MailDocumentReceived[]
}

/** A message with all that it says. */
export type OpenedMessage = Shelved & { readonly content: Content }

type Row = MessageRow

/** Which part of boxes is asked for. */
export type Shelf = {
  readonly boxes: readonly Box[]
  readonly folder?: Folder
  readonly limit: number
  /** Oldest first from this number on, of one box; without it newest first. */
  readonly after?: number | undefined
  /** Newest first, before this instant and id. */
  readonly before?: { readonly at: Instant; readonly id: string } | undefined
}

/** Messages on a shelf. What expired unread is not there. */
export async function listShelf(
  world: World,
  store: Store<MailTables>,
  shelf: Shelf,
): Promise<readonly Shelved[]> {
  if (shelf.boxes.length === 0) return []
  return store.read(async db => {
    const rows = await rowsOf(db, shelf, world.clock.now()).execute()
    const keys = await keysFor(db, world, shelf.boxes)
    return rows.flatMap(row => {
      const opened = open(row, keys)
      return opened === undefined ? [] : [shelvedOf(row, opened.content)]
    })
  })
}

/** How many messages wait to be read. */
export async function countUnread(
  db: Reader<MailTables>,
  boxes: readonly Box[],
  at: Instant,
): Promise<number> {
  if (boxes.length === 0) return 0
  const { count } = await db
    .selectFrom('mailbox_message')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where(
      'recipient_box',
      'in',
      boxes.map(box => box.id),
    )
    .where('state', '=', 'delivered')
    .where(eb => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
    .executeTakeFirstOrThrow()
  return count
}

/**
 * Opens a message. With `asReader` it counts as read from now on, with a receipt for the sender. Refusal `message-unknown` for what is not in
 * these boxes.
 */
export async function openMessage(
  world: World,
  store: Store<MailTables>,
  given: { readonly boxes: readonly Box[]; readonly id: string; readonly asReader: boolean },
): Promise<OpenedMessage> {
  const find = () => findMessage(world, store, given.boxes, given.id)
  const found = await find()
  if (!given.asReader || found.state === 'read') return found
  await store.transaction(tx => markRead(tx, world, { id: found.boxId }, given.id))
  return find()
}

/** A message of these boxes. Refusal `message-unknown`. */
async function findMessage(
  world: World,
  store: Store<MailTables>,
  boxes: readonly Box[],
  id: string,
): Promise<OpenedMessage> {
  return store.read(async db => {
    const row = await db
      .selectFrom('mailbox_message')
      .selectAll()
      .where('id', '=', id)
      .where('state', 'in', ['delivered', 'read'])
      .executeTakeFirst()
    const box = boxes.find(one => one.id === row?.recipient_box)
    if (row === undefined || box === undefined) throw new Refusal('message-unknown')
    if (isOver(row, world.clock.now())) throw new Refusal('message-unknown')
    const opened = open(row, await keysFor(db, world, [box]))
    if (opened === undefined) throw new Refusal('message-unknown')
    return { ...shelvedOf(row, opened.content), content: opened.content }
  })
}

/** The key of a message for whoever has it in a box, to open its documents. Refusal `message-unknown`. */
export async function messageKeyFor(
  world: World,
  store: Store<MailTables>,
  box: Box,
  id: string,
): Promise<MessageKey> {
  return store.read(async db => {
    const row = await db
      .selectFrom('mailbox_message')
      .selectAll()
      .where('id', '=', id)
      .where('recipient_box', '=', box.id)
      .executeTakeFirst()
    const opened = row === undefined ? undefined : open(row, await keysFor(db, world, [box]))
    if (opened === undefined) throw new Refusal('message-unknown')
    return opened.key
  })
}

/** Puts a message into a folder. Refusal `message-unknown`. */
export async function moveMessage(
  world: Pick<World, 'clock'>,
  store: Store<MailTables>,
  given: { readonly boxes: readonly Box[]; readonly id: string; readonly folder: Folder },
): Promise<void> {
  const moved = await store.transaction(tx =>
    tx
      .updateTable('mailbox_message')
      .set({ folder: given.folder, moved_at: world.clock.now() })
      .where('id', '=', given.id)
      .where('state', 'in', ['delivered', 'read'])
      .where(
        'recipient_box',
        'in',
        given.boxes.map(box => box.id),
      )
      .executeTakeFirst(),
  )
  if (moved.numUpdatedRows !== 1n) throw new Refusal('message-unknown')
}

/** Messages that hold every one of these words, newest first: in subject, body, name of the sender or of a document. */
export async function searchShelf(
  world: World,
  store: Store<MailTables>,
  given: { readonly boxes: readonly Box[]; readonly words: string; readonly limit: number },
): Promise<readonly Shelved[]> {
  const words = comparable(given.words).split(' ').filter(Boolean)
  if (words.length === 0) return []
  const found: Shelved[] = []
  let before: Shelf['before']
  for (let looked = 0; looked < searchedMax && found.length < given.limit; looked += pageLength) {
    const page = await openPage(world, store, { boxes: given.boxes, limit: pageLength, before })
    for (const { shelved, content } of page.opened) {
      const text = comparable(
        [
          content.subject,
          content.body,
          content.from.name ?? '',
          ...content.documents.map(one => one.name),
        ].join(' '),
      )
      if (words.every(word => text.includes(word))) found.push(shelved)
    }
    before = page.next
    if (before === undefined) break
  }
  return found.slice(0, given.limit)
}

/** One page of opened messages, newest first, and where the next begins. */
export async function openPage(world: World, store: Store<MailTables>, shelf: Shelf) {
  if (shelf.boxes.length === 0) return { opened: [], next: undefined }
  return store.read(async db => {
    const rows = await rowsOf(db, shelf, world.clock.now()).execute()
    const keys = await keysFor(db, world, shelf.boxes)
    const opened = rows.flatMap(row => {
      const one = open(row, keys)
      return one === undefined
        ? []
        : [{ shelved: shelvedOf(row, one.content), content: one.content, key: one.key }]
    })
    const last = rows.at(-1)
    const isLast = rows.length < shelf.limit || last === undefined
    const next = isLast ? undefined : { at: last.delivered_at ?? 0, id: last.id }
    return { opened, next }
  })
}

/** A message that was sent from a box. */
export type Sent = {
  readonly id: string
  readonly kind: MailKind
  readonly subject: string
  readonly body: string
  /** As the sender knows them. */
  readonly recipient: string
  /** Of a box with a name. */
  readonly recipientName: string | undefined
  readonly state: MailState
  readonly postedAt: Instant
}

/** What was sent from a box, newest first, after another of the list. */
export async function listSent(
  world: World,
  store: Store<MailTables>,
  given: { readonly box: Box; readonly limit: number; readonly after?: string | undefined },
): Promise<readonly Sent[]> {
  const { box, limit, after } = given
  return store.read(async db => {
    const last =
      after === undefined
        ? undefined
        : await db
            .selectFrom('mailbox_message')
            .select(['posted_at', 'id'])
            .where('id', '=', after)
            .executeTakeFirst()
    let query = db
      .selectFrom('mailbox_message')
      .innerJoin('mailbox_box', 'mailbox_box.id', 'recipient_box')
      .selectAll('mailbox_message')
      .select('mailbox_box.name')
      .where('sender_box', '=', box.id)
      .where('sealed', 'is not', null)
      .orderBy('posted_at', 'desc')
      .orderBy('mailbox_message.id', 'desc')
      .limit(limit)
    if (last !== undefined)
      query = query.where(eb =>
        eb.or([
          eb('posted_at', '<', last.posted_at),
          eb.and([eb('posted_at', '=', last.posted_at), eb('mailbox_message.id', '<', last.id)]),
        ]),
      )
    const found = await world.personKeys.find(db, box.keyId)
    if (found.kind !== 'present') return []
    return (await query.execute()).flatMap(row => {
      if (row.sender_key === null || row.sealed === null) return []
      const content = MessageKey.open(row.id, found.key, row.sender_key).openContent(row.sealed)
      const { subject, body, recipient } = content
      const { id, kind, state } = row
      const recipientName = row.name ?? undefined
      const postedAt = row.posted_at
      return [{ id, kind, subject, body, recipient, recipientName, state, postedAt }]
    })
  })
}

function rowsOf(db: Reader<MailTables>, shelf: Shelf, at: Instant) {
  const { folder, after, before } = shelf
  let query = db
    .selectFrom('mailbox_message')
    .selectAll()
    .where(
      'recipient_box',
      'in',
      shelf.boxes.map(box => box.id),
    )
    .where('state', 'in', ['delivered', 'read'])
    .where('sealed', 'is not', null)
    .where(eb =>
      eb.or([eb('state', '=', 'read'), eb('expires_at', 'is', null), eb('expires_at', '>', at)]),
    )
    .limit(shelf.limit)
  if (folder !== undefined) query = query.where('folder', '=', folder)
  if (after !== undefined) return query.where('number', '>', after).orderBy('number')
  if (before !== undefined)
    query = query.where(eb =>
      eb.or([
        eb('delivered_at', '<', before.at),
        eb.and([eb('delivered_at', '=', before.at), eb('id', '<', before.id)]),
      ]),
    )
  return query.orderBy('delivered_at', 'desc').orderBy('id', 'desc')
}

/** The keys of boxes by box; one whose owner was erased has none. */
async function keysFor(db: Reader<MailTables>, world: World, boxes: readonly Box[]) {
  const keys = await world.personKeys.findAll(
    db,
    boxes.map(box => box.keyId),
  )
  return new Map(
    boxes.flatMap(box => {
      const key = keys.get(box.keyId)
      return key === undefined ? [] : [[box.id, key] as const]
    }),
  )
}

function open(row: Row, keys: ReadonlyMap<string, PersonKey>) {
  const box = keys.get(row.recipient_box)
  if (box === undefined || row.recipient_key === null || row.sealed === null) return undefined
  const key = MessageKey.open(row.id, box, row.recipient_key)
  return { key, content: key.openContent(row.sealed) }
}

function isOver(row: Row, at: Instant): boolean {
  return row.state === 'delivered' && row.expires_at !== null && row.expires_at <= at
}

function shelvedOf(row: Row, content: Content): Shelved {
  return {
    id: row.id,
    boxId: row.recipient_box,
    number: row.number ?? 0,
    from: content.from,
    kind: row.kind,
    subject: content.subject,
    state: row.state === 'read' ? 'read' : 'delivered',
    folder: row.folder,
    deliveredAt: row.delivered_at ?? 0,
    expiresAt: row.expires_at ?? undefined,
    documents: content.documents.map(receivedOf),
  }
}

/** A document as its recipient sees it. */
export function receivedOf(document: KeptDocument): MailDocumentReceived {
  const { name, mediaType, length, sha256, verdict, withheld } = document
  return {
    name,
    mediaType,
    length,
    sha256,
    isWithheld: withheld === true,
    ...(verdict === undefined
      ? {}
      : {
          verification: {
            verdict: verdict.verdict,
            judgedAt: new Date(verdict.judgedAt).toISOString(),
            signatures: verdict.signatures.map(one => ({ ...one, reasons: [...one.reasons] })),
          },
        }),
  }
}

/** Full and half width, and case, are alike to whoever searches. */
function comparable(text: string): string {
  return text.normalize('NFKC').toLowerCase().replaceAll(/\s+/g, ' ').trim()
}

const pageLength = 200
const searchedMax = 20_000
