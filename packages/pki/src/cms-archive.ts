/**
 * Archive time-stamps of CAdES (ETSI EN 319 122-1 §5.5.2, §5.5.3): what archive-time-stamp-v3 stamps, and the index of
 * hashes that says which certificates, lists and other attributes it covers. Older forms of the attribute are not read.
 */
import { encodeHashAlgorithm, hashAlgorithm, type HashName } from './algorithm.ts'
import type { CmsSigner, SignedData } from './cms.ts'
import { attributeIds, singleValue } from './cms-attribute.ts'
import { digest } from './crypto.ts'
import { bytesEqual, DerReader, MalformedError, tags, toHex } from './der.ts'
import { concat, objectIdentifier, octetString, sequence } from './der-writer.ts'

/** Which parts of a container an archive time-stamp covers: hashes of each. */
export interface HashIndex {
  readonly raw: Uint8Array
  readonly hash: HashName
  readonly certificates: readonly Uint8Array[]
  readonly crls: readonly Uint8Array[]
  /** Of type and value of each unsigned attribute. */
  readonly unsignedValues: readonly Uint8Array[]
}

/** Most hashes of each kind: all that a container can hold of it. */
const hashesMax = 2048

/** The index inside the token of an archive time-stamp. Throws `MalformedError`, also when there is none. */
export function readHashIndex(stamper: CmsSigner): HashIndex {
  const raw = singleValue(stamper.unsignedAttributes, attributeIds.hashIndexV3)
  if (raw === undefined) throw new MalformedError('truncated', 0, 'hash index')
  const outer = new DerReader(raw)
  const index = outer.enter(tags.sequence)
  outer.finish()
  const hash = hashAlgorithm(index.readRawOf(tags.sequence))
  if (hash === 'weak' || hash === 'unsupported')
    throw new MalformedError('value-invalid', 0, 'hash')
  const certificates = readHashes(index)
  const crls = readHashes(index)
  const unsignedValues = readHashes(index)
  index.finish()
  return { raw, hash, certificates, crls, unsignedValues }
}

/** The index of all that a container holds for a signer. */
export function hashIndexOf(data: SignedData, signer: CmsSigner, hash: HashName): HashIndex {
  const found = hashesOf(data, signer, hash)
  const raw = sequence(
    encodeHashAlgorithm(hash),
    ...[found.certificates, found.crls, found.unsignedValues].map(each =>
      sequence(...each.map(octetString)),
    ),
  )
  return { ...found, raw, hash }
}

/**
 * What of the index is not in the container: an index must name nothing else (§5.5.2). Undefined: all is there.
 */
export function missingFromContainer(
  index: HashIndex,
  data: SignedData,
  signer: CmsSigner,
): 'certificates' | 'crls' | 'unsignedValues' | undefined {
  const present = hashesOf(data, signer, index.hash)
  for (const kind of ['certificates', 'crls', 'unsignedValues'] as const) {
    const known = new Set(present[kind].map(toHex))
    if (index[kind].some(each => !known.has(toHex(each)))) return kind
  }
  return undefined
}

/** Whether the index covers one value of an unsigned attribute. */
export function coversValue(index: HashIndex, id: string, value: Uint8Array): boolean {
  const hash = digest(index.hash, concat(objectIdentifier(id), value))
  return index.unsignedValues.some(each => bytesEqual(each, hash))
}

/**
 * The bytes that an archive time-stamp stamps (§5.5.3): type of the content, hash of the content, the signer without its
 * unsigned attributes, the index. `contentHash` is by the hash of the stamp's imprint.
 */
export function archiveInput(
  data: SignedData,
  signer: CmsSigner,
  contentHash: Uint8Array,
  index: HashIndex,
): Uint8Array {
  return concat(objectIdentifier(data.contentType), contentHash, signer.core, index.raw)
}

function hashesOf(
  data: SignedData,
  signer: CmsSigner,
  hash: HashName,
): Pick<HashIndex, 'certificates' | 'crls' | 'unsignedValues'> {
  const hashed = (each: Uint8Array): Uint8Array => digest(hash, each)
  return {
    certificates: data.certificateSet.map(hashed),
    crls: data.revocationSet.map(hashed),
    unsignedValues: signer.unsignedAttributes.flatMap(each =>
      each.values.map(value => hashed(concat(objectIdentifier(each.id), value))),
    ),
  }
}

function readHashes(index: DerReader): readonly Uint8Array[] {
  const list = index.enter(tags.sequence)
  const hashes: Uint8Array[] = []
  while (!list.isAtEnd) {
    if (hashes.length >= hashesMax) throw new MalformedError('too-many', list.position)
    hashes.push(list.readOctetString())
  }
  return hashes
}
