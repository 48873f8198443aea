/**
 * Key files of holders: key and certificate as one file, readable by its owner alone, as a PKCS #12 file would be on the holder's own machine. Only a
 * town has them: what a CA certifies otherwise never passes through its hands.
 */
import { join } from 'node:path'
import type { Certificate } from '@sekisho/pki'
import { ownerOnlyFolder, writeJsonFile } from '@sekisho/runtime/files'
import type { CardKey } from '../world.ts'

/** Writes the file of a holder, in place of the one that is there. */
export async function writeHolderFile(
  folder: string,
  name: string,
  holder: { readonly key: CardKey; readonly certificate: Certificate; readonly label: string },
): Promise<void> {
  await ownerOnlyFolder(folder)
  await writeJsonFile(join(folder, `${name}.holder.json`), {
    label: holder.label,
    privateKey: Buffer.from(holder.key.pkcs8).toString('base64'),
    certificate: Buffer.from(holder.certificate.raw).toString('base64'),
  })
}
