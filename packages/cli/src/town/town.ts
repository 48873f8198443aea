/** A whole town: all programs in one process, or each in its own. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { sleep } from '@sekisho/runtime/clock'
import { lockFolder, ownerOnlyFolder } from '@sekisho/runtime/files'
import type { Log } from '@sekisho/runtime/log'
import { createFetch } from '@sekisho/runtime/net'
import { connectPostgres, type Engine, openEmbedded } from '@sekisho/runtime/store'
import { startFront } from './front.ts'
import { type Layout, layoutOf, type ProgramName, programNames } from './layout.ts'
import { type Running, startProgram, type Wire } from './program.ts'

/** How a town is to run. */
export type TownSettings = {
  readonly folder: string
  readonly portBase: number
  readonly isSplit: boolean
  readonly database: string | undefined
  readonly residents: number
  readonly log: Log
  /** Of a town in one process only. */
  readonly wire?: Wire | undefined
}

/** A running town. */
export type Town = {
  readonly layout: Layout
  /** The engine of a town in one process. */
  readonly engine: Engine | undefined
  /** Ends one program; the others stay. */
  stopProgram(name: ProgramName): Promise<void>
  /** Starts it again. In a split town `env` is added to the environment of its process. */
  startProgram(name: ProgramName, env?: Readonly<Record<string, string>>): Promise<void>
  /** Process id of a program of a split town. */
  processId(name: ProgramName): number | undefined
  /** Resolves when the process of a program has ended, however it did. */
  ended(name: ProgramName): Promise<void>
  stop(): Promise<void>
}

/** A program that runs, in this process or in one of its own. */
type RunningProgram = Running & {
  readonly pid?: number | undefined
  readonly ended?: Promise<void>
}

/** Starts a town. Refusal `data-folder-in-use` when another town runs on the folder. */
export async function startTown(settings: TownSettings): Promise<Town> {
  await ownerOnlyFolder(settings.folder)
  const lock = await lockFolder(settings.folder)
  const layout = layoutOf(settings.folder, settings.portBase)
  const programs = new Map<ProgramName, RunningProgram>()
  const others: Running[] = []
  const stop = async (): Promise<void> => {
    for (const one of [...programs.values()].toReversed()) await one.stop()
    for (const one of others.toReversed()) await one.stop()
    lock.release()
  }
  try {
    for (const name of programNames) await ownerOnlyFolder(join(settings.folder, name))
    const engine = settings.isSplit ? undefined : await sharedEngine(settings, layout, others)
    const start =
      engine === undefined
        ? (name: ProgramName, env = {}) => startProcess(name, settings, layout, env)
        : (name: ProgramName) => startProgram(name, { ...settings, layout, engine })
    for (const name of programNames) programs.set(name, await start(name))
    others.push(await startFront(layout, settings.log))
    return {
      layout,
      engine,
      stop,
      stopProgram: async name => {
        await programs.get(name)?.stop()
        programs.delete(name)
      },
      startProgram: async (name, env) => {
        programs.set(name, await start(name, env))
      },
      processId: name => programs.get(name)?.pid,
      ended: async name => programs.get(name)?.ended,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Programs of one process share an engine. */
async function sharedEngine(
  settings: TownSettings,
  layout: Layout,
  others: Running[],
): Promise<Engine> {
  const engine =
    settings.database === undefined
      ? await openEmbedded(layout.databaseFolder('town'))
      : connectPostgres(settings.database)
  others.push({ stop: () => engine.close() })
  return engine
}

/** Milliseconds a program may take to become healthy: an embedded database is made at the first start. */
const startMsMax = 60_000
const lookMs = 50

/** Starts a program as a process of its own and waits until it is healthy. */
async function startProcess(
  name: ProgramName,
  settings: TownSettings,
  layout: Layout,
  env: Readonly<Record<string, string>>,
): Promise<RunningProgram> {
  const args = [
    join(import.meta.dirname, '..', 'main.ts'),
    'program',
    name,
    '--data',
    settings.folder,
    '--port-base',
    String(settings.portBase),
    '--residents',
    String(settings.residents),
    ...(settings.database === undefined ? [] : ['--database', settings.database]),
  ]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  })
  let exitCode: number | undefined
  const exited = new Promise<void>(resolve => {
    child.once('exit', code => {
      exitCode = code ?? 1
      resolve()
    })
  })
  const caller = createFetch({ timeoutMs: 2000 })
  try {
    await healthy(caller.fetch, layout.urls[name], () => {
      if (exitCode !== undefined)
        throw new Error(`${name} ended with status ${exitCode} before it was ready`)
    })
  } catch (error) {
    child.kill('SIGTERM')
    throw error
  } finally {
    await caller.close()
  }
  return {
    pid: child.pid,
    ended: exited,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Waits until a program answers `/health`. */
export async function healthy(
  fetcher: typeof fetch,
  url: string,
  check: () => void,
): Promise<void> {
  for (let waited = 0; waited < startMsMax; waited += lookMs) {
    check()
    try {
      const answer = await fetcher(`${url}/health`)
      if (answer.ok) return
    } catch {
      // Not listening yet.
    }
    await sleep(lookMs)
  }
  throw new Error(`${url} did not become healthy`)
}
