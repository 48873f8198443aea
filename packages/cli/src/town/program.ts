/** Composes each program of a town from the town's folder. Used by a one-process town and by the processes of a split one. */
import {
  type Authority,
  otherCaIds,
  policyOf,
  startAuthority,
  townAnchors,
  townGovernmentAnchor,
  townTimeStampAnchors,
} from '@sekisho/authority'
import { jpkiTown } from '@sekisho/pki'
import { mailboxRoom } from '@sekisho/mailbox'
import { entrustedActs, mandatesRoom } from '@sekisho/mandates'
import { proceduresRoom } from '@sekisho/procedures'
import { type Platform, startPlatform, type UpstreamSettings } from '@sekisho/platform'
import { agentPort, startWallet } from '@sekisho/readers'
import { townClock } from '@sekisho/runtime/clock'
import { callAdmin } from '@sekisho/runtime/http'
import {
  type KeyPair,
  loadOrCreateKey,
  loadOrCreateMasterKey,
  privateJwkOf,
  publicJwkOf,
} from '@sekisho/runtime/keys'
import { readJsonFile } from '@sekisho/runtime/files'
import type { Log } from '@sekisho/runtime/log'
import { createFetch, type Fetch } from '@sekisho/runtime/net'
import type { Token } from '@sekisho/runtime/pkcs11'
import { seededRandom, systemRandom } from '@sekisho/runtime/random'
import { connectPostgres, type Effects, type Engine, openEmbedded } from '@sekisho/runtime/store'
import { type Bank, startBank } from '@sekisho/services/bank'
import { z } from 'zod'
import { verifierModules } from '../verifier/pack.ts'
import { keyringIn } from './keyring.ts'
import { type Layout, type ProgramName } from './layout.ts'
import { personas } from './personas.ts'

/** Stands between a program and whatever it calls, in tests: sees, alters or breaks what passes. */
export type Wire = (program: ProgramName, fetch: Fetch) => Fetch

/** What a program of a town gets from the town. */
export type ProgramWorld = {
  readonly layout: Layout
  readonly log: Log
  /** A PostgreSQL server's URL; without it each engine is embedded. */
  readonly database: string | undefined
  /** Residents besides the personas. */
  readonly residents: number
  /** Residents of all Japan, four in five with registered certificates. */
  readonly isCountry?: boolean | undefined
  readonly effects?: Effects | undefined
  /** An engine shared by the programs of one process. */
  readonly engine?: Engine | undefined
  readonly wire?: Wire | undefined
  readonly gateways?: readonly UpstreamSettings[] | undefined
}

/** A running program. */
export type Running = { stop(): Promise<void> }

/** Starts a program by name. */
export async function startProgram(name: ProgramName, world: ProgramWorld): Promise<Running> {
  switch (name) {
    case 'authority':
      return startTownAuthority(world)
    case 'platform':
      return startTownPlatform(world)
    case 'bank':
      return startTownBank(world)
    case 'wallet':
      return startTownWallet(world)
    default:
      return name satisfies never
  }
}

async function startTownAuthority(world: ProgramWorld): Promise<Running> {
  const { layout } = world
  const clock = townClock(layout.clockFile)
  const [answerKey, messageKey] = await Promise.all([authorityKey(layout), platformKey(layout)])
  const numbersKey = await loadOrCreateMasterKey(layout.keysFolder('authority'), 'numbers', {
    random: systemRandom(),
    effects: world.effects,
  })
  const token = await tokenOf(layout)
  const { engine, close } = await engineOf(world, 'authority')
  const start = (): Promise<Authority> =>
    startAuthority({
      port: layout.ports.authority,
      publicOrigin: layout.urls.authority,
      adminPath: layout.adminPath('authority'),
      engine,
      cardsFolder: layout.cardsFolder,
      caKeysFolder: layout.keysFolder('authority'),
      token,
      personas: personas(clock.now()),
      residents: world.residents,
      isCountry: world.isCountry,
      verifiers: [
        {
          id: 'platform',
          keyId: messageKey.keyId,
          publicKey: messageKey.publicKey,
          accreditedFor: ['signatures', 'authentications'],
        },
      ],
      answerKey,
      numbersKey,
      clock,
      random: systemRandom(),
      seed: seededRandom('sekisho town'),
      log: world.log,
      effects: world.effects,
    })
  return startOrClose(start, close)
}

