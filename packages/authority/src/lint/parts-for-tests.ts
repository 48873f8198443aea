/** Takes to-be-signed parts apart and puts them together again, so that tests change one thing in a real one. */
import { contextConstructed, der, DerReader, tags } from '@sekisho/pki'
import { type EncodedExtension, encodeExtension, type Signer } from '@sekisho/pki/issue'

/** Elements of a to-be-signed before its extensions, and these. */
export type Parts = {
  readonly elements: readonly Uint8Array[]
  readonly extensions: readonly EncodedExtension[]
}

/** What an issuing function was about to have signed. */
export function toBeSigned(issue: (sign: Signer) => Uint8Array): Uint8Array {
  let seen: Uint8Array | undefined
  issue((_algorithm, tbs) => {
    seen = tbs
    return new Uint8Array()
  })
  if (seen === undefined) throw new Error('nothing was signed')
  return seen
}

/** Takes apart: extensions are [3] of certificates, [0] of lists. */
export function partsOf(tbs: Uint8Array, wrapper: 0 | 3): Parts {
  const reader = new DerReader(tbs).enter(tags.sequence)
  const elements: Uint8Array[] = []
  while (!reader.isAtEnd) {
    const isWrapper = reader.peek() === contextConstructed(wrapper)
    if (!isWrapper) elements.push(reader.readRaw())
    else return { elements, extensions: readAll(reader.enter(contextConstructed(wrapper))) }
  }
  return { elements, extensions: [] }
}

function readAll(wrapper: DerReader): readonly EncodedExtension[] {
  const list = wrapper.enter(tags.sequence)
  const found: EncodedExtension[] = []
  while (!list.isAtEnd) {
    const one = list.enter(tags.sequence)
    const id = one.readObjectIdentifier()
    const isCritical = one.readDefaultFalse()
    found.push({ id, isCritical, value: one.readOctetString() })
  }
  return found
}

/** Puts together. */
export function joined({ elements, extensions }: Parts, wrapper: 0 | 3): Uint8Array {
  const written = der.explicit(wrapper, der.sequence(...extensions.map(encodeExtension)))
  return der.sequence(...elements, written)
}

/** The parts with another element in one place. */
export function withElement(parts: Parts, at: number, element: Uint8Array): Parts {
  return { ...parts, elements: parts.elements.with(at, element) }
}

/** The parts with another extension in place of the one with its identifier. */
export function withExtension(parts: Parts, other: EncodedExtension): Parts {
  const extensions = parts.extensions.map(one => (one.id === other.id ? other : one))
  return { ...parts, extensions }
}

/** The parts without an extension. */
export function withoutExtension(parts: Parts, id: string): Parts {
  return { ...parts, extensions: parts.extensions.filter(one => one.id !== id) }
}

/** The parts with one more extension, behind the one named. */
export function withExtensionAfter(parts: Parts, id: string, one: EncodedExtension): Parts {
  const at = parts.extensions.findIndex(each => each.id === id)
  return { ...parts, extensions: parts.extensions.toSpliced(at + 1, 0, one) }
}
