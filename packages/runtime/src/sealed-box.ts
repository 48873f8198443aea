/**
 * A sealed box: AES-256-GCM (NIST SP 800-38D) under one key, bound to a context by the additional
 * data, so that a box opens only where it belongs.
 *
 * Layout: one version byte (1), 12 bytes of nonce, the ciphertext, 16 bytes of tag. Nonces are
 * random, so one key may seal some 2^32 boxes; a person's key seals thousands.
 */
import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto'
import type { Random } from './random.ts'

/** A box was altered, or opened with another key or in another context than it was sealed for. */
export class SealBroken extends Error {
  constructor(context: string) {
    super(`a sealed box does not open as ${context}`)
    this.name = 'SealBroken'
  }
}

/** Seals `plain` for one context. */
export function sealBox(
  key: KeyObject,
  context: string,
  plain: Uint8Array,
  random: Random,
): Uint8Array {
  const nonce = random.bytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(new TextEncoder().encode(context))
  const sealed = [Uint8Array.of(version), nonce, cipher.update(plain), cipher.final()]
  return Uint8Array.from(Buffer.concat([...sealed, cipher.getAuthTag()]))
}

/** Opens a box; throws `SealBroken` unless every bit and the context are as they were sealed. */
export function openBox(key: KeyObject, context: string, box: Uint8Array): Uint8Array {
  if (box[0] !== version || box.length < 1 + nonceBytes + tagBytes) throw new SealBroken(context)
  const nonce = box.subarray(1, 1 + nonceBytes)
  const sealed = box.subarray(1 + nonceBytes, -tagBytes)
  const cipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(new TextEncoder().encode(context))
  cipher.setAuthTag(box.subarray(-tagBytes))
  try {
    return Uint8Array.from(Buffer.concat([cipher.update(sealed), cipher.final()]))
  } catch {
    throw new SealBroken(context)
  }
}

const version = 1
const nonceBytes = 12
const tagBytes = 16
