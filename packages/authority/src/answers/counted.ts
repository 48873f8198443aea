/**
 * What all answers to verifiers have in common: who may ask, for what, and that the same idempotency key gets the same answer and
 * is counted once. A refusal is not kept: nothing was answered, and the same query may succeed later under the same key.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type { QueryPurpose } from '@sekisho/contract/authority'
import { lockInTransaction, type Transaction } from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { AuthorityTables } from '../database.ts'
import { messages } from '../message.ts'
import type { World } from '../world.ts'
import type { Verifier } from './verifier.ts'

/** Refusal `verifier-not-accredited` unless the verifier may do all of these. */
export function requireAccreditation(verifier: Verifier, needed: Verifier['accreditedFor']): void {
  if (!needed.every(one => verifier.accreditedFor.includes(one)))
    throw new Refusal('verifier-not-accredited')
}

/** Refusal `purpose-unlawful` unless this may be asked for what it is asked for. */
export function requirePurpose(
  { purpose }: { readonly purpose: QueryPurpose },
  lawful: readonly QueryPurpose[],
): void {
  if (!lawful.includes(purpose)) throw new Refusal('purpose-unlawful', { purpose })
}

/** What every answer says of its being counted. */
export type Usage = { readonly usage: string; readonly feeYen: number; readonly answeredAt: string }

/** Answers a query under its key: computed and stored in one transaction, or repeated as it was. */
export async function answerOnce<T>(
  world: World,
  asked: {
    readonly verifier: Verifier
    readonly key: string
    readonly kind: AuthorityTables['query']['kind']
    readonly query: unknown
    readonly feeYen: number
    /** What an answer kept before is read by. */
    readonly form: z.ZodType<T>
  },
  compute: (tx: Transaction<AuthorityTables>, usage: Usage) => Promise<T>,
): Promise<T> {
  const requestSha256 = createHash('sha256')
    .update(`${asked.kind}\n${JSON.stringify(asked.query)}`)
    .digest('hex')
  const at = world.clock.now()
  const { answer, isRepeated } = await world.store.transaction(async tx => {
    // Two calls with one key that arrive together: the second waits and finds the first one's answer.
    await lockInTransaction(tx, `query ${asked.verifier.id} ${asked.key}`)
    const known = await tx
      .selectFrom('query')
      .select(['answer', 'request_sha256'])
      .where('verifier', '=', asked.verifier.id)
      .where('key', '=', asked.key)
      .executeTakeFirst()
    if (known !== undefined) {
      if (known.request_sha256 !== requestSha256) throw new Refusal('idempotency-conflict')
      return { answer: asked.form.parse(JSON.parse(known.answer)), isRepeated: true }
    }
    const usage = world.random.uuidv7(at)
    const answer = await compute(tx, {
      usage,
      feeYen: asked.feeYen,
      answeredAt: new Date(at).toISOString(),
    })
    await tx
      .insertInto('query')
      .values({
        verifier: asked.verifier.id,
        key: asked.key,
        kind: asked.kind,
        request_sha256: requestSha256,
        usage_id: usage,
        fee_yen: asked.feeYen,
        answer: JSON.stringify(answer),
        at,
      })
      .execute()
    return { answer, isRepeated: false }
  })
  world.log.write(messages['authority.query-answered'], {
    verifier: asked.verifier.id,
    kind: asked.kind,
    isRepeated,
  })
  return answer
}
