/** The platform as a program: composes its parts, starts server and background work, stops them in order. */
import type { CeremonyReaders } from '@sekisho/web'
import {
  cardCeremonyAsset,
  frameAssets,
  html,
  langOf,
  page,
  refusalPage,
  verifierAsset,
} from '@sekisho/web'
import { type OperationSettings, startOperation } from './console/start.ts'
import { createReplayTickets } from './onboarding/replay.ts'
import { type ProvidersSettings, startOnboarding } from './onboarding/start.ts'
import { createTracer } from './onboarding/trace.ts'
import { countTraffic } from './traffic/traffic.ts'
import { createLedger, type WitnessPolicy } from '@sekisho/ledger'
import { Refusal } from '@sekisho/contract'
import { type Certificate, type CertificateProfile, isPoolKey, isTownAnchor } from '@sekisho/pki'
import { type Clock, every, protocolNow } from '@sekisho/runtime/clock'
import { adminSocket, createServer, type Server } from '@sekisho/runtime/http'
import type { Keyring, SigningKey } from '@sekisho/runtime/keyring'
import { loadOrCreateKey, privateJwkOf } from '@sekisho/runtime/keys'
import type { Log } from '@sekisho/runtime/log'
import type { Fetch, MessageKey } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import type { Effects, Engine, Store } from '@sekisho/runtime/store'
import { adminCommands, refreshAndTell } from './admin-command.ts'
import { apiExamples } from './api/example.ts'
import { keepBackchannel, sweepRequests } from './approval/backchannel.ts'
import { sweepDevices } from './approval/device.ts'
import { addDeviceRoutes } from './approval/device-route.ts'
import { addRequestRoutes } from './approval/request-route.ts'
import { addProviderApi } from './api/provider-api.ts'
import { releasedBy, sweepReleases } from './confirm/release.ts'
import { sweepResults } from './confirm/kept-result.ts'
import { tellWithdrawals } from './confirm/latest-consent.ts'
import { createVerificationKeeper } from './confirm/verification-keeper.ts'
import { sweepChallenges } from './confirm/verify-pinless.ts'
import { platformMigrations, type PlatformTables } from './database.ts'
import { type AuthoritySettings, connectAuthority } from './evidence/connector.ts'
import type { VerifierModules } from './evidence/box.ts'
import { addLedgerRoutes } from './controls/ledger-route.ts'
import { retentionCommands } from './controls/retention-command.ts'
import {
  plainRetention,
  type RetentionRule,
  type RetentionWorld,
  sweepRetention,
} from './controls/retention.ts'
import { loadAnchors } from './evidence/anchor.ts'
import { createFileJudge } from './evidence/file-verification.ts'
import { openRevocationKeeper, type RevocationKeeper } from './evidence/revocation.ts'
import { createPinlessTerminals } from './evidence/pinless.ts'
import { renewDue, type RenewalWorld } from './evidence/renewal.ts'
import { entries } from './entry.ts'
import { createRecognised, type RecognisedSettings } from './evidence/recognised.ts'
import { createStampTrust, type TimeStampSettings } from './evidence/time-stamp.ts'
import { createTrust, type Trust } from './evidence/trust.ts'
import { createUploads } from './evidence/upload.ts'
import { createJudge } from './evidence/verification.ts'
import { sweepCeremonies } from './login/ceremony.ts'
import { addInteractionRoutes } from './login/interaction.ts'
import { serviceName } from './login/interaction-page.ts'
import {
  type ClientCertificates,
  createClientCertificates,
  isSecretStrong,
  type TlsProxySettings,
} from './login/client-certificate.ts'
import { createOpenId, type OpenId } from './login/open-id.ts'
import { type SucceedingOpenId, withSuccession } from './login/open-id-succession.ts'
import { sweepPolls } from './login/polling.ts'
import { sweepProtocolState } from './login/protocol-state.ts'
import { keyCommands } from './login/token-key-command.ts'
import { createTokenKeys, rotateTokenKey } from './login/token-key.ts'
import { messages } from './message.ts'
import { openPlatformKeys, type PlatformKeys } from './platform-keys.ts'
import { sweepOwnSessions } from './own-page/own-session.ts'
import { addOwnPageRoutes } from './own-page/route.ts'
import { sweepTickets } from './own-page/ticket.ts'
import { addVerifierRoutes } from './own-page/verifier.ts'
import { knownSubject, personOfSubject } from './people/link.ts'
import { findProvider } from './providers/registry.ts'
import { addGatewayRoutes } from './login/gateway-route.ts'
import { sweepUpstreamLogins } from './gateway/login.ts'
import { createUpstreams, type UpstreamSettings } from './gateway/upstream.ts'
import { addSamlRoutes } from './saml/route.ts'
import { sweepSamlRequests } from './saml/waiting.ts'
import { addLogoutRoute } from './session/logout.ts'
import { sendNotices } from './session/logout-notice.ts'
import { isSessionStanding, sweepSessions } from './session/provider-session.ts'
import { forgetEvents } from './watch/event.ts'
import { pushDue } from './watch/push.ts'
import { migrationsOf, type OpenRoom, type Room } from './rooms/room.ts'
import type { World } from './world.ts'

