/**
 * A keyed permutation of the numbers below 10^9: every number has exactly one image, and without the key neither can be told from
 * the other. A Feistel network over five and four digits with AES-256 as round function and ten rounds, after the construction of
 * FF1 (NIST SP 800-38G §5.1); it is not FF1 itself, whose vectors it does not answer. Whole lists at once, because one call
 * of the cipher costs as much as a thousand blocks.
 */
import { createCipheriv, type KeyObject } from 'node:crypto'

/** How many numbers there are. */
export const permutedNumbers = 1_000_000_000

/** The images of numbers from 0 to below `permutedNumbers`, in their order. Another `tweak` (0 to 255) is another permutation. */
export function permute(key: KeyObject, tweak: number, numbers: readonly number[]): number[] {
  const left = numbers.map(number => Math.floor(number / rightMax))
  const right = numbers.map(number => number % rightMax)
  for (let round = 0; round < rounds; round++) {
    const [changed, other, limit] =
      round % 2 === 0 ? [left, right, leftMax] : [right, left, rightMax]
    const cipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false)
    const blocks = Buffer.alloc(other.length * blockBytes)
    for (const [at, value] of other.entries()) {
      blocks[at * blockBytes] = tweak
      blocks[at * blockBytes + 1] = round
      blocks.writeUInt32BE(value, at * blockBytes + 12)
    }
    const masks = cipher.update(blocks)
    for (let at = 0; at < changed.length; at++) {
      // Six octets: the bias of the remainder is below one in a hundred million.
      const mask = masks.readUIntBE(at * blockBytes, 6)
      changed[at] = ((changed[at] ?? 0) + (mask % limit)) % limit
    }
  }
  return left.map((high, at) => high * rightMax + (right[at] ?? 0))
}

const leftMax = 100_000
const rightMax = 10_000
const rounds = 10
const blockBytes = 16
