/**
 * Certification path building and validation (RFC 5280 §6.1) to explicit anchors at an explicit time.
 *
 * Anchors are certificates, and the constraints inside an anchor bind (RFC 5937): path length, name constraints,
 * validity. Several issuers of one name are all tried, those that the authority key identifier names first. The search
 * has a budget. NOT done: revocation (see `validateCertificate`), the certificate policies of an anchor, fetching of
 * missing certificates, comparison of host names.
 */
import { isAcceptableKey, type KeyFacts, signatureAlgorithm } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { bytesEqual, MalformedError } from './der.ts'
import { extensionSlots, keyUsages, purposes } from './extension.ts'
import { checkGeneralNamesFrame } from './general-name.ts'
import type { KeyCache } from './key-cache.ts'
import { comparisonsMax, ConstraintState } from './name-constraints.ts'
import { judgeOneTier, PolicyGraph, type PolicyInputs, type PolicyOutputs } from './policy-graph.ts'
import {
  type Instant,
  passed,
  type Reason,
  rankOf,
  reason,
  rejected,
  type Verdict,
} from './reason.ts'

/** What one search may spend. */
export interface PathBudget {
  /** Intermediate certificates in one path. */
  readonly depthMax: number
  /** Signatures verified. */
  readonly signaturesMax: number
  /** Issuer candidates looked at. */
  readonly candidatesMax: number
  /** Comparisons of names with name constraints. */
  readonly comparisonsMax: number
  /** Complete paths put to `PathDemands.admit`. */
  readonly pathsMax: number
}

/**
 * The budget for people's certificates. Depth: webpki's 6; the government bridge needs 3. Signatures and comparisons:
 * webpki's 100 and 250,000. Candidates: enough for 100 certificates of one name that each might have issued the other.
 */
export const pathBudget: PathBudget = {
  depthMax: 6,
  signaturesMax: 100,
  candidatesMax: 10_000,
  comparisonsMax,
  pathsMax: 16,
}

/** What a path is judged by. Nothing has a default: whoever verifies decides. */
export interface PathDemands {
  /** The time of judgement, which is not necessarily now. */
  readonly at: Instant
  readonly anchors: readonly Certificate[]
  readonly intermediates: readonly Certificate[]
  readonly policies: PolicyInputs
  /** An extended key usage that the leaf, where it limits its usages, must allow; and so must authorities that limit. */
  readonly purpose: string | undefined
  /** Key usage bits that the leaf, where it has the extension, must have. */
  readonly keyUsage: number
  readonly keys: KeyCache
  readonly budget: PathBudget
  /** Says why a path that is right otherwise will not do, such as a revocation; another is then looked for. */
  readonly admit?: (path: VerifiedPath) => Reason | undefined
}

let accept: (chain: readonly Certificate[], at: Instant, policies: PolicyOutputs) => VerifiedPath

/** A path that `verifyPath` has accepted. There is no other way to get one. */
export class VerifiedPath {
  /** Leaf first; the last one was issued by the anchor. */
  readonly certificates: readonly Certificate[]
  readonly anchor: Certificate
  readonly at: Instant
  readonly policies: PolicyOutputs

  private constructor(chain: readonly Certificate[], at: Instant, policies: PolicyOutputs) {
    const anchor = chain[chain.length - 1]
    if (anchor === undefined || chain.length < 2) throw new Error('a path has a leaf and an anchor')
    this.certificates = chain.slice(0, -1)
    this.anchor = anchor
    this.at = at
    this.policies = policies
  }

  static {
    accept = (chain, at, policies) => new VerifiedPath(chain, at, policies)
  }

  get leaf(): Certificate {
    return this.certificates[0] ?? this.anchor
  }

  /** The certificate whose key signed the leaf. */
  get issuer(): Certificate {
    return this.certificates[1] ?? this.anchor
  }
}

/** Finds a path from the leaf to an anchor that satisfies RFC 5280 §6.1. Of several failures the highest-ranked is told. */
export function verifyPath(leaf: Certificate, demands: PathDemands): Verdict<VerifiedPath> {
  const search = new PathSearch(demands)
  const found = search.extend([leaf])
  return found instanceof VerifiedPath
    ? passed(found)
    : rejected([found ?? search.best ?? reason('issuer-unknown')])
}

