/**
 * Makes JAdES baseline signatures (ETSI TS 119 182-1 §6): level B in two steps, so that a card can sign in between; then the
 * time-stamp of level T and the evidence of level LT.
 */
import { hashLengths, hashOf, keyKindOf, type SignatureAlgorithm } from '../algorithm.ts'
import { encodeBase64 } from '../base64.ts'
import { digest, importPublicKey } from '../crypto.ts'
import { inspectJwsSignature } from '../jws/inspection.ts'
import { isCurveOf, joseAlgorithm } from '../jws/jose-algorithm.ts'
import { type Jws, parseJws } from '../jws/jws.ts'
import type { JwsFiles } from '../jws/jws-signer.ts'
import {
  isArray,
  isObject,
  type JsonObject,
  type JsonValue,
  readObject,
  writeJson,
} from '../jws/strict-json.ts'
import type { Certificate } from '../certificate.ts'
import type { Instant } from '../reason.ts'
import { rawSignature } from './raw-signature.ts'

/** The document: in the JWS, beside it, or files beside it by their hashes. */
export type JadesContent =
  | { readonly kind: 'attached'; readonly bytes: Uint8Array; readonly contentType: string }
  | { readonly kind: 'detached'; readonly bytes: Uint8Array; readonly contentType: string }
  /** The header holds the hashes of the files as they are (`sigD`, ObjectIdByURIHash, `b64` false). */
  | { readonly kind: 'files'; readonly files: readonly JadesFile[] }

/** A file beside the signature: its bytes, or their hash by the algorithm that the signature uses. */
export interface JadesFile {
  readonly uri: string
  readonly content:
    | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
    | { readonly kind: 'hash'; readonly hash: Uint8Array }
  readonly contentType: string
}

/** What a signature is to be. */
export interface JadesRequest {
  readonly content: JadesContent
  /** The compact form cannot take a time-stamp: `addJadesTimeStamp` makes it the flattened one. */
  readonly serialization: 'compact' | 'flattened'
  readonly certificate: Certificate
  /** Certificates to put in besides: those of authorities, the signer's issuer first. */
  readonly certificates: readonly Certificate[]
  readonly algorithm: SignatureAlgorithm
  /** The time that the signer claims (required by the baseline). */
  readonly signingTime: Instant
}

/** A signature that lacks only the signature. */
export interface PreparedJades {
  /** The JWS with an empty signature: `inspectJwsSignature` recomputes from it what is signed. */
  readonly document: Uint8Array
  /** Protected header and payload: sign this, hashing included. */
  readonly toBeSigned: Uint8Array
  /** Hash of `toBeSigned`, for a card that is given a DigestInfo (`encodeDigestInfo`). */
  readonly digest: Uint8Array
  /** The finished JWS; ECDSA signatures are given as DER. Throws `RangeError` when the signature is not one of the certificate's key. */
  finish(signature: Uint8Array): Uint8Array
}

/** Certificates and revocation evidence, each as DER. */
export interface JadesValidationData {
  readonly certificates: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  readonly ocsps: readonly Uint8Array[]
}

/** Prepares a JAdES-B signature. Throws `RangeError` for an algorithm without a name in JOSE, a hash of the wrong length, or no file. */
export function prepareJades(request: JadesRequest): PreparedJades {
  const { certificate, algorithm, content } = request
  const { facts } = importPublicKey(certificate.spki)
  if (!isCurveOf(facts, algorithm)) throw new RangeError(`${algorithm} is for another curve`)
  const head = encodeBase64(utf8.encode(writeJson(headerOf(request))), 'url')
  const payload = content.kind === 'attached' ? encodeBase64(content.bytes, 'url') : undefined
  const write = (value: string): Uint8Array =>
    request.serialization === 'compact'
      ? utf8.encode(`${head}.${payload ?? ''}.${value}`)
      : utf8.encode(
          writeJson(
            new Map([
              ...(payload === undefined ? [] : [['payload', payload] as const]),
              ['protected', head],
              ['signature', value],
            ]),
          ),
        )
  const document = write('')
  const inspected = inspectJwsSignature(document, 0, besides(content, algorithm))
  if (inspected.kind !== 'passed') {
    throw new RangeError(`this cannot be signed: ${inspected.reasons[0].code}`)
  }
  const { toBeSigned } = inspected.value
  return {
    document,
    toBeSigned,
    digest: digest(hashOf(algorithm), toBeSigned),
    finish: signature => {
      if (!importPublicKey(certificate.spki).verify(algorithm, toBeSigned, signature)) {
        throw new RangeError('the signature is not one of this certificate over this document')
      }
      const isRaw = keyKindOf(algorithm) === 'ec'
      return write(encodeBase64(isRaw ? rawSignature(signature, facts) : signature, 'url'))
    },
  }
}

/** What a time-stamp is over: the value of the signature at a position, as base64url (§5.3.4). Throws as `addJadesTimeStamp`. */
export function jadesToBeStamped(jws: Uint8Array, position: number): Uint8Array {
  const signature = parseJws(jws).signatures[position]
  if (signature === undefined) throw new RangeError(`no signature ${position}`)
  return utf8.encode(signature.valueText)
}

/**
 * Adds a signature time-stamp over `jadesToBeStamped`, which makes level T. The token is put in as it is: judge it first
 * (`judgeTimeStamp`). Throws `MalformedError` for a JWS that is none, `RangeError` for a signature that is not there, and for a
 * compact one whose payload cannot stand in JSON.
 */
