/**
 * The carrier: looks at messages whose documents wait for their checks, and delivers or rejects them. What cannot be checked now waits and is
 * tried again; nothing is lost and nothing unchecked is delivered. Any node may carry any message: the step at the end happens once.
 */
import { Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import type { Content } from './content.ts'
import { deliver, reject } from './life.ts'
import { messages } from './log-message.ts'
import type { MailTables } from './post.ts'

/** What the checks say. */
export type Checked =
  | { readonly kind: 'passed'; readonly amend: (content: Content) => Content }
  | { readonly kind: 'failed'; readonly why: string }
  /** Something that is needed cannot be reached. */
  | { readonly kind: 'waits' }

/** Checks the documents of a message that waits. */
export type Check = (id: string) => Promise<Checked>

/** Carries what is due; how many messages came to an end of their waiting. */
export async function carryDue(
  world: World,
  store: Store<MailTables>,
  check: Check,
): Promise<number> {
  let carried = 0
  for (;;) {
    const ids = await claimDue(store)
    if (ids.length === 0) return carried
    for (const id of ids) if (await carry(world, store, check, id)) carried += 1
  }
}

async function carry(
  world: World,
  store: Store<MailTables>,
  check: Check,
  id: string,
): Promise<boolean> {
  const found = await check(id)
  switch (found.kind) {
    case 'waits':
      return false
    case 'failed':
      return store.transaction(tx => reject(tx, world, id, found.why))
    case 'passed':
      try {
        return await store.transaction(tx => deliver(tx, world, id, found.amend))
      } catch (error) {
        // The box is full: the message waits until there is room, or its time is over.
        if (!(error instanceof Refusal)) throw error
        world.log.write(messages['mailbox.delivery-waits'], { refusal: error.code })
        return false
      }
    default:
      return found satisfies never
  }
}

/** Takes messages for a while; when this node dies, another takes them after it. Each further try comes later than the last. */
async function claimDue(store: Store<MailTables>): Promise<readonly string[]> {
  const now = protocolNow()
  return store.transaction(async tx => {
    const due = await tx
      .selectFrom('mailbox_message')
      .select(['id', 'tries'])
      .where('state', '=', 'posted')
      .where('try_at', '<=', now)
      .orderBy('try_at')
      .limit(claimedMax)
      .forUpdate()
      .skipLocked()
      .execute()
    for (const { id, tries } of due)
      await tx
        .updateTable('mailbox_message')
        .set({ try_at: now + Math.min(leaseMs * 2 ** tries, pauseMsMax), tries: tries + 1 })
        .where('id', '=', id)
        .execute()
    return due.map(row => row.id)
  })
}

const claimedMax = 16
/** Longer than any check takes that is not broken. */
const leaseMs = 30_000
const pauseMsMax = 15 * 60 * 1000
