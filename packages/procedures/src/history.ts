/**
 * A case as its history tells it (C13): events in, state out, pure. Nothing of a case stands anywhere else, so that whoever is killed at any step
 * goes on from what was written, and two who decide at once cannot both have been last.
 */
import { dateInJapan } from '@sekisho/contract/japan'
import type { Instant } from '@sekisho/runtime/clock'
import { dateOfText, deadlineAfter } from './deadline.ts'
import { applyStep, type Definition, type Step } from './definition.ts'
import type { Values } from './form.ts'

/** A side of one case: `applicant`, or a role with a number, such as `partner-2`. */
export type PartyId = string

/** A party as the case knows it. */
export type Party = {
  readonly id: PartyId
  readonly role: string
  /** As the others see it. */
  readonly name: string
  readonly owner:
    | { readonly kind: 'person'; readonly personId: string }
    | { readonly kind: 'organisation'; readonly number: string }
    | { readonly kind: 'municipality'; readonly code: string }
    | { readonly kind: 'provider'; readonly providerId: string }
    /** Somebody who has not come yet: known by the hash (SHA-256, hex) of the code that was given to them. */
    | { readonly kind: 'invited'; readonly code: string }
}

/** Who did something, as others may see it (flows.md §24). */
export type DoneBy = {
  readonly name: string
  readonly corporation?: string | undefined
  readonly unit?: string | undefined
  readonly title?: string | undefined
  /** Why they might. */
  readonly authority?: { readonly ja: string; readonly en: string } | undefined
}

/** A document of a case, by its id. */
export type CaseDocument = {
  readonly id: string
  readonly name: string
  readonly mediaType: string
  /** SHA-256 in hex. */
  readonly sha256: string
  /** It holds a citizen's certificate: only registered verifiers of signatures may have it. */
  readonly isContainer?: true
}

/** What happened. */
export type CaseEvent = { readonly at: Instant } & (
  | { readonly kind: 'begun'; readonly parties: readonly Party[] }
  | { readonly kind: 'joined'; readonly party: PartyId; readonly owner: Party['owner'] }
  | { readonly kind: 'opened'; readonly task: string; readonly deadline: Instant | null }
  | {
      readonly kind: 'done'
      readonly task: string
      readonly by: DoneBy
      readonly values: Values
      readonly outcome: string | null
      readonly documents: readonly CaseDocument[]
      /** Fields that the signer's certificate proves. */
      readonly proven?: readonly string[]
    }
  /** A party asks who did a task before it to do it again. */
  | {
      readonly kind: 'returned'
      readonly task: string
      readonly by: PartyId
      readonly reason: string
    }
  | { readonly kind: 'late'; readonly task: string }
  /** The operator's staff took a task over, or gave it back. */
  | { readonly kind: 'handed-over'; readonly task: string; readonly reason: string }
  | { readonly kind: 'fell-away'; readonly task: string; readonly reason: string }
  | { readonly kind: 'undo-asked'; readonly task: string }
  | { readonly kind: 'moved'; readonly version: number }
  | { readonly kind: 'ended'; readonly outcome: string; readonly reason: string | null }
)

/** A task: one step for one party. */
export type Task = {
  readonly id: string
  readonly step: Step
  readonly party: Party
  readonly state: 'open' | 'done' | 'fallen'
  readonly openedAt: Instant
  readonly deadline: Instant | null
  readonly isLate: boolean
  readonly isHandedOver: boolean
  readonly done: Omit<Extract<CaseEvent, { kind: 'done' }>, 'kind' | 'task'> | undefined
  /** Why it must be done again. */
  readonly returned: string | undefined
  /** What was entered when it was done before. */
  readonly earlier: Values | undefined
  /** How often it was opened. */
  readonly round: number
}

/** A case. */
export type CaseState = {
  readonly parties: readonly Party[]
  readonly tasks: ReadonlyMap<string, Task>
  /** Outcome `completed`, `withdrawn`, `late`, or what a decision that ended it says. */
  readonly ended:
    | { readonly outcome: string; readonly reason: string | null; readonly at: Instant }
    | undefined
}

/** A history that its definition does not explain: of another version, or damaged. */
export class HistoryUnfit extends Error {}

/** The task of a step for a party. */
export function taskId(step: string, party: PartyId): string {
  return `${step}:${party}`
}

/** The state that a history leads to. Throws `HistoryUnfit`. */
export function stateOf(definition: Definition, events: readonly CaseEvent[]): CaseState {
  let parties: readonly Party[] = []
  const tasks = new Map<string, Task>()
  let ended: CaseState['ended']
  const change = (id: string, to: (task: Task) => Partial<Task>): void => {
    const task = tasks.get(id)
    if (task === undefined) throw new HistoryUnfit(`no task ${id}`)
    tasks.set(id, { ...task, ...to(task) })
  }
  for (const event of events)
    switch (event.kind) {
      case 'begun':
        parties = event.parties
        break
      case 'joined': {
        const { party: joined, owner } = event
        parties = parties.map(party => (party.id === joined ? { ...party, owner } : party))
        for (const task of tasks.values())
          if (task.party.id === joined) change(task.id, () => ({ party: { ...task.party, owner } }))
        break
      }
      case 'opened': {
        const before = tasks.get(event.task)
        const [stepName, partyName] = event.task.split(':')
        const step = definition.steps.find(each => each.id === stepName)
        const party = parties.find(each => each.id === partyName)
        if (step === undefined || party === undefined) throw new HistoryUnfit(event.task)
        tasks.set(event.task, {
          id: event.task,
          step,
          party,
          state: 'open',
          openedAt: event.at,
          deadline: event.deadline,
          isLate: false,
          isHandedOver: false,
          done: undefined,
          returned: before?.returned,
          earlier: before?.earlier,
          round: (before?.round ?? 0) + 1,
        })
        break
      }
      case 'done': {
        const { kind: _kind, task: _task, ...done } = event
        change(event.task, () => ({ state: 'done', done, returned: undefined }))
        break
      }
      case 'returned':
        reopen(definition, tasks, event.task, event.reason)
        break
      case 'late':
        change(event.task, () => ({ isLate: true }))
        break
      case 'handed-over':
        change(event.task, () => ({ isHandedOver: true }))
        break
      case 'fell-away':
        change(event.task, () => ({ state: 'fallen' }))
        break
      case 'undo-asked':
      case 'moved':
        break
      case 'ended':
        ended = { outcome: event.outcome, reason: event.reason, at: event.at }
        break
      default:
        event satisfies never
    }
  return { parties, tasks, ended }
}

