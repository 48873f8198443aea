/** Synthetic citizens with real certificates for the tests of this package; nothing outside tests imports it. */
import type { TerminalCredential } from '@sekisho/card'
import {
  composeFaceApplication,
  composeResidentApplication,
  composeTextApplication,
  cvKeyObjects,
  issueCvCertificate,
  issueOrganisationCertificate,
  issueTerminalCertificate,
} from '@sekisho/card/issue'
import { type CardState, personalise } from '@sekisho/card/virtual'
import { importPublicKey, jpkiTown, parseCertificate, type CertificateKind } from '@sekisho/pki'
import {
  type IssuingAuthority,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  issueSignatureCertificate,
  lastInstantOfDay,
  partitionName,
  poolKey,
} from '@sekisho/pki/issue'

const notBefore = Date.UTC(2026, 0, 1)
const notAfter = lastInstantOfDay(2031, 1, 1)

/** PIN of every test citizen. */
export const testPin = '1234'
/** Signature password of every adult test citizen. */
export const testPassword = 'SEKISHO1'

/** An adult's card: PIN 1234, password SEKISHO1, both certificates. */
export function adultCard(): CardState {
  const young = youngCard()
  const ca = authority('signature', 2)
  return {
    ...personalise({
      serial: young.serial,
      municipality: young.municipality,
      expires: young.expires,
      signature: {
        privateKey: poolKey(4).pkcs8,
        certificate: issueSignatureCertificate({
          ...leaf(ca, 'signature', 4),
          attributes: {
            name: '関所　花子',
            nameSubstitutes: Array<boolean>(5).fill(false),
            address: '東京都千代田区一丁目1番1号',
            addressSubstitutes: Array<boolean>(13).fill(false),
            birthDate: { kind: 'full', era: 'showa', year: 1985, month: 4, day: 1 },
            gender: 'female',
          },
          prefecture: 'Tokyo-to',
          municipality: 'Chiyoda-ku',
        }),
        caCertificate: ca.certificate.raw,
        password: testPassword,
      },
    }),
    authentication: young.authentication,
  }
}

/** Terminals that cards believe, and what a card needs for it. */
export function terminalCitizen() {
  const by = (index: number, id: string) => ({
    id,
    sign: (message: Uint8Array) => poolKey(index).sign('rsa-sha256', message),
  })
  const chip = poolKey(6)
  const certificate = issueCvCertificate(
    { subject: '200000000000001', spki: chip.spki },
    by(5, '6100001'),
  )
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')
  return {
    chip: { privateKey: text(chip.pkcs8), certificate: text(certificate) },
    trust: { id: '9000001', key: text(cvKeyObjects(poolKey(7).spki)), date: '20260101' },
    anchors: {
      records: [{ id: '6000033', key: importPublicKey(poolKey(5).spki) }],
      chips: [{ id: '6100001', key: importPublicKey(poolKey(5).spki) }],
    },
    terminal: (role: 'pinless-organisation' | 'loading-operator'): TerminalCredential => {
      const organisationCertificate = issueOrganisationCertificate(
        { code: '9200073', spki: poolKey(8).spki, role, from: '20261101', until: '20261231' },
        by(7, '9000001'),
      )
      return {
        organisationCertificate,
        terminalCertificate: issueTerminalCertificate(
          { number: 'GATE1', spki: poolKey(9).spki, from: '20261118', until: '20261124' },
          { certificate: organisationCertificate, sign: by(8, '9200073').sign },
        ),
        sign: by(9, '').sign,
      }
    },
  }
}

/** An adult's card with text and resident-registry application besides, under the same PIN. */
export function wholeCard(): CardState {
  const { privateKey, sign, spki } = poolKey(5)
  const issuer = { id: '6000033', sign: (message: Uint8Array) => sign('rsa-sha256', message) }
  const signer = {
    ...issuer,
    certificate: issueCvCertificate({ subject: '6100001', spki }, issuer),
    signBlock: (block: Uint8Array) => privateKey.signBlock(block),
  }
  return {
    ...adultCard(),
    text: composeTextApplication({
      myNumber: '123456789018',
      attributes: {
        name: '関所　花子',
        address: '東京都千代田区一丁目1番1号',
        birthDate: '19850401',
        gender: 'female',
      },
      pin: testPin,
      codeB: '60040120311234',
      chipKey: poolKey(6).spki,
      signer,
    }),
    face: composeFaceApplication({
      myNumber: '123456789018',
      codeB: '60040120311234',
      birthDate: '19850401',
      gender: 'female',
      nameImage: new Uint8Array(300),
      addressImage: new Uint8Array(700),
      photo: new Uint8Array(4000),
      expires: '20310101',
      securityCodeImage: new Uint8Array(90),
      myNumberImage: new Uint8Array(200),
      municipality: '13101',
      chipKey: poolKey(6).spki,
      signer,
    }),
    resident: composeResidentApplication({ residentCode: '12345678901', pin: testPin }),
  }
}

/** A 14-year-old's card: PIN 1234, no signature certificate. */
export function youngCard(): CardState {
  const ca = authority('authentication', 1)
  return personalise({
    serial: '200000000000001',
    municipality: '13101',
    expires: '20310101',
    authentication: {
      privateKey: poolKey(3).pkcs8,
      certificate: issueAuthenticationCertificate(leaf(ca, 'authentication', 3)),
      caCertificate: ca.certificate.raw,
      pin: testPin,
    },
  })
}

function authority(kind: CertificateKind, key: number): IssuingAuthority {
  const { spki, sign } = poolKey(key)
  const algorithm = 'rsa-sha256'
  const der = issueAuthorityCertificate({
    profile: jpkiTown,
    kind,
    serial: Uint8Array.of(1),
    notBefore,
    notAfter: lastInstantOfDay(2036, 1, 1),
    spki,
    algorithm,
    sign,
  })
  return { certificate: parseCertificate(der), algorithm, sign }
}

function leaf(issuer: IssuingAuthority, kind: CertificateKind, key: number) {
  return {
    profile: jpkiTown,
    issuer,
    serial: Uint8Array.of(0x5e, key),
    spki: poolKey(key).spki,
    notBefore,
    notAfter,
    commonName: '20260101000000000000TEST',
    partition: partitionName(jpkiTown, kind, 'Tokyo-to', 'Chiyoda-ku'),
  } as const
}
