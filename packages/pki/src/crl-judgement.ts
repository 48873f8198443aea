/**
 * Verifies revocation lists and judges a certificate by them (RFC 5280 §6.3). A list counts when the very key that issued
 * the certificate signed it: all generations of a JPKI CA share one name, and each numbers its certificates alone. Another
 * key of the issuer, or another issuer that the certificate names, counts where the caller gives certificates among which
 * theirs may be, under the anchor of the certificate (`CrlSigners`). A list of another partition says nothing about the
 * certificate. NOT done: fetching of lists.
 */
import { type SignatureAlgorithm, signatureAlgorithm } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { type CrlEntry, parseCrl, RevocationList } from './crl.ts'
import { allReasons, concernOf, type CrlPoint, crlPointsOf, isSameScope } from './crl-scope.ts'
import { CrlSigners } from './crl-signer.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { keyUsages } from './extension.ts'
import type { KeyCache } from './key-cache.ts'
import {
  type Instant,
  passed,
  type Reason,
  reason,
  rejected,
  type Verdict,
  nonEmpty,
} from './reason.ts'

let accept: (list: RevocationList, issuer: Certificate) => VerifiedCrl

/** A list whose signature and form `verifyCrl` has accepted. It may still be stale or of another partition. */
export class VerifiedCrl {
  readonly list: RevocationList
  /** The CA certificate whose key signed the list. */
  readonly issuer: Certificate

  private constructor(list: RevocationList, issuer: Certificate) {
    this.list = list
    this.issuer = issuer
  }

  static {
    accept = (list, issuer) => new VerifiedCrl(list, issuer)
  }
}

/** What a verdict about revocation rests on. */
export interface RevocationSource {
  readonly kind: 'crl' | 'index' | 'ocsp'
  readonly thisUpdate: Instant
  /** Until when the source speaks. */
  readonly nextUpdate: Instant
  /** CRL number; undefined for OCSP. */
  readonly number: number | undefined
}

/**
 * Whether one of these CAs signed a list, and we can process all of it. Of several generations of one name the one that
 * the authority key identifier names is taken, else each is tried. The CA certificates must be trusted by other means.
 */
export function verifyCrl(
  list: RevocationList,
  issuers: readonly Certificate[],
  keys: KeyCache,
): Verdict<VerifiedCrl> {
  if (list.unprocessed !== undefined) {
    return rejected([reason('crl-extension-unknown', { extension: list.unprocessed })])
  }
  const reasons: Reason[] = []
  for (const issuer of issuers) {
    const found = checkCrlIssuer(list, issuer, keys)
    if (found === undefined) return passed(accept(list, issuer))
    reasons.push(found)
  }
  return rejected(nonEmpty(reasons, reason('crl-other-issuer')))
}

/** What a certificate is judged by. */
export interface CrlDemands {
  /** Parsed already, or bytes. Lists that are malformed, of others or forged do not count, and do no harm. */
  readonly lists: readonly (RevocationList | Uint8Array)[]
  readonly at: Instant
  readonly keys: KeyCache
  /** Where signers are looked for whose key is not the issuer's; undefined: the issuer's key alone counts. */
  readonly signers?: CrlSigners | undefined
}

/**
 * Judges a certificate, whose issuer was verified, by the lists that are at hand. Passed: fresh lists that cover all
 * reasons together, with the newest delta of each, do not name it. One that names it decides.
 */
export function judgeByCrls(
  certificate: Certificate,
  issuer: Certificate,
  demands: CrlDemands,
): Verdict<RevocationSource> {
  if (demands.lists.length > listsMax) return rejected([reason('search-budget-exhausted')])
  const reasons: Reason[] = []
  const usable: UsableList[] = []
  const points = pointsOf(certificate, reasons)
  for (const each of demands.lists) {
    const list = readList(each)
    const found =
      list instanceof RevocationList ? usableList(list, certificate, issuer, points, demands) : list
    if ('code' in found) reasons.push(found)
    else usable.push(found)
  }
  let covered = 0
  let source: RevocationSource | undefined
  for (const scope of byScope(usable)) {
    const judged = judgeScope(certificate, scope, demands.at)
    if ('code' in judged) {
      if (judged.code === 'certificate-revoked' || judged.code === 'certificate-held') {
        return rejected([judged])
      }
      reasons.push(judged)
      continue
    }
    for (const each of scope) covered |= each.reasons
    if (source === undefined || judged.nextUpdate < source.nextUpdate) source = judged
  }
  if (source !== undefined && covered === allReasons) return passed(source)
  if (source !== undefined) reasons.push(reason('crl-reasons-missing'))
  return rejected(nonEmpty(reasons, reason('revocation-missing')))
}

