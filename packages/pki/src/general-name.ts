/** GeneralName (RFC 5280 §4.2.1.6): the names of alternative-name extensions, distribution points, constraints. */
import { contextConstructed, contextPrimitive, DerReader, MalformedError, tags } from './der.ts'
import { Name } from './name.ts'

/** One general name. Values are as encoded: host names are not lower-cased, addresses not interpreted. */
export type GeneralName =
  | {
      readonly kind: 'other'
      /** Object identifier that tells the meaning, dotted. */
      readonly type: string
      /** The encoded value inside the [0] EXPLICIT wrapper. */
      readonly value: Uint8Array
    }
  | { readonly kind: 'email'; readonly address: string }
  | { readonly kind: 'dns'; readonly host: string }
  | { readonly kind: 'directory'; readonly name: Name }
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'ip'; readonly address: Uint8Array }
  | { readonly kind: 'registered'; readonly id: string }
  /** x400Address and ediPartyName: kept, never interpreted. */
  | { readonly kind: 'x400' | 'ediParty'; readonly raw: Uint8Array }

/** Kind of a general name. */
export type GeneralNameKind = GeneralName['kind']

/**
 * Most names in one GeneralNames. A signature certificate has 6; TLS certificates with 2,000 exist. What a verifier may
 * spend on comparing them is bounded separately (`comparisonsMax`).
 */
const generalNamesMax = 4096

/** Reads one GeneralName where the reader stands. */
export function readGeneralName(reader: DerReader): GeneralName {
  const start = reader.position
  switch (reader.peek()) {
    case contextConstructed(0): {
      const inner = reader.enter(contextConstructed(0))
      const type = inner.readObjectIdentifier()
      const wrapper = inner.enter(contextConstructed(0))
      const value = wrapper.readRaw()
      wrapper.finish()
      inner.finish()
      return { kind: 'other', type, value }
    }
    case contextPrimitive(1):
      return { kind: 'email', address: reader.readIa5String(contextPrimitive(1)) }
    case contextPrimitive(2):
      return { kind: 'dns', host: reader.readIa5String(contextPrimitive(2)) }
    case contextConstructed(3):
      return { kind: 'x400', raw: reader.readRaw() }
    case contextConstructed(4): {
      const inner = reader.enter(contextConstructed(4))
      const name = new Name(inner.readRawOf(tags.sequence))
      inner.finish()
      return { kind: 'directory', name }
    }
    case contextConstructed(5):
      return { kind: 'ediParty', raw: reader.readRaw() }
    case contextPrimitive(6):
      return { kind: 'uri', uri: reader.readIa5String(contextPrimitive(6)) }
    case contextPrimitive(7):
      return { kind: 'ip', address: reader.readContent(contextPrimitive(7)) }
    case contextPrimitive(8):
      return { kind: 'registered', id: reader.readObjectIdentifier(contextPrimitive(8)) }
    default:
      throw new MalformedError('tag-unexpected', start, 'not a general name')
  }
}

/** Reads the GeneralNames that fill the reader: at least one. */
export function readGeneralNames(reader: DerReader): readonly GeneralName[] {
  const names: GeneralName[] = []
  do {
    if (names.length >= generalNamesMax) throw new MalformedError('too-many', reader.position)
    names.push(readGeneralName(reader))
  } while (!reader.isAtEnd)
  return names
}

/** Checks that a value is a non-empty SEQUENCE of general names, without decoding them. Throws `MalformedError`. */
export function checkGeneralNamesFrame(value: Uint8Array): void {
  const outer = new DerReader(value)
  const names = outer.enter(tags.sequence)
  outer.finish()
  do {
    const start = names.position
    names.next()
    if (!generalNameTags.has(names.tag)) throw new MalformedError('tag-unexpected', start)
  } while (!names.isAtEnd)
}

const generalNameTags: ReadonlySet<number> = new Set([
  contextConstructed(0),
  contextPrimitive(1),
  contextPrimitive(2),
  contextConstructed(3),
  contextConstructed(4),
  contextConstructed(5),
  contextPrimitive(6),
  contextPrimitive(7),
  contextPrimitive(8),
])
