/** A PC/SC service of one's own with a virtual reader, apart from the machine's; tests only. Needs pcscd and vsmartcard-vpcd. */
import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { access, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '@sekisho/runtime/clock'
import { temporaryFolder } from '@sekisho/runtime/files'
import { freePort } from '@sekisho/runtime/net'

/** A running service. */
export type Pcscd = {
  /** Where the virtual card connects. */
  readonly port: number
  readonly folder: string
  /** Environment by which PC/SC programs find this service and not the machine's. */
  readonly env: { readonly PCSCLITE_CSOCK_NAME: string }
  /** Stops the service; it can be started again at the same place. */
  halt(): Promise<void>
  start(): Promise<void>
  /** Stops it for good. */
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
  const socket = join(folder.path, 'socket')
  let daemon: Daemon | undefined
  const start = async (): Promise<void> => {
    if (daemon !== undefined) return
    daemon = await startDaemon(readers)
    await rm(socket, { force: true })
    await symlink(daemon.socket, socket)
  }
  const halt = async (): Promise<void> => {
    await daemon?.stop()
    daemon = undefined
  }
  await start()
  return {
    port,
    folder: folder.path,
    env: { PCSCLITE_CSOCK_NAME: socket },
    start,
    halt,
    async stop() {
      await halt()
      await folder.remove()
    },
  }
}

let own: Promise<Pcscd> | undefined

/**
 * The service for tests that speak PC/SC in this very process, whose library looks for it once: one for all of them, found by this
 * process and those it starts. `halt` it after use, `start` it before; it goes with the process.
 */
export function ownPcscd(): Promise<Pcscd> {
  own ??= startPcscd().then(pcscd => {
    Object.assign(process.env, pcscd.env)
    process.once('exit', () => rmSync(pcscd.folder, { recursive: true, force: true }))
    return pcscd
  })
  return own
}

type Daemon = { readonly socket: string; stop(): Promise<void> }

async function startDaemon(readers: string): Promise<Daemon> {
  // An ordinary user's path has no place for services.
  const room =
    'mount -t tmpfs tmpfs /run && mkdir /run/pcscd && PATH="$PATH:/usr/sbin" exec pcscd --foreground --config "$0"'
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
    socket,
    async stop() {
      kill()
      process.removeListener('exit', kill)
      await ended
    },
  }
}
