/**
 * Signature verification for providers (C1): raw signature + certificate + document → report. The provider learns verdict and
 * reasons; certificate and evidence stay here, sealed, when the signer is a person the platform knows.
 */
import type { VerificationReport, VerificationRequest } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Use } from '../fees/meter.ts'
import { sha256Hex } from '../evidence/hash.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { aliasOf } from './certificate-alias.ts'
import { keptUntil } from './kept-result.ts'

/**
 * Judges, and charges when validity was looked up, whatever was found. The same request again on the same day is judged anew
 * and charged once, so that a repeated call costs nothing. Fee, ledger entry and evidence are durable before the answer.
 */
export async function verifyForProvider(
  world: World,
  provider: Provider,
  request: VerificationRequest,
): Promise<VerificationReport> {
  const { judged, isStatusChecked, method, ...report } = await world.judge.report({
    message: bytesOf(request.document),
    signature: bytesOf(request.signature),
    certificate: bytesOf(request.certificate),
    purpose: request.purpose,
    revocation: provider.revocation,
    freshnessMs: provider.freshnessMs,
  })
  const at = world.clock.now()
  const id = world.random.token(idBits)
  const day = dateInJapan(at)
  // How long it is kept makes no other check of it.
  const { keepDays, ...asked } = request
  const requestSha256 = sha256Hex(new TextEncoder().encode(JSON.stringify(asked)))
  const use: Use = {
    providerId: provider.id,
    transaction: `verify ${requestSha256} ${day.year}-${day.month}-${day.day}`,
    kind: request.purpose === 'signature' ? 'signature-check' : 'authentication-check',
    method,
    at,
  }
  const certificateId =
    keepDays === undefined || judged === undefined
      ? undefined
      : await aliasOf(world, provider, judged)
  const answer: VerificationReport = {
    id,
    ...report,
    ...(certificateId === undefined ? {} : { certificateId }),
  }
  await world.keepVerification({
    id,
    at,
    providerId: provider.id,
    verdict: report.verdict,
    use: isStatusChecked ? use : undefined,
    request,
    judged,
    result:
      keepDays === undefined
        ? undefined
        : {
            ...answer,
            method,
            purpose: request.purpose ?? 'signature',
            documentSha256: sha256Hex(bytesOf(request.document)),
            keptUntil: keptUntil(at, keepDays),
          },
  })
  return answer
}

function bytesOf(base64: string): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.from(base64, 'base64')
  return new Uint8Array(buffer, byteOffset, byteLength)
}

/** Bits of a report's id: random, because it must not tell when or in which order anything happened. */
const idBits = 128
