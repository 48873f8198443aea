/** The header of a JAdES signature (ETSI TS 119 182-1 §5): what is signed about signer, time and content. */
import type { HashName } from '../algorithm.ts'
import { decodeBase64 } from '../base64.ts'
import type { Certificate } from '../certificate.ts'
import { digest } from '../crypto.ts'
import { bytesEqual, MalformedError } from '../der.ts'
import type { Instant } from '../reason.ts'
import { joseHashOf } from './jose-algorithm.ts'
import type { JwsSignature } from './jws.ts'
import { readUnsigned } from './jws.ts'
import {
  isArray,
  isObject,
  type JsonObject,
  type JsonValue,
  readObject,
  readText,
  readTexts,
} from './strict-json.ts'

/** Most certificates in `x5c`, and most values and files, as elsewhere. */
const listMax = 64
/** Most signature time-stamps of one signature that are looked at. */
const timeStampsMax = 4

/** How a header names the signer's certificate. */
export type NamedJoseCertificate =
  | { readonly kind: 'whole'; readonly raw: Uint8Array }
  | { readonly kind: 'digest'; readonly hash: HashName; readonly value: Uint8Array }

/** Files that `sigD` refers to. */
export interface SignedFiles {
  /** `hashes`: their digests stand in the header. `together`: they are the payload, one after the other. */
  readonly mechanism: 'hashes' | 'together'
  readonly hash: HashName | undefined
  readonly entries: readonly SignedFile[]
}

/** One of them. */
export interface SignedFile {
  readonly uri: string
  readonly digest: Uint8Array | undefined
  /** The media type that the signer claims. */
  readonly contentType: string | undefined
}

/** What the protected header says. */
export interface JadesHeader {
  /** Every way in which it names the certificate; all must name the same one. Empty: it binds none. */
  readonly named: readonly NamedJoseCertificate[]
  /** DER of `x5c`, protected or not. */
  readonly certificates: readonly Uint8Array[]
  /** A claim, which proves nothing. */
  readonly claimedAt: Instant | undefined
  readonly contentType: string | undefined
  readonly files: SignedFiles | 'refused' | undefined
}

/** What stands in `etsiU`, where anyone may have put it. */
export interface JadesUnsigned {
  readonly timeStamps: readonly Uint8Array[]
  readonly certificates: readonly Uint8Array[]
  readonly lists: readonly Uint8Array[]
  readonly responses: readonly Uint8Array[]
}

/** Header parameters that may be critical, because they are acted upon. */
export const understood: ReadonlySet<string> = new Set([
  'b64',
  'iat',
  'sigT',
  'sigD',
  'sigX5ts',
  'x5t#o',
])

/** Reads the header. Throws `MalformedError`. */
export function readJadesHeader(signature: JwsSignature): JadesHeader {
  const { header, unprotected } = signature
  const x5c = readChain(header.get('x5c') ?? unprotected.get('x5c'))
  const named: NamedJoseCertificate[] = []
  const [first] = x5c
  if (header.has('x5c') && first !== undefined) named.push({ kind: 'whole', raw: first })
  const thumbprint = header.get('x5t#S256')
  if (thumbprint !== undefined) {
    named.push({ kind: 'digest', hash: 'sha256', value: decodeBase64(readText(thumbprint), 'url') })
  }
  // §5.2.2.2, §5.2.2.3: of several the first is the signer's.
  const others = header.get('sigX5ts')
  const list = others === undefined ? [] : readList(others)
  for (const each of [header.get('x5t#o'), list[0]]) {
    const digests = each === undefined ? undefined : readDigest(readObject(each))
    if (digests !== undefined) named.push(digests)
  }
  const contentType = header.get('cty')
  return {
    named,
    certificates: x5c,
    claimedAt: readClaimedTime(header),
    contentType: contentType === undefined ? undefined : readText(contentType),
    files: readFiles(header.get('sigD')),
  }
}

/** Whether a header's way of naming means this certificate. */
export function isNamedJose(named: NamedJoseCertificate, certificate: Certificate): boolean {
  return named.kind === 'whole'
    ? bytesEqual(named.raw, certificate.raw)
    : bytesEqual(named.value, digest(named.hash, certificate.raw))
}

/** Reads `etsiU` piece by piece; what cannot be read is passed over, as anyone may have added it. */
export function readJadesUnsigned(signature: JwsSignature): JadesUnsigned {
  const found = { timeStamps: [], certificates: [], lists: [], responses: [] }
  const list = signature.unprotected.get('etsiU')
  for (const element of isArray(list) ? list : []) {
    tolerate(() => {
      if (typeof element !== 'string' && !isObject(element)) return
      const members = readUnsigned(element)
      // §5.3.1: one property each.
      if (members.size !== 1) return
      for (const [name, value] of members) readProperty(name, value, found)
    })
  }
  return { ...found, timeStamps: found.timeStamps.slice(0, timeStampsMax) }
}

interface Collected {
  readonly timeStamps: Uint8Array[]
  readonly certificates: Uint8Array[]
  readonly lists: Uint8Array[]
  readonly responses: Uint8Array[]
}

