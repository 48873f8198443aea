/** Synthetic citizens with real certificates for the tests of this package; nothing outside tests imports it. */
import { type CardState, personalise } from '@sekisho/card/virtual'
import { jpkiTown, parseCertificate, type CertificateKind } from '@sekisho/pki'
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
