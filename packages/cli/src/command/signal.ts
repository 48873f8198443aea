/** Signals that ask a program to end. */

/** Watches from the moment it is made, so that a signal during a long start is not lost; dispose of it in the end. */
export type EndWatch = Disposable & {
  /** Resolves when the process is asked to end. */
  readonly asked: Promise<void>
  isAsked(): boolean
}

/** A second signal of the same kind ends the process at once, as the system does by itself. */
export function watchForEnd(
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): EndWatch {
  let isAsked = false
  let tell: () => void = () => undefined
  const asked = new Promise<void>(resolve => {
    tell = () => {
      isAsked = true
      resolve()
    }
  })
  // Timers of the programs keep no process alive; this one does, until the watch ends.
  const stay = setInterval(() => undefined, 2 ** 30)
  for (const signal of signals) process.once(signal, tell)
  return {
    asked,
    isAsked: () => isAsked,
    [Symbol.dispose]: () => {
      clearInterval(stay)
      for (const signal of signals) process.off(signal, tell)
    },
  }
}

/** Resolves when the process is asked to end. */
export async function untilSignal(): Promise<void> {
  using watch = watchForEnd()
  await watch.asked
}
