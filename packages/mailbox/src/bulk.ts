/**
 * Bulk post (D20): a file of messages, one a line, posted in batches. What a batch posts and how far the file is are one transaction, so that a node
 * that dies costs nothing but time, and each line keeps its own key besides. A line that cannot be posted is told as such; it stops nobody else.
 */
import { createReadStream } from 'node:fs'
import { type MailBulkLine, mailBulkLine, type MailBulkState, Refusal } from '@sekisho/contract'
import { peopleOfSubjects, type Provider, type Uploads, type World } from '@sekisho/platform/room'
import { protocolNow } from '@sekisho/runtime/clock'
import type { Selectable, Store, Transaction } from '@sekisho/runtime/store'
import { type Box, boxById, boxesOf, keysOf, type Owner } from './box.ts'
import { findOpen } from './opening.ts'
import { type MailTables, postAll, PostedAtOnce, type Posting } from './post.ts'
import { addresseeOf } from './sender.ts'
import type { MailboxTables } from './table.ts'
import type { Vault } from './vault.ts'

type Parts = {
  readonly world: World
  readonly store: Store<MailTables>
  readonly vault: Vault
  readonly uploads: Uploads
}

type Job = Selectable<MailboxTables['mailbox_bulk']>

/** Takes a file in. The same key with the same file is the same job. Refusals `idempotency-conflict`, `upload-unknown`, `upload-incomplete`. */
export async function beginBulk(
  { world, store, vault, uploads }: Parts,
  provider: Pick<Provider, 'id' | 'name'>,
  upload: string,
  key: string,
): Promise<MailBulkState> {
  const put = await uploads.use(provider.id, [upload], found => {
    const path = found.get(upload)?.path
    if (path === undefined) throw new Refusal('upload-unknown')
    return vault.put(createReadStream(path))
  })
  const at = world.clock.now()
  const { job, isNew } = await store.transaction(async tx => {
    const owner = { kind: 'provider', providerId: provider.id } as const
    const box = (await boxesOf(tx, world.random, [owner], at))(owner)
    const boxKey = (await keysOf(tx, world, [box], at))(box)
    const id = world.random.token(idBits)
    const made = await tx
      .insertInto('mailbox_bulk')
      .values({
        id,
        box_id: box.id,
        provider_id: provider.id,
        sender_name: provider.name,
        request_key: key,
        sha256: put.sha256,
        file: put.file,
        file_key: boxKey.seal(placeOf(id), Buffer.from(put.key, 'base64')),
        length: put.length,
        position: 0,
        lines: 0,
        posted: 0,
        postal: 0,
        refused: 0,
        created_at: at,
        ended_at: null,
        try_at: 0,
      })
      .onConflict(conflict => conflict.columns(['box_id', 'request_key']).doNothing())
      .returning('id')
      .executeTakeFirst()
    const row = await tx
      .selectFrom('mailbox_bulk')
      .selectAll()
      .where('box_id', '=', box.id)
      .where('request_key', '=', key)
      .executeTakeFirstOrThrow()
    return { job: row, isNew: made !== undefined }
  })
  if (!isNew) await vault.remove(put.file)
  if (job.sha256 !== put.sha256) throw new Refusal('idempotency-conflict')
  return stateOf(job)
}

