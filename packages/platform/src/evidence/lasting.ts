/**
 * What makes kept files last (ETSI EN 319 102-1 §5.6): a time-stamp when they are made; the evidence by which they can be judged
 * later, as soon as there is some that is newer than the stamp; an archive time-stamp before keys and authorities age.
 */
import {
  acceptedUntil,
  type Certificate,
  generalPolicy,
  KeyCache,
  type SignatureOutcome,
  type TimeStampTrust,
} from '@sekisho/pki'
import {
  type LastingEvidence,
  type LastingFormat,
  type PreparedStamp,
  prepareArchiveStamp,
  prepareFirstStamp,
  withEvidence,
} from '@sekisho/pki/assemble'
import type { Instant } from '@sekisho/runtime/clock'
import { type ContainerFormat, type Lasting, notLasting } from './container.ts'
import type { StampTrust } from './time-stamp.ts'

/** A file as it is to be kept; undefined: a bare signature, which holds nothing more. */
export type KeptFile = { readonly file: Uint8Array | undefined; readonly lasting: Lasting }

/** What a step needs to know and to reach. */
export type LastingWorld = {
  readonly stamps: StampTrust
  readonly at: Instant
  /** Judges a file by what it holds itself. */
  judge(format: LastingFormat, file: Uint8Array): Promise<SignatureOutcome>
  /** The newest list that covers a certificate and was issued since; undefined: not published yet. */
  listSince(certificate: Certificate, since: Instant): Promise<Uint8Array | undefined>
  /** Certificates of the CAs. */
  readonly anchors: readonly Certificate[]
}

/** How long a step waits that could not be taken. */
const retryMs = 3_600_000
/** An archive time-stamp is added so long before the newest stamp is believed no more. */
const reserveMs = 365 * 86_400_000

/** A file just signed: stamped if the authority can be reached, else due at once. */
export async function freshFile(
  stamps: StampTrust,
  format: ContainerFormat,
  signed: Uint8Array,
): Promise<KeptFile> {
  if (format === 'raw') return { file: undefined, lasting: notLasting }
  return (
    (await stamped(stamps, format, prepareFirstStamp(format, signed), 't')) ?? {
      file: signed,
      lasting: { format, level: `${format}-b`, dueAt: 0, stampedUntil: null },
    }
  )
}

/**
 * The next step for a file that is due, from the level that was reached: a stamp, then evidence that is newer than the stamp, then
 * archive time-stamps. A step that cannot be taken now is due again later.
 */
export async function renewedFile(
  world: LastingWorld,
  format: LastingFormat,
  file: Uint8Array,
  before: Pick<Lasting, 'level' | 'stampedUntil'>,
): Promise<KeptFile> {
  const later = { file, lasting: { format, ...before, dueAt: world.at + retryMs } }
  switch (before.level?.slice(before.level.lastIndexOf('-') + 1)) {
    case 'b':
      return (await stamped(world.stamps, format, prepareFirstStamp(format, file), 't')) ?? later
    case 't':
      return (await withOwnEvidence(world, format, file, before)) ?? later
    default:
      return (await archived(world, format, file, before)) ?? later
  }
}

async function withOwnEvidence(
  world: LastingWorld,
  format: LastingFormat,
  file: Uint8Array,
  { stampedUntil }: Pick<Lasting, 'stampedUntil'>,
): Promise<KeptFile | undefined> {
  const evidence = await evidenceFor(world, await world.judge(format, file))
  if (evidence === undefined) return undefined
  const whole = withEvidence(format, file, evidence)
  const { level } = await world.judge(format, whole)
  if (!level.endsWith('-lt')) return undefined
  const dueAt = stampedUntil === null ? null : stampedUntil - reserveMs
  return { file: whole, lasting: { format, level: `${format}-lt`, dueAt, stampedUntil } }
}

async function archived(
  world: LastingWorld,
  format: LastingFormat,
  file: Uint8Array,
  before: Pick<Lasting, 'level' | 'stampedUntil'>,
): Promise<KeptFile | undefined> {
  const trust = await world.stamps.now()
  const evidence = { certificates: trust.anchors, lists: listsOf(trust), responses: [] }
  const prepared = prepareArchiveStamp(format, withEvidence(format, file, evidence))
  if (prepared === undefined) return { file, lasting: { format, ...before, dueAt: null } }
  const kept = await stamped(world.stamps, format, prepared, 'lta')
  // A stamp that is believed no longer than the one before gains nothing.
  const isGain = (kept?.lasting.stampedUntil ?? 0) > (before.stampedUntil ?? 0)
  return isGain ? kept : undefined
}

async function stamped(
  stamps: StampTrust,
  format: LastingFormat,
  prepared: PreparedStamp,
  level: 't' | 'lta',
): Promise<KeptFile | undefined> {
  const stamp = await stamps.obtain(prepared.imprint)
  if (stamp === undefined) return undefined
  const stampedUntil =
    acceptedUntil(stamp.certificate, generalPolicy, new KeyCache(1)) ?? stamp.provenAt
  const dueAt = level === 't' ? stamp.provenAt : stampedUntil - reserveMs
  const lasting = { format, level: `${format}-${level}`, dueAt, stampedUntil }
  return { file: prepared.finish(stamp.token), lasting }
}

// A list from before the stamp proves nothing about the time of the stamp.
async function evidenceFor(
  world: LastingWorld,
  { certificate, provenAt }: SignatureOutcome,
): Promise<LastingEvidence | undefined> {
  if (certificate === undefined || provenAt === undefined) return undefined
  const list = await world.listSince(certificate, provenAt)
  if (list === undefined) return undefined
  const trust = await world.stamps.now()
  const issuers = world.anchors.filter(each => each.subject.matches(certificate.issuer))
  return {
    certificates: [...issuers, ...trust.anchors],
    lists: [list, ...listsOf(trust)],
    responses: [],
  }
}

function listsOf({ revocation }: TimeStampTrust): readonly Uint8Array[] {
  if (revocation.kind !== 'collected') return []
  return revocation.lists.map(each => (each instanceof Uint8Array ? each : each.raw))
}
