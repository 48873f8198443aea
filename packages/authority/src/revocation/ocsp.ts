/**
 * The OCSP responder (A4, RFC 6960): answers from the certificate table at once, signed by the generation's delegated key,
 * with the nonce sent back. Serials that were never issued are `unknown`, never `good`. Not done: signed requests (their
 * signature is not looked at), GET, and keeping answers for those who ask the same again.
 */
import type { CaKind } from '@sekisho/contract/authority'
import {
  certIdIssuerMatches,
  MalformedError,
  type OcspCertId,
  type OcspRequest,
  parseOcspRequest,
  toHex,
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
export async function answerOcsp(world: World, kind: CaKind, der: Uint8Array): Promise<Uint8Array> {
  const request = parseRequest(der)
  if (request === undefined) return issueOcspRefusal('malformedRequest')
  // One answer has one signer: all certificates asked about must be of one key generation.
  const generation = world.hierarchy
    .inForce(world.clock.now())
    .find(
      one =>
        one.kind === kind &&
        request.certIds.every(certId => certIdIssuerMatches(certId, one.certificate)),
    )
  if (generation === undefined) return issueOcspRefusal('unauthorized')
  const statuses = await readStatuses(world, generation, request.certIds)
  const at = world.clock.now()
  const { nonce } = request
  const asked = request.certIds.map(certId => ({
    certId,
    status: statuses.get(serialHex(certId)) ?? ({ kind: 'unknown' } as const),
  }))
  const times = { thisUpdate: at, nextUpdate: at + answerLifetimeMs }
  return issueOcspResponse(
    { producedAt: at, answers: asked.map(one => ({ ...one, ...times })), nonce },
    generation.responderAt(at).signerFor({ at, lifetimeMs: answerLifetimeMs, nonce, asked }),
  )
}

function parseRequest(der: Uint8Array): OcspRequest | undefined {
  try {
    return parseOcspRequest(der)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** Statuses by serial; what was never issued is not among them. */
async function readStatuses(
  world: World,
  generation: CaGeneration,
  certIds: readonly OcspCertId[],
): Promise<ReadonlyMap<string, OcspStatus>> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('certificate')
      .select(['serial', 'state', 'reason', 'revoked_at'])
      .where('issuer_key_id', '=', generation.keyId)
      .where('serial', 'in', certIds.map(serialHex))
      .execute(),
  )
  return new Map(
    rows.map(({ serial, state, reason, revoked_at: revokedAt }): [string, OcspStatus] => {
      if (state === 'valid') return [serial, { kind: 'good' }]
      if (reason === null || revokedAt === null)
        throw new Error('revoked without reason or instant')
      return [serial, { kind: 'revoked', revokedAt, reason }]
    }),
  )
}

/** The serial as the table writes serials: without a sign byte. */
function serialHex({ serial }: OcspCertId): string {
  const hex = toHex(serial)
  return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex
}
