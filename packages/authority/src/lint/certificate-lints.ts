/** The rules for certificates of the CAs: their own, both leaves, OCSP responders (jpki.md §2.1–2.3, RFC 5280 §4). */
import { partitionName, keyIdentifier } from '@sekisho/pki/issue'
import {
  accessMethods,
  attributeNames,
  attributeTypes,
  bytesEqual,
  type Certificate,
  type CertificateKind,
  type CertificateProfile,
  DerReader,
  isKeyAllowed,
  keyUsages,
  leafProfile,
  type LeafProfile,
  type Name,
  parseCertificate,
  parseKeyFacts,
  practiceStatementId,
  purposes,
  readFourAttributes,
  readPolicyQualifiers,
  signatureAlgorithm,
  tags,
} from '@sekisho/pki'
import { algorithmOf, extensionsOf, readsInOwnForm, unsigned } from './frame.ts'
import { brokenLints, type Lint, type LintOf, parsed } from './lint.ts'

/** What an issued certificate is for. */
type IssuedKind = CertificateKind | 'ca' | 'responder'

/** What a certificate must agree with. */
export type CertificateFacts = {
  readonly kind: IssuedKind
  /** Which of the two CAs signs. */
  readonly ca: CertificateKind
  readonly profile: CertificateProfile
  /** Certificate of the signing CA; undefined: the certificate is the CA's own. */
  readonly issuer: Certificate | undefined
  /** Of a leaf: the municipality of its holder. */
  readonly place: Place | undefined
}

/** A municipality as certificates name it. */
export type Place = {
  readonly code: string
  readonly prefectureRomaji: string
  readonly romaji: string
}

type Subject = Omit<CertificateFacts, 'issuer'> & {
  readonly certificate: Certificate
  readonly issuer: Certificate
  readonly leaf: LeafProfile
}

const all = ['ca', 'authentication', 'signature', 'responder'] as const
const leaves = ['authentication', 'signature'] as const

