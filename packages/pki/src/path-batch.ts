/**
 * Judges one certification path given as plain data: what `sekisho path --batch` does for each line, so that any public
 * suite can be run against us. The format is specified in `docs/protocol/path-batch.md`.
 */
import {
  BatchLineError,
  bits,
  byteList,
  bytes,
  flag,
  instant,
  list,
  readableCertificates,
  record,
  text,
} from './batch-line.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { validateCertificate } from './certificate-validation.ts'
import { MalformedError, toHex } from './der.ts'
import { digest } from './crypto.ts'
import type { KeyCache } from './key-cache.ts'
import { ocspLimits } from './ocsp-judgement.ts'
import { pathBudget, type VerifiedPath } from './path.ts'
import { type Reason, reason, rejected, type Verdict } from './reason.ts'

/** One line of input, checked. */
export interface PathCase {
  readonly id: string
  readonly leaf: Uint8Array
  readonly bag: readonly Uint8Array[]
  readonly anchors: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly ocsp: readonly Uint8Array[]
  readonly at: number
  readonly policies: {
    readonly acceptable: readonly string[] | 'any'
    readonly explicit: boolean
    readonly inhibitMapping: boolean
    readonly inhibitAny: boolean
  }
  readonly purpose: string | undefined
  readonly keyUsage: number
  /** `required`: every certificate but the anchor; `leaf`: the leaf only; `off`: none. */
  readonly revocation: 'required' | 'leaf' | 'off'
}

/** One line of output. */
export interface PathOutcome {
  readonly id: string
  readonly verdict: 'passed' | 'failed' | 'indeterminate'
  readonly reasons: readonly Reason[]
  /** SHA-256 fingerprints of the certificates, leaf first, anchor last; empty unless a path was found. */
  readonly path: readonly string[]
  readonly policyOutputs: {
    readonly authorityConstrained: readonly string[]
    readonly userConstrained: readonly string[]
  }
}

/** Checks the shape of a decoded JSON line. Throws `BatchLineError`. */
export function parsePathCase(line: unknown): PathCase {
  const fields = record(line, 'line')
  const policies = record(fields.policies ?? {}, 'policies')
  const revocation = fields.revocation ?? 'off'
  if (revocation !== 'required' && revocation !== 'leaf' && revocation !== 'off') {
    throw new BatchLineError('revocation')
  }
  return {
    id: text(fields.id, 'id'),
    leaf: bytes(fields.leaf, 'leaf'),
    bag: byteList(fields.bag, 'bag'),
    anchors: byteList(fields.anchors, 'anchors'),
    crls: byteList(fields.crls, 'crls'),
    ocsp: byteList(fields.ocsp, 'ocsp'),
    at: instant(fields.at),
    policies: {
      acceptable:
        policies.acceptable === undefined || policies.acceptable === 'any'
          ? 'any'
          : list(policies.acceptable, 'policies.acceptable').map(each =>
              text(each, 'policies.acceptable'),
            ),
      explicit: flag(policies.explicit, 'policies.explicit'),
      inhibitMapping: flag(policies.inhibitMapping, 'policies.inhibitMapping'),
      inhibitAny: flag(policies.inhibitAny, 'policies.inhibitAny'),
    },
    purpose: fields.purpose === undefined ? undefined : text(fields.purpose, 'purpose'),
    keyUsage: fields.keyUsage === undefined ? 0 : bits(fields.keyUsage),
    revocation,
  }
}

/** Judges one case. Certificates of the bag or the anchors that cannot be read are passed over; a leaf is not. */
export function judgePathCase(given: PathCase, keys: KeyCache): PathOutcome {
  const verdict = judge(given, keys)
  const isPassed = verdict.kind === 'passed'
  return {
    id: given.id,
    verdict: verdict.kind,
    reasons: isPassed ? [] : verdict.reasons,
    path: isPassed ? chainOf(verdict.value).map(each => toHex(digest('sha256', each.raw))) : [],
    policyOutputs: isPassed
      ? verdict.value.policies
      : { authorityConstrained: [], userConstrained: [] },
  }
}

function judge(given: PathCase, keys: KeyCache): Verdict<VerifiedPath> {
  let leaf: Certificate
  try {
    leaf = parseCertificate(given.leaf)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return rejected([reason('certificate-malformed', { detail: error.code })])
  }
  return validateCertificate(leaf, {
    at: given.at,
    anchors: readableCertificates(given.anchors),
    intermediates: readableCertificates(given.bag),
    lists: given.crls,
    responses: given.ocsp,
    ocspLimits,
    revocation: given.revocation === 'off' ? 'danger-off' : given.revocation,
    policies: {
      acceptable: given.policies.acceptable,
      isExplicitRequired: given.policies.explicit,
      isMappingInhibited: given.policies.inhibitMapping,
      isAnyInhibited: given.policies.inhibitAny,
    },
    purpose: given.purpose,
    keyUsage: given.keyUsage,
    keys,
    budget: pathBudget,
  })
}

function chainOf(path: VerifiedPath): readonly Certificate[] {
  return [...path.certificates, path.anchor]
}
