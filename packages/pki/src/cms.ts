/**
 * CMS SignedData (RFC 5652 §3, §5) as a structure. DER is read in place, nothing copied; BER, which RFC 5652 allows around
 * the signed attributes, is rewritten first (`withDefiniteLengths`). Sets need not be in DER order,
 * because many producers do not sort them; that the signed attributes must be is judged in `cms-signer.ts`. NOT done:
 * enveloped, encrypted and other content; attribute certificates, which are passed over.
 */
import { type CmsAttribute, readAttributes } from './cms-attribute.ts'
import { withDefiniteLengths } from './ber.ts'
import {
  bytesEqual,
  contextConstructed,
  contextPrimitive,
  DerReader,
  type MalformedCode,
  MalformedError,
  readAll,
  tags,
} from './der.ts'
import { elementOf, setOf } from './der-writer.ts'
import { type Name, readName } from './name.ts'

/**
 * Largest container read: three lists of the largest size (`crlBytesMax`), or a document that one process hashes in a
 * fraction of a second. Larger documents are signed detached.
 */
export const cmsBytesMax = 128 * 1024 * 1024
/** Most signers: a contract among more people than this is signed in several containers. */
const signersMax = 32
/** Most certificates, and most lists: as many as a path search may verify signatures (`pathBudget`), rounded down. */
const bagMax = 64
/** Most digest algorithms named. There are fewer than this in the registry. */
const digestAlgorithmsMax = 32

/** Object identifiers of content types. */
export const contentTypes = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  timeStampInfo: '1.2.840.113549.1.9.16.1.4',
} as const

/** How OCSP responses stand among the lists (RFC 5940 §2.1). */
export const ocspResponseFormat = '1.3.6.1.5.5.7.16.2'

/** How a signer's certificate is named. This field is not signed: see `signingCertificateV2`. */
export type SignerIdentifier =
  | { readonly kind: 'issuer'; readonly issuer: Name; readonly serial: Uint8Array }
  | { readonly kind: 'key'; readonly keyId: Uint8Array }

/** One SignerInfo (RFC 5652 §5.3). */
export interface CmsSigner {
  readonly raw: Uint8Array
  /** The content of `raw` from the version up to and with the signature: all but the unsigned attributes. */
  readonly core: Uint8Array
  readonly identifier: SignerIdentifier
  /** Encoded AlgorithmIdentifiers. */
  readonly digestAlgorithm: Uint8Array
  readonly signatureAlgorithm: Uint8Array
  readonly signature: Uint8Array
  /** Undefined: the signature is over the content itself. */
  readonly signedAttributes: readonly CmsAttribute[] | undefined
  /** What is signed when there are signed attributes: their DER encoding as SET OF (RFC 5652 §5.4). */
  readonly signedAttributesSet: Uint8Array | undefined
  /** Whether the signed attributes stand in DER order, as they must. */
  readonly isInOrder: boolean
  readonly unsignedAttributes: readonly CmsAttribute[]
}

/** A parsed SignedData. Parsed is not verified: see `validateCms`. */
export interface SignedData {
  /** The container as DER. */
  readonly raw: Uint8Array
  /** Object identifier of the content's type. */
  readonly contentType: string
  /** The attached content; undefined: detached. */
  readonly content: Uint8Array | undefined
  /** Encoded AlgorithmIdentifiers of the digests that signers used, as the container has them. */
  readonly digestAlgorithms: readonly Uint8Array[]
  /** All that stands in the set of certificates and in that of revocation data, of whatever kind, encoded. */
  readonly certificateSet: readonly Uint8Array[]
  readonly revocationSet: readonly Uint8Array[]
  /** Encoded certificates, unparsed: one that is broken does not spoil the others. */
  readonly certificates: readonly Uint8Array[]
  /** Encoded revocation lists, unparsed. */
  readonly crls: readonly Uint8Array[]
  /** Encoded OCSP responses, unparsed (RFC 5940). */
  readonly ocspResponses: readonly Uint8Array[]
  /** Whether there are attribute certificates or revocation data of other kinds, which were passed over. */
  readonly hasOthers: boolean
  readonly signers: readonly CmsSigner[]
}

/** Reads a ContentInfo that holds SignedData and fills `bytes`: DER or BER. Throws `MalformedError`. */
export function parseSignedData(bytes: Uint8Array): SignedData {
  try {
    return readContentInfo(bytes)
  } catch (error) {
    if (!(error instanceof MalformedError) || !onlyDer.has(error.code)) throw error
    return readContentInfo(withDefiniteLengths(bytes))
  }
}

/** What DER forbids and BER allows. */
const onlyDer: ReadonlySet<MalformedCode> = new Set([
  'length-indefinite',
  'length-not-minimal',
  'tag-unexpected',
])

function readContentInfo(der: Uint8Array): SignedData {
  return readAll(der, cmsBytesMax, reader => {
    const info = reader.enter(tags.sequence)
    const start = info.position
    if (info.readObjectIdentifier() !== contentTypes.signedData) {
      throw new MalformedError('value-invalid', start, 'not SignedData')
    }
    const wrapper = info.enter(contextConstructed(0))
    info.finish()
    const signed = wrapper.enter(tags.sequence)
    wrapper.finish()
    return readSignedData(der, signed)
  })
}

