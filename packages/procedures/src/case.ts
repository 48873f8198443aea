/**
 * Cases as they are kept (C13): every command is one transaction that reads the history, adds what happened and all that follows from it, tells the
 * parties in their boxes, and writes under the condition that nothing came between. Killed at any moment, it has happened or it has not.
 */
import { createHash } from 'node:crypto'
import { plainCode, Refusal } from '@sekisho/contract'
import type { MailTables } from '@sekisho/mailbox'
import type { World } from '@sekisho/platform/room'
import type { Instant } from '@sekisho/runtime/clock'
import type { PersonKey } from '@sekisho/runtime/keys'
import {
  lockInTransaction,
  type Reader,
  type Store,
  type Transaction,
} from '@sekisho/runtime/store'
import { type Definition, stepsBefore } from './definition.ts'
import { entries } from './entry.ts'
import type { Values } from './form.ts'
import {
  type CaseDocument,
  type CaseEvent,
  type CaseState,
  type DoneBy,
  HistoryUnfit,
  nextDeadline,
  type Party,
  stateOf,
  taskId,
  type Task,
  undoOf,
  whatFollows,
} from './history.ts'
import { tellOf } from './tell.ts'
import type { ProcedureTables } from './table.ts'

/** The platform's tables with those of procedures and of the mailbox. */
export type Tables = MailTables & ProcedureTables

/** What cases are worked on with. */
export type CaseWorld = World & {
  readonly tables: Store<Tables>
  /** The definition of this id and version. Refusal `procedure-unknown`. */
  definitionOf(id: string, version: number): Definition
}

/** A case as it was read. */
export type Case = {
  readonly id: string
  readonly definition: Definition
  readonly events: readonly CaseEvent[]
  readonly state: CaseState
  readonly begunAt: Instant
}

