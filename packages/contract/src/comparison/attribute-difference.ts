/** What differs between four attributes of a person then and now, in the words in which a provider acts. */
import { compareAddresses } from './address-comparison.ts'
import { compareNames } from './name-comparison.ts'
import type { Comparison, ComparisonKind, Hint, Written } from './written.ts'

/** Four attributes as claims have them; what is left out is not compared. */
export type ComparableAttributes = {
  readonly name?: string | undefined
  readonly name_substitutes?: string | undefined
  readonly address?: { readonly formatted: string } | undefined
  readonly address_substitutes?: string | undefined
  /** `YYYY-MM-DD`; parts of zeros are unknown. */
  readonly birthdate?: string | undefined
  readonly gender?: 'male' | 'female' | 'unknown' | undefined
}

/** An attribute of both sides. */
export type AttributeComparison = Comparison & {
  readonly attribute: 'name' | 'address' | 'birthdate' | 'gender'
}

/** All attributes, and the one word for it. */
export type AttributeDifference = {
  /**
   * `same`, `notation` (nothing but how it is written), `unknown` (it cannot be told), or what happened: `moved`, `renamed`,
   * `corrected` (birth date or sex), `several`.
   */
  readonly summary: 'same' | 'notation' | 'unknown' | 'moved' | 'renamed' | 'corrected' | 'several'
  readonly attributes: readonly AttributeComparison[]
}

/** Compares what both sides have. Without anything in common nothing can be told: `unknown`. */
export function differenceOf(
  before: ComparableAttributes,
  now: ComparableAttributes,
): AttributeDifference {
  const attributes: AttributeComparison[] = []
  const add = (attribute: AttributeComparison['attribute'], found: Comparison): void => {
    attributes.push({ attribute, ...found })
  }
  const names = [nameOf(before), nameOf(now)]
  if (names[0] !== undefined && names[1] !== undefined)
    add('name', compareNames(names[0], names[1]))
  const addresses = [addressOf(before), addressOf(now)]
  if (addresses[0] !== undefined && addresses[1] !== undefined)
    add('address', compareAddresses(addresses[0], addresses[1]))
  if (before.birthdate !== undefined && now.birthdate !== undefined)
    add('birthdate', compareBirthdates(before.birthdate, now.birthdate))
  if (before.gender !== undefined && now.gender !== undefined)
    add('gender', compareGenders(before.gender, now.gender))
  return { summary: summaryOf(attributes), attributes }
}

/** Compares two birth dates part by part; a part of zeros is not known. */
export function compareBirthdates(left: string, right: string): Comparison {
  const these = left.split('-')
  const those = right.split('-')
  if (these.length !== 3 || those.length !== 3) return verdict('different')
  let isUnknown = false
  for (const [at, part] of these.entries()) {
    const other = those[at] ?? ''
    if (/^0+$/u.test(part) || /^0+$/u.test(other)) isUnknown = true
    else if (part !== other) return verdict('different')
  }
  return isUnknown ? verdict('unknown', 'unknown-character') : verdict('same')
}

function compareGenders(left: string, right: string): Comparison {
  if (left === 'unknown' || right === 'unknown') return verdict('unknown', 'unknown-character')
  return verdict(left === right ? 'same' : 'different')
}

function summaryOf(attributes: readonly AttributeComparison[]): AttributeDifference['summary'] {
  const different = attributes.filter(each => each.kind === 'different')
  const [only] = different
  if (different.length > 1) return 'several'
  if (only !== undefined)
    return only.attribute === 'address'
      ? 'moved'
      : only.attribute === 'name'
        ? 'renamed'
        : 'corrected'
  if (attributes.length === 0 || attributes.some(each => each.kind === 'unknown')) return 'unknown'
  return attributes.some(each => each.kind === 'notation') ? 'notation' : 'same'
}

function nameOf(of: ComparableAttributes): Written | undefined {
  return of.name === undefined ? undefined : { text: of.name, substitutes: of.name_substitutes }
}

function addressOf(of: ComparableAttributes): Written | undefined {
  return of.address === undefined
    ? undefined
    : { text: of.address.formatted, substitutes: of.address_substitutes }
}

function verdict(kind: ComparisonKind, ...hints: readonly Hint[]): Comparison {
  return { kind, hints }
}
