/**
 * Households for people whose age and sex are given: couples first, then children to parents, the old to their children, and
 * whoever is left alone. So ages follow the pyramid exactly and households come out of it.
 */
import type { Draw } from './draw.ts'
import type { Relation } from './household.ts'
import { marriedMen, percentAt, withChild, withParents } from './population-table.ts'

/** Somebody of whom nothing else is known yet. */
export type Person = { readonly isMale: boolean; readonly age: number }

/** A household; its first member is the head. */
export type Family = readonly { readonly person: Person; readonly relation: Relation }[]

type Growing = {
  readonly members: { readonly person: Person; readonly relation: Relation }[]
  /** Age of the mother, or of whoever stands for one. */
  readonly motherAge: number
}

/** Puts everybody into a household. */
export function familiesOf(draw: Draw, people: readonly Person[]): readonly Family[] {
  const byAge = (a: Person, b: Person): number => a.age - b.age
  const men = people.filter(one => one.isMale && one.age >= adultAge).toSorted(byAge)
  const women = people.filter(one => !one.isMale && one.age >= adultAge).toSorted(byAge)
  const { couples, single } = marry(draw, men, women)
  const parents = new Map<number, Growing[]>()
  for (const couple of couples) pushTo(parents, couple.motherAge, couple)
  const alone: Growing[] = []
  const settle = (person: Person, percent: number, place: typeof joinAsChild): void => {
    if (draw.happens(percent) && place(draw, parents, person)) return
    const growing = { members: [{ person, relation: 'head' as const }], motherAge: person.age }
    alone.push(growing)
    // A lone parent may still get children.
    if (!person.isMale && person.age < lastMotherAge && draw.happens(lonePercent))
      pushTo(parents, person.age, growing)
  }
  for (const person of single.toSorted((a, b) => b.age - a.age)) {
    const old = percentAt(withChild, person.age)
    if (old > 0) settle(person, old, joinAsParent)
    else settle(person, percentAt(withParents, person.age), joinAsChild)
  }
  for (const person of people) if (person.age < adultAge) settle(person, 100, joinAsChild)
  return [...couples, ...alone].map(one => one.members)
}

const adultAge = 18
const lastMotherAge = 58
const lonePercent = 8

/** Couples of a man and a woman mostly a little younger; who finds nobody stays single. */
function marry(
  draw: Draw,
  men: readonly Person[],
  women: readonly Person[],
): { readonly couples: readonly Growing[]; readonly single: readonly Person[] } {
  const couples: Growing[] = []
  const single: Person[] = []
  let next = 0
  for (const man of men) {
    const youngest = man.age - 7
    while (next < women.length && (women[next]?.age ?? 0) < youngest) {
      const left = women[next++]
      if (left !== undefined) single.push(left)
    }
    const wife = women[next]
    const isMarried = draw.happens(percentAt(marriedMen, man.age))
    if (!isMarried || wife === undefined || wife.age > man.age + 5) {
      single.push(man)
      continue
    }
    next++
    const headIsMan = draw.happens(92)
    const [head, spouse] = headIsMan ? [man, wife] : [wife, man]
    couples.push({
      members: [
        { person: head, relation: 'head' },
        { person: spouse, relation: 'spouse' },
      ],
      motherAge: wife.age,
    })
  }
  return { couples, single: [...single, ...women.slice(next)] }
}

/** To a mother who was of an age for it. False when there is none. */
function joinAsChild(
  draw: Draw,
  parents: ReadonlyMap<number, readonly Growing[]>,
  child: Person,
): boolean {
  const family = familyAround(draw, parents, child.age + 24 + draw.below(14), childrenMax)
  family?.members.push({ person: child, relation: 'child' })
  return family !== undefined
}

function joinAsParent(
  draw: Draw,
  parents: ReadonlyMap<number, readonly Growing[]>,
  parent: Person,
): boolean {
  const family = familyAround(draw, parents, parent.age - 24 - draw.below(10), 4)
  family?.members.push({ person: parent, relation: 'parent' })
  return family !== undefined
}

/** Members of a household with children, at most. */
const childrenMax = 5

/** A family whose mother is about so old and in which there is room. */
function familyAround(
  draw: Draw,
  parents: ReadonlyMap<number, readonly Growing[]>,
  motherAge: number,
  membersMax: number,
): Growing | undefined {
  for (let off = 0; off < 8; off++)
    for (const age of [motherAge - off, motherAge + off]) {
      const families = parents.get(age)
      if (families === undefined || families.length === 0) continue
      const family = draw.pick(families)
      if (family.members.length < membersMax) return family
    }
  return undefined
}

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const found = map.get(key)
  if (found === undefined) map.set(key, [value])
  else found.push(value)
}