/** The token that `sekisho ca use-token` named; its library is loaded only then. */
async function tokenOf(layout: Layout): Promise<Token | undefined> {
  const place = await readJsonFile(layout.tokenFile, value => tokenPlace.parse(value))
  if (place === undefined) return undefined
  return (await import('@sekisho/runtime/pkcs11')).connectToken(place)
}

/** Where a token is: its PKCS #11 library, and its label in it. */
const tokenPlace = z.strictObject({ module: z.string(), label: z.string() })

async function startTownPlatform(world: ProgramWorld): Promise<Running> {
  const { layout } = world
  const [answerKey, messageKey, bankKey] = await Promise.all([
    authorityKey(layout),
    platformKey(layout),
    clientKey(layout),
  ])
  const { engine, close } = await engineOf(world, 'platform')
  const caller = createFetch({ effects: world.effects })
  const providerCaller = createFetch({ effects: world.effects, reach: 'town' })
  const keys = await keyringIn(layout.keysFolder('platform'))
  const register = { registerUrl: `${layout.urls.authority}/corporations`, fetch: caller.fetch }
  const start = (): Promise<Platform> =>
    startPlatform({
      mode: 'town',
      port: layout.ports.platform,
      issuer: layout.urls.platform,
      keysFolder: layout.keysFolder('platform'),
      keys,
      adminPath: layout.adminPath('platform'),
      engine,
      profile: jpkiTown,
      anchors: townAnchors(),
      verifier: verifierModules(),
      recognised: recognised(layout),
      timeStamps: {
        url: `${layout.urls.authority}/time-stamps`,
        listUrl: `${layout.urls.authority}/time-stamps/root.crl`,
        anchors: townTimeStampAnchors(),
      },
      authority: {
        url: layout.urls.authority,
        verifierId: 'platform',
        answerKey: { keyId: answerKey.keyId, publicKey: answerKey.publicKey },
      },
      messageKey,
      providers: { port: layout.ports.providers, publicOrigin: layout.urls.providers },
      operation: { port: layout.ports.operation, publicOrigin: layout.urls.operation },
      readers: { wallet: layout.urls.wallet, agent: `ws://127.0.0.1:${agentPort}` },
      revocationFolder: layout.revocationFolder,
      uploadsFolder: layout.uploadsFolder,
      revocationRefreshMs: 1000,
      fetch: world.wire?.('platform', caller.fetch) ?? caller.fetch,
      rooms: [
        mandatesRoom({ ...register, registerAgeMs: 2000 }),
        proceduresRoom(register),
        mailboxRoom({ folder: layout.mailFolder, entrusted: entrustedActs }),
      ],
      tlsProxy: undefined,
      gateways: world.gateways,
      providerFetch: world.wire?.('platform', providerCaller.fetch) ?? providerCaller.fetch,
      clock: townClock(layout.clockFile),
      random: systemRandom(),
      log: world.log,
      effects: world.effects,
    })
  const running = await startOrClose(start, async () => {
    await caller.close()
    await providerCaller.close()
    await keys?.stop()
    await close()
  })
  try {
    await callAdmin(layout.adminPath('platform'), 'provider-add', bankMetadata(layout, bankKey))
    for (const box of townHalls)
      await callAdmin(layout.adminPath('platform'), 'mailbox-register', box)
    return running
  } catch (error) {
    await running.stop()
    throw error
  }
}