/** How far a job of this provider is. Refusal `message-unknown`. */
export async function bulkState(
  store: Store<MailTables>,
  provider: Pick<Provider, 'id'>,
  id: string,
): Promise<MailBulkState> {
  const row = await store.read(db =>
    db
      .selectFrom('mailbox_bulk')
      .selectAll()
      .where('id', '=', id)
      .where('provider_id', '=', provider.id)
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('message-unknown')
  return stateOf(row)
}

/** Results after a line, as lines of JSON in the order of the file; so many at most, and none when that was the last. */
export async function bulkResults(
  store: Store<MailTables>,
  id: string,
  after: number,
): Promise<string> {
  const rows = await store.read(db =>
    db
      .selectFrom('mailbox_bulk_line')
      .select(['line', 'key', 'outcome', 'detail'])
      .where('job_id', '=', id)
      .where('line', '>', after)
      .orderBy('line')
      .limit(resultsAtOnce)
      .execute(),
  )
  return rows.map(row => `${JSON.stringify(row)}\n`).join('')
}

/** Posts what waits, for a while; true when something is left to do. */
export async function runBulk(parts: Parts): Promise<boolean> {
  const job = await claim(parts.store)
  if (job === undefined) return false
  const { world, store, vault } = parts
  const box = await store.read(db => boxById(db, job.box_id))
  const found = await store.read(db => world.personKeys.find(db, box.keyId))
  if (found.kind !== 'present' || job.file === null || job.file_key === null)
    throw new Error('a job without its file')
  const key = Buffer.from(found.key.open(placeOf(job.id), job.file_key)).toString('base64')
  const bytes = vault.read({ file: job.file, key, length: job.length }, job.position)
  const until = protocolNow() + turnMs
  let now: Job = job
  for await (const batch of batches(bytes, job.position)) {
    const next = await postBatch(parts, now, box, batch)
    // Another node took it over; it is theirs.
    if (next === undefined) return true
    now = next
    if (protocolNow() > until) break
  }
  if (now.position < now.length) {
    await release(store, now)
    return true
  }
  await finish(store, now)
  await vault.remove(job.file)
  return true
}

type Line = { readonly text: string; readonly end: number }
type Outcome = Omit<MailboxTables['mailbox_bulk_line'], 'job_id' | 'line'>

/** Lines and where in the file they end, some hundred at a time. */
async function* batches(
  bytes: AsyncIterable<Uint8Array>,
  start: number,
): AsyncIterable<readonly Line[]> {
  let held = Buffer.alloc(0)
  let end = start
  let batch: Line[] = []
  for await (const piece of bytes) {
    held = Buffer.concat([held, piece])
    let from = 0
    for (let at = held.indexOf(10); at !== -1; at = held.indexOf(10, from)) {
      end += at + 1 - from
      batch.push({ text: held.toString('utf8', from, at), end })
      from = at + 1
      if (batch.length < batchLength) continue
      yield batch
      batch = []
    }
    held = Buffer.from(held.subarray(from))
    // A line beyond any message is cut: its rest is read as further lines that are none.
    if (held.length > lineBytesMax) {
      end += held.length
      batch.push({ text: '', end })
      held = Buffer.alloc(0)
    }
  }
  if (held.length > 0) batch.push({ text: held.toString('utf8'), end: end + held.length })
  if (batch.length > 0) yield batch
}

/** A line as it can be posted: read, and with its addressee unless that is asked of the tables of people. */
type Planned = {
  readonly line: Line
  readonly read: MailBulkLine | undefined
  readonly refusal: string | undefined
  readonly addressee: Addressee | undefined
}
type Addressee = { readonly owner: Owner; readonly shown: string | undefined }

/** Undefined when another node was there first. */
async function postBatch(
  parts: Parts,
  job: Job,
  box: Box,
  lines: readonly Line[],
): Promise<Job | undefined> {
  const planned: Planned[] = []
  for (const line of lines) planned.push(await planOf(parts, job, line))
  try {
    return await parts.store.transaction(tx => postLines(tx, parts, job, box, planned))
  } catch (error) {
    if (!(error instanceof Refusal) && !(error instanceof PostedAtOnce)) throw error
  }
  // One of them cannot be posted: each by itself.
  let now: Job | undefined = job
  for (const one of planned) {
    if (now === undefined) return undefined
    now = await postAlone(parts, now, box, one)
  }
  return now
}

async function postAlone(
  parts: Parts,
  job: Job,
  box: Box,
  planned: Planned,
): Promise<Job | undefined> {
  for (let attempt = 1; ; attempt++)
    try {
      return await parts.store.transaction(tx => postLines(tx, parts, job, box, [planned]))
    } catch (error) {
      if (error instanceof PostedAtOnce && attempt < attemptsMax) continue
      if (!(error instanceof Refusal)) throw error
      const refused = refusedOf({ ...planned, refusal: error.code })
      return parts.store.transaction(tx => move(tx, job, [refused], planned.line.end))
    }
}

async function planOf(parts: Parts, job: Job, line: Line): Promise<Planned> {
  const read = readLine(line)
  const none = { line, addressee: undefined }
  if (read === undefined) return { ...none, read, refusal: 'request-malformed' }
  const { to } = read
  if ('person' in to || 'subject' in to) return { ...none, read, refusal: undefined }
  try {
    const provider = { id: job.provider_id }
    const addressee = await addresseeOf(parts.world, parts.store, provider, to)
    return { line, read, addressee, refusal: undefined }
  } catch (error) {
    if (error instanceof Refusal) return { ...none, read, refusal: error.code }
    throw error
  }
}

async function postLines(
  tx: Transaction<MailTables>,
  { world }: Parts,
  job: Job,
  box: Box,
  planned: readonly Planned[],
): Promise<Job | undefined> {
  const good = planned.flatMap(({ read }) => (read === undefined ? [] : [read]))
  const subjects = good.flatMap(({ to }) => ('subject' in to ? [to.subject] : []))
  const people = await peopleOfSubjects(tx, job.provider_id, subjects)
  const described = good.flatMap(one =>
    'person' in one.to ? [{ read: one, person: one.to.person, kind: one.kind }] : [],
  )
  const open = await findOpen(tx, world, described, box.id)
  const found = new Map(described.map((one, at) => [one.read, open[at]]))
  const results = planned.map((one): Posting | Outcome => {
    const { read, addressee } = one
    if (read === undefined || one.refusal !== undefined) return refusedOf(one)
    const { to } = read
    if ('person' in to) {
      const personId = found.get(read)
      return personId === undefined
        ? { key: read.key, outcome: 'postal', detail: null }
        : postingOf(job, read, { owner: { kind: 'person', personId }, shown: 'person' })
    }
    if ('subject' in to) {
      const personId = people.get(to.subject)
      return personId === undefined
        ? refusedOf({ ...one, refusal: 'person-unknown' })
        : postingOf(job, read, {
            owner: { kind: 'person', personId },
            shown: `subject:${to.subject}`,
          })
    }
    return addressee === undefined ? refusedOf(one) : postingOf(job, read, addressee)
  })
  const postings = results.filter((one): one is Posting => !('outcome' in one))
  const posted = postings.length === 0 ? [] : await postAll(tx, world, postings)
  const ids = new Map(postings.map((one, at) => [one, posted[at]?.id ?? null]))
  const outcomes = results.map(
    (one): Outcome =>
      'outcome' in one ? one : { key: one.key, outcome: 'posted', detail: ids.get(one) ?? null },
  )
  return move(tx, job, outcomes, planned.at(-1)?.line.end ?? job.position)
}

function postingOf(job: Job, read: MailBulkLine, { owner, shown }: Addressee): Posting {
  const { key, kind, subject, body, expiresAt } = read
  return {
    from: { kind: 'provider', providerId: job.provider_id },
    senderName: job.sender_name,
    to: owner,
    shownTo: shown,
    kind,
    subject,
    body,
    documents: [],
    key,
    expiresAt: expiresAt === undefined ? undefined : Date.parse(expiresAt),
  }
}

function refusedOf({ read, refusal }: Pick<Planned, 'read' | 'refusal'>): Outcome {
  return { key: read?.key ?? null, outcome: 'refused', detail: refusal ?? 'request-malformed' }
}

/** Undefined for what is no line of such a file. */
function readLine({ text }: Line): MailBulkLine | undefined {
  try {
    const parsed = mailBulkLine.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Writes down how far the file is; undefined when somebody else went on from there. */
async function move(
  tx: Transaction<MailTables>,
  job: Job,
  outcomes: readonly Outcome[],
  position: number,
): Promise<Job | undefined> {
  const countOf = (outcome: Outcome['outcome']): number =>
    outcomes.filter(one => one.outcome === outcome).length
  const moved = await tx
    .updateTable('mailbox_bulk')
    .set({
      position,
      lines: job.lines + outcomes.length,
      posted: job.posted + countOf('posted'),
      postal: job.postal + countOf('postal'),
      refused: job.refused + countOf('refused'),
      try_at: protocolNow() + leaseMs,
    })
    .where('id', '=', job.id)
    .where('position', '=', job.position)
    .returningAll()
    .executeTakeFirst()
  if (moved === undefined) return undefined
  await tx
    .insertInto('mailbox_bulk_line')
    .values(outcomes.map((one, at) => ({ job_id: job.id, line: job.lines + at + 1, ...one })))
    .execute()
  return moved
}

async function claim(store: Store<MailTables>): Promise<Job | undefined> {
  const now = protocolNow()
  return store.transaction(async tx => {
    const job = await tx
      .selectFrom('mailbox_bulk')
      .select('id')
      .where('ended_at', 'is', null)
      .where('try_at', '<=', now)
      .orderBy('try_at')
      .limit(1)
      .forUpdate()
      .skipLocked()
      .executeTakeFirst()
    if (job === undefined) return undefined
    return tx
      .updateTable('mailbox_bulk')
      .set({ try_at: now + leaseMs })
      .where('id', '=', job.id)
      .returningAll()
      .executeTakeFirst()
  })
}

async function release(store: Store<MailTables>, job: Job): Promise<void> {
  await store.transaction(tx =>
    tx
      .updateTable('mailbox_bulk')
      .set({ try_at: protocolNow() })
      .where('id', '=', job.id)
      .where('position', '=', job.position)
      .execute(),
  )
}

async function finish(store: Store<MailTables>, job: Job): Promise<void> {
  await store.transaction(tx =>
    tx
      .updateTable('mailbox_bulk')
      .set({ ended_at: protocolNow(), file: null, file_key: null })
      .where('id', '=', job.id)
      .where('position', '=', job.position)
      .execute(),
  )
}

function stateOf(row: Job): MailBulkState {
  const { id, lines, posted, postal, refused } = row
  return { id, state: row.ended_at === null ? 'running' : 'done', lines, posted, postal, refused }
}

function placeOf(id: string): string {
  return `mailbox.bulk ${id}`
}

const idBits = 128
/** Lines in one transaction. */
const batchLength = 250
/** A subject and a body in which every character is escaped, and the rest. */
const lineBytesMax = 256 * 1024
const resultsAtOnce = 10_000
/** A node posts one file for so long, then looks for others that wait, and whether it is to stop. */
const turnMs = 2_000
const leaseMs = 60_000
const attemptsMax = 3
