/**
 * Time, of two kinds.
 *
 * Domain time (certificates, CRLs, deadlines, ages) is a `Clock` that is passed in; in a town it can
 * be turned forward, never back. Protocol time (tokens, cookies, challenges, leases) is the real
 * time of the machine and cannot be turned.
 */
import { readFileSync, statSync } from 'node:fs'
import { Refusal } from '@sekisho/contract'
import { withLockedFile, writeFileAtomically } from './files.ts'

/** Milliseconds since 1970-01-01T00:00:00Z, without leap seconds. */
export type Instant = number

/** Domain time. Every program of one town sees the same. */
export interface Clock {
  now(): Instant
}

/** Domain time that is the machine's: the clock of production. */
export function systemClock(): Clock {
  return { now: () => Date.now() }
}

/** A clock that stands still until it is turned; for tests. */
export interface FixedClock extends Clock {
  /** Turns to an instant. Throws the refusal `clock-backward` when it lies before `now()`. */
  turnTo(at: Instant): void
}

/** A clock that shows `at` until it is turned. */
export function fixedClock(at: Instant): FixedClock {
  let shown = at
  return {
    now: () => shown,
    turnTo(next) {
      assertForward(shown, next)
      shown = next
    },
  }
}

/** The clock of a town: the machine's time plus an offset that only grows. */
export interface TownClock extends Clock {
  /** Turns forward by a number of milliseconds. Refusal `clock-backward` when negative. */
  advance(ms: number): Promise<void>
  /** Turns to an instant. Refusal `clock-backward` when it lies before `now()`. */
  turnTo(at: Instant): Promise<void>
  /** How far the town is ahead of the machine, in milliseconds. */
  offsetMs(): number
}

/**
 * A clock whose offset lies in a file, so that all processes of a town turn together.
 *
 * A turn is seen by the process that made it at once, by others within `lookAgainMs`. Two processes
 * that turn at the same time are put in order by a lock beside the file. A file that cannot be read
 * as an offset is a fault: guessing a time would be worse.
 */
export function townClock(file: string): TownClock {
  let offset = 0
  let lookedAt = Number.NEGATIVE_INFINITY
  let stamp = ''

  const look = (): void => {
    lookedAt = performance.now()
    const found = statSync(file, { throwIfNoEntry: false })
    if (found === undefined) return
    const next = `${found.ino}:${found.mtimeMs}:${found.size}`
    if (next === stamp) return
    offset = Math.max(offset, parseOffset(readFileSync(file, 'utf8'), file))
    stamp = next
  }
  const now = (): Instant => {
    if (performance.now() - lookedAt > lookAgainMs) look()
    return Date.now() + offset
  }
  const turn = (next: (shown: Instant) => Instant): Promise<void> =>
    withLockedFile(file, async () => {
      stamp = ''
      look()
      const shown = now()
      const at = next(shown)
      assertForward(shown, at)
      offset += at - shown
      await writeFileAtomically(file, `${JSON.stringify({ offsetMs: offset })}\n`)
    })
  return {
    now,
    offsetMs: () => {
      now()
      return offset
    },
    advance: ms => turn(shown => shown + ms),
    turnTo: at => turn(() => at),
  }
}

function parseOffset(text: string, file: string): number {
  const parsed: unknown = JSON.parse(text)
  if (typeof parsed === 'object' && parsed !== null && 'offsetMs' in parsed) {
    const { offsetMs } = parsed
    if (typeof offsetMs === 'number' && Number.isSafeInteger(offsetMs) && offsetMs >= 0) {
      return offsetMs
    }
  }
  throw new Error(`the clock file ${file} holds no offset`)
}

function assertForward(shown: Instant, next: Instant): void {
  if (!Number.isSafeInteger(next)) throw new Error('an instant is a whole number of milliseconds')
  if (next < shown) throw new Refusal('clock-backward')
}

/** Protocol time: the machine's, for tokens, cookies, challenges and leases. Never domain time. */
export function protocolNow(): Instant {
  return Date.now()
}

/** Waits in real time. Rejects with the signal's reason when it is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(asError(signal.reason))
      return
    }
    const aborted = (): void => {
      clearTimeout(timer)
      reject(asError(signal?.reason))
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', aborted)
      resolve()
    }, ms)
    signal?.addEventListener('abort', aborted, { once: true })
  })
}

/**
 * Runs `work` again and again with `ms` of real time between the end of one run and the start of
 * the next, so that runs never overlap. What it throws goes to `onError` and the beat goes on.
 * Returns a stop that resolves when a run in progress has ended. A timer alone keeps no process alive.
 */
export function every(
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): () => Promise<void> {
  let stopped = false
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const beat = (): void => {
    running = (async () => {
      try {
        await work()
      } catch (error) {
        onError(error)
      }
      if (!stopped) schedule()
    })()
  }
  const schedule = (): void => {
    timer = setTimeout(beat, ms)
    timer.unref()
  }
  schedule()
  return () => {
    stopped = true
    clearTimeout(timer)
    return running
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error('the wait was aborted', { cause: reason })
}

/** Reading a file's state costs some microseconds; a turn need not be seen sooner by others. */
const lookAgainMs = 50
