/**
 * What one JWS signature signed: header, content, value and which certificate they bind (RFC 7515 §5.2, ETSI TS 119 182-1
 * §5). Says nothing about whether the certificate is to be trusted.
 */
import { keyKindOf, type SignatureAlgorithm } from '../algorithm.ts'
import { encodeBase64 } from '../base64.ts'
import type { Certificate } from '../certificate.ts'
import { type CmsContent, readCertificates } from '../cms-signer.ts'
import { digest, type PublicKey } from '../crypto.ts'
import { bytesEqual, MalformedError } from '../der.ts'
import { concat } from '../der-writer.ts'
import type { KeyCache } from '../key-cache.ts'
import { type Instant, type Reason, reason, rejectedFor, type Verdict } from '../reason.ts'
import { ecdsaSignatureOf, verifySignature } from '../signature.ts'
import {
  isNamedJose,
  type JadesHeader,
  type JadesUnsigned,
  readJadesHeader,
  readJadesUnsigned,
  type SignedFiles,
  understood,
} from './jades-header.ts'
import { isCurveOf, joseAlgorithmOf } from './jose-algorithm.ts'
import { type JwsPayload, type JwsSignature, signingInput } from './jws.ts'
import { readTexts } from './strict-json.ts'

/** Files that are signed beside a JWS, by the very URI. */
export type JwsFiles = ReadonlyMap<string, CmsContent>

/** One thing that a signature covers. */
export interface JwsCovered {
  readonly target: { readonly kind: 'payload' } | { readonly kind: 'file'; readonly uri: string }
  /** The media type that the signer claims. */
  readonly contentType: string | undefined
  readonly content: CmsContent
}

/** What was found out about one signature. */
export interface JwsFindings {
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  /** Whether the protected header binds the certificate (JAdES). */
  readonly isCertificateProtected: boolean
  readonly claimedAt: Instant | undefined
  /** Only what is as it was signed, the value apart. */
  readonly covered: readonly JwsCovered[]
  readonly unsigned: JadesUnsigned
  /** Certificates of `x5c` and `etsiU`. */
  readonly certificates: readonly Certificate[]
  /** Undefined: the content is not at hand. */
  readonly toBeSigned: Uint8Array | undefined
  /** What is wrong with everything but the certificate and the value. */
  readonly contentReasons: readonly Reason[]
  /** All that is wrong; empty: the signature is that of the certificate's key over what is covered. */
  readonly reasons: readonly Reason[]
}

/** What a signature is checked against. */
export interface JwsCheck {
  readonly payload: JwsPayload
  /** The payload of a detached JWS; undefined: none was given. */
  readonly detached: Uint8Array | undefined
  readonly files: JwsFiles
  /** Certificates besides those in the JWS among which the signer's may be. */
  readonly certificates: readonly Certificate[]
  readonly keys: KeyCache
}

interface Signed {
  readonly payload: Uint8Array | undefined
  readonly covered: readonly JwsCovered[]
}

/** Checks one signature. Every step that can be taken is taken. */
export function checkJwsSignature(signature: JwsSignature, given: JwsCheck): JwsFindings {
  const reasons: Reason[] = []
  const algorithm = algorithmOf(signature, reasons)
  checkCritical(signature, reasons)
  const header = readHeader(signature, reasons)
  const signed = header === undefined ? nothingSigned : contentOf(signature, header, given, reasons)
  const toBeSigned =
    signed.payload === undefined ? undefined : signingInput(signature, signed.payload)
  const unsigned = readJadesUnsigned(signature)
  const own = readCertificates([...(header?.certificates ?? []), ...unsigned.certificates])
  const contentReasons = [...reasons]
  const certificate = findCertificate(header, own, given.certificates, reasons)
  if (certificate !== undefined && algorithm !== undefined && toBeSigned !== undefined) {
    reasons.push(...checkValue(signature, certificate, algorithm, toBeSigned, given.keys))
  }
  return {
    certificate,
    algorithm,
    isCertificateProtected: (header?.named.length ?? 0) > 0,
    claimedAt: header?.claimedAt,
    covered: signed.covered,
    unsigned,
    certificates: own,
    toBeSigned,
    contentReasons,
    reasons,
  }
}

