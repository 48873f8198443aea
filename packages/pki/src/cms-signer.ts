/**
 * What one CMS signer signed: content, signed attributes, signature and which certificate they bind (RFC 5652 §5.4,
 * §5.6, §11; RFC 5035 §5). Says nothing about whether the certificate is to be trusted.
 */
import {
  cmsSignatureAlgorithm,
  hashAlgorithm,
  type HashName,
  hashOf,
  type SignatureAlgorithm,
} from './algorithm.ts'
import { type Certificate, parseCertificate } from './certificate.ts'
import { type CmsSigner, contentTypes, type SignedData, type SignerIdentifier } from './cms.ts'
import {
  attributeIds,
  looksLikeSignedAttributes,
  type NamedCertificate,
  namesCertificate,
  readAlgorithmProtection,
  readContentType,
  readMessageDigest,
  readSigningCertificate,
  readSigningTime,
  singleValue,
} from './cms-attribute.ts'
import { digest } from './crypto.ts'
import { bytesEqual, MalformedError } from './der.ts'
import type { KeyCache } from './key-cache.ts'
import { type PathBudget, pathBudget } from './path.ts'
import { type Instant, type Reason, reason } from './reason.ts'
import { verifySignature } from './signature.ts'

/**
 * What the search for one path may spend when the certificates come in a container: 32 signers with four time-stamps each
 * make 160 searches, so that each gets less than a search by itself.
 */
export const cmsPathBudget: PathBudget = { ...pathBudget, signaturesMax: 24, candidatesMax: 2000 }

/** The content that was signed: its bytes, or, where they are too many to hold, its hashes by algorithm. */
export type CmsContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'hashes'; readonly hashes: Readonly<Partial<Record<HashName, Uint8Array>>> }

/** What was found out about one signer. */
export interface SignerFindings {
  /** The certificate that the signature binds, or else the one that the signer names. */
  readonly certificate: Certificate | undefined
  readonly algorithm: SignatureAlgorithm | undefined
  /** Whether a signed attribute binds the certificate (CAdES). */
  readonly isCertificateProtected: boolean
  /** signingTime: a claim, which proves nothing. */
  readonly claimedAt: Instant | undefined
  /** All that is wrong; empty: the signature is that of the certificate's key over the content. */
  readonly reasons: readonly Reason[]
}

/** What a signer is checked against. */
export interface SignerCheck {
  readonly data: SignedData
  readonly content: CmsContent | undefined
  /** Certificates among which the signer's may be. */
  readonly certificates: readonly Certificate[]
  /** Whether version 1 of the attribute, with SHA-1, counts as binding: for time-stamps only (RFC 3161 §2.4.1). */
  readonly isVersion1Binding: boolean
  /** Whether it is a counter-signature, which has no content type (RFC 5652 §11.4). */
  readonly isCounterSignature: boolean
  readonly keys: KeyCache
}

interface SignedFacts {
  readonly messageDigest: Uint8Array | undefined
  readonly named: NamedCertificate | undefined
  readonly claimedAt: Instant | undefined
  readonly reasons: readonly Reason[]
}

/** Checks one signer. Every step that can be taken is taken. */
export function checkSigner(signer: CmsSigner, given: SignerCheck): SignerFindings {
  const reasons: Reason[] = []
  const facts = readFacts(signer, given)
  reasons.push(...facts.reasons)
  const hash = hashAlgorithm(signer.digestAlgorithm)
  const algorithm = isHash(hash) ? algorithmOf(signer, hash, reasons) : undefined
  if (!isHash(hash)) reasons.push(reason(`algorithm-${hash}`, { field: 'digestAlgorithm' }))
  else reasons.push(...checkContent(signer, hash, facts.messageDigest, given.content))
  const certificate = findCertificate(signer.identifier, facts.named, given.certificates)
  if (certificate === undefined) reasons.push(reason('signer-certificate-missing'))
  else {
    if (facts.named !== undefined && !isNamed(facts.named, certificate))
      reasons.push(reason('signer-certificate-mismatch'))
    if (algorithm !== undefined) {
      reasons.push(...checkSignature(signer, { ...given, certificate, algorithm }))
    }
  }
  return {
    certificate,
    algorithm,
    isCertificateProtected: facts.named !== undefined,
    claimedAt: facts.claimedAt,
    reasons,
  }
}

