/**
 * Certificates of those who sign lists with another key than that of the certificate's issuer: issuers of indirect lists,
 * CAs with a key of its own for lists, CAs whose key was changed (RFC 5280 §6.3.3 (f)). Such a certificate counts when a
 * path leads from it to the very anchor of the certificate in question, and nothing on that path is revoked.
 */
import type { Certificate } from './certificate.ts'
import type { RevocationList } from './crl.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { anyPolicy, keyUsages } from './extension.ts'
import type { KeyCache } from './key-cache.ts'
import { pathBudget, verifyPath } from './path.ts'
import { type Instant, type Reason, reason, type Verdict } from './reason.ts'

/** Where signers are looked for. */
export interface CrlSignerDemands {
  readonly anchor: Certificate
  /** Certificates that may be signers', or lead to them. */
  readonly certificates: readonly Certificate[]
  readonly at: Instant
  readonly keys: KeyCache
  /** Whether a certificate of a signer's path is revoked, by the same evidence. */
  judge(certificate: Certificate, issuer: Certificate): Verdict<unknown>
}

/**
 * Most certificates of one name that are tried for a list, and most that are judged. Each may cost a path search; a CA has
 * a key or two.
 */
const candidatesMax = 8
const judgedMax = 32

/** Finds signers, and judges each certificate once. */
export class CrlSigners {
  readonly #demands: CrlSignerDemands
  /** Findings that do not rest on an assumption; undefined: trusted. */
  readonly #found = new Map<Certificate, Reason | undefined>()
  /** Certificates that are being judged, outermost first. */
  readonly #open: Certificate[] = []
  /** Position in `#open` of the outermost certificate that a judgement in progress has assumed to be good. */
  #assumed = Number.POSITIVE_INFINITY
  #judged = 0

  constructor(demands: CrlSignerDemands) {
    this.#demands = demands
  }

  /** Certificates under whose name a list was issued. Throws `MalformedError` on the list's name. */
  candidates(list: RevocationList): readonly Certificate[] {
    const found: Certificate[] = []
    for (const each of [...this.#demands.certificates, this.#demands.anchor]) {
      if (found.length >= candidatesMax) break
      if (isNamed(each, list) && !found.some(known => bytesEqual(known.raw, each.raw))) {
        found.push(each)
      }
    }
    return found
  }

  /**
   * Why a signer is not trusted; undefined: it is. A signer whose own status only its own list tells is trusted by that
   * list: so its CA has arranged it.
   */
  distrust(signer: Certificate): Reason | undefined {
    if (bytesEqual(signer.raw, this.#demands.anchor.raw)) return undefined
    if (this.#found.has(signer)) return this.#found.get(signer)
    const depth = this.#open.indexOf(signer)
    if (depth >= 0) {
      this.#assumed = Math.min(this.#assumed, depth)
      return undefined
    }
    if (this.#judged >= judgedMax) return reason('search-budget-exhausted')
    this.#judged++
    const own = this.#open.length
    const outer = this.#assumed
    this.#assumed = Number.POSITIVE_INFINITY
    this.#open.push(signer)
    const found = this.#judge(signer)
    this.#open.pop()
    // What rests on the goodness of one further out is found again once that is known.
    const isKnown = this.#assumed >= own
    if (isKnown) this.#found.set(signer, found)
    this.#assumed = Math.min(outer, isKnown ? Number.POSITIVE_INFINITY : this.#assumed)
    return found
  }

  #judge(signer: Certificate): Reason | undefined {
    const { anchor, certificates, at, keys } = this.#demands
    const path = verifyPath(signer, {
      at,
      anchors: [anchor],
      intermediates: certificates,
      policies: {
        acceptable: [anyPolicy],
        isExplicitRequired: false,
        isMappingInhibited: false,
        isAnyInhibited: false,
      },
      purpose: undefined,
      keyUsage: keyUsages.crlSign,
      keys,
      budget: pathBudget,
    })
    if (path.kind !== 'passed') return untrusted(path)
    const chain = [...path.value.certificates, path.value.anchor]
    for (const [i, certificate] of path.value.certificates.entries()) {
      const issuer = chain[i + 1]
      if (issuer === undefined) break
      const found = this.#demands.judge(certificate, issuer)
      if (found.kind !== 'passed') return untrusted(found)
    }
    return undefined
  }
}

function untrusted(verdict: Exclude<Verdict<unknown>, { readonly kind: 'passed' }>): Reason {
  return reason('crl-signer-untrusted', { why: verdict.reasons[0].code })
}

function isNamed(certificate: Certificate, list: RevocationList): boolean {
  try {
    return certificate.subject.matches(list.issuer)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}