// RFC 7515 §4.1.1. Only the protected header says how it is protected.
function algorithmOf(signature: JwsSignature, reasons: Reason[]): SignatureAlgorithm | undefined {
  const alg = signature.header.get('alg')
  if (typeof alg !== 'string') {
    reasons.push(reason('jws-header-invalid', { parameter: 'alg' }))
    return undefined
  }
  const algorithm = joseAlgorithmOf(alg)
  if (algorithm !== 'weak' && algorithm !== 'unsupported') return algorithm
  reasons.push(reason(`algorithm-${algorithm}`, { field: 'alg' }))
  return undefined
}

// RFC 7515 §4.1.11, RFC 7797 §6, TS 119 182-1 §5.1.9.
function checkCritical(signature: JwsSignature, reasons: Reason[]): void {
  const { header, unprotected } = signature
  const invalid = (rule: string): unknown =>
    reasons.push(reason('jws-header-invalid', { parameter: 'crit', rule }))
  if (unprotected.has('crit') || unprotected.has('b64')) invalid('unprotected')
  let names: readonly string[] = []
  if (header.has('crit')) {
    try {
      names = readTexts(header.get('crit'))
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      invalid('form')
    }
    if (names.length === 0 || new Set(names).size !== names.length) invalid('names')
    if (names.some(each => standard.has(each) || !header.has(each))) invalid('names')
  }
  const unknown = names.filter(each => !understood.has(each) && !standard.has(each))
  if (unknown.length > 0) reasons.push(reason('jws-critical-unknown', { names: unknown }))
  // A reader that does not know them would take something else for what was signed.
  for (const name of ['b64', 'sigD']) {
    const isChanging = name === 'b64' ? !signature.isEncoded : header.has(name)
    if (isChanging && !names.includes(name)) invalid(`${name} is not critical`)
  }
}

function readHeader(signature: JwsSignature, reasons: Reason[]): JadesHeader | undefined {
  try {
    return readJadesHeader(signature)
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    reasons.push(reason('jws-header-invalid', { detail: error.message }))
    return undefined
  }
}

function contentOf(
  signature: JwsSignature,
  header: JadesHeader,
  given: JwsCheck,
  reasons: Reason[],
): Signed {
  const { files } = header
  if (files === 'refused') {
    reasons.push(reason('jws-mechanism-refused'))
    return nothingSigned
  }
  if (files !== undefined) return filesSigned(signature, files, given, reasons)
  const { payload, detached } = given
  const attached = payload.kind === 'detached' ? undefined : payload.bytes
  // An empty payload of the compact form may be a detached one (RFC 7515 appendix F).
  const isOpen = attached === undefined || attached.length === 0
  const bytes = isOpen ? (detached ?? attached) : attached
  if (bytes === undefined) {
    reasons.push(reason('jws-content-missing'))
    return nothingSigned
  }
  if (!isOpen && detached !== undefined && !bytesEqual(detached, bytes)) {
    reasons.push(reason('content-altered', { field: 'attached' }))
  }
  const target = { kind: 'payload' } as const
  const content = { kind: 'bytes', bytes } as const
  return { payload: bytes, covered: [{ target, contentType: header.contentType, content }] }
}

// TS 119 182-1 §5.2.8.3.
function filesSigned(
  signature: JwsSignature,
  files: SignedFiles,
  given: JwsCheck,
  reasons: Reason[],
): Signed {
  if (given.payload.kind !== 'detached') {
    reasons.push(reason('jws-header-invalid', { parameter: 'sigD', rule: 'payload' }))
    return nothingSigned
  }
  const covered: JwsCovered[] = []
  const parts: Uint8Array[] = []
  for (const { uri, digest: value, contentType } of files.entries) {
    const content = given.files.get(uri)
    if (content === undefined) {
      reasons.push(reason('jws-content-missing', { uri }))
      continue
    }
    const wrong =
      files.mechanism === 'hashes'
        ? checkHash(signature, files, value, content, uri)
        : content.kind === 'hashes'
          ? reason('jws-content-missing', { uri, needed: 'bytes' })
          : undefined
    if (wrong !== undefined) reasons.push(wrong)
    else covered.push({ target: { kind: 'file', uri }, contentType, content })
    if (content.kind === 'bytes') parts.push(content.bytes)
  }
  if (files.mechanism === 'hashes') return { payload: new Uint8Array(), covered }
  // Where one file ends and the next begins is not signed.
  if (files.entries.length > 1) {
    reasons.push(reason('jws-mechanism-refused', { rule: 'several files' }))
    return nothingSigned
  }
  const isThere = parts.length === files.entries.length
  return { payload: isThere ? concat(...parts) : undefined, covered }
}

