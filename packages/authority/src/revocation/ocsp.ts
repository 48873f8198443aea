/**
 * The OCSP responder (A4, RFC 6960): answers from the certificate table, signed by the generation's delegated key when first
 * asked for, and kept for those who ask the same again. A nonce is sent back, or ignored, as the rules say. Serials that were
 * never issued are `unknown`, never `good`. Not done: signed requests (their signature is not looked at).
 */
import { Refusal } from '@sekisho/contract'
import type { CaKind } from '@sekisho/contract/authority'
import {
  certIdIssuerMatches,
  MalformedError,
  type OcspCertId,
  type OcspRequest,
  parseOcspRequest,
} from '@sekisho/pki'
import { issueOcspRefusal, issueOcspResponse, type OcspStatus } from '@sekisho/pki/issue'
import type { Clock } from '@sekisho/runtime/clock'
import type { Store } from '@sekisho/runtime/store'
import type { CaGeneration, Hierarchy } from '../ca/hierarchy.ts'
import { serialHex } from '../ca/serial.ts'
import type { AuthorityTables } from '../database.ts'
import type { AnswerCache, Made } from './answer-cache.ts'

type World = {
  readonly store: Store<AuthorityTables>
  readonly answers: AnswerCache
  readonly hierarchy: Hierarchy
  readonly rules: { readonly ocsp: OcspRules }
  readonly clock: Clock
}

/** How the responder answers; data, because no source tells how the real one does. */
export type OcspRules = {
  /** Milliseconds of domain time for which an answer speaks. */
  readonly lifetimeMs: number
  /**
   * A request's nonce is sent back in an answer signed for it alone, or ignored, as RFC 9654 §2.1 allows, so that the answer can be
   * one that is kept. Clients who demand theirs back, as the platform does, need `echo`.
   */
  readonly nonce: 'echo' | 'ignore'
  /** Most answers kept; each is about two kilobytes. */
  readonly keptMax: number
}

/** Data are refreshed every 15 minutes (jpki.md §2.5); nonces are sent back. */
export const presentOcsp: OcspRules = {
  lifetimeMs: 15 * 60 * 1000,
  nonce: 'echo',
  keptMax: 20_000,
}

/** A kept answer is not handed out in its last minute, when it would be old before it is read. */
const reserveMs = 60 * 1000

/** Questions of requests that were read before, by their octets: the same ones come again and again. */
const read = new Map<string, string>()
const readMax = 20_000

/**
 * The answer kept for a request that was asked before, octet for octet; undefined when there is none, or when changes must be
 * looked for first: then `answerOcsp` is to be asked.
 */
export function keptOcspAnswer(
  world: Pick<World, 'answers' | 'clock'>,
  kind: CaKind,
  der: Uint8Array,
): Uint8Array | undefined {
  const question = read.get(textOf(kind, der))
  return question === undefined
    ? undefined
    : world.answers.findNow(question, world.clock.now())?.der
}

/** Answers a DER request about certificates of one CA. Malformed or mixed requests get an RFC 6960 refusal. */
export async function answerOcsp(world: World, kind: CaKind, der: Uint8Array): Promise<Uint8Array> {
  const text = textOf(kind, der)
  const before = read.get(text)
  if (before !== undefined) {
    const kept = await world.answers.find(before, world.clock.now())
    if (kept !== undefined) return kept.der
  }
  const request = parseRequest(der)
  if (request === undefined) return issueOcspRefusal('malformedRequest')
  const nonce = world.rules.ocsp.nonce === 'echo' ? request.nonce : undefined
  const [certId, ...more] = request.certIds
  const isKeepable = certId !== undefined && more.length === 0 && nonce === undefined
  const question = isKeepable ? questionOf(kind, certId) : undefined
  if (question !== undefined) {
    if (read.size >= readMax) read.clear()
    read.set(text, question)
    const kept = await world.answers.find(question, world.clock.now())
    if (kept !== undefined) return kept.der
  }
  // One answer has one signer: all certificates asked about must be of one key generation.
  const generation = world.hierarchy
    .inForce(world.clock.now())
    .find(
      one =>
        one.kind === kind &&
        request.certIds.every(each => certIdIssuerMatches(each, one.certificate)),
    )
  if (generation === undefined) return issueOcspRefusal('unauthorized')
  const make = (): Promise<Made> => makeAnswer(world, generation, request.certIds, nonce)
  try {
    if (question === undefined || certId === undefined) return (await make()).der
    const name = `${generation.keyId} ${serialHex(certId.serial)}`
    return (await world.answers.fill(question, name, make)).der
  } catch (error) {
    // A key that cannot sign now may soon (RFC 6960 §2.3).
    if (error instanceof Refusal && error.code === 'token-locked')
      return issueOcspRefusal('tryLater')
    throw error
  }
}

/** What is asked, octet for octet: hash, issuer and serial are all in the identifier. */
function questionOf(kind: CaKind, certId: OcspCertId): string {
  return textOf(kind, certId.raw)
}

function textOf(kind: CaKind, octets: Uint8Array): string {
  const { buffer, byteOffset, length } = octets
  return `${kind} ${Buffer.from(buffer, byteOffset, length).toString('latin1')}`
}

async function makeAnswer(
  world: World,
  generation: CaGeneration,
  certIds: readonly OcspCertId[],
  nonce: Uint8Array | undefined,
): Promise<Made> {
  const statuses = await readStatuses(world, generation, certIds)
  const at = world.clock.now()
  const { lifetimeMs } = world.rules.ocsp
  const responder = generation.responderAt(at)
  const nextUpdate = Math.min(at + lifetimeMs, responder.certificate.notAfter)
  const asked = certIds.map(certId => ({
    certId,
    status: statuses.get(serialHex(certId.serial)) ?? ({ kind: 'unknown' } as const),
  }))
  const times = { thisUpdate: at, nextUpdate }
  const der = issueOcspResponse(
    { producedAt: at, answers: asked.map(one => ({ ...one, ...times })), nonce },
    responder.signerFor({ at, lifetimeMs, nonce, asked }),
  )
  // What was never issued may be issued any moment, and there is no end of such serials.
  const isKept = asked.every(({ status }) => status.kind !== 'unknown')
  return { der, from: at, until: nextUpdate - reserveMs, isKept }
}

function parseRequest(der: Uint8Array): OcspRequest | undefined {
  try {
    return parseOcspRequest(der)
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/** Statuses by serial; what was never issued is not among them. */
async function readStatuses(
  world: World,
  generation: CaGeneration,
  certIds: readonly OcspCertId[],
): Promise<ReadonlyMap<string, OcspStatus>> {
  const rows = await world.store.read(db =>
    db
      .selectFrom('certificate')
      .select(['serial', 'state', 'reason', 'revoked_at'])
      .where('issuer_key_id', '=', generation.keyId)
      .where(
        'serial',
        'in',
        certIds.map(({ serial }) => serialHex(serial)),
      )
      .execute(),
  )
  return new Map(
    rows.map(({ serial, state, reason, revoked_at: revokedAt }): [string, OcspStatus] => {
      if (state === 'valid') return [serial, { kind: 'good' }]
      if (reason === null || revokedAt === null)
        throw new Error('revoked without reason or instant')
      return [serial, { kind: 'revoked', revokedAt, reason }]
    }),
  )
}
