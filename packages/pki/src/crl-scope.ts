/**
 * Which lists speak about a certificate: distribution points of the certificate against the issuing distribution point of
 * the list (RFC 5280 §6.3.3 (b), (d), (e)).
 */
import type { Certificate } from './certificate.ts'
import { fullNames, type RevocationList } from './crl.ts'
import { bytesEqual } from './der.ts'
import type { DistributionPoint } from './extension.ts'
import type { GeneralName } from './general-name.ts'
import type { Name } from './name.ts'

/** ReasonFlags that make up all reasons: bits 1 to 8 (RFC 5280 §5.2.5). */
export const allReasons = 0x1fe

/**
 * Most distribution points of a certificate that are looked at. JPKI has one; those beyond leave a certificate undetermined
 * at worst.
 */
const pointsMax = 32

/** A distribution point as lists are compared with it. */
export interface CrlPoint {
  /** Names of the distribution point as text; undefined: it has none of its own, and is known by its issuer. */
  readonly names: ReadonlySet<string> | undefined
  /** ReasonFlags of which this point's lists speak. */
  readonly reasons: number
  /** Who issues this point's lists instead of the certificate's issuer. */
  readonly issuers: readonly Name[] | undefined
}

/** How a list stands to a certificate: for which reasons it speaks, or why it does not. */
export type CrlConcern =
  | { readonly kind: 'speaks'; readonly reasons: number }
  | { readonly kind: 'other-issuer' }
  | { readonly kind: 'other-partition' }

/**
 * The distribution points of a certificate; last, for lists that none of them names, one that stands for the issuer
 * (RFC 5280 §6.3.3, last paragraph). Throws `MalformedError`.
 */
export function crlPointsOf(certificate: Certificate): readonly CrlPoint[] {
  const own = certificate.crlDistributionPoints ?? []
  return [
    ...own.slice(0, pointsMax).map(each => crlPoint(each, certificate.issuer)),
    {
      names: new Set([directoryKey(certificate.issuer)]),
      reasons: allReasons,
      issuers: undefined,
    },
  ]
}

/** Whether a list speaks about a certificate with these points. Throws `MalformedError`. */
export function concernOf(
  list: RevocationList,
  certificate: Certificate,
  points: readonly CrlPoint[],
): CrlConcern {
  let reasons = 0
  let isOtherIssuer = true
  for (const point of points) {
    if (!isOfIssuer(list, certificate, point)) continue
    isOtherIssuer = false
    if (isOfPoint(list, point)) reasons |= (list.scope.reasons ?? allReasons) & point.reasons
  }
  if (isOtherIssuer) return { kind: 'other-issuer' }
  if (reasons === 0 || !coversKind(list, certificate)) return { kind: 'other-partition' }
  return { kind: 'speaks', reasons }
}

/** Whether two lists have the same scope, as a delta and its base must (RFC 5280 §5.2.4). */
export function isSameScope(a: RevocationList, b: RevocationList): boolean {
  const [first, second] = [a.scope.raw, b.scope.raw]
  if (first === undefined || second === undefined) return first === second
  return bytesEqual(first, second)
}

function crlPoint(point: DistributionPoint, issuer: Name): CrlPoint {
  const issuers = point.crlIssuer?.flatMap(each => (each.kind === 'directory' ? [each.name] : []))
  // RFC 5280 §4.2.1.13: a name is relative to the CRL issuer where one is named, and then there is only one.
  const [above = issuer] = issuers ?? []
  const hasName = point.fullName !== undefined || point.relativeName !== undefined
  return {
    names: hasName ? keysOf(fullNames(point, above)) : undefined,
    reasons: point.reasons === undefined ? allReasons : point.reasons & allReasons,
    issuers,
  }
}

// (b)(1)
function isOfIssuer(list: RevocationList, certificate: Certificate, point: CrlPoint): boolean {
  if (point.issuers === undefined) return list.issuer.matches(certificate.issuer)
  return list.scope.isIndirect && point.issuers.some(each => each.matches(list.issuer))
}

// (b)(2)(i)
function isOfPoint(list: RevocationList, point: CrlPoint): boolean {
  const { partition } = list.scope
  if (partition === undefined) return true
  const wanted = point.names ?? new Set((point.issuers ?? []).map(directoryKey))
  return [...keysOf(partition)].some(each => wanted.has(each))
}

// (b)(2)(ii) to (iv)
function coversKind(list: RevocationList, certificate: Certificate): boolean {
  const { covers } = list.scope
  if (covers === 'all') return true
  const isAuthority = certificate.basicConstraints?.isAuthority === true
  return covers === (isAuthority ? 'authorities' : 'users')
}

function keysOf(names: readonly GeneralName[]): ReadonlySet<string> {
  return new Set(
    names.flatMap(each => {
      if (each.kind === 'directory') return [directoryKey(each.name)]
      return each.kind === 'uri' ? [`uri ${each.uri}`] : []
    }),
  )
}

function directoryKey(name: Name): string {
  return `name ${name.key}`
}