/** Signers for the lists of a judgement, whose own certificates are judged by the same lists. */
export function crlSigners(
  given: Omit<CrlDemands, 'signers'> & {
    readonly anchor: Certificate
    /** Certificates that may be signers', or lead to them. */
    readonly certificates: readonly Certificate[]
  },
): CrlSigners {
  const { anchor, certificates, at, keys, lists } = given
  const signers: CrlSigners = new CrlSigners({
    anchor,
    certificates,
    at,
    keys,
    judge: (certificate, issuer) => judgeByCrls(certificate, issuer, { lists, at, keys, signers }),
  })
  return signers
}

/** A list that is verified and speaks about the certificate. */
interface UsableList {
  readonly list: RevocationList
  readonly signer: Certificate
  /** ReasonFlags for which it speaks. */
  readonly reasons: number
}

function pointsOf(certificate: Certificate, reasons: Reason[]): readonly CrlPoint[] {
  try {
    return crlPointsOf(certificate)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    reasons.push(reason('certificate-malformed', { detail: error.code }))
    return []
  }
}

function usableList(
  list: RevocationList,
  certificate: Certificate,
  issuer: Certificate,
  points: readonly CrlPoint[],
  demands: CrlDemands,
): UsableList | Reason {
  try {
    // What the list is about is a cheap question, and comes first; nothing is taken from it before the signature.
    const concern = concernOf(list, certificate, points)
    if (concern.kind === 'other-issuer') {
      return reason('crl-other-issuer', { issuer: list.issuer.toString() })
    }
    if (concern.kind === 'other-partition') return reason('crl-other-partition')
    const signer = signerOf(list, issuer, demands)
    if ('code' in signer) return signer
    const { at } = demands
    const { thisUpdate } = list
    if (at < thisUpdate) return reason('crl-not-yet-valid', { at, thisUpdate })
    return { list, signer, reasons: concern.reasons }
  } catch (error) {
    return malformed(error)
  }
}

// RFC 5280 §6.3.3 (f), (g).
function signerOf(
  list: RevocationList,
  issuer: Certificate,
  { keys, signers }: CrlDemands,
): Certificate | Reason {
  const own = verifyCrl(list, [issuer], keys)
  if (own.kind === 'passed') return issuer
  let found = own.reasons[0]
  // What cannot be processed is not for anybody's key to mend.
  if (found.code === 'crl-extension-unknown') return found
  for (const each of signers?.candidates(list) ?? []) {
    const verified = verifyCrl(list, [each], keys)
    const distrust = verified.kind === 'passed' ? signers?.distrust(each) : verified.reasons[0]
    if (distrust === undefined) return each
    if (found.code === 'crl-other-issuer' || verified.kind === 'passed') found = distrust
  }
  return found
}

// Numbers of lists can be compared, and deltas laid over them, within one scope of one key only (RFC 5280 §5.2.3, §5.2.4).
function byScope(lists: readonly UsableList[]): readonly (readonly UsableList[])[] {
  const scopes: UsableList[][] = []
  for (const each of lists) {
    const known = scopes.find(
      ([first]) =>
        first !== undefined &&
        bytesEqual(first.signer.spki, each.signer.spki) &&
        isSameScope(first.list, each.list) &&
        first.list.issuer.matches(each.list.issuer),
    )
    if (known === undefined) scopes.push([each])
    else known.push(each)
  }
  return scopes
}

// By the newest full list of a scope and the newest delta over it.
function judgeScope(
  certificate: Certificate,
  scope: readonly UsableList[],
  at: Instant,
): RevocationSource | Reason {
  const lists = scope.map(each => each.list)
  const full = newest(lists.filter(each => each.deltaBase === undefined))
  if (full === undefined) return reason('crl-base-missing')
  const delta = newest(lists.filter(each => continues(each, full)))
  const last = delta ?? full
  const stale = checkFreshness(last, at)
  try {
    const { serial, issuer } = certificate
    const entry = combinedEntry(
      full.find(serial, issuer),
      delta?.find(serial, issuer),
      stale === undefined,
    )
    // A full list past its next update serves as long as a delta over it is fresh, and the other way round (RFC 5280
    // §6.3.3 (a)). What is revoked stays so, however old the list; a hold may have been lifted since.
    const isFresh = stale === undefined || checkFreshness(full, at) === undefined
    const isDecisive = isFresh || entry?.reason !== 'certificateHold'
    if (entry !== undefined && isDecisive) return revokedReason(entry, last)
    if (!isFresh) return stale
  } catch (error) {
    return malformed(error)
  }
  const { thisUpdate, number } = last
  return {
    kind: 'crl',
    thisUpdate,
    nextUpdate: Math.max(full.nextUpdate, last.nextUpdate),
    number,
  }
}

