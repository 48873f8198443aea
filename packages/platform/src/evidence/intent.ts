/**
 * Questions to the authority (A5, A6) that survive a crash: the intent is written before the question is sent, its id is the
 * `Idempotency-Key`, and the same question is asked under the same id for ever, so that it is charged once.
 */
import { createHash } from 'node:crypto'
import type { CertificateReference } from '@sekisho/contract/authority'
import {
  correspondingSerialAnswer,
  type CorrespondingSerialQuery,
  predecessorAnswer,
} from '@sekisho/contract/authority'
import type { Clock } from '@sekisho/runtime/clock'
import type { MasterKey } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Store } from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import type { AuthorityConnector } from './connector.ts'

type World = {
  readonly store: Store<PlatformTables>
  readonly connector: AuthorityConnector
  readonly clock: Clock
  readonly random: Random
  readonly master: MasterKey
}

/** The authentication certificate that corresponds to a signature certificate, or null when there is none. */
export async function askCorrespondingSerial(
  world: World,
  query: CorrespondingSerialQuery,
): Promise<CertificateReference | null> {
  const answer = await ask(
    world,
    'corresponding-serial',
    query.signature,
    correspondingSerialAnswer,
    key => world.connector.correspondingSerial(query, key),
  )
  return answer.authentication
}

/** The authentication certificate one before, or null when there was none. */
export async function askPredecessor(
  world: World,
  authentication: CertificateReference,
): Promise<CertificateReference | null> {
  const answer = await ask(world, 'predecessor', authentication, predecessorAnswer, key =>
    world.connector.predecessor(authentication, key),
  )
  return answer.predecessor
}

async function ask<T>(
  world: World,
  kind: 'corresponding-serial' | 'predecessor',
  about: CertificateReference,
  schema: z.ZodType<T>,
  send: (key: string) => Promise<T>,
): Promise<T> {
  const question = createHash('sha256')
    .update(`${kind}\n${about.issuerKeyId}\n${about.serial}`)
    .digest('hex')
  const intent = await writeIntent(world, kind, question)
  if (intent.answer !== null) {
    const known = await world.master.unwrap(`intent ${intent.id}`, intent.answer)
    return schema.parse(JSON.parse(new TextDecoder().decode(known)))
  }
  const answer = await send(intent.id)
  const sealed = await world.master.wrap(
    `intent ${intent.id}`,
    new TextEncoder().encode(JSON.stringify(answer)),
  )
  await world.store.transaction(tx =>
    tx
      .updateTable('intent')
      .set({ state: 'answered', answer: sealed, answered_at: world.clock.now() })
      .where('id', '=', intent.id)
      .where('state', '=', 'asked')
      .execute(),
  )
  return answer
}

/** The intent of this question, written now or before. */
function writeIntent(
  world: World,
  kind: 'corresponding-serial' | 'predecessor',
  question: string,
): Promise<{ id: string; answer: Uint8Array | null }> {
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    await tx
      .insertInto('intent')
      .values({
        id: world.random.uuidv7(at),
        kind,
        question,
        state: 'asked',
        answer: null,
        created_at: at,
        answered_at: null,
      })
      .onConflict(conflict => conflict.column('question').doNothing())
      .execute()
    return tx
      .selectFrom('intent')
      .select(['id', 'answer'])
      .where('question', '=', question)
      .executeTakeFirstOrThrow()
  })
}