// §5.3.4, §5.3.5.
function readProperty(name: string, value: JsonValue, found: Collected): void {
  switch (name) {
    case 'sigTst':
      // A time-stamp over a canonical form of something is none over the value.
      if (!readObject(value).has('canonAlg')) {
        found.timeStamps.push(...readValues(readObject(value).get('tstTokens')))
      }
      return
    case 'xVals':
      readCertificateValues(value, found)
      return
    case 'rVals':
      readRevocationValues(value, found)
      return
    case 'tstVD':
    case 'anyValData': {
      const both = readObject(value)
      readCertificateValues(both.get('xVals'), found)
      readRevocationValues(both.get('rVals'), found)
      return
    }
    default:
  }
}

function readCertificateValues(value: JsonValue | undefined, found: Collected): void {
  for (const each of value === undefined ? [] : readList(value)) {
    const certificate = readObject(each).get('x509Cert')
    if (certificate !== undefined) found.certificates.push(...readValues([certificate]))
  }
}

function readRevocationValues(value: JsonValue | undefined, found: Collected): void {
  if (value === undefined) return
  const values = readObject(value)
  found.lists.push(...readValues(values.get('crlVals')))
  found.responses.push(...readValues(values.get('ocspVals')))
}

// §5.4.2: DER in base64, unless another encoding is named.
function readValues(value: JsonValue | undefined): readonly Uint8Array[] {
  if (value === undefined) return []
  return readList(value).flatMap(each => {
    const object = readObject(each)
    const encoding = object.get('encoding')
    const isDer = encoding === undefined || encoding === derEncoding
    return isDer ? [decodeBase64(readText(object.get('val')), 'xml')] : []
  })
}

function readList(value: JsonValue): readonly JsonValue[] {
  if (!isArray(value)) throw new MalformedError('value-invalid', 0, 'array')
  if (value.length > listMax) throw new MalformedError('too-many', 0, 'array')
  return value
}

// RFC 7515 §4.1.6: base64, not base64url.
function readChain(value: JsonValue | undefined): readonly Uint8Array[] {
  if (value === undefined) return []
  const texts = readTexts(readList(value))
  if (texts.length === 0) throw new MalformedError('value-invalid', 0, 'x5c')
  return texts.map(each => {
    if (/\s/.test(each)) throw new MalformedError('value-invalid', 0, 'x5c')
    return decodeBase64(each, 'xml')
  })
}

// A digest that is not accepted binds nothing.
function readDigest(object: JsonObject): NamedJoseCertificate | undefined {
  const hash = joseHashOf(readText(object.get('digAlg')))
  const value = decodeBase64(readText(object.get('digVal')), 'url')
  return hash === undefined ? undefined : { kind: 'digest', hash, value }
}

// §5.1.11 iat: seconds since 1970; §5.2.1 sigT, of older signatures: RFC 3339 in UTC.
function readClaimedTime(header: JsonObject): Instant | undefined {
  const seconds = header.get('iat')
  if (seconds !== undefined) {
    const isWhole = typeof seconds === 'number' && Number.isSafeInteger(seconds) && seconds >= 0
    if (!isWhole || seconds > secondsMax) throw new MalformedError('time-invalid', 0, 'iat')
    return seconds * 1000
  }
  if (!header.has('sigT')) return undefined
  const text = readText(header.get('sigT'))
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at) || !new Date(at).toISOString().startsWith(text.slice(0, 19))) {
    throw new MalformedError('time-invalid', 0, 'sigT')
  }
  return at
}

// §5.2.8.
function readFiles(value: JsonValue | undefined): SignedFiles | 'refused' | undefined {
  if (value === undefined) return undefined
  const object = readObject(value)
  const mechanism = mechanisms.get(readText(object.get('mId')))
  if (mechanism === undefined) return 'refused'
  const uris = readTexts(readList(object.get('pars') ?? null))
  const types = object.has('ctys') ? readTexts(readList(object.get('ctys') ?? null)) : []
  const values = object.has('hashV') ? readTexts(readList(object.get('hashV') ?? null)) : []
  const isHashed = mechanism === 'hashes'
  const isWrong =
    uris.length === 0 ||
    new Set(uris).size !== uris.length ||
    (types.length > 0 && types.length !== uris.length) ||
    values.length !== (isHashed ? uris.length : 0) ||
    object.has('hashM') !== isHashed
  if (isWrong) throw new MalformedError('value-invalid', 0, 'sigD')
  const hash = isHashed ? joseHashOf(readText(object.get('hashM'))) : undefined
  if (isHashed && hash === undefined) return 'refused'
  const entries = uris.map((uri, at) => {
    const text = values[at]
    return {
      uri,
      digest: text === undefined ? undefined : decodeBase64(text, 'url'),
      contentType: types[at],
    }
  })
  return { mechanism, hash, entries }
}

function tolerate(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
  }
}

const mechanisms: ReadonlyMap<string, SignedFiles['mechanism']> = new Map([
  ['http://uri.etsi.org/19182/ObjectIdByURIHash', 'hashes'],
  ['http://uri.etsi.org/19182/ObjectIdByURI', 'together'],
])
const derEncoding = 'http://uri.etsi.org/01903/v1.2.2#DER'
/** The year 9999, as in certificates. */
const secondsMax = 253_402_300_799
