/** ClamAV's daemon with one signature of our own, so that nothing is downloaded. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sleep } from '@sekisho/runtime/clock'
import { temporaryFolder } from '@sekisho/runtime/files'
import { freePort } from '@sekisho/runtime/net'
import { clamScanner } from './scanner.ts'

/** The EICAR test file, put together here so that no scanner takes this source for it. */
export const eicar = [
  'X5O!P%@AP[4\\PZX54(P^)7CC)7}$',
  'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*',
].join('')

/** A daemon of a test. */
export type TestClamd = {
  readonly tcp: { readonly host: string; readonly port: number }
  readonly socket: { readonly path: string }
  /** Starts it again after `halt`. */
  start(): Promise<void>
  halt(): Promise<void>
  stop(): Promise<void>
}

/** Starts it. */
export async function startTestClamd(): Promise<TestClamd> {
  const folder = await temporaryFolder('clamd')
  await chmod(folder.path, 0o755)
  const port = await freePort()
  const md5 = createHash('md5').update(eicar).digest('hex')
  await writeFile(join(folder.path, 'own.hdb'), `${md5}:${eicar.length}:Own.Test.EICAR\n`)
  const configuration = join(folder.path, 'clamd.conf')
  const socket = { path: join(folder.path, 'socket') }
  const tcp = { host: '127.0.0.1', port }
  const lines = [
    `DatabaseDirectory ${folder.path}`,
    `LocalSocket ${socket.path}`,
    `TCPSocket ${port}`,
    'TCPAddr 127.0.0.1',
    'Foreground yes',
    'StreamMaxLength 2M',
    'User root',
  ]
  await writeFile(configuration, `${lines.join('\n')}\n`)
  let daemon: ChildProcess | undefined
  const start = async (): Promise<void> => {
    daemon = spawn('clamd', ['-c', configuration], { stdio: 'ignore' })
    const scan = clamScanner(tcp)
    for (let tries = 0; (await scan(some())).kind !== 'clean'; tries++) {
      if (tries > 300) throw new Error('clamd does not start')
      await sleep(100)
    }
  }
  const halt = async (): Promise<void> => {
    if (daemon === undefined || daemon.exitCode !== null) return
    const ended = once(daemon, 'exit')
    daemon.kill()
    await ended
  }
  await start()
  return {
    tcp,
    socket,
    start,
    halt,
    stop: async () => {
      await halt()
      await folder.remove()
    },
  }
}

async function* some(): AsyncIterable<Uint8Array> {
  yield Uint8Array.of(97)
}
