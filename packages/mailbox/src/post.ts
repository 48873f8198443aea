/**
 * Posting (C11): message, receipts, ledger entries and, where nothing has to be checked, delivery are one transaction. A message that is posted
 * again under the sender's key is the same message, however often and wherever it was cut off before.
 */
import { createHash, createHmac } from 'node:crypto'
import { type MailKind, type MailParty, type MailState, Refusal } from '@sekisho/contract'
import type { LedgerSchema } from '@sekisho/ledger'
import type { PlatformTables, World } from '@sekisho/platform/room'
import { type Instant, protocolNow } from '@sekisho/runtime/clock'
import type { PersonKeyTables } from '@sekisho/runtime/keys'
import { type SqlBool, sql, type Transaction } from '@sekisho/runtime/store'
import { type Box, boxesOf, keysOf, type Owner } from './box.ts'
import { type Content, type KeptDocument, MessageKey } from './content.ts'
import { entries } from './entry.ts'
import { noteArrivals } from './arrival.ts'
import { countSent, takePlaces } from './quota.ts'
import { recordHappenings } from './receipt.ts'
import type { MailboxTables } from './table.ts'

/** The tables that posting writes. */
export type MailTables = PlatformTables & MailboxTables & LedgerSchema & PersonKeyTables

/** A document as it is posted: its bytes, or a file that lies in the folder already. */
export type PostedDocument = {
  readonly name: string
  readonly mediaType: string
} & (
  | { readonly bytes: Uint8Array }
  | {
      readonly file: string
      readonly key: string
      readonly length: number
      readonly sha256: string
    }
)

/** What is posted. */
export type Posting = {
  readonly from: Owner
  readonly to: Owner
  readonly kind: MailKind
  readonly subject: string
  readonly body: string
  readonly documents: readonly PostedDocument[]
  /** The sender's own name for it: the same one again with the same content is the same message. */
  readonly key: string
  readonly expiresAt?: Instant | undefined
  /** Under which name a provider is known that has no organisation's box. */
  readonly senderName?: string | undefined
  /** How the recipient is to know the sender; without it by the box. */
  readonly shownFrom?: MailParty | undefined
  /** How the sender knows the recipient, for receipts; without it by the box. */
  readonly shownTo?: string | undefined
  readonly forwarded?: Content['forwarded'] | undefined
}

/** What came of it. */
export type Posted = {
  readonly id: string
  readonly state: MailState
  readonly postedAt: Instant
  /** Whether this call made it. */
  readonly isNew: boolean
}

/** A post of the same key was being written at the same time; the transaction must be run again. */
export class PostedAtOnce extends Error {}

/**
 * Posts one message inside a transaction of the caller's. Refusals `mailbox-unknown`, `mailbox-full`, `mail-limit`, `idempotency-conflict`.
 * Without documents it is delivered when the transaction commits; with some, after their checks.
 */
export async function postMessage<Tables extends MailTables>(
  tx: Transaction<Tables>,
  world: World,
  posting: Posting,
): Promise<Posted> {
  // Tables of the caller's own change nothing about those that posting knows.
  const [posted] = await postAll(tx as unknown as Transaction<MailTables>, world, [posting])
  if (posted === undefined) throw new Error('one posting has one result')
  return posted
}

/** Posts several at once, each answered as `postMessage` does, in order. */
export async function postAll(
  tx: Transaction<MailTables>,
  world: World,
  postings: readonly Posting[],
): Promise<readonly Posted[]> {
  const at = world.clock.now()
  const box = await boxesOf(
    tx,
    world.random,
    postings.flatMap(({ from, to }) => [from, to]),
    at,
  )
  const drafts = postings.map(posting =>
    draftOf(world, posting, box(posting.from), box(posting.to)),
  )
  const done = await findPosted(tx, drafts)
  const fresh = new Map<string, Draft>()
  for (const draft of drafts) {
    const other = done.get(draft.name) ?? fresh.get(draft.name)
    if (other === undefined) fresh.set(draft.name, draft)
    else if (other.hash !== draft.hash) throw new Refusal('idempotency-conflict')
  }
  const made = await write(tx, world, [...fresh.values()], at)
  return drafts.map(draft => {
    const before = done.get(draft.name)
    if (before !== undefined) return { ...before, isNew: false }
    const now = made.get(draft.name)
    if (now === undefined) throw new Error('a draft that was not written')
    return { ...now, isNew: fresh.get(draft.name) === draft }
  })
}

type Draft = {
  readonly name: string
  readonly hash: string
  readonly posting: Posting
  readonly sender: Box
  readonly recipient: Box
}