class PathSearch {
  readonly #demands: PathDemands
  readonly #spent: { signatures: number; candidates: number; comparisons: number; paths: number }
  /** Outcome of each signature check, by subject and issuer. */
  #checked: Map<Certificate, Map<Certificate, Reason | undefined>> | undefined
  best: Reason | undefined

  constructor(demands: PathDemands) {
    this.#demands = demands
    this.#spent = {
      signatures: demands.budget.signaturesMax,
      candidates: demands.budget.candidatesMax,
      comparisons: demands.budget.comparisonsMax,
      paths: demands.budget.pathsMax,
    }
  }

  /** Grows a chain, leaf first, upwards. Returns a path, the end of the budget, or nothing. */
  extend(chain: readonly Certificate[]): VerifiedPath | Reason | undefined {
    const last = chain[chain.length - 1]
    if (last === undefined) return undefined
    for (const anchor of this.#issuersOf(last, this.#demands.anchors)) {
      const outcome = this.#try(chain, last, anchor, true)
      if (outcome !== undefined) return outcome
    }
    // The chain holds the leaf and its intermediates.
    if (this.#demands.intermediates.length === 0) return this.#exhausted()
    if (chain.length - 1 >= this.#demands.budget.depthMax) {
      this.#note(reason('path-too-long', { depthMax: this.#demands.budget.depthMax }))
      return undefined
    }
    for (const issuer of this.#issuersOf(last, this.#demands.intermediates)) {
      if (chain.some(each => isSameEntity(each, issuer))) continue
      const outcome = this.#try(chain, last, issuer, false)
      if (outcome !== undefined) return outcome
    }
    return this.#exhausted()
  }

  #try(
    chain: readonly Certificate[],
    last: Certificate,
    issuer: Certificate,
    isAnchor: boolean,
  ): VerifiedPath | Reason | undefined {
    const signed = this.#checkSignature(last, issuer)
    if (signed !== undefined) {
      this.#note(signed)
      return this.#exhausted()
    }
    const longer = [...chain, issuer]
    if (!isAnchor) return this.extend(longer)
    const outcome = validateChain(longer, this.#demands, this.#spent)
    if (!(outcome instanceof VerifiedPath)) {
      this.#note(outcome)
      return this.#exhausted()
    }
    const objection = this.#demands.admit?.(outcome)
    if (objection === undefined) return outcome
    this.#note(objection)
    return --this.#spent.paths > 0 ? this.#exhausted() : this.best
  }

  /** Certificates that bear the issuer's name; those with the named key first. */
  #issuersOf(certificate: Certificate, among: readonly Certificate[]): readonly Certificate[] {
    const found: Certificate[] = []
    for (const each of among) {
      if (--this.#spent.candidates < 0) break
      try {
        if (each.subject.matches(certificate.issuer)) found.push(each)
      } catch (error) {
        this.#note(malformedReason(error))
      }
    }
    return found.length < 2 ? found : this.#namedFirst(certificate, found)
  }

  #namedFirst(certificate: Certificate, found: readonly Certificate[]): readonly Certificate[] {
    try {
      const keyId = certificate.authorityKeyIdentifier?.keyId
      if (keyId === undefined) return found
      const isNamed = (each: Certificate): boolean =>
        bytesEqual(each.subjectKeyIdentifier ?? nothing, keyId)
      return [...found.filter(isNamed), ...found.filter(each => !isNamed(each))]
    } catch (error) {
      this.#note(malformedReason(error))
      return found
    }
  }

  #checkSignature(certificate: Certificate, issuer: Certificate): Reason | undefined {
    let known = this.#checked?.get(certificate)
    if (known?.has(issuer)) return known.get(issuer)
    if (this.#spent.signatures <= 0) return reason('search-budget-exhausted')
    this.#spent.signatures--
    const outcome = checkIssued(certificate, issuer, this.#demands.keys)
    // Without intermediates no certificate is met twice.
    if (this.#demands.intermediates.length === 0) return outcome
    known ??= new Map()
    known.set(issuer, outcome)
    this.#checked ??= new Map()
    this.#checked.set(certificate, known)
    return outcome
  }

  #note(found: Reason): void {
    if (this.best === undefined || rankOf(found.code) > rankOf(this.best.code)) this.best = found
  }

  #exhausted(): Reason | undefined {
    const isOver =
      this.#spent.candidates < 0 ||
      this.#spent.comparisons < 0 ||
      this.best?.code === 'search-budget-exhausted'
    return isOver ? reason('search-budget-exhausted') : undefined
  }
}

