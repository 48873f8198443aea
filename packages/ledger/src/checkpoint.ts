/** Writing checkpoints; reading them is `verify.ts`. */
import type { SigningKey } from '@sekisho/runtime/keyring'
import { ed25519Type, keyIdOf, signatureLine } from './note.ts'

/** Signs for a log: an Ed25519 key, in a file or in a token. */
export type LogSigner = Pick<SigningKey, 'publicKey' | 'sign'>

/** Signs a tree head as a note (C2SP tlog-checkpoint over signed-note, Ed25519). */
export async function signCheckpoint(
  head: { readonly origin: string; readonly size: number; readonly root: Uint8Array },
  key: LogSigner,
): Promise<string> {
  assertOrigin(head.origin)
  const text = `${head.origin}\n${head.size}\n${Buffer.from(head.root).toString('base64')}\n`
  const signature = await key.sign(new TextEncoder().encode(text))
  const id = keyIdOf(head.origin, key.publicKey, ed25519Type)
  return `${text}\n${signatureLine({ name: head.origin, bytes: Buffer.concat([id, signature]) })}`
}

/** A log's name is a URL without its scheme, which also names its key: no spaces and no plus. */
export function assertOrigin(origin: string): void {
  if (!/^[a-z0-9.:-]+(\/[\w.-]+)*$/.test(origin)) throw new Error(`${origin} cannot name a log`)
}
