/**
 * Signature verification for providers (C1): raw signature + certificate + document → report. The provider learns verdict and
 * reasons; certificate and evidence stay here, sealed, when the signer is a person the platform knows.
 */
import type { VerificationReport, VerificationRequest } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import { keepContainer, notLasting } from '../evidence/container.ts'
import { entries } from '../entry.ts'
import { charge } from '../fees/meter.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { personOf } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

/**
 * Judges, and charges when validity was looked up, whatever was found. The same request again on the same day is judged anew
 * and charged once, so that a repeated call costs nothing.
 */
export async function verifyForProvider(
  world: World,
  provider: Provider,
  request: VerificationRequest,
): Promise<VerificationReport> {
  const { judged, isStatusChecked, ...report } = await world.judge.report({
    message: new Uint8Array(Buffer.from(request.document, 'base64')),
    signature: new Uint8Array(Buffer.from(request.signature, 'base64')),
    certificate: new Uint8Array(Buffer.from(request.certificate, 'base64')),
    purpose: request.purpose,
    revocation: provider.revocation,
  })
  const at = world.clock.now()
  const id = world.random.token(idBits)
  const day = dateInJapan(at)
  const requestSha256 = sha256Hex(new TextEncoder().encode(JSON.stringify(request)))
  await world.store.transaction(async tx => {
    if (isStatusChecked)
      await charge(tx, {
        providerId: provider.id,
        transaction: `verify ${requestSha256} ${day.year}-${day.month}-${day.day}`,
        kind: request.purpose === 'signature' ? 'signature-check' : 'authentication-check',
        at,
      })
    const person = judged === undefined ? undefined : await personOf(tx, judged.reference)
    await world.ledger.record(tx, entries['platform.signature-verified'], {
      at,
      personId: person,
      providerId: provider.id,
      values: { report: id, verdict: report.verdict },
    })
    if (judged === undefined || person === undefined) return
    await keepContainer(
      tx,
      {
        personId: person,
        providerId: provider.id,
        kind: 'verification',
        policy: judged.policy,
        lasting: notLasting,
        transactionId: null,
        content: {
          document: request.document,
          signature: request.signature,
          certificate: request.certificate,
          mediaType: 'application/octet-stream',
          evidence: judged.evidence,
        },
      },
      { at, random: world.random, key: await world.personKeys.ensure(tx, person, at) },
    )
  })
  return { id, ...report }
}

/** Bits of a report's id: random, because it must not tell when or in which order anything happened. */
const idBits = 128
