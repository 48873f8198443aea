/**
 * Verified claims (OpenID Connect for Identity Assurance 1.0): with the attributes of an identification, on request, by which rules, on what
 * evidence, how and when they were verified. What is asked and cannot be given is left out; what is not asked is not given.
 */
import { z } from 'zod'

/**
 * The rules: the Act on public personal authentication 公的個人認証法. The value is ours; no registry has one for them.
 */
export const trustFramework = 'jp_jpki'

/** The record behind the certificate: the register of residents. */
export const recordType = 'population_register'

/** Attributes that can be asked for as verified. */
export const verifiableClaims = ['name', 'address', 'birthdate', 'gender'] as const

/** How an identification was done. */
export type Verification = {
  /** ISO 8601. */
  readonly time: string
  /** SHA-256 (hex) of the statement that was signed: finds the evidence at the platform, and tells an outsider nothing. */
  readonly process: string
  /** The platform. */
  readonly organization: string
}

const constraint = z
  .union([
    z.null(),
    z.looseObject({
      value: z.string().max(200).optional(),
      values: z.array(z.string().max(200)).max(20).optional(),
      max_age: z.int().nonnegative().optional(),
    }),
  ])
  .optional()

const evidenceAsked = z.looseObject({
  type: z.looseObject({ value: z.string().max(200) }),
  check_details: z
    .array(z.looseObject({ check_method: constraint }))
    .max(5)
    .nullish(),
  record: z.looseObject({ type: constraint }).nullish(),
  time: constraint,
})

const verifiedAsked = z.looseObject({
  verification: z.looseObject({
    trust_framework: constraint,
    assurance_level: constraint,
    time: constraint,
    verification_process: constraint,
    evidence: z.array(evidenceAsked).min(1).max(5).optional(),
  }),
  claims: z
    .record(z.string().max(100), z.union([z.null(), z.looseObject({})]))
    .refine(claims => Object.keys(claims).length > 0),
})
type VerifiedAsked = z.infer<typeof verifiedAsked>

const asked = z.union([verifiedAsked, z.array(verifiedAsked).min(1).max(5)])

/** Whether a request for verified claims has the form that the specification gives it (§5). */
export function isVerifiedRequest(request: unknown): boolean {
  return asked.safeParse(request).success
}

/**
 * What is answered: one set, or as many as were asked for in a list. Undefined when nothing can be given as asked: a demand on the
 * verification that is not met takes the whole set away (§5.5). `now` is protocol time in milliseconds.
 */
export function verifiedClaims(
  request: unknown,
  given: {
    readonly claims: Readonly<Record<string, unknown>>
    readonly verification: Verification
    readonly now: number
  },
): unknown {
  const parsed = asked.safeParse(request)
  if (!parsed.success) return undefined
  const wanted = Array.isArray(parsed.data) ? parsed.data : [parsed.data]
  const sets = wanted.flatMap(each => setOf(each, given) ?? [])
  if (sets.length === 0) return undefined
  return Array.isArray(parsed.data) ? sets : sets[0]
}

function setOf(
  wanted: VerifiedAsked,
  given: Parameters<typeof verifiedClaims>[1],
): object | undefined {
  const { verification } = wanted
  const facts = factsOf(given.verification)
  const isMet =
    (['trust_framework', 'assurance_level', 'verification_process'] as const).every(name =>
      isWithin(verification[name], facts[name]),
    ) && isFresh(verification.time, given)
  const evidence = verification.evidence?.map(each => evidenceOf(each, given.verification))
  if (!isMet || evidence?.includes(undefined) === true) return undefined
  const claims = Object.fromEntries(
    verifiableClaims
      .filter(name => name in wanted.claims && given.claims[name] !== undefined)
      .map(name => [name, given.claims[name]]),
  )
  if (Object.keys(claims).length === 0) return undefined
  const told = Object.fromEntries(Object.entries(facts).filter(([name]) => name in verification))
  return {
    verification: {
      ...told,
      // Always there (§4.2).
      trust_framework: facts.trust_framework,
      ...(evidence === undefined ? {} : { evidence }),
    },
    claims,
  }
}

function factsOf(verification: Verification) {
  return {
    trust_framework: trustFramework,
    // Level 3 of the guideline on online identification (DS-500): signed with the card's signature key.
    assurance_level: 'ial3',
    time: verification.time,
    verification_process: verification.process,
  }
}

function evidenceOf(
  wanted: z.infer<typeof evidenceAsked>,
  verification: Verification,
): object | undefined {
  const method = 'vcrypt'
  const methods = wanted.check_details ?? []
  const isMet =
    wanted.type.value === 'electronic_record' &&
    isWithin(wanted.record?.type, recordType) &&
    methods.every(each => isWithin(each.check_method, method))
  if (!isMet) return undefined
  const { time, organization } = verification
  return {
    type: 'electronic_record',
    ...('time' in wanted ? { time } : {}),
    ...('check_details' in wanted
      ? { check_details: [{ check_method: method, organization, time }] }
      : {}),
    ...('record' in wanted ? { record: { type: recordType, source: { country: 'JPN' } } } : {}),
  }
}

/** Null asks without a demand; `value` and `values` demand. */
function isWithin(wanted: z.infer<typeof constraint>, fact: string): boolean {
  if (wanted === undefined || wanted === null) return true
  return (
    (wanted.value === undefined || wanted.value === fact) &&
    (wanted.values === undefined || wanted.values.includes(fact))
  )
}

/** `max_age` in seconds since the verification (§5.6.2.2). */
function isFresh(
  wanted: z.infer<typeof constraint>,
  given: { readonly verification: Verification; readonly now: number },
): boolean {
  if (wanted?.max_age === undefined) return true
  return given.now - Date.parse(given.verification.time) <= wanted.max_age * 1000
}
