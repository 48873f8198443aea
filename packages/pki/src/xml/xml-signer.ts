/**
 * What one XML signature signed: references, canonical SignedInfo, signature and which certificate they bind (XMLDSig 1.1
 * §3.2, ETSI EN 319 132-1 §5.2). Says nothing about whether the certificate is to be trusted.
 */
import { keyKindOf, type SignatureAlgorithm } from '../algorithm.ts'
import type { Certificate } from '../certificate.ts'
import { type CmsContent, readCertificates } from '../cms-signer.ts'
import { digest } from '../crypto.ts'
import { bytesEqual, MalformedError } from '../der.ts'
import type { KeyCache } from '../key-cache.ts'
import { type Instant, type Reason, reason } from '../reason.ts'
import { ecdsaSignatureOf, verifySignature } from '../signature.ts'
import { digestOf, signatureOf } from './identifier.ts'
import {
  findProperties,
  isNamedXml,
  type NamedXmlCertificate,
  readSignedProperties,
  readUnsignedProperties,
  type SignedProperties,
  type UnsignedProperties,
} from './qualifying-properties.ts'
import { reasonOf, ReferenceResolver, type XmlCoverage, type XmlFiles } from './reference.ts'
import { readSignature, type XmlReference, type XmlSignature } from './signature-element.ts'
import type { XmlBudget, XmlSource } from './source.ts'
import { readStamps, type XmlStamp } from './stamped.ts'

/** What one reference covers, and whether that is what was signed. */
export interface XmlCovered {
  readonly coverage: XmlCoverage
  /** Media type that the signer claims for it (DataObjectFormat). */
  readonly mimeType: string | undefined
  /** The bytes that were hashed; hashes where the caller gave no more. */
  readonly content: CmsContent
}

/** What was found out about one signature. */
export interface XmlFindings {
  /** Undefined: the element cannot be read. */
  readonly signature: XmlSignature | undefined
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  /** Whether signed properties bind the certificate (XAdES). */
  readonly isCertificateProtected: boolean
  readonly claimedAt: Instant | undefined
  /** Only what has the digest that was signed. */
  readonly covered: readonly XmlCovered[]
  readonly unsigned: UnsignedProperties
  /** Certificates of ds:KeyInfo and of the unsigned properties. */
  readonly certificates: readonly Certificate[]
  /** Lists and OCSP responses of ds:KeyInfo and of the unsigned properties. */
  readonly evidence: {
    readonly lists: readonly Uint8Array[]
    readonly responses: readonly Uint8Array[]
  }
  /** Time-stamps with what they are over. */
  readonly stamps: readonly XmlStamp[]
  /** The canonical SignedInfo: what the key signs. */
  readonly toBeSigned: Uint8Array | undefined
  /** What is wrong with everything but the certificate and the value. */
  readonly contentReasons: readonly Reason[]
  /** All that is wrong; empty: the signature is that of the certificate's key over what is covered. */
  readonly reasons: readonly Reason[]
}

/** What a signature is checked against. */
export interface XmlCheck {
  readonly source: XmlSource
  /** Of the signature among those of the source. */
  readonly position: number
  readonly files: XmlFiles
  /** Certificates besides those in the signature among which the signer's may be. */
  readonly certificates: readonly Certificate[]
  readonly keys: KeyCache
  readonly budget: XmlBudget
}

/** Checks one signature. Every step that can be taken is taken. */
export function checkXmlSignature(given: XmlCheck): XmlFindings {
  const reasons: Reason[] = []
  const signature = attempt(reasons, () => {
    const element = given.source.signatures()[given.position]
    if (element === undefined) throw new MalformedError('value-invalid', 0, 'position')
    return readSignature(element)
  })
  if (signature === undefined) return { ...nothing, contentReasons: reasons, reasons }
  const resolver = new ReferenceResolver(given.source, signature, given.position, given)
  try {
    return checkWith(resolver, signature, given, reasons)
  } finally {
    resolver[Symbol.dispose]()
  }
}