/** What a platform needs to run. Nothing that decides trust has a default. */
export type PlatformSettings = {
  readonly mode: 'town' | 'production'
  readonly port: number
  /** Issuer and origin: `http://localhost:4000`. */
  readonly issuer: string
  /** Folder (0700) with the platform's keys. */
  readonly keysFolder: string
  /** Path of the admin socket. */
  readonly adminPath: string
  readonly engine: Engine
  readonly profile: CertificateProfile
  readonly anchors: readonly Certificate[]
  /** The time-stamp authority that is believed; undefined: none, and no time of signing is proven. */
  readonly timeStamps: TimeStampSettings | undefined
  /** Other PKIs whose holders' signatures are recognised; undefined: none. */
  readonly recognised: RecognisedSettings | undefined
  readonly authority: AuthoritySettings
  /** The trust core as browsers take it, for the verifier page and evidence boxes. */
  verifier(): Promise<VerifierModules>
  /** Key that signs queries to the authority; its public half is registered there. */
  readonly messageKey: MessageKey
  readonly readers: CeremonyReaders
  /** Folder (0700) with the snapshot of revocation data from which the next start begins. */
  readonly revocationFolder: string
  /** Folder (0700) for files that providers upload to have them judged; nodes may share it. */
  readonly uploadsFolder: string
  /** Milliseconds between two looks for new revocation data. */
  readonly revocationRefreshMs: number
  /** Where keys that sign for others and the master are; undefined: files of `keysFolder` too. */
  readonly keys?: Keyring | undefined
  /** How long what is personal is kept, and why; undefined: `plainRetention`. */
  readonly retention?: readonly RetentionRule[] | undefined
  /** Who cosigns the ledger's checkpoints; undefined: nobody, and the newest is shown as it is. */
  readonly witnesses?: WitnessPolicy | undefined
  /** The operators' console; undefined: this node serves none. */
  readonly operation: OperationSettings | undefined
  /** The providers' console; undefined: this node serves none. */
  readonly providers: ProvidersSettings | undefined
  /** What stands on the platform (mandates, mailbox, procedures); undefined: nothing. */
  readonly rooms?: readonly Room[] | undefined
  /** Other OpenID Providers whose logins providers may take; undefined: none. */
  readonly gateways?: readonly UpstreamSettings[] | undefined
  readonly fetch: Fetch
  /** The TLS proxy that passes providers' certificates on; undefined: none is believed. */
  readonly tlsProxy: TlsProxySettings | undefined
  /** Calls to addresses that providers have named: it must reach no further than these may lie (`createFetch`, `reach`). */
  readonly providerFetch: Fetch
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly effects?: Effects | undefined
}

