/**
 * Notices that something came: written in the transaction of the delivery, sent afterwards as often as it takes. However many messages come before
 * one is sent, it is one; sent twice because a node died in between, it bears the same Message-ID.
 */
import type { World } from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import { contactOf } from './contact.ts'
import { messages } from './log-message.ts'
import type { Mailer } from './mailer.ts'
import type { MailTables } from './post.ts'

/** Sends what is due; how many were sent. What the server does not take now is tried again, for three days. */
export async function sendNotices({
  world,
  store,
  mailer,
}: {
  readonly world: World
  readonly store: Store<MailTables>
  readonly mailer: Mailer
}): Promise<number> {
  let sent = 0
  for (;;) {
    const due = await claim(store)
    if (due.length === 0) return sent
    for (const { person_id: personId, id, tries } of due) {
      const contact = await store.read(db => contactOf(db, world, personId))
      const isWanted = contact?.isConfirmed === true && tries < triesMax
      if (isWanted)
        try {
          await mailer.sendNotice(contact.address, id)
          sent += 1
        } catch (error) {
          // The server's words may hold the address.
          if (!(error instanceof Error)) throw error
          world.log.write(messages['mailbox.notice-waits'], { tries })
          continue
        }
      await store.transaction(tx =>
        tx
          .deleteFrom('mailbox_notice')
          .where('person_id', '=', personId)
          .where('id', '=', id)
          .execute(),
      )
    }
  }
}

/** Takes notices for a while; each further try comes later than the last. */
async function claim(store: Store<MailTables>) {
  const now = protocolNow()
  return store.transaction(async tx => {
    const due = await tx
      .selectFrom('mailbox_notice')
      .selectAll()
      .where('try_at', '<=', now)
      .orderBy('try_at')
      .limit(claimedMax)
      .forUpdate()
      .skipLocked()
      .execute()
    for (const { person_id: personId, tries } of due)
      await tx
        .updateTable('mailbox_notice')
        .set({ try_at: now + Math.min(leaseMs * 2 ** tries, pauseMsMax), tries: tries + 1 })
        .where('person_id', '=', personId)
        .execute()
    return due
  })
}

const claimedMax = 50
/** Longer than a server is waited for. */
const leaseMs = 60_000
const pauseMsMax = 4 * 3600 * 1000
/** Some three days. */
const triesMax = 25