function checkWith(
  resolver: ReferenceResolver,
  signature: XmlSignature,
  given: XmlCheck,
  reasons: Reason[],
): XmlFindings {
  const { signed, unsigned } = readProperties(signature, resolver, reasons)
  const covered = checkReferences(signature, resolver, signed, reasons)
  const toBeSigned = canonicalInfo(signature, given.source, reasons)
  const algorithm = algorithmOf(signature, reasons)
  const own = readCertificates([...signature.certificates, ...unsigned.certificates])
  const contentReasons = [...reasons]
  const candidates = candidatesOf(signature, signed, [...own, ...given.certificates], reasons)
  const { certificate, wrong } = chooseCertificate(candidates, {
    signature,
    algorithm,
    toBeSigned,
    keys: given.keys,
  })
  return {
    signature,
    certificate,
    algorithm,
    isCertificateProtected: signed?.named !== undefined,
    claimedAt: signed?.claimedAt,
    covered,
    unsigned,
    certificates: own,
    evidence: {
      lists: [...signature.crls, ...unsigned.crls],
      responses: unsigned.ocsps,
    },
    stamps: readStamps(signature, unsigned, given.source, resolver),
    toBeSigned,
    contentReasons,
    reasons: [...reasons, ...wrong],
  }
}

/** Whether this kind of target is content, and not the signature's own furniture. */
function isContent(kind: XmlCoverage['target']['kind']): boolean {
  return kind !== 'signed-properties' && kind !== 'key-info' && kind !== 'signature-part'
}

// EN 319 132-1 §4.4.2, §5.1.2: properties count when a reference of their Type covers this very element. Others may have been
// put there by anybody: they are passed over.
function readProperties(
  signature: XmlSignature,
  resolver: ReferenceResolver,
  reasons: Reason[],
): { readonly signed: SignedProperties | undefined; readonly unsigned: UnsignedProperties } {
  const none = { signed: undefined, unsigned: readUnsignedProperties(undefined) }
  const references = signature.references.filter(each => each.type === signedPropertiesType)
  const invalid = (rule: string): typeof none => {
    reasons.push(reason('signed-attributes-invalid', { attribute: 'SignedProperties', rule }))
    return none
  }
  try {
    const properties = findProperties(signature)
    const [reference, ...others] = references
    if (reference === undefined) {
      return { ...none, unsigned: readUnsignedProperties(properties?.unsigned) }
    }
    if (others.length > 0) return invalid('repeated')
    const covered = resolver.elementOf(reference)
    if (properties?.signed === undefined || covered?.isSameNode(properties.signed) !== true) {
      return invalid('reference')
    }
    if (signature.id === undefined || properties.target !== `#${signature.id}`) {
      return invalid('target')
    }
    if (reference.transforms.some(each => each.kind !== 'canonical')) return invalid('transform')
    return {
      signed: readSignedProperties(properties.signed),
      unsigned: readUnsignedProperties(properties.unsigned),
    }
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    return invalid(error.code)
  }
}

// XMLDSig 1.1 §3.2.1.
function checkReferences(
  signature: XmlSignature,
  resolver: ReferenceResolver,
  signed: SignedProperties | undefined,
  reasons: Reason[],
): readonly XmlCovered[] {
  const covered: XmlCovered[] = []
  let hasContent = false
  for (const reference of signature.references) {
    const resolved = resolver.resolve(reference)
    if (resolved.kind === 'refused') {
      reasons.push(resolved.reason)
      // What is wrong with it has been told.
      hasContent = true
      continue
    }
    const { coverage, content } = resolved
    if (isContent(coverage.target.kind)) hasContent = true
    const wrong = checkDigest(reference, content)
    if (wrong !== undefined) reasons.push(wrong)
    else {
      const mimeType = reference.id === undefined ? undefined : signed?.mimeTypes.get(reference.id)
      covered.push({ coverage, mimeType, content })
    }
  }
  if (!hasContent) reasons.push(reason('xml-nothing-covered'))
  return covered
}

function checkDigest(reference: XmlReference, content: CmsContent): Reason | undefined {
  const uri = reference.uri ?? ''
  const hash = digestOf(reference.digestMethod)
  if (hash === 'weak' || hash === 'unsupported') {
    return reason(`algorithm-${hash}`, { field: 'DigestMethod', uri })
  }
  const actual = content.kind === 'bytes' ? digest(hash, content.bytes) : content.hashes[hash]
  if (actual === undefined) return reason('xml-content-missing', { needed: hash, uri })
  return bytesEqual(actual, reference.digestValue) ? undefined : reason('content-altered', { uri })
}

// §3.2.2, §4.4.1.
function canonicalInfo(
  signature: XmlSignature,
  source: XmlSource,
  reasons: Reason[],
): Uint8Array | undefined {
  const { canonicalForm } = signature
  if (canonicalForm === undefined) {
    reasons.push(reason('algorithm-unsupported', { field: 'CanonicalizationMethod' }))
    return undefined
  }
  return attempt(reasons, () => source.canonicalise(signature.signedInfo, canonicalForm))
}

