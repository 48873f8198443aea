/** The other CAs sign nothing that breaks a rule: for each rule what it alone catches. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import {
  der,
  encodeName,
  encodeSignatureAlgorithm,
  keyUsages,
  mandateName,
  purposes,
  type SignatureAlgorithm,
} from '@sekisho/pki'
import {
  type EncodedExtension,
  extension,
  generalName,
  healthcareRolesExtension,
  issueCertificate,
  issueResponderCertificate,
  keyIdentifier,
  poolKey,
  privateKeyUsageExtension,
  registeredCorporationExtension,
  registrarExtension,
} from '@sekisho/pki/issue'
import {
  joined,
  type Parts,
  partsOf,
  toBeSigned,
  withElement,
  withExtension,
  withExtensionAfter,
  withoutExtension,
} from '../lint/parts-for-tests.ts'
import { townOtherCaPlan } from '../town-keys.ts'
import { noon } from '../world-for-tests.ts'
import { createOtherCas } from './authority.ts'
import {
  otherCertificateLint,
  otherCertificateLints,
  type OtherFacts,
  type OtherKind,
} from './certificate-lints.ts'
import {
  caNameOf,
  holderKeyUsage,
  leafKinds,
  type LeafKind,
  leafRules,
  type OtherCaId,
  policyOf,
  recognised,
  subjectOf,
} from './kind.ts'
import { endAfterMonths } from './validity.ts'

const cas = createOtherCas(townOtherCaPlan(), 'http://authority.localhost')
const notBefore = noon(2026, 11, 20)
const at = { serial: 1, algorithm: 2, issuer: 3, validity: 4, subject: 5, spki: 6 } as const
const corporation = {
  name: '見本',
  registeredNumber: '999901000003',
  headOffice: '見本町',
  representative: '見本',
  title: '代表取締役',
  registryOffice: '見本法務局',
}
const mandate = {
  corporateNumber: '5999901000003',
  corporation: '見本',
  headOffice: '見本町',
  mandator: { name: '見本', title: '代表取締役' },
  scope: [{ code: 'bid.submit', text: '入札' }],
  isSubdelegable: false,
}
const mandated = (vary: Partial<typeof mandate> = {}): EncodedExtension =>
  extension.subjectAltName([generalName.directory(mandateName({ ...mandate, ...vary }))])
const role = { codingScheme: '1.2.392.100495.1.6.1.1', code: undefined, text: 'Medical Doctor' }
const doctor = healthcareRolesExtension([role])

const holders: Readonly<Record<LeafKind, readonly EncodedExtension[]>> = {
  representative: [
    privateKeyUsageExtension(notBefore, endAfterMonths(notBefore, 24)),
    registrarExtension('登記官'),
    registeredCorporationExtension(corporation),
  ],
  person: [],
  mandate: [mandated()],
  doctor: [doctor],
  official: [],
}

function caOf(kind: OtherKind): OtherCaId {
  if (kind === 'cross') return 'bridge'
  return kind === 'root' || kind === 'responder' ? 'health' : leafRules[kind].ca
}

function factsOf(kind: OtherKind): OtherFacts {
  const ca = cas[caOf(kind)]
  return {
    kind,
    ca: ca.id,
    issuer: kind === 'root' ? undefined : ca.certificate,
    crossed:
      kind === 'cross' ? { ca: 'registrar', certificate: cas.registrar.certificate } : undefined,
    addresses: ca.addresses,
  }
}

function issued(kind: OtherKind): Uint8Array {
  const ca = cas[caOf(kind)]
  const { certificate, algorithm, addresses } = ca
  if (kind === 'root') return certificate.tbs
  const common = { serial: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), notBefore }
  const { spki } = poolKey(20)
  return toBeSigned(sign => {
    if (kind === 'responder') {
      const issuer = { certificate, algorithm, sign }
      const notAfter = notBefore + 60 * day
      return issueResponderCertificate({ ...common, issuer, spki, notAfter, commonName: 'OCSP' })
    }
    const key = kind === 'cross' ? cas.registrar.certificate.spki : spki
    const references = [
      extension.crlDistributionPoints([{ names: [generalName.uri(addresses.list)] }]),
      extension.ocspAccess(addresses.ocsp),
      extension.authorityKeyIdentifier(keyIdentifier(certificate.spki)),
      extension.subjectKeyIdentifier(keyIdentifier(key)),
    ]
    const own =
      kind === 'cross'
        ? [
            extension.keyUsage(keyUsages.keyCertSign | keyUsages.crlSign),
            extension.basicConstraints(true, 0),
            policies(...recognised('bridge', 'registrar').map(each => policyOf('bridge', each))),
            extension.policyMappings([
              [policyOf('bridge', 'representative'), policyOf('registrar', 'representative')],
            ]),
            extension.policyConstraints(0),
            extension.inhibitAnyPolicy(0),
          ]
        : [extension.keyUsage(holderKeyUsage), policies(policyOf(ca.id, kind)), ...holders[kind]]
    const content = {
      ...common,
      issuer: certificate.subject,
      subject:
        kind === 'cross'
          ? caNameOf('registrar')
          : subjectOf(kind, leafRules[kind].subject.slice(1)),
      notAfter: endAfterMonths(notBefore, 24),
      spki: key,
      extensions: [...own, ...references],
    }
    return issueCertificate(content, algorithm, sign)
  })
}

type Change = (parts: Parts) => Parts
type Case = readonly [kind: OtherKind, change: Change, algorithm?: SignatureAlgorithm]

const day = 24 * 3600 * 1000
const usageId = '2.5.29.15'
const swapped =
  (one: EncodedExtension): Change =>
  parts =>
    withExtension(parts, one)
const added =
  (one: EncodedExtension): Change =>
  parts =>
    withExtensionAfter(parts, usageId, one)
const lost =
  (id: string): Change =>
  parts =>
    withoutExtension(parts, id)
const validity = (from: number, to: number): Change => {
  const times = der.sequence(der.time(from), der.time(to))
  return parts => withElement(parts, at.validity, times)
}
const lasting =
  (months: number): Change =>
  parts => {
    const end = endAfterMonths(notBefore, months)
    const period = privateKeyUsageExtension(notBefore, end)
    return withExtension(validity(notBefore, end)(parts), period)
  }
const key =
  (spki: Uint8Array): Change =>
  parts =>
    withExtension(
      withElement(parts, at.spki, spki),
      extension.subjectKeyIdentifier(keyIdentifier(spki)),
    )
const serial =
  (element: Uint8Array): Change =>
  parts =>
    withElement(parts, at.serial, element)
const subject =
  (...pairs: readonly (readonly [string, string])[]): Change =>
  parts =>
    withElement(parts, at.subject, encodeName(pairs).raw)
const points = (...uris: readonly string[]): EncodedExtension =>
  extension.crlDistributionPoints([{ names: uris.map(generalName.uri) }])
const rsa = (modulusLength: number, publicExponent: number): Uint8Array =>
  new Uint8Array(
    generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey.export({
      type: 'spki',
      format: 'der',
    }),
  )
const ec = new Uint8Array(
  generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
    type: 'spki',
    format: 'der',
  }),
)
function policies(...ids: readonly string[]): EncodedExtension {
  return extension.policies(
    ids.map(id => ({ id })),
    true,
  )
}

/** For each code what it alone catches. */
const hostile: Readonly<Record<string, readonly Case[]>> = {
  'other-malformed': [
    ['person', parts => ({ ...parts, extensions: [...parts.extensions, ...parts.extensions] })],
  ],
  'other-serial': [
    ['cross', serial(der.integer(0))],
    ['responder', serial(der.element(2, Uint8Array.of(0x80)))],
    ['person', serial(der.integer(Uint8Array.of(1, 2, 3, 4)))],
  ],
  'other-algorithm': [
    [
      'person',
      parts => withElement(parts, at.algorithm, encodeSignatureAlgorithm('rsa-sha384')),
      'rsa-sha384',
    ],
  ],
  'other-public-key': [
    ['person', key(rsa(1024, 65537))],
    ['doctor', key(rsa(2048, 3))],
    ['official', key(ec)],
  ],
  'other-key-of-ca': [
    ['person', key(cas.accredited.certificate.spki)],
    ['responder', key(cas.health.certificate.spki)],
  ],
  'other-time-form': [
    [
      'person',
      parts =>
        withElement(
          parts,
          at.validity,
          der.sequence(der.time(notBefore), der.generalizedTime(endAfterMonths(notBefore, 24))),
        ),
    ],
  ],
  'other-validity': [
    ['responder', validity(notBefore + day, notBefore)],
    ['root', validity(notBefore, notBefore - day)],
    [
      'responder',
      validity(cas.health.certificate.notBefore - day, cas.health.certificate.notBefore + day),
    ],
  ],
  'other-life': [
    ['representative', lasting(4)],
    ['representative', lasting(30)],
    ['person', validity(notBefore, endAfterMonths(notBefore, 61))],
    ['doctor', validity(notBefore, endAfterMonths(notBefore, 24) - 1000)],
    ['cross', validity(notBefore, endAfterMonths(notBefore, 61))],
    ['responder', validity(notBefore, notBefore + 61 * day)],
  ],
  'other-issuer': [
    ['person', parts => withElement(parts, at.issuer, caNameOf('health').raw)],
    ['cross', parts => withElement(parts, at.issuer, caNameOf('government').raw)],
  ],
  'other-subject': [
    ['person', subject(['2.5.4.6', 'JP'], ['2.5.4.3', '見本'])],
    ['person', subject(['2.5.4.6', 'US'], ['2.5.4.7', 'x'], ['2.5.4.3', '見本'])],
    ['person', subject(['2.5.4.6', 'JP'], ['2.5.4.7', ' '], ['2.5.4.3', '見本'])],
    ['cross', parts => withElement(parts, at.subject, caNameOf('health').raw)],
    ['root', parts => withElement(parts, at.subject, caNameOf('bridge').raw)],
    ['responder', subject(['2.5.4.6', 'JP'])],
  ],
  'other-name-length': [
    ['person', subject(['2.5.4.6', 'JP'], ['2.5.4.7', '町'], ['2.5.4.3', '名'.repeat(65)])],
    ['person', subject(['2.5.4.6', 'JP'], ['2.5.4.7', '町'.repeat(129)], ['2.5.4.3', '名'])],
    ['mandate', swapped(mandated({ corporation: '社'.repeat(65) }))],
  ],
  'other-crossed-key': [['cross', key(poolKey(20).spki)]],
  'other-key-usage': [
    ['person', swapped(extension.keyUsage(keyUsages.keyCertSign))],
    ['cross', swapped(extension.keyUsage(keyUsages.keyCertSign))],
    ['root', lost(usageId)],
  ],
  'other-extended-key-usage': [
    ['person', added(extension.extendedKeyUsage([purposes.clientAuth]))],
    ['responder', swapped(extension.extendedKeyUsage([purposes.ocspSigning, purposes.clientAuth]))],
    ['responder', lost('2.5.29.37')],
  ],
  'other-policy': [
    ['person', swapped(policies(policyOf('accredited', 'mandate')))],
    ['person', swapped(policies(policyOf('accredited', 'person'), policyOf('health', 'doctor')))],
    ['person', swapped(policies('2.5.29.32.0'))],
    ['person', lost('2.5.29.32')],
    [
      'cross',
      swapped(policies(policyOf('bridge', 'representative'), policyOf('bridge', 'doctor'))),
    ],
    ['root', added(policies(policyOf('health', 'doctor')))],
  ],
  'other-policy-mapping': [
    [
      'cross',
      swapped(
        extension.policyMappings([
          [policyOf('bridge', 'representative'), policyOf('registrar', 'official')],
        ]),
      ),
    ],
    ['cross', lost('2.5.29.33')],
    ['person', added(extension.policyMappings([['2.999.1', '2.999.2']]))],
  ],
  'other-policy-explicit': [
    ['cross', lost('2.5.29.36')],
    ['cross', lost('2.5.29.54')],
    ['cross', swapped(extension.policyConstraints(1))],
    ['cross', swapped(extension.policyConstraints(0, 0))],
    ['person', added(extension.inhibitAnyPolicy(0))],
  ],
  'other-basic-constraints': [
    ['person', added(extension.basicConstraints(true))],
    ['cross', swapped(extension.basicConstraints(true))],
    ['cross', swapped(extension.basicConstraints(true, 1))],
    ['root', swapped(extension.basicConstraints(true, 3))],
  ],
  'other-holder': [
    ['representative', lost('1.2.392.100300.1.1.3')],
    [
      'representative',
      swapped(registeredCorporationExtension({ ...corporation, registeredNumber: undefined })),
    ],
    ['person', added(registeredCorporationExtension(corporation))],
    ['person', added(doctor)],
    ['person', added(mandated())],
    ['person', added(extension.subjectAltName([generalName.email('a@example.jp')]))],
    ['mandate', lost('2.5.29.17')],
    ['mandate', swapped(mandated({ corporateNumber: '6999901000003' }))],
    ['doctor', lost('2.5.29.9')],
    ['doctor', swapped({ ...doctor, value: der.sequence(der.sequence()) })],
    ['official', added(mandated())],
  ],
  'other-key-period': [
    ['representative', lost('2.5.29.16')],
    ['representative', swapped(privateKeyUsageExtension(notBefore, endAfterMonths(notBefore, 27)))],
    ['person', added(privateKeyUsageExtension(notBefore, endAfterMonths(notBefore, 24)))],
  ],
  'other-distribution-point': [
    ['person', swapped(points('http://elsewhere.example/list.crl'))],
    ['person', swapped(points(cas.accredited.addresses.list, 'http://elsewhere.example/'))],
    ['cross', lost('2.5.29.31')],
    ['responder', added(points(cas.health.addresses.list))],
  ],
  'other-ocsp-address': [
    ['person', swapped(extension.ocspAccess('http://elsewhere.example/'))],
    ['cross', lost('1.3.6.1.5.5.7.1.1')],
    ['root', added(extension.ocspAccess(cas.health.addresses.ocsp))],
  ],
  'other-authority-key-id': [
    [
      'person',
      swapped(extension.authorityKeyIdentifier(keyIdentifier(cas.bridge.certificate.spki))),
    ],
    [
      'person',
      swapped(
        extension.authorityKeyIdentifier(
          keyIdentifier(cas.accredited.certificate.spki),
          cas.accredited.certificate,
        ),
      ),
    ],
    ['cross', lost('2.5.29.35')],
  ],
  'other-subject-key-id': [
    ['person', swapped(extension.subjectKeyIdentifier(new Uint8Array(20)))],
    ['root', lost('2.5.29.14')],
  ],
  'other-nocheck': [
    ['responder', lost('1.3.6.1.5.5.7.48.1.5')],
    ['doctor', added(extension.ocspNoCheck())],
  ],
  'other-criticality': [
    ['person', swapped({ ...extension.keyUsage(holderKeyUsage), isCritical: false })],
    ['mandate', swapped({ ...mandated(), isCritical: true })],
  ],
  'other-extension-known': [
    [
      'person',
      added({ id: '2.999.5', isCritical: false, value: der.octetString(new Uint8Array()) }),
    ],
  ],
}

function codesOf(kind: OtherKind, change?: Change, algorithm: SignatureAlgorithm = 'rsa-sha256') {
  const tbs = issued(kind)
  const changed = change === undefined ? tbs : joined(change(partsOf(tbs, 3)), 3)
  return otherCertificateLint(factsOf(kind))(algorithm, changed)
}

describe('lints of the other CAs', () => {
  it('let pass what the CAs issue', () => {
    for (const kind of [...leafKinds, 'root', 'cross', 'responder'] as const)
      assert.deepEqual(codesOf(kind), [], kind)
  })

  it('each catches what it is for, and nothing else catches it', () => {
    const codes = ['other-malformed', ...otherCertificateLints.map(({ code }) => code)]
    assert.deepEqual(Object.keys(hostile).toSorted(), codes.toSorted())
    for (const [code, cases] of Object.entries(hostile))
      for (const [i, [kind, change, algorithm]] of cases.entries())
        assert.deepEqual(codesOf(kind, change, algorithm), [code], `${code} ${i}`)
  })
})