/** A running platform. */
export type Platform = {
  readonly url: string
  readonly store: Store<PlatformTables>
  /** Takes over new revocation data now. */
  refreshRevocation(): Promise<void>
  stop(): Promise<void>
}

/** Starts the platform. Refusal `configuration-unsafe` for an unsafe setting. */
export async function startPlatform(given: PlatformSettings): Promise<Platform> {
  assertSafe(given)
  const traffic = countTraffic(given.log)
  const settings = { ...given, log: traffic.log }
  const trust = createTrust(settings)
  const store = await settings.engine.store<PlatformTables>({
    schema: 'platform',
    migrations: { ...platformMigrations, ...migrationsOf(given.rooms ?? []) },
  })
  await loadAnchors(store, trust)
  const connector = connectAuthority(settings.authority, { ...settings, key: settings.messageKey })
  const keeper = await openKeeper(settings, store, connector, trust)
  const { world, openId, keys, certificates, own, rotate } = await compose(
    settings,
    store,
    connector,
    keeper,
    trust,
  )
  const server = await platformServer(settings)
  const rooms = await addDoors(server, settings, { world, openId, certificates, own })
  server.probe('revocation', () => Promise.resolve(keeper.isUsable(settings.clock.now())))
  server.probe('ledger', () => world.ledger.isCurrent())
  await refreshQuietly(world, keeper, trust)
  // Nothing runs beside the server until it has its port.
  await server.listen(settings.port)
  const stopLedger = world.ledger.start()
  const renewal = { ...world, trust }
  const reached = {
    trust,
    keeper,
    mode: settings.mode,
    retention: retentionOf(settings, world),
    rotateTokenKey: rotate,
  }
  const keysPlace = own.keyring.place
  const operation = await startOperation({
    ...settings,
    world,
    reached,
    keys,
    keysPlace,
    traffic,
  })
  const onboarding = await startOnboarding({
    ...settings,
    world,
    api: server.app,
    tracer: world.tracer,
    tickets: world.tickets,
  })
  const stops = [
    ...startBackground(settings, world, keeper, { renewal, openId, own }),
    ...startRounds(world, rooms),
  ]
  const commands = {
    ...adminCommands(world, keeper, { renewal, trust }, settings.mode),
    ...retentionCommands(retentionOf(settings, world)),
    ...keyCommands({ store, keyring: own.keyring }, openId),
    ...Object.assign({}, ...rooms.map(room => room.commands)),
  }
  const admin = await adminSocket(settings.adminPath, commands, settings.log)
  return {
    url: settings.issuer,
    store,
    refreshRevocation: () => keeper.refresh(),
    stop: async () => {
      await server.stop()
      await operation.stop()
      await onboarding.stop()
      await admin.stop()
      for (const stop of stops) await stop()
      for (const room of rooms) await room.stop?.()
      await stopLedger()
      await world.fileJudge.stop()
    },
  }
}

/** The server, with the description of its interface and of those of rooms. */
function platformServer(settings: PlatformSettings): Promise<Server> {
  return createServer({
    name: 'platform',
    log: settings.log,
    publicOrigin: settings.issuer,
    bodyBytesMax: bodyBytesMax,
    renderRefusalPage: (refusal, lang) =>
      refusalPage(refusal, { lang, service: { name: serviceName[lang], home: '/' } }),
    openapi: {
      title: 'Sekisho platform',
      version: '0.1.0',
      description:
        'Login and identification go over OpenID Connect (see the discovery document); the rest is here.',
      examples: Object.assign(
        {},
        apiExamples,
        ...(settings.rooms ?? []).map(room => room.examples),
      ),
    },
    effects: settings.effects,
  })
}

