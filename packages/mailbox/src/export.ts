/** A box taken along: every message with its documents, every message that was sent with its receipts, as one ZIP of any size. */
import type { World } from '@sekisho/platform/room'
import type { Store } from '@sekisho/runtime/store'
import type { Box } from './box.ts'
import { type Documents, once } from './document.ts'
import { entries } from './entry.ts'
import type { MailTables } from './post.ts'
import { receiptsOf } from './receipt.ts'
import { listSent, openPage, type Shelf } from './shelf.ts'
import { type ZipEntry, zipStream } from './zip.ts'

type Parts = {
  readonly world: World
  readonly store: Store<MailTables>
  readonly documents: Documents
}

/** The archive. That it was made stands in the ledger before its first byte. */
export async function exportBoxes(
  parts: Parts,
  given: { readonly boxes: readonly Box[]; readonly personId: string },
): Promise<AsyncIterable<Uint8Array>> {
  const { world, store } = parts
  const at = world.clock.now()
  await store.transaction(tx =>
    world.ledger.record(tx, entries['mailbox.exported'], {
      at,
      personId: given.personId,
      values: { boxes: given.boxes.length },
    }),
  )
  return zipStream(filesOf(parts, given.boxes), new Date(at))
}

async function* filesOf(parts: Parts, boxes: readonly Box[]): AsyncIterable<ZipEntry> {
  yield* received(parts, boxes)
  yield* sent(parts, boxes)
}

async function* received(parts: Parts, boxes: readonly Box[]): AsyncIterable<ZipEntry> {
  const { world, store, documents } = parts
  let before: Shelf['before']
  let count = 0
  do {
    const page = await openPage(world, store, { boxes, limit: pageLength, before })
    for (const { shelved, content } of page.opened) {
      count += 1
      const folder = `received/${String(count).padStart(5, '0')}`
      const { boxId: _boxId, ...told } = shelved
      yield json(`${folder}/message.json`, {
        ...told,
        deliveredAt: new Date(shelved.deliveredAt).toISOString(),
        body: content.body,
        ...(content.forwarded === undefined ? {} : { forwarded: content.forwarded }),
      })
      const box = boxes.find(one => one.id === shelved.boxId)
      if (box === undefined) throw new Error('a message of no box')
      const message = { id: shelved.id, content }
      for (const [position, { name }] of content.documents.entries())
        yield {
          name: `${folder}/documents/${position + 1}-${name}`,
          bytes: await documents.read({ box, message, position }),
        }
    }
    before = page.next
  } while (before !== undefined)
}

async function* sent(parts: Parts, boxes: readonly Box[]): AsyncIterable<ZipEntry> {
  const { world, store } = parts
  let count = 0
  for (const box of boxes) {
    let after: string | undefined
    for (;;) {
      const page = await listSent(world, store, { box, limit: pageLength, after })
      for (const message of page) {
        count += 1
        const folder = `sent/${String(count).padStart(5, '0')}`
        const { id, subject, body, state, kind, recipient } = message
        yield json(`${folder}/message.json`, { id, kind, recipient, state, subject, body })
        yield json(`${folder}/receipts.json`, await receiptsOf(world, store, box, id))
      }
      if (page.length < pageLength) break
      after = page.at(-1)?.id
    }
  }
}

function json(name: string, value: unknown): ZipEntry {
  return { name, bytes: once(new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)) }
}

const pageLength = 100
