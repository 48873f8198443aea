/** What other rooms read: messages to an organisation's or a system's box, by a cursor that never skips one. */
import type { World } from '@sekisho/platform/room'
import type { Store } from '@sekisho/runtime/store'
import { type Box, findBox, type Owner } from './box.ts'
import type { Content, MessageKey } from './content.ts'
import { documentToPost } from './forward.ts'
import type { MailTables, PostedDocument } from './post.ts'
import { openPage, type Shelved } from './shelf.ts'

/** A message with all that it says. */
export type ArrivedMessage = Omit<Shelved, 'documents'> & {
  readonly content: Content
  /** Reads its documents. */
  documents(): Promise<readonly PostedDocument[]>
}

/**
 * The messages of a box after a number, oldest first. Numbers are committed in their order, so that whoever keeps the last one with what they
 * did about it, in one transaction, sees each message once and misses none.
 */
export async function messagesAfter(
  world: World,
  store: Store<MailTables>,
  given: { readonly owner: Owner; readonly after: number; readonly limit: number },
): Promise<readonly ArrivedMessage[]> {
  const box = await store.read(db => findBox(db, given.owner))
  if (box === undefined) return []
  return arrived(world, store, box, given)
}

async function arrived(
  world: World,
  store: Store<MailTables>,
  box: Box,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly ArrivedMessage[]> {
  const { opened } = await openPage(world, store, { boxes: [box], after, limit })
  return opened.map(({ shelved, content, key }) => ({
    ...shelved,
    content,
    documents: () => documentsOf(store, shelved.id, content, key),
  }))
}

async function documentsOf(
  store: Store<MailTables>,
  id: string,
  content: Content,
  key: MessageKey,
): Promise<readonly PostedDocument[]> {
  return store.read(async db => {
    const found: PostedDocument[] = []
    for (const [position, document] of content.documents.entries())
      found.push(await documentToPost(db, { id, key, position, document }))
    return found
  })
}
