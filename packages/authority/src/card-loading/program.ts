/** The loading service as a part of the authority's program: its tables, its signed routes for owners. */
import { Refusal } from '@sekisho/contract'
import { loadedCard, loadedUser, loadingFeed, loadingStop } from '@sekisho/contract/authority'
import type { Clock } from '@sekisho/runtime/clock'
import { type App, type Request, requireSignedMessages } from '@sekisho/runtime/http'
import type { MasterKey } from '@sekisho/runtime/keys'
import type { MessageKey } from '@sekisho/runtime/net'
import type { Random } from '@sekisho/runtime/random'
import type { Engine } from '@sekisho/runtime/store'
import { createNonceTable } from '../answers/nonce.ts'
import { townCardAnchors, townTerminalAuthority } from '../town-keys.ts'
import type { World } from '../world.ts'
import { loadingMigrations, type LoadingTables } from './database.ts'
import { readFeed, stopUser, userOf } from './feed.ts'
import { ownerOfKey } from './owner.ts'
import type { LoadingRules } from './rules.ts'
import type { LoadingWorld } from './world.ts'

/** Opens the tables. */
export async function openLoadingWorld(given: {
  readonly engine: Engine
  readonly clock: Clock
  readonly random: Random
  readonly rules: LoadingRules
  readonly numbersKey: MasterKey
  readonly caKeysFolder: string
  readonly publicOrigin: string
}): Promise<LoadingWorld> {
  const { engine, clock, random, rules, publicOrigin } = given
  const store = await engine.store<LoadingTables>({
    schema: 'authority',
    migrations: loadingMigrations,
  })
  return {
    store,
    rules,
    clock,
    random,
    publicOrigin,
    master: given.numbersKey,
    authority: townTerminalAuthority(),
    chipAnchors: townCardAnchors().chips,
    keysFolder: given.caKeysFolder,
  }
}

/**
 * Adds `GET /v1/card-loading/stopped`, `POST …/stops` and `POST …/user-numbers`, asked by owners and answered as signed messages: an
 * owner sees its own users alone.
 */
export async function addOwnerRoutes(
  app: App,
  given: {
    readonly world: World
    readonly loading: LoadingWorld
    readonly publicOrigin: string
    readonly answerKey: MessageKey
  },
): Promise<void> {
  const { world, loading } = given
  await app.register(async plain => {
    const scope = plain as App
    requireSignedMessages(scope, {
      publicOrigin: given.publicOrigin,
      key: given.answerKey,
      keyOf: async keyId => (await ownerOfKey(loading, keyId))?.publicKey,
      nonces: createNonceTable(world.store),
    })
    const ownerOf = async (request: Request): Promise<string> => {
      const found = await ownerOfKey(loading, request.signedRequest?.keyId ?? '')
      // Its contract may have ended since its signature was verified.
      if (found === undefined) throw new Refusal('loading-owner-unknown')
      return found.id
    }
    scope.get(
      '/v1/card-loading/stopped',
      { schema: { response: { 200: loadingFeed } } },
      async request => readFeed(loading, await ownerOf(request)),
    )
    scope.post(
      '/v1/card-loading/stops',
      { schema: { body: loadingStop, response: { 200: loadingFeed } } },
      async request => stopUser(loading, await ownerOf(request), request.body),
    )
    scope.post(
      '/v1/card-loading/user-numbers',
      { schema: { body: loadedCard, response: { 200: loadedUser } } },
      async request => userOf(loading, await ownerOf(request), request.body),
    )
  })
}
