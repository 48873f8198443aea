/**
 * Debian's Apache as an independent program in front of or beside the platform: a server root and a port of its own, in the foreground, and
 * nothing of the machine's configuration. Needs apache2-bin and the packages of the modules that are named.
 */
import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { sleep } from '@sekisho/runtime/clock'
import { freePort } from '@sekisho/runtime/net'

/** What the server is to be. */
export type ApacheSettings = {
  /** Host under which it is reached: a name under `localhost`. */
  readonly host: string
  readonly isTls?: boolean
  /** Modules besides those that every server here has, as their files are named: `auth_openidc`. */
  readonly modules: readonly string[]
  /** Files below the server root, by path. Pages lie under `pages/`. */
  readonly files?: (place: ApachePlace) => Readonly<Record<string, string>>
  readonly configuration: (place: ApachePlace) => string
}

/** Where the server is. */
export type ApachePlace = {
  readonly root: string
  readonly port: number
  readonly origin: string
}

/** A running server. */
export type Apache = AsyncDisposable &
  ApachePlace & {
    /** What it wrote to its error log. */
    errors(): Promise<string>
  }

const everyServer = ['mpm_event', 'authz_core', 'authn_core', 'mime', 'dir', 'headers', 'setenvif']

/** Starts one and waits until it listens. Throws its error log when it does not start. */
export async function startApache(settings: ApacheSettings): Promise<Apache> {
  const root = await mkdtemp(join(tmpdir(), 'sekisho-apache-'))
  // Its workers are another user than who started it, where that was root.
  await chmod(root, 0o755)
  const port = await freePort()
  const origin = `${settings.isTls === true ? 'https' : 'http'}://${settings.host}:${port}`
  const place = { root, port, origin }
  await mkdir(join(root, 'pages'))
  for (const [path, content] of Object.entries(settings.files?.(place) ?? {})) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), content)
  }
  const file = join(root, 'apache.conf')
  await writeFile(file, configurationOf(place, settings))
  const child = spawn('apache2', ['-d', root, '-f', file, '-DFOREGROUND'], { stdio: 'ignore' })
  const ended = new Promise<void>(resolve => {
    child.once('close', () => resolve())
  })
  const errors = () => readFile(join(root, 'error.log'), 'utf8').catch(() => '')
  let isRunning = true
  void ended.then(() => {
    isRunning = false
  })
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM')
    await ended
    await rm(root, { recursive: true, force: true })
  }
  const endsAt = performance.now() + startMs
  while (!(await isThere(join(root, 'apache.pid')))) {
    if (isRunning && performance.now() < endsAt) {
      await sleep(20)
      continue
    }
    const told = await errors()
    await stop()
    throw new Error(`Apache did not start: ${told}`)
  }
  return { ...place, errors, [Symbol.asyncDispose]: stop }
}

/** A page that shows every variable of its request, written by Apache itself (`include`). */
export const printingPage = '<!doctype html><title>seen</title><pre><!--#printenv --></pre>'

/** The variables that such a page shows. */
export function variablesOn(body: string): Readonly<Record<string, string>> {
  const [, lines = ''] = /<title>seen<\/title><pre>([^]*)<\/pre>/.exec(body) ?? []
  return Object.fromEntries(
    lines.split('\n').flatMap(line => {
      const at = line.indexOf('=')
      return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)]]
    }),
  )
}

/** Milliseconds until it must listen. */
const startMs = 20_000

function configurationOf(place: ApachePlace, settings: ApacheSettings): string {
  const modules = [...everyServer, ...settings.modules].map(
    name => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`,
  )
  return `${modules.join('\n')}
ServerName ${place.origin}
Listen 127.0.0.1:${place.port}
${process.getuid?.() === 0 ? 'User www-data\nGroup www-data' : ''}
PidFile ${place.root}/apache.pid
DefaultRuntimeDir ${place.root}
Mutex sem
ErrorLog ${place.root}/error.log
LogLevel info
StartServers 1
TypesConfig /dev/null
AddType text/html .html
DocumentRoot ${place.root}/pages
UseCanonicalName On
<Directory ${place.root}/pages>
  Require all granted
</Directory>
${settings.configuration(place)}
`
}

async function isThere(path: string): Promise<boolean> {
  return (await readFile(path).catch(() => undefined)) !== undefined
}
