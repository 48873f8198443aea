/** A whole town: all programs in one process, or each in its own. */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Refusal } from '@sekisho/contract'
import type { UpstreamSettings } from '@sekisho/platform'
import { lockFolder, ownerOnlyFolder } from '@sekisho/runtime/files'
import type { Log } from '@sekisho/runtime/log'
import { connectPostgres, type Engine, openEmbedded } from '@sekisho/runtime/store'
import { assertNoStranger, forgetTown, settleIn } from './folder.ts'
import { startFront } from './front.ts'
import { type Layout, layoutOf, type ProgramName, programNames } from './layout.ts'
import { startProcess } from './process.ts'
import { type Running, startProgram, type Wire } from './program.ts'

/** How a town is to run. */
export type TownSettings = {
  readonly folder: string
  readonly portBase: number
  readonly isSplit: boolean
  /** Forgets the town that is in the folder. */
  readonly isFresh?: boolean
  readonly database: string | undefined
  readonly residents: number
  /** Residents of all Japan, four in five with registered certificates. */
  readonly isCountry?: boolean | undefined
  readonly log: Log
  /** Of a town in one process only. */
  readonly wire?: Wire | undefined
  /** Other OpenID Providers that the platform knows; of a town in one process only. */
  readonly gateways?: readonly UpstreamSettings[] | undefined
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

/**
 * Starts a town. Refusals: `data-folder-in-use` when another town runs on the folder, `data-folder-foreign` when something else
 * than a town lies in it, `configuration-unsafe` when the town there keeps its tables otherwise, `port-in-use`.
 */
export async function startTown(settings: TownSettings): Promise<Town> {
  const { folder } = settings
  await assertNoStranger(folder)
  await ownerOnlyFolder(folder)
  const lock = await lockFolder(folder)
  const layout = layoutOf(folder, settings.portBase)
  const programs = new Map<ProgramName, RunningProgram>()
  const others: Running[] = []
  const stop = async (): Promise<void> => {
    try {
      await stopAll([...others, ...programs.values()])
    } finally {
      lock.release()
    }
  }
  try {
    await assertPortsFree(layout)
    if (settings.isFresh) await forgetTown(folder)
    const tables = settings.isSplit ? 'split' : 'together'
    await settleIn(folder, settings.database === undefined ? tables : 'postgres')
    for (const name of programNames) await ownerOnlyFolder(join(folder, name))
    const engine = settings.isSplit ? undefined : await sharedEngine(settings, layout, others)
    const start =
      engine === undefined
        ? (name: ProgramName, env = {}) => startProcess(name, argumentsOf(settings), env)
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
    // Why it did not start is what counts.
    await stop().catch(() => undefined)
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

function argumentsOf(settings: TownSettings): readonly string[] {
  return [
    '--data',
    settings.folder,
    '--port-base',
    String(settings.portBase),
    '--residents',
    String(settings.residents),
    ...(settings.isCountry === true ? ['--country'] : []),
    ...(settings.database === undefined ? [] : ['--database', settings.database]),
  ]
}

/** Refusal `port-in-use` before anything is made, rather than after a minute of work. */
async function assertPortsFree(layout: Layout): Promise<void> {
  for (const port of Object.values(layout.ports))
    if (!(await isPortFree(port))) throw new Refusal('port-in-use', { port })
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

/** Stops all, the last started first; what one throws does not keep the others running. */
async function stopAll(running: readonly Running[]): Promise<void> {
  const faults: unknown[] = []
  for (const one of running.toReversed())
    try {
      await one.stop()
    } catch (fault) {
      faults.push(fault)
    }
  if (faults.length > 0) throw new AggregateError(faults, 'not everything stopped in order')
}
