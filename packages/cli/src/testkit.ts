/**
 * A whole town for tests: a provider's own tests and Sekisho's scenarios. Everything is real; only the folder is temporary and
 * the ports are free ones.
 */
import { createServer } from 'node:net'
import type { SecretKind } from '@sekisho/card'
import { parsePin } from '@sekisho/card'
import type { ResidentEvent } from '@sekisho/authority'
import {
  type CeremonyPurpose,
  createHeadlessReader,
  type HeadlessReader,
  type HeldCard,
  openCardFolder,
} from '@sekisho/readers'
import { Refusal } from '@sekisho/contract'
import type { UpstreamSettings } from '@sekisho/platform'
import { sleep, type TownClock, townClock } from '@sekisho/runtime/clock'
import { temporaryFolder } from '@sekisho/runtime/files'
import { callAdmin } from '@sekisho/runtime/http'
import { createLog, type LogSink } from '@sekisho/runtime/log'
import { createFetch, type Fetch } from '@sekisho/runtime/net'
import { startTemporaryPostgres, type Store } from '@sekisho/runtime/store'
import type { Layout, ProgramName } from './town/layout.ts'
import { personaPassword, personaPin } from './town/personas.ts'
import { startTestProvider, type TestProvider, type TestProviderSettings } from './test-provider.ts'
import type { Wire } from './town/program.ts'
import { startTown, type Town } from './town/town.ts'

export type { TestProvider, TestProviderSettings } from './test-provider.ts'
export type { Wire } from './town/program.ts'

/** How the town for a test is to be. */
export type TestTownSettings = {
  /** `postgres` starts a server of its own. */
  readonly database?: 'embedded' | 'postgres'
  readonly isSplit?: boolean
  readonly residents?: number
  /** Gets every log line, such as a `raisingSink`. */
  readonly sink?: LogSink
  /** Stands between platform or bank and what they call; for a town in one process. */
  readonly wire?: Wire
  /** Other OpenID Providers that the platform knows. */
  readonly gateways?: readonly UpstreamSettings[]
}

/** Milliseconds a test waits for an answer: several towns may share a machine. What a town itself waits is not changed. */
const testWaitMs = 60_000

/** A program's tables, untyped. */
export type TestTables = Store<Record<string, Record<string, unknown>>>

/** A person with a card at a headless reader. */
export type PersonAtReader = HeadlessReader & AsyncDisposable & { readonly card: HeldCard }

/** A running town and what a test does with it. */
export type TestTown = AsyncDisposable &
  Pick<Town, 'stopProgram' | 'startProgram' | 'processId' | 'ended'> & {
    /** URL of the PostgreSQL server, when the town has one. */
    readonly database: string | undefined
    readonly urls: Layout['urls']
    readonly layout: Layout
    readonly clock: TownClock
    readonly fetch: Fetch
    /** A persona at a reader of their own, with PIN and password as they know them unless told otherwise. */
    person(
      persona: string,
      given?: {
        readonly pin?: string
        readonly password?: string
        readonly expects?: readonly CeremonyPurpose[]
        readonly confirmLastTry?: boolean
        /** In place of the town's own, to watch or disturb what the person's browser sends. */
        readonly fetch?: Fetch
      },
    ): Promise<PersonAtReader>
    /** Takes a card out of the tray. */
    takeCard(persona: string): Promise<HeldCard>
    /** Something happens to a resident at the municipal window. The new lists are in force when it resolves. */
    happen(persona: string, event: ResidentEvent): Promise<void>
    /** Registers a provider of the test's own, with its own keys, and starts the page that people come back to. */
    provider(given: TestProviderSettings): Promise<TestProvider>
    /** The tables of a program, to look into or to bring into a state that takes long to reach; of a town in one process. */
    tables(program: ProgramName): Promise<TestTables>
    /** A command to a program's admin socket. */
    admin(program: ProgramName, command: string, body?: unknown): Promise<unknown>
    /** Has the authority publish what is due and the platform take it over. */
    settle(): Promise<void>
    stop(): Promise<void>
  }

