import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { describe, it } from 'node:test'
import { municipalityOf } from '@sekisho/contract/japan'
import {
  attributeNames,
  attributeTypes,
  der,
  digest,
  encodeName,
  encodeSignatureAlgorithm,
  jpkiTown,
  keyUsages,
  leafProfile,
  purposes,
  type SignatureAlgorithm,
} from '@sekisho/pki'
import {
  extension,
  generalName,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  issueResponderCertificate,
  issueSignatureCertificate,
  keyIdentifier,
  partitionName,
  poolKey,
} from '@sekisho/pki/issue'
import { townHierarchy } from '../town-keys.ts'
import { noon } from '../world-for-tests.ts'
import { type CertificateFacts, certificateLint, certificateLints } from './certificate-lints.ts'
import {
  joined,
  type Parts,
  partsOf,
  toBeSigned,
  withElement,
  withExtension,
  withExtensionAfter,
  withoutExtension,
} from './parts-for-tests.ts'

type Kind = CertificateFacts['kind']

const notBefore = noon(2026, 11, 20)
const notAfter = Date.UTC(2031, 3, 1, 14, 59, 59)
const algorithm = 'rsa-sha256'
const profile = jpkiTown
const place = municipalityOf('13101')
if (place === undefined) throw new Error('no such place')
const hierarchy = townHierarchy()
const [name, address] = ['関所　花子', '東京都千代田区']
const at = { serial: 1, algorithm: 2, issuer: 3, validity: 4, subject: 5, spki: 6 } as const

function factsOf(kind: Kind): CertificateFacts {
  const ca = kind === 'authentication' ? kind : 'signature'
  const issuer = kind === 'ca' ? undefined : hierarchy.issuing(ca, notBefore).certificate
  return { kind, ca, profile, issuer, place }
}

function issued(kind: Kind): Uint8Array {
  const { ca, issuer: certificate } = factsOf(kind)
  const serial = Uint8Array.of(0x11, 0x22, 0x33, 0x44)
  const common = { profile, serial, notBefore, spki: poolKey(20).spki, notAfter }
  return toBeSigned(sign => {
    if (certificate === undefined)
      return issueAuthorityCertificate({ ...common, kind: ca, algorithm, sign })
    const issuer = { certificate, algorithm, sign } as const
    if (kind === 'responder') {
      const end = notBefore + 60 * 24 * 3600 * 1000
      return issueResponderCertificate({ ...common, issuer, notAfter: end, commonName: 'OCSP' })
    }
    const leaf = {
      ...common,
      issuer,
      commonName: 'ABCDEFGHJKLMNP13101003A',
      partition: partitionName(profile, ca, 'Tokyo-to', 'Chiyoda-ku'),
    }
    if (kind === 'authentication') return issueAuthenticationCertificate(leaf)
    return issueSignatureCertificate({
      ...leaf,
      prefecture: 'Tokyo-to',
      municipality: 'Chiyoda-ku',
      attributes: {
        name,
        nameSubstitutes: Array.from(name, () => false),
        address,
        addressSubstitutes: Array.from(address, () => false),
        birthDate: { kind: 'full', era: 'showa', year: 1985, month: 4, day: 1 },
        gender: 'female',
      },
    })
  })
}

type Change = (parts: Parts) => Parts
type Case = readonly [kind: Kind, change: Change, algorithm?: SignatureAlgorithm]

