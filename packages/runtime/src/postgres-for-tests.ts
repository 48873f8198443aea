/** A PostgreSQL server of one's own for as long as a test runs. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, chown, readdir, readFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { sleep } from './clock.ts'
import { temporaryFolder } from './files.ts'
import { administerPostgres } from './postgres-engine.ts'

/** A running server with one empty database; nobody but this user (and root) can reach it. */
export interface TemporaryPostgres extends AsyncDisposable {
  /** For `connectPostgres`; `psql` takes it too. */
  readonly url: string
  /** Ends the server and removes its data. */
  stop(): Promise<void>
}

/**
 * Starts a server in a fresh folder, over a Unix socket in it. As root, which PostgreSQL refuses to
 * run as, it runs as the user `postgres`, or `nobody`.
 *
 * `durable: false` switches fsync off, for tests that are not about durability. Throws an error that
 * names the Debian package when no PostgreSQL is installed.
 */
export async function startTemporaryPostgres(
  given: { readonly durable?: boolean } = {},
): Promise<TemporaryPostgres> {
  const programs = await findPrograms()
  const folder = await temporaryFolder('postgres')
  try {
    const user = await userFor(folder.path)
    const data = join(folder.path, 'data')
    await run(join(programs, 'initdb'), ['-D', data, ...initOptions], folder.path, user)
    const server = spawnAs(
      join(programs, 'postgres'),
      ['-D', data, ...serverOptions(folder.path, given.durable ?? true)],
      folder.path,
      user,
    )
    const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(folder.path)}`
    return await whenReady(server, url, folder.remove)
  } catch (error) {
    await folder.remove()
    throw error
  }
}

type User = { readonly uid: number; readonly gid: number } | undefined

async function whenReady(
  server: ChildProcess,
  url: string,
  remove: () => Promise<void>,
): Promise<TemporaryPostgres> {
  let said = ''
  server.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = `${said}${text}`.slice(-2_000)
  })
  const exited = once(server, 'exit')
  const killNow = (): void => {
    server.kill('SIGQUIT')
  }
  process.once('exit', killNow)
  const stop = async (): Promise<void> => {
    process.off('exit', killNow)
    if (server.exitCode === null && server.signalCode === null) {
      server.kill('SIGINT')
      await exited
    }
    await remove()
  }
  const until = performance.now() + startTimeoutMs
  while (server.exitCode === null && server.signalCode === null) {
    try {
      await administerPostgres(url, async () => {})
      return { url, stop, [Symbol.asyncDispose]: stop }
    } catch (error) {
      if (performance.now() > until) {
        await stop()
        throw new Error(`PostgreSQL did not become ready: ${said}`, { cause: error })
      }
    }
    await sleep(pollMs)
  }
  await stop()
  throw new Error(`PostgreSQL ended at once: ${said}`)
}

async function findPrograms(): Promise<string> {
  const versions = await readdir(debianFolder).catch(() => [])
  const places = [
    ...versions
      .filter(name => Number(name) >= versionMin)
      .sort((a, b) => Number(b) - Number(a))
      .map(version => join(debianFolder, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter).filter(place => place !== ''),
  ]
  for (const place of places) {
    const has = (name: string): Promise<boolean> =>
      access(join(place, name)).then(
        () => true,
        () => false,
      )
    if ((await has('initdb')) && (await has('postgres'))) return place
  }
  throw new Error('no PostgreSQL server is installed: sudo apt-get install -y postgresql')
}

async function userFor(folder: string): Promise<User> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const found =
    lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody')
  if (found === undefined) throw new Error('PostgreSQL does not run as root, and no user is found')
  const user = { uid: Number(found[2]), gid: Number(found[3]) }
  await chown(folder, user.uid, user.gid)
  return user
}

async function run(
  program: string,
  args: readonly string[],
  folder: string,
  user: User,
): Promise<void> {
  const child = spawnAs(program, args, folder, user)
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  await once(child, 'exit')
  if (child.exitCode !== 0) throw new Error(`${program} failed: ${said}`)
}

function spawnAs(
  program: string,
  args: readonly string[],
  folder: string,
  user: User,
): ChildProcess {
  return spawn(program, [...args], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C', TZ: 'UTC' },
    ...user,
  })
}

const initOptions = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']

function serverOptions(folder: string, durable: boolean): readonly string[] {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: folder,
    max_connections: '60',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  }
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
}

const debianFolder = '/usr/lib/postgresql'
const versionMin = 15
const startTimeoutMs = 30_000
const pollMs = 50
