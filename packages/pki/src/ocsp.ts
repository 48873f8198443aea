/**
 * OCSP (RFC 6960): requests and responses as bytes. How a response is judged stands in `ocsp-judgement.ts`. Signed
 * requests are read, their signature is not checked: the authority identifies its clients otherwise.
 */
import { type HashName, publicKeyBits } from './algorithm.ts'
import { type Certificate, readCertificate } from './certificate.ts'
import { digest } from './crypto.ts'
import {
  bytesEqual,
  contextConstructed,
  contextPrimitive,
  DerReader,
  MalformedError,
  readAll,
  tags,
} from './der.ts'
import {
  explicit,
  integer,
  nullValue,
  objectIdentifier,
  octetString,
  sequence,
} from './der-writer.ts'
import { Name } from './name.ts'
import type { Instant } from './reason.ts'
import { type RevocationReason, reasonOfNumber } from './revocation-reason.ts'

/** Largest request read: 64 entries of the longest kind, with a nonce. */
const ocspRequestBytesMax = 16 * 1024
/** Largest response read: OpenSSL's limit (OCSP_MAX_RESP_LENGTH, 100 kB). */
const ocspResponseBytesMax = 100 * 1024
/** Most entries in one request or response. */
const ocspEntriesMax = 64
/** Longest nonce (RFC 9654 §2.1): 128 octets; shorter than 1 is refused. */
const ocspNonceBytesMax = 128

/** Hashes used in certificate identifiers. SHA-1 only names things here; it protects nothing. */
export type CertIdHash = 'sha1' | Extract<HashName, 'sha256'>

/** CertID: which certificate is asked about. */
export interface OcspCertId {
  /** undefined: a hash we do not compute. */
  readonly hash: CertIdHash | undefined
  readonly issuerNameHash: Uint8Array
  readonly issuerKeyHash: Uint8Array
  /** INTEGER content. */
  readonly serial: Uint8Array
  readonly raw: Uint8Array
}

/** A parsed request. */
export interface OcspRequest {
  readonly certIds: readonly OcspCertId[]
  readonly nonce: Uint8Array | undefined
}

/** One SingleResponse. */
export interface OcspAnswer {
  readonly certId: OcspCertId
  readonly status: 'good' | 'revoked' | 'unknown'
  readonly revokedAt: Instant | undefined
  readonly reason: RevocationReason | undefined
  readonly thisUpdate: Instant
  readonly nextUpdate: Instant | undefined
  readonly hasUnknownCritical: boolean
}

/** A parsed BasicOCSPResponse. Parsed is not verified: see `judgeOcsp`. */
export interface OcspResponse {
  readonly kind: 'basic'
  readonly tbs: Uint8Array
  readonly responder:
    | { readonly kind: 'name'; readonly name: Name }
    | { readonly kind: 'key'; readonly hash: Uint8Array }
  readonly producedAt: Instant
  readonly answers: readonly OcspAnswer[]
  readonly nonce: Uint8Array | undefined
  readonly hasUnknownCritical: boolean
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  readonly certificates: readonly Certificate[]
}

/** An answer without content: the responder's status is not "successful". */
export interface OcspUnsuccessful {
  readonly kind: 'unsuccessful'
  /** OCSPResponseStatus: 1 malformedRequest, 2 internalError, 3 tryLater, 5 sigRequired, 6 unauthorized. */
  readonly status: number
}

/** Makes the identifier of a certificate. */
export function ocspCertId(
  certificate: Pick<Certificate, 'serial'>,
  issuer: Certificate,
  hash: CertIdHash,
): OcspCertId {
  const issuerNameHash = digest(hash, issuer.subject.raw)
  const issuerKeyHash = keyHash(issuer, hash)
  const raw = sequence(
    sequence(objectIdentifier(hashIdentifiers[hash]), nullValue()),
    octetString(issuerNameHash),
    octetString(issuerKeyHash),
    integer(certificate.serial),
  )
  return { hash, issuerNameHash, issuerKeyHash, serial: certificate.serial, raw }
}

/** Whether an identifier names this certificate of this issuer. */
export function certIdMatches(
  certId: OcspCertId,
  certificate: Pick<Certificate, 'serial'>,
  issuer: Certificate,
): boolean {
  return (
    certId.hash !== undefined &&
    bytesEqual(certId.serial, certificate.serial) &&
    bytesEqual(certId.issuerNameHash, digest(certId.hash, issuer.subject.raw)) &&
    bytesEqual(certId.issuerKeyHash, keyHash(issuer, certId.hash))
  )
}

