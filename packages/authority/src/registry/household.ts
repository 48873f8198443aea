/** Households 世帯: relation to the head 続柄, and who becomes head when the head is gone. */
import type { CalendarDate } from '@sekisho/contract/japan'
import { compareDates } from '@sekisho/contract/japan'

/** Relation to the head of the household, as far as the town tells relations apart. */
export const relations = [
  'head',
  'spouse',
  'child',
  'grandchild',
  'parent',
  'sibling',
  'relative',
  'lodger',
] as const
export type Relation = (typeof relations)[number]

/** A member as this file looks at one. */
export type Member = {
  readonly id: string
  readonly relation: Relation
  readonly birth: CalendarDate
}

/**
 * Who is head after the head has left: the spouse, else the eldest, as a municipality enters it ex officio when nobody tells it
 * otherwise (the order is ours). Undefined for a household without members.
 */
export function nextHead(members: readonly Member[]): Member | undefined {
  const spouse = members.find(member => member.relation === 'spouse')
  return spouse ?? members.toSorted((a, b) => compareDates(a.birth, b.birth))[0]
}

/** Relation to a new head of somebody whose relation to the old one is known; both relations are to the old head. */
export function relationToNew(head: Relation, other: Relation): Relation {
  if (other === 'head') return inverse[head]
  if (other === 'lodger' || head === 'lodger') return 'lodger'
  return shifts[head]?.[other] ?? 'relative'
}

/** What the old head is to the new one. */
const inverse: Readonly<Record<Relation, Relation>> = {
  head: 'head',
  spouse: 'spouse',
  child: 'parent',
  grandchild: 'relative',
  parent: 'child',
  sibling: 'sibling',
  relative: 'relative',
  lodger: 'lodger',
}

const shifts: Readonly<Partial<Record<Relation, Readonly<Partial<Record<Relation, Relation>>>>>> = {
  spouse: { child: 'child', grandchild: 'grandchild' },
  child: { spouse: 'parent', child: 'sibling' },
  grandchild: { grandchild: 'sibling' },
  parent: { sibling: 'child', child: 'grandchild', parent: 'spouse' },
  sibling: { sibling: 'sibling', parent: 'parent' },
}

/** What a child born to a member is to the head. */
export function relationOfChild(parent: Relation): Relation {
  switch (parent) {
    case 'head':
    case 'spouse':
      return 'child'
    case 'child':
      return 'grandchild'
    case 'lodger':
      return 'lodger'
    case 'grandchild':
    case 'parent':
    case 'sibling':
    case 'relative':
      return 'relative'
    default:
      return parent satisfies never
  }
}
