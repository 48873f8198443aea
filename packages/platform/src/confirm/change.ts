/**
 * *Change* 変更確認 (C3): what the states of a person's certificates tell a provider that holds consent. The answer is the
 * meaning and the lawful next steps, never reason, serial or time, and whether a renewed card of the person is known here already (the
 * authority follows a new card back, never an old one forward). Charged once a day for a person and purpose, whatever is repeated.
 *
 * The signature certificate that counts is the one from which this provider got its attributes: a newer one, shown to another
 * provider, says nothing about what this one knows. States come from the lists in force, for every provider.
 */
import { type ChangeAnswer, type ChangeRequest, Refusal, tellSteps } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import type { Transaction } from '@sekisho/runtime/store'
import type { PlatformTables } from '../database.ts'
import { entries } from '../entry.ts'
import type { Judge } from '../evidence/judge.ts'
import { charge } from '../fees/meter.ts'
import { consentInForce } from '../people/consent.ts'
import { countUse } from '../people/consent-limit.ts'
import { certificatesOf, personOfSubject } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { mayFetchLatest } from './latest-consent.ts'
import { bestOf, type CertificateState, type Situation, situationOf } from './meaning.ts'

/**
 * Answers a provider. Refusals `person-unknown`, `consent-missing`, `revocation-stale`, `revocation-unavailable`; `scope-exceeded` for a
 * current-status check by a provider to whom that is not granted: only what is recognisable as such counts once a year (S1).
 */
export async function confirmChange(
  world: World,
  provider: Provider,
  { subject, purpose = 'transaction' }: ChangeRequest,
): Promise<ChangeAnswer> {
  const isCurrentStatus = purpose === 'current-status'
  if (isCurrentStatus && !provider.metadata.sekisho_current_status)
    throw new Refusal('scope-exceeded', { scope: 'sekisho_current_status' })
  const at = world.clock.now()
  const day = dateInJapan(at)
  const found = await world.store.transaction(async tx => {
    const person = await personOfSubject(tx, provider.id, subject)
    if (person === undefined) throw new Refusal('person-unknown')
    const to = { personId: person, providerId: provider.id }
    const consent = await consentInForce(tx, { ...to, scope: 'change' }, at)
    if (consent === undefined) throw new Refusal('consent-missing')
    await countUse(tx, { consentId: consent.id, scope: 'change' }, at)
    const found = await meaningNow(tx, world, {
      personId: person,
      certificateId: consent.certificateId,
    })
    const use = {
      providerId: provider.id,
      transaction: `${isCurrentStatus ? 'current-status' : 'change'} ${subject} ${day.year}-${day.month}-${day.day}`,
      method: 'crl' as const,
      currentStatusOf: isCurrentStatus ? subject : undefined,
      at,
    }
    if (found.hasSignature) await charge(tx, { ...use, kind: 'signature-check' })
    if (found.hasAuthentication) await charge(tx, { ...use, kind: 'authentication-check' })
    await world.ledger.record(tx, entries['platform.change-confirmed'], {
      at,
      ...to,
      values: { meaning: found.meaning, purpose, method: use.method },
    })
    // Only who may fetch them is told to.
    const isFetchable = await mayFetchLatest(tx, to, at)
    return {
      ...found,
      next: found.next.filter(step => step !== 'latest-attributes' || isFetchable),
    }
  })
  const { meaning, next, successor } = found
  return {
    subject,
    meaning,
    checkedAt: new Date(at).toISOString(),
    next: tellSteps(next),
    successor,
  }
}

/** What the lists in force mean for a provider that has its attributes from one certificate. Refusals as in {@link confirmChange}. */
export async function meaningNow(
  tx: Transaction<PlatformTables>,
  world: { readonly judge: Judge },
  about: { readonly personId: string; readonly certificateId: string },
): Promise<ReturnType<typeof meaningOf>> {
  const certificates = await certificatesOf(tx, about.personId)
  return meaningOf(certificates, world.judge, about.certificateId)
}

/** The same of certificates that were read already: all of one person. */
export function meaningOf(
  certificates: Awaited<ReturnType<typeof certificatesOf>>,
  judge: Judge,
  certificateId: string,
): Situation & {
  readonly hasSignature: boolean
  readonly hasAuthentication: boolean
  readonly successor: ChangeAnswer['successor']
} {
  const stateOf = (one: (typeof certificates)[number]): CertificateState =>
    judge.statusOf({
      issuerKeyId: one.issuer_key_id,
      serial: one.serial,
      notAfter: one.not_after,
    })
  const signature = certificates.find(one => one.id === certificateId)
  const authentications = certificates.filter(one => one.kind === 'authentication')
  const states = authentications.map(stateOf)
  const signatureState = signature === undefined ? 'none' : stateOf(signature)
  return {
    ...situationOf(signatureState, bestOf(states)),
    successor: [signatureState, ...states].includes('superseded')
      ? states.includes('valid')
        ? 'known'
        : 'unknown'
      : 'none',
    hasSignature: signature !== undefined,
    hasAuthentication: authentications.length > 0,
  }
}