/** Whether an identifier names a certificate of this issuer at all. For responders that serve several generations. */
export function certIdIssuerMatches(certId: OcspCertId, issuer: Certificate): boolean {
  return certIdMatches(certId, { serial: certId.serial }, issuer)
}

/** Encodes an unsigned request about certificates, with a nonce (RFC 9654) when given. */
export function encodeOcspRequest(
  certIds: readonly OcspCertId[],
  nonce: Uint8Array | undefined,
): Uint8Array {
  const list = sequence(...certIds.map(each => sequence(each.raw)))
  const extensions = nonce === undefined ? [] : [explicit(2, sequence(nonceExtension(nonce)))]
  return sequence(sequence(list, ...extensions))
}

/** The encoded nonce extension. */
export function nonceExtension(nonce: Uint8Array): Uint8Array {
  return sequence(objectIdentifier(nonceId), octetString(octetString(nonce)))
}

/** Reads a request. Throws `MalformedError`, also for a critical extension that is not understood. */
export function parseOcspRequest(der: Uint8Array): OcspRequest {
  return readAll(der, ocspRequestBytesMax, reader => {
    const outer = reader.enter(tags.sequence)
    const tbs = outer.enter(tags.sequence)
    if (outer.peek() === contextConstructed(0)) outer.next()
    outer.finish()
    readVersion(tbs)
    if (tbs.peek() === contextConstructed(1)) tbs.next()
    const list = tbs.enter(tags.sequence)
    const certIds: OcspCertId[] = []
    do {
      if (certIds.length >= ocspEntriesMax) throw new MalformedError('too-many', list.position)
      const entry = list.enter(tags.sequence)
      certIds.push(readCertId(entry))
      const own = readExtensions(entry, 0)
      if (own.hasUnknownCritical) throw new MalformedError('value-invalid', list.position)
      entry.finish()
    } while (!list.isAtEnd)
    const { nonce, hasUnknownCritical } = readExtensions(tbs, 2)
    if (hasUnknownCritical) throw new MalformedError('value-invalid', tbs.position)
    tbs.finish()
    return { certIds, nonce }
  })
}

/** Reads a response. Throws `MalformedError`. */
export function parseOcspResponse(der: Uint8Array): OcspResponse | OcspUnsuccessful {
  return readAll(der, ocspResponseBytesMax, reader => {
    const outer = reader.enter(tags.sequence)
    const status = outer.readUnsigned(255, tags.enumerated)
    const wrapper = outer.enterOptional(contextConstructed(0))
    outer.finish()
    if (status !== 0) return { kind: 'unsuccessful', status }
    if (wrapper === undefined) throw new MalformedError('truncated', outer.position)
    const bytes = wrapper.enter(tags.sequence)
    wrapper.finish()
    if (bytes.readObjectIdentifier() !== basicId) throw new MalformedError('value-invalid', 0)
    const content = bytes.readOctetString()
    bytes.finish()
    return readAll(content, ocspResponseBytesMax, readBasicResponse)
  })
}

function readBasicResponse(reader: DerReader): OcspResponse {
  const basic = reader.enter(tags.sequence)
  const tbsStart = basic.position
  const data = basic.enter(tags.sequence)
  const tbs = basic.bytes.subarray(tbsStart, basic.position)
  const signatureAlgorithm = basic.readRawOf(tags.sequence)
  const signature = basic.readBitStringBytes()
  const certificates: Certificate[] = []
  const wrapper = basic.enterOptional(contextConstructed(0))
  if (wrapper !== undefined) {
    const list = wrapper.enter(tags.sequence)
    wrapper.finish()
    while (!list.isAtEnd) {
      if (certificates.length >= responderCertificatesMax) {
        throw new MalformedError('too-many', list.position)
      }
      certificates.push(readCertificate(list))
    }
  }
  basic.finish()

  readVersion(data)
  const responder = readResponder(data)
  const producedAt = data.readGeneralizedTime()
  const list = data.enter(tags.sequence)
  const answers: OcspAnswer[] = []
  while (!list.isAtEnd) {
    if (answers.length >= ocspEntriesMax) throw new MalformedError('too-many', list.position)
    answers.push(readAnswer(list.enter(tags.sequence)))
  }
  const { nonce, hasUnknownCritical } = readExtensions(data, 1)
  data.finish()
  return {
    kind: 'basic',
    tbs,
    responder,
    producedAt,
    answers,
    nonce,
    hasUnknownCritical,
    signatureAlgorithm,
    signature,
    certificates,
  }
}

