/** JSON Web Signatures as text (RFC 7515 §7, RFC 7797): compact, flattened and general, read strictly. Parsed is not verified. */
import { decodeBase64, encodeBase64 } from '../base64.ts'
import { MalformedError } from '../der.ts'
import { concat } from '../der-writer.ts'
import {
  isArray,
  isObject,
  type JsonObject,
  parseJsonBytes,
  readObject,
  readText,
} from './strict-json.ts'

/** Largest JWS read, as the largest XML document. */
export const jwsBytesMax = 32 * 1024 * 1024
/** Longest protected header: a path of certificates takes some ten kilobytes. */
const protectedCharactersMax = 1024 * 1024
/** Most signatures, as signers of a CMS container. */
const signaturesMax = 32

/** What is signed besides the header. */
export type JwsPayload =
  /** As base64url text, which is what is signed. */
  | { readonly kind: 'encoded'; readonly text: string; readonly bytes: Uint8Array }
  /** As it is (`b64` false). */
  | { readonly kind: 'plain'; readonly bytes: Uint8Array }
  /** Not in the JWS. */
  | { readonly kind: 'detached' }

/** One signature. */
export interface JwsSignature {
  /** The protected header as it is signed. */
  readonly protectedText: string
  readonly header: JsonObject
  readonly unprotected: JsonObject
  /** Whether the payload is signed as base64url (RFC 7797 §3). */
  readonly isEncoded: boolean
  readonly value: Uint8Array
  /** As base64url: what a time-stamp is over. */
  readonly valueText: string
}

/** A parsed JWS. */
export interface Jws {
  readonly serialization: 'compact' | 'flattened' | 'general'
  readonly payload: JwsPayload
  readonly signatures: readonly JwsSignature[]
  /** The whole object of a JSON serialization. */
  readonly object: JsonObject | undefined
}

/** Reads a JWS in any serialization. Throws `MalformedError`. */
export function parseJws(bytes: Uint8Array): Jws {
  if (bytes.length > jwsBytesMax) throw new MalformedError('too-large', 0)
  // The compact form has no white space and no brace.
  const first = bytes.find(each => !(each === 0x20 || (each >= 0x09 && each <= 0x0d)))
  return first === 0x7b ? parseObject(readObject(parseJsonBytes(bytes))) : parseCompact(bytes)
}

function parseCompact(bytes: Uint8Array): Jws {
  // §7.1: only ASCII; a plain payload may not hold a dot (RFC 7797 §5.2).
  if (bytes.some(each => each < 0x20 || each > 0x7e)) throw new MalformedError('string-invalid', 0)
  const parts = new TextDecoder().decode(bytes).split('.')
  const [head, payload, value, ...others] = parts
  if (head === undefined || payload === undefined || value === undefined || others.length > 0) {
    throw new MalformedError('value-invalid', 0, 'parts')
  }
  const signature = readSignature(head, value, new Map())
  return {
    serialization: 'compact',
    payload: payload === '' ? detachedOrEmpty(signature) : readPayload(payload, [signature]),
    signatures: [signature],
    object: undefined,
  }
}

// Nothing between the dots is an empty payload or a detached one (RFC 7515 appendix F): the caller's payload decides.
function detachedOrEmpty(signature: JwsSignature): JwsPayload {
  return signature.header.has('sigD')
    ? { kind: 'detached' }
    : { kind: 'encoded', text: '', bytes: new Uint8Array() }
}

function parseObject(object: JsonObject): Jws {
  const payloadText = object.has('payload') ? readText(object.get('payload')) : undefined
  const isGeneral = object.has('signatures')
  // §7.2.2: one or the other.
  const isBoth = isGeneral && ['protected', 'header', 'signature'].some(each => object.has(each))
  if (isBoth) throw new MalformedError('value-invalid', 0, 'serialization')
  const list = isGeneral ? object.get('signatures') : [object]
  if (!isArray(list) || list.length === 0)
    throw new MalformedError('value-invalid', 0, 'signatures')
  if (list.length > signaturesMax) throw new MalformedError('too-many', 0, 'signatures')
  const signatures = list.map(each => {
    const member = readObject(each)
    const header = member.get('header')
    const unprotected = header === undefined ? new Map() : readObject(header)
    const head = readText(member.get('protected'))
    return readSignature(head, readText(member.get('signature')), unprotected)
  })
  return {
    serialization: isGeneral ? 'general' : 'flattened',
    payload:
      payloadText === undefined ? { kind: 'detached' } : readPayload(payloadText, signatures),
    signatures,
    object,
  }
}

function readSignature(head: string, value: string, unprotected: JsonObject): JwsSignature {
  if (head.length > protectedCharactersMax) throw new MalformedError('too-large', 0, 'header')
  const header = parseJsonBytes(decodeBase64(head, 'url'))
  if (!isObject(header)) throw new MalformedError('value-invalid', 0, 'header')
  // §7.2.1: names must not occur in both.
  for (const name of unprotected.keys()) {
    if (header.has(name)) throw new MalformedError('value-invalid', 0, `${name} twice`)
  }
  const b64 = header.get('b64') ?? true
  if (typeof b64 !== 'boolean') throw new MalformedError('value-invalid', 0, 'b64')
  return {
    protectedText: head,
    header,
    unprotected,
    isEncoded: b64,
    value: decodeBase64(value, 'url'),
    valueText: value,
  }
}

function readPayload(text: string, signatures: readonly JwsSignature[]): JwsPayload {
  const [first, ...others] = signatures
  // RFC 7797 §3: all alike, or the payload could not be told.
  if (first === undefined || others.some(each => each.isEncoded !== first.isEncoded)) {
    throw new MalformedError('value-invalid', 0, 'b64')
  }
  return first.isEncoded
    ? { kind: 'encoded', text, bytes: decodeBase64(text, 'url') }
    : { kind: 'plain', bytes: utf8.encode(text) }
}

/** What the key signs (RFC 7515 §5.1, RFC 7797 §3). */
export function signingInput(
  signature: Pick<JwsSignature, 'protectedText' | 'isEncoded'>,
  payload: Uint8Array,
): Uint8Array {
  const body = signature.isEncoded ? utf8.encode(encodeBase64(payload, 'url')) : payload
  return concat(utf8.encode(`${signature.protectedText}.`), body)
}

/** Reads an element of `etsiU`: an object in clear, or as base64url (ETSI TS 119 182-1 §5.3.1). Throws `MalformedError`. */
export function readUnsigned(value: string | JsonObject): JsonObject {
  return typeof value === 'string' ? readObject(parseJsonBytes(decodeBase64(value, 'url'))) : value
}

const utf8 = new TextEncoder()
