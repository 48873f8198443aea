/** Draws from a source of randomness, quick enough for millions: octets are taken by the block. */
import type { Random } from '@sekisho/runtime/random'

/** Draws of one generator. */
export type Draw = {
  /** A number from 0 to below `limit`, which is at most 2^24: bias below one in two hundred. */
  below(limit: number): number
  /** Whether something of so many percent happens. */
  happens(percent: number): boolean
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T
  /** Index of one of the weights, the heavier the likelier. */
  weighted(weights: readonly number[]): number
}

/** Draws over a source. */
export function drawFrom(random: Random): Draw {
  let block: DataView = new DataView(new ArrayBuffer(0))
  let at = 0
  const next = (): number => {
    if (at >= block.byteLength) {
      const bytes = random.bytes(blockBytes)
      block = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
      at = 0
    }
    const value = block.getUint32(at)
    at += 4
    return value
  }
  const draw: Draw = {
    below: limit => next() % limit,
    happens: percent => next() < (percent / 100) * 2 ** 32,
    pick: list => {
      const found = list[next() % list.length]
      if (found === undefined) throw new RangeError('an empty list')
      return found
    },
    weighted: weights => {
      const total = weights.reduce((sum, weight) => sum + weight, 0)
      let rest = (next() / 2 ** 32) * total
      const index = weights.findIndex(weight => (rest -= weight) < 0)
      return Math.max(0, index)
    },
  }
  return draw
}

const blockBytes = 1 << 16
