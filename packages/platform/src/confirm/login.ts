/** *Login* (C3 eligibility, D1): the reader's statement signed with the authentication key opens the person's account. */
import type { AuthenticatedAnswer } from '@sekisho/contract/reader'
import { entries } from '../entry.ts'
import { charge } from '../fees/meter.ts'
import { findCeremony, useCeremony } from '../login/ceremony.ts'
import { linkCertificates, pairwiseSubject } from '../people/link.ts'
import { linksOfHolder } from '../people/linkage.ts'
import type { World } from '../world.ts'
import { fromBase64Url, readStatement } from './answer.ts'
import type { Step } from './step.ts'

/**
 * Verifies the bytes as received, finds the step from the challenge in them, and writes person, links, charge and ledger
 * entry in one transaction. A card never met before becomes a person without attributes.
 */
export async function finishLogin(
  world: World,
  step: Step,
  answer: AuthenticatedAnswer,
): Promise<string> {
  const statement = readStatement(answer, step.origin)
  const ceremony = await findCeremony(world.store, {
    asked: Buffer.from(statement.challenge),
    uid: step.uid,
    browser: step.browser,
  })
  const judged = await world.judge.demand({
    message: statement.message,
    signature: fromBase64Url(answer.signature),
    certificate: fromBase64Url(answer.certificate),
    purpose: 'authentication',
    revocation: step.provider.revocation,
  })
  const links = await linksOfHolder(world, judged)
  const at = judged.at
  return world.store.transaction(async tx => {
    await useCeremony(tx, ceremony)
    const person = await linkCertificates(tx, links, { at, random: world.random })
    await world.personKeys.ensure(tx, person, at)
    await pairwiseSubject(
      tx,
      { personId: person, providerId: step.provider.id },
      { at, random: world.random },
    )
    await charge(tx, {
      providerId: step.provider.id,
      transaction: step.uid,
      kind: 'authentication-check',
      at,
    })
    await world.ledger.record(tx, entries['platform.person-logged-in'], {
      at,
      personId: person,
      providerId: step.provider.id,
      values: {},
    })
    return person
  })
}
