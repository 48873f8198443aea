/** What each side may see of a case: that something is done, all; what it says, those whom the definition names (C13 "visibility"). */
import type { Case } from './case.ts'
import type { Doing, Step } from './definition.ts'
import type { Form, Values } from './form.ts'
import { applicationOf, type CaseDocument, type Party, type Task } from './history.ts'

/** A task as one party sees it. */
export type TaskView = {
  readonly task: Task
  /** Undefined: not for this party's eyes. */
  readonly content:
    | { readonly values: Values; readonly form: Form; readonly documents: readonly CaseDocument[] }
    | undefined
}

/** The tasks of a case for one party, in the order of the definition. */
export function tasksFor(found: Case, party: Party): readonly TaskView[] {
  const order = found.definition.steps.map(step => step.id)
  return [...found.state.tasks.values()]
    .toSorted((a, b) => order.indexOf(a.step.id) - order.indexOf(b.step.id))
    .map(task => ({ task, content: contentFor(found, task, party) }))
}

/** What of a task's content a party may see; undefined: nothing, or there is none yet. */
function contentFor(found: Case, task: Task, party: Party): TaskView['content'] {
  if (task.done === undefined) return undefined
  const isOwn = task.party.id === party.id
  if (!isOwn && !task.step.sees.includes(party.role)) return undefined
  const form = formOf(found, task.step)
  const { values, documents } = task.done
  return form === undefined ? undefined : { values, form, documents }
}

/** The fields of the application that a party is given; empty for the applicant, who has them all. */
export function givenTo(found: Case, party: Party): Values {
  const receives = found.definition.roles[party.role]?.receives ?? []
  const values = applicationOf(found.state)
  return Object.fromEntries(Object.entries(values).filter(([name]) => receives.includes(name)))
}

/** The documents of a case that a party may fetch; containers only where the party is a registered verifier of signatures. */
export function documentsFor(
  found: Case,
  party: Party,
  isVerifier: boolean,
): readonly CaseDocument[] {
  return tasksFor(found, party).flatMap(view => shownDocuments(view, isVerifier))
}

/** The documents of one task that may be shown. */
export function shownDocuments(
  { content }: Pick<TaskView, 'content'>,
  isVerifier: boolean,
): readonly CaseDocument[] {
  return (content?.documents ?? []).filter(each => isVerifier || each.isContainer !== true)
}

/** The form of a step; undefined where nothing is filled in. */
export function formOf(found: Case, step: Step): Form | undefined {
  const doing: Doing = step.does
  switch (doing.kind) {
    case 'apply':
      return found.definition.form
    case 'sign':
    case 'certify':
      return doing.form
    case 'decide':
      return doing.form ?? noFields
    default:
      return doing satisfies never
  }
}

const noFields: Form = { properties: {}, required: [] }
