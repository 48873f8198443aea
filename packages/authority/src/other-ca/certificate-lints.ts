/** The rules for certificates of the other CAs: their own, cross-certificates, holders, OCSP responders (RFC 5280 §4, jpki.md §5.3). */
import { isCorporateNumber } from '@sekisho/contract/japan'
import {
  accessMethods,
  bytesEqual,
  type Certificate,
  contextPrimitive,
  DerReader,
  type Instant,
  keyUsages,
  parseCertificate,
  parseKeyFacts,
  purposes,
  readHealthcareRoles,
  readMandate,
  readRegisteredCorporation,
  signatureAlgorithm,
  tags,
} from '@sekisho/pki'
import { keyIdentifier } from '@sekisho/pki/issue'
import { extensionsOf, readsInOwnForm, unsigned } from '../lint/frame.ts'
import { brokenLints, type Lint, type LintOf, parsed } from '../lint/lint.ts'
import {
  caNameOf,
  holderKeyUsage,
  leafKinds,
  type LeafKind,
  leafRules,
  nameBounds,
  type OtherCaId,
  policyOf,
  recognised,
} from './kind.ts'
import { endAfterMonths } from './validity.ts'

/** What a certificate is for. */
export type OtherKind = LeafKind | 'root' | 'cross' | 'responder'

/** What a certificate must agree with. */
export type OtherFacts = {
  readonly kind: OtherKind
  readonly ca: OtherCaId
  /** Certificate of the signing CA; undefined: the certificate is its own. */
  readonly issuer: Certificate | undefined
  /** Of a cross-certificate: the other CA. */
  readonly crossed: { readonly ca: OtherCaId; readonly certificate: Certificate } | undefined
  /** Where the CA's list and its OCSP responder are. */
  readonly addresses: { readonly list: string; readonly ocsp: string }
}

type Subject = Omit<OtherFacts, 'issuer'> & {
  readonly certificate: Certificate
  readonly issuer: Certificate
}

const leaves: readonly OtherKind[] = leafKinds
const cas: readonly OtherKind[] = ['root', 'cross']
const all: readonly OtherKind[] = [...cas, ...leaves, 'responder']
const issued: readonly OtherKind[] = ['cross', ...leaves, 'responder']

