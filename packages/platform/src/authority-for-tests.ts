/**
 * The authority's side of the connection in memory, with its own CAs, for tests of the platform's parts. It really signs;
 * what it publishes and answers can be changed, delayed or broken.
 */
import { createHash } from 'node:crypto'
import { Refusal } from '@sekisho/contract'
import type {
  CertificateReference,
  CrlManifest,
  PinlessStanding,
} from '@sekisho/contract/authority'
import {
  type Certificate,
  type CertificateKind,
  type FourAttributes,
  jpkiTown,
  parseCertificate,
  parseOcspRequest,
  partitionOf,
  toHex,
} from '@sekisho/pki'
import {
  type IssuingAuthority,
  issueAuthenticationCertificate,
  issueAuthorityCertificate,
  issueCrl,
  issueOcspResponse,
  issueSignatureCertificate,
  type OcspStatus,
  partitionName,
  type PoolKey,
  poolKey,
  type RevokedEntry,
} from '@sekisho/pki/issue'
import type { Clock } from '@sekisho/runtime/clock'
import type { AuthorityConnector } from './evidence/connector.ts'
import { issuerKeyId } from './evidence/trust.ts'

/** Wherever people of tests live. */
const place = { prefecture: 'Tokyo-to', municipality: 'Chiyoda-ku' } as const

/** One certificate with its key, as a card holds it. */
export type CardCertificate = {
  readonly certificate: Certificate
  readonly reference: CertificateReference
  readonly key: PoolKey
}

/** An authority for tests. */
export type TestAuthority = {
  readonly connector: AuthorityConnector
  readonly anchors: readonly Certificate[]
  /** Issues a certificate. */
  issue(kind: CertificateKind, given?: IssueWish): CardCertificate
  /** Says which authentication certificate belongs to a signature certificate. */
  correspond(signature: CardCertificate, authentication: CardCertificate | null): void
  /** Says which authentication certificate came before one. */
  succeed(authentication: CardCertificate, before: CardCertificate): void
  /** Ends a certificate, or holds it. Published with the next `publish`. */
  end(one: CardCertificate, reason: RevokedEntry['reason']): void
  /** Publishes a new list of each CA. */
  publish(): void
  /** Queries answered, by their idempotency key: what the authority would charge for. */
  readonly usage: ReadonlyMap<string, string>
  /** Set to have the next queries fail; OCSP and lists too. */
  isDown: boolean
  /** Set to have queries answered and counted, and the answers lost. */
  losesAnswers: boolean
  /** How often OCSP was asked. */
  ocspAsked(): number
  /** Who may ask cards without PIN; good for a quarter of an hour from whenever it is asked. */
  standing: PinlessStanding['organisations']
}

/** What may be varied in a certificate. */
export type IssueWish = {
  readonly notBefore?: number
  readonly notAfter?: number
  readonly attributes?: FourAttributes
  /** Another CA with the same name, whose key is no anchor. */
  readonly isForged?: boolean
}

const dayMs = 24 * 3600 * 1000
/** Pool keys of the CAs of tests; those of people begin after them. */
const caKeys = { signature: 90, authentication: 91, forged: 92 } as const

