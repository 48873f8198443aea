/**
 * Finding the person of a card: by its serial, by the authority's correspondence (signature → authentication), and by
 * following a renewed card back, one step a query (C4, A5, A6).
 */
import type { CertificateReference } from '@sekisho/contract/authority'
import type { Instant } from '@sekisho/runtime/clock'
import { askCorrespondingSerial, askPredecessor } from '../evidence/intent.ts'
import type { Judged } from '../evidence/judge.ts'
import type { World } from '../world.ts'
import { allowsLinkage } from './consent.ts'
import { type LinkedCertificate, personOf } from './link.ts'

/** Steps back from a new card; a card is renewed every five years, so these cover a life. */
const predecessorStepsMax = 12

/** The link of a certificate that was itself judged. */
export function linkOf(judged: Judged, proof: LinkedCertificate['proof']): LinkedCertificate {
  return {
    ...judged.reference,
    kind: judged.purpose,
    proof,
    distributionPoint: judged.distributionPoint,
    notAfter: judged.notAfter,
  }
}

/**
 * The certificates that belong together with a signature certificate: itself and its corresponding authentication
 * certificate, and that one's predecessors back to one that is known. Asks the authority only for what is not linked yet.
 */
export async function linksOfSigner(
  world: World,
  judged: Judged,
  consent: { readonly statementSha256: string },
): Promise<readonly LinkedCertificate[]> {
  const own = linkOf(judged, 'first-met')
  if ((await world.store.read(db => personOf(db, judged.reference))) !== undefined) return [own]
  const authentication = await askCorrespondingSerial(world, {
    signature: judged.reference,
    consent: {
      statementSha256: consent.statementSha256,
      givenAt: new Date(judged.at).toISOString(),
    },
  })
  if (authentication === null) return [own]
  const chain = await predecessorsOf(world, authentication, judged.at)
  return [own, ...[authentication, ...chain].map((reference, at) => bareLink(reference, at === 0))]
}

/** The certificates that belong together with an authentication certificate: itself and its predecessors. */
export async function linksOfHolder(
  world: World,
  judged: Judged,
): Promise<readonly LinkedCertificate[]> {
  const own = linkOf(judged, 'first-met')
  if ((await world.store.read(db => personOf(db, judged.reference))) !== undefined) return [own]
  const chain = await predecessorsOf(world, judged.reference, judged.at)
  return [own, ...chain.map(reference => bareLink(reference, false))]
}

/**
 * Predecessors back to the first one that is linked to a person who consented to being followed; empty when there is none,
 * so that nobody is followed without consent.
 */
async function predecessorsOf(
  world: World,
  from: CertificateReference,
  at: Instant,
): Promise<readonly CertificateReference[]> {
  const chain: CertificateReference[] = []
  let current = from
  for (let step = 0; step < predecessorStepsMax; step++) {
    const known = await world.store.read(db => personOf(db, current))
    if (known !== undefined) {
      const allowed = await world.store.read(db => allowsLinkage(db, known, at))
      return allowed ? chain : []
    }
    const before = await askPredecessor(world, current)
    if (before === null) return []
    chain.push(before)
    current = before
  }
  return []
}

function bareLink(reference: CertificateReference, corresponds: boolean): LinkedCertificate {
  return {
    ...reference,
    kind: 'authentication',
    proof: corresponds ? 'correspondence' : 'succession',
    distributionPoint: null,
    notAfter: 0,
  }
}
