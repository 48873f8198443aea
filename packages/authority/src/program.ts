/**
 * The authority as a program: registry, CAs, publication, answers, window. A stand-in for J-LIS and the municipalities that
 * verifiers reach only over its protocols. Its CA keys are TEST ONLY: it can be nothing but a town's authority.
 */
import { join } from 'node:path'
import type { Certificate } from '@sekisho/pki'
import { type Clock, every } from '@sekisho/runtime/clock'
import { adminSocket, createServer } from '@sekisho/runtime/http'
import type { Log } from '@sekisho/runtime/log'
import type { MasterKey } from '@sekisho/runtime/keys'
import type { MessageKey } from '@sekisho/runtime/net'
import type { Token } from '@sekisho/runtime/pkcs11'
import type { Random } from '@sekisho/runtime/random'
import type { Effects, Engine } from '@sekisho/runtime/store'
import { addOcspEndpoints } from './answers/ocsp-endpoint.ts'
import { addAnswerRoutes } from './answers/route.ts'
import type { Verifier } from './answers/verifier.ts'
import { finishCardsDue } from './card-application/application.ts'
import { cardApplicationCommands } from './card-application/command.ts'
import { addCardApplicationRoutes } from './card-application/screen.ts'
import { loadingCommands } from './card-loading/command.ts'
import { publishFeedsDue } from './card-loading/feed.ts'
import { addOwnerRoutes, openLoadingWorld } from './card-loading/program.ts'
import { addLoadingRoutes, loadingRefusalPage } from './card-loading/screen.ts'
import type { LoadingWorld } from './card-loading/world.ts'
import { addHeldGenerations } from './ca/ceremony.ts'
import { caCommands } from './ca/command.ts'
import { createCaKeyStore } from './ca/key-store.ts'
import { corporationCommands } from './corporation/command.ts'
import { openOtherWorld, startOthers } from './corporation/program.ts'
import { addCaRoutes } from './ca/screen.ts'
import { authorityMigrations, type AuthorityTables } from './database.ts'
import { addLossLineRoutes } from './loss-line/screen.ts'
import { messages } from './message.ts'
import { publishOthers } from './other-ca/publication.ts'
import type { OtherWorld } from './other-ca/world.ts'
import { pinlessCommands } from './pinless-office/command.ts'
import { addPinlessRoutes, openPinlessWorld } from './pinless-office/program.ts'
import { openPersonalNumbers } from './registry/personal-number.ts'
import { createAnswerCache } from './revocation/answer-cache.ts'
import { publishDue } from './revocation/publish.ts'
import { type Population, seedOnce } from './seed.ts'
import { addStampRoutes } from './time-stamp/route.ts'
import { createStamper, stampRootOf } from './time-stamp/stamper.ts'
import { freshCardKey, townCardIssuerKeys, townHierarchy, townStamps } from './town-keys.ts'
import { createCardIssuer } from './window/card-issuer.ts'
import { windowCommands } from './window/command.ts'
import { endStaysDue } from './window/stay-end.ts'
import { addWindowRoutes, windowRefusalPage } from './window/screen.ts'
import { type AuthorityRules, presentRules, type World } from './world.ts'

/** What an authority needs to run. */
export type AuthoritySettings = Population & {
  readonly port: number
  readonly publicOrigin: string
  readonly adminPath: string
  readonly engine: Engine
  readonly cardsFolder: string
  /** Folder (0700) for the keys of further CA generations, where they are not in a token. */
  readonly caKeysFolder: string
  /** The token for those keys; undefined: they are files. */
  readonly token?: Token | undefined
  readonly verifiers: readonly Verifier[]
  /** Key that signs answers to verifiers. */
  readonly answerKey: MessageKey
  /** The rules of today unless told otherwise. */
  readonly rules?: AuthorityRules | undefined
  /** Wraps the secret behind resident codes and my numbers. */
  readonly numbersKey: MasterKey
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly effects?: Effects | undefined
}

/** A running authority. */
export type Authority = {
  readonly url: string
  readonly anchors: readonly Certificate[]
  stop(): Promise<void>
}

/** CA certificates of the town: the same in every town, because keys and dates are. */
export function townAnchors(): readonly Certificate[] {
  return townHierarchy().anchors
}

/** Root of the town's time-stamp authority: the same in every town, likewise. */
export function townTimeStampAnchors(): readonly Certificate[] {
  return [stampRootOf(townStamps())]
}

