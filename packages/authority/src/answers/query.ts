/**
 * Answers to verifiers (A5, A6): the corresponding authentication serial (¥2) and the one-step predecessor (free). Only for
 * accredited verifiers; the same idempotency key gets the same answer and is counted once.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type {
  CorrespondingSerialAnswer,
  CorrespondingSerialQuery,
  PredecessorAnswer,
  PredecessorQuery,
  UsageStatement,
} from '@sekisho/contract/authority'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Transaction } from '@sekisho/runtime/store'
import type { AuthorityTables } from '../database.ts'
import type { World } from '../world.ts'
import type { Verifier } from './verifier.ts'

/** Yen for a corresponding serial (S1). */
const correspondingSerialYen = 2

/** Answers which authentication certificate belongs to a signature certificate. */
export function answerCorrespondingSerial(
  world: World,
  verifier: Verifier,
  key: string,
  query: CorrespondingSerialQuery,
): Promise<CorrespondingSerialAnswer> {
  if (!verifier.accreditedFor.includes('signatures')) throw new Refusal('verifier-not-accredited')
  return once(
    world,
    { verifier, key, kind: 'corresponding-serial', query, feeYen: correspondingSerialYen },
    async (tx, usage) => {
      const signature = await tx
        .selectFrom('certificate')
        .select(['card_id', 'not_before'])
        .where('issuer_key_id', '=', query.signature.issuerKeyId)
        .where('serial', '=', query.signature.serial)
        .where('ca', '=', 'signature')
        .executeTakeFirst()
      if (signature === undefined) throw new Refusal('certificate-unknown')
      const found = await tx
        .selectFrom('certificate')
        .select(['issuer_key_id', 'serial'])
        .where('card_id', '=', signature.card_id)
        .where('ca', '=', 'authentication')
        .orderBy('not_before', 'desc')
        .executeTakeFirst()
      const authentication =
        found === undefined ? null : { issuerKeyId: found.issuer_key_id, serial: found.serial }
      return { ...usage, authentication }
    },
  )
}

/** Answers which authentication certificate came one before. */
export function answerPredecessor(
  world: World,
  verifier: Verifier,
  key: string,
  query: PredecessorQuery,
): Promise<PredecessorAnswer> {
  // A verifier of authentications alone needs both consents; one of signatures the first (flows.md §4).
  const needed = verifier.accreditedFor.includes('signatures') ? 1 : 2
  if (new Set(query.consents).size < needed) throw new Refusal('consent-missing')
  return once(
    world,
    { verifier, key, kind: 'predecessor', query, feeYen: 0 },
    async (tx, usage) => {
      const found = await tx
        .selectFrom('certificate')
        .select(['predecessor_issuer_key_id', 'predecessor_serial'])
        .where('issuer_key_id', '=', query.authentication.issuerKeyId)
        .where('serial', '=', query.authentication.serial)
        .where('ca', '=', 'authentication')
        .executeTakeFirst()
      if (found === undefined) throw new Refusal('certificate-unknown')
      const { predecessor_issuer_key_id: issuerKeyId, predecessor_serial: serial } = found
      return {
        ...usage,
        predecessor: issuerKeyId === null || serial === null ? null : { issuerKeyId, serial },
      }
    },
  )
}

/** What was counted for a verifier in a month in Japan. */
export async function usageOf(
  world: World,
  verifier: Verifier,
  month: string,
): Promise<UsageStatement> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('query')
      .select(['key', 'kind', 'usage_id', 'fee_yen', 'at'])
      .where('verifier', '=', verifier.id)
      .orderBy('at')
      .orderBy('key')
      .execute(),
  )
  const lines = rows
    .filter(row => monthOf(row.at) === month)
    .map(row => ({
      usage: row.usage_id,
      idempotencyKey: row.key,
      kind: row.kind,
      at: new Date(row.at).toISOString(),
      feeYen: row.fee_yen,
    }))
  return { month, lines, totalYen: lines.reduce((sum, line) => sum + line.feeYen, 0) }
}

type Usage = { readonly usage: string; readonly feeYen: number; readonly answeredAt: string }

/** Answers a query under its key: computed and stored in one transaction, or repeated as it was. */
async function once<T extends Usage>(
  world: World,
  asked: {
    readonly verifier: Verifier
    readonly key: string
    readonly kind: 'corresponding-serial' | 'predecessor'
    readonly query: unknown
    readonly feeYen: number
  },
  compute: (tx: Transaction<AuthorityTables>, usage: Usage) => Promise<T>,
): Promise<T> {
  const requestSha256 = createHash('sha256')
    .update(`${asked.kind}\n${JSON.stringify(asked.query)}`)
    .digest('hex')
  const at = world.clock.now()
  return world.store.transaction(async tx => {
    const known = await tx
      .selectFrom('query')
      .select(['answer', 'request_sha256'])
      .where('verifier', '=', asked.verifier.id)
      .where('key', '=', asked.key)
      .executeTakeFirst()
    if (known !== undefined) {
      if (known.request_sha256 !== requestSha256) throw new Refusal('idempotency-conflict')
      return JSON.parse(known.answer) as T
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
    return answer
  })
}

function monthOf(at: number): string {
  const { year, month } = dateInJapan(at)
  return `${year}-${String(month).padStart(2, '0')}`
}