function algorithmOf(signature: XmlSignature, reasons: Reason[]): SignatureAlgorithm | undefined {
  // No accepted algorithm has parameters; HMACOutputLength (§6.3.1: truncation to nothing) least of all.
  const algorithm = signature.hasParameters ? 'unsupported' : signatureOf(signature.signatureMethod)
  if (algorithm !== 'weak' && algorithm !== 'unsupported') return algorithm
  reasons.push(reason(`algorithm-${algorithm}`, { field: 'SignatureMethod' }))
  return undefined
}

// The bound certificate, or without one those of ds:KeyInfo, or without any those at hand.
function candidatesOf(
  signature: XmlSignature,
  signed: SignedProperties | undefined,
  all: readonly Certificate[],
  reasons: Reason[],
): readonly Certificate[] {
  const named = signed?.named
  const keyInfo = readCertificates(signature.certificates)
  if (named === undefined) {
    const candidates = keyInfo.length > 0 ? keyInfo : all
    if (candidates.length === 0) reasons.push(reason('signer-certificate-missing'))
    return candidates.slice(0, candidatesMax)
  }
  const bound = all.filter(each => named.some(name => isNamed(name, each)))
  if (bound.length > 0) return bound.slice(0, candidatesMax)
  const isOther = keyInfo.length > 0
  reasons.push(reason(isOther ? 'signer-certificate-mismatch' : 'signer-certificate-missing'))
  return keyInfo.slice(0, 1)
}

function isNamed(name: NamedXmlCertificate, certificate: Certificate): boolean {
  try {
    return isNamedXml(name, certificate)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

interface ValueCheck {
  readonly signature: XmlSignature
  readonly algorithm: SignatureAlgorithm | undefined
  readonly toBeSigned: Uint8Array | undefined
  readonly keys: KeyCache
}

// ds:KeyInfo may hold a whole path in any order: the signer's is the one whose key made the signature.
function chooseCertificate(
  candidates: readonly Certificate[],
  check: ValueCheck,
): { readonly certificate: Certificate | undefined; readonly wrong: readonly Reason[] } {
  let first: readonly Reason[] | undefined
  for (const certificate of candidates) {
    const wrong = checkValue(certificate, check)
    if (wrong.length === 0) return { certificate, wrong }
    first ??= wrong
  }
  return { certificate: candidates[0], wrong: first ?? [] }
}

function checkValue(certificate: Certificate, check: ValueCheck): readonly Reason[] {
  const { signature, algorithm, toBeSigned, keys } = check
  // Why not has been told.
  if (algorithm === undefined || toBeSigned === undefined) return []
  try {
    const key = certificate.publicKey(keys)
    // §6.4.3: r and s side by side.
    const { signatureValue } = signature
    const value =
      key.facts.kind === 'ec' && keyKindOf(algorithm) === 'ec'
        ? ecdsaSignatureOf(signatureValue, key.facts.curve)
        : signatureValue
    if (value === undefined) return [reason('signature-malformed')]
    const verdict = verifySignature({
      key,
      algorithm,
      form: 'document',
      content: { kind: 'bytes', bytes: toBeSigned },
      signature: value,
    })
    return verdict.kind === 'passed' ? [] : verdict.reasons
  } catch (error) {
    if (error instanceof MalformedError) return [reason('key-unacceptable', { detail: error.code })]
    throw error
  }
}

function attempt<T>(reasons: Reason[], run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof MalformedError)) throw error
    reasons.push(
      error.code === 'too-costly'
        ? reasonOf(error)
        : reason('xml-signature-malformed', { detail: error.message }),
    )
    return undefined
  }
}

/** EN 319 132-1 §4.4.2. */
const signedPropertiesType = 'http://uri.etsi.org/01903#SignedProperties'
/** Most certificates that are tried as the signer's: a path of usual length. */
const candidatesMax = 8

const nothing = {
  signature: undefined,
  certificate: undefined,
  algorithm: undefined,
  isCertificateProtected: false,
  claimedAt: undefined,
  covered: [],
  unsigned: {
    all: [],
    timeStamps: [],
    certificates: [],
    crls: [],
    ocsps: [],
    counterSignatures: [],
  },
  certificates: [],
  evidence: { lists: [], responses: [] },
  stamps: [],
  toBeSigned: undefined,
} as const