function draftOf(world: World, posting: Posting, sender: Box, recipient: Box): Draft {
  if (posting.expiresAt !== undefined && posting.expiresAt <= world.clock.now())
    throw new Refusal('request-malformed', { fields: 'expiresAt' })
  return {
    name: `${sender.id} ${posting.key}`,
    hash: hashOf(world, posting, recipient),
    posting,
    sender,
    recipient,
  }
}

/** A keyed hash: nobody who reads the table can try what a message may have said. */
function hashOf(world: Pick<World, 'questionKey'>, posting: Posting, recipient: Box): string {
  const { kind, subject, body, expiresAt } = posting
  const documents = posting.documents.map(one => [
    one.name,
    one.mediaType,
    'bytes' in one ? sha256(one.bytes) : one.sha256,
  ])
  return createHmac('sha256', world.questionKey)
    .update('mailbox posting\0')
    .update(JSON.stringify([recipient.id, kind, subject, body, expiresAt ?? null, documents]))
    .digest('hex')
}

async function findPosted(tx: Transaction<MailTables>, drafts: readonly Draft[]) {
  const rows = await tx
    .selectFrom('mailbox_message')
    .select(['id', 'sender_box', 'request_key', 'request_hash', 'state', 'posted_at'])
    .where(
      sql<SqlBool>`(sender_box, request_key) in (select * from unnest(
        ${drafts.map(one => one.sender.id)}::text[],
        ${drafts.map(one => one.posting.key)}::text[]))`,
    )
    .execute()
  return new Map(
    rows.map(row => [
      `${row.sender_box} ${row.request_key}`,
      { id: row.id, state: row.state, postedAt: row.posted_at, hash: row.request_hash },
    ]),
  )
}

async function write(
  tx: Transaction<MailTables>,
  world: World,
  drafts: readonly Draft[],
  at: Instant,
): Promise<Map<string, Posted>> {
  const made = new Map<string, Posted>()
  if (drafts.length === 0) return made
  for (const [boxId, { sender, count }] of countBy(drafts, draft => draft.sender.id))
    await countSent(tx, { boxId, kind: sender.kind, count }, at)
  const key = await keysOf(
    tx,
    world,
    drafts.flatMap(({ sender, recipient }) => [sender, recipient]),
    at,
  )
  const messages = drafts.map(draft => {
    const { posting, sender, recipient } = draft
    const id = world.random.token(idBits)
    const content = contentOf(posting, sender, recipient)
    const boxes = { sender: key(sender), recipient: key(recipient) }
    const { key: own, wrapped } = MessageKey.make(id, boxes, world.random)
    const sealed = own.sealContent(content, world.random)
    const bytes = sealed.length + content.documents.reduce((sum, one) => sum + one.length, 0)
    const isAtOnce = posting.documents.length === 0
    return { draft, id, content, own, wrapped, sealed, bytes, isAtOnce, senderKey: boxes.sender }
  })
  const numbers = await numberAtOnce(tx, messages)
  const { numInsertedOrUpdatedRows } = await tx
    .insertInto('mailbox_message')
    .values(
      messages.map(({ draft, id, wrapped, sealed, bytes, isAtOnce }) => ({
        id,
        sender_box: draft.sender.id,
        recipient_box: draft.recipient.id,
        kind: draft.posting.kind,
        state: isAtOnce ? ('delivered' as const) : ('posted' as const),
        number: numbers.get(id) ?? null,
        sealed,
        sender_key: wrapped.sender,
        recipient_key: wrapped.recipient,
        bytes,
        folder: 'in' as const,
        request_key: draft.posting.key,
        request_hash: draft.hash,
        why: null,
        posted_at: at,
        delivered_at: isAtOnce ? at : null,
        read_at: null,
        ended_at: null,
        expires_at: draft.posting.expiresAt ?? null,
        moved_at: isAtOnce ? at : null,
        try_at: isAtOnce ? null : protocolNow(),
      })),
    )
    .onConflict(conflict => conflict.columns(['sender_box', 'request_key']).doNothing())
    .executeTakeFirstOrThrow()
  if (Number(numInsertedOrUpdatedRows) !== messages.length) throw new PostedAtOnce()
  await writeDocuments(tx, world, messages)
  await recordHappenings(
    tx,
    world,
    messages.map(({ draft, id, content, senderKey, isAtOnce }) => ({
      id,
      kind: draft.posting.kind,
      content,
      senderKey,
      happenings: [
        { event: 'posting' as const, at },
        ...(isAtOnce ? [{ event: 'delivery' as const, at }] : []),
      ],
    })),
    at,
  )
  await recordForPeople(tx, world, messages, at)
  await noteArrivals(
    tx,
    world,
    messages.flatMap(({ draft, isAtOnce }) =>
      isAtOnce && draft.recipient.kind === 'person' ? [draft.recipient.owner] : [],
    ),
  )
  for (const { draft, id, isAtOnce } of messages)
    made.set(draft.name, {
      id,
      state: isAtOnce ? 'delivered' : 'posted',
      postedAt: at,
      isNew: true,
    })
  return made
}

