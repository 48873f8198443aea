/** Judges whether a certificate is revoked, by whatever evidence the caller has chosen. */
import type { Certificate } from './certificate.ts'
import { crlBytesMax, parseCrl, RevocationList } from './crl.ts'
import { type CrlDemands, crlSigners, judgeByCrls, type RevocationSource } from './crl-judgement.ts'
import { MalformedError } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import { judgeByOcsp, type OcspLimits, ocspLimits } from './ocsp-judgement.ts'
import { type Instant, passed, rankOf, rejectedFor, type Verdict } from './reason.ts'
import type { RevocationIndex } from './revocation-index.ts'

/** The evidence to judge by. There is no default, and no silent "none". */
export type RevocationEvidence =
  | { readonly kind: 'index'; readonly index: RevocationIndex }
  /** Lists, parsed or as bytes. */
  | {
      readonly kind: 'crls'
      readonly lists: readonly (RevocationList | Uint8Array)[]
      readonly signers?: SignerSource | undefined
    }
  | {
      readonly kind: 'ocsp'
      readonly response: Uint8Array
      readonly nonce: Uint8Array | undefined
      readonly limits: OcspLimits
    }
  /** All that is at hand, in any order: lists, parsed or as bytes, and OCSP responses to requests without nonce. */
  | {
      readonly kind: 'collected'
      readonly lists: readonly (RevocationList | Uint8Array)[]
      readonly responses: readonly Uint8Array[]
      readonly limits: OcspLimits
      readonly signers?: SignerSource | undefined
      /** Besides, the lists that a verifier keeps. */
      readonly index?: RevocationIndex | undefined
    }
  /** Nothing is checked, and the report says so. For looking at documents, never for relying on them. */
  | { readonly kind: 'danger-unchecked' }

/**
 * Where signers of lists are looked for whose key is not that of the certificate's issuer. Without it the issuer's key alone
 * counts, which is what JPKI needs: its CAs sign their lists themselves, and a new key makes a new CA of the same name.
 */
export interface SignerSource {
  /** The anchor of the certificate that is judged: a signer must have the same. */
  readonly anchor: Certificate
  readonly certificates: readonly Certificate[]
}

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
  if (evidence.kind !== 'crls' && evidence.kind !== 'collected') return evidence
  return { ...evidence, lists: parsedLists(evidence.lists) }
}

function parsedLists(
  lists: readonly (RevocationList | Uint8Array)[],
): readonly (RevocationList | Uint8Array)[] {
  return lists.map(each => {
    if (each instanceof RevocationList) return each
    try {
      return parseCrl(each)
    } catch (error) {
      if (error instanceof MalformedError) return each
      throw error
    }
  })
}

/** The same evidence with what a container brings along; an index and a single response stay alone. */
export function withMore(
  evidence: RevocationEvidence,
  more: { readonly lists: readonly Uint8Array[]; readonly responses: readonly Uint8Array[] },
): RevocationEvidence {
  if (evidence.kind !== 'crls' && evidence.kind !== 'collected') return evidence
  const lists = [...evidence.lists, ...withinBudget(more.lists)]
  const { signers } = evidence
  if (evidence.kind === 'crls' && more.responses.length === 0) {
    return { kind: 'crls', lists, signers }
  }
  const known = evidence.kind === 'collected' ? evidence.responses : []
  const limits = evidence.kind === 'collected' ? evidence.limits : ocspLimits
  const index = evidence.kind === 'collected' ? evidence.index : undefined
  const responses = [...known, ...more.responses]
  return { kind: 'collected', lists, responses, limits, signers, index }
}

// All lists of a container together may be as large as one list by itself; those beyond are passed over.
function withinBudget(lists: readonly Uint8Array[]): readonly Uint8Array[] {
  let left = crlBytesMax
  return lists.filter(each => {
    left -= each.length
    return left >= 0
  })
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
    const found = judgeBy(evidence, certificate, issuer, at, keys)
    return found.kind === 'passed' ? passed(accept(certificate, at, found.value)) : found
  } catch (error) {
    if (error instanceof MalformedError) {
      return rejectedFor('certificate-malformed', { detail: error.code })
    }
    throw error
  }
}

function judgeBy(
  evidence: Exclude<RevocationEvidence, { readonly kind: 'danger-unchecked' }>,
  certificate: Certificate,
  issuer: Certificate,
  at: Instant,
  keys: KeyCache,
): Verdict<RevocationSource> {
  switch (evidence.kind) {
    case 'index':
      return evidence.index.judge(certificate, issuer, at)
    case 'crls':
      return judgeByCrls(certificate, issuer, crlDemands(evidence, at, keys))
    case 'ocsp':
      return judgeByOcsp(certificate, issuer, { ...evidence, at, keys })
    case 'collected':
      return judgeByAll(evidence, certificate, issuer, at, keys)
    default:
      return evidence satisfies never
  }
}

// One good answer is enough, but one that it is revoked decides, whatever else is there. Of failures the most telling counts.
function judgeByAll(
  evidence: Extract<RevocationEvidence, { readonly kind: 'collected' }>,
  certificate: Certificate,
  issuer: Certificate,
  at: Instant,
  keys: KeyCache,
): Verdict<RevocationSource> {
  const { lists, limits } = evidence
  const demands = crlDemands(evidence, at, keys)
  // A responder may be revoked like everybody else.
  const judgeResponder =
    lists.length === 0
      ? undefined
      : (responder: Certificate) => judgeByCrls(responder, issuer, demands)
  const verdicts = evidence.responses
    .slice(0, responsesMax)
    .map(response =>
      judgeByOcsp(certificate, issuer, {
        response,
        at,
        nonce: undefined,
        limits,
        keys,
        judgeResponder,
      }),
    )
    .filter(each => each.kind === 'passed' || each.reasons[0].code !== 'ocsp-other-certificate')
  if (evidence.index !== undefined) verdicts.push(evidence.index.judge(certificate, issuer, at))
  if (lists.length > 0 || verdicts.length === 0) {
    verdicts.push(judgeByCrls(certificate, issuer, demands))
  }
  const decisive =
    verdicts.find(each => each.kind === 'failed') ?? verdicts.find(each => each.kind === 'passed')
  if (decisive !== undefined) return decisive
  return verdicts.reduce((best, each) => (rankOfVerdict(each) > rankOfVerdict(best) ? each : best))
}

function crlDemands(
  evidence: Extract<RevocationEvidence, { readonly kind: 'crls' | 'collected' }>,
  at: Instant,
  keys: KeyCache,
): CrlDemands {
  if (evidence.signers === undefined) return { lists: evidence.lists, at, keys }
  // Looked at again for every signer.
  const lists = parsedLists(evidence.lists)
  return { lists, at, keys, signers: crlSigners({ lists, at, keys, ...evidence.signers }) }
}

function rankOfVerdict(verdict: Verdict<unknown>): number {
  return verdict.kind === 'passed' ? 0 : rankOf(verdict.reasons[0].code)
}

/** Most OCSP responses that are looked at: as many as certificates in a container. */
const responsesMax = 64
