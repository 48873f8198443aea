/** `platform`, `authority`, `status`: the programs alone, and what an operator asks. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { join, resolve } from 'node:path'
import { Refusal } from '@sekisho/contract'
import type { WitnessPolicy } from '@sekisho/ledger'
import { parseWitnessKey } from '@sekisho/ledger/verify'
import { jpkiReal, jpkiTown } from '@sekisho/pki'
import { type MailboxSettings, mailboxRoom } from '@sekisho/mailbox'
import { entrustedActs, mandatesRoom } from '@sekisho/mandates'
import { startPlatform } from '@sekisho/platform'
import { proceduresRoom } from '@sekisho/procedures'
import type { Room } from '@sekisho/platform/room'
import { systemClock } from '@sekisho/runtime/clock'
import { lockFolder } from '@sekisho/runtime/files'
import { tokenKeyring } from '@sekisho/runtime/keyring'
import { createLog, streamSink } from '@sekisho/runtime/log'
import { createFetch, type Fetch } from '@sekisho/runtime/net'
import { systemRandom } from '@sekisho/runtime/random'
import { connectPostgres, openEmbedded } from '@sekisho/runtime/store'
import type { Command } from 'commander'
import { z } from 'zod'
import { assertNoStranger, settleIn } from '../town/folder.ts'
import { tokenKeys } from '../town/keyring.ts'
import { defaultPortBase, layoutOf } from '../town/layout.ts'
import { startProgram } from '../town/program.ts'
import { verifierModules } from '../verifier/pack.ts'
import { callProgram } from './admin.ts'
import { writePlatformConfiguration } from './alone.ts'
import { readBytes, readCertificate, readJson } from './file.ts'
import { watchForEnd } from './signal.ts'
import { parseInstant } from './time.ts'
import { defaultFolder, defaultResidents, parsePort } from './town.ts'

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
    .option('--port-base <port>', 'its own port is the next', parsePort, defaultPortBase)
    .action(runAuthority)

  program
    .command('status')
    .description('whether a certificate was good at a time, as far as it was known at another')
    .argument('<file>', 'the certificate, DER or PEM')
    .requiredOption('--at <time>', 'the time in question, RFC 3339')
    .option('--known-at <time>', 'lists that came later are not looked at (all that came)')
    .option('--data <folder>', '', defaultFolder())
    .action(askStatus)
}

async function askStatus(
  file: string,
  given: { readonly at: string; readonly knownAt?: string; readonly data: string },
): Promise<void> {
  const iso = (text: string, field: string): string =>
    new Date(parseInstant(text, field)).toISOString()
  const certificate = await readCertificate(file)
  const question = {
    certificate: Buffer.from(certificate.raw).toString('base64'),
    at: iso(given.at, 'at'),
    knownAt: iso(given.knownAt ?? '9999-12-31T23:59:59Z', 'known-at'),
  }
  tell(await admin(given.data, 'status-as-known', question))
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
  /** Without it no time-stamp is believed. */
  timeStamps: z
    .strictObject({ url: z.url(), listUrl: z.url(), anchors: z.array(z.string()) })
    .optional(),
  /** Mandates; without it nobody acts for another. */
  mandates: z
    .strictObject({ registerUrl: z.url(), registerMinutes: z.int().positive() })
    .optional(),
  /** The P.O. box; without it there are no boxes. */
  mailbox: z
    .strictObject({
      /** ClamAV's daemon; without it documents are not looked through. */
      scanner: z
        .strictObject({
          at: z.union([
            z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) }),
            z.strictObject({ path: z.string() }),
          ]),
          bytesMax: z.int().positive(),
          tooLarge: z.enum(['reject', 'deliver']),
        })
        .optional(),
      /** The server through which people are told that something came; without it nobody is. */
      smtp: z
        .strictObject({
          host: z.string(),
          port: z.int().min(1).max(65_535),
          security: z.enum(['tls', 'starttls', 'none']),
          user: z.string().optional(),
          passwordFile: z.string().optional(),
          from: z.string(),
        })
        .optional(),
    })
    .optional(),
  /** Other PKIs over one root; without it only citizens' signatures are recognised. */
  recognised: z
    .strictObject({
      anchor: z.string(),
      crossUrl: z.url(),
      listUrls: z.array(z.url()).min(1).max(64),
      policies: z.partialRecord(
        z.enum(['representative', 'person', 'mandate', 'doctor', 'official']),
        z.string().regex(/^[0-2](\.\d{1,20}){1,30}$/),
      ),
    })
    .optional(),
  authority: z.strictObject({
    url: z.url(),
    verifierId: z.string().min(1).max(63),
    answerKeyId: z.string(),
    answerKeyFile: z.string(),
  }),
  /** The TLS proxy that passes providers' certificates on (RFC 9440); without it none is believed. */
  tlsProxy: z
    .strictObject({ secretFile: z.string(), clientAuthorities: z.array(z.string()).max(32) })
    .optional(),
  /** The token with the keys that sign for others and the master; without it they are files in `dataFolder`. */
  keys: tokenKeys.optional(),
  /** How long what is personal is kept, and why; without it who leaves is erased, and nobody for being idle. */
  retention: z
    .array(
      z.strictObject({
        kind: z.enum(['left', 'idle']),
        days: z.int().min(0).max(36_500),
        ground: z.string().min(1).max(200),
      }),
    )
    .max(8)
    .optional(),
  /** Witnesses of the ledger, and how many must have cosigned what is shown; without it none is asked. */
  witnesses: z
    .strictObject({
      needed: z.int().min(0),
      keys: z.array(z.strictObject({ key: z.string(), url: z.url() })).max(32),
    })
    .optional(),
  /** The operators' console; without it this node serves none. */
  operation: z.strictObject({ port: z.int().min(1).max(65_535), publicOrigin: z.url() }).optional(),
  /** The providers' console. */
  providers: z.strictObject({ port: z.int().min(1).max(65_535), publicOrigin: z.url() }).optional(),
  /** Other OpenID Providers whose logins providers may take; without it none. */
  gateways: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
        name: z.strictObject({ ja: z.string().min(1).max(40), en: z.string().min(1).max(40) }),
        issuer: z.url(),
        clientId: z.string().min(1).max(200),
      }),
    )
    .max(16)
    .optional(),
  messageKeyId: z.string(),
  messageKeyFile: z.string(),
  readers: z.strictObject({ wallet: z.url().optional(), agent: z.string().optional() }),
  revocationRefreshSeconds: z.number().min(1).max(3600),
})