/** Whether the key of `issuer` signed the certificate: nothing about names, times or rights. */
export function checkIssued(
  certificate: Certificate,
  issuer: Certificate,
  keys: KeyCache,
): Reason | undefined {
  const algorithm = signatureAlgorithm(certificate.signatureAlgorithm)
  if (algorithm === 'weak') return reason('algorithm-weak')
  if (algorithm === 'unsupported') return reason('algorithm-unsupported')
  try {
    const key = issuer.publicKey(keys)
    if (!isAcceptableKey(key.facts)) return reason('key-unacceptable', factsEvidence(key.facts))
    const isGood = key.verify(algorithm, certificate.tbs, certificate.signature)
    return isGood ? undefined : reason('certificate-signature-bad')
  } catch (error) {
    if (error instanceof MalformedError) return reason('key-unacceptable', { detail: error.code })
    throw error
  }
}

// RFC 5280 §6.1 over a chain whose names and signatures fit already. Leaf first, anchor last.
function validateChain(
  chain: readonly Certificate[],
  demands: PathDemands,
  spent: { comparisons: number },
): VerifiedPath | Reason {
  try {
    const length = chain.length - 1
    const policies = length === 1 ? undefined : new PolicyGraph(demands.policies, length)
    const names = new ConstraintState()
    let pathLengthMax = length
    for (let i = length; i >= 0; i--) {
      const certificate = chain[i]
      if (certificate === undefined) break
      const isAnchor = i === length
      const isLeaf = i === 0
      const found =
        checkTime(certificate, demands.at) ??
        checkExtensions(certificate, isLeaf) ??
        (isAnchor ? undefined : checkSerial(certificate))
      if (found !== undefined) return found
      // Nothing below needs to read the leaf's name; but what cannot be read is not a certificate (RFC 5280 §4.1.2.6).
      if (!isAnchor) certificate.subject.assertReadable()
      // Of the leaf it does not matter.
      const isSelfIssued = !isAnchor && !isLeaf && certificate.isSelfIssued
      if (!isAnchor) {
        const bad =
          (isSelfIssued ? undefined : names.check(certificate, spent)) ??
          policies?.process(certificate, isSelfIssued)
        if (bad !== undefined) return bad
      }
      if (isLeaf) continue
      const isUncounted = isAnchor || isSelfIssued
      if (!isUncounted && pathLengthMax <= 0) return reason('path-too-long') // (l)
      if (!isUncounted) pathLengthMax--
      const bad =
        (isAnchor ? undefined : policies?.prepare(certificate, isSelfIssued)) ??
        checkAuthority(certificate, isAnchor ? undefined : demands.purpose)
      if (bad !== undefined) return bad
      const limit = certificate.basicConstraints?.pathLengthMax
      if (limit !== undefined && limit < pathLengthMax) pathLengthMax = limit // (m)
      const constraints = certificate.nameConstraints
      if (constraints !== undefined) names.add(constraints) // (g)
    }
    const leaf = chain[0]
    if (leaf === undefined) return reason('issuer-unknown')
    const outputs = policies?.finish(leaf) ?? judgeOneTier(leaf, demands.policies)
    if ('code' in outputs) return outputs
    return checkLeaf(leaf, demands) ?? accept(chain, demands.at, outputs)
  } catch (error) {
    return malformedReason(error)
  }
}

// RFC 5280 §6.1.3 (a)(2). Validity counts in whole seconds, so the last second is valid to its end.
function checkTime(certificate: Certificate, at: Instant): Reason | undefined {
  if (at < certificate.notBefore) {
    return reason('certificate-not-yet-valid', { at, notBefore: certificate.notBefore })
  }
  if (Math.floor(at / 1000) * 1000 > certificate.notAfter) {
    return reason('certificate-expired', { at, notAfter: certificate.notAfter })
  }
  return undefined
}

