/**
 * Certificate policies along a path (RFC 5280 §6.1.2-§6.1.5). The tree of the standard grows exponentially under
 * hostile mappings, so it is kept as a graph with one node per policy and level, as RFC 9618 has it. Qualifiers are
 * not carried: a qualifier in a critical policies extension is accepted and left to the caller (jpki.md §7, trap 6).
 */
import type { Certificate } from './certificate.ts'
import { anyPolicy, type PolicyInformation, type PolicyMapping } from './extension.ts'
import { type Reason, reason } from './reason.ts'

/** What the caller demands of policies (RFC 5280 §6.1.1 (c)-(g)). */
export interface PolicyInputs {
  /** The user-initial-policy-set; `'any'` stands for the any-policy. */
  readonly acceptable: readonly string[] | 'any'
  readonly isExplicitRequired: boolean
  readonly isMappingInhibited: boolean
  readonly isAnyInhibited: boolean
}

/** What came out (RFC 5280 §6.1.6). `anyPolicy` in a list stands for itself. */
export interface PolicyOutputs {
  readonly authorityConstrained: readonly string[]
  readonly userConstrained: readonly string[]
}

interface PolicyNode {
  readonly policy: string
  expected: readonly string[]
  readonly parents: PolicyNode[]
}

type Level = Map<string, PolicyNode>

/**
 * Most nodes in one level, over which the path is refused: JPKI certificates name one policy. BoringSSL keeps no
 * count but bounds the work by certificate size; ours keeps level x level within a million steps.
 */
const levelSizeMax = 1024

