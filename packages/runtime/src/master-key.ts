/** The key above all data keys, and its file. */
import { createHash, createSecretKey } from 'node:crypto'
import type { Effects } from './effects.ts'
import { withLockedFile, writeFileAtomically } from './files.ts'
import { keyPath, readSecretFile } from './key-file.ts'
import type { Random } from './random.ts'
import { openBox, sealBox } from './sealed-box.ts'

/** It wraps others and never meets data. */
export interface MasterKey {
  /** Names the key without telling it, so that a later master can be told from an earlier. */
  readonly id: string
  wrap(context: string, secret: Uint8Array): Promise<Uint8Array>
  /** Throws `SealBroken` when the bytes were altered or wrapped for another context. */
  unwrap(context: string, wrapped: Uint8Array): Promise<Uint8Array>
}

/** The master key in the file `<folder>/<name>.key` (32 random bytes), made when it is not there. */
export async function loadOrCreateMasterKey(
  folder: string,
  name: string,
  given: { readonly random: Random; readonly effects?: Effects | undefined },
): Promise<MasterKey> {
  const path = await keyPath(folder, name, 'key')
  const secret = await withLockedFile(path, async () => {
    const found = await readSecretFile(path, name)
    if (found !== undefined) return found
    const made = given.random.bytes(masterBytes)
    await writeFileAtomically(path, made, given)
    return made
  })
  if (secret.length !== masterBytes) throw new Error(`${path} does not hold a master key`)
  return masterKeyOf(secret, given.random)
}

/** A master key from its 32 bytes. */
export function masterKeyOf(secret: Uint8Array, random: Random): MasterKey {
  const key = createSecretKey(secret)
  const digest = createHash('sha256').update('sekisho master key id\0').update(secret).digest('hex')
  return {
    id: digest.slice(0, 16),
    wrap: async (context, plain) => sealBox(key, `master\n${context}`, plain, random),
    unwrap: async (context, wrapped) => openBox(key, `master\n${context}`, wrapped),
  }
}

const masterBytes = 32
