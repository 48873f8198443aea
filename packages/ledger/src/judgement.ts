/**
 * What an outsider needs to check the ledger without trusting its operator: checkpoints, inclusion
 * and consistency. Pure: bytes in, judgements out. Specification: `docs/protocol/ledger.md`.
 *
 * Not done here: comparing checkpoints with other observers. A log that shows two histories is
 * found out only by those who exchange what they were shown.
 */
import { createHash, type KeyObject, verify } from 'node:crypto'
import { leafHash, nodeHash } from './merkle.ts'
import { ed25519Type, formatVerifierKey, keyIdOf, parseVerifierKey, splitNote } from './note.ts'
import { failed, type Verdict } from './reason.ts'

/** The name and public key of a log, as an outsider keeps them. */
export type LogKey = { readonly origin: string; readonly publicKey: KeyObject }

let accept: (size: number, root: Uint8Array, origin: string) => Checkpoint

/** A tree head whose signature was verified. There is no other way to get one. */
export class Checkpoint {
  readonly origin: string
  /** How many entries the log had. */
  readonly size: number
  readonly root: Uint8Array

  private constructor(size: number, root: Uint8Array, origin: string) {
    this.size = size
    this.root = root
    this.origin = origin
  }
  static {
    accept = (size, root, origin) => new Checkpoint(size, root, origin)
  }
}

/** Reads a log's verifier key. Throws on anything else: a wrong key is a mistake of set-up, not of the log. */
export function parseLogKey(text: string): LogKey {
  const { name, publicKey } = parseVerifierKey(text, ed25519Type)
  return { origin: name, publicKey }
}

/** Writes a log's verifier key, to be published where the log itself cannot change it. */
export function formatLogKey(key: LogKey): string {
  return formatVerifierKey({ name: key.origin, publicKey: key.publicKey }, ed25519Type)
}

/**
 * Verifies a checkpoint: a signed note (C2SP signed-note) whose text is a tree head (C2SP
 * tlog-checkpoint). Signatures of other keys, such as witnesses, are passed over; the log's own must be
 * there and hold.
 */
export function verifyCheckpoint(note: string, key: LogKey): Verdict<Checkpoint> {
  const found = splitNote(note)
  if (found === undefined) return failed('checkpoint-malformed')
  const [origin, sizeText, rootText] = found.text.split('\n')
  const size = Number(sizeText)
  const root = Buffer.from(rootText ?? '', 'base64')
  if (
    !/^(0|[1-9][0-9]{0,15})$/.test(sizeText ?? '') ||
    !Number.isSafeInteger(size) ||
    root.length !== hashBytes ||
    root.toString('base64') !== rootText
  ) {
    return failed('checkpoint-malformed')
  }
  if (origin !== key.origin) return failed('checkpoint-of-another-log')

  const id = Buffer.from(keyIdOf(key.origin, key.publicKey, ed25519Type))
  const own = found.signatures.find(
    ({ name, bytes }) => name === key.origin && id.equals(bytes.subarray(0, 4)),
  )
  if (own === undefined) return failed('checkpoint-unsigned')
  const text = new TextEncoder().encode(found.text)
  if (!verify(null, text, key.publicKey, own.bytes.subarray(4))) {
    return failed('checkpoint-signature-invalid')
  }
  return { kind: 'passed', value: accept(size, Uint8Array.from(root), origin) }
}

/** A place in the log and the hashes that lead from it to a root. */
export type InclusionProof = {
  readonly index: number
  /** The size of the tree that the path leads to the root of. */
  readonly size: number
  readonly path: readonly Uint8Array[]
}

/**
 * Verifies that the leaf with this content hash stands at the proof's index under the checkpoint
 * (RFC 9162 §2.1.3.2, whose steps are numbered here).
 */
export function verifyInclusion(
  contentHash: Uint8Array,
  proof: InclusionProof,
  checkpoint: Checkpoint,
): Verdict<InclusionProof> {
  const { index, size, path } = proof
  // 1  index below the size, and the size is the checkpoint's
  if (!isIndex(index) || index >= size || size !== checkpoint.size) return failed('inclusion-wrong')
  // 2, 3
  let node = index
  let last = size - 1
  let hash = leafHash(contentHash)
  // 4
  for (const sibling of path) {
    if (last === 0) return failed('inclusion-wrong')
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  // 5
  if (last !== 0 || !equal(hash, checkpoint.root)) return failed('inclusion-wrong')
  return { kind: 'passed', value: proof }
}

/**
 * Verifies that the later checkpoint's log begins with the whole of the earlier one's: nothing was
 * changed or taken away (RFC 9162 §2.1.4.2, whose steps are numbered here).
 */
export function verifyConsistency(
  earlier: Checkpoint,
  later: Checkpoint,
  proof: readonly Uint8Array[],
): Verdict<Checkpoint> {
  const wrong = failed('consistency-wrong')
  const right: Verdict<Checkpoint> = { kind: 'passed', value: later }
  if (earlier.size > later.size) return wrong
  if (earlier.size === later.size) {
    return proof.length === 0 && equal(earlier.root, later.root) ? right : wrong
  }
  // Everything begins with nothing.
  if (earlier.size === 0) return proof.length === 0 ? right : wrong
  // 1, 2  the earlier root itself begins the path when it is a complete subtree
  const path = isPowerOfTwo(earlier.size) ? [earlier.root, ...proof] : proof
  // 3, 4
  let node = earlier.size - 1
  let last = later.size - 1
  while (node % 2 === 1) {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  // 5
  const [first, ...rest] = path
  if (first === undefined) return wrong
  let before = first
  let after = first
  // 6
  for (const sibling of rest) {
    if (last === 0) return wrong
    if (node % 2 === 1 || node === last) {
      before = nodeHash(sibling, before)
      after = nodeHash(sibling, after)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      after = nodeHash(after, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  // 7
  return last === 0 && equal(before, earlier.root) && equal(after, later.root) ? right : wrong
}

/** The bytes of an entry and the salt that hides them from guessing. */
export type DisclosedEntry = { readonly salt: Uint8Array; readonly entry: Uint8Array }

/** 256 bits, so that nobody finds an entry by guessing what it may say. */
export const saltBytes = 32

/** What a leaf is made of: SHA-256(salt ‖ entry), 32 bytes of salt. */
export function contentHashOf(disclosed: DisclosedEntry): Uint8Array {
  if (disclosed.salt.length !== saltBytes) throw new Error('a salt has 32 bytes')
  const sha256 = createHash('sha256').update(disclosed.salt).update(disclosed.entry)
  return Uint8Array.from(sha256.digest())
}

/** Verifies that these very bytes stand in the log at the proof's index. */
export function verifyEntry(
  disclosed: DisclosedEntry,
  proof: InclusionProof,
  checkpoint: Checkpoint,
): Verdict<InclusionProof> {
  if (disclosed.salt.length !== saltBytes) return failed('inclusion-wrong')
  return verifyInclusion(contentHashOf(disclosed), proof, checkpoint)
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function isPowerOfTwo(size: number): boolean {
  return Number.isInteger(Math.log2(size)) && 2 ** Math.round(Math.log2(size)) === size
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.from(one).equals(other)
}

const hashBytes = 32
