/**
 * *Identify* (C3, C10): the person signs a statement with the signature certificate; the platform reads the four attributes,
 * learns the corresponding authentication certificate and releases what was consented to.
 */
import { Refusal } from '@sekisho/contract'
import type { SignedAnswer } from '@sekisho/contract/reader'
import { keepContainer, notLasting } from '../evidence/container.ts'
import { entries } from '../entry.ts'
import { charge, chargeQuery } from '../fees/meter.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { findCeremony, useCeremony } from '../login/ceremony.ts'
import { giveConsent } from '../people/consent.ts'
import { linking, openCases } from '../people/conflict.ts'
import { linkCertificates, pairwiseSubject } from '../people/link.ts'
import { linksOfSigner } from '../people/linkage.ts'
import type { World } from '../world.ts'
import { fromBase64Url } from './answer.ts'
import { claimsOf } from './claim.ts'
import type { AttributeScope } from './statement.ts'
import { assertPerson, type Step } from './step.ts'

/** A person identified, and what may be released. */
export type Identified = {
  readonly personId: string
  /** What the person chose to release. */
  readonly attributes: readonly AttributeScope[]
  readonly claims: ReturnType<typeof claimsOf>
  /** When it was done, and SHA-256 (hex) of the statement that was signed. */
  readonly verified: { readonly at: number; readonly statementSha256: string }
}

/**
 * Judges the signed statement, asks the authority what is missing, and writes person, links, consent, container, charges and
 * ledger entry in one transaction. Repeating it in the same interaction charges nothing anew.
 */
export async function finishIdentify(
  world: World,
  step: Step,
  answer: SignedAnswer,
  asked: readonly AttributeScope[],
): Promise<Identified> {
  const ceremony = await findCeremony(world.store, { kind: 'identify', id: answer.id }, step)
  const { statement } = ceremony
  // What the person chose before the statement was made: it stands there and was signed.
  const attributes = asked.filter(scope => ceremony.attributes?.includes(scope) ?? true)
  if (statement === null) throw new Refusal('challenge-unknown')
  const judged = await world.judge.demand({
    message: statement,
    signature: fromBase64Url(answer.signature),
    certificate: fromBase64Url(answer.certificate),
    purpose: 'signature',
    revocation: step.provider.revocation,
    freshnessMs: step.provider.freshnessMs,
  })
  if (judged.attributes === undefined) throw new Refusal('certificate-not-for-signing')
  const statementSha256 = sha256Hex(statement)
  const signed = { statementSha256, consent: 'given' } as const
  const { links, query, also } = await linksOfSigner(world, judged, signed)
  const claims = claimsOf(judged.attributes, attributes)
  const at = judged.at
  const written = { at, random: world.random }
  const personId = await linking(world, async tx => {
    await useCeremony(tx, ceremony)
    const { personId: person, certificateId } = await linkCertificates(tx, links, written)
    assertPerson(step, person)
    if (also !== undefined) await openCases(tx, [person, also], written)
    const key = await world.personKeys.ensure(tx, person, at)
    const to = { personId: person, providerId: step.provider.id }
    await pairwiseSubject(tx, to, written)
    const scopes = [...attributes, 'linkage', 'change'] as const
    const { purpose } = step.provider
    await giveConsent(tx, { ...to, scopes, purpose, statementSha256, certificateId }, written)
    await keepContainer(
      tx,
      {
        ...to,
        kind: 'identify',
        policy: judged.policy,
        lasting: notLasting,
        transactionId: null,
        content: {
          document: Buffer.from(statement).toString('base64'),
          signature: answer.signature,
          certificate: answer.certificate,
          mediaType: 'text/plain',
          evidence: judged.evidence,
        },
      },
      { ...written, key },
    )
    const use = { providerId: step.provider.id, transaction: step.uid, at }
    const { method } = judged
    await charge(tx, { ...use, kind: 'signature-check', method })
    await chargeQuery(tx, use, query)
    await world.ledger.record(tx, entries['platform.person-identified'], {
      at,
      ...to,
      values: { attributes: [...attributes], statementSha256, method },
    })
    return person
  })
  return { personId, claims, attributes, verified: { at, statementSha256 } }
}