const validity = (from: number, to: number): Change => {
  const times = der.sequence(der.time(from), der.time(to))
  return parts => withElement(parts, at.validity, times)
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
const caOf = (kind: Kind) => {
  const { issuer } = factsOf(kind)
  if (issuer === undefined) throw new Error('a CA has no issuer')
  return issuer
}
const attributeNamed = (changed: Partial<Record<keyof typeof attributeNames, string>>): Change => {
  const values = {
    name,
    birthDate: '319850401',
    gender: '2',
    address,
    nameSubstitutes: '00000',
    addressSubstitutes: '0000000',
    ...changed,
  }
  const names = Object.entries(attributeNames).map(([field, type]) => {
    const found = Object.entries(values).find(([each]) => each === field)
    return generalName.otherText(type, found?.[1] ?? '')
  })
  return parts => withExtension(parts, extension.subjectAltName(names))
}

/** For each code what it alone catches. */
const hostile: Readonly<Record<string, readonly Case[]>> = {
  'certificate-malformed': [
    ['authentication', parts => withElement(parts, 0, der.explicit(0, der.integer(1)))],
    ['signature', parts => ({ ...parts, extensions: [...parts.extensions, ...parts.extensions] })],
  ],
  'certificate-serial-range': [
    ['ca', serial(der.integer(0))],
    ['responder', serial(der.element(2, Uint8Array.of(0x80)))],
    ['responder', serial(der.integer(new Uint8Array(21).fill(1)))],
    ['authentication', serial(der.element(2, Uint8Array.of(0xff, 1, 1, 1)))],
  ],
  'certificate-serial-leaf': [
    ['authentication', serial(der.integer(Uint8Array.of(1, 2, 3, 4, 5)))],
    ['signature', serial(der.integer(Uint8Array.of(1, 2, 3)))],
  ],
  'certificate-algorithm': [
    [
      'authentication',
      parts => withElement(parts, at.algorithm, encodeSignatureAlgorithm('rsa-sha384')),
      'rsa-sha384',
    ],
  ],
  'certificate-public-key': [
    ['authentication', key(shortKey(1024, 65537))],
    ['responder', key(shortKey(2048, 3))],
  ],
  'certificate-key-of-ca': [
    ['signature', key(caOf('signature').spki)],
    ['responder', key(caOf('responder').spki)],
  ],
  'certificate-time-form': [
    [
      'signature',
      parts =>
        withElement(
          parts,
          at.validity,
          der.sequence(der.time(notBefore), der.generalizedTime(notAfter)),
        ),
    ],
  ],
  'certificate-validity-order': [['authentication', validity(notAfter + 1000, notAfter)]],
  'certificate-end-of-day': [
    ['authentication', validity(notBefore, notAfter + 1000)],
    ['ca', validity(notBefore, notAfter - 1000)],
  ],
  'certificate-within-ca': [
    ['signature', validity(notBefore, Date.UTC(2033, 6, 16, 14, 59, 59))],
    ['responder', validity(caOf('responder').notBefore - 1000, caOf('responder').notBefore + 1000)],
  ],
  'certificate-responder-life': [
    ['responder', validity(notBefore, notBefore + 60 * 24 * 3600 * 1000 + 1000)],
  ],
  'certificate-issuer': [
    [
      'signature',
      parts => withElement(parts, at.issuer, leafProfile(profile, 'authentication').issuer.raw),
    ],
  ],
  'certificate-subject': [
    ['authentication', subject(['commonName', 'ABCDEFGHJKLMNP13104003A'])],
    ['authentication', subject(['commonName', '関所花子'])],
    [
      'authentication',
      subject(['locality', 'Tokyo-to'], ['commonName', 'ABCDEFGHJKLMNP13101003A']),
    ],
    [
      'signature',
      subject(
        ['locality', 'Tokyo-to'],
        ['locality', 'Shinjuku-ku'],
        ['commonName', 'ABCDEFGHJKLMNP13101003A'],
      ),
    ],
    ['ca', subject(['commonName', 'another'])],
    ['responder', subject()],
  ],
  'certificate-key-usage': [
    ['authentication', usage(keyUsages.digitalSignature | keyUsages.keyEncipherment)],
    ['authentication', usage(keyUsages.digitalSignature | keyUsages.nonRepudiation)],
    ['signature', usage(keyUsages.digitalSignature)],
    ['ca', usage(keyUsages.keyCertSign)],
    ['responder', parts => withoutExtension(parts, '2.5.29.15')],
  ],
  'certificate-extended-key-usage': [
    [
      'signature',
      parts =>
        withExtensionAfter(parts, '2.5.29.15', extension.extendedKeyUsage([purposes.clientAuth])),
    ],
    [
      'authentication',
      parts =>
        withExtension(
          parts,
          extension.extendedKeyUsage([purposes.clientAuth, purposes.serverAuth]),
        ),
    ],
    ['authentication', parts => withoutExtension(parts, '2.5.29.37')],
    ['responder', parts => withExtension(parts, extension.extendedKeyUsage([purposes.clientAuth]))],
  ],
  'certificate-policy': [
    ['signature', policies(leafProfile(profile, 'authentication').policies[0])],
    ['authentication', policies('1.2.392.200149.8.5.1.3.30')],
  ],
  'certificate-policy-qualifier': [
    [
      'authentication',
      parts =>
        withExtension(
          parts,
          extension.policies(
            [{ id: leafProfile(profile, 'authentication').policies[0] ?? '' }],
            true,
          ),
        ),
    ],
  ],
  'certificate-basic-constraints': [
    [
      'signature',
      parts => withExtensionAfter(parts, '2.5.29.15', extension.basicConstraints(false)),
    ],
    [
      'authentication',
      parts => withExtensionAfter(parts, '2.5.29.15', extension.basicConstraints(true)),
    ],
    ['ca', parts => withExtension(parts, extension.basicConstraints(true, 0))],
    ['ca', parts => withoutExtension(parts, '2.5.29.19')],
  ],
  'certificate-alternative-name': [
    [
      'authentication',
      parts =>
        withExtensionAfter(
          parts,
          '2.5.29.32',
          extension.subjectAltName([generalName.otherText(attributeNames.name, name)]),
        ),
    ],
    ['ca', parts => withoutExtension(parts, '2.5.29.17')],
  ],
  'certificate-four-attributes': [
    ['signature', attributeNamed({ nameSubstitutes: '0000' })],
    ['signature', attributeNamed({ addressSubstitutes: '000000' })],
    ['signature', attributeNamed({ gender: '9' })],
    ['signature', attributeNamed({ birthDate: '319850431' })],
    ['signature', attributeNamed({ name: '' })],
  ],
  'certificate-issuer-alternative-name': [
    ['signature', parts => withoutExtension(parts, '2.5.29.18')],
    [
      'authentication',
      parts =>
        withExtension(
          parts,
          extension.issuerAltName([
            generalName.directory(leafProfile(profile, 'signature').issuerAlternative),
          ]),
        ),
    ],
  ],
  'certificate-distribution-point': [
    ['authentication', point(partitionName(profile, 'authentication', 'Tokyo-to', 'Shinjuku-ku'))],
    ['authentication', point(partitionName(profile, 'signature', 'Tokyo-to', 'Chiyoda-ku'))],
    ['ca', point(partitionName(profile, 'signature', 'Tokyo-to', 'Chiyoda-ku'))],
    ['signature', parts => withoutExtension(parts, '2.5.29.31')],
  ],
  'certificate-ocsp-address': [
    [
      'authentication',
      parts => withExtension(parts, extension.ocspAccess('http://elsewhere.test')),
    ],
    ['signature', parts => withoutExtension(parts, '1.3.6.1.5.5.7.1.1')],
  ],
  'certificate-authority-key-id': [
    [
      'authentication',
      parts =>
        withExtension(
          parts,
          extension.authorityKeyIdentifier(keyIdentifier(caOf('authentication').spki)),
        ),
    ],
    [
      'responder',
      parts => withExtension(parts, extension.authorityKeyIdentifier(new Uint8Array(20))),
    ],
  ],
  'certificate-subject-key-id': [
    [
      'authentication',
      parts =>
        withExtension(parts, extension.subjectKeyIdentifier(digest('sha1', poolKey(20).spki))),
    ],
    ['ca', parts => withoutExtension(parts, '2.5.29.14')],
  ],
  'certificate-nocheck': [
    ['responder', parts => withoutExtension(parts, '1.3.6.1.5.5.7.48.1.5')],
    [
      'authentication',
      parts => withExtensionAfter(parts, '1.3.6.1.5.5.7.1.1', extension.ocspNoCheck()),
    ],
  ],
  'certificate-criticality': [
    ['signature', critical('2.5.29.32', false)],
    ['authentication', critical('2.5.29.15', false)],
    ['authentication', critical('2.5.29.37', true)],
    ['ca', critical('2.5.29.19', false)],
  ],
  'certificate-extension-order': [
    ['authentication', parts => ({ ...parts, extensions: parts.extensions.toReversed() })],
  ],
  'certificate-extension-known': [
    [
      'signature',
      parts =>
        withExtensionAfter(parts, '2.5.29.14', {
          id: '2.999.1',
          isCritical: false,
          value: der.nullValue(),
        }),
    ],
  ],
}

function shortKey(modulusLength: number, publicExponent: number): Uint8Array {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent })
  return new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
}