/** All doors of the platform: OpenID, pages, the interface for providers, and what stands on it. */
async function addDoors(
  server: Server,
  settings: PlatformSettings,
  {
    world,
    openId,
    certificates,
    own,
  }: Omit<Awaited<ReturnType<typeof compose>>, 'keys' | 'rotate'>,
): Promise<readonly OpenRoom[]> {
  const { app } = server
  const { readers } = settings
  const rooms: OpenRoom[] = []
  server.mount('/oidc', openId.handler, { keepPath: true })
  server.mount('/.well-known/openid-configuration', openId.handler, { keepPath: true })
  addPages(server)
  const upstreams = createUpstreams(settings.gateways ?? [], {
    ...settings,
    origin: settings.issuer,
    keyring: own.keyring,
    fetch: settings.providerFetch,
  })
  addInteractionRoutes(app, { world, openId, readers, upstreams })
  addGatewayRoutes(app, { world, upstreams })
  const visitors = addOwnPageRoutes(app, {
    world,
    readers,
    doorways: () => rooms.flatMap(room => room.doorways),
  })
  const authorise = addProviderApi(app, { world, openId, certificates })
  for (const room of settings.rooms ?? [])
    rooms.push(await room.open({ world, app, readers, visitors, authorise }))
  addDeviceRoutes(app, { world, openId, readers })
  addRequestRoutes(app, { world, openId, readers })
  addLogoutRoute(app, { world, openId })
  addSamlRoutes(app, { world, openId, readers, keyring: own.keyring })
  addVerifierRoutes(app, world)
  addLedgerRoutes(app, world.ledger)
  return rooms
}

async function openKeeper(
  settings: PlatformSettings,
  store: Store<PlatformTables>,
  connector: World['connector'],
  trust: Trust,
): Promise<RevocationKeeper> {
  const { keysFolder, effects, clock, log } = settings
  const sealKey = await loadOrCreateKey(keysFolder, 'snapshots', 'ed25519', { effects })
  return openRevocationKeeper({
    store,
    connector,
    trust,
    clock,
    log,
    revocationFolder: {
      path: settings.revocationFolder,
      sealKey: Buffer.from(String(privateJwkOf(sealKey).d), 'base64url'),
    },
    revocationBytesHere,
  })
}

/** What is worked on in a few milliseconds: 50,000 entries. */
const revocationBytesHere = 2 * 1024 * 1024

/** A document of a megabyte in base64 in a call of the API, and the rest of the call. */
const bodyBytesMax = 2 * 1024 * 1024

function assertSafe(settings: PlatformSettings): void {
  if (settings.mode === 'town') return
  for (const [setting, address] of [
    ['issuer', settings.issuer],
    ['authority', settings.authority.url],
    ['wallet', settings.readers.wallet ?? 'https:'],
  ] as const)
    if (!address.startsWith('https:'))
      throw new Refusal('configuration-unsafe', { setting, why: 'not-https' })
  if (settings.engine.kind !== 'postgres')
    throw new Refusal('configuration-unsafe', { setting: 'database', why: 'embedded' })
  if (settings.tlsProxy !== undefined && !isSecretStrong(settings.tlsProxy.secret))
    throw new Refusal('configuration-unsafe', { setting: 'tlsProxy.secret', why: 'too-short' })
  if (settings.timeStamps?.anchors.some(each => isTownAnchor(each) || isPoolKey(each.spki)))
    throw new Refusal('configuration-unsafe', { setting: 'timeStamps.anchors', why: 'town-anchor' })
}

