/** A map whose keys are byte strings: keys, names. Compares content, not identity. */
import { bytesEqual } from './der.ts'

/** Map from byte strings. Holds references to its keys: they must not be changed afterwards. */
export class ByteMap<T> {
  readonly #chains = new Map<number, { readonly key: Uint8Array; value: T }[]>()

  get(key: Uint8Array): T | undefined {
    const chain = this.#chains.get(hashBytes(key))
    if (chain === undefined) return undefined
    for (const each of chain) if (bytesEqual(each.key, key)) return each.value
    return undefined
  }

  set(key: Uint8Array, value: T): void {
    const hash = hashBytes(key)
    const chain = this.#chains.get(hash)
    if (chain === undefined) {
      this.#chains.set(hash, [{ key, value }])
      return
    }
    const known = chain.find(each => bytesEqual(each.key, key))
    if (known === undefined) chain.push({ key, value })
    else known.value = value
  }

  *values(): Iterable<T> {
    for (const chain of this.#chains.values()) for (const each of chain) yield each.value
  }
}

// FNV-1a over the length and the last bytes, which is where encoded names and keys differ.
function hashBytes(bytes: Uint8Array): number {
  const length = bytes.length
  let hash = 0x811c9dc5 ^ length
  for (let i = Math.max(0, length - hashedBytes); i < length; i++) {
    hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x01000193)
  }
  return hash
}

// Two relative names of usual length: `Hiroshima-ken` and `Fuchu-shi CRLDP` with their frames take 60.
const hashedBytes = 64
