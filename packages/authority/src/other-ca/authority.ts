/**
 * The other CAs (A13): each with a root of its own, which it signs itself, and a delegated OCSP responder. Their keys sign only what the lints let
 * pass (`LintFault`). Trust goes over cross-certificates: a verifier trusts the root of its own CA and reaches the others through the bridge.
 */
import {
  type Certificate,
  keyUsages,
  parseCertificate,
  type SignatureAlgorithm,
} from '@sekisho/pki'
import {
  extension,
  type IssuingAuthority,
  issueCertificate,
  keyIdentifier,
  type Signer,
} from '@sekisho/pki/issue'
import type { Instant } from '@sekisho/runtime/clock'
import { type CaKey, createResponders, type Responder } from '../ca/hierarchy.ts'
import { type CrlFacts, crlLint } from '../lint/crl-lints.ts'
import { lintedSigner } from '../lint/lint.ts'
import { otherCertificateLint, type OtherKind } from './certificate-lints.ts'
import { caNameOf, type OtherCaId, otherCaIds } from './kind.ts'
import { endAfterMonths } from './validity.ts'

/** One of the CAs. */
export type OtherCa = {
  readonly id: OtherCaId
  readonly certificate: Certificate
  readonly algorithm: SignatureAlgorithm
  /** Where its list and its responder are, as its certificates say. */
  readonly addresses: { readonly list: string; readonly ocsp: string }
  /** Signs certificates of one kind; cross-certificates for the CA that is named. */
  issuerFor(kind: OtherKind, crossed?: OtherCa): IssuingAuthority
  /** Signs the one list that the facts are about. */
  listSigner(facts: CrlFacts): Signer
  /** Who signs OCSP answers at an instant. */
  responderAt(at: Instant): Responder
}

/** All of them. */
export type OtherCas = Readonly<Record<OtherCaId, OtherCa>>

/** Keys of a CA. */
export type OtherCaPlan = {
  readonly notBefore: Instant
  readonly keyOf: (id: OtherCaId) => { readonly ca: CaKey; readonly responder: CaKey }
}

const caMonths = 120

/** Makes the CAs of a plan, which publish under an origin. */
export function createOtherCas(plan: OtherCaPlan, origin: string): OtherCas {
  const made = otherCaIds.map(id => [id, createCa(id, plan, origin)] as const)
  return Object.fromEntries(made) as OtherCas
}

/** A CA's own certificate: the same for every origin. */
export function otherRootOf(id: OtherCaId, plan: OtherCaPlan): Certificate {
  const { spki, algorithm, sign } = plan.keyOf(id).ca
  const name = caNameOf(id)
  const addresses = { list: '', ocsp: '' }
  const facts = { kind: 'root', ca: id, issuer: undefined, crossed: undefined, addresses } as const
  const content = {
    serial: Uint8Array.of(1),
    issuer: name,
    subject: name,
    notBefore: plan.notBefore,
    notAfter: endAfterMonths(plan.notBefore, caMonths),
    spki,
    extensions: [
      extension.keyUsage(keyUsages.keyCertSign | keyUsages.crlSign),
      extension.basicConstraints(true),
      extension.subjectKeyIdentifier(keyIdentifier(spki)),
    ],
  }
  return parseCertificate(
    issueCertificate(content, algorithm, lintedSigner(sign, otherCertificateLint(facts))),
  )
}

function createCa(id: OtherCaId, plan: OtherCaPlan, origin: string): OtherCa {
  const keys = plan.keyOf(id)
  const { algorithm, sign } = keys.ca
  const certificate = otherRootOf(id, plan)
  const addresses = {
    list: `${origin}/other-ca/${id}/list.crl`,
    ocsp: `${origin}/other-ca/${id}/ocsp`,
  }
  const issuerFor: OtherCa['issuerFor'] = (kind, other) => {
    const crossed = other && { ca: other.id, certificate: other.certificate }
    const lint = otherCertificateLint({ kind, ca: id, issuer: certificate, crossed, addresses })
    return { certificate, algorithm, sign: lintedSigner(sign, lint) }
  }
  return {
    id,
    certificate,
    algorithm,
    addresses,
    issuerFor,
    listSigner: facts => lintedSigner(sign, crlLint(certificate, facts)),
    responderAt: createResponders(issuerFor('responder'), {
      key: keys.responder,
      name: id,
    }),
  }
}