function readSignedData(raw: Uint8Array, reader: DerReader): SignedData {
  const start = reader.position
  const version = reader.readUnsigned(255)
  // RFC 5652 §5.1. Which of the four is due depends on the bags; that is not held against a producer.
  if (version !== 1 && (version < 3 || version > 5)) {
    throw new MalformedError('version-unsupported', start)
  }
  const algorithms = reader.enter(tags.set)
  const digestAlgorithms = readRaws(algorithms, digestAlgorithmsMax, () =>
    readAlgorithmIdentifier(algorithms),
  )
  const encapsulated = reader.enter(tags.sequence)
  const contentType = encapsulated.readObjectIdentifier()
  const wrapper = encapsulated.enterOptional(contextConstructed(0))
  encapsulated.finish()
  const content = wrapper?.readOctetString()
  wrapper?.finish()
  const certificateSet = readBag(reader, 0)
  const revocationSet = readBag(reader, 1)
  const certificates = certificateSet.filter(isPlain)
  const crls = revocationSet.filter(isPlain)
  const ocspResponses = revocationSet.flatMap(readOcspResponse)
  const hasOthers =
    certificates.length !== certificateSet.length ||
    crls.length + ocspResponses.length !== revocationSet.length
  const list = reader.enter(tags.set)
  reader.finish()
  const signers: CmsSigner[] = []
  while (!list.isAtEnd) {
    if (signers.length >= signersMax) throw new MalformedError('too-many', list.position)
    signers.push(readSigner(list))
  }
  return {
    raw,
    contentType,
    content,
    digestAlgorithms,
    certificateSet,
    revocationSet,
    certificates,
    crls,
    ocspResponses,
    hasOthers,
    signers,
  }
}

function readBag(reader: DerReader, number: number): readonly Uint8Array[] {
  const bag = reader.enterOptional(contextConstructed(number))
  return bag === undefined ? [] : readRaws(bag, bagMax, () => bag.readRaw())
}

// Plain certificates and lists are SEQUENCEs; the other choices (RFC 5652 §10.2) have context tags and are passed over.
function isPlain(encoded: Uint8Array): boolean {
  return encoded[0] === tags.sequence
}

// OtherRevocationInfoFormat (RFC 5652 §10.2.1) that holds an OCSP response (RFC 5940 §2.1).
function readOcspResponse(encoded: Uint8Array): readonly Uint8Array[] {
  if (encoded[0] !== contextConstructed(1)) return []
  const outer = new DerReader(encoded)
  const other = outer.enter(contextConstructed(1))
  if (other.readObjectIdentifier() !== ocspResponseFormat) return []
  const response = other.readRawOf(tags.sequence)
  other.finish()
  return [response]
}

/** The whole of an AlgorithmIdentifier, known or not. */
function readAlgorithmIdentifier(reader: DerReader): Uint8Array {
  const start = reader.position
  const identifier = reader.enter(tags.sequence)
  identifier.readObjectIdentifier()
  if (!identifier.isAtEnd) identifier.readRaw()
  identifier.finish()
  return reader.bytes.subarray(start, reader.position)
}

function readRaws(
  reader: DerReader,
  countMax: number,
  read: () => Uint8Array,
): readonly Uint8Array[] {
  const raws: Uint8Array[] = []
  while (!reader.isAtEnd) {
    if (raws.length >= countMax) throw new MalformedError('too-many', reader.position)
    raws.push(read())
  }
  return raws
}

/** Reads a SignerInfo where the reader stands. Throws `MalformedError`. */
export function readSigner(list: DerReader): CmsSigner {
  const start = list.position
  const reader = list.enter(tags.sequence)
  const raw = list.bytes.subarray(start, list.position)
  const coreStart = reader.position
  const version = reader.readUnsigned(255)
  const identifier = readIdentifier(reader)
  // RFC 5652 §5.3: 1 with issuer and serial, 3 with a key identifier.
  if (version !== (identifier.kind === 'issuer' ? 1 : 3)) {
    throw new MalformedError('version-unsupported', start)
  }
  const digestAlgorithm = reader.readRawOf(tags.sequence)
  const signed = reader.enterOptional(contextConstructed(0))
  const signedContent = signed?.bytes.subarray(signed.position, signed.end)
  const signedAttributes = signed === undefined ? undefined : readAttributes(signed)
  const signatureAlgorithm = reader.readRawOf(tags.sequence)
  const signature = reader.readOctetString()
  const core = reader.bytes.subarray(coreStart, reader.position)
  const unsigned = reader.enterOptional(contextConstructed(1))
  const unsignedAttributes = unsigned === undefined ? [] : readAttributes(unsigned)
  reader.finish()
  const set =
    signedAttributes === undefined ? undefined : setOf(...signedAttributes.map(each => each.raw))
  const isInOrder =
    set === undefined ||
    (signedContent !== undefined && bytesEqual(set, elementOf(tags.set, [signedContent])))
  return {
    raw,
    core,
    identifier,
    digestAlgorithm,
    signatureAlgorithm,
    signature,
    signedAttributes,
    signedAttributesSet: set,
    isInOrder,
    unsignedAttributes,
  }
}

function readIdentifier(reader: DerReader): SignerIdentifier {
  if (reader.peek() === contextPrimitive(0)) {
    return { kind: 'key', keyId: reader.readContent(contextPrimitive(0)) }
  }
  const both = reader.enter(tags.sequence)
  const issuer = readName(both)
  const serial = both.readInteger()
  both.finish()
  return { kind: 'issuer', issuer, serial }
}
