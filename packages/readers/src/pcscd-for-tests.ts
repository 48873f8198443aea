/** A PC/SC service of one's own with a virtual reader, apart from the machine's; tests only. Needs pcscd and vsmartcard-vpcd. */
import { spawn } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '@sekisho/runtime/clock'
import { temporaryFolder } from '@sekisho/runtime/files'
import { freePort } from '@sekisho/runtime/net'

/** A running service. */
export type Pcscd = {
  /** Where the virtual card connects. */
  readonly port: number
  /** Environment by which PC/SC programs find this service and not the machine's. */
  readonly env: { readonly PCSCLITE_CSOCK_NAME: string }
  stop(): Promise<void>
}

const driver = '/usr/lib/pcsc/drivers/serial/libifdvpcd.so'

/**
 * Starts pcscd in a mount namespace with a `/run` of its own; its socket is reached through `/proc`. An ordinary user gets
 * a user namespace besides. vpcd listens for as long as the test runs.
 */
export async function startPcscd(): Promise<Pcscd> {
  const folder = await temporaryFolder('pcscd')
  const port = await freePort()
  const readers = join(folder.path, 'readers')
  await mkdir(readers)
  const hex = `0x${port.toString(16)}`
  await writeFile(
    join(readers, 'vpcd'),
    `FRIENDLYNAME "Sekisho Test"\nDEVICENAME /dev/null:${hex}\nLIBPATH ${driver}\nCHANNELID ${hex}\n`,
  )
  const room =
    'mount -t tmpfs tmpfs /run && mkdir /run/pcscd && exec pcscd --foreground --config "$0"'
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user']
  const daemon = spawn('unshare', [...user, '--mount', 'sh', '-c', room, readers], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const ended = new Promise<void>(resolve => {
    daemon.once('exit', () => resolve())
  })
  const kill = (): unknown => daemon.kill('SIGTERM')
  process.once('exit', kill)
  const socket = `/proc/${daemon.pid}/root/run/pcscd/pcscd.comm`
  for (let round = 0; ; round++) {
    try {
      await access(socket)
      break
    } catch {
      if (round === 100 || daemon.exitCode !== null) throw new Error('pcscd does not start')
      await sleep(50)
    }
  }
  return {
    port,
    env: { PCSCLITE_CSOCK_NAME: socket },
    async stop() {
      kill()
      process.removeListener('exit', kill)
      await ended
      await folder.remove()
    },
  }
}