/** Parses what can be parsed of a bag. */
export function readCertificates(raws: readonly Uint8Array[]): readonly Certificate[] {
  const certificates: Certificate[] = []
  for (const raw of raws) {
    try {
      certificates.push(parseCertificate(raw))
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
    }
  }
  return certificates
}

/** The attached content or the given one; both only when they are the same. */
export function contentOf(
  data: SignedData,
  given: CmsContent | undefined,
): CmsContent | Reason | undefined {
  if (data.content === undefined) return given
  if (given === undefined) return { kind: 'bytes', bytes: data.content }
  const isSame =
    given.kind === 'bytes'
      ? bytesEqual(given.bytes, data.content)
      : hashesFit(given.hashes, data.content)
  return isSame
    ? { kind: 'bytes', bytes: data.content }
    : reason('content-altered', { field: 'attached' })
}

function hashesFit(
  hashes: Readonly<Partial<Record<HashName, Uint8Array>>>,
  content: Uint8Array,
): boolean {
  const present = hashNames.flatMap(name => {
    const hash = hashes[name]
    return hash === undefined ? [] : [{ name, hash }]
  })
  return (
    present.length > 0 && present.every(({ name, hash }) => bytesEqual(digest(name, content), hash))
  )
}

function isHash(found: ReturnType<typeof hashAlgorithm>): found is HashName {
  return found !== 'weak' && found !== 'unsupported'
}

function algorithmOf(
  signer: CmsSigner,
  hash: HashName,
  reasons: Reason[],
): SignatureAlgorithm | undefined {
  const algorithm = cmsSignatureAlgorithm(signer.signatureAlgorithm, hash)
  if (algorithm === 'weak' || algorithm === 'unsupported') {
    reasons.push(reason(`algorithm-${algorithm}`, { field: 'signatureAlgorithm' }))
    return undefined
  }
  if (hashOf(algorithm) !== hash) {
    reasons.push(reason('digest-algorithm-mismatch', { digest: hash, signature: algorithm }))
  }
  return algorithm
}

// RFC 5652 §5.3, §11.1-§11.3; RFC 5035 §3.
function readFacts(signer: CmsSigner, given: SignerCheck): SignedFacts {
  const attributes = signer.signedAttributes
  const reasons: Reason[] = []
  const nothing = { messageDigest: undefined, named: undefined, claimedAt: undefined }
  if (attributes === undefined) {
    // Without signed attributes the content must be plain data.
    if (given.data.contentType !== contentTypes.data && !given.isCounterSignature) {
      reasons.push(reason('signed-attributes-invalid', { rule: 'missing' }))
    }
    return { ...nothing, reasons }
  }
  if (!signer.isInOrder) reasons.push(reason('signed-attributes-invalid', { rule: 'order' }))
  const read = <T>(id: string, decode: (value: Uint8Array) => T): T | undefined => {
    try {
      const value = singleValue(attributes, id)
      return value === undefined ? undefined : decode(value)
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      reasons.push(reason('signed-attributes-invalid', { attribute: id, rule: error.code }))
      return undefined
    }
  }
  const contentType = read(attributeIds.contentType, readContentType)
  const messageDigest = read(attributeIds.messageDigest, readMessageDigest)
  const claimedAt = read(attributeIds.signingTime, readSigningTime)
  const second = read(attributeIds.signingCertificateV2, value => readSigningCertificate(value, 2))
  const first = read(attributeIds.signingCertificate, value => readSigningCertificate(value, 1))
  const isTypeWrong = (contentType === undefined) !== given.isCounterSignature
  if (reasons.length === 0 && (isTypeWrong || messageDigest === undefined)) {
    const attribute = isTypeWrong ? attributeIds.contentType : attributeIds.messageDigest
    const rule = isTypeWrong && given.isCounterSignature ? 'counter-signature' : 'missing'
    reasons.push(reason('signed-attributes-invalid', { attribute, rule }))
  }
  const protection = read(attributeIds.algorithmProtection, readAlgorithmProtection)
  if (
    protection !== undefined &&
    !(
      bytesEqual(protection.digest, signer.digestAlgorithm) &&
      bytesEqual(protection.signature, signer.signatureAlgorithm)
    )
  ) {
    reasons.push(reason('digest-algorithm-mismatch', { attribute: 'algorithmProtection' }))
  }
  if (contentType !== undefined && contentType !== given.data.contentType) {
    reasons.push(reason('content-type-mismatch', { signed: contentType }))
  }
  const named = second ?? (given.isVersion1Binding ? first : undefined)
  return { messageDigest, named, claimedAt, reasons }
}

