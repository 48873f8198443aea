/**
 * The language in which procedures are written (C13): roles, steps in an order with branches side by side, forms, documents with the authority
 * they need, deadlines, who sees what, what is undone. A definition is data and pure functions; the engine is the same for all.
 */
import type { Form } from './form.ts'
import type { Words } from './words.ts'

/** Kinds of owners of boxes that may stand in a role. */
export type PartyKind = 'person' | 'organisation' | 'municipality' | 'provider'

/** A side of the procedure. */
export type Role = {
  readonly title: Words
  readonly kinds: readonly PartyKind[]
  /** Several parties may stand in it; each gets its own tasks, side by side. */
  readonly isMany?: true
  /** Nobody need stand in it. */
  readonly isOptional?: true
  /** Who may be chosen: partners whom the person has agreed to tell, anybody with a box of that kind, a corporation, or somebody invited by a code. */
  readonly chosen: 'applicant' | 'agreed' | 'box' | 'corporation' | 'invited'
  /** Fields of the application that parties in this role are given; the applicant sees this list before signing. */
  readonly receives: readonly string[]
}

/** When a task must be done. */
export type DeadlineRule = {
  readonly days: number
  /** Days as the calendar has them, or only those on which offices are open. */
  readonly counted: 'calendar' | 'open-days'
  /** Counted from when the task opens, or from a date in the application; the first day never counts (Civil Code art. 140). */
  readonly from: 'opening' | { readonly field: string }
  /** What happens when it passes: somebody is reminded, a human of the operator takes over, the task falls away, or the case ends. */
  readonly late: 'remind' | 'hand-over' | 'fall-away' | 'end-case'
}

/** What is done in a step. */
export type Doing =
  /** The applicant fills in the form and signs the whole with the card: the first step, and corrections of it. */
  | { readonly kind: 'apply' }
  /** Another person fills in a form and signs it with the card. */
  | { readonly kind: 'sign'; readonly form: Form; readonly document: Words }
  /** A paper is issued: the form's values become a text that is signed, by a card under a mandate for `act`, or by the party's own system. */
  | {
      readonly kind: 'certify'
      readonly form: Form
      readonly act: string
      readonly document: Words
    }
  /** One of the outcomes, with a form if there is more to say. */
  | {
      readonly kind: 'decide'
      readonly form?: Form
      readonly outcomes: readonly Outcome[]
    }

/** A way to decide. */
export type Outcome = {
  readonly id: string
  readonly title: Words
  /** Ends the whole case with this outcome. */
  readonly endsCase?: true
}

/** A step. */
export type Step = {
  readonly id: string
  readonly title: Words
  readonly role: string
  /** Steps that must be done, by all their parties, before this one opens. */
  readonly after: readonly string[]
  readonly does: Doing
  readonly deadline?: DeadlineRule
  /** Roles that see what was entered and decided here, besides who did it. That it is done, all parties see. */
  readonly sees: readonly string[]
  /** What is said to who has done it when the case is withdrawn or ends without success: what is to be undone. */
  readonly undo?: Words
}

/** A procedure in one version. A running case stays with the version that it began with, until it is moved to another. */
export type Definition = {
  readonly id: string
  readonly version: number
  readonly title: Words
  readonly lead: Words
  /** `applicant` is always there, a person. */
  readonly roles: Readonly<Record<string, Role>> & { readonly applicant: Role }
  readonly form: Form
  readonly steps: readonly Step[]
  /** What the applicant must be able to prove to apply: that they represent the heirs of the person named in these fields. */
  readonly standing?: {
    readonly relation: 'heirs'
    readonly name: string
    readonly birthdate: string
  }
  /** Fields that are proven by the certificate of who signs, where it says them; else they are marked as declared. */
  readonly proven?: { readonly name?: string; readonly address?: string }
}

/** The steps that a step was built on, near and far. */
export function stepsBefore({ steps }: Definition, step: Step): ReadonlySet<string> {
  const before = new Set(step.after)
  // Each stands after those that it comes after.
  for (const each of steps.toReversed())
    if (before.has(each.id)) for (const id of each.after) before.add(id)
  return before
}

/** The first step's id: what the applicant signs. */
export const applyStep = 'apply'

/** Checks what the types cannot. Throws `RangeError`: a definition that breaks a rule is a fault of who wrote it. */
export function defineProcedure(definition: Definition): Definition {
  const { steps, roles, form } = definition
  const fault = (text: string): never => {
    throw new RangeError(`${definition.id} ${definition.version}: ${text}`)
  }
  const ids = steps.map(step => step.id)
  if (new Set(ids).size !== ids.length) fault('two steps of one id')
  const [first, ...rest] = steps
  if (first?.id !== applyStep || first.does.kind !== 'apply' || first.after.length > 0)
    fault('the first step is the application')
  if (rest.some(step => step.does.kind === 'apply')) fault('one application')
  for (const [position, step] of steps.entries()) {
    if (!/^[a-z][a-z-]{0,30}$/.test(step.id)) fault(`id ${step.id}`)
    if (!Object.hasOwn(roles, step.role)) fault(`role ${step.role}`)
    if (position > 0 && step.after.length === 0) fault(`${step.id} comes after nothing`)
    // What comes before stands before: so there is no circle.
    for (const before of step.after)
      if (!ids.slice(0, position).includes(before)) fault(`${step.id} after ${before}`)
    for (const role of step.sees) if (!Object.hasOwn(roles, role)) fault(`sees ${role}`)
    const { deadline } = step
    if (deadline !== undefined && deadline.from !== 'opening') {
      const field = form.properties[deadline.from.field]
      if (field?.format !== 'date') fault(`deadline from ${deadline.from.field}`)
    }
  }
  for (const role of Object.values(roles))
    for (const field of role.receives)
      if (!Object.hasOwn(form.properties, field)) fault(`receives ${field}`)
  return definition
}