function readResponder(data: DerReader): OcspResponse['responder'] {
  const byName = data.enterOptional(contextConstructed(1))
  if (byName !== undefined) {
    const name = new Name(byName.readRawOf(tags.sequence))
    byName.finish()
    return { kind: 'name', name }
  }
  const byKey = data.enter(contextConstructed(2))
  const hash = byKey.readOctetString()
  byKey.finish()
  return { kind: 'key', hash }
}

function readAnswer(reader: DerReader): OcspAnswer {
  const certId = readCertId(reader)
  const tag = reader.peek()
  let status: OcspAnswer['status'] = 'unknown'
  let revokedAt: Instant | undefined
  let reason: RevocationReason | undefined
  if (tag === contextConstructed(1)) {
    status = 'revoked'
    const revoked = reader.enter(tag)
    revokedAt = revoked.readGeneralizedTime()
    const wrapper = revoked.enterOptional(contextConstructed(0))
    revoked.finish()
    reason = wrapper === undefined ? 'unspecified' : readReason(wrapper)
  } else {
    if (tag !== contextPrimitive(0) && tag !== contextPrimitive(2)) {
      throw new MalformedError('tag-unexpected', reader.position)
    }
    if (reader.readContent(tag).length > 0)
      throw new MalformedError('null-invalid', reader.position)
    status = tag === contextPrimitive(0) ? 'good' : 'unknown'
  }
  const thisUpdate = reader.readGeneralizedTime()
  const next = reader.enterOptional(contextConstructed(0))
  const nextUpdate = next?.readGeneralizedTime()
  next?.finish()
  const { hasUnknownCritical } = readExtensions(reader, 1)
  reader.finish()
  return { certId, status, revokedAt, reason, thisUpdate, nextUpdate, hasUnknownCritical }
}

function readReason(wrapper: DerReader): RevocationReason {
  const start = wrapper.position
  const reason = reasonOfNumber(wrapper.readUnsigned(255, tags.enumerated))
  wrapper.finish()
  if (reason === undefined) throw new MalformedError('value-invalid', start)
  return reason
}

function readCertId(reader: DerReader): OcspCertId {
  const start = reader.position
  const id = reader.enter(tags.sequence)
  const raw = reader.bytes.subarray(start, reader.position)
  const algorithm = id.enter(tags.sequence)
  const hashId = algorithm.readObjectIdentifier()
  if (!algorithm.isAtEnd) algorithm.readNull()
  algorithm.finish()
  const issuerNameHash = id.readOctetString()
  const issuerKeyHash = id.readOctetString()
  const serial = id.readInteger()
  id.finish()
  const hash =
    hashId === hashIdentifiers.sha1
      ? 'sha1'
      : hashId === hashIdentifiers.sha256
        ? 'sha256'
        : undefined
  return { hash, issuerNameHash, issuerKeyHash, serial, raw }
}

function readVersion(reader: DerReader): void {
  const start = reader.position
  // Version 1 is the default, so any encoded version is wrong.
  if (reader.peek() === contextConstructed(0))
    throw new MalformedError('version-unsupported', start)
}

function readExtensions(
  reader: DerReader,
  number: number,
): { readonly nonce: Uint8Array | undefined; readonly hasUnknownCritical: boolean } {
  const wrapper = reader.enterOptional(contextConstructed(number))
  let nonce: Uint8Array | undefined
  let hasUnknownCritical = false
  if (wrapper === undefined) return { nonce, hasUnknownCritical }
  const list = wrapper.enter(tags.sequence)
  wrapper.finish()
  const seen = new Set<string>()
  while (!list.isAtEnd) {
    const start = list.position
    const entry = list.enter(tags.sequence)
    const id = entry.readObjectIdentifier()
    const isCritical = entry.readDefaultFalse()
    const value = entry.readOctetString()
    entry.finish()
    if (seen.has(id)) throw new MalformedError('extension-duplicate', start)
    seen.add(id)
    if (id === nonceId) {
      const inner = new DerReader(value)
      nonce = inner.readOctetString()
      inner.finish()
      if (nonce.length < 1 || nonce.length > ocspNonceBytesMax) {
        throw new MalformedError('value-invalid', start, 'nonce')
      }
    } else if (isCritical) hasUnknownCritical = true
  }
  return { nonce, hasUnknownCritical }
}

/** Hash of the key bits of a certificate, as CertID and ResponderID have it. */
export function keyHash(certificate: Certificate, hash: CertIdHash): Uint8Array {
  return digest(hash, publicKeyBits(certificate.spki))
}

const responderCertificatesMax = 8
const basicId = '1.3.6.1.5.5.7.48.1.1'
const nonceId = '1.3.6.1.5.5.7.48.1.2'
const hashIdentifiers = { sha1: '1.3.14.3.2.26', sha256: '2.16.840.1.101.3.4.2.1' } as const
