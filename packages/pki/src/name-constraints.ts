/**
 * Name constraints (RFC 5280 §4.2.1.10, §6.1.4 (g)): host names, mail addresses, URIs, IP addresses, directory names.
 * A constraint on any other kind of name cannot be judged: a certificate with a name of that kind is then refused.
 */
import type { Certificate } from './certificate.ts'
import { MalformedError } from './der.ts'
import type { NameConstraints } from './extension.ts'
import type { GeneralName } from './general-name.ts'
import { attributeTypes } from './name.ts'
import { type Reason, reason } from './reason.ts'

/**
 * Most comparisons of a name with a constraint in one search: with 2,000 names under 2,000 constraints a verifier would
 * otherwise compare four million times. The number is webpki's, chosen there after the same attack on Go's verifier.
 */
export const comparisonsMax = 250_000

/** Counts comparisons down; shared by all paths of one search. */
export interface ComparisonBudget {
  comparisons: number
}

/** The constraints that all authorities above a certificate have set, each list to be satisfied on its own. */
export class ConstraintState {
  readonly #all: NameConstraints[] = []

  /** Adds what an authority demands. Throws `MalformedError` for a constraint that is not well-formed. */
  add(constraints: NameConstraints): void {
    for (const base of constraints.permitted) checkConstraint(base)
    for (const base of constraints.excluded) checkConstraint(base)
    this.#all.push(constraints)
  }

  /**
   * Whether every name of a certificate is allowed. Throws `MalformedError` when a constrained name is not
   * well-formed, and returns `search-budget-exhausted` when the budget ends.
   */
  check(certificate: Certificate, budget: ComparisonBudget): Reason | undefined {
    if (this.#all.length === 0) return undefined
    for (const name of constrainedNames(certificate)) {
      for (const constraints of this.#all) {
        const found = checkName(name, constraints, budget)
        if (found !== undefined) return found
      }
    }
    return undefined
  }
}

function checkName(
  name: GeneralName,
  constraints: NameConstraints,
  budget: ComparisonBudget,
): Reason | undefined {
  let isConstrained = false
  let isPermitted = false
  for (const base of constraints.permitted) {
    if (--budget.comparisons < 0) return reason('search-budget-exhausted')
    if (base.kind !== name.kind) continue
    isConstrained = true
    const isInside = isWithin(name, base, 'permitted')
    if (isInside === undefined) return reason('name-constraint-unsupported', { kind: name.kind })
    if (isInside) {
      isPermitted = true
      break
    }
  }
  if (isConstrained && !isPermitted) return reason('name-not-permitted', { kind: name.kind })
  for (const base of constraints.excluded) {
    if (--budget.comparisons < 0) return reason('search-budget-exhausted')
    if (base.kind !== name.kind) continue
    const isInside = isWithin(name, base, 'excluded')
    if (isInside === undefined) return reason('name-constraint-unsupported', { kind: name.kind })
    if (isInside) return reason('name-excluded', { kind: name.kind })
  }
  return undefined
}

// Subject, its mail addresses when there is no alternative name of that kind, and all alternative names.
function constrainedNames(certificate: Certificate): readonly GeneralName[] {
  const alternatives = certificate.subjectAltName ?? []
  const names: GeneralName[] = []
  if (!certificate.subject.isEmpty) {
    names.push({ kind: 'directory', name: certificate.subject })
    if (!alternatives.some(each => each.kind === 'email')) {
      for (const set of certificate.subject.relativeNames) {
        for (const each of set) {
          if (each.type === attributeTypes.email) names.push({ kind: 'email', address: each.text })
        }
      }
    }
  }
  names.push(...alternatives)
  return names
}

/** `undefined` when names of this kind cannot be compared. */
function isWithin(
  name: GeneralName,
  base: GeneralName,
  list: 'permitted' | 'excluded',
): boolean | undefined {
  if (name.kind === 'dns' && base.kind === 'dns') return isHostWithin(name.host, base.host, list)
  if (name.kind === 'email' && base.kind === 'email')
    return isMailWithin(name.address, base.address)
  if (name.kind === 'uri' && base.kind === 'uri') return isUriWithin(name.uri, base.uri)
  if (name.kind === 'ip' && base.kind === 'ip') return isAddressWithin(name.address, base.address)
  if (name.kind === 'directory' && base.kind === 'directory') return name.name.isWithin(base.name)
  return undefined
}

function checkConstraint(base: GeneralName): void {
  switch (base.kind) {
    case 'dns':
      if (base.host !== '' && !isHost(base.host)) throw malformed('host name constraint')
      return
    case 'email': {
      const host = base.address.slice(base.address.lastIndexOf('@') + 1)
      const local = base.address.slice(0, Math.max(0, base.address.lastIndexOf('@')))
      const isForm = base.address.includes('@')
        ? local !== '' && !local.includes('@') && isHost(host)
        : isHost(host.replace(/^\./, ''))
      if (!isForm) throw malformed('mail constraint')
      return
    }
    case 'uri':
      if (!isHost(base.uri.replace(/^\./, ''))) throw malformed('URI constraint')
      return
    case 'ip':
      if (!isAddressRange(base.address)) throw malformed('address constraint')
      return
    case 'directory':
      // Decoding is the check.
      void base.name.relativeNames
      return
    case 'other':
    case 'registered':
    case 'x400':
    case 'ediParty':
      return
    default:
      base satisfies never
  }
}

function isHostWithin(host: string, base: string, list: 'permitted' | 'excluded'): boolean {
  const isWildcard = host.startsWith('*.')
  const plain = isWildcard ? host.slice(2) : host
  if (!isHost(plain)) throw malformed('host name')
  if (isSubdomain(plain, base)) return true
  // A wildcard could stand for the excluded name itself: treat every overlap as inside.
  return isWildcard && list === 'excluded' && isSubdomain(base, plain)
}

function isMailWithin(address: string, base: string): boolean {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, Math.max(0, at))
  const host = address.slice(at + 1)
  if (at < 1 || local.includes('@') || !isHost(host)) throw malformed('mail address')
  if (base.includes('@')) {
    const baseAt = base.lastIndexOf('@')
    return local === base.slice(0, baseAt) && sameText(host, base.slice(baseAt + 1))
  }
  if (base.startsWith('.'))
    return isSubdomain(host, base.slice(1)) && !sameText(host, base.slice(1))
  return sameText(host, base)
}

