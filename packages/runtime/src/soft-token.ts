/**
 * Tokens of SoftHSM for tests and practice. Needs Debian's softhsm2. Its library reads its configuration once a process, so all tokens of a
 * process lie in one folder, which goes when the process ends.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { initialiseToken } from './pkcs11.ts'

/** Where Debian puts the library. */
const softhsmModule = '/usr/lib/softhsm/libsofthsm2.so'

let folder: string | undefined

/** Makes a token and returns where it is; processes that this one starts find it too. */
export function makeSoftToken(given: { readonly label: string; readonly pin: string }): {
  readonly module: string
  readonly label: string
} {
  folder ??= prepareFolder()
  const [securityPin, pin] = ['87654321', given.pin].map(text => new TextEncoder().encode(text))
  if (securityPin === undefined || pin === undefined) throw new Error('no PINs')
  initialiseToken({ module: softhsmModule, label: given.label, securityPin, pin })
  return { module: softhsmModule, label: given.label }
}

function prepareFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'sekisho-token-'))
  process.once('exit', () => rmSync(made, { recursive: true, force: true }))
  const tokens = join(made, 'tokens')
  mkdirSync(tokens)
  const configuration = join(made, 'softhsm2.conf')
  writeFileSync(
    configuration,
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  process.env.SOFTHSM2_CONF = configuration
  return made
}
