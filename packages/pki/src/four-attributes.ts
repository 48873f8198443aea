/**
 * The four attributes 基本4情報 in a signature certificate (jpki.md §2.3): name, address, birth date, gender, as otherName
 * values of the subject alternative name. Other otherNames are tolerated: more are announced.
 */
import type { Certificate } from './certificate.ts'
import { DerReader, MalformedError } from './der.ts'
import { passed, rejectedFor, type Verdict } from './reason.ts'

/** Era digit of a birth date in a certificate. The date after it is Gregorian all the same. */
export type Era = 'meiji' | 'taisho' | 'showa' | 'heisei' | 'reiwa' | 'unknown'

/** A birth date; parts that the resident record does not know are undefined. */
export type BirthDate =
  | {
      readonly kind: 'full'
      readonly era: Era
      readonly year: number
      readonly month: number
      readonly day: number
    }
  | {
      readonly kind: 'partial'
      readonly era: Era
      readonly year: number | undefined
      readonly month: number | undefined
      readonly day: number | undefined
    }

/** Gender as the certificate codes it: 1, 2, 3. The card and the mobile document code it otherwise (jpki.md §3). */
export type Gender = 'male' | 'female' | 'unknown'

/** What a signature certificate says about its holder. Personal: never log it. */
export interface FourAttributes {
  /** Family name, U+3000, given name; not normalised. */
  readonly name: string
  /** For each character (code point) of the name: it stands in for one that the certificate cannot carry. */
  readonly nameSubstitutes: readonly boolean[]
  /** Address as registered; not normalised. */
  readonly address: string
  /** As `nameSubstitutes`. */
  readonly addressSubstitutes: readonly boolean[]
  readonly birthDate: BirthDate
  readonly gender: Gender
}

/** Object identifiers of the otherName values, in the order in which certificates have them. */
export const attributeNames = {
  name: '1.2.392.200149.8.5.5.1',
  birthDate: '1.2.392.200149.8.5.5.4',
  gender: '1.2.392.200149.8.5.5.3',
  address: '1.2.392.200149.8.5.5.5',
  nameSubstitutes: '1.2.392.200149.8.5.5.2',
  addressSubstitutes: '1.2.392.200149.8.5.5.6',
} as const

/**
 * Reads the four attributes. All six values must be there once and fit each other, else `attributes-malformed`; which
 * one did not fit is told, its value is not.
 */
export function readFourAttributes(certificate: Certificate): Verdict<FourAttributes> {
  try {
    const values = collectValues(certificate)
    const take = (field: keyof typeof attributeNames): string => {
      const text = values.get(attributeNames[field])
      if (text === undefined || text === '') throw new FieldError(field)
      return text
    }
    const name = take('name')
    const address = take('address')
    return passed({
      name,
      nameSubstitutes: parseSubstitutes(take('nameSubstitutes'), name, 'nameSubstitutes'),
      address,
      addressSubstitutes: parseSubstitutes(
        take('addressSubstitutes'),
        address,
        'addressSubstitutes',
      ),
      birthDate: parseBirthDate(take('birthDate')),
      gender: parseGender(take('gender')),
    })
  } catch (error) {
    if (error instanceof FieldError)
      return rejectedFor('attributes-malformed', { field: error.field })
    if (error instanceof MalformedError) {
      return rejectedFor('attributes-malformed', { detail: error.code })
    }
    throw error
  }
}

/** Era digit and date as a certificate has them: `E YYYYMMDD` without the space, unknown parts as zeros. */
export function encodeBirthDate(date: BirthDate): string {
  const pad = (value: number | undefined, length: number): string =>
    String(value ?? 0).padStart(length, '0')
  return `${eras.indexOf(date.era)}${pad(date.year, 4)}${pad(date.month, 2)}${pad(date.day, 2)}`
}

/** The certificate's digit for a gender. */
export function encodeGender(gender: Gender): string {
  return String(genders.indexOf(gender) + 1)
}

class FieldError extends Error {
  readonly field: keyof typeof attributeNames
  constructor(field: keyof typeof attributeNames) {
    super(field)
    this.field = field
  }
}

function collectValues(certificate: Certificate): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const each of certificate.subjectAltName ?? []) {
    const field = each.kind === 'other' ? fieldByType.get(each.type) : undefined
    if (each.kind !== 'other' || field === undefined) continue
    if (values.has(each.type)) throw new FieldError(field)
    const reader = new DerReader(each.value)
    values.set(each.type, reader.readUtf8String())
    reader.finish()
  }
  return values
}

function parseSubstitutes(
  flags: string,
  text: string,
  field: keyof typeof attributeNames,
): readonly boolean[] {
  const isForm = /^[01]+$/.test(flags) && flags.length === Array.from(text).length
  if (!isForm) throw new FieldError(field)
  return Array.from(flags, flag => flag === '1')
}

function parseBirthDate(text: string): BirthDate {
  const match = /^([0-5])(\d{4})(\d{2})(\d{2})$/.exec(text)
  if (match === null) throw new FieldError('birthDate')
  const era = eras[Number(match[1])] ?? 'unknown'
  const year = Number(match[2])
  const month = Number(match[3])
  const day = Number(match[4])
  if (month > 12 || day > longestDay(year, month)) throw new FieldError('birthDate')
  if (year > 0 && month > 0 && day > 0) return { kind: 'full', era, year, month, day }
  return {
    kind: 'partial',
    era,
    year: year === 0 ? undefined : year,
    month: month === 0 ? undefined : month,
    day: day === 0 ? undefined : day,
  }
}

// The most days the month can have, when year or month may be unknown.
function longestDay(year: number, month: number): number {
  if (month === 0) return 31
  const isLeap = year === 0 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0))
  return month === 2 ? (isLeap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31
}

function parseGender(text: string): Gender {
  const gender = /^[1-3]$/.test(text) ? genders[Number(text) - 1] : undefined
  if (gender === undefined) throw new FieldError('gender')
  return gender
}

// Positions are the digits of the certificate.
const eras: readonly Era[] = ['unknown', 'meiji', 'taisho', 'showa', 'heisei', 'reiwa']
const genders: readonly Gender[] = ['male', 'female', 'unknown']
const fieldByType: ReadonlyMap<string, keyof typeof attributeNames> = new Map([
  [attributeNames.name, 'name'],
  [attributeNames.nameSubstitutes, 'nameSubstitutes'],
  [attributeNames.gender, 'gender'],
  [attributeNames.birthDate, 'birthDate'],
  [attributeNames.address, 'address'],
  [attributeNames.addressSubstitutes, 'addressSubstitutes'],
])
