/** `platform`, `authority`, `provider`: the programs alone, and what an operator does. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Refusal } from '@sekisho/contract'
import { jpkiReal, jpkiTown, parseCertificate } from '@sekisho/pki'
import { startPlatform } from '@sekisho/platform'
import { systemClock } from '@sekisho/runtime/clock'
import { lockFolder, ownerOnlyFolder } from '@sekisho/runtime/files'
import { callAdmin } from '@sekisho/runtime/http'
import { createLog, streamSink } from '@sekisho/runtime/log'
import { createFetch } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import { connectPostgres, openEmbedded } from '@sekisho/runtime/store'
import type { Command } from 'commander'
import { z } from 'zod'
import { defaultPortBase, layoutOf } from '../town/layout.ts'
import { startProgram } from '../town/program.ts'
import { defaultFolder, parsePort, untilSignal } from './town.ts'

/** Adds the commands. */
export function addOperatorCommands(program: Command): void {
  program
    .command('platform')
    .description('run the platform alone, by a configuration file (docs/operation.md)')
    .requiredOption('--config <file>', 'JSON')
    .action((given: { config: string }) => runPlatform(given.config))
  program
    .command('authority')
    .description('run the authority stand-in alone, for a platform elsewhere on this machine')
    .option('--data <folder>', '', defaultFolder())
    .option('--port-base <port>', '', parsePort, defaultPortBase)
    .action(runAuthority)

  const provider = program
    .command('provider')
    .description('the providers registered at the running platform')
  provider
    .command('add')
    .description('register a provider from OpenID client metadata')
    .argument(
      '<file>',
      'JSON: client_id, client_name, redirect_uris, jwks, scope, sekisho_purpose, …',
    )
    .option('--data <folder>', '', defaultFolder())
    .action(async (file: string, given: { data: string }) =>
      tell(await admin(given.data, 'provider-add', await readJson(file))),
    )
  provider
    .command('list')
    .option('--data <folder>', '', defaultFolder())
    .action(async (given: { data: string }) => tell(await admin(given.data, 'provider-list')))
  for (const [name, state] of [
    ['suspend', 'suspended'],
    ['resume', 'active'],
  ] as const)
    provider
      .command(name)
      .argument('<id>')
      .option('--data <folder>', '', defaultFolder())
      .action(async (id: string, given: { data: string }) =>
        tell(await admin(given.data, 'provider-state', { id, state })),
      )
}

/** The configuration of a platform. Paths are relative to the file. Nothing that decides trust has a default. */
const configuration = z.strictObject({
  mode: z.enum(['production', 'town']),
  port: z.int().min(1).max(65_535),
  issuer: z.url(),
  dataFolder: z.string(),
  database: z.string().optional(),
  profile: z.enum(['real', 'town']),
  anchors: z.array(z.string()),
  authority: z.strictObject({ url: z.url(), answerKeyId: z.string(), answerKeyFile: z.string() }),
  messageKeyId: z.string(),
  messageKeyFile: z.string(),
  readers: z.strictObject({ wallet: z.url().optional(), agent: z.string().optional() }),
  revocationRefreshSeconds: z.number().min(1).max(3600),
})

async function runPlatform(file: string): Promise<void> {
  const parsed = configuration.safeParse(await readJson(file))
  if (!parsed.success)
    throw new Refusal('configuration-unsafe', {
      setting: parsed.error.issues[0]?.path.join('.') ?? '',
    })
  const config = parsed.data
  const at = (path: string): string => resolve(file, '..', path)
  const folder = at(config.dataFolder)
  await ownerOnlyFolder(folder)
  const lock = await lockFolder(folder)
  const engine =
    config.database === undefined
      ? await openEmbedded(join(folder, 'database'))
      : connectPostgres(config.database)
  const caller = createFetch({ answerBytesMax: crlBytesMax })
  try {
    const platform = await startPlatform({
      mode: config.mode,
      port: config.port,
      issuer: config.issuer,
      keysFolder: join(folder, 'keys'),
      adminPath: join(folder, 'admin.sock'),
      engine,
      profile: config.profile === 'real' ? jpkiReal : jpkiTown,
      anchors: await Promise.all(
        config.anchors.map(async path => parseCertificate(await readPem(at(path)))),
      ),
      authority: {
        url: config.authority.url,
        answerKey: {
          keyId: config.authority.answerKeyId,
          publicKey: createPublicKey(await readFile(at(config.authority.answerKeyFile))),
        },
      },
      messageKey: {
        keyId: config.messageKeyId,
        privateKey: createPrivateKey(await readFile(at(config.messageKeyFile))),
      },
      readers: {
        ...(config.readers.wallet === undefined ? {} : { wallet: config.readers.wallet }),
        ...(config.readers.agent === undefined ? {} : { agent: config.readers.agent }),
      },
      revocationRefreshMs: config.revocationRefreshSeconds * 1000,
      fetch: caller.fetch,
      clock: systemClock(),
      random: systemRandom(),
      log: createLog({ program: 'platform', sink: streamSink(process.stdout), level: 'info' }),
    })
    await untilSignal()
    await platform.stop()
  } finally {
    await caller.close()
    await engine.close()
    lock.release()
  }
}

/** A full list of a large municipality (pki's `crlBytesMax`). */
const crlBytesMax = 40 * 1024 * 1024

async function runAuthority(given: { data: string; portBase: number }): Promise<void> {
  const folder = resolve(given.data)
  await ownerOnlyFolder(folder)
  const lock = await lockFolder(folder)
  const running = await startProgram('authority', {
    layout: layoutOf(folder, given.portBase),
    log: createLog({ program: 'authority', sink: streamSink(process.stderr), level: 'info' }),
    database: undefined,
    residents: 3000,
  })
  await untilSignal()
  await running.stop()
  lock.release()
}

function admin(data: string, command: string, body?: unknown): Promise<unknown> {
  return callAdmin(layoutOf(resolve(data), defaultPortBase).adminPath('platform'), command, body)
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'))
  } catch (error) {
    if (error instanceof SyntaxError) throw new Refusal('request-malformed', { fields: 'json' })
    throw error
  }
}

async function readPem(path: string): Promise<Uint8Array> {
  const text = await readFile(path, 'latin1')
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END/.exec(text)?.[1]
  return Buffer.from(body ?? text, body === undefined ? 'latin1' : 'base64')
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