async function compose(
  settings: PlatformSettings,
  store: Store<PlatformTables>,
  connector: World['connector'],
  keeper: RevocationKeeper,
  trust: Trust,
) {
  const own = await openPlatformKeys({ ...settings, keys: settings.keys, store })
  const { receiptKey, ledgerKey, personKeys, master } = own
  const ledger = createLedger({
    store,
    personKeys,
    key: ledgerKey,
    origin: `${new URL(settings.issuer).host}/ledger`,
    random: settings.random,
    log: settings.log,
    witnessed: settings.witnesses && { policy: settings.witnesses, fetch: settings.fetch },
  })
  const judge = createJudge({ ...settings, trust, keeper, connector })
  const stamps = createStampTrust(settings.timeStamps, { ...settings, keys: trust.keys })
  const recognised = createRecognised(settings.recognised, settings)
  const world: World = {
    issuer: settings.issuer,
    store,
    clock: settings.clock,
    random: settings.random,
    log: settings.log,
    connector,
    judge,
    changeListeners: [],
    pinlessTerminals: createPinlessTerminals({ connector, clock: settings.clock }),
    fileJudge: createFileJudge({ ...settings, trust, keeper, connector, stamps, recognised }),
    uploads: createUploads({ folder: settings.uploadsFolder, random: settings.random }),
    stamps,
    keeping: { trust, stamps, clock: settings.clock },
    verifier: settings.verifier,
    personKeys,
    master,
    questionKey: own.questionKey,
    ledger,
    sayings: Object.assign({}, entries, ...(settings.rooms ?? []).map(room => room.entries)),
    keepVerification: createVerificationKeeper({ ...settings, store, ledger, personKeys }),
    tracer: createTracer(store, settings.log),
    tickets: createReplayTickets(settings.random),
    receiptKey,
  }
  const certificates =
    settings.tlsProxy === undefined ? undefined : createClientCertificates(settings.tlsProxy)
  const tokenKeys = createTokenKeys({ store, keyring: own.keyring })
  const openId = await withSuccession(
    async () => [...(await tokenKeys()), receiptKey, ...own.formerKeys],
    keys => openIdOf(settings, world, { keys, cookieSecret: own.cookieSecret, certificates }),
  )
  const keys = async () =>
    [
      ...(await tokenKeys()).map((key, at) => ({
        key,
        use: at === 0 ? ('signs-now' as const) : ('published' as const),
      })),
      { key: receiptKey, use: 'receipts' as const },
      { key: ledgerKey, use: 'ledger' as const },
    ].map(({ key, use }) => ({ use, keyId: key.keyId, kind: key.kind }))
  const rotate = async (leadMs: number): Promise<string> => {
    const { name } = await rotateTokenKey({ store, keyring: own.keyring }, leadMs)
    await openId.refresh()
    return name
  }
  return { world, openId, keys, certificates, own, rotate }
}

function openIdOf(
  settings: PlatformSettings,
  world: World,
  given: {
    readonly keys: readonly SigningKey[]
    readonly cookieSecret: string
    readonly certificates: ClientCertificates | undefined
  },
): OpenId {
  const { store } = world
  return createOpenId({
    certificates: given.certificates,
    issuer: world.issuer,
    store,
    log: world.log,
    keys: given.keys,
    cookieSecrets: [given.cookieSecret],
    findProvider: id => findProvider(store, id),
    subjectOf: (providerId, personId) =>
      store.read(db => knownSubject(db, { providerId, personId })),
    personOf: (providerId, subject) => store.read(db => personOfSubject(db, providerId, subject)),
    keepBackchannel: asked => keepBackchannel(world, asked),
    isStanding: grantId => isSessionStanding(world, grantId),
    fetch: settings.providerFetch,
    releasedBy: grantId => releasedBy(world, grantId, protocolNow()),
    renderPage: (refusal, request) => {
      const lang = langOf({
        url: request.url,
        ...(request.cookie === undefined ? {} : { cookie: request.cookie }),
      })
      return refusalPage(refusal, { lang, service: { name: serviceName[lang], home: '/' } })
    },
  })
}