/** Starts a town. Stop it, or use `await using`. */
export async function startTestTown(settings: TestTownSettings = {}): Promise<TestTown> {
  // What has begun is ended again when a later step fails; else it is kept until `stop`.
  await using begun = new AsyncDisposableStack()
  const folder = begun.use(await temporaryFolder('town'))
  const postgres =
    settings.database === 'postgres' ? begun.use(await startTemporaryPostgres()) : undefined
  const log = createLog({
    program: 'town',
    sink: settings.sink ?? { write: line => void process.stderr.write(line) },
    level: settings.sink === undefined ? 'error' : 'debug',
  })
  const town = await atFreePorts(portBase =>
    startTown({
      folder: folder.path,
      portBase,
      isSplit: settings.isSplit ?? false,
      database: postgres?.url,
      residents: settings.residents ?? 20,
      log,
      wire: settings.wire,
      gateways: settings.gateways,
    }),
  )
  begun.defer(() => town.stop())
  const { layout } = town
  const caller = createFetch({ timeoutMs: testWaitMs })
  begun.defer(() => caller.close())
  const cards = openCardFolder(layout.cardsFolder)
  const admin: TestTown['admin'] = (program, command, body) =>
    callAdmin(layout.adminPath(program), command, body)
  const settle = async (): Promise<void> => {
    await admin('authority', 'publish')
    await admin('platform', 'revocation-refresh')
  }
  const providers: TestProvider[] = []
  // One each: with PostgreSQL each has connections of its own.
  const tables = new Map<ProgramName, Promise<TestTables>>()
  const kept = begun.move()
  const stop = async (): Promise<void> => {
    for (const one of providers) await one.stop()
    await kept.disposeAsync()
  }
  return {
    urls: layout.urls,
    layout,
    database: postgres?.url,
    stopProgram: town.stopProgram,
    startProgram: town.startProgram,
    processId: town.processId,
    ended: town.ended,
    clock: seenByAll(townClock(layout.clockFile)),
    fetch: caller.fetch,
    person: async (persona, given = {}) => {
      const pins = {
        authentication: secret('authentication', given.pin ?? personaPin),
        signature: secret('signature', given.password ?? personaPassword),
      }
      const held = await cards.take(persona)
      const reader = createHeadlessReader({
        fetch: given.fetch ?? caller.fetch,
        card: held.card,
        pins,
        expects: given.expects ?? ['login', 'identify', 'sign'],
        confirmLastTry: given.confirmLastTry ?? false,
      })
      return {
        ...reader,
        card: held,
        [Symbol.asyncDispose]: async () => {
          pins.authentication.dispose()
          pins.signature.dispose()
          await held.release()
        },
      }
    },
    takeCard: persona => cards.take(persona),
    provider: async given => {
      const started = await startTestProvider(given, {
        issuer: layout.urls.platform,
        fetch: caller.fetch,
        log,
        register: metadata => admin('platform', 'provider-add', metadata),
      })
      providers.push(started)
      return started
    },
    tables: program => {
      const opened = tables.get(program) ?? tablesOf(town, program)
      tables.set(program, opened)
      return opened
    },
    happen: async (persona, event) => {
      await admin('authority', 'resident-event', { resident: persona, event })
      await settle()
    },
    admin,
    settle,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Every program looks at the town's clock again within 50 ms of a turn. */
const clockSeenMs = 60

/** A clock whose turns resolve when all programs have seen them. */
function seenByAll(clock: TownClock): TownClock {
  return {
    ...clock,
    advance: async ms => {
      await clock.advance(ms)
      await sleep(clockSeenMs)
    },
    turnTo: async at => {
      await clock.turnTo(at)
      await sleep(clockSeenMs)
    },
  }
}

/** Opens a program's tables under its own role. */
async function tablesOf(town: Town, program: ProgramName): Promise<TestTables> {
  if (town.engine === undefined) throw new Error('the tables of a split town are its programs’')
  return town.engine.store<Record<string, Record<string, unknown>>>({
    schema: program,
    migrations: {},
  })
}

const attemptsMax = 20
/** Below the ports that systems hand out by themselves, so that no client's connection sits on one of ours. */
const portRange = { first: 11_000, last: 32_000 } as const
const portsOfTown = 7

/** Five consecutive ports that are free; should another program take one in between, others are tried. */
async function atFreePorts(start: (portBase: number) => Promise<Town>): Promise<Town> {
  for (let attempt = 1; ; attempt++) {
    const portBase = await freePorts()
    try {
      return await start(portBase)
    } catch (error) {
      const isTaken = error instanceof Refusal && error.code === 'port-in-use'
      if (!isTaken || attempt === attemptsMax) throw error
    }
  }
}

/** The first of five ports that were free a moment ago. Refusal `port-in-use` when none are found. */
export async function freePorts(): Promise<number> {
  const span = (portRange.last - portRange.first) / portsOfTown
  let portBase = portRange.first
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    portBase = portRange.first + Math.floor(Math.random() * span) * portsOfTown
    if (await arePortsFree(portBase)) return portBase
  }
  throw new Refusal('port-in-use', { port: portBase })
}

async function arePortsFree(portBase: number): Promise<boolean> {
  for (let port = portBase; port < portBase + portsOfTown; port++)
    if (!(await isPortFree(port))) return false
  return true
}

function isPortFree(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}

function secret(kind: SecretKind, text: string) {
  const parsed = parsePin(kind, text)
  if (parsed.kind === 'refused') throw new Refusal('pin-malformed')
  return parsed.value
}
