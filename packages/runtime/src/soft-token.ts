/** A token of SoftHSM in a folder of its own, for tests and practice. Needs Debian's softhsm2. One a process: the library reads its configuration once. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Where Debian puts the library. */
const softhsmModule = '/usr/lib/softhsm/libsofthsm2.so'

/** Makes a token in a folder and points this process to it. */
export function makeSoftToken(
  folder: string,
  given: { readonly label: string; readonly pin: string },
): { readonly module: string; readonly label: string } {
  const tokens = join(folder, 'tokens')
  mkdirSync(tokens)
  const configuration = join(folder, 'softhsm2.conf')
  writeFileSync(
    configuration,
    `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`,
  )
  process.env.SOFTHSM2_CONF = configuration
  const { label, pin } = given
  const init = ['--init-token', '--free', '--label', label, '--so-pin', '87654321', '--pin', pin]
  execFileSync('softhsm2-util', init, { stdio: 'ignore' })
  return { module: softhsmModule, label }
}
