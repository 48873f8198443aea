/**
 * Answers of cards without PIN (B12): challenge → the card's answer at a certified terminal → report. The statement is composed
 * here, with a label of its own: nothing that a card signed with PIN passes for it, and it passes for no login.
 */
import {
  type PinlessChallenge,
  type PinlessVerificationReport,
  type PinlessVerificationRequest,
  Refusal,
} from '@sekisho/contract'
import { protocolNow } from '@sekisho/runtime/clock'
import { sha256Hex } from '../evidence/hash.ts'
import { pinlessStatement } from '../evidence/pinless.ts'
import { knownSubject, personOf } from '../people/link.ts'
import { demandsPin } from '../people/wish.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'

/** Makes a challenge for a provider. */
export async function challengePinless(
  world: World,
  provider: Provider,
): Promise<PinlessChallenge> {
  const challenge = world.random.bytes(challengeBytes)
  const expiresAt = protocolNow() + lifetimeMs
  await world.store.transaction(tx =>
    tx
      .insertInto('pinless_challenge')
      .values({ id: sha256Hex(challenge), provider_id: provider.id, expires_at: expiresAt })
      .execute(),
  )
  return {
    challenge: Buffer.from(challenge).toString('base64'),
    expiresAt: new Date(expiresAt).toISOString(),
  }
}

/**
 * Judges an answer, and charges as for an authentication when validity was looked up. Refusals `challenge-unknown` (also for one that
 * was used, or is another provider's), `challenge-expired`; those of `PinlessTerminals.demand`.
 */
export async function verifyPinless(
  world: World,
  provider: Provider,
  request: PinlessVerificationRequest,
): Promise<PinlessVerificationReport> {
  const challenge = bytesOf(request.challenge)
  await useChallenge(world, provider, challenge)
  await world.pinlessTerminals.demand(request)
  const message = pinlessStatement(request, challenge)
  const { judged, isStatusChecked, method, ...judgement } = await world.judge.report({
    message,
    signature: bytesOf(request.signature),
    certificate: bytesOf(request.certificate),
    purpose: 'authentication',
    revocation: provider.revocation,
    freshnessMs: provider.freshnessMs,
  })
  const personId = await world.store.read(async db =>
    judged === undefined ? undefined : personOf(db, judged.reference),
  )
  const isDemanded =
    personId !== undefined && (await world.store.read(db => demandsPin(db, personId)))
  const report = isDemanded
    ? { ...judgement, verdict: 'failed' as const, reasons: [pinDemanded] }
    : judgement
  const at = world.clock.now()
  const id = world.random.token(idBits)
  await world.keepVerification({
    id,
    at,
    providerId: provider.id,
    verdict: report.verdict,
    use: isStatusChecked
      ? {
          providerId: provider.id,
          transaction: `pinless ${sha256Hex(challenge)}`,
          kind: 'authentication-check',
          method,
          at,
        }
      : undefined,
    request: {
      document: Buffer.from(message).toString('base64'),
      signature: request.signature,
      certificate: request.certificate,
      purpose: 'authentication',
    },
    judged,
  })
  const subject = await world.store.read(async db =>
    personId === undefined || isDemanded
      ? undefined
      : knownSubject(db, { providerId: provider.id, personId }),
  )
  return { id, ...report, assurance: 'card-without-pin', subject: subject ?? null }
}

/** The holder said so at the platform: the card alone is no proof anywhere. */
const pinDemanded = {
  code: 'pin-demanded',
  ja: 'この利用者は、いつも暗証番号を求めるようにしています。',
  en: 'This person demands that the PIN is always asked for.',
}

/** Forgets challenges that nobody answered. */
export async function sweepChallenges(world: Pick<World, 'store'>): Promise<void> {
  await world.store.transaction(tx =>
    tx.deleteFrom('pinless_challenge').where('expires_at', '<=', protocolNow()).execute(),
  )
}

/** Taken by whoever deletes it; of two calls at a time one does. */
async function useChallenge(
  world: World,
  provider: Provider,
  challenge: Uint8Array,
): Promise<void> {
  const taken = await world.store.transaction(tx =>
    tx
      .deleteFrom('pinless_challenge')
      .where('id', '=', sha256Hex(challenge))
      .where('provider_id', '=', provider.id)
      .returning('expires_at')
      .executeTakeFirst(),
  )
  if (taken === undefined) throw new Refusal('challenge-unknown')
  if (taken.expires_at <= protocolNow()) throw new Refusal('challenge-expired')
}

function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'))
}

const challengeBytes = 32
/** For how long a card may take to answer; a login has as long. */
const lifetimeMs = 5 * 60_000
/** Bits of a report's id: random, because it must not tell when or in which order anything happened. */
const idBits = 128
