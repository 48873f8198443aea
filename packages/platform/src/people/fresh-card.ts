/** Proof by card: the person was at this provider with the card moments ago. */
import { Refusal } from '@sekisho/contract'
import type { Instant } from '@sekisho/runtime/clock'
import type { Reader } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { personOfSubject } from './link.ts'

/** Milliseconds for which a card step proves who is there (*ours*). */
const freshMs = 10 * 60 * 1000

/** The person behind an id who has just shown the card at this provider. Refusals `person-unknown`, `card-step-needed`. */
export async function personWithCard(
  db: Reader<PlatformTables>,
  of: { readonly providerId: string; readonly subject: string },
  at: Instant,
): Promise<string> {
  const personId = await personOfSubject(db, of.providerId, of.subject)
  if (personId === undefined) throw new Refusal('person-unknown')
  const row = await db
    .selectFrom('pairwise')
    .select(({ fn }) => fn.max<number | null>('seen_at').as('seen_at'))
    .where('provider_id', '=', of.providerId)
    .where('person_id', '=', personId)
    .executeTakeFirst()
  const seen = row?.seen_at ?? undefined
  if (seen === undefined || seen > at || at - seen > freshMs) throw new Refusal('card-step-needed')
  return personId
}