function contentOf(posting: Posting, sender: Box, recipient: Box): Content {
  const documents = posting.documents.map((one): KeptDocument => {
    const { name, mediaType } = one
    return 'bytes' in one
      ? { name, mediaType, length: one.bytes.length, sha256: sha256(one.bytes) }
      : { name, mediaType, length: one.length, sha256: one.sha256, key: one.key }
  })
  return {
    kind: posting.kind,
    subject: posting.subject,
    body: posting.body,
    documents,
    from: posting.shownFrom ?? partyOf(sender, posting.senderName),
    sender: addressOf(sender),
    audience: sender.providerId ?? addressOf(sender),
    recipient: posting.shownTo ?? addressOf(recipient),
    ...(posting.forwarded === undefined ? {} : { forwarded: posting.forwarded }),
  }
}

/** Of people nothing is told by themselves: who may know them by an id says so (`shownFrom`). */
function partyOf(box: Box, senderName: string | undefined): MailParty {
  if (box.kind === 'person') return { kind: 'person' }
  const name = (box.kind === 'provider' ? senderName : undefined) ?? box.name
  return { kind: box.kind, id: box.owner, ...(name === null ? {} : { name }) }
}

function addressOf(box: Box): string {
  return box.kind === 'person' ? 'person' : `${box.kind}:${box.owner}`
}

async function numberAtOnce(
  tx: Transaction<MailTables>,
  messages: readonly {
    readonly id: string
    readonly draft: Draft
    readonly bytes: number
    readonly isAtOnce: boolean
  }[],
): Promise<ReadonlyMap<string, number>> {
  const now = messages.filter(one => one.isAtOnce)
  const shares = new Map<string, { count: number; bytes: number; kind: Box['kind'] }>()
  for (const { draft, bytes } of now) {
    const { id, kind } = draft.recipient
    const share = shares.get(id) ?? { count: 0, bytes: 0, kind }
    shares.set(id, { kind, count: share.count + 1, bytes: share.bytes + bytes })
  }
  const next = new Map(
    await takePlaces(
      tx,
      [...shares].map(([boxId, share]) => ({ boxId, ...share })),
    ),
  )
  const numbers = new Map<string, number>()
  for (const { id, draft } of now) {
    const number = next.get(draft.recipient.id)
    if (number === undefined) throw new Error('a box without a number')
    numbers.set(id, number)
    next.set(draft.recipient.id, number + 1)
  }
  return numbers
}

async function writeDocuments(
  tx: Transaction<MailTables>,
  world: Pick<World, 'random'>,
  messages: readonly { readonly id: string; readonly draft: Draft; readonly own: MessageKey }[],
): Promise<void> {
  const rows = messages.flatMap(({ id, draft, own }) =>
    draft.posting.documents.map((one, position) => ({
      message_id: id,
      position,
      sealed: 'bytes' in one ? own.seal(`document ${position}`, one.bytes, world.random) : null,
      file: 'bytes' in one ? null : one.file,
    })),
  )
  if (rows.length > 0) await tx.insertInto('mailbox_document').values(rows).execute()
}

/** What people find in their own records. */
async function recordForPeople(
  tx: Transaction<MailTables>,
  world: Pick<World, 'ledger'>,
  messages: readonly { readonly id: string; readonly draft: Draft; readonly isAtOnce: boolean }[],
  at: Instant,
): Promise<void> {
  const told = (
    pick: (one: (typeof messages)[number]) => {
      readonly person: Box | undefined
      readonly other: Box
    },
  ) =>
    messages.flatMap(one => {
      const { person, other } = pick(one)
      if (person?.kind !== 'person') return []
      return [
        {
          at,
          personId: person.owner,
          providerId: other.providerId ?? undefined,
          values: { message: one.id, kind: one.draft.posting.kind },
        },
      ]
    })
  await world.ledger.recordAll(
    tx,
    entries['mailbox.message-delivered'],
    told(({ draft, isAtOnce }) => ({
      person: isAtOnce ? draft.recipient : undefined,
      other: draft.sender,
    })),
  )
  await world.ledger.recordAll(
    tx,
    entries['mailbox.message-sent'],
    told(({ draft }) => ({ person: draft.sender, other: draft.recipient })),
  )
}

function countBy(drafts: readonly Draft[], name: (draft: Draft) => string) {
  const counts = new Map<string, { sender: Box; count: number }>()
  for (const draft of drafts) {
    const before = counts.get(name(draft))
    counts.set(name(draft), { sender: draft.sender, count: (before?.count ?? 0) + 1 })
  }
  return new Map([...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Senders see the id; it tells nothing. */
const idBits = 128
