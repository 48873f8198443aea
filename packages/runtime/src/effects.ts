/**
 * The tap through which every effect of a program passes: begin and commit of a transaction, a
 * request that leaves, an answer that arrives or is sent, a file that is written.
 *
 * Kill tests use it: a program that was told `killAt: n` sends itself SIGKILL at exactly the n-th
 * effect, so a harness that runs n = 1, 2, 3 … sees every moment at which power could fail, and
 * asserts that nothing is half-written. Without `killAt` the tap only counts.
 *
 * Not covered: effects of the operating system below one call (a page cache that is lost with the
 * machine) and of libraries that open their own sockets.
 */

/** What kind of effect passes. */
export type EffectKind =
  | 'transaction-begin'
  | 'transaction-commit'
  | 'request-sent'
  | 'answer-received'
  | 'answer-sent'
  | 'file-written'

/** Every effect passes through here; one object a process, made by the composition root. */
export interface Effects {
  /** Runs an effect, counting it. What `run` throws passes through unchanged. */
  around<T>(kind: EffectKind, run: () => Promise<T>): Promise<T>
  /** Counts an effect that has happened as one indivisible moment. */
  mark(kind: EffectKind): void
  /** How many effects have passed so far. */
  count(): number
  /** The kinds that have passed, in order; for a harness that names the effect it killed at. */
  seen(): readonly EffectKind[]
}

/**
 * Makes the tap.
 *
 * `killAt` counts from 1. `moment` says whether the process dies before the effect is carried out or
 * right after it, before anybody could be told. `kinds` narrows what is counted. `kill` exists for
 * the test of this file.
 */
export function createEffects(
  given: {
    readonly killAt?: number | undefined
    readonly moment?: 'before' | 'after' | undefined
    readonly kinds?: readonly EffectKind[] | undefined
    readonly kill?: (() => void) | undefined
  } = {},
): Effects {
  const kill = given.kill ?? killThisProcess
  const seen: EffectKind[] = []
  let count = 0

  const counted = (kind: EffectKind): number => {
    if (given.kinds !== undefined && !given.kinds.includes(kind)) return 0
    count += 1
    if (seen.length < seenMax) seen.push(kind)
    return count
  }
  return {
    async around(kind, run) {
      const number = counted(kind)
      const dies = number > 0 && number === given.killAt
      if (dies && given.moment !== 'after') kill()
      const result = await run()
      if (dies && given.moment === 'after') kill()
      return result
    },
    mark(kind) {
      const number = counted(kind)
      if (number > 0 && number === given.killAt) kill()
    },
    count: () => count,
    seen: () => seen,
  }
}

/** The signal is asynchronous by a hair; the wait makes sure that no further line runs. */
function killThisProcess(): void {
  process.kill(process.pid, 'SIGKILL')
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

/** Only the beginning is kept by name, so that a long-running program does not grow. */
const seenMax = 10_000