/** Every rule for certificates. One that cannot be read at all is `certificate-malformed`. */
export const certificateLints: readonly Lint<Subject>[] = [
  {
    code: 'certificate-serial-range',
    citation: 'RFC 5280 §4.1.2.2: positive, at most 20 octets',
    applies: all,
    holds: ({ certificate: { serial } }) =>
      serial.length <= 20 && (serial[0] ?? 0x80) < 0x80 && serial.some(octet => octet !== 0),
  },
  {
    code: 'certificate-serial-leaf',
    citation: 'jpki.md §2.2 [A]: up to four octets; CA rule: exactly four',
    applies: leaves,
    holds: ({ certificate: { serial } }) => serial.length === 4,
  },
  {
    code: 'certificate-algorithm',
    citation:
      'jpki.md §2.1, §2.2 [A]: sha256WithRSAEncryption of today’s generations; §1.10 [B]: ECDSA with SHA-384 of the next',
    applies: all,
    holds: ({ certificate, issuer }) =>
      signatureAlgorithm(certificate.signatureAlgorithm) === algorithmOf(issuer.spki),
  },
  {
    code: 'certificate-public-key',
    citation: 'jpki.md §5.1 [B]: RSA of 2048 bits and more; §2.1 [A]: exponent 65537',
    applies: all,
    holds: ({ certificate, profile }) => {
      const facts = parseKeyFacts(certificate.spki)
      return isKeyAllowed(facts, profile) && (facts.kind !== 'rsa' || facts.exponent === 65537)
    },
  },
  {
    code: 'certificate-key-of-ca',
    citation: 'CA rule: nobody but the CA gets a certificate for the CA’s key',
    applies: [...leaves, 'responder'],
    holds: ({ certificate, issuer }) => !bytesEqual(certificate.spki, issuer.spki),
  },
  {
    code: 'certificate-time-form',
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
    code: 'certificate-validity-order',
    citation: 'RFC 5280 §4.1.2.5: begins before it ends',
    applies: all,
    holds: ({ certificate }) => certificate.notBefore < certificate.notAfter,
  },
  {
    code: 'certificate-end-of-day',
    citation: 'jpki.md §2.1, §2.2 [A]: ends at 14:59:59Z',
    applies: ['ca', ...leaves],
    holds: ({ certificate }) => certificate.notAfter % dayMs === lastSecondMs,
  },
  {
    code: 'certificate-within-ca',
    citation: 'CA rule: neither before nor after the CA’s own',
    applies: [...leaves, 'responder'],
    holds: ({ certificate, issuer }) =>
      issuer.notBefore <= certificate.notBefore && certificate.notAfter <= issuer.notAfter,
  },
  {
    code: 'certificate-responder-life',
    citation: 'RFC 6960 §4.2.2.2.1: with nocheck short-lived; CA rule: at most 60 days',
    applies: ['responder'],
    holds: ({ certificate }) => certificate.notAfter - certificate.notBefore <= 60 * dayMs,
  },
  {
    code: 'certificate-issuer',
    citation: 'RFC 5280 §4.1.2.4: the CA’s name, octet for octet; jpki.md §2.1 [A]',
    applies: all,
    holds: ({ certificate, leaf }) => bytesEqual(certificate.issuer.raw, leaf.issuer.raw),
  },
  {
    code: 'certificate-subject',
    citation: 'jpki.md §2.1, §2.2 [A], §2.3 [B]: the form of its kind',
    applies: all,
    holds: hasSubjectOfKind,
  },
  {
    code: 'certificate-key-usage',
    citation: 'jpki.md §2.1, §2.2 [A], §2.3 [B]: exactly that of its kind',
    applies: all,
    holds: ({ certificate, kind, leaf }) => certificate.keyUsage === keyUsageOf(kind, leaf),
  },
  {
    code: 'certificate-extended-key-usage',
    citation: 'jpki.md §2.2 [A]: clientAuth in authentication leaves only; RFC 6960 §4.2.2.2',
    applies: all,
    holds: ({ certificate, kind, leaf }) => {
      const purpose = kind === 'responder' ? purposes.ocspSigning : leaf.purpose
      return isList(certificate.extendedKeyUsage, kind === 'ca' ? undefined : purpose)
    },
  },
  {
    code: 'certificate-policy',
    citation: 'jpki.md §2.4 [A/B]: one policy of its kind; none in other certificates',
    applies: all,
    holds: ({ certificate, kind, leaf }) => {
      const ids = certificate.policies?.map(({ id }) => id)
      return isLeaf(kind)
        ? ids?.length === 1 && ids.every(id => leaf.policies.includes(id))
        : ids === undefined
    },
  },
  {
    code: 'certificate-policy-qualifier',
    citation: 'jpki.md §2.2 [A], §2.3 [B]: the address of the practice statement',
    applies: leaves,
    holds: ({ certificate, profile }) =>
      certificate.policies?.every(policy => {
        const [qualifier, ...more] = readPolicyQualifiers(policy)
        if (qualifier === undefined || more.length > 0) return false
        const text = new DerReader(qualifier.value).readString()
        return qualifier.id === practiceStatementId && text === profile.practiceStatement
      }) ?? false,
  },
  {
    code: 'certificate-basic-constraints',
    citation: 'jpki.md §2.1 [A]: CA without path length; §2.2 [A]: none in leaves',
    applies: all,
    holds: ({ certificate: { basicConstraints }, kind }) =>
      kind === 'ca'
        ? basicConstraints?.isAuthority === true && basicConstraints.pathLengthMax === undefined
        : basicConstraints === undefined,
  },
  {
    code: 'certificate-alternative-name',
    citation:
      'jpki.md §2.2 [A]: none in authentication leaves; §2.3 [A]: six values in order; §2.1 [A]: the CA’s',
    applies: all,
    holds: hasAlternativeNameOfKind,
  },
  {
    code: 'certificate-four-attributes',
    citation: 'jpki.md §2.3 [A]: complete, a flag for each character',
    applies: ['signature'],
    holds: ({ certificate }) => readFourAttributes(certificate).kind === 'passed',
  },
  {
    code: 'certificate-issuer-alternative-name',
    citation: 'jpki.md §2.2 [A]: the CA’s name in Japanese',
    applies: all,
    holds: ({ certificate, kind, leaf }) =>
      isDirectory(certificate.issuerAltName, isLeaf(kind) ? leaf.issuerAlternative : undefined),
  },
  {
    code: 'certificate-distribution-point',
    citation: 'jpki.md §2.2 [A]: the holder’s municipality; §2.1 [A]: the CA’s name',
    applies: all,
    holds: hasPointOfKind,
  },
  {
    code: 'certificate-ocsp-address',
    citation: 'jpki.md §2.2 [A]: one OCSP address in leaves',
    applies: all,
    holds: ({ certificate: { informationAccess }, kind, leaf }) => {
      if (!isLeaf(kind)) return informationAccess === undefined
      const [one, ...more] = informationAccess ?? []
      const isOcsp = one?.method === accessMethods.ocsp && more.length === 0
      return isOcsp && one.location.kind === 'uri' && one.location.uri === leaf.ocspAddress
    },
  },
  {
    code: 'certificate-authority-key-id',
    citation:
      'RFC 5280 §4.2.1.1: the issuer’s; jpki.md §2.2 [A]: with issuer and serial; §2.1 [A]: none in the CA’s',
    applies: all,
    holds: namesIssuersKey,
  },
  {
    code: 'certificate-subject-key-id',
    citation: 'RFC 5280 §4.2.1.2: method (1)',
    applies: all,
    holds: ({ certificate }) => {
      const id = certificate.subjectKeyIdentifier
      return id !== undefined && bytesEqual(id, keyIdentifier(certificate.spki))
    },
  },
  {
    code: 'certificate-nocheck',
    citation: 'RFC 6960 §4.2.2.2.1: in responders’ certificates, and in no other',
    applies: all,
    holds: ({ certificate, kind }) => certificate.hasOcspNoCheck === (kind === 'responder'),
  },
  {
    code: 'certificate-criticality',
    citation:
      'jpki.md §2.1, §2.2 [A]: key usage, basic constraints and policies are critical, nothing else',
    applies: all,
    holds: ({ certificate }) =>
      extensionsOf(certificate.tbs, 3).every(
        ({ id, isCritical }) => isCritical === critical.has(id),
      ),
  },
  {
    code: 'certificate-extension-order',
    citation: 'jpki.md §2.2 [A]: the order of the real leaf; elsewhere CA rule',
    applies: all,
    holds: ({ certificate, kind }) => {
      const places = extensionsOf(certificate.tbs, 3)
        .map(({ id }) => orderOf(kind).indexOf(id))
        .filter(place => place >= 0)
      return places.every((place, at) => at === 0 || place > (places[at - 1] ?? 0))
    },
  },
  {
    code: 'certificate-extension-known',
    citation: 'CA rule: no extension but those that have a rule here',
    applies: all,
    holds: ({ certificate }) => extensionsOf(certificate.tbs, 3).every(({ id }) => ruled.has(id)),
  },
]

