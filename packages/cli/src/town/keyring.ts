/** The token of a platform, where it has one: a file beside its keys says which. */
import { join } from 'node:path'
import { readJsonFile } from '@sekisho/runtime/files'
import { type Keyring, tokenKeyring } from '@sekisho/runtime/keyring'
import { systemRandom } from '@sekisho/runtime/random'
import { z } from 'zod'

/** A PKCS #11 library, a token in it by its label, and the file (0600) with its PIN. */
export const tokenKeys = z.strictObject({
  module: z.string(),
  label: z.string(),
  pinFile: z.string(),
})

/** The token that `token.json` in the folder of a platform's keys names; undefined: its keys are files there. */
export async function keyringIn(keysFolder: string): Promise<Keyring | undefined> {
  const token = await readJsonFile(join(keysFolder, 'token.json'), value => tokenKeys.parse(value))
  return token === undefined ? undefined : tokenKeyring(token, { random: systemRandom() })
}
