/**
 * RFC 3161 time-stamps as bytes: requests, responses, tokens. How a token is judged stands in `time-stamp-judgement.ts`.
 */
import { encodeHashAlgorithm, hashAlgorithm, type HashName } from './algorithm.ts'
import { contentTypes, parseSignedData, type SignedData } from './cms.ts'
import {
  contextConstructed,
  contextPrimitive,
  DerReader,
  MalformedError,
  readAll,
  tags,
} from './der.ts'
import { boolean, integer, objectIdentifier, octetString, sequence } from './der-writer.ts'
import type { Instant } from './reason.ts'

/** Largest token, response and request read: a token with 64 certificates of usual size has some 150 kB. */
const timeStampBytesMax = 1024 * 1024
/** Longest nonce: as in OCSP (RFC 9654 §2.1). */
const nonceBytesMax = 128

/** What a token says (TSTInfo, RFC 3161 §2.4.2). */
export interface TimeStampInfo {
  /** The authority's policy, dotted. */
  readonly policy: string
  readonly imprint: TimeStampImprint
  /** INTEGER content. */
  readonly serial: Uint8Array
  /** The time told, with what it tells below a millisecond cut off. */
  readonly at: Instant
  /** How far the time may be off, in milliseconds, rounded up; undefined: not told. */
  readonly accuracyMs: number | undefined
  /** INTEGER content. */
  readonly nonce: Uint8Array | undefined
  readonly hasUnknownCritical: boolean
}

/** The hash of what was stamped. */
export interface TimeStampImprint {
  readonly hash: HashName | 'weak' | 'unsupported'
  readonly value: Uint8Array
}

/** A parsed token. Parsed is not verified: see `judgeTimeStamp`. */
export interface TimeStampToken {
  readonly data: SignedData
  readonly info: TimeStampInfo
}

/** A parsed request (RFC 3161 §2.4.1). */
export interface TimeStampRequest {
  readonly imprint: TimeStampImprint
  readonly policy: string | undefined
  readonly nonce: Uint8Array | undefined
  /** Whether the authority's certificate shall be in the token. */
  readonly isCertificateWanted: boolean
}

/** A response: the encoded token, or the status with which the authority refused. */
export type TimeStampResponse =
  | { readonly kind: 'granted'; readonly token: Uint8Array }
  /** PKIStatus: 2 rejection, 3 waiting, 4 revocationWarning, 5 revocationNotification. */
  | { readonly kind: 'refused'; readonly status: number }

/** Encodes a request that asks for the authority's certificate. `nonce` is unsigned, big-endian. */
export function encodeTimeStampRequest(request: {
  readonly hash: HashName
  readonly value: Uint8Array
  readonly policy: string | undefined
  readonly nonce: Uint8Array | undefined
}): Uint8Array {
  const { hash, value, policy, nonce } = request
  return sequence(
    integer(1),
    sequence(encodeHashAlgorithm(hash), octetString(value)),
    ...(policy === undefined ? [] : [objectIdentifier(policy)]),
    ...(nonce === undefined ? [] : [integer(nonce)]),
    boolean(true),
  )
}

/** Reads a request. Throws `MalformedError`, also for any extension: none is understood. */
export function parseTimeStampRequest(der: Uint8Array): TimeStampRequest {
  return readAll(der, timeStampBytesMax, reader => {
    const request = reader.enter(tags.sequence)
    readVersion(request)
    const imprint = readImprint(request)
    const policy =
      request.peek() === tags.objectIdentifier ? request.readObjectIdentifier() : undefined
    const nonce = readNonce(request)
    const isCertificateWanted = request.readDefaultFalse()
    request.finish()
    return { imprint, policy, nonce, isCertificateWanted }
  })
}

/** Reads a response. Throws `MalformedError`. The token in it is not looked at. */
export function parseTimeStampResponse(der: Uint8Array): TimeStampResponse {
  return readAll(der, timeStampBytesMax, reader => {
    const response = reader.enter(tags.sequence)
    const info = response.enter(tags.sequence)
    const status = info.readUnsigned(255)
    // Free text and a failure bit string may follow: nothing depends on them.
    while (!info.isAtEnd) info.next()
    const token = response.isAtEnd ? undefined : response.readRawOf(tags.sequence)
    response.finish()
    // §2.4.2: 0 granted, 1 grantedWithMods; then, and only then, there is a token.
    if (status > 1) return { kind: 'refused', status }
    if (token === undefined) throw new MalformedError('truncated', 0)
    return { kind: 'granted', token }
  })
}

