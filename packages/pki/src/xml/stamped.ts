/**
 * What the time-stamps of an XML signature are over: the canonical value for a signature time-stamp, and for an archive time-stamp
 * all that is signed and all that stands before it (ETSI EN 319 132-1 §5.3, §5.5.2).
 */
import type { XmlElement } from 'libxml2-wasm'
import type { CmsContent } from '../cms-signer.ts'
import { RunningDigest } from '../crypto.ts'
import { MalformedError } from '../der.ts'
import { type Reason, reason } from '../reason.ts'
import { parseTimeStampToken } from '../time-stamp.ts'
import type { CanonicalForm } from './canonical-form.ts'
import { propertiesIn } from './namespace.ts'
import type { UnsignedProperties, XmlTimeStamp } from './qualifying-properties.ts'
import { reasonOf, type ReferenceResolver } from './reference.ts'
import type { XmlSignature } from './signature-element.ts'
import type { XmlSource } from './source.ts'

/** A time-stamp with what it is over, or why that cannot be told. */
export interface XmlStamp extends XmlTimeStamp {
  readonly stamped: CmsContent | Reason
}

/** All time-stamps of a signature with what they are over. */
export function readStamps(
  signature: XmlSignature,
  unsigned: UnsignedProperties,
  source: XmlSource,
  resolver: ReferenceResolver,
): readonly XmlStamp[] {
  const archive = new ArchiveInput(signature, source, resolver)
  return unsigned.timeStamps.map(stamp => {
    try {
      const stamped =
        stamp.kind === 'signature'
          ? bytesOf(source.canonicalise(signature.signatureValueElement, stamp.form))
          : hashesOf(archive, stamp, unsigned.all.slice(0, stamp.position))
      return { ...stamp, stamped }
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error
      return { ...stamp, stamped: reasonOf(error) }
    }
  })
}

/** The bytes of an archive time-stamp, piece by piece: several stamps are over mostly the same. */
export class ArchiveInput {
  readonly #signature: XmlSignature
  readonly #source: XmlSource
  readonly #resolver: ReferenceResolver
  readonly #known: {
    readonly element: XmlElement
    readonly form: CanonicalForm
    readonly bytes: Uint8Array
  }[] = []

  constructor(signature: XmlSignature, source: XmlSource, resolver: ReferenceResolver) {
    this.#signature = signature
    this.#source = source
    this.#resolver = resolver
  }

  /** The pieces in their order, with these unsigned properties; the reason why a reference gives none. Throws `MalformedError`. */
  pieces(before: readonly XmlElement[], form: CanonicalForm): readonly Uint8Array[] | Reason {
    const { references, signedInfo, signatureValueElement, keyInfo, objects } = this.#signature
    const pieces: Uint8Array[] = []
    for (const reference of references) {
      const resolved = this.#resolver.resolve(reference, form)
      if (resolved.kind === 'refused') return resolved.reason
      if (resolved.content.kind === 'hashes') {
        return reason('xml-content-missing', { uri: reference.uri ?? '', needed: 'bytes' })
      }
      pieces.push(resolved.content.bytes)
    }
    const elements = [
      signedInfo,
      signatureValueElement,
      ...(keyInfo === undefined ? [] : [keyInfo]),
      ...before,
      ...objects.filter(each => propertiesIn(each).length === 0),
    ]
    return [...pieces, ...elements.map(each => this.#canonical(each, form))]
  }

  #canonical(element: XmlElement, form: CanonicalForm): Uint8Array {
    const known = this.#known.find(each => each.element === element && isSameForm(each.form, form))
    if (known !== undefined) return known.bytes
    const bytes = this.#source.canonicalise(element, form)
    this.#known.push({ element, form, bytes })
    return bytes
  }
}

// Hashed at once, as there may be much of it.
function hashesOf(
  archive: ArchiveInput,
  stamp: XmlTimeStamp,
  before: readonly XmlElement[],
): CmsContent | Reason {
  const { hash } = parseTimeStampToken(stamp.token).info.imprint
  if (hash === 'weak' || hash === 'unsupported') return { kind: 'hashes', hashes: {} }
  const pieces = archive.pieces(before, stamp.form)
  if ('code' in pieces) return pieces
  const running = new RunningDigest(hash)
  for (const each of pieces) running.update(each)
  return { kind: 'hashes', hashes: { [hash]: running.finish() } }
}

function bytesOf(bytes: Uint8Array): CmsContent {
  return { kind: 'bytes', bytes }
}

function isSameForm(a: CanonicalForm, b: CanonicalForm): boolean {
  return (
    a.kind === b.kind &&
    a.hasComments === b.hasComments &&
    a.prefixes.join(' ') === b.prefixes.join(' ')
  )
}
