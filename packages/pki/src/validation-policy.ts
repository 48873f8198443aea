/**
 * Validation policies as data: until when keys of each strength are accepted, and how fresh answers must be. Every report names the
 * policy that it was judged by, so that an old judgement can be understood and done again.
 */
import type { KeyFacts } from './algorithm.ts'
import type { Certificate } from './certificate.ts'
import { MalformedError } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import { generalOcspLimits, type OcspLimits } from './ocsp-judgement.ts'
import { type Instant, type Reason, reason } from './reason.ts'

/** Until when keys of one kind are accepted: a signature must be proven to have existed by then. */
export interface KeyTerm {
  readonly kind: 'rsa' | 'ec' | 'ed25519'
  /** Smallest size in bits that the term is for; of curves the size of the order. */
  readonly bitsMin: number
  readonly until: Instant
}

/** One version of the rules. A change makes a new one with a new name. */
export interface ValidationPolicy {
  readonly id: string
  /** Where its terms come from. */
  readonly source: string
  /** Of several terms for a key the latest counts; a key for which there is none is not accepted. */
  readonly keys: readonly KeyTerm[]
  readonly ocsp: OcspLimits
}

const endOf = (year: number): Instant => Date.UTC(year, 11, 31, 14, 59, 59, 999)

/** For signatures of any CA. Terms end with the year in Japan. */
export const generalPolicy: ValidationPolicy = {
  id: 'sekisho-general-2026-11',
  source: 'CRYPTREC LS-0003-2022: 112 bits of strength until 2030, 128 until 2050, 192 until 2070',
  keys: [
    { kind: 'rsa', bitsMin: 2048, until: endOf(2030) },
    { kind: 'rsa', bitsMin: 3072, until: endOf(2050) },
    { kind: 'rsa', bitsMin: 7680, until: endOf(2070) },
    { kind: 'ec', bitsMin: 256, until: endOf(2050) },
    { kind: 'ec', bitsMin: 384, until: endOf(2070) },
    { kind: 'ed25519', bitsMin: 253, until: endOf(2050) },
  ],
  ocsp: generalOcspLimits,
}

/** Whether every key that signed something is accepted at the time that counts; the first that is not is told. */
export function checkKeyTerms(
  certificates: readonly Certificate[],
  at: Instant,
  policy: ValidationPolicy,
  keys: KeyCache,
): Reason | undefined {
  for (const certificate of certificates) {
    const until = termOf(factsOf(certificate, keys), policy)
    if (until === undefined || at > until) {
      return reason('algorithm-outdated', { policy: policy.id, at, until: until ?? 0 })
    }
  }
  return undefined
}

/** Until when what a certificate's key signs is accepted, its own end included; undefined: not at all. */
export function acceptedUntil(
  certificate: Certificate,
  policy: ValidationPolicy,
  keys: KeyCache,
): Instant | undefined {
  const until = termOf(factsOf(certificate, keys), policy)
  return until === undefined ? undefined : Math.min(until, certificate.notAfter)
}

function termOf(facts: KeyFacts | undefined, policy: ValidationPolicy): Instant | undefined {
  const strength = facts === undefined ? undefined : strengthOf(facts)
  const terms = policy.keys.filter(
    each => each.kind === strength?.kind && each.bitsMin <= strength.bits,
  )
  return terms.length === 0 ? undefined : Math.max(...terms.map(each => each.until))
}

function strengthOf(facts: KeyFacts): Pick<KeyTerm, 'kind'> & { readonly bits: number } {
  switch (facts.kind) {
    case 'rsa':
    case 'rsa-pss':
      return { kind: 'rsa', bits: facts.bits }
    case 'ec':
      return { kind: 'ec', bits: facts.curve === 'P-256' ? 256 : 384 }
    case 'ed25519':
      return { kind: 'ed25519', bits: 253 }
    case 'other':
      return { kind: 'rsa', bits: 0 }
    default:
      return facts satisfies never
  }
}

function factsOf(certificate: Certificate, keys: KeyCache): KeyFacts | undefined {
  try {
    return certificate.publicKey(keys).facts
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}
