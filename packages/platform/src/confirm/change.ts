/**
 * *Change* 変更確認 (C3): what the states of a person's certificates tell a provider that holds consent. The answer is the
 * meaning, never reason, serial or time. Charged once a day for a person, whatever the provider repeats.
 */
import { type ChangeAnswer, Refusal } from '@sekisho/contract'
import { dateInJapan } from '@sekisho/contract/japan'
import { entries } from '../entry.ts'
import { charge } from '../fees/meter.ts'
import { hasConsent } from '../people/consent.ts'
import { certificatesOf, personOfSubject } from '../people/link.ts'
import type { Provider } from '../providers/registry.ts'
import type { World } from '../world.ts'
import { type CertificateState, meaningOf } from './meaning.ts'

/** Answers a provider. Refusals `person-unknown`, `consent-missing`, `revocation-stale`, `revocation-unavailable`. */
export async function confirmChange(
  world: World,
  provider: Provider,
  subject: string,
): Promise<ChangeAnswer> {
  const at = world.clock.now()
  const person = await world.store.read(db => personOfSubject(db, provider.id, subject))
  if (person === undefined) throw new Refusal('person-unknown')
  const asked = { personId: person, providerId: provider.id, scope: 'change' } as const
  if (!(await world.store.read(db => hasConsent(db, asked, at))))
    throw new Refusal('consent-missing')
  const certificates = await world.store.read(db => certificatesOf(db, person))
  const state = (kind: 'signature' | 'authentication'): CertificateState => {
    const states = certificates
      .filter(one => one.kind === kind)
      .map(one =>
        world.judge.statusOf({
          issuerKeyId: one.issuer_key_id,
          serial: one.serial,
          distributionPoint: one.distribution_point,
          notAfter: one.not_after,
        }),
      )
    return bestOf(states)
  }
  const meaning = meaningOf(state('signature'), state('authentication'))
  const day = dateInJapan(at)
  await world.store.transaction(async tx => {
    const use = {
      providerId: provider.id,
      transaction: `change ${subject} ${day.year}-${day.month}-${day.day}`,
      at,
    }
    await charge(tx, { ...use, kind: 'signature-check' })
    await charge(tx, { ...use, kind: 'authentication-check' })
    await world.ledger.record(tx, entries['platform.change-confirmed'], {
      at,
      personId: person,
      providerId: provider.id,
      values: { meaning },
    })
  })
  return { subject, meaning, checkedAt: new Date(at).toISOString() }
}

/** Of several certificates of a kind (renewed cards) the best state counts: one valid certificate is enough. */
function bestOf(states: readonly CertificateState[]): CertificateState {
  const order: readonly CertificateState[] = ['valid', 'held', 'revoked', 'expired', 'none']
  return order.find(state => states.includes(state)) ?? 'none'
}