/** Policy state of one path under examination. */
export class PolicyGraph {
  readonly #acceptable: readonly string[] | 'any'
  readonly #length: number
  #level: Level | undefined = new Map([
    [anyPolicy, { policy: anyPolicy, expected: [anyPolicy], parents: [] }],
  ])
  #depth = 0
  #explicitPolicy: number
  #policyMapping: number
  #inhibitAny: number

  /** @param length certificates in the path, the anchor not counted */
  constructor(inputs: PolicyInputs, length: number) {
    this.#acceptable = inputs.acceptable
    this.#length = length
    this.#explicitPolicy = inputs.isExplicitRequired ? 0 : length + 1
    this.#policyMapping = inputs.isMappingInhibited ? 0 : length + 1
    this.#inhibitAny = inputs.isAnyInhibited ? 0 : length + 1
  }

  /** RFC 5280 §6.1.3 (d)-(f) for the next certificate of the path. */
  process(certificate: Certificate, isSelfIssued: boolean): Reason | undefined {
    this.#depth++
    const isFinal = this.#depth === this.#length
    const policies = certificate.policies
    const above = this.#level
    if (policies === undefined || above === undefined) {
      this.#level = undefined // (e)
    } else {
      if (policies.length > levelSizeMax) return reason('policy-unacceptable')
      const hasAny = policies.some(each => each.id === anyPolicy)
      const level = descend(above, policies) // (d)(1)
      if (hasAny && (this.#inhibitAny > 0 || (!isFinal && isSelfIssued))) expand(above, level) // (d)(2)
      if (level.size > levelSizeMax) return reason('policy-unacceptable')
      this.#level = level.size === 0 ? undefined : level // (d)(3): the graph needs no pruning
    }
    const isAllowed = this.#explicitPolicy > 0 || this.#level !== undefined // (f)
    return isAllowed ? undefined : reason('policy-unacceptable')
  }

  /** RFC 5280 §6.1.4 (a), (b), (h)-(j): what an intermediate certificate changes for those below. */
  prepare(certificate: Certificate, isSelfIssued: boolean): Reason | undefined {
    const mappings = certificate.policyMappings
    if (mappings !== undefined) {
      const usesAny = mappings.some(
        each => each.issuerPolicy === anyPolicy || each.subjectPolicy === anyPolicy,
      )
      if (usesAny) return reason('policy-unacceptable')
      if (this.#level !== undefined) map(this.#level, mappings, this.#policyMapping > 0)
      if (this.#level?.size === 0) this.#level = undefined
    }
    if (!isSelfIssued) {
      this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1)
      this.#policyMapping = Math.max(0, this.#policyMapping - 1)
      this.#inhibitAny = Math.max(0, this.#inhibitAny - 1)
    }
    const constraints = certificate.policyConstraints
    const explicit = constraints?.requireExplicitPolicy
    const mapping = constraints?.inhibitPolicyMapping
    const any = certificate.inhibitAnyPolicy
    if (explicit !== undefined) this.#explicitPolicy = Math.min(this.#explicitPolicy, explicit)
    if (mapping !== undefined) this.#policyMapping = Math.min(this.#policyMapping, mapping)
    if (any !== undefined) this.#inhibitAny = Math.min(this.#inhibitAny, any)
    return undefined
  }

  /** RFC 5280 §6.1.5 (a), (b), (g) after the last certificate. */
  finish(certificate: Certificate): PolicyOutputs | Reason {
    this.#explicitPolicy = Math.max(0, this.#explicitPolicy - 1)
    if (certificate.policyConstraints?.requireExplicitPolicy === 0) this.#explicitPolicy = 0
    const authority = this.#level === undefined ? [] : authorityConstrained(this.#level)
    const user = intersect(authority, this.#acceptable)
    if (this.#explicitPolicy === 0 && user.length === 0) {
      return reason('policy-unacceptable', { found: authority })
    }
    return { authorityConstrained: authority, userConstrained: user }
  }
}

/**
 * The same judgement for a path of one certificate below its anchor, which is every JPKI path: the graph would have one
 * level, on which each policy hangs on the root.
 */
export function judgeOneTier(
  certificate: Certificate,
  inputs: PolicyInputs,
): PolicyOutputs | Reason {
  const authority: string[] = []
  for (const { id } of certificate.policies ?? []) {
    if (id !== anyPolicy || !inputs.isAnyInhibited) authority.push(id)
  }
  const user = intersect(authority, inputs.acceptable)
  const isRequired =
    inputs.isExplicitRequired || certificate.policyConstraints?.requireExplicitPolicy === 0
  if (isRequired && user.length === 0) return reason('policy-unacceptable', { found: authority })
  return { authorityConstrained: authority, userConstrained: user }
}

function intersect(
  authority: readonly string[],
  acceptable: readonly string[] | 'any',
): readonly string[] {
  if (acceptable === 'any' || acceptable.includes(anyPolicy)) return authority
  if (authority.includes(anyPolicy)) return acceptable
  return authority.filter(each => acceptable.includes(each))
}

function descend(above: Level, policies: readonly PolicyInformation[]): Level {
  const level: Level = new Map()
  const any = above.get(anyPolicy)
  for (const { id: policy } of policies) {
    if (policy === anyPolicy) continue
    const parents: PolicyNode[] = []
    for (const node of above.values()) if (node.expected.includes(policy)) parents.push(node)
    if (parents.length === 0 && any !== undefined) parents.push(any)
    if (parents.length > 0) level.set(policy, { policy, expected: [policy], parents })
  }
  return level
}

function expand(above: Level, level: Level): void {
  const named = new Set(level.keys())
  for (const parent of above.values()) {
    for (const policy of parent.expected) {
      if (named.has(policy)) continue
      const known = level.get(policy)
      if (known !== undefined) known.parents.push(parent)
      else level.set(policy, { policy, expected: [policy], parents: [parent] })
    }
  }
}

function map(level: Level, mappings: readonly PolicyMapping[], isAllowed: boolean): void {
  const targets = new Map<string, Set<string>>()
  for (const { issuerPolicy, subjectPolicy } of mappings) {
    const known = targets.get(issuerPolicy)
    if (known === undefined) targets.set(issuerPolicy, new Set([subjectPolicy]))
    else known.add(subjectPolicy)
  }
  const any = level.get(anyPolicy)
  for (const [policy, subjects] of targets) {
    const node = level.get(policy)
    const expected = [...subjects]
    if (!isAllowed) level.delete(policy)
    else if (node !== undefined) node.expected = expected
    else if (any !== undefined) level.set(policy, { policy, expected, parents: any.parents })
  }
}

// RFC 9618 §5.5: policies of the highest nodes below the any-policy that still lead down to the last level.
function authorityConstrained(level: Level): readonly string[] {
  const found = new Set<string>()
  if (level.has(anyPolicy)) found.add(anyPolicy)
  const seen = new Set<PolicyNode>()
  const pending = [...level.values()]
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue
    seen.add(node)
    for (const parent of node.parents) {
      if (parent.policy === anyPolicy && node.policy !== anyPolicy) found.add(node.policy)
      pending.push(parent)
    }
  }
  return [...found]
}
