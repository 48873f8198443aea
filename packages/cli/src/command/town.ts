/** `town`, `program`, `clock`: the practice town and its parts. */
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { type Clock, type TownClock, townClock } from '@sekisho/runtime/clock'
import { createLog, type Log, streamSink } from '@sekisho/runtime/log'
import { createEffects, type Effects } from '@sekisho/runtime/store'
import { type Command, InvalidArgumentError } from 'commander'
import { assertTown } from '../town/folder.ts'
import { defaultPortBase, layoutOf, type ProgramName, programNames } from '../town/layout.ts'
import { personaPassword, personaPin } from '../town/personas.ts'
import { startProgram } from '../town/program.ts'
import { reportToTown } from '../town/process.ts'
import { startTown, type Town, type TownSettings } from '../town/town.ts'
import { faultExitCode } from './outcome.ts'
import { type EndWatch, watchForEnd } from './signal.ts'
import { parseDuration, parseInstant } from './time.ts'

/** Residents besides the personas, unless told otherwise. */
export const defaultResidents = 3000

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
    .option('--country', 'residents all over Japan, four in five with certificates', false)
    .action(runTown)

  program
    .command('program', { hidden: true })
    .argument('<name>', programNames.join(' | '))
    .requiredOption('--data <folder>')
    .requiredOption('--port-base <port>', '', parsePort)
    .requiredOption('--residents <count>', '', parseCount)
    .option('--country', '', false)
    .option('--database <url>')
    .action(runProgram)

  const clock = program.command('clock').description('read or turn the clock of a town')
  clock
    .command('show', { isDefault: true })
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { data: string }) => showClock(await clockOf(given.data)))
  clock
    .command('advance')
    .argument('<duration>', 'such as 90m, 12h, 3d')
    .option('--data <folder>', '', defaultFolder())
    .action(async (duration: string, given: { data: string }) => {
      const shown = await clockOf(given.data)
      const ms = parseDuration(duration)
      // The calendar has an end; a year of five digits is a typing error.
      if (shown.now() + ms > instantMax)
        throw new Refusal('request-malformed', { fields: 'duration' })
      await shown.advance(ms)
      showClock(shown)
    })
  clock
    .command('turn-to')
    .argument('<instant>', 'such as 2027-04-01T00:00:00Z or 2027-04-01T09:00:00+09:00')
    .option('--data <folder>', '', defaultFolder())
    .action(async (instant: string, given: { data: string }) => {
      const shown = await clockOf(given.data)
      await shown.turnTo(parseInstant(instant, 'instant'))
      showClock(shown)
    })
}

const instantMax = Date.UTC(9999, 0)

function showClock(clock: Clock): void {
  process.stdout.write(`${new Date(clock.now()).toISOString()}\n`)
}

type TownOptions = {
  readonly data: string
  readonly portBase: number
  readonly fresh: boolean
  readonly split: boolean
  readonly json: boolean
  readonly database?: string
  readonly residents: number
  readonly country: boolean
}

async function runTown(given: TownOptions): Promise<void> {
  const folder = resolve(given.data)
  using end = watchForEnd()
  if (!given.json) process.stdout.write('Starting the town … 町を起動しています …\n')
  const town = await startUnlessAsked(end, {
    folder,
    portBase: given.portBase,
    isSplit: given.split,
    isFresh: given.fresh,
    database: given.database,
    residents: given.residents,
    isCountry: given.country,
    log: programLog('town'),
  })
  if (town === undefined) return
  const { urls } = town.layout
  if (!end.isAsked())
    process.stdout.write(
      given.json ? `${JSON.stringify({ ready: true, urls })}\n` : greeting(urls, folder),
    )
  const ended = given.split ? programNames.map(name => town.ended(name).then(() => name)) : []
  const lost = await Promise.race([end.asked, ...ended])
  if (lost !== undefined && !end.isAsked()) {
    process.stderr.write(
      `${lost} が予期せず終了したため、町を停止します。\nThe program ${lost} ended unexpectedly; the town stops.\n`,
    )
    process.exitCode = faultExitCode
  }
  await town.stop()
}

/** A town that was asked to end while it started, by the same Ctrl+C that its programs got, has nothing to explain. */
async function startUnlessAsked(end: EndWatch, settings: TownSettings): Promise<Town | undefined> {
  try {
    return await startTown(settings)
  } catch (error) {
    if (end.isAsked()) return undefined
    throw error
  }
}

function greeting(urls: Readonly<Record<string, string>>, folder: string): string {
  return `
  町の準備ができました。まずブラウザーでここを開いてください。
  The town is ready. Open this in your browser first:

      ${urls['town']}

  1. 銀行で「口座を開設する」を選ぶ         choose to open an account at the bank
  2. ウォレットで佐藤 花子のカードを選ぶ    pick the card of 佐藤 花子 in the wallet
  3. 署名用パスワードを入れると口座が開く   type the signature password: the account is open
  4. 次からは暗証番号でログイン             from then on the PIN logs in

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
  given: {
    data: string
    portBase: number
    residents: number
    country: boolean
    database?: string
  },
): Promise<void> {
  if (!isProgramName(name)) throw new Refusal('request-malformed', { fields: 'name' })
  const town = reportToTown()
  // Ctrl+C reaches all processes of a terminal; a town ends its programs itself, in order.
  using end = watchForEnd(town === undefined ? undefined : ['SIGTERM'])
  if (town !== undefined)
    for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  try {
    const running = await startProgram(name, {
      layout: layoutOf(resolve(given.data), given.portBase),
      log: programLog(name),
      database: given.database,
      residents: given.residents,
      isCountry: given.country,
      effects: killSwitch(),
    })
    town?.tell({ kind: 'ready' })
    await Promise.race([end.asked, ...(town === undefined ? [] : [town.lost])])
    await running.stop()
  } catch (error) {
    if (town === undefined || !(error instanceof Refusal)) throw error
    town.tell({ kind: 'refused', code: error.code, fields: error.fields })
  } finally {
    town?.close()
  }
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

/** The clock of a town that exists: one turned in a wrong folder would turn nothing. */
async function clockOf(folder: string): Promise<TownClock> {
  await assertTown(resolve(folder))
  return townClock(layoutOf(resolve(folder), defaultPortBase).clockFile)
}

/** Parses a port of the command line. */
export function parsePort(text: string): number {
  const port = Number(text)
  if (!Number.isInteger(port) || port < 1024 || port > 65_000)
    throw new InvalidArgumentError('a port from 1024 to 65000')
  return port
}

/** Far beyond what a laptop wants; the registry itself is planned for ten times that. */
const residentsMax = 10_000_000

function parseCount(text: string): number {
  const count = Number(text)
  if (!Number.isInteger(count) || count < 0 || count > residentsMax)
    throw new InvalidArgumentError(`a number up to ${residentsMax}`)
  return count
}
