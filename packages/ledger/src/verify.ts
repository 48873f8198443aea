/**
 * What an outsider needs to check the ledger without trusting its operator: checkpoints, inclusion
 * and consistency. Pure: bytes in, judgements out. Specification: `docs/protocol/ledger.md`.
 *
 * Not done here: comparing checkpoints with other observers. A log that shows two histories is
 * found out only by those who exchange what they were shown.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { leafHash, nodeHash } from './merkle.ts'

/** What a check says. A reason carries its text beside the code. */
export type Verdict<T> =
  | { readonly kind: 'passed'; readonly value: T }
  | { readonly kind: 'failed'; readonly reason: Reason }

/** Why a check failed. */
export type Reason = { readonly code: ReasonCode; readonly ja: string; readonly en: string }

/** The closed list of reasons. */
export type ReasonCode = keyof typeof reasons

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

/**
 * Reads a log's verifier key, `<name>+<key id>+<key>` (C2SP signed-note, "vkey"). Throws on
 * anything else: a wrong key is a mistake of set-up, not of the log.
 */
export function parseLogKey(text: string): LogKey {
  const [origin, id, key, ...rest] = text.split('+')
  const keyText = [key, ...rest].join('+')
  const bytes = Buffer.from(keyText, 'base64')
  if (origin === undefined || bytes.length !== 33 || bytes[0] !== ed25519Type) {
    throw new Error('this is not a verifier key of a log')
  }
  const raw = Uint8Array.from(bytes.subarray(1))
  if (Buffer.from(keyIdOf(origin, raw)).toString('hex') !== id) {
    throw new Error('the verifier key does not match its own id')
  }
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') }
  return { origin, publicKey: createPublicKey({ key: jwk, format: 'jwk' }) }
}

/** Writes a log's verifier key, to be published where the log itself cannot change it. */
export function formatLogKey(key: LogKey): string {
  const raw = rawPublicKey(key.publicKey)
  const id = Buffer.from(keyIdOf(key.origin, raw)).toString('hex')
  return `${key.origin}+${id}+${Buffer.concat([Uint8Array.of(ed25519Type), raw]).toString('base64')}`
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

  const id = Buffer.from(keyIdOf(key.origin, rawPublicKey(key.publicKey)))
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

/** The four bytes that name a key in a signature line (C2SP signed-note, Ed25519). */
export function keyIdOf(name: string, rawKey: Uint8Array): Uint8Array {
  const sha256 = createHash('sha256').update(`${name}\n`).update(Uint8Array.of(ed25519Type))
  return Uint8Array.from(sha256.update(rawKey).digest().subarray(0, 4))
}

/** The 32 bytes of an Ed25519 public key. */
export function rawPublicKey(key: KeyObject): Uint8Array {
  const { crv, x } = key.export({ format: 'jwk' })
  if (crv !== 'Ed25519' || typeof x !== 'string') throw new Error('a log signs with Ed25519')
  return Uint8Array.from(Buffer.from(x, 'base64url'))
}

type Note = {
  /** With its last newline, as it was signed. */
  readonly text: string
  readonly signatures: readonly { readonly name: string; readonly bytes: Uint8Array }[]
}

function splitNote(note: string): Note | undefined {
  const cut = note.lastIndexOf('\n\n')
  if (cut < 0 || note.length > noteLengthMax || !note.endsWith('\n')) return undefined
  const text = note.slice(0, cut + 1)
  // A line of the text may be unknown to us, but never empty.
  if (
    text
      .split('\n')
      .slice(0, -1)
      .some(line => line === '')
  )
    return undefined
  const signatures: { name: string; bytes: Uint8Array }[] = []
  for (const line of note.slice(cut + 2, -1).split('\n')) {
    const [, name, encoded] = /^— ([^\s+]+) ([A-Za-z0-9+/]+={0,2})$/u.exec(line) ?? []
    if (name === undefined || encoded === undefined) return undefined
    const bytes = Buffer.from(encoded, 'base64')
    if (bytes.length < 5 || bytes.toString('base64') !== encoded) return undefined
    signatures.push({ name, bytes: Uint8Array.from(bytes) })
  }
  return { text, signatures }
}

function failed(code: ReasonCode): { readonly kind: 'failed'; readonly reason: Reason } {
  return { kind: 'failed', reason: { code, ...reasons[code] } }
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

const reasons = {
  'checkpoint-malformed': {
    ja: 'チェックポイントの形式が正しくありません。',
    en: 'The checkpoint does not have the required form.',
  },
  'checkpoint-of-another-log': {
    ja: '別の台帳のチェックポイントです。',
    en: 'The checkpoint belongs to another log.',
  },
  'checkpoint-unsigned': {
    ja: 'チェックポイントにこの台帳の鍵による署名がありません。',
    en: 'The checkpoint carries no signature by the key of this log.',
  },
  'checkpoint-signature-invalid': {
    ja: 'チェックポイントの署名が正しくありません。',
    en: 'The signature on the checkpoint does not hold.',
  },
  'inclusion-wrong': {
    ja: 'この記録が台帳に含まれることを確認できません。',
    en: 'The proof does not show that the entry stands in the log.',
  },
  'consistency-wrong': {
    ja: '台帳の過去の記録が変更されていないことを確認できません。',
    en: 'The proof does not show that the later log continues the earlier one.',
  },
} as const

/** C2SP signed-note: the type byte of Ed25519. */
const ed25519Type = 1
const hashBytes = 32
/** A head, our signature and some witnesses take a few hundred bytes. */
const noteLengthMax = 100_000
