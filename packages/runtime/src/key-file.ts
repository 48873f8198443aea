/** Where a key file lies and who may read it. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { ownerOnlyFolder, readFileIfPresent } from './files.ts'

/** The path of a key's file, its folder made if needed. Names are lower-case words with hyphens. */
export async function keyPath(folder: string, name: string, ending: string): Promise<string> {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) throw new Error(`${name} is not a key name`)
  await ownerOnlyFolder(folder)
  return join(folder, `${name}.${ending}`)
}

/**
 * The bytes of a key file; undefined when there is none, the refusal `configuration-unsafe` when
 * others than its owner may read it.
 */
export async function readSecretFile(path: string, name: string): Promise<Uint8Array | undefined> {
  const bytes = await readFileIfPresent(path)
  if (bytes === undefined) return undefined
  if (((await stat(path)).mode & 0o077) !== 0) {
    throw new Refusal('configuration-unsafe', { setting: `key file ${name} is open to others` })
  }
  return bytes
}
