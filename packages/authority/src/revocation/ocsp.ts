/**
 * The OCSP responder (A4, RFC 6960): answers from the certificate table at once, signed by the generation's delegated key,
 * with the nonce sent back. Serials that were never issued are `unknown`, never `good`.
 */
import {
  certIdIssuerMatches,
  MalformedError,
  type OcspCertId,
  parseOcspRequest,
} from '@sekisho/pki'
import { issueOcspRefusal, issueOcspResponse, type OcspStatus } from '@sekisho/pki/issue'
import type { Clock } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import type { CaGeneration, Hierarchy } from '../ca/hierarchy.ts'
import type { AuthorityTables } from '../database.ts'

type World = {
  readonly store: Store<AuthorityTables>
  readonly hierarchy: Hierarchy
  readonly clock: Clock
}

/** Milliseconds for which an answer speaks: data are refreshed every 15 minutes (jpki.md §2.5). */
const answerLifetimeMs = 15 * 60 * 1000

/** Answers a DER request about certificates of one CA. Malformed or mixed requests get an RFC 6960 refusal. */
export async function answerOcsp(
  world: World,
  kind: 'signature' | 'authentication',
  der: Uint8Array,
): Promise<Uint8Array> {
  let request
  try {
    request = parseOcspRequest(der)
  } catch (error) {
    if (error instanceof MalformedError) return issueOcspRefusal('malformedRequest')
    throw error
  }
  const [first] = request.certIds
  const generation =
    first === undefined
      ? undefined
      : world.hierarchy.generations.find(
          one => one.kind === kind && certIdIssuerMatches(first, one.certificate),
        )
  // One answer has one signer: all certificates asked about must be of one key generation.
  if (
    generation === undefined ||
    !request.certIds.every(certId => certIdIssuerMatches(certId, generation.certificate))
  )
    return issueOcspRefusal('unauthorized')
  const at = world.clock.now()
  const answers = []
  for (const certId of request.certIds)
    answers.push({
      certId,
      status: await statusOf(world, generation, certId),
      thisUpdate: at,
      nextUpdate: at + answerLifetimeMs,
    })
  return issueOcspResponse({ producedAt: at, answers, nonce: request.nonce }, generation.responder)
}

async function statusOf(
  world: World,
  generation: CaGeneration,
  certId: OcspCertId,
): Promise<OcspStatus> {
  const row = await world.store.read(db =>
    db
      .selectFrom('certificate')
      .select(['state', 'reason', 'revoked_at'])
      .where('issuer_key_id', '=', generation.keyId)
      .where('serial', '=', serialHex(certId.serial))
      .executeTakeFirst(),
  )
  if (row === undefined) return { kind: 'unknown' }
  if (row.state === 'valid') return { kind: 'good' }
  return { kind: 'revoked', revokedAt: row.revoked_at ?? 0, reason: row.reason ?? 'unspecified' }
}

/** INTEGER content as the table writes serials: without a sign byte. */
function serialHex(content: Uint8Array): string {
  const hex = Buffer.from(content).toString('hex')
  return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex
}
