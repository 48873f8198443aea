/**
 * Answers to verifiers (A5, A6): the corresponding authentication serial (¥2) and the one-step predecessor (free). Only for
 * accredited verifiers; the same idempotency key gets the same answer and is counted once. A refusal is not kept: nothing
 * was answered, and the same query may succeed later under the same key.
 */
import { Refusal } from '@sekisho/contract'
import {
  type CertificateReference,
  correspondingSerialAnswer,
  type CorrespondingSerialAnswer,
  type CorrespondingSerialQuery,
  predecessorAnswer,
  type PredecessorAnswer,
  type PredecessorQuery,
  type UsageStatement,
} from '@sekisho/contract/authority'
import { startOfDayInJapan } from '@sekisho/contract/japan'
import type { World } from '../world.ts'
import { answerOnce, requireAccreditation, requirePurpose } from './counted.ts'
import type { Verifier } from './verifier.ts'

/** Yen for a corresponding serial (S1). */
const correspondingSerialYen = 2

/**
 * Answers which authentication certificate belongs to a signature certificate: the one beside it on the card when it was
 * issued. For verifiers accredited for both (jpki.md §5.1, art. 18(5)). Refusals `verifier-not-accredited`,
 * `purpose-unlawful`, `certificate-unknown`, `idempotency-conflict`.
 */
export async function answerCorrespondingSerial(
  world: World,
  verifier: Verifier,
  key: string,
  query: CorrespondingSerialQuery,
): Promise<CorrespondingSerialAnswer> {
  requireAccreditation(verifier, ['signatures', 'authentications'])
  requirePurpose(query, ['identification'])
  return answerOnce(
    world,
    {
      verifier,
      key,
      kind: 'corresponding-serial',
      query,
      feeYen: correspondingSerialYen,
      form: correspondingSerialAnswer,
    },
    async (tx, usage) => {
      const found = await tx
        .selectFrom('certificate')
        .select(['authentication_issuer_key_id as issuerKeyId', 'authentication_serial as serial'])
        .where('issuer_key_id', '=', query.signature.issuerKeyId)
        .where('serial', '=', query.signature.serial)
        .where('ca', '=', 'signature')
        .executeTakeFirst()
      if (found === undefined) throw new Refusal('certificate-unknown')
      return { ...usage, authentication: referenceOf(found) }
    },
  )
}

/**
 * Answers which authentication certificate came one before, on renewal or reissue. The holder must have consented to the
 * authority's use of its records, and towards a verifier of authentications alone also to the obtaining (flows.md §4).
 * Refusals `verifier-not-accredited`, `purpose-unlawful`, `consent-missing`, `certificate-unknown`, `idempotency-conflict`.
 */
export async function answerPredecessor(
  world: World,
  verifier: Verifier,
  key: string,
  query: PredecessorQuery,
): Promise<PredecessorAnswer> {
  requireAccreditation(verifier, ['authentications'])
  requirePurpose(query, ['identification', 'login'])
  const needed = verifier.accreditedFor.includes('signatures')
    ? (['authority-use'] as const)
    : (['authority-use', 'provider-obtaining'] as const)
  if (!needed.every(consent => query.consents.includes(consent)))
    throw new Refusal('consent-missing')
  return answerOnce(
    world,
    { verifier, key, kind: 'predecessor', query, feeYen: 0, form: predecessorAnswer },
    async (tx, usage) => {
      const found = await tx
        .selectFrom('certificate')
        .select(['predecessor_issuer_key_id as issuerKeyId', 'predecessor_serial as serial'])
        .where('issuer_key_id', '=', query.authentication.issuerKeyId)
        .where('serial', '=', query.authentication.serial)
        .where('ca', '=', 'authentication')
        .executeTakeFirst()
      if (found === undefined) throw new Refusal('certificate-unknown')
      return { ...usage, predecessor: referenceOf(found) }
    },
  )
}

function referenceOf(row: {
  readonly issuerKeyId: string | null
  readonly serial: string | null
}): CertificateReference | null {
  const { issuerKeyId, serial } = row
  return issuerKeyId === null || serial === null ? null : { issuerKeyId, serial }
}

/** What was counted for a verifier in a month in Japan, `YYYY-MM`. */
export async function usageOf(
  world: World,
  verifier: Verifier,
  month: string,
): Promise<UsageStatement> {
  const [year = 0, number = 0] = month.split('-').map(Number)
  const rows = await world.store.read(db =>
    db
      .selectFrom('query')
      .select(['key', 'kind', 'usage_id', 'fee_yen', 'at'])
      .where('verifier', '=', verifier.id)
      .where('at', '>=', startOfDayInJapan({ year, month: number, day: 1 }))
      .where('at', '<', startOfDayInJapan({ year, month: number + 1, day: 1 }))
      .orderBy('at')
      .orderBy('key')
      .execute(),
  )
  const lines = rows.map(row => ({
    usage: row.usage_id,
    idempotencyKey: row.key,
    kind: row.kind,
    at: new Date(row.at).toISOString(),
    feeYen: row.fee_yen,
  }))
  return { month, lines, totalYen: lines.reduce((sum, line) => sum + line.feeYen, 0) }
}