/** Every rule. One that cannot be read at all is `other-malformed`. */
export const otherCertificateLints: readonly Lint<Subject>[] = [
  {
    code: 'other-serial',
    citation: 'RFC 5280 §4.1.2.2: positive, at most 20 octets; CA rule: holders’ are eight octets',
    applies: all,
    holds: ({ certificate: { serial }, kind }) =>
      serial.length <= 20 &&
      (serial[0] ?? 0x80) < 0x80 &&
      serial.some(octet => octet !== 0) &&
      (!isLeaf(kind) || serial.length === 8),
  },
  {
    code: 'other-algorithm',
    citation: 'jpki.md §5.3: RSA with SHA-256',
    applies: all,
    holds: ({ certificate }) => signatureAlgorithm(certificate.signatureAlgorithm) === 'rsa-sha256',
  },
  {
    code: 'other-public-key',
    citation: 'jpki.md §5.1 [B]: RSA of 2048 bits and more, exponent 65537',
    applies: all,
    holds: ({ certificate }) => {
      const facts = parseKeyFacts(certificate.spki)
      return facts.kind === 'rsa' && facts.bits >= 2048 && facts.exponent === 65537
    },
  },
  {
    code: 'other-key-of-ca',
    citation: 'CA rule: nobody but the CA gets a certificate for the CA’s key',
    applies: issued,
    holds: ({ certificate, issuer }) => !bytesEqual(certificate.spki, issuer.spki),
  },
  {
    code: 'other-time-form',
    citation: 'RFC 5280 §4.1.2.5: UTCTime through 2049',
    applies: all,
    holds: ({ certificate }) => {
      const reader = new DerReader(certificate.tbs).enter(tags.sequence)
      // Version, serial, algorithm, issuer.
      for (let before = 0; before < 4; before++) reader.next()
      const validity = reader.enter(tags.sequence)
      return [validity, validity].every(readsInOwnForm)
    },
  },
  {
    code: 'other-validity',
    citation: 'RFC 5280 §4.1.2.5: begins before it ends; CA rule: within the CA’s own',
    applies: all,
    holds: ({ certificate: { notBefore, notAfter }, issuer }) =>
      notBefore < notAfter && issuer.notBefore <= notBefore && notAfter <= issuer.notAfter,
  },
  {
    code: 'other-life',
    citation:
      'kind.ts: whole months, as many as its kind may have; RFC 6960 §4.2.2.2.1: short with nocheck',
    applies: issued,
    holds: hasLifeOfKind,
  },
  {
    code: 'other-issuer',
    citation: 'RFC 5280 §4.1.2.4: the CA’s name, octet for octet',
    applies: all,
    holds: ({ certificate, ca }) => bytesEqual(certificate.issuer.raw, caNameOf(ca).raw),
  },
  {
    code: 'other-subject',
    citation:
      'jpki.md §5.3: the form of its kind; RFC 5280 §4.1.2.6: a CA’s is the one under which it issues',
    applies: all,
    holds: hasSubjectOfKind,
  },
  {
    code: 'other-name-length',
    citation: 'RFC 5280 appendix A.1: upper bounds',
    applies: all,
    holds: ({ certificate: { subject, subjectAltName } }) =>
      [
        subject,
        ...(subjectAltName ?? []).flatMap(each => (each.kind === 'directory' ? [each.name] : [])),
      ]
        .flatMap(name => name.relativeNames.flat())
        .every(({ type, text }) => Array.from(text).length <= (nameBounds.get(type) ?? 0)),
  },
  {
    code: 'other-crossed-key',
    citation: 'RFC 5280 §3.2: a cross-certificate is for the other CA’s key',
    applies: ['cross'],
    holds: ({ certificate, crossed }) =>
      crossed !== undefined && bytesEqual(certificate.spki, crossed.certificate.spki),
  },
  {
    code: 'other-key-usage',
    citation: 'RFC 5280 §4.2.1.3: exactly that of its kind',
    applies: all,
    holds: ({ certificate, kind }) => certificate.keyUsage === keyUsageOf(kind),
  },
  {
    code: 'other-extended-key-usage',
    citation: 'RFC 6960 §4.2.2.2: of responders only',
    applies: all,
    holds: ({ certificate: { extendedKeyUsage: said }, kind }) =>
      kind === 'responder'
        ? said?.length === 1 && said[0] === purposes.ocspSigning
        : said === undefined,
  },
  {
    code: 'other-policy',
    citation:
      'RFC 5280 §4.2.1.4: of holders the one of their kind; of cross-certificates those recognised',
    applies: all,
    holds: ({ certificate, kind, ca, crossed }) =>
      isSameList(
        certificate.policies?.map(({ id }) => id),
        policiesOf(kind, ca, crossed?.ca),
      ),
  },
  {
    code: 'other-policy-mapping',
    citation: 'RFC 5280 §4.2.1.5: each policy to the other CA’s for the same kind of holder',
    applies: all,
    holds: ({ certificate, kind, ca, crossed }) =>
      isSameList(
        certificate.policyMappings?.map(one => `${one.issuerPolicy} ${one.subjectPolicy}`),
        kind === 'cross' && crossed !== undefined
          ? recognised(ca, crossed.ca).map(
              each => `${policyOf(ca, each)} ${policyOf(crossed.ca, each)}`,
            )
          : undefined,
      ),
  },
  {
    code: 'other-policy-explicit',
    citation:
      'RFC 5280 §4.2.1.11, §4.2.1.14: over the bridge a policy is needed, and none counts for all',
    applies: all,
    holds: ({ certificate, kind }) =>
      kind === 'cross'
        ? certificate.policyConstraints?.requireExplicitPolicy === 0 &&
          certificate.policyConstraints.inhibitPolicyMapping === undefined &&
          certificate.inhibitAnyPolicy === 0
        : certificate.policyConstraints === undefined && certificate.inhibitAnyPolicy === undefined,
  },
  {
    code: 'other-basic-constraints',
    citation: 'RFC 5280 §4.2.1.9: after the bridge one CA more, and none after that',
    applies: all,
    holds: ({ certificate: { basicConstraints: said }, kind, crossed }) => {
      if (kind === 'root') return said?.isAuthority === true && said.pathLengthMax === undefined
      if (kind !== 'cross') return said === undefined
      return said?.isAuthority === true && said.pathLengthMax === (crossed?.ca === 'bridge' ? 1 : 0)
    },
  },
  {
    code: 'other-holder',
    citation:
      'jpki.md §5.3: what its kind certifies beside the name, complete, and nothing of another kind',
    applies: all,
    holds: certifiesKind,
  },
  {
    code: 'other-key-period',
    citation:
      'jpki.md §5.3: the registrar says how long the key may sign; CA rule: as long as the certificate',
    applies: all,
    holds: saysKeyPeriod,
  },
  {
    code: 'other-distribution-point',
    citation: 'RFC 5280 §4.2.1.13: the CA’s list; CA rule: in all but its own and responders’',
    applies: all,
    holds: ({ certificate: { crlDistributionPoints: points }, kind, addresses }) => {
      if (kind === 'root' || kind === 'responder') return points === undefined
      const [point, ...more] = points ?? []
      const [name, ...names] = point?.fullName ?? []
      const isOwn = name?.kind === 'uri' && name.uri === addresses.list
      const isPlain = point?.reasons === undefined && point?.crlIssuer === undefined
      return isOwn && isPlain && more.length === 0 && names.length === 0
    },
  },
  {
    code: 'other-ocsp-address',
    citation: 'RFC 6960 §3.1: the CA’s responder, in holders’ and cross-certificates',
    applies: all,
    holds: ({ certificate: { informationAccess }, kind, addresses }) => {
      if (kind === 'root' || kind === 'responder') return informationAccess === undefined
      const [one, ...more] = informationAccess ?? []
      const isOcsp = one?.method === accessMethods.ocsp && more.length === 0
      return isOcsp && one.location.kind === 'uri' && one.location.uri === addresses.ocsp
    },
  },
  {
    code: 'other-authority-key-id',
    citation:
      'RFC 5280 §4.2.1.1: the issuer’s key alone, as CAs of several certificates need; none in its own',
    applies: all,
    holds: ({ certificate: { authorityKeyIdentifier: named }, issuer, kind }) => {
      if (kind === 'root') return named === undefined
      const own = issuer.subjectKeyIdentifier
      const isOwn = named?.keyId !== undefined && own !== undefined && bytesEqual(named.keyId, own)
      return isOwn && named.issuer === undefined && named.serial === undefined
    },
  },
  {
    code: 'other-subject-key-id',
    citation: 'RFC 5280 §4.2.1.2: method (1)',
    applies: all,
    holds: ({ certificate }) => {
      const id = certificate.subjectKeyIdentifier
      return id !== undefined && bytesEqual(id, keyIdentifier(certificate.spki))
    },
  },
  {
    code: 'other-nocheck',
    citation: 'RFC 6960 §4.2.2.2.1: in responders’ certificates, and in no other',
    applies: all,
    holds: ({ certificate, kind }) => certificate.hasOcspNoCheck === (kind === 'responder'),
  },
  {
    code: 'other-criticality',
    citation: 'RFC 5280 §4.2: what a verifier must understand is critical, nothing else',
    applies: all,
    holds: ({ certificate }) =>
      extensionsOf(certificate.tbs, 3).every(
        ({ id, isCritical }) => isCritical === critical.has(id),
      ),
  },
  {
    code: 'other-extension-known',
    citation: 'CA rule: no extension but those that have a rule here',
    applies: all,
    holds: ({ certificate }) => extensionsOf(certificate.tbs, 3).every(({ id }) => ruled.has(id)),
  },
]

