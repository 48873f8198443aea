/** The rules for OCSP answers (RFC 6960 §4.2, RFC 9654, jpki.md §2.5). */
import {
  bytesEqual,
  type Certificate,
  certIdIssuerMatches,
  der,
  encodeSignatureAlgorithm,
  type Instant,
  type OcspAnswer,
  type OcspCertId,
  type OcspResponse,
  parseOcspResponse,
  purposes,
  type SignatureAlgorithm,
  signatureAlgorithm,
} from '@sekisho/pki'
import { keyIdentifier, type OcspStatus } from '@sekisho/pki/issue'
import { usedReasons } from './crl-lints.ts'
import { algorithmOf } from './frame.ts'
import { brokenLints, type Lint, type LintOf, parsed } from './lint.ts'

/** What an answer must agree with. */
export type OcspFacts = {
  /** The instant at which it is made. */
  readonly at: Instant
  /** For how long it may speak, in milliseconds. */
  readonly lifetimeMs: number
  /** The nonce to be sent back; undefined: there must be none. */
  readonly nonce: Uint8Array | undefined
  /** What was asked, with what the record says, in order. */
  readonly asked: readonly { readonly certId: OcspCertId; readonly status: OcspStatus }[]
}

type Subject = OcspFacts & {
  readonly kind: 'ocsp'
  readonly response: OcspResponse
  readonly issuer: Certificate
  readonly responder: Certificate
}

const applies = ['ocsp'] as const

/**
 * Every rule for answers. One that cannot be read at all, with a nonce longer than 128 octets for instance (RFC 9654
 * §2.1), is `ocsp-malformed`.
 */
export const ocspLints: readonly Lint<Subject>[] = [
  {
    code: 'ocsp-algorithm',
    citation: 'CA rule: as the CAs’ own signatures',
    applies,
    holds: ({ response, responder }) =>
      signatureAlgorithm(response.signatureAlgorithm) === algorithmOf(responder.spki),
  },
  {
    code: 'ocsp-responder-id',
    citation: 'RFC 6960 §4.2.2.3: the signer, by its key',
    applies,
    holds: ({ response: { responder: named }, responder }) =>
      named.kind === 'key' && bytesEqual(named.hash, keyIdentifier(responder.spki)),
  },
  {
    code: 'ocsp-responder-delegated',
    citation: 'RFC 6960 §4.2.2.2: certified by the CA of the certificates, for this purpose',
    applies,
    holds: ({ responder, issuer }) => {
      const [named, own] = [responder.authorityKeyIdentifier?.keyId, issuer.subjectKeyIdentifier]
      const isOwn = named !== undefined && own !== undefined && bytesEqual(named, own)
      return isOwn && responder.extendedKeyUsage?.includes(purposes.ocspSigning) === true
    },
  },
  {
    code: 'ocsp-responder-nocheck',
    citation: 'RFC 6960 §4.2.2.2.1: nothing else says that the signer is not revoked',
    applies,
    holds: ({ responder }) => responder.hasOcspNoCheck,
  },
  {
    code: 'ocsp-responder-validity',
    citation: 'RFC 6960 §4.2.2.2: the signer’s certificate outlasts the answer',
    applies,
    holds: ({ response, responder }) =>
      responder.notBefore <= response.producedAt &&
      response.answers.every(one => (one.nextUpdate ?? one.thisUpdate) <= responder.notAfter),
  },
  {
    code: 'ocsp-asked',
    citation: 'RFC 6960 §4.2.1: one answer for each certificate asked about',
    applies,
    holds: ({ response: { answers }, asked }) =>
      answers.length === asked.length &&
      answers.every(({ certId }, at) => bytesEqual(certId.raw, asked[at]?.certId.raw ?? empty)),
  },
  {
    code: 'ocsp-issuer',
    citation: 'RFC 6960 §4.1.1: certificates of the generation whose responder signs',
    applies,
    holds: ({ asked, issuer }) => asked.every(({ certId }) => certIdIssuerMatches(certId, issuer)),
  },
  {
    code: 'ocsp-status',
    citation: 'RFC 6960 §2.2: what the record says; never good without a record',
    applies,
    holds: ({ response: { answers }, asked }) =>
      answers.every((answer, at) => answer.status === (asked[at]?.status.kind ?? answer.status)),
  },
  {
    code: 'ocsp-reason',
    citation: 'jpki.md §2.6 [B]: reasons in use',
    applies,
    holds: everyAnswer(({ reason }) => reason === undefined || usedReasons.has(reason)),
  },
  {
    code: 'ocsp-revocation-instant',
    citation: 'CA rule: nothing is revoked later than the answer is made',
    applies,
    holds: ({ response }) =>
      response.answers.every(
        ({ revokedAt }) => revokedAt === undefined || revokedAt <= response.producedAt,
      ),
  },
  {
    code: 'ocsp-produced-at',
    citation: 'RFC 6960 §4.2.2.1: when it was signed',
    applies,
    holds: ({ response, at }) => response.producedAt === Math.floor(at / 1000) * 1000,
  },
  {
    code: 'ocsp-this-update',
    citation: 'RFC 6960 §4.2.2.1: when the status was known: present data',
    applies,
    holds: ({ response }) =>
      response.answers.every(({ thisUpdate }) => thisUpdate === response.producedAt),
  },
  {
    code: 'ocsp-next-update',
    citation: 'jpki.md §2.5 [B]: there, after this update, at most as far as the rules say',
    applies,
    holds: ({ response, lifetimeMs }) =>
      response.answers.every(({ thisUpdate, nextUpdate }) => {
        const speaksMs = (nextUpdate ?? thisUpdate) - thisUpdate
        return speaksMs > 0 && speaksMs <= lifetimeMs
      }),
  },
  {
    code: 'ocsp-nonce',
    citation: 'RFC 9654 §2.1: the request’s, unchanged, or none',
    applies,
    holds: ({ response, nonce }) =>
      nonce === undefined
        ? response.nonce === undefined
        : response.nonce !== undefined && bytesEqual(response.nonce, nonce),
  },
  {
    code: 'ocsp-extension',
    citation: 'RFC 6960 §4.4: none that a client may have to refuse',
    applies,
    holds: ({ response }) =>
      !response.hasUnknownCritical && response.answers.every(one => !one.hasUnknownCritical),
  },
]

/** Looks at an answer of a CA generation's responder before it is signed. */
export function ocspLint(
  signers: { readonly issuer: Certificate; readonly responder: Certificate },
  facts: OcspFacts,
): LintOf {
  return (algorithm, tbs) => {
    const response = parsed(() => parseOcspResponse(draftResponse(algorithm, tbs)))
    if (response === undefined || response.kind !== 'basic') return ['ocsp-malformed']
    const subject: Subject = { ...facts, ...signers, kind: 'ocsp', response }
    return brokenLints(ocspLints, subject)
  }
}

function draftResponse(algorithm: SignatureAlgorithm, tbs: Uint8Array): Uint8Array {
  const { bitString, enumerated, explicit, objectIdentifier, octetString, sequence } = der
  const basic = sequence(tbs, encodeSignatureAlgorithm(algorithm), bitString(new Uint8Array()))
  const typed = sequence(objectIdentifier('1.3.6.1.5.5.7.48.1.1'), octetString(basic))
  return sequence(enumerated(0), explicit(0, typed))
}

function everyAnswer(holds: (answer: OcspAnswer) => boolean): (subject: Subject) => boolean {
  return ({ response }) => response.answers.every(holds)
}

const empty = new Uint8Array()
