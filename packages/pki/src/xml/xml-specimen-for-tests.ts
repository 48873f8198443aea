/** XML specimens for tests: signatures of a specimen person in every packaging, and the xmlsec1 command as a judge. */
import { spawnSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  prepareXades,
  type PreparedXades,
  type XadesContent,
  type XadesRequest,
} from '../assemble/xades.ts'
import { type Certificate, parseCertificate } from '../certificate.ts'
import { cmsAuthority, cmsLeaf, stampTrust } from '../cms-specimen-for-tests.ts'
import { importPrivateKey, type PrivateKey } from '../crypto.ts'
import { extension, issueCertificate } from '../issue/certificate.ts'
import { poolKey } from '../issue/pool.ts'
import { KeyCache } from '../key-cache.ts'
import { encodeName } from '../name.ts'
import { jpkiTown } from '../profile.ts'
import { specimenCrl, specimenNow } from '../specimen-for-tests.ts'
import type { XmlDemands } from './xml-validation.ts'

const keys = new KeyCache(64)

/** A document as a citizen may sign it. */
export const xmlDocument = bytesOf(
  '<?xml version="1.0" encoding="UTF-8"?>\n<?style x?><申請 xmlns="urn:example:application" 種別="委任"><氏名>見本　花子</氏名>' +
    '<!-- comment --><備考><![CDATA[a < b & c]]></備考></申請>\n',
)

/** A signing key with its certificate. */
export interface XmlSigner {
  readonly certificate: Certificate
  readonly pkcs8: Uint8Array
  readonly key: PrivateKey
}

/** The specimen person with an RSA key. */
export const rsaSigner: XmlSigner = {
  certificate: cmsLeaf,
  pkcs8: poolKey(1).pkcs8,
  key: poolKey(1).privateKey,
}

/** A signer on a fresh key that the specimen authority has certified. */
export function freshSigner(curve: 'P-256' | 'P-384' | 'ed25519'): XmlSigner {
  const pair =
    curve === 'ed25519'
      ? generateKeyPairSync('ed25519')
      : generateKeyPairSync('ec', { namedCurve: curve })
  const pkcs8 = Uint8Array.from(pair.privateKey.export({ format: 'der', type: 'pkcs8' }))
  const spki = Uint8Array.from(pair.publicKey.export({ format: 'der', type: 'spki' }))
  return { certificate: certify(spki), pkcs8, key: importPrivateKey(pkcs8) }
}

/** A certificate of the specimen authority that is for signing. */
function certify(spki: Uint8Array, serial = 77): Certificate {
  const content = {
    serial: Uint8Array.of(serial),
    issuer: cmsAuthority.certificate.subject,
    subject: encodeName([['2.5.4.3', 'x']]),
    notBefore: specimenNow - 1000 * 3_600_000,
    notAfter: specimenNow + 1000 * 3_600_000,
    spki,
    extensions: [extension.keyUsage(1)],
  }
  return parseCertificate(issueCertificate(content, 'rsa-sha256', cmsAuthority.sign))
}

/** Prepares a specimen signature, enveloped unless told otherwise. */
export function preparedSpecimen(vary: Partial<XadesRequest> = {}): PreparedXades {
  return prepareXades({
    content: enveloped(xmlDocument),
    certificate: cmsLeaf,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: specimenNow - 120_000,
    canonicalForm: 'exclusive',
    ...vary,
  })
}

/** A finished specimen signature. */
export function xadesSpecimen(
  vary: Partial<XadesRequest> = {},
  signer: XmlSigner = rsaSigner,
): Uint8Array {
  const prepared = preparedSpecimen({ certificate: signer.certificate, ...vary })
  return prepared.finish(signer.key.sign(vary.algorithm ?? 'rsa-sha256', prepared.toBeSigned))
}

/** Content that is signed where it stands. */
export function enveloped(
  xml: Uint8Array,
  otherSignatures: 'covered' | 'left-out' = 'covered',
): XadesContent {
  return { kind: 'enveloped', xml, otherSignatures }
}

/** Demands that a specimen signature meets. */
export function xmlDemands(xml: Uint8Array, vary: Partial<XmlDemands> = {}): XmlDemands {
  return {
    xml,
    files: new Map(),
    coverage: 'whole',
    level: 'xades-b',
    at: specimenNow,
    anchors: [cmsAuthority.certificate],
    certificates: [],
    revocation: { kind: 'crls', lists: [specimenCrl('signature', cmsAuthority)] },
    rules: {
      kind: 'profile',
      profile: jpkiTown,
      purpose: 'signature',
      poolKeys: 'danger-accepted',
    },
    timeStamps: stampTrust,
    keys,
    ...vary,
  }
}

/** Demands that look at nothing but the signature: RFC 5280's rules and no revocation. */
export function looseDemands(xml: Uint8Array, vary: Partial<XmlDemands> = {}): XmlDemands {
  return xmlDemands(xml, {
    level: 'xmldsig',
    revocation: { kind: 'danger-unchecked' },
    rules: {
      kind: 'standard',
      policies: {
        acceptable: 'any',
        isExplicitRequired: false,
        isMappingInhibited: false,
        isAnyInhibited: false,
      },
      purpose: undefined,
    },
    ...vary,
  })
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

export function textOfBytes(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

/** A folder of files, and xmlsec1 and xmllint over them. Use with `using`. */
export class XmlJudge implements Disposable {
  /** What the last verification said. */
  said = ''
  readonly #folder = mkdtempSync(join(tmpdir(), 'sekisho-xml-'))

  file(name: string, content: Uint8Array | string): string {
    const path = join(this.#folder, name)
    writeFileSync(path, content)
    return path
  }

  pem(name: string, label: string, der: Uint8Array): string {
    const lines =
      Buffer.from(der)
        .toString('base64')
        .match(/.{1,64}/g) ?? []
    return this.file(
      name,
      `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`,
    )
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.#folder, name)))
  }

  /** Runs a command in the folder, where references to files are looked up. */
  run(
    command: 'xmlsec1' | 'xmllint',
    ...args: readonly string[]
  ): { status: number; bytes: Uint8Array; text: string } {
    const { status, stdout, stderr } = spawnSync(command, args, {
      cwd: this.#folder,
      timeout: 30_000,
      maxBuffer: 64 * 1024 * 1024,
    })
    const text = Buffer.concat([stdout, stderr]).toString('utf8')
    return { status: status ?? -1, bytes: new Uint8Array(stdout), text }
  }

  /** Whether xmlsec1 accepts the first signature with the specimen authority as its only anchor. */
  verifies(xml: Uint8Array, ...more: readonly string[]): boolean {
    const anchor = this.pem('anchor.pem', 'CERTIFICATE', cmsAuthority.certificate.raw)
    const at = new Date(specimenNow).toISOString().slice(0, 19).replace('T', ' ')
    const time = ['--verification-time', at]
    const said = this.run(
      'xmlsec1',
      '--verify',
      '--trusted-pem',
      anchor,
      ...time,
      '--id-attr:Id',
      'SignedProperties',
      '--id-attr:Id',
      'Object',
      ...more,
      this.file('judged.xml', xml),
    )
    this.said = said.text
    return said.status === 0 && /\bOK\b/.test(said.text)
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