/** Looks at a certificate before it is signed. */
export function certificateLint(facts: CertificateFacts): LintOf {
  return (algorithm, tbs) => {
    const certificate = parsed(() => parseCertificate(unsigned(algorithm, tbs)))
    if (certificate === undefined) return ['certificate-malformed']
    const issuer = facts.issuer ?? certificate
    const leaf = leafProfile(facts.profile, facts.ca)
    return brokenLints(certificateLints, { ...facts, certificate, issuer, leaf })
  }
}

function isLeaf(kind: IssuedKind): boolean {
  return kind === 'authentication' || kind === 'signature'
}

/** Whether a list is just the one value expected, or absent where none is. */
function isList(list: readonly string[] | undefined, expected: string | undefined): boolean {
  return expected === undefined ? list === undefined : list?.length === 1 && list[0] === expected
}

function isDirectory(names: Certificate['subjectAltName'], expected: Name | undefined): boolean {
  if (expected === undefined) return names === undefined
  const [one, ...more] = names ?? []
  return one?.kind === 'directory' && more.length === 0 && bytesEqual(one.name.raw, expected.raw)
}

function keyUsageOf(kind: IssuedKind, leaf: LeafProfile): number {
  if (kind === 'ca') return keyUsages.keyCertSign | keyUsages.crlSign
  return kind === 'responder' ? keyUsages.digitalSignature : leaf.keyUsage
}