/** Looks at a certificate before it is signed. */
export function otherCertificateLint(facts: OtherFacts): LintOf {
  return (algorithm, tbs) => {
    const certificate = parsed(() => parseCertificate(unsigned(algorithm, tbs)))
    if (certificate === undefined) return ['other-malformed']
    const issuer = facts.issuer ?? certificate
    return brokenLints(otherCertificateLints, { ...facts, certificate, issuer })
  }
}

function isLeaf(kind: OtherKind): kind is LeafKind {
  return leafKinds.some(each => each === kind)
}

function isSameList(
  said: readonly string[] | undefined,
  expected: readonly string[] | undefined,
): boolean {
  return said?.join() === expected?.join()
}

function keyUsageOf(kind: OtherKind): number {
  if (kind === 'root' || kind === 'cross') return keyUsages.keyCertSign | keyUsages.crlSign
  return kind === 'responder' ? keyUsages.digitalSignature : holderKeyUsage
}

function policiesOf(
  kind: OtherKind,
  ca: OtherCaId,
  crossed: OtherCaId | undefined,
): readonly string[] | undefined {
  if (isLeaf(kind)) return leafRules[kind].ca === ca ? [policyOf(ca, kind)] : []
  if (kind !== 'cross' || crossed === undefined) return undefined
  return recognised(ca, crossed).map(each => policyOf(ca, each))
}

