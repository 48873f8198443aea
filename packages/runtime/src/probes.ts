/** Readiness: the named conditions under which a program should be sent traffic. */

/** The answer to `/ready`. */
export type Readiness = {
  readonly ready: boolean
  /** Names of the conditions that do not hold. */
  readonly failing: readonly string[]
}

/** A growing list of conditions. */
export interface Probes {
  add(name: string, holds: () => Promise<boolean>): void
  /** Asks all of them at once. */
  ask(): Promise<Readiness>
}

/** Makes an empty list: nothing to wait for, hence ready, until `stopping` is aborted. */
export function createProbes(stopping: AbortSignal): Probes {
  const probes = new Map<string, () => Promise<boolean>>()
  return {
    add(name, holds) {
      if (probes.has(name)) throw new Error(`the probe ${name} exists already`)
      probes.set(name, holds)
    },
    async ask() {
      if (stopping.aborted) return { ready: false, failing: ['stopping'] }
      const asked = [...probes].map(async ([name, holds]) => ((await inTime(holds)) ? [] : [name]))
      const failing = (await Promise.all(asked)).flat()
      return { ready: failing.length === 0, failing }
    },
  }
}

/** Any failure, and any delay, is "no": readiness fails closed. */
async function inTime(holds: () => Promise<boolean>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(() => resolve(false), probeTimeoutMs)
  })
  try {
    return await Promise.race([holds(), late])
  } catch {
    return false
  } finally {
    clearTimeout(timer)
  }
}

/** Shorter than the usual period of a load balancer's question. */
const probeTimeoutMs = 2_000
