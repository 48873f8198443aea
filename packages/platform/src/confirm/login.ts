/** *Login* (C3 eligibility, D1): the reader's statement signed with the authentication key opens the person's account. */
import type { AuthenticatedAnswer } from '@sekisho/contract/reader'
import { entries } from '../entry.ts'
import type { Judged } from '../evidence/judge.ts'
import { charge } from '../fees/meter.ts'
import { type Browser, type Ceremony, findCeremony, useCeremony } from '../login/ceremony.ts'
import { linking } from '../people/conflict.ts'
import { linkCertificates, pairwiseSubject } from '../people/link.ts'
import { linksOfHolder } from '../people/linkage.ts'
import type { World } from '../world.ts'
import { fromBase64Url, readStatement } from './answer.ts'
import { assertPerson, type Step } from './step.ts'

/**
 * Writes person, links, charge and ledger entry in one transaction. A card never met before becomes a person without
 * attributes.
 */
export async function finishLogin(
  world: World,
  step: Step,
  answer: AuthenticatedAnswer,
): Promise<string> {
  const { revocation, freshnessMs } = step.provider
  const by = { ...step, revocation, freshnessMs }
  const { judged, ceremony } = await judgeHolder(world, by, answer)
  const links = await linksOfHolder(world, judged)
  const at = judged.at
  return linking(world, async tx => {
    await useCeremony(tx, ceremony)
    const { personId } = await linkCertificates(tx, links, { at, random: world.random })
    assertPerson(step, personId)
    await world.personKeys.ensure(tx, personId, at)
    const to = { personId, providerId: step.provider.id }
    await pairwiseSubject(tx, to, { at, random: world.random })
    await charge(tx, {
      providerId: step.provider.id,
      transaction: step.uid,
      kind: 'authentication-check',
      method: judged.method,
      at,
    })
    await world.ledger.record(tx, entries['platform.person-logged-in'], {
      at,
      ...to,
      values: { method: judged.method },
    })
    return personId
  })
}

/** Verifies the bytes as received and finds the step from the challenge in them, and from nothing else. */
export async function judgeHolder(
  world: World,
  by: {
    readonly uid: string
    readonly browser: Browser | undefined
    readonly origin: string
    readonly revocation: 'crl' | 'ocsp'
    readonly freshnessMs: number | undefined
  },
  answer: AuthenticatedAnswer,
): Promise<{ readonly judged: Judged; readonly ceremony: Ceremony }> {
  const statement = readStatement(answer, by.origin)
  const key = { kind: 'login', challenge: statement.challenge } as const
  const ceremony = await findCeremony(world.store, key, by)
  const judged = await world.judge.demand({
    message: statement.message,
    signature: fromBase64Url(answer.signature),
    certificate: fromBase64Url(answer.certificate),
    purpose: 'authentication',
    revocation: by.revocation,
    freshnessMs: by.freshnessMs,
  })
  return { judged, ceremony }
}
