/**
 * Loaded public keys by their SubjectPublicKeyInfo. Loading a key costs more than one RSA verification, so every
 * verifier keeps one of these and passes it in.
 */
import { importPublicKey, type PublicKey } from './crypto.ts'
import { bytesEqual } from './der.ts'

interface Entry {
  readonly spki: Uint8Array
  readonly key: PublicKey
}

/**
 * A bounded cache of two generations: a full young generation becomes the old one, and what is used again moves back.
 * Keeps at least the `sizeMax / 2` and at most the `sizeMax` keys used last.
 */
export class KeyCache {
  readonly #generationMax: number
  #young = new Map<number, Entry>()
  #old = new Map<number, Entry>()

  /** @param sizeMax most keys kept; one RSA-2048 key takes some 3 kB. */
  constructor(sizeMax: number) {
    this.#generationMax = Math.max(1, Math.floor(sizeMax / 2))
  }

  /** The loaded key. Throws `MalformedError` for a SubjectPublicKeyInfo that is none. */
  key(spki: Uint8Array): PublicKey {
    const hash = sampleHash(spki)
    const young = this.#young.get(hash)
    if (young !== undefined && bytesEqual(young.spki, spki)) return young.key
    const old = this.#old.get(hash)
    // Keys whose hashes collide push each other out: an attacker gains nothing but cold verifications of its own.
    const entry =
      old !== undefined && bytesEqual(old.spki, spki)
        ? old
        : { spki: Uint8Array.from(spki), key: importPublicKey(spki) }
    if (this.#young.size >= this.#generationMax) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(hash, entry)
    return entry.key
  }

  /** Keys held now. */
  get size(): number {
    return this.#young.size + this.#old.size
  }
}

// The length and four bytes of the middle, where keys of every kind are random.
function sampleHash(bytes: Uint8Array): number {
  const middle = bytes.length >>> 1
  const high = ((bytes[middle] ?? 0) << 8) | (bytes[middle + 1] ?? 0)
  const low = ((bytes[middle + 2] ?? 0) << 8) | (bytes[middle + 3] ?? 0)
  return ((high << 16) | low) ^ bytes.length
}