function isUriWithin(uri: string, base: string): boolean {
  const match =
    /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:@[\]]+)(?::\d*)?(?:[/?#]|$)/.exec(uri)
  const host = match?.[1]
  // RFC 5280: a URI without a host name cannot be inside a constraint; refuse rather than guess.
  if (host === undefined || !isHost(host) || /^[0-9.]+$/.test(host)) throw malformed('URI host')
  if (base.startsWith('.'))
    return isSubdomain(host, base.slice(1)) && !sameText(host, base.slice(1))
  return sameText(host, base)
}

function isAddressWithin(address: Uint8Array, range: Uint8Array): boolean {
  if (address.length !== 4 && address.length !== 16) throw malformed('address')
  if (range.length !== address.length * 2) return false
  return address.every((byte, i) => {
    const mask = range[address.length + i] ?? 0
    return (byte & mask) === ((range[i] ?? 0) & mask)
  })
}

// Address and contiguous mask (RFC 5280 refers to RFC 4632).
function isAddressRange(range: Uint8Array): boolean {
  if (range.length !== 8 && range.length !== 32) return false
  let hasEnded = false
  for (const byte of range.subarray(range.length / 2)) {
    for (let bit = 0x80; bit > 0; bit >>= 1) {
      if ((byte & bit) === 0) hasEnded = true
      else if (hasEnded) return false
    }
  }
  return true
}

function isSubdomain(host: string, base: string): boolean {
  if (base === '') return true
  const lower = host.toLowerCase()
  const above = base.toLowerCase()
  return lower === above || lower.endsWith(`.${above}`)
}

function sameText(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase()
}

// Letters, digits, hyphens, and the underscore that real host names have; RFC 1034 §3.5 lengths.
function isHost(host: string): boolean {
  return (
    host.length <= 253 &&
    /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*$/.test(
      host,
    )
  )
}

function malformed(what: string): MalformedError {
  return new MalformedError('value-invalid', 0, what)
}
