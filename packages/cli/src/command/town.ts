/** `town`, `program`, `clock`: the practice town and its parts. */
import { rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { townClock } from '@sekisho/runtime/clock'
import { createLog, type Log, streamSink } from '@sekisho/runtime/log'
import { createEffects, type Effects } from '@sekisho/runtime/store'
import { type Command, InvalidArgumentError } from 'commander'
import { defaultPortBase, layoutOf, type ProgramName, programNames } from '../town/layout.ts'
import { personaPassword, personaPin } from '../town/personas.ts'
import { startProgram } from '../town/program.ts'
import { startTown } from '../town/town.ts'

/** Residents besides the personas, unless told otherwise. */
const defaultResidents = 3000

/** The folder of a town unless told otherwise. */
export function defaultFolder(): string {
  return process.env['SEKISHO_DATA'] ?? join(homedir(), '.sekisho', 'town')
}

/** Adds the commands. */
export function addTownCommands(program: Command): void {
  program
    .command('town')
    .description('run a practice town: authority, platform, bank, wallet')
    .option('--data <folder>', 'where the town keeps its data', defaultFolder())
    .option('--port-base <port>', 'first of five ports', parsePort, defaultPortBase)
    .option('--fresh', 'begin anew: forget the town that is in the folder', false)
    .option('--split', 'each program in a process of its own', false)
    .option('--json', 'print one line of JSON when ready', false)
    .option('--database <url>', 'a PostgreSQL server instead of embedded databases')
    .option(
      '--residents <count>',
      'synthetic residents besides the personas',
      parseCount,
      defaultResidents,
    )
    .action(runTown)

  program
    .command('program', { hidden: true })
    .argument('<name>', programNames.join(' | '))
    .requiredOption('--data <folder>')
    .requiredOption('--port-base <port>', '', parsePort)
    .requiredOption('--residents <count>', '', parseCount)
    .option('--database <url>')
    .action(runProgram)

  const clock = program.command('clock').description('read or turn the clock of a town')
  clock
    .command('show', { isDefault: true })
    .option('--data <folder>', '', defaultFolder())
    .action((given: { data: string }) => {
      process.stdout.write(`${new Date(clockOf(given.data).now()).toISOString()}\n`)
    })
  clock
    .command('advance')
    .argument('<duration>', 'such as 90m, 12h, 3d')
    .option('--data <folder>', '', defaultFolder())
    .action(async (duration: string, given: { data: string }) => {
      await clockOf(given.data).advance(parseDuration(duration))
      process.stdout.write(`${new Date(clockOf(given.data).now()).toISOString()}\n`)
    })
  clock
    .command('turn-to')
    .argument('<instant>', 'such as 2027-04-01T00:00:00Z')
    .option('--data <folder>', '', defaultFolder())
    .action(async (instant: string, given: { data: string }) => {
      const at = Date.parse(instant)
      if (Number.isNaN(at)) throw new Refusal('request-malformed', { fields: 'instant' })
      await clockOf(given.data).turnTo(at)
      process.stdout.write(`${new Date(at).toISOString()}\n`)
    })
}

type TownOptions = {
  readonly data: string
  readonly portBase: number
  readonly fresh: boolean
  readonly split: boolean
  readonly json: boolean
  readonly database?: string
  readonly residents: number
}

async function runTown(given: TownOptions): Promise<void> {
  const folder = resolve(given.data)
  if (given.fresh) await forget(folder)
  const log = programLog('town')
  if (!given.json) process.stdout.write('Starting the town … 町を起動しています …\n')
  const town = await startTown({
    folder,
    portBase: given.portBase,
    isSplit: given.split,
    database: given.database,
    residents: given.residents,
    log,
  })
  const { urls } = town.layout
  process.stdout.write(
    given.json ? `${JSON.stringify({ ready: true, urls })}\n` : greeting(urls, folder),
  )
  await untilSignal()
  await town.stop()
}

/** Deletes the town of a folder, but nothing that does not look like one. */
async function forget(folder: string): Promise<void> {
  const layout = layoutOf(folder, defaultPortBase)
  await Promise.all(
    [
      ...programNames.map(name => join(folder, name)),
      join(folder, 'town'),
      layout.cardsFolder,
      layout.clockFile,
    ].map(path => rm(path, { recursive: true, force: true })),
  )
}

function greeting(urls: Readonly<Record<string, string>>, folder: string): string {
  return `
  町の準備ができました。まずブラウザーでここを開いてください。
  The town is ready. Open this in your browser first:

      ${urls['town']}

  銀行 bank        ${urls['bank']}
  基盤 platform    ${urls['platform']}
  窓口 authority   ${urls['authority']}
  財布 wallet      ${urls['wallet']}

  カードの暗証番号 PIN ${personaPin} · 署名用パスワード signature password ${personaPassword}
  データ data ${folder} · 終了 stop: Ctrl+C
`
}

async function runProgram(
  name: string,
  given: { data: string; portBase: number; residents: number; database?: string },
): Promise<void> {
  if (!isProgramName(name)) throw new Refusal('request-malformed', { fields: 'name' })
  const running = await startProgram(name, {
    layout: layoutOf(resolve(given.data), given.portBase),
    log: programLog(name),
    database: given.database,
    residents: given.residents,
    effects: killSwitch(),
  })
  await untilSignal()
  await running.stop()
}

/**
 * For kill tests: with `SEKISHO_KILL_AT=n` the program counts its effects from SIGUSR2 on and kills itself at the n-th, before
 * it or, with `SEKISHO_KILL_MOMENT=after`, right after it.
 */
function killSwitch(): Effects | undefined {
  const killAt = process.env['SEKISHO_KILL_AT']
  if (killAt === undefined) return undefined
  const moment = process.env['SEKISHO_KILL_MOMENT'] === 'after' ? 'after' : 'before'
  let armed: Effects | undefined
  process.on('SIGUSR2', () => {
    armed = createEffects({ killAt: Number(killAt), moment })
  })
  return {
    around: (kind, run) => (armed === undefined ? run() : armed.around(kind, run)),
    mark: kind => armed?.mark(kind),
    count: () => armed?.count() ?? 0,
    seen: () => armed?.seen() ?? [],
  }
}

function isProgramName(name: string): name is ProgramName {
  return (programNames as readonly string[]).includes(name)
}

/** Logs of a town are for the curious: warnings and worse, unless `SEKISHO_LOG` names another level. */
function programLog(name: string): Log {
  const wish = process.env['SEKISHO_LOG']
  const level = wish === 'debug' || wish === 'info' || wish === 'error' ? wish : 'warn'
  return createLog({ program: name, sink: streamSink(process.stderr), level })
}

/** Resolves when the process is asked to end. */
export function untilSignal(): Promise<void> {
  return new Promise(done => {
    // Timers of the programs keep no process alive; this one does, until a signal comes.
    const stay = setInterval(() => undefined, 2 ** 30)
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        clearInterval(stay)
        done()
      })
  })
}

function clockOf(folder: string) {
  return townClock(layoutOf(resolve(folder), defaultPortBase).clockFile)
}

function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text)
  if (match === null) throw new Refusal('request-malformed', { fields: 'duration' })
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[match[2] ?? 's'] ?? 1000
  return Number(match[1]) * unitMs
}

/** Parses a port of the command line. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1024 || port > 65_000)
    throw new InvalidArgumentError('a port from 1024 to 65000')
  return port
}

function parseCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 0 || count > 100_000)
    throw new InvalidArgumentError('a number up to 100000')
  return count
}