/** What was built on a returned task is void: those tasks open again after it. */
function reopen(
  definition: Definition,
  tasks: Map<string, Task>,
  id: string,
  reason: string,
): void {
  const task = tasks.get(id)
  if (task === undefined) throw new HistoryUnfit(id)
  const below = new Set([task.step.id])
  for (const step of definition.steps)
    if (step.after.some(before => below.has(before))) below.add(step.id)
  for (const [other, each] of tasks)
    if (other !== id && each.step.id !== task.step.id && below.has(each.step.id))
      tasks.delete(other)
  tasks.set(id, {
    ...task,
    state: 'open',
    done: undefined,
    earlier: task.done?.values ?? task.earlier,
    returned: reason,
    round: task.round + 1,
    isLate: false,
  })
}

/** What follows from a state by itself, as events to be written with those that led to it; empty: it waits for somebody. */
export function whatFollows(
  definition: Definition,
  state: CaseState,
  at: Instant,
): readonly CaseEvent[] {
  if (state.ended !== undefined) return []
  const ending = endOf(definition, state)
  if (ending !== undefined) {
    const isGood = ending === 'completed' || !isFailure(definition, ending)
    return [
      ...(isGood ? [] : undoOf(state, at)),
      { kind: 'ended', outcome: ending, reason: null, at },
    ]
  }
  return definition.steps
    .filter(step => step.after.every(before => isStepDone(definition, state, before)))
    .flatMap(step =>
      partiesOf(state, step.role)
        .map(party => taskId(step.id, party.id))
        .filter(id => !state.tasks.has(id))
        .map(
          task => ({ kind: 'opened', task, deadline: deadlineOf(step, state, at), at }) as const,
        ),
    )
}

/** What is asked back of those who have done something that is to be undone. */
export function undoOf(state: CaseState, at: Instant): readonly CaseEvent[] {
  return [...state.tasks.values()]
    .filter(task => task.state === 'done' && task.step.undo !== undefined)
    .toReversed()
    .map(task => ({ kind: 'undo-asked', task: task.id, at }))
}

/** Values that the applicant has signed; empty before. */
export function applicationOf(state: CaseState): Values {
  return state.tasks.get(taskId(applyStep, 'applicant'))?.done?.values ?? {}
}

/** Parties in a role. */
function partiesOf(state: Pick<CaseState, 'parties'>, role: string): readonly Party[] {
  return state.parties.filter(party => party.role === role)
}

/** When the next deadline of an open task passes; undefined: none does. */
export function nextDeadline(state: CaseState): Instant | undefined {
  if (state.ended !== undefined) return undefined
  const open = [...state.tasks.values()].filter(task => task.state === 'open' && !task.isLate)
  const all = open.flatMap(task => (task.deadline === null ? [] : [task.deadline]))
  return all.length === 0 ? undefined : Math.min(...all)
}

/** A step with nobody in its role is done by being reached. */
function isStepDone(definition: Definition, state: CaseState, id: string): boolean {
  const step = definition.steps.find(each => each.id === id)
  if (step === undefined) throw new HistoryUnfit(id)
  return partiesOf(state, step.role).every(party => {
    const task = state.tasks.get(taskId(id, party.id))
    return task !== undefined && task.state !== 'open'
  })
}

function endOf(definition: Definition, state: CaseState): string | undefined {
  for (const task of state.tasks.values()) {
    const { does } = task.step
    const outcome = task.done?.outcome
    if (does.kind !== 'decide' || outcome === undefined || outcome === null) continue
    if (does.outcomes.find(each => each.id === outcome)?.endsCase === true) return outcome
  }
  const isAllDone = definition.steps.every(step => isStepDone(definition, state, step.id))
  return isAllDone ? 'completed' : undefined
}

/** A decision that ends a case is its success only if it is the first of its step's outcomes. */
function isFailure(definition: Definition, outcome: string): boolean {
  return !definition.steps.some(
    ({ does }) => does.kind === 'decide' && does.outcomes[0]?.id === outcome,
  )
}

function deadlineOf(step: Step, state: CaseState, at: Instant): Instant | null {
  const { deadline } = step
  if (deadline === undefined) return null
  const { from } = deadline
  const text = from === 'opening' ? undefined : applicationOf(state)[from.field]
  const begin = typeof text === 'string' ? dateOfText(text) : dateInJapan(at)
  return deadlineAfter(begin, deadline.days, deadline.counted)
}
