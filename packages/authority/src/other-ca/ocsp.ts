/** OCSP answers of the other CAs (RFC 6960), from their records, signed for each request by the CA's delegated responder. */
import {
  certIdIssuerMatches,
  MalformedError,
  type OcspRequest,
  parseOcspRequest,
} from '@sekisho/pki'
import { issueOcspRefusal, issueOcspResponse, type OcspStatus } from '@sekisho/pki/issue'
import { presentOcsp } from '../revocation/ocsp.ts'
import { serialHex } from '../ca/serial.ts'
import type { OtherCaId } from './kind.ts'
import type { OtherWorld } from './world.ts'

/** Answers a DER request. Malformed requests, and those about certificates of another CA, get an RFC 6960 refusal. */
export async function answerOtherOcsp(
  world: Pick<OtherWorld, 'store' | 'cas' | 'clock'>,
  id: OtherCaId,
  der: Uint8Array,
): Promise<Uint8Array> {
  const request = parsed(der)
  if (request === undefined) return issueOcspRefusal('malformedRequest')
  const ca = world.cas[id]
  const at = world.clock.now()
  const isOwn = request.certIds.every(each => certIdIssuerMatches(each, ca.certificate))
  const isInForce = ca.certificate.notBefore <= at && at <= ca.certificate.notAfter
  if (!isOwn || !isInForce) return issueOcspRefusal('unauthorized')
  const statuses = await readStatuses(
    world,
    id,
    request.certIds.map(({ serial }) => serialHex(serial)),
  )
  const { nonce } = request
  const { lifetimeMs } = presentOcsp
  const responder = ca.responderAt(at)
  const times = {
    thisUpdate: at,
    nextUpdate: Math.min(at + lifetimeMs, responder.certificate.notAfter),
  }
  const asked = request.certIds.map(certId => ({
    certId,
    status: statuses.get(serialHex(certId.serial)) ?? ({ kind: 'unknown' } as const),
  }))
  return issueOcspResponse(
    { producedAt: at, answers: asked.map(one => ({ ...one, ...times })), nonce },
    responder.signerFor({ at, lifetimeMs, nonce, asked }),
  )
}

/** Statuses by serial; what was never issued is not among them. */
async function readStatuses(
  world: Pick<OtherWorld, 'store'>,
  ca: OtherCaId,
  serials: readonly string[],
): Promise<ReadonlyMap<string, OcspStatus>> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('other_certificate')
      .select(['serial', 'state', 'reason', 'revoked_at'])
      .where('ca', '=', ca)
      .where('serial', 'in', [...serials])
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

function parsed(der: Uint8Array): OcspRequest | undefined {
  try {
    return parseOcspRequest(der)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