/** Starts the authority. At the first start on a store residents are registered and personas live their lives. */
export async function startAuthority(settings: AuthoritySettings): Promise<Authority> {
  const world = await openWorld(settings)
  await seedOnce(world, settings)
  await publishDue(world)
  const others = await openOtherWorld({
    ...settings,
    holdersFolder: join(settings.cardsFolder, 'holders'),
  })
  const pinless = await openPinlessWorld({ ...settings, rules: world.rules.pinless })
  const loading = await openLoadingWorld({ ...settings, rules: world.rules.loading })
  const server = await createServer({
    name: 'authority',
    log: settings.log,
    publicOrigin: settings.publicOrigin,
    renderRefusalPage: loadingRefusalPage(windowRefusalPage),
    effects: settings.effects,
  })
  await addAnswerRoutes(server.app, { ...settings, world })
  addOcspEndpoints(server, world)
  await addStampRoutes(server.app, createStamper(townStamps(), settings))
  await startOthers(server.app, others)
  await addPinlessRoutes(server.app, { ...settings, world, pinless })
  await addOwnerRoutes(server.app, { ...settings, world, loading })
  addLoadingRoutes(server.app, { world, loading })
  addWindowRoutes(server.app, {
    world,
    publicOrigin: settings.publicOrigin,
    labels: new Map(settings.personas.map(one => [one.id, one.label])),
  })
  addCardApplicationRoutes(server.app, { world, publicOrigin: settings.publicOrigin })
  addLossLineRoutes(server.app, { world, publicOrigin: settings.publicOrigin })
  addCaRoutes(server.app, { world, token: settings.token })
  // Nothing runs beside the server until it has its port.
  await server.listen(settings.port)
  const stopPublishing = every(
    publishMs,
    () => publish(world, others, loading),
    fault => settings.log.write(messages['authority.background-fault'], { fault }),
  )
  const admin = await adminSocket(
    settings.adminPath,
    {
      ...windowCommands(world),
      ...corporationCommands(others),
      ...caCommands(world, settings.token),
      ...pinlessCommands(pinless),
      ...loadingCommands(loading),
      ...cardApplicationCommands(world),
      address: () => Promise.resolve({ url: settings.publicOrigin }),
      publish: async () => ({ lists: (await publishDue(world)) + (await publishOthers(others)) }),
    },
    settings.log,
  )
  return {
    url: settings.publicOrigin,
    anchors: world.hierarchy.anchors,
    stop: async () => {
      await server.stop()
      await admin.stop()
      await stopPublishing()
    },
  }
}

/** The world that all parts of an authority share. */
export async function openWorld(
  settings: Pick<
    AuthoritySettings,
    | 'engine'
    | 'rules'
    | 'numbersKey'
    | 'clock'
    | 'random'
    | 'log'
    | 'cardsFolder'
    | 'caKeysFolder'
    | 'token'
    | 'effects'
  >,
): Promise<World> {
  const store = await settings.engine.store<AuthorityTables>({
    schema: 'authority',
    migrations: authorityMigrations,
  })
  const rules = settings.rules ?? presentRules
  const answers = createAnswerCache(store, rules.ocsp.keptMax)
  const hierarchy = townHierarchy()
  const caKeys = createCaKeyStore({ folder: settings.caKeysFolder, token: settings.token })
  await addHeldGenerations({ store, hierarchy, caKeys })
  return {
    store: answers.store,
    answers,
    hierarchy,
    caKeys,
    rules,
    clock: settings.clock,
    random: settings.random,
    log: settings.log,
    cardsFolder: settings.cardsFolder,
    effects: settings.effects,
    cardKey: freshCardKey,
    cardIssuer: createCardIssuer(townCardIssuerKeys()),
    numbers: await openPersonalNumbers(answers.store, settings.numbersKey, settings.random),
  }
}

/** Real milliseconds between two looks at what is due for publication. */
const publishMs = 500

/** What the day brings, then the lists that are due. */
async function publish(world: World, others: OtherWorld, loading: LoadingWorld): Promise<void> {
  await endStaysDue(world)
  await finishCardsDue(world)
  await publishFeedsDue(loading)
  const lists = (await publishDue(world)) + (await publishOthers(others))
  if (lists > 0) world.log.write(messages['authority.lists-published'], { lists })
}