type Configuration = z.infer<typeof configuration>

/** Refusal `configuration-unsafe` for a key that is none, and for more witnesses needed than there are. */
function witnessesOf(given: Configuration['witnesses']): WitnessPolicy | undefined {
  if (given === undefined) return undefined
  if (given.needed > given.keys.length)
    throw new Refusal('configuration-unsafe', { setting: 'witnesses.needed' })
  const witnesses = given.keys.map(({ key, url }) => {
    try {
      return { key: parseWitnessKey(key), url: url.replace(/\/$/, '') }
    } catch {
      throw new Refusal('configuration-unsafe', { setting: 'witnesses.keys' })
    }
  })
  return { needed: given.needed, witnesses }
}

async function runPlatform(file: string): Promise<void> {
  using end = watchForEnd()
  const parsed = configuration.safeParse(await readJson(file))
  if (!parsed.success)
    throw new Refusal('configuration-unsafe', {
      setting: parsed.error.issues[0]?.path.join('.') ?? '',
    })
  const config = parsed.data
  const at = (path: string): string => resolve(file, '..', path)
  const given = await filesOf(config, at)
  const folder = at(config.dataFolder)
  const lock = await lockFolder(folder)
  try {
    const engine =
      config.database === undefined
        ? await openEmbedded(join(folder, 'database'))
        : connectPostgres(config.database)
    const keys =
      config.keys &&
      tokenKeyring({ ...config.keys, pinFile: at(config.keys.pinFile) }, { random: systemRandom() })
    const caller = createFetch({ answerBytesMax: crlBytesMax })
    const reach = config.mode === 'production' ? 'public' : 'town'
    const providerCaller = createFetch({ answerBytesMax: providerAnswerBytesMax, reach })
    try {
      const { wallet, agent } = config.readers
      const platform = await startPlatform({
        ...given,
        mode: config.mode,
        port: config.port,
        issuer: config.issuer,
        keysFolder: join(folder, 'keys'),
        adminPath: join(folder, 'admin.sock'),
        engine,
        verifier: verifierModules(),
        operation: config.operation,
        rooms: roomsOf({ ...config, mailbox: given.mailbox }, folder, caller.fetch),
        witnesses: witnessesOf(config.witnesses),
        retention: config.retention,
        keys,
        providers: config.providers,
        gateways: config.gateways,
        profile: config.profile === 'real' ? jpkiReal : jpkiTown,
        readers: {
          ...(wallet === undefined ? {} : { wallet }),
          ...(agent === undefined ? {} : { agent }),
        },
        revocationFolder: join(folder, 'revocation'),
        uploadsFolder: join(folder, 'uploads'),
        revocationRefreshMs: config.revocationRefreshSeconds * 1000,
        fetch: caller.fetch,
        providerFetch: providerCaller.fetch,
        clock: systemClock(),
        random: systemRandom(),
        log: createLog({ program: 'platform', sink: streamSink(process.stdout), level: 'info' }),
      })
      await end.asked
      await platform.stop()
    } finally {
      await caller.close()
      await providerCaller.close()
      await keys?.stop()
      await engine.close()
    }
  } finally {
    lock.release()
  }
}

