/**
 * What the lists that were kept tell of the past: the status of a certificate at one time, as far as it was known at another
 * (A3, C8). For disputes: whoever relied on a certificate relied on what could be known then.
 */
import { Refusal } from '@sekisho/contract'
import {
  type Certificate,
  checkIssued,
  entryIn,
  MalformedError,
  parseCertificate,
  partitionOf,
  type RevocationList,
  type RevocationReason,
} from '@sekisho/pki'
import {
  type ListWorld,
  listsInForce,
  nextListAfter,
  type PartitionKey,
} from './revocation-list.ts'
import { issuerKeyId, type Trust } from './trust.ts'

/** A certificate by what the lists know of it. */
export type PastQuestion = PartitionKey & {
  /** INTEGER content. */
  readonly serial: Uint8Array
  /** Lists may leave a certificate out once it has expired, so that their silence afterwards means nothing. */
  readonly notAfter: number
  /** The time in question. */
  readonly at: number
  /** Lists that came later than this are not looked at. */
  readonly knownAt: number
}

/** `unknown`: no list that was known then speaks about the time in question. */
export type PastStatus =
  | { readonly state: 'good'; readonly by: ListFacts }
  | {
      readonly state: 'revoked' | 'held'
      readonly reason: RevocationReason
      readonly revokedAt: number
      readonly by: ListFacts
    }
  | { readonly state: 'unknown' }

/** The list on which an answer rests. */
export type ListFacts = {
  readonly number: number
  readonly thisUpdate: number
  readonly nextUpdate: number
}

/** A past question about a certificate as it stands; times in milliseconds. */
export type PastCertificateQuestion = {
  readonly certificate: Uint8Array
  readonly at: number
  readonly knownAt: number
}

/**
 * What the lists tell of a certificate. Refusals `certificate-malformed`, `certificate-untrusted` for one that no anchor has issued.
 */
export async function askAboutPast(
  { certificate: der, at, knownAt }: PastCertificateQuestion,
  {
    trust,
    keeper,
  }: {
    readonly trust: Trust
    readonly keeper: { statusAsKnown(question: PastQuestion): Promise<PastStatus> }
  },
): Promise<PastStatus> {
  const certificate = readCertificate(der)
  const issuer = trust.anchors.find(
    each =>
      certificate.issuer.matches(each.subject) &&
      checkIssued(certificate, each, trust.keys) === undefined,
  )
  const point = partitionOf(certificate)
  if (issuer === undefined || point === undefined) throw new Refusal('certificate-untrusted')
  return keeper.statusAsKnown({
    issuerKeyId: issuerKeyId(issuer),
    distributionPoint: point.raw,
    serial: certificate.serial,
    notAfter: certificate.notAfter,
    at,
    knownAt,
  })
}

/** The answer with its times in ISO 8601. */
export function describePast(status: PastStatus): Readonly<Record<string, unknown>> {
  if (status.state === 'unknown') return status
  const { number, thisUpdate, nextUpdate } = status.by
  const by = { number, thisUpdate: iso(thisUpdate), nextUpdate: iso(nextUpdate) }
  if (status.state === 'good') return { state: status.state, by }
  const { state, reason, revokedAt } = status
  return { state, reason, revokedAt: iso(revokedAt), by }
}

function iso(at: number): string {
  return new Date(at).toISOString()
}

function readCertificate(der: Uint8Array): Certificate {
  try {
    return parseCertificate(der)
  } catch (error) {
    if (error instanceof MalformedError) throw new Refusal('certificate-malformed')
    throw error
  }
}

/** The lists in force at a time, each verified. */
type InForce = { readonly full: RevocationList; readonly delta: RevocationList | undefined }

/**
 * Status at one time as known at another. Three states of the partition decide: what was in force at the time, the first
 * afterwards, and the last before the certificate's end. A revocation since a day before the time counts whenever it became
 * known; a hold, which may be lifted, counts when the list in force or the next one has it.
 */
export async function statusAsKnown(
  question: PastQuestion,
  world: ListWorld,
  verify: (der: Uint8Array) => RevocationList | undefined,
): Promise<PastStatus> {
  const { at, knownAt, notAfter, serial } = question
  const load = async (until: number): Promise<InForce | undefined> => {
    const found = await listsInForce(world, question, { until, knownAt })
    const full = found === undefined ? undefined : verify(found.full)
    if (full === undefined) return undefined
    const delta = found?.delta === undefined ? undefined : verify(found.delta)
    return { full, delta }
  }
  const next = await nextListAfter(world, question, { at, knownAt })
  const isNextTold = next !== undefined && next <= notAfter
  const then = await load(at)
  const after = isNextTold ? await load(next) : undefined
  const last = isNextTold ? await load(notAfter) : undefined
  for (const each of [last, after, then]) {
    const entry = each === undefined ? undefined : entryIn(each.full, each.delta, serial)
    if (each === undefined || entry === undefined || entry.revokedAt > at) continue
    const isHold = entry.reason === 'certificateHold'
    // A hold in a later list than the next may have begun anew.
    if (isHold && each === last && each !== after) continue
    return { state: isHold ? 'held' : 'revoked', ...entry, by: factsOf(each) }
  }
  // Only a list that was fresh at the time shows that nothing was held then: a hold leaves no trace once it is lifted.
  if (then === undefined || at > factsOf(then).nextUpdate || at > notAfter) {
    return { state: 'unknown' }
  }
  return { state: 'good', by: factsOf(after ?? then) }
}

function factsOf({ full, delta }: InForce): ListFacts {
  const { number, thisUpdate, nextUpdate } = delta ?? full
  return { number, thisUpdate, nextUpdate }
}
