/**
 * Where a person wants to be told that something came: an address that they have confirmed by a code sent to it. It is told to nobody, and no mail to
 * it says more than that a message waits.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type { World } from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Random } from '@sekisho/runtime/random'
import type { Reader, Store, Transaction } from '@sekisho/runtime/store'
import { entries } from './entry.ts'
import type { Mailer } from './mailer.ts'
import type { MailTables } from './post.ts'

/** What is known of a person's address. */
export type Contact = { readonly address: string; readonly isConfirmed: boolean }

/** A person's address; undefined: none. */
export async function contactOf(
  db: Reader<MailTables>,
  world: Pick<World, 'personKeys'>,
  personId: string,
): Promise<Contact | undefined> {
  const row = await db
    .selectFrom('mailbox_contact')
    .select(['sealed', 'confirmed_at'])
    .where('person_id', '=', personId)
    .executeTakeFirst()
  const found = await world.personKeys.find(db, personId)
  if (row === undefined || found.kind !== 'present') return undefined
  const address = new TextDecoder().decode(found.key.open(place, row.sealed))
  return { address, isConfirmed: row.confirmed_at !== null }
}

/**
 * Takes an address and sends the code to it. One that was there before is forgotten. Refusals `request-malformed` for none that mail can be sent
 * to, `code-limit` for a further one within a minute.
 */
export async function offerContact(
  { world, store, mailer }: ContactWorld,
  personId: string,
  address: string,
): Promise<void> {
  if (!/^[^\s@<>"]{1,64}@[a-z\d](?:[a-z\d.-]{0,250}[a-z\d])?$/i.test(address))
    throw new Refusal('request-malformed', { fields: 'address' })
  const code = codeOf(world.random)
  const now = protocolNow()
  await store.transaction(async tx => {
    const key = await world.personKeys.ensure(tx, personId, world.clock.now())
    const row = {
      sealed: key.seal(place, new TextEncoder().encode(address)),
      code_hash: hashOf(personId, code),
      code_until: now + codeLifeMs,
      tries: 0,
      sent_at: now,
      confirmed_at: null,
    }
    const taken = await tx
      .insertInto('mailbox_contact')
      .values({ person_id: personId, ...row })
      .onConflict(conflict =>
        conflict
          .column('person_id')
          .doUpdateSet(row)
          .where('mailbox_contact.sent_at', '<=', now - pauseMs),
      )
      .executeTakeFirst()
    if (taken.numInsertedOrUpdatedRows !== 1n) throw new Refusal('code-limit')
  })
  await mailer.sendCode(address, world.random.token(128), code)
}

/** What contacts are kept with. */
export type ContactWorld = {
  readonly world: World
  readonly store: Store<MailTables>
  readonly mailer: Mailer
}

/** Confirms the address by its code. Refusal `code-wrong`, also after too many tries and too late. */
export async function confirmContact(
  { world, store }: Omit<ContactWorld, 'mailer'>,
  personId: string,
  code: string,
): Promise<void> {
  const isRight = await store.transaction(async tx => {
    const row = await tx
      .updateTable('mailbox_contact')
      .set(eb => ({ tries: eb('tries', '+', 1) }))
      .where('person_id', '=', personId)
      .where('tries', '<', triesMax)
      .where('code_until', '>', protocolNow())
      .where('confirmed_at', 'is', null)
      .returning('code_hash')
      .executeTakeFirst()
    // A wrong try counts also when it is refused: it is committed before.
    if (row === undefined || row.code_hash !== hashOf(personId, code.trim())) return false
    await confirm(tx, world, personId)
    return true
  })
  if (!isRight) throw new Refusal('code-wrong')
}

async function confirm(tx: Transaction<MailTables>, world: World, personId: string): Promise<void> {
  const at = world.clock.now()
  await tx
    .updateTable('mailbox_contact')
    .set({ confirmed_at: at })
    .where('person_id', '=', personId)
    .execute()
  await world.ledger.record(tx, entries['mailbox.contact-confirmed'], { at, personId, values: {} })
}

/** Forgets the address, and what waits to be sent to it. */
export async function forgetContact(store: Store<MailTables>, personId: string): Promise<void> {
  await store.transaction(async tx => {
    await tx.deleteFrom('mailbox_contact').where('person_id', '=', personId).execute()
    await tx.deleteFrom('mailbox_notice').where('person_id', '=', personId).execute()
  })
}

/** Six digits, each as likely as any other. */
function codeOf(random: Random): string {
  for (;;) {
    const drawn = Buffer.from(random.bytes(4)).readUInt32BE()
    // 4294 millions are whole; what is above would make some codes likelier.
    if (drawn < 4_294_000_000) return String(drawn % 1_000_000).padStart(6, '0')
  }
}

function hashOf(personId: string, code: string): string {
  return createHash('sha256').update(`mailbox code\0${personId}\0${code}`).digest('hex')
}

const place = 'mailbox.contact'
const codeLifeMs = 10 * 60 * 1000
const triesMax = 5
const pauseMs = 60_000
