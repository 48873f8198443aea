/** The `sekisho` command as a user runs it: a process of its own, judged by what it prints and how it ends. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

const root = join(import.meta.dirname, '..')
const launcher = join(root, 'packages', 'cli', 'bin', 'sekisho.js')

/** How a command ended. */
export type Ended = {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs commands; what is compiled is kept in `cache` for the next. */
export function commands(cache: string) {
  const env = { ...process.env, NODE_COMPILE_CACHE: cache, SEKISHO_DATA: '', SEKISHO_LOG: '' }

  const run = async (args: readonly string[], stdin = ''): Promise<Ended> => {
    const child = spawn(process.execPath, [launcher, ...args], { env, cwd: root })
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    child.stdin.on('error', () => undefined)
    child.stdin.end(stdin)
    const status = await endOf(child)
    return { status, stdout: stdout(), stderr: stderr() }
  }
  return {
    run,
    /** Runs one that must succeed; what it printed. */
    done: async (args: readonly string[], stdin = ''): Promise<string> => {
      const ended = await run(args, stdin)
      assert.equal(ended.status, 0, `${args.join(' ')}: ${ended.stderr}`)
      return ended.stdout
    },
    /** Runs one that must be refused: the code, and that cause and remedy stand there in both languages. */
    refused: async (args: readonly string[], stdin = ''): Promise<string> => {
      const ended = await run(args, stdin)
      assert.equal(ended.status, 2, `${args.join(' ')}: ${ended.stderr}`)
      const [code = '', ...lines] = ended.stderr.trim().split('\n')
      assert.match(lines.join('\n'), /[ぁ-ん].*。\n.*。\n[A-Z].*\.\n[A-Z].*\./)
      return code
    },
    /** Starts a program that stays, and waits for its first line of output. */
    start: (args: readonly string[]) => startStaying([launcher, ...args], env, root),
  }
}

/** A program that stays until it is told to end. */
export type Staying = AsyncDisposable & {
  /** The first line it printed. */
  readonly line: string
  readonly pid: number
  /** All it printed until now. */
  stdout(): string
  stderr(): string
  /** Sends a signal and waits for its end; the exit status. */
  end(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts a script on this Node and waits for its first line. Throws what it printed when it ends before. */
export async function startStaying(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd: string,
): Promise<Staying> {
  const child = spawn(process.execPath, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const ended = endOf(child)
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> => {
    child.kill(signal)
    return ended
  }
  const line = await firstLine(child, stdout, ended)
  if (line === undefined) throw new Error(`it ended before it was ready: ${stderr()}`)
  const pid = child.pid ?? 0
  return { line, pid, stdout, stderr, end, [Symbol.asyncDispose]: async () => void (await end()) }
}

function firstLine(
  child: ChildProcessByStdio<null, Readable, Readable>,
  stdout: () => string,
  ended: Promise<unknown>,
): Promise<string | undefined> {
  return new Promise(resolve => {
    child.stdout.on('data', () => {
      const at = stdout().indexOf('\n')
      if (at >= 0) resolve(stdout().slice(0, at))
    })
    void ended.then(() => resolve(undefined))
  })
}

function collect(stream: Readable): () => string {
  let text = ''
  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    text += chunk
  })
  return () => text
}

function endOf(child: { once(event: 'close', listener: (code: number | null) => void): unknown }) {
  return new Promise<number | null>(resolve => {
    child.once('close', resolve)
  })
}