/**
 * What a full list and a delta over it, both verified and of the time in question, say of a serial of their issuer. May throw
 * `MalformedError` on names.
 */
export function entryIn(
  full: RevocationList,
  delta: RevocationList | undefined,
  serial: Uint8Array,
): CrlEntry | undefined {
  return combinedEntry(full.find(serial), delta?.find(serial), true)
}

/** Whether a delta list may be laid over a full one: made for it or an earlier one, and newer. */
export function continues(delta: RevocationList, full: { readonly number: number }): boolean {
  return (
    delta.deltaBase !== undefined && delta.deltaBase <= full.number && delta.number > full.number
  )
}

/** Reason for an entry: held is "not valid now", all else revoked. */
export function revokedReason(
  entry: CrlEntry,
  source: { readonly thisUpdate: Instant; readonly nextUpdate: Instant },
): Reason {
  const code = entry.reason === 'certificateHold' ? 'certificate-held' : 'certificate-revoked'
  return reason(code, {
    reason: entry.reason,
    revokedAt: entry.revokedAt,
    thisUpdate: source.thisUpdate,
    nextUpdate: source.nextUpdate,
  })
}

function readList(given: RevocationList | Uint8Array): RevocationList | Reason {
  if (given instanceof RevocationList) return given
  try {
    return parseCrl(given)
  } catch (error) {
    return malformed(error)
  }
}

/** Whether a list speaks about a time: not issued later, and not past its next update. */
export function checkFreshness(
  list: { readonly thisUpdate: Instant; readonly nextUpdate: Instant },
  at: Instant,
): Reason | undefined {
  const { thisUpdate, nextUpdate } = list
  if (at < thisUpdate) return reason('crl-not-yet-valid', { at, thisUpdate })
  if (at > nextUpdate) return reason('crl-stale', { at, thisUpdate, nextUpdate })
  return undefined
}

function checkCrlIssuer(
  list: RevocationList,
  issuer: Certificate,
  keys: KeyCache,
): Reason | undefined {
  try {
    if (!list.issuer.matches(issuer.subject)) return reason('crl-other-issuer')
    const named = list.authorityKeyIdentifier?.keyId
    const own = issuer.subjectKeyIdentifier
    if (named !== undefined && own !== undefined && !bytesEqual(named, own)) {
      return reason('crl-other-issuer', { field: 'authorityKeyIdentifier' })
    }
    const usage = issuer.keyUsage
    if (usage !== undefined && (usage & keyUsages.crlSign) === 0)
      return reason('crl-issuer-key-usage')
    const algorithm = signatureAlgorithm(list.signatureAlgorithm)
    if (algorithm === 'weak' || algorithm === 'unsupported') {
      return reason('crl-signature-bad', { algorithm })
    }
    return isSignedBy(list, issuer, algorithm, keys) ? undefined : reason('crl-signature-bad')
  } catch (error) {
    return malformed(error)
  }
}

// One list is asked for again for every signer of a container, and hashing it is what costs.
function isSignedBy(
  list: RevocationList,
  issuer: Certificate,
  algorithm: SignatureAlgorithm,
  keys: KeyCache,
): boolean {
  let known = signedBy.get(list)
  if (known === undefined) {
    known = new WeakMap()
    signedBy.set(list, known)
  }
  const found =
    known.get(issuer) ?? issuer.publicKey(keys).verify(algorithm, list.tbs, list.signature)
  known.set(issuer, found)
  return found
}

// By number, and by time where an authority did not count on.
function newest(lists: readonly RevocationList[]): RevocationList | undefined {
  let found: RevocationList | undefined
  for (const each of lists) {
    const isNewer =
      found === undefined ||
      each.number > found.number ||
      (each.number === found.number && each.thisUpdate > found.thisUpdate)
    if (isNewer) found = each
  }
  return found
}

// RFC 5280 §6.3.3 (i) to (k): the delta decides where it has an entry; removeFromCRL takes the base's entry away, but not by
// a delta that is itself out of date.
function combinedEntry(
  full: CrlEntry | undefined,
  delta: CrlEntry | undefined,
  isDeltaFresh: boolean,
): CrlEntry | undefined {
  if (delta === undefined) return full
  if (delta.reason !== 'removeFromCRL') return delta
  return isDeltaFresh ? undefined : full
}

function malformed(error: unknown): Reason {
  if (error instanceof MalformedError) return reason('crl-malformed', { detail: error.code })
  throw error
}

/**
 * Most lists that one judgement looks at; with more it cannot be made, as the one left out might have named the
 * certificate. A container holds fewer.
 */
const listsMax = 1024
// Facts about two things that do not change; forgotten with them.
const signedBy = new WeakMap<RevocationList, WeakMap<Certificate, boolean>>()
