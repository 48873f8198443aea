/** Programs of a split town as processes: how one is started, tells that it is ready or refused, and is ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { isRefusalCode, Refusal } from '@sekisho/contract'
import { sleep } from '@sekisho/runtime/clock'
import { z } from 'zod'
import type { ProgramName } from './layout.ts'
import type { Running } from './program.ts'

/** A program in a process of its own. */
export type ProgramProcess = Running & {
  readonly pid: number | undefined
  /** Resolves when the process has ended, however it did. */
  readonly ended: Promise<void>
}

/** What a program tells the town that started it, once. */
const report = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('ready') }),
  z.object({
    kind: z.literal('refused'),
    code: z.string().refine(isRefusalCode),
    fields: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
])
type Report = z.infer<typeof report>

/** Milliseconds a program may take to start: an embedded database is made at the first. */
const startMsMax = 60_000
/** Milliseconds it may take to end before it is killed: longer than a server drains. */
const stopMsMax = 15_000

/** Starts `sekisho program NAME` and waits until it is ready. Its own refusal is thrown again. */
export async function startProcess(
  name: ProgramName,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<ProgramProcess> {
  const main = join(import.meta.dirname, '..', 'main.ts')
  // The channel also tells the program when the town has died: see `reportToTown`.
  const child = spawn(process.execPath, [main, 'program', name, ...args], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  })
  const ended = new Promise<void>(resolve => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  const stop = (): Promise<void> => end(child, ended)
  const told = await firstReport(child, ended)
  if (told?.kind === 'ready') return { pid: child.pid, ended, stop }
  await stop()
  if (told?.kind === 'refused' && isRefusalCode(told.code))
    throw new Refusal(told.code, told.fields)
  throw new Error(`${name} ended before it was ready`)
}

async function firstReport(child: ChildProcess, ended: Promise<void>): Promise<Report | undefined> {
  const waiting = new AbortController()
  try {
    return await Promise.race([
      new Promise<Report>((resolve, reject) => {
        child.once('message', message => {
          const parsed = report.safeParse(message)
          if (parsed.success) resolve(parsed.data)
          else reject(parsed.error)
        })
      }),
      ended.then(() => undefined),
      sleep(startMsMax, waiting.signal).then(() => undefined),
    ])
  } finally {
    waiting.abort()
  }
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM')
  const waiting = new AbortController()
  const patience = sleep(stopMsMax, waiting.signal).then(
    () => child.kill('SIGKILL'),
    () => undefined,
  )
  await ended
  waiting.abort()
  await patience
}

/** The channel of a program to the town that started it; none when a person started it by hand. */
export type TownChannel = {
  /** Resolves when the town has died. */
  readonly lost: Promise<void>
  tell(told: Report): void
  /** Closes the channel, so that the process can end. */
  close(): void
}

/** The channel to the town, in a program's process. */
export function reportToTown(): TownChannel | undefined {
  if (process.send === undefined) return undefined
  const lost = new Promise<void>(resolve => {
    process.once('disconnect', resolve)
  })
  return {
    lost,
    tell: told => {
      if (process.connected) process.send?.(told)
    },
    close: () => {
      if (process.connected) process.disconnect()
    },
  }
}
