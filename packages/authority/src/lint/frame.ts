/** To-be-signed parts as they are on the wire: for rules about what the parsers, rightly generous, do not keep. */
import {
  contextConstructed,
  der,
  DerReader,
  encodeSignatureAlgorithm,
  type Instant,
  parseKeyFacts,
  type SignatureAlgorithm,
  tags,
} from '@sekisho/pki'

/** An extension of a certificate, a list or an entry. */
export type FramedExtension = {
  readonly id: string
  readonly isCritical: boolean
}

/** A to-be-signed with an empty signature, so that the parsers of finished objects read it. */
export function unsigned(algorithm: SignatureAlgorithm, tbs: Uint8Array): Uint8Array {
  return der.sequence(tbs, encodeSignatureAlgorithm(algorithm), der.bitString(new Uint8Array()))
}

/** Extensions in the order written: [3] of a certificate, [0] of a list. Throws `MalformedError`. */
export function extensionsOf(tbs: Uint8Array, wrapper: 0 | 3): readonly FramedExtension[] {
  const reader = new DerReader(tbs).enter(tags.sequence)
  // The version of a certificate is a [0] too, and comes first.
  if (reader.peek() === contextConstructed(0)) reader.next()
  while (!reader.isAtEnd) {
    if (reader.peek() === contextConstructed(wrapper))
      return readExtensions(reader.enter(contextConstructed(wrapper)))
    reader.next()
  }
  return []
}

/** Reads a list of extensions. */
export function readExtensions(wrapper: DerReader): readonly FramedExtension[] {
  const list = wrapper.enter(tags.sequence)
  const found: FramedExtension[] = []
  while (!list.isAtEnd) {
    const extension = list.enter(tags.sequence)
    found.push({
      id: extension.readObjectIdentifier(),
      isCritical: extension.readDefaultFalse(),
    })
  }
  return found
}

/** Whether the next element is a time in the form of its year: UTCTime through 2049 (RFC 5280 §4.1.2.5). */
export function readsInOwnForm(reader: DerReader): boolean {
  const tag = reader.peek()
  const at = reader.readTime()
  return (tag === tags.utcTime) === at < generalizedFrom
}

const generalizedFrom: Instant = Date.UTC(2050, 0, 1)

/** The algorithm with which a key of the authority signs: one for each kind of key (jpki.md §2.1, §1.10). */
export function algorithmOf(spki: Uint8Array): SignatureAlgorithm {
  return parseKeyFacts(spki).kind === 'ec' ? 'ecdsa-sha384' : 'rsa-sha256'
}