function hasSubjectOfKind({ certificate, kind, leaf, place }: Subject): boolean {
  if (kind === 'ca') return bytesEqual(certificate.subject.raw, leaf.issuer.raw)
  const { country, locality, commonName } = attributeTypes
  const sets = certificate.subject.relativeNames
  const said = sets.map(([one, ...more]) => (more.length > 0 ? undefined : one))
  const isEach = (types: readonly string[]): boolean =>
    said.length === types.length && types.every((type, at) => said[at]?.type === type)
  if (said[0]?.text !== 'JP') return false
  const name = said.at(-1)?.text ?? ''
  if (kind === 'responder') return isEach([country, commonName]) && name !== ''
  const isOpaque = /^[A-Z0-9]{14}\d{5}003A$/.test(name) && name.slice(14, 19) === place?.code
  if (kind === 'authentication') return isEach([country, commonName]) && isOpaque
  return (
    isEach([country, locality, locality, commonName]) &&
    said[1]?.text === place?.prefectureRomaji &&
    said[2]?.text === place?.romaji &&
    isOpaque
  )
}

function hasAlternativeNameOfKind({ certificate, kind, leaf }: Subject): boolean {
  const names = certificate.subjectAltName
  if (kind !== 'signature')
    return isDirectory(names, kind === 'ca' ? leaf.issuerAlternative : undefined)
  const types = names?.map(name => (name.kind === 'other' ? name.type : ''))
  return types?.join(' ') === Object.values(attributeNames).join(' ')
}

function hasPointOfKind({ certificate, kind, ca, profile, leaf, place }: Subject): boolean {
  const points = certificate.crlDistributionPoints
  if (kind === 'responder') return points === undefined
  const [point, ...more] = points ?? []
  if (point === undefined || more.length > 0) return false
  if (point.reasons !== undefined || point.crlIssuer !== undefined) return false
  if (kind === 'ca') return isDirectory(point.fullName, leaf.issuer)
  if (place === undefined) return false
  const expected = partitionName(profile, ca, place.prefectureRomaji, place.romaji)
  return isDirectory(point.fullName, expected)
}

function namesIssuersKey({ certificate, issuer, kind }: Subject): boolean {
  const named = certificate.authorityKeyIdentifier
  if (kind === 'ca') return named === undefined
  const own = issuer.subjectKeyIdentifier
  if (named?.keyId === undefined || own === undefined || !bytesEqual(named.keyId, own)) return false
  if (kind === 'responder') return named.issuer === undefined && named.serial === undefined
  return (
    isDirectory(named.issuer, issuer.issuer) &&
    named.serial !== undefined &&
    bytesEqual(named.serial, issuer.serial)
  )
}

const dayMs = 24 * 3600 * 1000
const lastSecondMs = ((14 * 60 + 59) * 60 + 59) * 1000

const ids = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  issuerAltName: '2.5.29.18',
  basicConstraints: '2.5.29.19',
  crlDistributionPoints: '2.5.29.31',
  policies: '2.5.29.32',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  informationAccess: '1.3.6.1.5.5.7.1.1',
  noCheck: '1.3.6.1.5.5.7.48.1.5',
} as const

const ruled: ReadonlySet<string> = new Set(Object.values(ids))
const critical: ReadonlySet<string> = new Set([ids.keyUsage, ids.basicConstraints, ids.policies])

function orderOf(kind: IssuedKind): readonly string[] {
  if (kind === 'ca')
    return [
      ids.keyUsage,
      ids.subjectAltName,
      ids.basicConstraints,
      ids.crlDistributionPoints,
      ids.subjectKeyIdentifier,
    ]
  return [
    ids.keyUsage,
    ids.extendedKeyUsage,
    ids.policies,
    ids.subjectAltName,
    ids.issuerAltName,
    ids.crlDistributionPoints,
    ids.informationAccess,
    ids.noCheck,
    ids.authorityKeyIdentifier,
    ids.subjectKeyIdentifier,
  ]
}
