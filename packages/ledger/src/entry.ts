/** What is recorded: entries of declared kinds, as bytes that are hashed and sealed once. */
import type { Instant } from '@sekisho/runtime/clock'

/** What a field of an entry may hold. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'texts'

type FieldOf<K extends FieldKind> = K extends 'text'
  ? string
  : K extends 'number'
    ? number
    : K extends 'boolean'
      ? boolean
      : readonly string[]

type Fields = Readonly<Record<string, FieldKind>>

/** A declared kind of entry. */
export type EntryKind<F extends Fields> = {
  readonly code: string
  /** What such an entry says, Japanese and English, for the person who reads it. */
  readonly ja: string
  readonly en: string
  readonly fields: F
}

/** The values of an entry of this kind. */
export type EntryValues<F extends Fields> = { readonly [K in keyof F]: FieldOf<F[K]> }

type Declaration = { readonly ja: string; readonly en: string; readonly fields: Fields }

/**
 * Declares the kinds that a package records: `defineEntries({ 'platform.consent-given': { ja, en,
 * fields: { claims: 'texts' } } })`. A code is `<package>.<what-happened>` and never changes meaning.
 */
export function defineEntries<const D extends Readonly<Record<string, Declaration>>>(
  declared: D,
): { readonly [Code in keyof D & string]: EntryKind<D[Code]['fields']> } {
  const kinds: Record<string, EntryKind<Fields>> = {}
  for (const [code, declaration] of Object.entries(declared)) {
    if (!/^[a-z]+\.[a-z0-9]+(-[a-z0-9]+)*$/.test(code)) throw new Error(`${code} is not a kind`)
    kinds[code] = { ...declaration, code }
  }
  // The loop gives each code of D exactly its declaration; the compiler cannot follow that.
  return kinds as unknown as { readonly [Code in keyof D & string]: EntryKind<D[Code]['fields']> }
}

/** One thing that happened, as read back. */
export type Entry = {
  readonly id: string
  readonly kind: string
  /** Domain time. */
  readonly at: Instant
  readonly personId: string | undefined
  readonly providerId: string | undefined
  readonly values: Readonly<Record<string, unknown>>
}

/** The bytes of an entry. They are kept as they are, so no second spelling of them is ever needed. */
export function encodeEntry(entry: Entry, fields: Fields): Uint8Array {
  for (const name of new Set([...Object.keys(fields), ...Object.keys(entry.values)])) {
    if (!fits(fields[name], entry.values[name])) {
      throw new Error(`the entry ${entry.kind} does not hold ${name} as it is declared`)
    }
  }
  const { id, kind, at, personId, providerId, values } = entry
  return new TextEncoder().encode(
    JSON.stringify({ v: 1, id, kind, at, personId, providerId, values }),
  )
}

/** Reads the bytes back; throws when they are not an entry. */
export function decodeEntry(bytes: Uint8Array): Entry {
  const found: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  if (typeof found !== 'object' || found === null) throw new Error('these bytes are no entry')
  const field = (name: string): unknown => Reflect.get(found, name)
  const [id, kind, at, values] = [field('id'), field('kind'), field('at'), field('values')]
  if (
    field('v') !== 1 ||
    typeof id !== 'string' ||
    typeof kind !== 'string' ||
    typeof at !== 'number' ||
    typeof values !== 'object' ||
    values === null
  ) {
    throw new Error('these bytes are no entry')
  }
  return {
    id,
    kind,
    at,
    personId: textOrNone(field('personId')),
    providerId: textOrNone(field('providerId')),
    values: Object.fromEntries(Object.entries(values)),
  }
}

function fits(kind: FieldKind | undefined, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string'
    case 'number':
      return typeof value === 'number' && Number.isSafeInteger(value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'texts':
      return Array.isArray(value) && value.every(item => typeof item === 'string')
    case undefined:
      return false
  }
}

function textOrNone(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