function checkContent(
  signer: CmsSigner,
  hash: HashName,
  messageDigest: Uint8Array | undefined,
  content: CmsContent | undefined,
): readonly Reason[] {
  if (content === undefined) return [reason('cms-content-missing')]
  if (signer.signedAttributes === undefined) {
    // A signature over signed attributes must not pass as one over a document that consists of them.
    if (content.kind === 'hashes') return [reason('cms-content-missing', { needed: 'bytes' })]
    return looksLikeSignedAttributes(content.bytes)
      ? [reason('signed-attributes-invalid', { rule: 'content' })]
      : []
  }
  const actual = content.kind === 'bytes' ? digest(hash, content.bytes) : content.hashes[hash]
  if (actual === undefined) return [reason('cms-content-missing', { needed: hash })]
  // A missing attribute is told elsewhere.
  if (messageDigest === undefined || bytesEqual(actual, messageDigest)) return []
  return [reason('content-altered')]
}

// The identifier is not signed, so that of several certificates it fits the one is taken that the attribute binds.
function findCertificate(
  identifier: SignerIdentifier,
  named: NamedCertificate | undefined,
  certificates: readonly Certificate[],
): Certificate | undefined {
  const fitting = certificates.filter(each => fits(identifier, each))
  const bound = named === undefined ? undefined : fitting.find(each => isNamed(named, each))
  return bound ?? fitting[0]
}

function fits(identifier: SignerIdentifier, certificate: Certificate): boolean {
  try {
    if (identifier.kind === 'key') {
      const own = certificate.subjectKeyIdentifier
      return own !== undefined && bytesEqual(own, identifier.keyId)
    }
    return (
      bytesEqual(identifier.serial, certificate.serial) &&
      identifier.issuer.matches(certificate.issuer)
    )
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

function isNamed(named: NamedCertificate, certificate: Certificate): boolean {
  try {
    return namesCertificate(named, certificate)
  } catch (error) {
    if (error instanceof MalformedError) return false
    throw error
  }
}

function checkSignature(
  signer: CmsSigner,
  given: SignerCheck & {
    readonly certificate: Certificate
    readonly algorithm: SignatureAlgorithm
  },
): readonly Reason[] {
  const { content } = given
  const message =
    signer.signedAttributesSet ?? (content?.kind === 'bytes' ? content.bytes : undefined)
  if (message === undefined) return []
  try {
    const verdict = verifySignature({
      key: given.certificate.publicKey(given.keys),
      algorithm: given.algorithm,
      form: 'document',
      content: { kind: 'bytes', bytes: message },
      signature: signer.signature,
    })
    return verdict.kind === 'passed' ? [] : verdict.reasons
  } catch (error) {
    if (error instanceof MalformedError) return [reason('key-unacceptable', { detail: error.code })]
    throw error
  }
}

const hashNames = ['sha256', 'sha384', 'sha512'] as const
