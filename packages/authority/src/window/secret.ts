/** PINs that the window sets: their form, and those that are too easy to guess (A2). */
import { Refusal } from '@sekisho/contract'
import type { CaKind } from '@sekisho/contract/authority'
import { eraOf } from '@sekisho/contract/japan'
import type { ResidentAttributes } from '../registry/resident.ts'

/**
 * Takes the secret for one key of a card, or refuses it: `pin-malformed` when it does not have the form of that key's, or is
 * missing; `pin-unsuitable` when it spells the holder's birth date. The security code on the card's face is refused where
 * the card is at hand (`desk.ts`).
 */
export function acceptSecret(
  kind: CaKind,
  secret: string | undefined,
  attributes: ResidentAttributes,
): string {
  if (secret === undefined || !forms[kind].test(secret)) throw new Refusal('pin-malformed')
  if (birthDateSpellings(attributes).has(secret.toUpperCase())) throw new Refusal('pin-unsuitable')
  return secret
}

const forms: Readonly<Record<CaKind, RegExp>> = {
  authentication: /^\d{4}$/,
  signature: /^[A-Za-z0-9]{6,16}$/,
}

/** Four digits, and the longer forms that a password may take; unknown parts as zeros, as in certificates. */
function birthDateSpellings({ birthDate }: ResidentAttributes): ReadonlySet<string> {
  const { year, month, day } = birthDate
  const two = (value: number | null): string => String((value ?? 0) % 100).padStart(2, '0')
  const era = eraOf({ year, month: month ?? 12, day: day ?? 28 })
  const eraYear = two(era === undefined ? null : year - era.first.year + 1)
  const monthDay = `${two(month)}${two(day)}`
  return new Set([
    String(year),
    monthDay,
    `${two(day)}${two(month)}`,
    `${two(year)}${two(month)}`,
    `${eraYear}${two(month)}`,
    `${year}${monthDay}`,
    `${two(year)}${monthDay}`,
    `${eraYear}${monthDay}`,
    `${era?.en.charAt(0) ?? ''}${eraYear}${monthDay}`,
  ])
}