/** A document to be kept with what was done. */
export type DocumentToKeep = {
  readonly name: string
  readonly isContainer?: true
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** What somebody has done. */
export type Deed = {
  readonly task: string
  readonly by: DoneBy
  readonly values: Values
  readonly outcome: string | null
  readonly documents: readonly DocumentToKeep[]
  readonly proven?: readonly string[]
}

const idBits = 128

/** Names the owner of a party as the tables do. */
export function ownerText(owner: Party['owner']): string {
  switch (owner.kind) {
    case 'person':
      return `person ${owner.personId}`
    case 'organisation':
      return `organisation ${owner.number}`
    case 'municipality':
      return `municipality ${owner.code}`
    case 'provider':
      return `provider ${owner.providerId}`
    case 'invited':
      return `invited ${owner.code}`
    default:
      return owner satisfies never
  }
}

/** Begins a case with the application that the applicant has signed, inside the transaction that keeps the signature. */
export async function beginCase(
  tx: Transaction<Tables>,
  world: CaseWorld,
  given: {
    readonly definition: Definition
    readonly parties: readonly Party[]
    readonly deed: Omit<Deed, 'task'>
    /** SHA-256 (hex) of what was signed. */
    readonly documentSha256: string
    readonly personId: string
    readonly requestKey: string
  },
): Promise<string> {
  const { definition, parties } = given
  const at = world.clock.now()
  const id = world.random.token(idBits)
  await tx
    .insertInto('procedure_case')
    .values({
      id,
      definition: definition.id,
      version: definition.version,
      last_event: 0,
      due_at: null,
      begun_at: at,
      ended_at: null,
      request_key: given.requestKey,
    })
    .execute()
  await tx
    .insertInto('procedure_party')
    .values(
      parties.map(party => ({
        case_id: id,
        party: party.id,
        role: party.role,
        owner: ownerText(party.owner),
      })),
    )
    .execute()
  const empty: Case = {
    id,
    definition,
    events: [],
    state: { parties: [], tasks: new Map(), ended: undefined },
    begunAt: at,
  }
  const task = taskId('apply', 'applicant')
  const documents = await keepDocuments(tx, world, id, task, given.deed.documents)
  await append(tx, world, empty, [
    { kind: 'begun', parties, at },
    { kind: 'opened', task, deadline: null, at },
    { kind: 'done', task, at, ...given.deed, documents },
  ])
  await world.ledger.record(tx, entries['procedures.begun'], {
    at,
    personId: given.personId,
    values: {
      case: id,
      procedure: definition.id,
      version: definition.version,
      documentSha256: given.documentSha256,
    },
  })
  return id
}

/**
 * Records that a task was done. Refusals `task-closed` when it is not open (of two at once, one is told so), `case-ended`.
 */
export async function completeTask(
  tx: Transaction<Tables>,
  world: CaseWorld,
  id: string,
  deed: Deed,
): Promise<void> {
  const at = world.clock.now()
  const found = await lockCase(tx, world, id)
  const task = openTask(found, deed.task)
  const documents = await keepDocuments(tx, world, id, deed.task, deed.documents)
  const { by, values, outcome, proven = [] } = deed
  await append(tx, world, found, [
    { kind: 'done', task: task.id, at, by, values, outcome, documents, proven },
  ])
  await world.ledger.record(tx, entries['procedures.done'], {
    at,
    personId: applicantOf(found),
    values: { case: id, task: task.id, outcome: outcome ?? '' },
  })
}

/** A party with an open task has one before it done again. Refusals `task-closed`, `case-ended`, `procedure-unknown`. */
export async function returnTask(
  tx: Transaction<Tables>,
  world: CaseWorld,
  id: string,
  given: { readonly by: Party; readonly task: string; readonly reason: string },
): Promise<void> {
  const at = world.clock.now()
  const found = await lockCase(tx, world, id)
  const { state } = found
  if (state.ended !== undefined) throw new Refusal('case-ended')
  const task = state.tasks.get(given.task)
  if (task === undefined) throw new Refusal('procedure-unknown')
  if (task.state !== 'done') throw new Refusal('task-closed')
  const isApplicantsOwn = given.by.id === 'applicant' && task.party.id === 'applicant'
  // Only what one's own open task was built on.
  const hasOpen = [...state.tasks.values()].some(
    each =>
      each.party.id === given.by.id &&
      each.state === 'open' &&
      stepsBefore(found.definition, each.step).has(task.step.id),
  )
  if (!isApplicantsOwn && !hasOpen) throw new Refusal('task-closed')
  await append(tx, world, found, [
    { kind: 'returned', task: task.id, by: given.by.id, reason: given.reason, at },
  ])
  await world.ledger.record(tx, entries['procedures.returned'], {
    at,
    personId: applicantOf(found),
    values: { case: id, task: task.id },
  })
}

/** Somebody comes who was invited by a code. Refusals `procedure-unknown` for a code that is none or was used, `case-ended`. */
export async function joinCase(
  tx: Transaction<Tables>,
  world: CaseWorld,
  given: { readonly code: string; readonly personId: string },
): Promise<string> {
  const row = await tx
    .selectFrom('procedure_party')
    .selectAll()
    .where('owner', '=', `invited ${codeHash(given.code)}`)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('procedure-unknown')
  const at = world.clock.now()
  const found = await lockCase(tx, world, row.case_id)
  if (found.state.ended !== undefined) throw new Refusal('case-ended')
  const owner = { kind: 'person', personId: given.personId } as const
  if (applicantOf(found) === given.personId) throw new Refusal('procedure-unknown')
  const joined = await tx
    .updateTable('procedure_party')
    .set({ owner: ownerText(owner) })
    .where('case_id', '=', row.case_id)
    .where('party', '=', row.party)
    .where('owner', '=', row.owner)
    .executeTakeFirst()
  if (joined.numUpdatedRows !== 1n) throw new Refusal('procedure-unknown')
  await append(tx, world, found, [{ kind: 'joined', party: row.party, owner, at }])
  return row.case_id
}

/** What is kept of a code. */
export function codeHash(code: string): string {
  return createHash('sha256').update(plainCode(code)).digest('hex')
}

/** The applicant withdraws: what others have done is asked back. Refusal `case-ended`. */
export async function withdrawCase(
  tx: Transaction<Tables>,
  world: CaseWorld,
  id: string,
  reason: string,
): Promise<void> {
  const at = world.clock.now()
  const found = await lockCase(tx, world, id)
  if (found.state.ended !== undefined) throw new Refusal('case-ended')
  await append(tx, world, found, [
    ...undoOf(found.state, at),
    { kind: 'ended', outcome: 'withdrawn', reason, at },
  ])
}

/** What becomes of tasks whose deadline has passed; how many. */
export async function passDeadlines(
  tx: Transaction<Tables>,
  world: CaseWorld,
  id: string,
): Promise<number> {
  const at = world.clock.now()
  const found = await lockCase(tx, world, id)
  if (found.state.ended !== undefined) return 0
  const late = [...found.state.tasks.values()].filter(
    task => task.state === 'open' && !task.isLate && task.deadline !== null && task.deadline <= at,
  )
  if (late.length === 0) return 0
  await append(
    tx,
    world,
    found,
    late.flatMap(task => lateEvents(found, task, at)),
  )
  return late.length
}

function lateEvents(found: Case, task: Task, at: Instant): readonly CaseEvent[] {
  const late = { kind: 'late', task: task.id, at } as const
  const reason = 'deadline'
  switch (task.step.deadline?.late) {
    case 'hand-over':
      return [late, { kind: 'handed-over', task: task.id, reason, at }]
    case 'fall-away':
      return [late, { kind: 'fell-away', task: task.id, reason, at }]
    case 'end-case':
      return [
        late,
        ...undoOf(found.state, at),
        { kind: 'ended', outcome: 'late', reason: task.id, at },
      ]
    default:
      return [late]
  }
}

/** A human of the operator decides about a task that was handed over: it falls away, or its party goes on. Refusal `task-closed`. */
export async function resolveTask(
  tx: Transaction<Tables>,
  world: CaseWorld,
  id: string,
  given: {
    readonly task: string
    readonly how: 'fall-away' | 'hand-over'
    readonly reason: string
  },
): Promise<void> {
  const at = world.clock.now()
  const found = await lockCase(tx, world, id)
  const task = openTask(found, given.task)
  const kind = given.how === 'fall-away' ? 'fell-away' : 'handed-over'
  await append(tx, world, found, [{ kind, task: task.id, reason: given.reason, at }])
}

/**
 * Moves a running case to another version of its definition. Refusals `case-ended`, `case-moved-on` when what has happened does not fit it.
 */
export async function moveCase(
  tx: Transaction<Tables>,
  world: CaseWorld,
  id: string,
  version: number,
): Promise<void> {
  const at = world.clock.now()
  const found = await lockCase(tx, world, id)
  if (found.state.ended !== undefined) throw new Refusal('case-ended')
  const definition = world.definitionOf(found.definition.id, version)
  const moved = { ...found, definition, state: stateUnder(definition, found.events) }
  await append(tx, world, moved, [{ kind: 'moved', version, at }])
  await tx.updateTable('procedure_case').set({ version }).where('id', '=', id).execute()
  await world.ledger.record(tx, entries['procedures.moved'], {
    at,
    personId: applicantOf(found),
    values: { case: id, version },
  })
}

/** A case. Refusal `procedure-unknown`. */
export async function readCase(db: Reader<Tables>, world: CaseWorld, id: string): Promise<Case> {
  const row = await db
    .selectFrom('procedure_case')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('procedure-unknown')
  const rows = await db
    .selectFrom('procedure_event')
    .selectAll()
    .where('case_id', '=', id)
    .orderBy('number')
    .execute()
  const key = await keyOf(db, world, id)
  const events = rows.map(each => openEvent(key, each))
  const definition = world.definitionOf(row.definition, row.version)
  return { id, definition, events, state: stateUnder(definition, events), begunAt: row.begun_at }
}

/** The bytes of a case's document. Refusal `procedure-unknown`. */
export async function readDocument(
  db: Reader<Tables>,
  world: CaseWorld,
  given: { readonly caseId: string; readonly id: string },
): Promise<DocumentToKeep> {
  const row = await db
    .selectFrom('procedure_document')
    .selectAll()
    .where('id', '=', given.id)
    .where('case_id', '=', given.caseId)
    .executeTakeFirst()
  if (row === undefined) throw new Refusal('procedure-unknown')
  const key = await keyOf(db, world, given.caseId)
  return {
    name: row.name,
    mediaType: row.media_type,
    bytes: key.open(documentPlace(row.id), row.sealed),
  }
}

/** Cases in which an owner takes part, newest first. */
export async function casesOf(
  db: Reader<Tables>,
  owners: readonly string[],
): Promise<readonly string[]> {
  if (owners.length === 0) return []
  const rows = await db
    .selectFrom('procedure_party')
    .innerJoin('procedure_case', 'procedure_case.id', 'procedure_party.case_id')
    .select(['case_id', 'begun_at'])
    .distinct()
    .where('owner', 'in', [...owners])
    .orderBy('begun_at', 'desc')
    .limit(shownMax)
    .execute()
  return rows.map(row => row.case_id)
}

/** Open tasks of owners, oldest first. */
export async function tasksOf(
  db: Reader<Tables>,
  owners: readonly string[],
): Promise<readonly { readonly caseId: string; readonly task: string; readonly owner: string }[]> {
  if (owners.length === 0) return []
  const rows = await db
    .selectFrom('procedure_task')
    .select(['case_id', 'task', 'owner'])
    .where('owner', 'in', [...owners])
    .orderBy('opened_at')
    .limit(shownMax)
    .execute()
  return rows.map(row => ({ caseId: row.case_id, task: row.task, owner: row.owner }))
}

/** Cases whose next deadline has passed. */
export async function casesDue(db: Reader<Tables>, at: Instant): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('procedure_case')
    .select('id')
    .where('due_at', '<=', at)
    .orderBy('due_at')
    .limit(dueMax)
    .execute()
  return rows.map(row => row.id)
}

