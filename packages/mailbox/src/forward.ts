/**
 * Passing on (C11, flows.md §17): the owner of a box names an addressee, and what came into the box goes there, with its documents as they came.
 * Documents in files are not copied: both messages have the key of the file.
 */
import { Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import type { Reader, Store } from '@sekisho/runtime/store'
import type { Box, Owner } from './box.ts'
import type { KeptDocument, MessageKey } from './content.ts'
import type { MailTables, PostedDocument, Posting } from './post.ts'
import { messageKeyFor, openMessage } from './shelf.ts'

/** What to pass on, and to whom. */
export type Forwarding = {
  readonly boxes: readonly Box[]
  readonly id: string
  readonly from: Owner
  readonly to: Owner
  /** Which documents; without it all. */
  readonly documents?: readonly number[] | undefined
  /** What the owner writes to it. */
  readonly note: string
  readonly key: string
  readonly shownFrom?: Posting['shownFrom']
}

/** A document of a message, as it can be posted again. */
export async function documentToPost(
  db: Reader<MailTables>,
  given: {
    readonly id: string
    readonly key: MessageKey
    readonly position: number
    readonly document: KeptDocument
  },
): Promise<PostedDocument> {
  const { id, key, position, document } = given
  const { name, mediaType } = document
  const row = await db
    .selectFrom('mailbox_document')
    .select(['sealed', 'file'])
    .where('message_id', '=', id)
    .where('position', '=', position)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('message-unknown')
  if (row.file !== null && document.key !== undefined) {
    const { length, sha256 } = document
    return { name, mediaType, file: row.file, key: document.key, length, sha256 }
  }
  if (row.sealed === null) throw new Refusal('message-unknown')
  return { name, mediaType, bytes: key.unseal(`document ${position}`, row.sealed) }
}

/** Makes the posting that passes a message on. Refusal `message-unknown`. */
export async function forwardOf(
  world: World,
  store: Store<MailTables>,
  given: Forwarding,
): Promise<Posting> {
  const message = await openMessage(world, store, {
    boxes: given.boxes,
    id: given.id,
    asReader: true,
  })
  const box = given.boxes.find(one => one.id === message.boxId)
  if (box === undefined) throw new Refusal('message-unknown')
  const key = await messageKeyFor(world, store, box, given.id)
  const wanted = new Set(given.documents ?? message.content.documents.keys())
  const documents: PostedDocument[] = []
  for (const [position, document] of message.content.documents.entries()) {
    if (!wanted.has(position)) continue
    const found = await store.read(db =>
      documentToPost(db, { id: given.id, key, position, document }),
    )
    documents.push(found)
  }
  return {
    from: given.from,
    to: given.to,
    kind: message.kind,
    subject: message.subject,
    body: given.note,
    documents,
    key: given.key,
    shownFrom: given.shownFrom,
    forwarded: { from: message.from, deliveredAt: message.deliveredAt },
  }
}