/** What stands on the platform. */
function roomsOf(
  {
    mandates,
    mailbox,
  }: Pick<Configuration, 'mandates'> & {
    readonly mailbox: Omit<MailboxSettings, 'folder'> | undefined
  },
  folder: string,
  fetch: Fetch,
): readonly Room[] {
  const rooms: Room[] = []
  if (mandates !== undefined) {
    const { registerUrl, registerMinutes } = mandates
    rooms.push(mandatesRoom({ registerUrl, registerAgeMs: registerMinutes * 60_000, fetch }))
    // Procedures write to boxes and ask who may act for whom.
    if (mailbox !== undefined) rooms.push(proceduresRoom({ registerUrl, fetch }))
  }
  const entrusted = mandates === undefined ? undefined : entrustedActs
  if (mailbox !== undefined)
    rooms.push(mailboxRoom({ ...mailbox, folder: join(folder, 'mail'), entrusted }))
  return rooms
}

/** The password stands in a file of its own. */
async function smtpOf(
  smtp: NonNullable<NonNullable<Configuration['mailbox']>['smtp']>,
  at: (path: string) => string,
): Promise<NonNullable<MailboxSettings['smtp']>> {
  const { passwordFile, ...rest } = smtp
  const password = passwordFile && (await textOf(at(passwordFile))).trim()
  return { ...rest, password }
}

/** What the configuration names by files, read before anything is made. */
async function filesOf(config: Configuration, at: (path: string) => string) {
  const { authority, timeStamps, recognised, tlsProxy, mailbox } = config
  const key = async <T>(setting: string, path: string, read: (pem: Buffer) => T): Promise<T> => {
    const pem = Buffer.from(await readBytes(at(path)))
    try {
      return read(pem)
    } catch {
      throw new Refusal('configuration-unsafe', { setting, why: 'not-a-key' })
    }
  }
  return {
    mailbox: mailbox && { ...mailbox, smtp: mailbox.smtp && (await smtpOf(mailbox.smtp, at)) },
    anchors: await Promise.all(config.anchors.map(path => readCertificate(at(path)))),
    timeStamps:
      timeStamps === undefined
        ? undefined
        : {
            url: timeStamps.url,
            listUrl: timeStamps.listUrl,
            anchors: await Promise.all(timeStamps.anchors.map(path => readCertificate(at(path)))),
          },
    tlsProxy:
      tlsProxy === undefined
        ? undefined
        : {
            secret: (await textOf(at(tlsProxy.secretFile))).trim(),
            clientAuthorities: await Promise.all(
              tlsProxy.clientAuthorities.map(path => textOf(at(path))),
            ),
          },
    recognised:
      recognised === undefined
        ? undefined
        : { ...recognised, anchor: await readCertificate(at(recognised.anchor)) },
    authority: {
      url: authority.url,
      verifierId: authority.verifierId,
      answerKey: {
        keyId: authority.answerKeyId,
        publicKey: await key('authority.answerKeyFile', authority.answerKeyFile, createPublicKey),
      },
    },
    messageKey: {
      keyId: config.messageKeyId,
      privateKey: await key('messageKeyFile', config.messageKeyFile, createPrivateKey),
    },
  }
}

async function textOf(path: string): Promise<string> {
  return Buffer.from(await readBytes(path)).toString('utf8')
}

/** A full list of a large municipality (pki's `crlBytesMax`). */
const crlBytesMax = 40 * 1024 * 1024
/** Answers of providers are statuses, keys and little else. */
const providerAnswerBytesMax = 1024 * 1024

async function runAuthority(given: { data: string; portBase: number }): Promise<void> {
  using end = watchForEnd()
  const folder = resolve(given.data)
  await assertNoStranger(folder)
  const lock = await lockFolder(folder)
  try {
    await settleIn(folder, 'split')
    const layout = layoutOf(folder, given.portBase)
    const running = await startProgram('authority', {
      layout,
      log: createLog({ program: 'authority', sink: streamSink(process.stderr), level: 'info' }),
      database: undefined,
      residents: defaultResidents,
    })
    const path = await writePlatformConfiguration(layout)
    process.stdout.write(
      `${JSON.stringify({ ready: true, url: layout.urls.authority, platform: path })}\n`,
    )
    await end.asked
    await running.stop()
  } finally {
    lock.release()
  }
}

function admin(data: string, command: string, body?: unknown): Promise<unknown> {
  return callProgram(data, 'platform', command, body)
}

function tell(answer: unknown): void {
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`)
}
