/**
 * What `crypto.ts` is in Node, for a browser: the same names over WebCrypto and a well-kept library for hashes. WebCrypto answers
 * later and the trust core asks at once, so a judgement is made again with the answers that came (`settle`).
 */
import { sha1 } from '@noble/hashes/legacy.js'
import { sha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import {
  type HashName,
  hashOf,
  type KeyFacts,
  keyFitsAlgorithm,
  parseKeyFacts,
  type SignatureAlgorithm,
  saltLength,
} from '../algorithm.ts'
import { DerReader, tags, toHex } from '../der.ts'

/** Answers that came, by what was asked, and questions that wait. */
const answers = new Map<string, boolean>()
const questions = new Map<string, () => Promise<boolean>>()

/** Most rounds: each answers all that was asked so far, and a judgement asks in a few steps. */
const roundsMax = 32

/** Makes a judgement until nothing it asked is open. What cannot be answered here counts as a bad signature. */
export async function settle<T>(judge: () => T): Promise<T> {
  for (let round = 0; round < roundsMax; round++) {
    const result = judge()
    if (questions.size === 0) return result
    for (const [question, ask] of questions) answers.set(question, await ask())
    questions.clear()
  }
  throw new Error('a judgement that does not end')
}

/** A public key that was parsed and checked. */
export class PublicKey {
  readonly facts: KeyFacts
  readonly #spki: Uint8Array

  constructor(facts: KeyFacts, spki: Uint8Array) {
    this.facts = facts
    this.#spki = spki
  }

  /** As in Node, once the answer has come; `false` until then. */
  verify(algorithm: SignatureAlgorithm, message: Uint8Array, signature: Uint8Array): boolean {
    if (!keyFitsAlgorithm(this.facts, algorithm)) return false
    const question = [this.#spki, message, signature]
      .map(each => toHex(sha256(each)))
      .join(algorithm)
    const known = answers.get(question)
    if (known !== undefined) return known
    const { facts } = this
    const spki = this.#spki
    questions.set(question, () => ask(facts, spki, algorithm, message, signature))
    return false
  }

  /** The bare-hash form is not offered in a browser: such signatures have no file of their own. */
  verifyBareBlock(): boolean {
    return false
  }
}

/** Reads a SubjectPublicKeyInfo. Throws `MalformedError`. */
export function importPublicKey(spki: Uint8Array): PublicKey {
  return new PublicKey(parseKeyFacts(spki), spki)
}

/** Hash of a message. */
export function digest(name: HashName | 'sha1', message: Uint8Array): Uint8Array {
  return hashes[name](message)
}

interface HashState {
  update(piece: Uint8Array): unknown
  digest(): Uint8Array
  clone(): HashState
}

/** A hash that is fed piece by piece. */
export class RunningDigest {
  readonly #state: HashState

  constructor(from: HashName | HashState) {
    this.#state = typeof from === 'string' ? hashes[from].create() : from
  }

  update(piece: Uint8Array): void {
    this.#state.update(piece)
  }

  copy(): RunningDigest {
    return new RunningDigest(this.#state.clone())
  }

  finish(): Uint8Array {
    return this.#state.digest()
  }
}

/** Compares without stopping at the first difference. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0)
  return difference === 0
}

async function ask(
  facts: KeyFacts,
  spki: Uint8Array,
  algorithm: SignatureAlgorithm,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const hash = webHashes[hashOf(algorithm)]
  const [importing, verifying, raw] = parametersOf(facts, algorithm, hash, signature)
  if (raw === undefined) return false
  try {
    const { subtle } = globalThis.crypto
    const key = await subtle.importKey('spki', copyOf(spki), importing, false, ['verify'])
    return await subtle.verify(verifying, key, copyOf(raw), copyOf(message))
  } catch {
    // A browser that does not know an algorithm cannot say that a signature is good.
    return false
  }
}

type Importing = Parameters<typeof globalThis.crypto.subtle.importKey>[2]
type Verifying = Parameters<typeof globalThis.crypto.subtle.verify>[0]

function parametersOf(
  facts: KeyFacts,
  algorithm: SignatureAlgorithm,
  hash: string,
  signature: Uint8Array,
): readonly [Importing, Verifying, Uint8Array | undefined] {
  if (facts.kind === 'ec') {
    const raw = rawSignature(signature, facts.curve === 'P-256' ? 32 : 48)
    return [{ name: 'ECDSA', namedCurve: facts.curve }, { name: 'ECDSA', hash }, raw]
  }
  if (algorithm === 'ed25519') return [{ name: 'Ed25519' }, { name: 'Ed25519' }, signature]
  const salt = saltLength(algorithm)
  if (salt !== undefined) {
    return [{ name: 'RSA-PSS', hash }, { name: 'RSA-PSS', saltLength: salt }, signature]
  }
  return [{ name: 'RSASSA-PKCS1-v1_5', hash }, { name: 'RSASSA-PKCS1-v1_5' }, signature]
}

// DER (RFC 3279 §2.2.3) as r ‖ s, which is what WebCrypto takes. Undefined: it is none, or too long.
function rawSignature(signature: Uint8Array, size: number): Uint8Array | undefined {
  try {
    const outer = new DerReader(signature)
    const both = outer.enter(tags.sequence)
    outer.finish()
    const parts = [both.readInteger(), both.readInteger()]
    both.finish()
    const raw = new Uint8Array(2 * size)
    for (const [i, part] of parts.entries()) {
      const digits = part[0] === 0 ? part.subarray(1) : part
      if (digits.length > size || (part[0] ?? 0) >= 0x80) return undefined
      raw.set(digits, (i + 1) * size - digits.length)
    }
    return raw
  } catch {
    return undefined
  }
}

function copyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes)
}

const hashes = { sha1, sha256, sha384, sha512 }
const webHashes = { sha256: 'SHA-256', sha384: 'SHA-384', sha512: 'SHA-512' } as const
