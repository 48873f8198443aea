/**
 * A lock with one holder on one machine that survives crashes, made of files only.
 *
 * The lock is a folder of numbered files; the highest number is the present holder, or says that it
 * was released. To take it, a process creates the next number with link(2), which succeeds for
 * exactly one of several competitors and shows a complete file from its first moment. So a stale
 * lock is taken over without ever removing what another may just have taken: removing and creating
 * in two steps is the classical race.
 *
 * A holder is alive when its pid exists and, where /proc tells, was started at the noted time since
 * the noted boot, so that a pid used again does not keep a lock alive.
 *
 * Not done: folders shared between machines or between pid namespaces, where a live holder cannot be
 * seen.
 */
import {
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'

/** A lock that is held until it is released or the process ends. */
export interface Lock {
  /** Gives the lock back. A second call does nothing. */
  release(): void
}

/** The outcome of trying: the lock, or the pid of the process that has it. */
export type Attempt =
  | { readonly kind: 'taken'; readonly lock: Lock }
  | { readonly kind: 'held'; readonly pid: number }

type Holder = { readonly pid: number; readonly started: string }

/** Tries once to take the lock that stands in `folder` (made if absent). Never waits. */
export function acquireLock(folder: string): Attempt {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  for (let attempt = 0; attempt < attemptsMax; attempt += 1) {
    const highest = highestNumber(folder)
    const holder = highest === 0 ? undefined : readHolder(join(folder, String(highest)))
    if (holder !== undefined && isAlive(holder)) return { kind: 'held', pid: holder.pid }

    const mine = highest + 1
    if (!createExclusively(folder, mine)) continue
    if (highestNumber(folder) !== mine) {
      rmSync(join(folder, String(mine)), { force: true })
      continue
    }
    removeOld(folder, mine)
    return { kind: 'taken', lock: lockOf(folder, mine) }
  }
  throw new Error(`the lock ${folder} changes hands too quickly`)
}

function lockOf(folder: string, mine: number): Lock {
  let released = false
  return {
    release() {
      if (released) return
      released = true
      const note = noteName(folder)
      try {
        writeFileSync(note, 'released\n', { mode: 0o600 })
        renameSync(note, join(folder, String(mine)))
      } catch (error) {
        // The folder was removed with everything in it: nothing is left to give back.
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      }
    },
  }
}

function createExclusively(folder: string, mine: number): boolean {
  const note = noteName(folder)
  const holder: Holder = { pid: process.pid, started: startOf(process.pid) ?? '' }
  writeFileSync(note, `${JSON.stringify(holder)}\n`, { mode: 0o600 })
  try {
    linkSync(note, join(folder, String(mine)))
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(note, { force: true })
  }
}

function highestNumber(folder: string): number {
  return Math.max(0, ...numbers(folder))
}

function numbers(folder: string): readonly number[] {
  return readdirSync(folder)
    .filter(name => /^[1-9][0-9]*$/.test(name))
    .map(Number)
}

/** Undefined when released, or removed meanwhile by a newer holder. */
function readHolder(path: string): Holder | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  if (text === 'released\n') return undefined
  const parsed: unknown = JSON.parse(text)
  if (
    typeof parsed === 'object' &&
    parsed !== null &&
    'pid' in parsed &&
    'started' in parsed &&
    typeof parsed.pid === 'number' &&
    typeof parsed.started === 'string'
  ) {
    return { pid: parsed.pid, started: parsed.started }
  }
  throw new Error(`${path} is not a lock`)
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false
  }
  const started = startOf(holder.pid)
  return started === undefined || holder.started === '' || started === holder.started
}

/** Boot id and start time in clock ticks (proc(5), field 22); undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const afterName = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return `${boot} ${afterName[19] ?? ''}`
  } catch {
    return undefined
  }
}

function removeOld(folder: string, mine: number): void {
  for (const number of numbers(folder)) {
    if (number < mine - keptNumbers) rmSync(join(folder, String(number)), { force: true })
  }
}

let noteCount = 0

function noteName(folder: string): string {
  noteCount += 1
  return join(folder, `note.${process.pid}.${noteCount}`)
}

/** A competitor this many holders behind could be misled; it would have slept through all of them. */
const keptNumbers = 4
const attemptsMax = 1_000