// §6.1.4 (o), §6.1.5 (f), and the rules of §4.2 on which extension must or must not be critical.
function checkExtensions(certificate: Certificate, isLeaf: boolean): Reason | undefined {
  for (const each of certificate.unknownExtensions) {
    if (each.isCritical) return reason('extension-critical-unknown', { extension: each.id })
  }
  if ((certificate.criticals & neverCritical) !== 0) {
    return reason('extension-misplaced', { rule: 'never critical' })
  }
  if ((certificate.presents & ~certificate.criticals & alwaysCritical) !== 0) {
    return reason('extension-misplaced', { rule: 'always critical' })
  }
  if (certificate.issuer.isEmpty) return reason('certificate-malformed', { field: 'issuer' })
  const isAuthority = certificate.basicConstraints?.isAuthority === true
  const signsCertificates = ((certificate.keyUsage ?? 0) & keyUsages.keyCertSign) !== 0
  if (isLeaf && !isAuthority) {
    if (signsCertificates) return reason('extension-misplaced', { extension: 'keyUsage' })
    if (certificate.has('nameConstraints')) {
      return reason('extension-misplaced', { extension: 'nameConstraints' })
    }
  }
  // §4.2.1.6: an empty subject needs a critical alternative name, which must be well-formed in any case.
  const alternative = certificate.extensionValue('subjectAltName')
  if (alternative !== undefined) checkGeneralNamesFrame(alternative)
  if (certificate.subject.isEmpty && !certificate.isCritical('subjectAltName')) {
    return reason('extension-misplaced', { extension: 'subjectAltName' })
  }
  return undefined
}

// §4.1.2.2: positive and at most 20 octets. Not asked of anchors: respected roots have the serial 0.
function checkSerial(certificate: Certificate): Reason | undefined {
  const serial = certificate.serial
  const isPositive = (serial[0] ?? 0x80) < 0x80 && !(serial.length === 1 && serial[0] === 0)
  return isPositive && serial.length <= 20 ? undefined : reason('serial-unacceptable')
}

// §6.1.4 (k), (n).
function checkAuthority(certificate: Certificate, purpose: string | undefined): Reason | undefined {
  if (certificate.version !== 3 || certificate.basicConstraints?.isAuthority !== true) {
    return reason('issuer-not-authority')
  }
  if (!certificate.isCritical('basicConstraints')) {
    return reason('extension-misplaced', { extension: 'basicConstraints' })
  }
  if (certificate.subject.isEmpty) return reason('certificate-malformed', { field: 'subject' })
  const usage = certificate.keyUsage
  if (usage !== undefined && (usage & keyUsages.keyCertSign) === 0)
    return reason('issuer-key-usage')
  return purpose === undefined ? undefined : checkPurpose(certificate, purpose)
}

function checkLeaf(leaf: Certificate, demands: PathDemands): Reason | undefined {
  const usage = leaf.keyUsage
  if (usage !== undefined && (usage & demands.keyUsage) !== demands.keyUsage) {
    return reason('key-usage-unacceptable')
  }
  const key = leaf.publicKey(demands.keys).facts
  if (!isAcceptableKey(key)) return reason('key-unacceptable', factsEvidence(key))
  return checkPurpose(leaf, demands.purpose)
}

// The extension is read in any case, so that a malformed one is noticed.
function checkPurpose(certificate: Certificate, purpose: string | undefined): Reason | undefined {
  const usages = certificate.extendedKeyUsage
  if (usages === undefined || purpose === undefined) return undefined
  if (usages.includes(purpose) || usages.includes(purposes.any)) return undefined
  return reason('extended-key-usage-unacceptable', { demanded: purpose })
}

function factsEvidence(facts: KeyFacts): Record<string, string | number> {
  switch (facts.kind) {
    case 'rsa':
    case 'rsa-pss':
      return { kind: facts.kind, bits: facts.bits }
    case 'ed25519':
      return { kind: facts.kind }
    case 'ec':
      return { kind: 'ec', curve: facts.curve }
    case 'other':
      return { kind: 'other', algorithm: facts.algorithm }
    default:
      return facts satisfies never
  }
}

function malformedReason(error: unknown): Reason {
  if (error instanceof MalformedError)
    return reason('certificate-malformed', { detail: error.code })
  throw error
}

function isSameEntity(a: Certificate, b: Certificate): boolean {
  return a === b || (bytesEqual(a.spki, b.spki) && bytesEqual(a.subject.raw, b.subject.raw))
}

const nothing = new Uint8Array()
const neverCritical =
  (1 << extensionSlots.subjectKeyIdentifier) |
  (1 << extensionSlots.authorityKeyIdentifier) |
  (1 << extensionSlots.authorityInformationAccess) |
  (1 << extensionSlots.freshestCrl)
const alwaysCritical =
  (1 << extensionSlots.nameConstraints) |
  (1 << extensionSlots.policyConstraints) |
  (1 << extensionSlots.inhibitAnyPolicy)