export function addJadesTimeStamp(
  jws: Uint8Array,
  position: number,
  token: Uint8Array,
): Uint8Array {
  const tokens = [new Map([['val', encodeBase64(token, 'xml')]])]
  return addUnsigned(jws, position, [new Map([['sigTst', new Map([['tstTokens', tokens]])]])])
}

/**
 * Adds certificates, lists and OCSP answers, which makes level LT if they are enough: `validateJws` says. Throws as
 * `addJadesTimeStamp`; `RangeError` also when there is nothing to add.
 */
export function addJadesValidationData(
  jws: Uint8Array,
  position: number,
  data: JadesValidationData,
): Uint8Array {
  const values = (all: readonly Uint8Array[]): readonly JsonValue[] =>
    all.map(each => new Map([['val', encodeBase64(each, 'xml')]]))
  const revocation = new Map([
    ...(data.crls.length === 0 ? [] : [['crlVals', values(data.crls)] as const]),
    ...(data.ocsps.length === 0 ? [] : [['ocspVals', values(data.ocsps)] as const]),
  ])
  const certificates = values(data.certificates).map(each => new Map([['x509Cert', each]]))
  const elements = [
    ...(certificates.length === 0 ? [] : [new Map([['xVals', certificates]])]),
    ...(revocation.size === 0 ? [] : [new Map([['rVals', revocation]])]),
  ]
  if (elements.length === 0) throw new RangeError('nothing to add')
  return addUnsigned(jws, position, elements)
}

// §5.1, §5.2; RFC 7515 §4.1.
function headerOf(request: JadesRequest): JsonObject {
  const { certificate, certificates, algorithm, content, signingTime } = request
  const header = new Map<string, JsonValue>([
    ['alg', joseAlgorithm(algorithm)],
    ['iat', Math.floor(signingTime / 1000)],
    ['x5t#S256', encodeBase64(digest('sha256', certificate.raw), 'url')],
    ['x5c', [certificate, ...certificates].map(each => encodeBase64(each.raw, 'xml'))],
  ])
  if (content.kind !== 'files') {
    header.set('cty', content.contentType)
    return header
  }
  header.set('b64', false)
  header.set('sigD', signedFiles(content.files, algorithm))
  header.set('crit', ['b64', 'sigD'])
  return header
}

function signedFiles(files: readonly JadesFile[], algorithm: SignatureAlgorithm): JsonObject {
  const hash = hashOf(algorithm)
  const values = files.map(({ content }) => {
    const value = content.kind === 'bytes' ? digest(hash, content.bytes) : content.hash
    if (value.length !== hashLengths[hash]) throw new RangeError('hash length')
    return encodeBase64(value, 'url')
  })
  if (files.length === 0) throw new RangeError('no file')
  return new Map<string, JsonValue>([
    ['mId', 'http://uri.etsi.org/19182/ObjectIdByURIHash'],
    ['pars', files.map(each => each.uri)],
    ['hashM', `S${hash.slice(3)}`],
    ['hashV', values],
    ['ctys', files.map(each => each.contentType)],
  ])
}

function besides(
  content: JadesContent,
  algorithm: SignatureAlgorithm,
): { readonly payload: Uint8Array | undefined; readonly files: JwsFiles } {
  if (content.kind === 'attached') return { payload: undefined, files: new Map() }
  if (content.kind === 'detached') return { payload: content.bytes, files: new Map() }
  const hash = hashOf(algorithm)
  const files = content.files.map(({ uri, content: each }) => {
    const value = each.kind === 'bytes' ? digest(hash, each.bytes) : each.hash
    return [uri, { kind: 'hashes', hashes: { [hash]: value } }] as const
  })
  return { payload: undefined, files: new Map(files) }
}

function addUnsigned(
  jws: Uint8Array,
  position: number,
  elements: readonly JsonObject[],
): Uint8Array {
  const object = objectOf(parseJws(jws))
  const signatures = object.get('signatures')
  if (isArray(signatures)) {
    const member = signatures[position]
    if (!isObject(member)) throw new RangeError(`no signature ${position}`)
    const added = signatures.map(each => (each === member ? withElements(member, elements) : each))
    return utf8.encode(writeJson(new Map([...object, ['signatures', added]])))
  }
  if (position !== 0) throw new RangeError(`no signature ${position}`)
  return utf8.encode(writeJson(withElements(object, elements)))
}

function withElements(member: JsonObject, elements: readonly JsonObject[]): JsonObject {
  const none: JsonObject = new Map()
  const header = member.has('header') ? readObject(member.get('header')) : none
  const present = header.get('etsiU') ?? []
  if (!isArray(present)) throw new RangeError('etsiU is no array')
  // §5.3.1: all in clear or all as base64url.
  const isEncoded = typeof present[0] === 'string'
  const added = elements.map(each =>
    isEncoded ? encodeBase64(utf8.encode(writeJson(each)), 'url') : each,
  )
  const unprotected = new Map<string, JsonValue>([...header, ['etsiU', [...present, ...added]]])
  return new Map<string, JsonValue>([...member, ['header', unprotected]])
}

function objectOf(jws: Jws): JsonObject {
  if (jws.object !== undefined) return jws.object
  const [signature] = jws.signatures
  if (signature === undefined) throw new RangeError('no signature')
  const { payload } = jws
  if (payload.kind === 'plain') throw new RangeError('a plain payload')
  return new Map([
    ...(payload.kind === 'detached' ? [] : [['payload', payload.text] as const]),
    ['protected', signature.protectedText],
    ['signature', signature.valueText],
  ])
}

const utf8 = new TextEncoder()
