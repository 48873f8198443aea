/** A provider as sender (C11): whom it may write to, how its posts come together in transactions, and how they stand. */
import { type MailAddress, type mailPosting, type MailStanding, Refusal } from '@sekisho/contract'
import { isCorporateNumber, municipalityOf } from '@sekisho/contract/japan'
import {
  findProvider,
  knownSubject,
  personOfSubject,
  type Provider,
  type World,
} from '@sekisho/platform/room'
import { groupCommit, type Store } from '@sekisho/runtime/store'
import type { z } from 'zod'
import { type Box, boxById, findBox, type Owner, ownerOf } from './box.ts'
import { withdraw } from './life.ts'
import {
  type MailTables,
  postAll,
  type Posted,
  PostedAtOnce,
  type PostedDocument,
  type Posting,
} from './post.ts'

/** Posts; calls that are there at the same time share a transaction. */
export type Poster = (posting: Posting) => Promise<Posted>

/** Makes the poster of a node. */
export function createPoster(world: World, store: Store<MailTables>): Poster {
  const post = groupCommit(
    store,
    (tx, postings: readonly Posting[]) => postAll(tx, world, postings),
    { itemsMax: groupMax },
  )
  return async posting => {
    for (let attempt = 1; ; attempt++)
      try {
        return await post(posting)
      } catch (error) {
        if (!(error instanceof PostedAtOnce) || attempt === attemptsMax) throw error
      }
  }
}

/**
 * What a provider posts, as it is posted for its box. Refusals `person-unknown` for a subject that it does not know, `mailbox-unknown` for
 * another addressee who has no box, `message-unknown` for an answer to what it did not get, `request-malformed`.
 */
export async function postingOf(
  world: World,
  store: Store<MailTables>,
  provider: Pick<Provider, 'id' | 'name'>,
  given: {
    readonly request: z.output<typeof mailPosting>
    readonly documents: readonly PostedDocument[]
    readonly key: string
  },
): Promise<Posting> {
  const { request, documents, key } = given
  const { to, kind, subject, body, expiresAt } = request
  const addressee = await addresseeOf(world, store, provider, to)
  return {
    from: { kind: 'provider', providerId: provider.id },
    to: addressee.owner,
    shownTo: addressee.shown,
    senderName: provider.name,
    kind,
    subject,
    body,
    documents,
    key,
    expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
  }
}

/** Whom an address of a provider's means. Refusals as with {@link postingOf}. */
export async function addresseeOf(
  world: World,
  store: Store<MailTables>,
  provider: Pick<Provider, 'id'>,
  to: MailAddress,
): Promise<{ readonly owner: Owner; readonly shown: string | undefined }> {
  if ('subject' in to) {
    const personId = await store.read(db => personOfSubject(db, provider.id, to.subject))
    if (personId === undefined) throw new Refusal('person-unknown')
    return { owner: { kind: 'person', personId }, shown: `subject:${to.subject}` }
  }
  if ('organisation' in to) {
    if (!isCorporateNumber(to.organisation))
      throw new Refusal('request-malformed', { fields: 'to.organisation' })
    return { owner: { kind: 'organisation', number: to.organisation }, shown: undefined }
  }
  if ('municipality' in to) {
    if (municipalityOf(to.municipality) === undefined)
      throw new Refusal('request-malformed', { fields: 'to.municipality' })
    return { owner: { kind: 'municipality', code: to.municipality }, shown: undefined }
  }
  if ('provider' in to) {
    const found = await findProvider(world.store, to.provider)
    if (found === undefined) throw new Refusal('mailbox-unknown')
    return { owner: { kind: 'provider', providerId: to.provider }, shown: undefined }
  }
  return senderOf(store, provider, to.replyTo)
}

/** Whoever sent a message that lies in the provider's box. */
async function senderOf(
  store: Store<MailTables>,
  provider: Pick<Provider, 'id'>,
  id: string,
): Promise<{ readonly owner: Owner; readonly shown: string | undefined }> {
  return store.read(async db => {
    const own = await findBox(db, { kind: 'provider', providerId: provider.id })
    const row = await db
      .selectFrom('mailbox_message')
      .select(['sender_box', 'recipient_box', 'state'])
      .where('id', '=', id)
      .executeTakeFirst()
    const isThere = row?.state === 'delivered' || row?.state === 'read'
    if (row === undefined || !isThere || row.recipient_box !== own?.id)
      throw new Refusal('message-unknown')
    const sender = await boxById(db, row.sender_box)
    if (sender.kind !== 'person') return { owner: ownerOf(sender), shown: undefined }
    const known = await knownSubject(db, { providerId: provider.id, personId: sender.owner })
    return { owner: ownerOf(sender), shown: known === undefined ? undefined : `subject:${known}` }
  })
}

/** How a message of this sender stands. Refusal `message-unknown` for another's. */
export async function standingOf(
  store: Store<MailTables>,
  sender: Box | undefined,
  id: string,
): Promise<MailStanding> {
  const row = await store.read(db =>
    db
      .selectFrom('mailbox_message')
      .select([
        'id',
        'state',
        'posted_at',
        'delivered_at',
        'read_at',
        'ended_at',
        'why',
        'sender_box',
      ])
      .where('id', '=', id)
      .executeTakeFirst(),
  )
  if (row === undefined || row.sender_box !== sender?.id) throw new Refusal('message-unknown')
  const text = (at: number | null): string | null =>
    at === null ? null : new Date(at).toISOString()
  return {
    id,
    state: row.state,
    postedAt: new Date(row.posted_at).toISOString(),
    deliveredAt: text(row.delivered_at),
    readAt: text(row.read_at),
    endedAt: text(row.ended_at),
    why: row.why,
  }
}

/** Takes a message back that nobody has read. Refusals `message-unknown`, `message-finished`. */
export async function withdrawMessage(
  world: World,
  store: Store<MailTables>,
  sender: Box | undefined,
  id: string,
): Promise<MailStanding> {
  if (sender === undefined) throw new Refusal('message-unknown')
  await store.transaction(tx => withdraw(tx, world, sender, id))
  return standingOf(store, sender, id)
}

/** Calls in one transaction: after some hundred a commit costs little a message. */
const groupMax = 128
const attemptsMax = 3