const shownMax = 200
const dueMax = 100

/** The person who applied. */
export function applicantOf(found: Pick<Case, 'state'>): string | undefined {
  const owner = found.state.parties.find(party => party.id === 'applicant')?.owner
  return owner?.kind === 'person' ? owner.personId : undefined
}

/** One at a time works on a case; what it reads then is the newest. */
async function lockCase(tx: Transaction<Tables>, world: CaseWorld, id: string): Promise<Case> {
  await lockInTransaction(tx, `case ${id}`)
  return readCase(tx, world, id)
}

function openTask(found: Case, id: string): Task {
  const { state } = found
  if (state.ended !== undefined) throw new Refusal('case-ended')
  const task = state.tasks.get(id)
  if (task === undefined) throw new Refusal('procedure-unknown')
  if (task.state !== 'open') throw new Refusal('task-closed')
  return task
}

/** Adds events and all that follows from them. Refusal `case-moved-on` if somebody wrote in between. */
async function append(
  tx: Transaction<Tables>,
  world: CaseWorld,
  found: Case,
  fresh: readonly CaseEvent[],
): Promise<void> {
  const { id, definition, events: before } = found
  const events = [...before, ...fresh]
  for (;;) {
    const follows = whatFollows(definition, stateOf(definition, events), world.clock.now())
    if (follows.length === 0) break
    events.push(...follows)
  }
  const state = stateOf(definition, events)
  const written = await tx
    .updateTable('procedure_case')
    .set({
      last_event: events.length,
      due_at: nextDeadline(state) ?? null,
      ended_at: state.ended?.at ?? null,
    })
    .where('id', '=', id)
    .where('last_event', '=', before.length)
    .executeTakeFirst()
  if (written.numUpdatedRows !== 1n) throw new Refusal('case-moved-on')
  const key = await world.personKeys.ensure(tx, keyName(id), world.clock.now())
  const added = events.slice(before.length)
  await tx
    .insertInto('procedure_event')
    .values(
      added.map((event, at) => {
        const number = before.length + at + 1
        const bytes = new TextEncoder().encode(JSON.stringify(event))
        const sealed = key.seal(eventPlace(id, number), bytes)
        return { case_id: id, number, kind: event.kind, sealed, at: event.at }
      }),
    )
    .execute()
  await writeTasks(tx, id, state)
  for (const [at, event] of added.entries())
    await tellOf(tx, world, {
      caseId: id,
      definition,
      state,
      event,
      number: before.length + at + 1,
    })
  if (state.ended !== undefined)
    await world.ledger.record(tx, entries['procedures.ended'], {
      at: state.ended.at,
      personId: applicantOf({ state }),
      values: { case: id, outcome: state.ended.outcome },
    })
}