/** Reads a token: SignedData with attached TSTInfo and one signer (RFC 3161 §2.4.2). Throws `MalformedError`. */
export function parseTimeStampToken(der: Uint8Array): TimeStampToken {
  if (der.length > timeStampBytesMax) throw new MalformedError('too-large', 0)
  const data = parseSignedData(der)
  if (data.contentType !== contentTypes.timeStampInfo || data.content === undefined) {
    throw new MalformedError('value-invalid', 0, 'not a time-stamp')
  }
  if (data.signers.length !== 1) throw new MalformedError('value-invalid', 0, 'signers')
  return { data, info: readAll(data.content, timeStampBytesMax, readInfo) }
}

function readInfo(outer: DerReader): TimeStampInfo {
  const reader = outer.enter(tags.sequence)
  readVersion(reader)
  const policy = reader.readObjectIdentifier()
  const imprint = readImprint(reader)
  const serial = reader.readInteger()
  const at = readPreciseTime(reader)
  const accuracy = reader.enterOptional(tags.sequence)
  const accuracyMs = accuracy === undefined ? undefined : readAccuracy(accuracy)
  reader.readDefaultFalse()
  const nonce = readNonce(reader)
  const authority = reader.enterOptional(contextConstructed(0))
  if (authority !== undefined) {
    authority.readRaw()
    authority.finish()
  }
  const hasUnknownCritical = readExtensions(reader.enterOptional(contextConstructed(1)))
  reader.finish()
  return { policy, imprint, serial, at, accuracyMs, nonce, hasUnknownCritical }
}

function readVersion(reader: DerReader): void {
  const start = reader.position
  if (reader.readUnsigned(255) !== 1) throw new MalformedError('version-unsupported', start)
}

function readImprint(reader: DerReader): TimeStampImprint {
  const imprint = reader.enter(tags.sequence)
  const hash = hashAlgorithm(imprint.readRawOf(tags.sequence))
  const value = imprint.readOctetString()
  imprint.finish()
  return { hash, value }
}

function readNonce(reader: DerReader): Uint8Array | undefined {
  const start = reader.position
  if (reader.peek() !== tags.integer) return undefined
  const nonce = reader.readInteger()
  if (nonce.length > nonceBytesMax) throw new MalformedError('too-large', start)
  return nonce
}

// RFC 3161 §2.4.2: GeneralizedTime that may have a fraction, without trailing zeros, always with Z.
function readPreciseTime(reader: DerReader): Instant {
  const start = reader.position
  const content = reader.readContent(tags.generalizedTime)
  const fraction = /^\d{14}(?:\.(\d{0,11}[1-9]))?Z$/.exec(latin1(content.subarray(0, 32)))
  if (fraction === null || content.length > 32) throw new MalformedError('time-invalid', start)
  const whole = new Uint8Array(17)
  whole.set([tags.generalizedTime, 15])
  whole.set(content.subarray(0, 14), 2)
  whole[16] = 0x5a
  const milliseconds = Number((fraction[1] ?? '').slice(0, 3).padEnd(3, '0'))
  return new DerReader(whole).readGeneralizedTime() + milliseconds
}

function readAccuracy(reader: DerReader): number {
  const seconds = reader.peek() === tags.integer ? reader.readUnsigned(accuracySecondsMax) : 0
  const part = (number: number): number => {
    const tag = contextPrimitive(number)
    return reader.peek() === tag ? reader.readUnsigned(999, tag) : 0
  }
  const millis = part(0)
  const micros = part(1)
  reader.finish()
  return seconds * 1000 + millis + (micros > 0 ? 1 : 0)
}

/** Whether a critical extension is among them: none is understood. */
function readExtensions(list: DerReader | undefined): boolean {
  if (list === undefined) return false
  let hasCritical = false
  while (!list.isAtEnd) {
    const entry = list.enter(tags.sequence)
    entry.readObjectIdentifier()
    if (entry.readDefaultFalse()) hasCritical = true
    entry.readOctetString()
    entry.finish()
  }
  return hasCritical
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}

/** A day: a clock that may be further off proves nothing worth having. */
const accuracySecondsMax = 86_400
