/**
 * Verifies revocation lists and judges a certificate by them (RFC 5280 §6.3). A list counts only when the very key that
 * issued the certificate signed it: all generations of a JPKI CA share one name, and each numbers its certificates
 * alone. A list of another partition says nothing about the certificate.
 */
import { type SignatureAlgorithm, signatureAlgorithm } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { type CrlEntry, parseCrl, RevocationList } from './crl.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { keyUsages } from './extension.ts'
import type { KeyCache } from './key-cache.ts'
import {
  type Instant,
  type NonEmpty,
  passed,
  type Reason,
  reason,
  rejected,
  type Verdict,
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

/**
 * Judges a certificate, whose issuer was verified, by the lists that are at hand. Passed: the newest list that covers
 * the certificate, with its deltas, is fresh and does not name it. Lists may be parsed already, or be bytes.
 */
export function judgeByCrls(
  certificate: Certificate,
  issuer: Certificate,
  given: {
    readonly lists: readonly (RevocationList | Uint8Array)[]
    readonly at: Instant
    readonly keys: KeyCache
  },
): Verdict<RevocationSource> {
  const reasons: Reason[] = []
  const usable: RevocationList[] = []
  for (const each of given.lists) {
    const list = readList(each)
    const found =
      list instanceof RevocationList
        ? checkUsable(list, certificate, issuer, given.at, given.keys)
        : list
    if (list instanceof RevocationList && found === undefined) usable.push(list)
    else if (found !== undefined) reasons.push(found)
  }
  const judged = [...byScope(usable).values()].map(lists => judgeScope(certificate, lists))
  const decisive = judged.find(each => each?.kind === 'failed')
  const good = judged.find(each => each?.kind === 'passed')
  const verdict = decisive ?? good
  if (verdict !== undefined) return verdict
  if (usable.length > 0) reasons.push(reason('crl-base-missing'))
  return rejected(nonEmpty(reasons, reason('revocation-missing')))
}

// Numbers of lists can be compared within one scope only; and what any scope revokes is revoked.
function byScope(lists: readonly RevocationList[]): ReadonlyMap<string, readonly RevocationList[]> {
  const scopes = new Map<string, RevocationList[]>()
  for (const list of lists) {
    const names = list.scope.partition?.map(each =>
      each.kind === 'directory' ? each.name.key : JSON.stringify(each),
    )
    const key = JSON.stringify([list.scope.covers, names?.toSorted()])
    const known = scopes.get(key)
    if (known === undefined) scopes.set(key, [list])
    else known.push(list)
  }
  return scopes
}

// By the newest full list of a scope and the newest delta over it. Undefined: there are deltas only.
function judgeScope(
  certificate: Certificate,
  lists: readonly RevocationList[],
): Verdict<RevocationSource> | undefined {
  const full = newest(lists.filter(each => each.deltaBase === undefined))
  if (full === undefined) return undefined
  const delta = newest(lists.filter(each => continues(each, full)))
  const entry = combinedEntry(full.find(certificate.serial), delta?.find(certificate.serial))
  const last = delta ?? full
  if (entry !== undefined) return rejected([revokedReason(entry, last)])
  return passed({
    kind: 'crl',
    thisUpdate: last.thisUpdate,
    nextUpdate: last.nextUpdate,
    number: last.number,
  })
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

function checkUsable(
  list: RevocationList,
  certificate: Certificate,
  issuer: Certificate,
  at: Instant,
  keys: KeyCache,
): Reason | undefined {
  try {
    // The signature is looked at before what the list says, but after the cheap question whose it is.
    const isOther = !list.issuer.matches(issuer.subject)
    if (isOther) return reason('crl-other-issuer', { issuer: list.issuer.toString() })
    const verified = verifyCrl(list, [issuer], keys)
    if (verified.kind !== 'passed') return verified.reasons[0]
    if (!list.covers(certificate)) return reason('crl-other-partition')
    return checkFreshness(list, at)
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

function newest(lists: readonly RevocationList[]): RevocationList | undefined {
  let found: RevocationList | undefined
  for (const each of lists) if (found === undefined || each.number > found.number) found = each
  return found
}

// RFC 5280 §5.2.4: the delta decides where it has an entry; removeFromCRL takes the base's entry away.
function combinedEntry(
  full: CrlEntry | undefined,
  delta: CrlEntry | undefined,
): CrlEntry | undefined {
  if (delta === undefined) return full
  return delta.reason === 'removeFromCRL' ? undefined : delta
}

function nonEmpty(reasons: readonly Reason[], otherwise: Reason): NonEmpty<Reason> {
  const [first, ...rest] = reasons
  return first === undefined ? [otherwise] : [first, ...rest]
}

function malformed(error: unknown): Reason {
  if (error instanceof MalformedError) return reason('crl-malformed', { detail: error.code })
  throw error
}

// Facts about two things that do not change; forgotten with them.
const signedBy = new WeakMap<RevocationList, WeakMap<Certificate, boolean>>()
