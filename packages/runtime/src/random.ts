/** Randomness, passed in like time. */
import { createHash, randomBytes } from 'node:crypto'
import type { Instant } from './clock.ts'

/** A source of random values. */
export interface Random {
  /** `length` random bytes. */
  bytes(length: number): Uint8Array
  /** A time-ordered id for internal use (RFC 9562 §5.7), in its text form. Providers never see one. */
  uuidv7(at: Instant): string
  /** An unguessable token of at least `bits` random bits, in base64url. `bits` is a multiple of 8. */
  token(bits: number): string
}

/** The system's cryptographic generator. */
export function systemRandom(): Random {
  let pool = new Uint8Array(0)
  let used = 0
  return randomFrom(length => {
    if (length > pool.length - used) {
      if (length > poolBytes / 4) return Uint8Array.from(randomBytes(length))
      pool = Uint8Array.from(randomBytes(poolBytes))
      used = 0
    }
    const taken = pool.slice(used, used + length)
    // What was given away is nobody else's: no copy stays behind.
    pool.fill(0, used, used + length)
    used += length
    return taken
  })
}

/** Octets that the system is asked for at once: a question costs as much as what most callers do with the answer. */
const poolBytes = 4096

/**
 * A deterministic source: the same seed gives the same values in the same order. For generated
 * residents and for tests that print their seed. Anyone who knows the seed knows every value, so
 * nothing secret may come from it; programs of production have no way to ask for it.
 */
export function seededRandom(seed: string): Random {
  let block = 0
  let pool: Uint8Array = new Uint8Array(0)
  return randomFrom(length => {
    const parts = [pool]
    for (let have = pool.length; have < length; have += 32) {
      parts.push(createHash('sha256').update(`sekisho seed\0${seed}\0${block}`).digest())
      block += 1
    }
    const all = Buffer.concat(parts)
    pool = Uint8Array.from(all.subarray(length))
    return Uint8Array.from(all.subarray(0, length))
  })
}

function randomFrom(bytes: (length: number) => Uint8Array): Random {
  return {
    bytes,
    token(bits) {
      if (bits <= 0 || bits % 8 !== 0) throw new Error('a token has a multiple of 8 bits')
      return Buffer.from(bytes(bits / 8)).toString('base64url')
    },
    uuidv7(at) {
      if (!Number.isSafeInteger(at) || at < 0 || at > instantMax) {
        throw new Error('the instant does not fit a UUIDv7')
      }
      const octets = Buffer.from(bytes(16))
      octets.writeUIntBE(at, 0, 6)
      octets.writeUInt8(0x70 | (octets.readUInt8(6) & 0x0f), 6)
      octets.writeUInt8(0x80 | (octets.readUInt8(8) & 0x3f), 8)
      const hex = octets.toString('hex')
      const cuts = [0, 8, 12, 16, 20, 32]
      return cuts
        .slice(1)
        .map((end, index) => hex.slice(cuts[index], end))
        .join('-')
    },
  }
}

/** RFC 9562 §5.7: 48 bits of milliseconds. */
const instantMax = 2 ** 48 - 1
