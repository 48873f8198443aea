/**
 * *Identify* (C3, C10): the person signs a statement with the signature certificate; the platform reads the four attributes,
 * learns the corresponding authentication certificate and releases what was consented to.
 */
import { Refusal } from '@sekisho/contract'
import type { SignedAnswer } from '@sekisho/contract/reader'
import { keepContainer } from '../evidence/container.ts'
import { entries } from '../entry.ts'
import { charge } from '../fees/meter.ts'
import { sha256Hex } from '../evidence/hash.ts'
import { type Ceremony, useCeremony } from '../login/ceremony.ts'
import { giveConsent } from '../people/consent.ts'
import { linkCertificates, pairwiseSubject } from '../people/link.ts'
import { linksOfSigner } from '../people/linkage.ts'
import type { World } from '../world.ts'
import { fromBase64Url } from './answer.ts'
import { claimsOf } from './claim.ts'
import type { AttributeScope } from './statement.ts'
import type { Step } from './step.ts'

/** A person identified, and what may be released. */
export type Identified = {
  readonly personId: string
  readonly claims: ReturnType<typeof claimsOf>
}

/**
 * Judges the signed statement, asks the authority what is missing, and writes person, links, consent, container, charges and
 * ledger entry in one transaction. Repeating it in the same interaction charges nothing anew.
 */
export async function finishIdentify(
  world: World,
  step: Step,
  ceremony: Ceremony,
  answer: SignedAnswer,
  attributes: readonly AttributeScope[],
): Promise<Identified> {
  const { statement } = ceremony
  if (statement === null) throw new Refusal('challenge-unknown')
  const judged = await world.judge.demand({
    message: statement,
    signature: fromBase64Url(answer.signature),
    certificate: fromBase64Url(answer.certificate),
    purpose: 'signature',
    revocation: step.provider.revocation,
  })
  if (judged.attributes === undefined) throw new Refusal('certificate-wrong-purpose')
  const statementSha256 = sha256Hex(statement)
  const links = await linksOfSigner(world, judged, { statementSha256 })
  const claims = claimsOf(judged.attributes, attributes)
  const at = judged.at
  const personId = await world.store.transaction(async tx => {
    await useCeremony(tx, ceremony)
    const person = await linkCertificates(tx, links, { at, random: world.random })
    const key = await world.personKeys.ensure(tx, person, at)
    const to = { personId: person, providerId: step.provider.id }
    await pairwiseSubject(tx, to, { at, random: world.random })
    await giveConsent(
      tx,
      { ...to, scopes: [...attributes, 'linkage', 'change'], statementSha256 },
      { at, random: world.random },
    )
    await keepContainer(
      tx,
      {
        ...to,
        kind: 'identify',
        policy: judged.policy,
        content: {
          document: Buffer.from(statement).toString('base64'),
          signature: answer.signature,
          certificate: answer.certificate,
          mediaType: 'text/plain',
          evidence: judged.evidence,
        },
      },
      { at, random: world.random, key },
    )
    const use = { providerId: step.provider.id, transaction: step.uid, at }
    await charge(tx, { ...use, kind: 'signature-check' })
    if (links.length > 1) await charge(tx, { ...use, kind: 'corresponding-serial' })
    await world.ledger.record(tx, entries['platform.person-identified'], {
      at,
      personId: person,
      providerId: step.provider.id,
      values: { attributes: [...attributes], statementSha256 },
    })
    return person
  })
  return { personId, claims }
}

const place = 'release.claims'

/** Keeps claims for the tokens of one grant, sealed, until they have run out. */
export async function keepRelease(
  world: World,
  given: {
    readonly grantId: string
    readonly providerId: string
    readonly identified: Identified
    readonly expiresAt: number
  },
): Promise<void> {
  const { personId, claims } = given.identified
  await world.store.transaction(async tx => {
    const key = await world.personKeys.ensure(tx, personId, world.clock.now())
    await tx
      .insertInto('release')
      .values({
        grant_id: given.grantId,
        person_id: personId,
        provider_id: given.providerId,
        sealed: key.seal(place, new TextEncoder().encode(JSON.stringify(claims))),
        expires_at: given.expiresAt,
      })
      .execute()
  })
}

/** Claims of a grant; none when there are none, when they have run out, or when the person was erased. */
export async function releasedBy(
  world: Pick<World, 'store' | 'personKeys'>,
  grantId: string,
  protocolTime: number,
): Promise<Readonly<Record<string, unknown>>> {
  return world.store.read(async db => {
    const row = await db
      .selectFrom('release')
      .select(['person_id', 'sealed'])
      .where('grant_id', '=', grantId)
      .where('expires_at', '>', protocolTime)
      .executeTakeFirst()
    if (row === undefined) return {}
    const found = await world.personKeys.find(db, row.person_id)
    if (found.kind !== 'present') return {}
    return JSON.parse(new TextDecoder().decode(found.key.open(place, row.sealed)))
  })
}

/** Removes releases that have run out. */
export async function sweepReleases(
  world: Pick<World, 'store'>,
  protocolTime: number,
): Promise<void> {
  await world.store.transaction(tx =>
    tx.deleteFrom('release').where('expires_at', '<', protocolTime).execute(),
  )
}