async function startTownBank(world: ProgramWorld): Promise<Running> {
  const { layout } = world
  const key = await clientKey(layout)
  const { engine, close } = await engineOf(world, 'bank')
  const caller = createFetch({ effects: world.effects })
  const start = (): Promise<Bank> =>
    startBank({
      port: layout.ports.bank,
      publicOrigin: layout.urls.bank,
      engine,
      sekisho: {
        issuer: layout.urls.platform,
        clientId: 'bank',
        privateKey: { ...privateJwkOf(key), kid: key.keyId, alg: 'ES256' },
        dangerAllowHttp: true,
      },
      fetch: world.wire?.('bank', caller.fetch) ?? caller.fetch,
      clock: townClock(layout.clockFile),
      random: systemRandom(),
      log: world.log,
    })
  return startOrClose(start, async () => {
    await caller.close()
    await close()
  })
}

async function startTownWallet(world: ProgramWorld): Promise<Running> {
  const { layout } = world
  const labels = Object.fromEntries(
    personas(townClock(layout.clockFile).now()).map(one => [
      one.id,
      { name: { ja: one.attributes.name, en: one.attributes.name }, note: one.label },
    ]),
  )
  return startWallet({
    port: layout.ports.wallet,
    publicOrigin: layout.urls.wallet,
    cardsFolder: layout.cardsFolder,
    labels,
    random: systemRandom(),
    log: world.log,
  })
}

/** Town halls with a box, where the town's people live and move to. */
const townHalls = [
  { municipality: '13101', name: '千代田区' },
  { municipality: '13104', name: '新宿区' },
  { municipality: '23211', name: '豊田市' },
]

/** Registration of the town's bank: what a provider would send to the operator. */
function bankMetadata(layout: Layout, key: KeyPair): unknown {
  return {
    client_id: 'bank',
    client_name: 'せきしょ銀行',
    client_uri: layout.urls.bank,
    redirect_uris: [`${layout.urls.bank}/callback`],
    jwks: { keys: [{ ...publicJwkOf(key), kid: key.keyId, alg: 'ES256', use: 'sig' }] },
    scope: 'openid name address birthdate gender sign verify change statement mail',
    sekisho_purpose: '預金口座の開設と、口座の利用時の本人の確認のため',
    sekisho_revocation: 'crl',
  }
}

/** The other PKIs of the town, as its platform recognises them: over the government's root. */
function recognised({ urls }: Layout) {
  const kinds = ['representative', 'person', 'mandate', 'doctor', 'official'] as const
  return {
    anchor: townGovernmentAnchor(),
    crossUrl: `${urls.authority}/other-ca/cross-certificates`,
    listUrls: otherCaIds.map(id => `${urls.authority}/other-ca/${id}/list.crl`),
    policies: Object.fromEntries(kinds.map(kind => [kind, policyOf('government', kind)])),
  }
}

/** Opens a program's engine, or takes the shared one, which its owner closes. */
async function engineOf(
  world: ProgramWorld,
  name: ProgramName,
): Promise<{ readonly engine: Engine; readonly close: () => Promise<void> }> {
  if (world.engine !== undefined) return { engine: world.engine, close: () => Promise.resolve() }
  const engine =
    world.database === undefined
      ? await openEmbedded(world.layout.databaseFolder(name), { effects: world.effects })
      : connectPostgres(world.database, { effects: world.effects })
  return { engine, close: () => engine.close() }
}

/** Key with which the town's authority signs answers. */
export function authorityKey(layout: Layout): Promise<KeyPair> {
  return loadOrCreateKey(layout.keysFolder('authority'), 'answers', 'ec-p256')
}

/** Key with which the town's platform signs queries. */
export function platformKey(layout: Layout): Promise<KeyPair> {
  return loadOrCreateKey(layout.keysFolder('platform'), 'messages', 'ec-p256')
}

function clientKey(layout: Layout): Promise<KeyPair> {
  return loadOrCreateKey(layout.keysFolder('bank'), 'client', 'ec-p256')
}

/** Starts a program on what was opened for it, which is closed after it, or at once when it does not start. */
async function startOrClose(
  start: () => Promise<Running>,
  close: () => Promise<void>,
): Promise<Running> {
  try {
    const program = await start()
    return {
      stop: async () => {
        await program.stop()
        await close()
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
