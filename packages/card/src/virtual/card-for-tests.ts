/** Synthetic cards for the tests of this package; nothing outside tests imports it. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { importPublicKey } from '@sekisho/pki'
import { poolKey } from '@sekisho/pki/issue'
import type { CvAnchor } from '../cv-certificate.ts'
import {
  type CvSigner,
  cvKeyObjects,
  issueCvCertificate,
  issueOrganisationCertificate,
  issueTerminalCertificate,
  type RecordSigner,
} from '../issue/cv.ts'
import { composeFaceApplication } from '../issue/face.ts'
import { composeResidentApplication } from '../issue/resident.ts'
import { composeTextApplication } from '../issue/text.ts'
import type { TerminalCredential } from '../terminal.ts'
import { base64 } from './base64.ts'
import { type CardState, type MoreApplications, personalise } from './state.ts'

/** A key pair of the TEST ONLY pool. */
export type TestKey = { readonly pkcs8: Uint8Array; readonly publicKey: KeyObject }

/** The pool's RSA-2048 key of that index. */
export function testKey(index: number): TestKey {
  const { pkcs8, spki } = poolKey(index)
  return {
    pkcs8,
    publicKey: createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }),
  }
}

/** A DER SEQUENCE that stands for a certificate: the card does not look inside. */
export function standIn(size: number, filler: number): Uint8Array {
  return Uint8Array.from([0x30, 0x82, size >> 8, size & 255, ...Array<number>(size).fill(filler)])
}

/** PIN 1234, password SEKISHO1, certificates of different fillers and sizes. */
export function testCard(authentication: TestKey, signature?: TestKey): CardState {
  return personalise({
    serial: '123456789012345',
    municipality: '13101',
    expires: '20351120',
    authentication: {
      privateKey: authentication.pkcs8,
      certificate: standIn(1500, 0xaa),
      caCertificate: standIn(1000, 0xab),
      pin: '1234',
    },
    ...(signature === undefined
      ? {}
      : {
          signature: {
            privateKey: signature.pkcs8,
            certificate: standIn(1700, 0xbb),
            caCertificate: standIn(1001, 0xbc),
            password: 'sekisho1',
          },
        }),
  })
}

/** The key above all record signers of the tests, as readers trust it. */
export const testAnchor: CvAnchor = { id: '6000033', key: importPublicKey(poolKey(11).spki) }

/** A signer of card records under that anchor, or under a root of somebody else. */
export function testSigner(root = 11, key = 12): RecordSigner {
  const { privateKey, spki } = poolKey(key)
  const issuer = {
    id: testAnchor.id,
    sign: (message: Uint8Array) => poolKey(root).sign('rsa-sha256', message),
  }
  return {
    id: '6100001',
    sign: message => privateKey.sign('rsa-sha256', message),
    signBlock: block => privateKey.signBlock(block),
    certificate: issueCvCertificate({ subject: '6100001', spki }, issuer),
  }
}

/** The signer as readers of chip certificates trust it. */
export const testChipAnchor: CvAnchor = { id: '6100001', key: importPublicKey(poolKey(12).spki) }

/** My number, code B and resident code of the test card. The numbers are valid in form and belong to nobody. */
export const testNumbers = {
  myNumber: '123456789018',
  codeB: '90030420351234',
  birthCode: '900304',
  residentCode: '12345678901',
} as const

/** The attributes on the test card. */
export const testAttributes = {
  name: '試験　花子',
  address: '東京都千代田区霞が関2丁目1番2号',
  birthDate: '19780304',
  gender: 'female',
} as const

/** What the test card holds besides the JPKI application; everything under PIN 1234. */
export function testApplications(signer: RecordSigner = testSigner()): MoreApplications {
  const chip = poolKey(13)
  return {
    chip: {
      privateKey: base64(chip.pkcs8),
      certificate: base64(
        issueCvCertificate({ subject: '123456789012345', spki: chip.spki }, signer),
      ),
    },
    trust: { id: '9000001', key: base64(cvKeyObjects(poolKey(14).spki)), date: '20261001' },
    text: composeTextApplication({
      myNumber: testNumbers.myNumber,
      attributes: testAttributes,
      pin: '1234',
      codeB: testNumbers.codeB,
      chipKey: chip.spki,
      signer,
    }),
    face: composeFaceApplication({
      myNumber: testNumbers.myNumber,
      codeB: testNumbers.codeB,
      birthDate: testAttributes.birthDate,
      gender: testAttributes.gender,
      nameImage: standIn(300, 0x01),
      addressImage: standIn(700, 0x02),
      photo: standIn(4000, 0x03),
      expires: '20351120',
      securityCodeImage: standIn(90, 0x04),
      myNumberImage: standIn(200, 0x05),
      municipality: '13101',
      chipKey: chip.spki,
      signer,
    }),
    free: { capacity: 2048, applications: [] },
    resident: composeResidentApplication({ residentCode: testNumbers.residentCode, pin: '1234' }),
  }
}

/** Whom the test card believes about terminals. */
export function testTerminalAuthority(root = 14): CvSigner {
  return { id: '9000001', sign: message => poolKey(root).sign('rsa-sha256', message) }
}

/** What a test wants of a terminal; the rest is good for November 2026. */
export type WantedTerminal = {
  readonly authority?: CvSigner
  readonly role?: 'pinless-organisation' | 'loading-operator'
  readonly organisationDays?: readonly [from: string, until: string]
  readonly days?: readonly [from: string, until: string]
  /** Index of the pool key that signs in place of the terminal's own. */
  readonly key?: number
}

/** A terminal of organisation 9200073. */
export function testTerminal(wanted: WantedTerminal = {}): TerminalCredential {
  const [from, until] = wanted.organisationDays ?? ['20261101', '20270131']
  const organisationCertificate = issueOrganisationCertificate(
    {
      code: '9200073',
      spki: poolKey(15).spki,
      role: wanted.role ?? 'pinless-organisation',
      from,
      until,
    },
    wanted.authority ?? testTerminalAuthority(),
  )
  const [first, last] = wanted.days ?? ['20261116', '20261122']
  return {
    organisationCertificate,
    terminalCertificate: issueTerminalCertificate(
      { number: 'GATE1', spki: poolKey(16).spki, from: first, until: last },
      {
        certificate: organisationCertificate,
        sign: message => poolKey(15).sign('rsa-sha256', message),
      },
    ),
    sign: message => poolKey(wanted.key ?? 16).sign('rsa-sha256', message),
  }
}

/** Bytes as upper-case hex, for messages of assertions. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase()
}

/** A small deterministic generator for random tests (mulberry32); the seed is printed by the test. */
export function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