function subject(...names: readonly (readonly ['commonName' | 'locality', string])[]): Change {
  const own = names.map(([type, text]) => [attributeTypes[type], text] as const)
  const { raw } = encodeName([[attributeTypes.country, 'JP'], ...own])
  return parts => withElement(parts, at.subject, raw)
}

function usage(bits: number): Change {
  return parts => withExtension(parts, extension.keyUsage(bits))
}

function policies(id: string | undefined): Change {
  const list = [{ id: id ?? '', practiceStatement: profile.practiceStatement }]
  return parts => withExtension(parts, extension.policies(list, true))
}

function point(partition: ReturnType<typeof partitionName>): Change {
  return parts => withExtension(parts, extension.crlDistributionPoint(partition))
}

function critical(id: string, isCritical: boolean): Change {
  return parts => ({
    ...parts,
    extensions: parts.extensions.map(one => (one.id === id ? { ...one, isCritical } : one)),
  })
}

describe('certificate lints', () => {
  for (const kind of ['ca', 'authentication', 'signature', 'responder'] as const)
    it(`let a ${kind} certificate pass, also put together anew`, () => {
      const tbs = issued(kind)
      assert.deepEqual(certificateLint(factsOf(kind))(algorithm, tbs), [])
      assert.deepEqual(joined(partsOf(tbs, 3), 3), tbs)
    })

  for (const [code, cases] of Object.entries(hostile))
    it(`${code} alone catches what breaks it`, () => {
      for (const [kind, change, other] of cases) {
        const tbs = joined(change(partsOf(issued(kind), 3)), 3)
        assert.deepEqual(certificateLint(factsOf(kind))(other ?? algorithm, tbs), [code], kind)
      }
    })

  it('each have a citation and something hostile', () => {
    const codes = ['certificate-malformed', ...certificateLints.map(({ code }) => code)]
    assert.deepEqual(Object.keys(hostile).toSorted(), codes.toSorted())
    assert.ok(
      certificateLints.every(({ citation }) => /^(RFC \d+|jpki\.md|CA rule)/.test(citation)),
    )
  })
})
