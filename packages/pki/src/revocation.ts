/** Judges whether a certificate is revoked, by whatever evidence the caller has chosen. */
import type { Certificate } from './certificate.ts'
import { parseCrl, RevocationList } from './crl.ts'
import { judgeByCrls, type RevocationSource } from './crl-judgement.ts'
import { MalformedError } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import { judgeByOcsp, type OcspLimits } from './ocsp-judgement.ts'
import { type Instant, passed, rejectedFor, type Verdict } from './reason.ts'
import type { RevocationIndex } from './revocation-index.ts'

/** The evidence to judge by. There is no default, and no silent "none". */
export type RevocationEvidence =
  | { readonly kind: 'index'; readonly index: RevocationIndex }
  /** Lists, parsed or as bytes. */
  | { readonly kind: 'crls'; readonly lists: readonly (RevocationList | Uint8Array)[] }
  | {
      readonly kind: 'ocsp'
      readonly response: Uint8Array
      readonly nonce: Uint8Array | undefined
      readonly limits: OcspLimits
    }
  /** Nothing is checked, and the report says so. For looking at documents, never for relying on them. */
  | { readonly kind: 'danger-unchecked' }

let accept: (
  certificate: Certificate,
  at: Instant,
  source: RevocationSource | undefined,
) => NotRevoked

/** A certificate that `judgeRevocation` found not revoked. There is no other way to get one. */
export class NotRevoked {
  readonly certificate: Certificate
  readonly at: Instant
  /** What the finding rests on; undefined: nothing was checked, at the caller's own danger. */
  readonly source: RevocationSource | undefined

  private constructor(certificate: Certificate, at: Instant, source: RevocationSource | undefined) {
    this.certificate = certificate
    this.at = at
    this.source = source
  }

  static {
    accept = (certificate, at, source) => new NotRevoked(certificate, at, source)
  }
}

/** The same evidence with its lists parsed, for judging several certificates. What cannot be parsed stays bytes. */
export function withListsParsed(evidence: RevocationEvidence): RevocationEvidence {
  if (evidence.kind !== 'crls') return evidence
  const lists = evidence.lists.map(each => {
    if (each instanceof RevocationList) return each
    try {
      return parseCrl(each)
    } catch (error) {
      if (error instanceof MalformedError) return each
      throw error
    }
  })
  return { kind: 'crls', lists }
}

/** Judges a certificate whose issuer was verified. What is stale, missing or unknown is `indeterminate`. */
export function judgeRevocation(
  certificate: Certificate,
  issuer: Certificate,
  given: { readonly at: Instant; readonly evidence: RevocationEvidence; readonly keys: KeyCache },
): Verdict<NotRevoked> {
  const { at, evidence, keys } = given
  if (evidence.kind === 'danger-unchecked') return passed(accept(certificate, at, undefined))
  try {
    const found =
      evidence.kind === 'index'
        ? evidence.index.judge(certificate, issuer, at)
        : evidence.kind === 'crls'
          ? judgeByCrls(certificate, issuer, { lists: evidence.lists, at, keys })
          : judgeByOcsp(certificate, issuer, { ...evidence, at, keys })
    return found.kind === 'passed' ? passed(accept(certificate, at, found.value)) : found
  } catch (error) {
    if (error instanceof MalformedError) {
      return rejectedFor('certificate-malformed', { detail: error.code })
    }
    throw error
  }
}