function hasLifeOfKind({ certificate: { notBefore, notAfter }, kind }: Subject): boolean {
  if (kind === 'responder') return notAfter - notBefore <= responderLifeMs
  const { most, step } = isLeaf(kind) ? leafRules[kind].months : crossMonths
  const ends: Instant[] = []
  for (let months = step; months <= most; months += step)
    ends.push(endAfterMonths(notBefore, months))
  return ends.includes(notAfter)
}

function hasSubjectOfKind({ certificate: { subject }, kind, ca, crossed }: Subject): boolean {
  if (kind === 'root') return bytesEqual(subject.raw, caNameOf(ca).raw)
  if (kind === 'cross')
    return crossed !== undefined && bytesEqual(subject.raw, caNameOf(crossed.ca).raw)
  const said = subject.relativeNames.map(([one, ...more]) => (more.length > 0 ? undefined : one))
  const types = isLeaf(kind) ? leafRules[kind].subject : responderSubject
  return (
    said[0]?.text === 'JP' &&
    isSameList(
      said.map(each => each?.type ?? ''),
      types,
    ) &&
    said.every(each => each !== undefined && each.text.trim() !== '')
  )
}

// A certificate that says more than its kind may would be believed further than its CA has looked.
function certifiesKind({ certificate, kind }: Subject): boolean {
  const corporation = readRegisteredCorporation(certificate)
  const mandate = readMandate(certificate)
  const roles = readHealthcareRoles(certificate)
  const isOther =
    (corporation !== undefined) === (kind === 'representative') &&
    (mandate !== undefined) === (kind === 'mandate') &&
    roles.length > 0 === (kind === 'doctor')
  const isNamed = (certificate.subjectAltName?.length ?? 0) === (kind === 'mandate' ? 1 : 0)
  const isNumbered = mandate === undefined || isCorporateNumber(mandate.corporateNumber)
  const isComplete =
    corporation === undefined ||
    (corporation.registeredNumber !== undefined && corporation.registryOffice !== undefined)
  return isOther && isNamed && isNumbered && isComplete
}

function saysKeyPeriod({ certificate, kind }: Subject): boolean {
  const said = certificate.unknownExtensions.find(({ id }) => id === keyPeriodId)
  if (kind !== 'representative') return said === undefined
  if (said === undefined) return false
  const period = new DerReader(said.value).enter(tags.sequence)
  const [from, until] = [0, 1].map(n => period.readGeneralizedTime(contextPrimitive(n)))
  period.finish()
  return from === certificate.notBefore && until === certificate.notAfter
}

const keyPeriodId = '2.5.29.16'
const responderSubject = ['2.5.4.6', '2.5.4.3'] as const
const responderLifeMs = 60 * 24 * 3600 * 1000
/** Cross-certificates are made anew at least every five years, as certificates of accredited CAs are. */
const crossMonths = { most: 60, step: 1 } as const

const critical: ReadonlySet<string> = new Set([
  '2.5.29.15',
  '2.5.29.19',
  '2.5.29.32',
  '2.5.29.33',
  '2.5.29.36',
  '2.5.29.54',
])
const ruled: ReadonlySet<string> = new Set([
  ...critical,
  // Key identifiers, alternative name, list, addresses, purpose, nocheck.
  '2.5.29.14',
  '2.5.29.35',
  '2.5.29.17',
  '2.5.29.31',
  '1.3.6.1.5.5.7.1.1',
  '2.5.29.37',
  '1.3.6.1.5.5.7.48.1.5',
  // Key period, registrar, corporation, healthcare roles.
  keyPeriodId,
  '1.2.392.100300.1.1.2',
  '1.2.392.100300.1.1.3',
  '2.5.29.9',
])