async function writeTasks(tx: Transaction<Tables>, id: string, state: CaseState): Promise<void> {
  await tx.deleteFrom('procedure_task').where('case_id', '=', id).execute()
  const open = [...state.tasks.values()].filter(task => task.state === 'open')
  if (state.ended !== undefined || open.length === 0) return
  await tx
    .insertInto('procedure_task')
    .values(
      open.map(task => ({
        case_id: id,
        task: task.id,
        owner: ownerText(task.party.owner),
        opened_at: task.openedAt,
        deadline: task.deadline,
        is_handed_over: task.isHandedOver,
      })),
    )
    .execute()
}

async function keepDocuments(
  tx: Transaction<Tables>,
  world: CaseWorld,
  caseId: string,
  task: string,
  documents: readonly DocumentToKeep[],
): Promise<readonly CaseDocument[]> {
  const at = world.clock.now()
  const key = await world.personKeys.ensure(tx, keyName(caseId), at)
  const kept: CaseDocument[] = []
  for (const { name, mediaType, bytes, isContainer } of documents) {
    const id = world.random.token(idBits)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const sealed = key.seal(documentPlace(id), bytes)
    await tx
      .insertInto('procedure_document')
      .values({ id, case_id: caseId, task, name, media_type: mediaType, sha256, sealed, at })
      .execute()
    kept.push({ id, name, mediaType, sha256, ...(isContainer === true ? { isContainer } : {}) })
  }
  return kept
}

function stateUnder(definition: Definition, events: readonly CaseEvent[]): CaseState {
  try {
    return stateOf(definition, events)
  } catch (error) {
    if (error instanceof HistoryUnfit) throw new Refusal('case-moved-on')
    throw error
  }
}

async function keyOf(db: Reader<Tables>, world: CaseWorld, id: string): Promise<PersonKey> {
  const found = await world.personKeys.find(db, keyName(id))
  if (found.kind !== 'present') throw new Refusal('procedure-unknown')
  return found.key
}

function openEvent(key: PersonKey, row: Tables['procedure_event']): CaseEvent {
  const bytes = key.open(eventPlace(row.case_id, row.number), row.sealed)
  return JSON.parse(new TextDecoder().decode(bytes)) as CaseEvent
}

function keyName(id: string): string {
  return `case ${id}`
}

function eventPlace(id: string, number: number): string {
  return `procedure.event ${id} ${number}`
}

function documentPlace(id: string): string {
  return `procedure.document ${id}`
}
