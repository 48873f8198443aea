/**
 * Age determination 年齢判定 (A7): a validity check, which is charged, and with it a yes or no about the age. A year of age is reached at the
 * end of the day before the birthday; of a birth date that is known in part, at the latest day that it can be.
 */
import { Refusal } from '@sekisho/contract'
import { ageAnswer, type AgeAnswer, type AgeQuery } from '@sekisho/contract/authority'
import { ageOn, dateInJapan } from '@sekisho/contract/japan'
import { latestBirthDate, residentOf } from '../registry/resident.ts'
import type { World } from '../world.ts'
import { answerOnce, requireAccreditation, requirePurpose } from './counted.ts'
import type { Verifier } from './verifier.ts'

/** Yen for the validity check of an authentication certificate (S1); the age is free. */
const validityCheckYen = 2

/**
 * The ages that laws ask about. Whoever could ask about any would find the birth year in seven questions; data, because laws change
 * (*ours*).
 */
const ages: ReadonlySet<number> = new Set([13, 15, 16, 18, 20, 25, 30, 60, 65, 70, 75])

/** Answers. Refusals `verifier-not-accredited`, `purpose-unlawful`, `request-malformed` for another age, `idempotency-conflict`. */
export async function answerAge(
  world: World,
  verifier: Verifier,
  key: string,
  query: AgeQuery,
): Promise<AgeAnswer> {
  requireAccreditation(verifier, ['authentications'])
  requirePurpose(query, ['age-determination'])
  if (!ages.has(query.age)) throw new Refusal('request-malformed', { fields: 'age' })
  const asked = { verifier, key, kind: 'age', query, form: ageAnswer } as const
  return answerOnce(world, { ...asked, feeYen: validityCheckYen }, async (tx, usage) => {
    const row = await tx
      .selectFrom('certificate as one')
      .innerJoin('resident', 'resident.id', 'one.resident_id')
      .selectAll('resident')
      .select(['one.state', 'one.not_before', 'one.not_after'])
      .where('one.issuer_key_id', '=', query.authentication.issuerKeyId)
      .where('one.serial', '=', query.authentication.serial)
      .where('one.ca', '=', 'authentication')
      .executeTakeFirst()
    if (row === undefined) return { ...usage, certificate: 'unknown', isReached: null }
    const at = world.clock.now()
    const isValid = row.state === 'valid' && row.not_before <= at && at <= row.not_after
    if (!isValid) return { ...usage, certificate: 'invalid', isReached: null }
    const age = ageOn(latestBirthDate(residentOf(row).attributes), dateInJapan(at))
    return { ...usage, certificate: 'valid', isReached: age >= query.age }
  })
}