/** Makes an authority whose lists are published once. */
export function createTestAuthority(clock: Clock): TestAuthority {
  const cas = {
    signature: authorityOf('signature', caKeys.signature),
    authentication: authorityOf('authentication', caKeys.authentication),
  }
  const ended = new Map<CertificateKind, RevokedEntry[]>([
    ['signature', []],
    ['authentication', []],
  ])
  const usage = new Map<string, string>()
  const corresponding = new Map<string, CertificateReference | null>()
  const before = new Map<string, CertificateReference>()
  const lists = new Map<string, Uint8Array>()
  let number = 0
  let nextKey = 0
  let ocspCount = 0
  let manifest: CrlManifest | undefined

  const assertUp = (): void => {
    if (authority.isDown) throw new Refusal('authority-unreachable')
  }
  const asked = new Map<string, string>()
  const once = async <T>(key: string, kind: string, query: unknown, answer: T): Promise<T> => {
    // Another turn of the event loop, as a network has it.
    await new Promise(resolve => setImmediate(resolve))
    assertUp()
    // One key is one query, to the letter.
    const text = JSON.stringify(query)
    if ((asked.get(key) ?? text) !== text) throw new Refusal('authority-refused')
    asked.set(key, text)
    usage.set(key, kind)
    if (authority.losesAnswers) throw new Refusal('authority-unreachable')
    return answer
  }
  const stamp = () => ({ usage: 'u', feeYen: 0, answeredAt: new Date(clock.now()).toISOString() })

  const publish = (): void => {
    number += 1
    lists.clear()
    const at = clock.now()
    const partitions = (['signature', 'authentication'] as const).map(kind => {
      const ca = cas[kind]
      const partition = partitionName(jpkiTown, kind, place.prefecture, place.municipality)
      const der = issueCrl(
        {
          issuer: ca.certificate.subject,
          issuerKeyId: ca.certificate.subjectKeyIdentifier ?? new Uint8Array(),
          thisUpdate: at,
          nextUpdate: at + dayMs,
          number,
          partition,
          deltaBase: undefined,
          entries: ended.get(kind) ?? [],
        },
        ca.algorithm,
        ca.sign,
      )
      const path = `/crl/${kind}/${number}.crl`
      lists.set(path, der)
      return {
        ca: kind,
        issuerKeyId: issuerKeyId(ca.certificate),
        municipality: '13101',
        distributionPoint: Buffer.from(partition.raw).toString('base64'),
        path,
        sha256: createHash('sha256').update(der).digest('hex'),
        bytes: der.length,
        number,
        thisUpdate: new Date(at).toISOString(),
        nextUpdate: new Date(at + dayMs).toISOString(),
      }
    })
    manifest = { publishedAt: new Date(at).toISOString(), partitions }
  }

  const statusOf = (kind: CertificateKind, serial: Uint8Array): OcspStatus => {
    const entry = ended.get(kind)?.find(one => toHex(one.serial) === toHex(serial))
    return entry === undefined
      ? { kind: 'good' }
      : { kind: 'revoked', revokedAt: entry.revokedAt, reason: entry.reason }
  }
  const connector: AuthorityConnector = {
    verifierId: 'platform',
    crlManifest: async () => {
      assertUp()
      if (manifest === undefined) throw new Error('nothing is published')
      return manifest
    },
    crl: async path => {
      assertUp()
      return lists.get(path) ?? new Uint8Array()
    },
    pinlessStanding: async () => {
      assertUp()
      const at = clock.now()
      return {
        thisUpdate: new Date(at).toISOString(),
        nextUpdate: new Date(at + 900_000).toISOString(),
        organisations: authority.standing,
      }
    },
    ocsp: async (kind, request) => {
      assertUp()
      ocspCount += 1
      const { certIds, nonce } = parseOcspRequest(request)
      const at = clock.now()
      const answers = certIds.map(certId => ({
        certId,
        status: statusOf(kind, certId.serial),
        thisUpdate: at,
        nextUpdate: at + 900_000,
      }))
      const { certificate, algorithm, sign } = cas[kind]
      const responder = { certificate, isAuthority: true, algorithm, sign }
      return issueOcspResponse({ producedAt: at, answers, nonce }, responder)
    },
    correspondingSerial: (query, key) =>
      once(key, 'corresponding-serial', query, {
        ...stamp(),
        authentication: corresponding.get(nameOf(query.signature)) ?? null,
      }),
    predecessor: (reference, key) =>
      once(key, 'predecessor', reference, {
        ...stamp(),
        predecessor: before.get(nameOf(reference)) ?? null,
      }),
    age: () => Promise.reject(new Refusal('authority-refused')),
    latestAttributes: () => Promise.reject(new Refusal('authority-refused')),
    withdrawConsent: () => Promise.reject(new Refusal('authority-refused')),
    usageStatement: async month => ({ month, lines: [], totalYen: 0 }),
  }
  const authority: TestAuthority = {
    connector,
    anchors: [cas.signature.certificate, cas.authentication.certificate],
    issue: (kind, given = {}) => {
      nextKey += 1
      const issuer = given.isForged === true ? authorityOf(kind, caKeys.forged) : cas[kind]
      return leafOf(kind, issuer, nextKey, given, clock.now())
    },
    correspond: (signature, authentication) =>
      corresponding.set(nameOf(signature.reference), authentication?.reference ?? null),
    succeed: (authentication, previous) =>
      before.set(nameOf(authentication.reference), previous.reference),
    end: (one, reason) => {
      const kind = one.certificate.subjectAltName === undefined ? 'authentication' : 'signature'
      const revokedAt = Math.floor(clock.now() / 1000) * 1000
      ended.get(kind)?.push({ serial: one.certificate.serial, revokedAt, reason })
    },
    publish,
    usage,
    isDown: false,
    losesAnswers: false,
    standing: [],
    ocspAsked: () => ocspCount,
  }
  publish()
  return authority
}

function authorityOf(kind: CertificateKind, keyIndex: number): IssuingAuthority {
  const key = poolKey(keyIndex)
  const der = issueAuthorityCertificate({
    profile: jpkiTown,
    kind,
    serial: Uint8Array.of(1),
    notBefore: Date.UTC(2020, 0, 1),
    notAfter: Date.UTC(2040, 0, 1),
    spki: key.spki,
    algorithm: 'rsa-sha256',
    sign: key.sign,
  })
  return { certificate: parseCertificate(der), algorithm: 'rsa-sha256', sign: key.sign }
}

function leafOf(
  kind: CertificateKind,
  issuer: IssuingAuthority,
  count: number,
  given: IssueWish,
  now: number,
): CardCertificate {
  const key = poolKey(count % caKeys.signature)
  const request = {
    profile: jpkiTown,
    issuer,
    serial: Uint8Array.of(0x5a, kind === 'signature' ? 1 : 2, count >> 8, count & 0xff),
    spki: key.spki,
    notBefore: given.notBefore ?? seconds(now - 30 * dayMs),
    notAfter: given.notAfter ?? seconds(now + 1000 * dayMs),
    commonName: `TESTTESTTEST${String(count).padStart(2, '0')}13101003A`,
    partition: partitionName(jpkiTown, kind, place.prefecture, place.municipality),
  }
  const der =
    kind === 'authentication'
      ? issueAuthenticationCertificate(request)
      : issueSignatureCertificate({
          ...request,
          ...place,
          attributes: given.attributes ?? testAttributes,
        })
  const certificate = parseCertificate(der)
  const reference = {
    issuerKeyId: issuerKeyId(issuer.certificate),
    serial: certificate.serialHex,
  }
  if (partitionOf(certificate) === undefined) throw new Error('a leaf without partition')
  return { certificate, reference, key }
}

/** A person of tests: no such registration exists. */
export const testAttributes: FourAttributes = {
  name: '試験　太郎',
  nameSubstitutes: [false, false, false, false, false],
  address: '東京都千代田区試験町一丁目',
  addressSubstitutes: Array.from({ length: 13 }, () => false),
  birthDate: { kind: 'full', era: 'heisei', year: 1991, month: 4, day: 5 },
  gender: 'male',
}

function nameOf(reference: CertificateReference): string {
  return `${reference.issuerKeyId} ${reference.serial}`
}

function seconds(at: number): number {
  return Math.floor(at / 1000) * 1000
}
