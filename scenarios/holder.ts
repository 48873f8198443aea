/** Holders of the town's other CAs (representatives, delegates, doctors, offices) and what they sign with their key files. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestTown } from '@sekisho/cli/testkit'
import { type Certificate, importPrivateKey, parseCertificate, type PrivateKey } from '@sekisho/pki'
import { prepareCades } from '@sekisho/pki/assemble'

/** A key file as its owner has it. */
export type Holder = { readonly certificate: Certificate; readonly key: PrivateKey }

/** A holder of a town, by the name of the key file (docs/protocol/other-cas.md "A town's companies"). */
export async function holderOf(town: TestTown, name: string): Promise<Holder> {
  const file = join(town.layout.cardsFolder, 'holders', `${name}.holder.json`)
  const { privateKey, certificate } = JSON.parse(await readFile(file, 'utf8'))
  return {
    key: importPrivateKey(Buffer.from(privateKey, 'base64')),
    certificate: parseCertificate(Buffer.from(certificate, 'base64')),
  }
}

/** Content signed by a holder as attached CMS. */
export function signedCms(
  town: TestTown,
  { certificate, key }: Holder,
  content: string | Uint8Array,
): Uint8Array {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const prepared = prepareCades({
    content: { kind: 'attached', bytes },
    certificate,
    certificates: [],
    algorithm: 'rsa-sha256',
    signingTime: town.clock.now(),
  })
  return prepared.finish(key.sign('rsa-sha256', prepared.toBeSigned))
}
