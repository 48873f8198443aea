// Plain JavaScript, so that any Node from 20 on can run it: installs by the lock file when needed and finds the pinned Node.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs `npm ci` when the installed tree is missing or older than the lock file. Ends the process when that fails. */
export function ensureInstalled() {
  const installed = join(root, 'node_modules', '.package-lock.json')
  const lock = join(root, 'package-lock.json')
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return
  process.stderr.write('Installing the libraries named in package-lock.json …\n')
  // Where a registry lacks optional packages of other platforms, `ci` refuses a lock file that `install` can follow.
  const done = [['ci'], ['install', '--no-save']].find(command => npm(command) === 0)
  if (done === undefined) {
    process.stderr.write(
      'npm could not install. Its messages above say why; nothing was started.\n',
    )
    process.exit(1)
  }
}

/** Runs npm, the one that started us if there is one; returns its exit status. */
function npm(command) {
  const args = [...command, '--no-audit', '--no-fund', '--loglevel=error']
  const own = process.env.npm_execpath
  const options = { cwd: root, stdio: ['ignore', 2, 2] }
  return (
    own ? spawnSync(process.execPath, [own, ...args], options) : spawnSync('npm', args, options)
  ).status
}

/** Path of the pinned Node: the platform package's, else this process when it is new enough. */
export function pinnedNode() {
  const own = join(root, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin', 'node')
  if (existsSync(own)) return own
  const [major] = process.versions.node.split('.').map(Number)
  if (major >= 24) return process.execPath
  process.stderr.write(
    `No pinned Node for ${process.platform}-${process.arch}. Install Node 24 or newer and try again.\n`,
  )
  process.exit(1)
}

/** Runs the pinned Node in the foreground; signals reach it once, and its end is ours. */
export function become(args, options = {}) {
  const child = spawn(pinnedNode(), args, { stdio: 'inherit', ...options })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // From a terminal the whole group already got SIGINT.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('exit', (code, signal) => {
    process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1))
  })
}