function addPages(server: Server): void {
  for (const asset of [...frameAssets, cardCeremonyAsset, verifierAsset])
    server.app.get(asset.path, { schema: { hide: true } }, (_request, reply) =>
      reply.type(asset.contentType).send(asset.body),
    )
  server.app.get('/', { schema: { hide: true } }, (request, reply) => {
    const lang = langOf({
      url: request.url,
      ...(request.headers.cookie === undefined ? {} : { cookie: request.headers.cookie }),
    })
    const text =
      lang === 'ja'
        ? 'サービスへのログインと本人確認を、マイナンバーカードで行うための共通認証基盤です。手続はサービスの画面から始めてください。'
        : 'The common platform for logging in and being identified with a My Number card. Begin at the service that you use.'
    return reply.type('text/html; charset=utf-8').send(
      page({
        title: serviceName[lang],
        lang,
        service: { name: serviceName[lang], home: '/' },
        path: '/',
        body: html`<p class="lead">${text}</p><p><a href="/me">${lang === 'ja' ? 'あなたの同意と利用記録' : 'Your consents and records'}</a></p><p><a href="/verify">${lang === 'ja' ? '署名付きファイルの検証' : 'Verify signed files'}</a></p><p><a href="/.well-known/openid-configuration">OpenID discovery</a> · <a href="/openapi.json">OpenAPI</a> · <a href="/refusals">refusals</a></p>`,
      }),
    )
  })
}

async function refreshQuietly(world: World, keeper: RevocationKeeper, trust: Trust): Promise<void> {
  try {
    await loadAnchors(world.store, trust)
    await refreshAndTell(world, keeper)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    world.log.write(messages['platform.revocation-update-failed'], { refusal: error.code })
  }
}

const sweepMs = 60_000
/** Real milliseconds between two looks for containers to which something is to be added. */
const renewMs = 60_000

/** Real milliseconds between two looks for events to deliver. */
const pushMs = 500

async function pushRound(settings: PlatformSettings, world: World, openId: OpenId): Promise<void> {
  await pushDue({ ...world, fetch: settings.providerFetch }, protocolNow())
  await sendNotices({ ...world, send: openId.sendLogout }, protocolNow())
}

async function renewRound(renewal: RenewalWorld): Promise<void> {
  await renewDue(renewal)
}

function retentionOf(
  { retention = plainRetention }: PlatformSettings,
  world: World,
): RetentionWorld {
  return { ...world, retention }
}

function startBackground(
  settings: PlatformSettings,
  world: World,
  keeper: RevocationKeeper,
  {
    renewal,
    openId,
    own,
  }: {
    readonly renewal: RenewalWorld
    readonly openId: SucceedingOpenId
    readonly own: PlatformKeys
  },
): (() => Promise<void>)[] {
  const fault = (error: unknown): void =>
    world.log.write(messages['platform.background-fault'], { fault: error })
  const sweep = async (): Promise<void> => {
    await sweepProtocolState(world.store)
    await sweepCeremonies(world.store)
    await sweepReleases(world, protocolNow())
    await sweepSessions(world.store)
    await sweepDevices(world.store)
    await sweepPolls(world.store)
    await sweepSamlRequests(world.store)
    await sweepUpstreamLogins(world.store)
    await sweepRequests(world.store)
    await sweepResults(world)
    await sweepRetention(retentionOf(settings, world))
    await tellWithdrawals(world)
    await sweepOwnSessions(world.store)
    await sweepTickets(world.store)
    await sweepChallenges(world)
    await world.uploads.sweep(protocolNow())
    await forgetEvents(world.store, world.clock.now())
  }
  return [
    every(settings.revocationRefreshMs, () => refreshQuietly(world, keeper, renewal.trust), fault),
    every(sweepMs, sweep, fault),
    every(pushMs, () => pushRound(settings, world, openId), fault),
    every(renewMs, () => renewRound(renewal), fault),
    own.startWork(openId.refresh, fault),
  ]
}

/** The work of rooms beside the server. */
function startRounds({ log }: World, rooms: readonly OpenRoom[]): (() => Promise<void>)[] {
  return rooms.flatMap(room =>
    room.rounds.map(({ everyMs, run }) =>
      every(everyMs, run, fault => log.write(messages['platform.background-fault'], { fault })),
    ),
  )
}