// §5.2.8.3.3: of the file as base64url, or as it is where `b64` is false.
function checkHash(
  signature: JwsSignature,
  files: SignedFiles,
  value: Uint8Array | undefined,
  content: CmsContent,
  uri: string,
): Reason | undefined {
  const { hash } = files
  if (hash === undefined || value === undefined) return reason('jws-mechanism-refused')
  const actual = signature.isEncoded
    ? content.kind === 'bytes'
      ? digest(hash, utf8.encode(encodeBase64(content.bytes, 'url')))
      : undefined
    : content.kind === 'bytes'
      ? digest(hash, content.bytes)
      : content.hashes[hash]
  if (actual === undefined) {
    return reason('jws-content-missing', { uri, needed: signature.isEncoded ? 'bytes' : hash })
  }
  return bytesEqual(actual, value) ? undefined : reason('content-altered', { uri })
}

// Every name in the protected header must mean it; without any it is the first of `x5c`, or the only one at hand.
function findCertificate(
  header: JadesHeader | undefined,
  own: readonly Certificate[],
  given: readonly Certificate[],
  reasons: Reason[],
): Certificate | undefined {
  const named = header?.named ?? []
  const [first] = readCertificates(header?.certificates.slice(0, 1) ?? [])
  const found =
    named.length > 0
      ? [...own, ...given].find(each => named.every(one => isNamedJose(one, each)))
      : (first ?? (given.length === 1 ? given[0] : undefined))
  if (found !== undefined) return found
  const isOther = named.length > 0 && first !== undefined
  reasons.push(reason(isOther ? 'signer-certificate-mismatch' : 'signer-certificate-missing'))
  return isOther ? first : undefined
}

function checkValue(
  signature: JwsSignature,
  certificate: Certificate,
  algorithm: SignatureAlgorithm,
  toBeSigned: Uint8Array,
  keys: KeyCache,
): readonly Reason[] {
  try {
    const key = certificate.publicKey(keys)
    const verdict = verifyJwsValue(signature.value, key, algorithm, toBeSigned)
    return verdict.kind === 'passed' ? [] : verdict.reasons
  } catch (error) {
    if (error instanceof MalformedError) return [reason('key-unacceptable', { detail: error.code })]
    throw error
  }
}

/** Judges the value of a signature alone: which key made it is all that it says. */
export function verifyJwsValue(
  value: Uint8Array,
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  toBeSigned: Uint8Array,
): Verdict<true> {
  const { facts } = key
  if (!isCurveOf(facts, algorithm)) return rejectedFor('algorithm-unsupported', { algorithm })
  // RFC 7518 §3.4: r and s side by side.
  const isRaw = facts.kind === 'ec' && keyKindOf(algorithm) === 'ec'
  const signature = isRaw ? ecdsaSignatureOf(value, facts.curve) : value
  if (signature === undefined) return rejectedFor('signature-malformed')
  const content = { kind: 'bytes', bytes: toBeSigned } as const
  return verifySignature({ key, algorithm, form: 'document', content, signature })
}

const nothingSigned: Signed = { payload: undefined, covered: [] }
const utf8 = new TextEncoder()
/** RFC 7515 §4.1: these may not be named as critical. */
const standard: ReadonlySet<string> = new Set([
  'alg',
  'jku',
  'jwk',
  'kid',
  'x5u',
  'x5c',
  'x5t',
  'x5t#S256',
  'typ',
  'cty',
  'crit',
])
