/**
 * Finding the person of a card: by its serial, by the authority's correspondence (signature → authentication), and by
 * following a renewed card back, one step a query (C4, A5, A6; flows.md §4).
 *
 * Whom a new card belonged to before is known only after the authority was asked, so the question comes first and the consent
 * decides what is done with the answer: nobody is followed without it.
 */
import { Refusal } from '@sekisho/contract'
import type { CertificateReference } from '@sekisho/contract/authority'
import type { Instant } from '@sekisho/runtime/clock'
import { askCorrespondingSerial, askPredecessor } from '../evidence/intent.ts'
import type { Judged } from '../evidence/judge.ts'
import type { World } from '../world.ts'
import { linkageConsent } from './consent.ts'
import { type LinkedCertificate, personOf } from './link.ts'

/** Steps back from a new card; a card is renewed every five years, so these cover a life. */
const predecessorStepsMax = 12

/** Certificates that belong together, the judged one first. */
export type LinkedCertificates = readonly [LinkedCertificate, ...LinkedCertificate[]]

/** What a signature certificate leads to. */
export type SignerLinks = {
  readonly links: LinkedCertificates
  /** The query that the authority charged for, so that it is put on a bill exactly once; undefined when none was needed. */
  readonly query: string | undefined
  /** Another registration to which an earlier card of the same person belongs: for a clerk, nothing is brought together here. */
  readonly also: string | undefined
}

/**
 * The certificates that belong together with a signature certificate: itself and its corresponding authentication
 * certificate, and that one's predecessors back to one that is known. Asks the authority only for what is not linked yet.
 *
 * `consent` is `given` when the signed statement itself consents to being followed; otherwise a consent must be in force.
 * Refusals: of the connector; `consent-missing` as in {@link linksOfHolder}.
 */
export async function linksOfSigner(
  world: World,
  judged: Judged,
  signed: { readonly statementSha256: string; readonly consent: 'given' | 'needed' },
): Promise<SignerLinks> {
  const own = ownLink(judged)
  if ((await world.store.read(db => personOf(db, judged.reference))) !== undefined)
    return { links: [own], query: undefined, also: undefined }
  const { authentication, query } = await askCorrespondingSerial(world, {
    signature: judged.reference,
    purpose: 'identification',
    consent: {
      statementSha256: signed.statementSha256,
      givenAt: new Date(judged.at).toISOString(),
    },
  })
  if (authentication === null) return { links: [own], query, also: undefined }
  const chain = await predecessorsOf(world, authentication, judged.at, signed.consent)
  const corresponding: LinkedCertificate = {
    ...authentication,
    kind: 'authentication',
    proof: 'correspondence',
    distributionPoint: null,
    // A signature certificate never outlives the authentication certificate of its card (flows.md §2).
    notAfter: judged.notAfter,
  }
  const also =
    signed.consent === 'given' ? await otherRegistration(world, authentication) : undefined
  return { links: [own, corresponding, ...chain.map(successionLink)], query, also }
}

/**
 * The certificates that belong together with an authentication certificate: itself and its predecessors. Refusals: of the
 * connector; `consent-missing` when the card follows one whose holder had consented to being followed and no longer does:
 * a new identification consents anew. The holder of an earlier card who was never asked is not followed.
 */
export async function linksOfHolder(world: World, judged: Judged): Promise<LinkedCertificates> {
  const own = ownLink(judged)
  if ((await world.store.read(db => personOf(db, judged.reference))) !== undefined) return [own]
  const chain = await predecessorsOf(world, judged.reference, judged.at, 'needed')
  return [own, ...chain.map(successionLink)]
}

/** Predecessors back to the first one that is linked; empty when there is none or its holder was never asked. */
async function predecessorsOf(
  world: World,
  from: CertificateReference,
  at: Instant,
  consent: 'given' | 'needed',
): Promise<readonly CertificateReference[]> {
  const chain: CertificateReference[] = []
  let current = from
  for (let step = 0; step < predecessorStepsMax; step++) {
    const known = await world.store.read(db => personOf(db, current))
    if (known !== undefined) {
      // Linked to the very certificate asked from: nothing is followed.
      if (chain.length === 0 || consent === 'given') return chain
      const found = await world.store.read(db => linkageConsent(db, known, at))
      if (found === 'ended') throw new Refusal('consent-missing')
      return found === 'given' ? chain : []
    }
    const before = await askPredecessor(world, current)
    if (before === null) return []
    chain.push(before)
    current = before
  }
  return []
}

/**
 * Somebody who logged in with an old and a new card without being asked is two registrations. The statement that is signed now consents
 * to being followed, so the cards before are looked at once.
 */
async function otherRegistration(
  world: World,
  from: CertificateReference,
): Promise<string | undefined> {
  const person = await world.store.read(db => personOf(db, from))
  if (person === undefined) return undefined
  let current = from
  for (let step = 0; step < predecessorStepsMax; step++) {
    const before = await askPredecessor(world, current)
    if (before === null) return undefined
    const known = await world.store.read(db => personOf(db, before))
    if (known !== undefined && known !== person) return known
    current = before
  }
  return undefined
}

/** The judged certificate itself, as it is linked. */
export function ownLink(judged: Judged): LinkedCertificate {
  return {
    ...judged.reference,
    kind: judged.purpose,
    proof: 'first-met',
    distributionPoint: judged.distributionPoint,
    notAfter: judged.notAfter,
  }
}

function successionLink(reference: CertificateReference): LinkedCertificate {
  return {
    ...reference,
    kind: 'authentication',
    proof: 'succession',
    distributionPoint: null,
    notAfter: 0,
  }
}
