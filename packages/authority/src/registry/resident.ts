/** Residents and their four attributes 基本4情報 (A1). The registry keeps names and addresses as written; nothing is normalised. */
import type { CalendarDate } from '@sekisho/contract/japan'
import { z } from 'zod'
import type { ResidentStatus } from '../database.ts'
import { type ForeignStay, foreignStay } from './foreign-stay.ts'
import { type Relation, relations } from './household.ts'

/** A birth date whose month or day the register may not know. */
const birthDate = z
  .strictObject({
    year: z.int().min(1868).max(2100),
    month: z.int().min(1).max(12).nullable(),
    day: z.int().min(1).max(31).nullable(),
  })
  .refine(({ year, month, day }) => day === null || day <= daysOf(year, month ?? 1))

/** The attributes of a resident as the registry holds them. Flags mark characters that certificates cannot carry. */
export const residentAttributes = z
  .strictObject({
    name: z.string().min(1).max(100),
    nameSubstitutes: z.string().regex(/^[01]*$/),
    formerSurname: z.string().nullable(),
    address: z.string().min(1).max(200),
    addressSubstitutes: z.string().regex(/^[01]*$/),
    birthDate,
    gender: z.enum(['male', 'female', 'unknown']),
  })
  .refine(one => Array.from(one.name).length === one.nameSubstitutes.length)
  .refine(one => Array.from(one.address).length === one.addressSubstitutes.length)
export type ResidentAttributes = z.infer<typeof residentAttributes>

/** A resident. */
export type Resident = {
  /** Null for who lives in none here: overseas, gone. */
  readonly householdId: string | null
  /** To the head of the household. */
  readonly relation: Relation
  /** Reading of the name in katakana, where it is known. */
  readonly reading: string | null
  /** Of a foreign resident. */
  readonly stay: ForeignStay | null
  readonly id: string
  readonly municipality: string
  readonly attributes: ResidentAttributes
  readonly status: ResidentStatus
  readonly isWard: boolean
  readonly persona: string | null
}

/** Parses a registry row. */
export function residentOf(row: {
  readonly id: string
  readonly municipality: string
  readonly attributes: unknown
  readonly status: ResidentStatus
  readonly is_ward: boolean
  readonly persona: string | null
  readonly household_id: string | null
  readonly relation: string
  readonly reading: string | null
  readonly stay: unknown
}): Resident {
  return {
    id: row.id,
    municipality: row.municipality,
    attributes: residentAttributes.parse(row.attributes),
    status: row.status,
    isWard: row.is_ward,
    persona: row.persona,
    householdId: row.household_id,
    relation: z.enum(relations).parse(row.relation),
    reading: row.reading,
    stay: foreignStay.nullable().parse(row.stay),
  }
}

/** The birth date for rules of age; an unknown part counts as the latest possible, so that nobody is taken for older. */
export function latestBirthDate(attributes: ResidentAttributes): CalendarDate {
  const { year, month, day } = attributes.birthDate
  const latestMonth = month ?? 12
  return { year, month: latestMonth, day: day ?? daysOf(year, latestMonth) }
}

/** Days that a month has. */
function daysOf(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
