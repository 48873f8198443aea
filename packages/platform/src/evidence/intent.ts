/**
 * Questions to the authority (A5, A6) that survive a crash: the intent is written before the question is sent, its id is the
 * `Idempotency-Key`, and the same question is asked under the same id for ever, so that it is charged once.
 *
 * An intent is found by a keyed hash of its question: serials have 31 bits, so a plain hash would be as good as the serial.
 */
import { createHmac } from 'node:crypto'
import type { CertificateReference } from '@sekisho/contract/authority'
import {
  correspondingSerialAnswer,
  type CorrespondingSerialQuery,
  correspondingSerialQuery,
  predecessorAnswer,
} from '@sekisho/contract/authority'
import type { Clock, Instant } from '@sekisho/runtime/clock'
import type { MasterKey } from '@sekisho/runtime/keys'
import type { Random } from '@sekisho/runtime/random'
import type { Store, Transaction } from '@sekisho/runtime/store'
import type { z } from 'zod'
import type { PlatformTables } from '../database.ts'
import type { AuthorityConnector } from './connector.ts'

type World = {
  readonly store: Store<PlatformTables>
  readonly connector: AuthorityConnector
  readonly clock: Clock
  readonly random: Random
  readonly master: MasterKey
  /** Secret under which questions are looked up; the same for ever. */
  readonly questionKey: Uint8Array
}

/** The authentication certificate that corresponds to a signature certificate, or null when there is none. */
export async function askCorrespondingSerial(
  world: World,
  query: CorrespondingSerialQuery,
): Promise<{ readonly authentication: CertificateReference | null; readonly query: string }> {
  const { answer, id } = await ask(
    world,
    'corresponding-serial',
    { about: query.signature, query },
    correspondingSerialAnswer,
    // The very query that was written first: under one key the authority repeats only one.
    (first, key) => world.connector.correspondingSerial(correspondingSerialQuery.parse(first), key),
  )
  return { authentication: answer.authentication, query: id }
}

/** The authentication certificate one before, or null when there was none. Free of charge. */
export async function askPredecessor(
  world: World,
  authentication: CertificateReference,
): Promise<CertificateReference | null> {
  const { answer } = await ask(
    world,
    'predecessor',
    { about: authentication, query: {} },
    predecessorAnswer,
    (_first, key) => world.connector.predecessor(authentication, key),
  )
  return answer.predecessor
}

/**
 * Transition answered, uncharged → charged, inside the transaction that puts the fee on a bill. False when it is on one
 * already: the authority counts a query once, however many steps needed its answer.
 */
export async function settleIntent(
  tx: Transaction<PlatformTables>,
  id: string,
  at: Instant,
): Promise<boolean> {
  const changed = await tx
    .updateTable('intent')
    .set({ charged_at: at })
    .where('id', '=', id)
    .where('state', '=', 'answered')
    .where('charged_at', 'is', null)
    .executeTakeFirst()
  return changed.numUpdatedRows === 1n
}

async function ask<T>(
  world: World,
  kind: 'corresponding-serial' | 'predecessor',
  asked: { readonly about: CertificateReference; readonly query: unknown },
  schema: z.ZodType<T>,
  send: (query: unknown, key: string) => Promise<T>,
): Promise<{ readonly answer: T; readonly id: string }> {
  const { about } = asked
  const question = createHmac('sha256', world.questionKey)
    .update(`${kind}\n${about.issuerKeyId}\n${about.serial}`)
    .digest('hex')
  const { id, answer: stored, query } = await writeIntent(world, kind, question, asked.query)
  if (stored !== null) {
    const known = await world.master.unwrap(`intent ${id}`, stored)
    return { answer: schema.parse(JSON.parse(new TextDecoder().decode(known))), id }
  }
  const answer = await send(query, id)
  const sealed = await world.master.wrap(
    `intent ${id}`,
    new TextEncoder().encode(JSON.stringify(answer)),
  )
  await world.store.transaction(tx =>
    tx
      .updateTable('intent')
      .set({ state: 'answered', answer: sealed, answered_at: world.clock.now() })
      .where('id', '=', id)
      .where('state', '=', 'asked')
      .execute(),
  )
  return { answer, id }
}

/** The intent of this question, written now or before, with the query as it was first put. */
async function writeIntent(
  world: World,
  kind: 'corresponding-serial' | 'predecessor',
  question: string,
  query: unknown,
): Promise<{ id: string; answer: Uint8Array | null; query: unknown }> {
  const at = world.clock.now()
  // The query names a serial, which stands in the clear in one table only.
  const sealed = await world.master.wrap(
    `intent query ${question}`,
    new TextEncoder().encode(JSON.stringify(query)),
  )
  const row = await world.store.transaction(async tx => {
    await tx
      .insertInto('intent')
      .values({
        id: world.random.uuidv7(at),
        kind,
        question,
        query: sealed,
        state: 'asked',
        answer: null,
        created_at: at,
        answered_at: null,
        charged_at: null,
      })
      .onConflict(conflict => conflict.column('question').doNothing())
      .execute()
    return tx
      .selectFrom('intent')
      .select(['id', 'answer', 'query'])
      .where('question', '=', question)
      .executeTakeFirstOrThrow()
  })
  const first = await world.master.unwrap(`intent query ${question}`, row.query)
  return { ...row, query: JSON.parse(new TextDecoder().decode(first)) }
}
