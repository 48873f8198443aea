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
export async function become(args) {
  const { code, signal } = await inForeground(pinnedNode(), args)
  process.exit(signal ? 128 + constants.signals[signal] : (code ?? 1))
}

/**
 * Runs a program in the foreground until it ends: `{ code, signal, isLate }`. It gets the signals that we get, and SIGTERM
 * when it runs longer than `limitMs` or when the npm that started us is gone: npm does not hand its own signals on.
 */
export function inForeground(command, args, { limitMs, ...options } = {}) {
  const child = spawn(command, args, { stdio: 'inherit', ...options })
  let isLate = false
  const handlers = ['SIGINT', 'SIGTERM', 'SIGHUP'].map(signal => {
    const pass = () => {
      // From a terminal the whole group already got SIGINT.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    }
    process.on(signal, pass)
    return () => process.off(signal, pass)
  })
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.env.npm_lifecycle_event && process.ppid !== parent) child.kill('SIGTERM')
  }, 500)
  const limit =
    limitMs &&
    setTimeout(() => {
      isLate = true
      child.kill('SIGTERM')
    }, limitMs)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code, signal) => {
      clearInterval(watch)
      clearTimeout(limit)
      for (const off of handlers) off()
      resolve({ code, signal, isLate })
    })
  })
}
