/** The PIN-less office as a part of the authority's program: its tables on the engine, its standing for verifiers. */
import { pinlessStanding } from '@sekisho/contract/authority'
import { type App, requireSignedMessages } from '@sekisho/runtime/http'
import type { MessageKey } from '@sekisho/runtime/net'
import type { Clock } from '@sekisho/runtime/clock'
import type { Engine } from '@sekisho/runtime/store'
import { createNonceTable } from '../answers/nonce.ts'
import type { Verifier } from '../answers/verifier.ts'
import { freshCardKey, townTerminalAuthority } from '../town-keys.ts'
import type { World } from '../world.ts'
import { pinlessMigrations, type PinlessTables } from './database.ts'
import { type PinlessWorld, readStanding } from './office.ts'
import type { PinlessRules } from './rules.ts'

/** Opens the tables. */
export async function openPinlessWorld(given: {
  readonly engine: Engine
  readonly clock: Clock
  readonly rules: PinlessRules
}): Promise<PinlessWorld> {
  const { engine, clock, rules } = given
  const store = await engine.store<PinlessTables>({
    schema: 'authority',
    migrations: pinlessMigrations,
  })
  const authority = townTerminalAuthority()
  return { store, authority, rules, clock, organisationKey: freshCardKey }
}

/** Adds `GET /v1/pinless-standing` for registered verifiers, asked and answered as signed messages. */
export async function addPinlessRoutes(
  app: App,
  given: {
    readonly world: World
    readonly pinless: PinlessWorld
    readonly publicOrigin: string
    readonly verifiers: readonly Verifier[]
    readonly answerKey: MessageKey
  },
): Promise<void> {
  const keys = new Map(given.verifiers.map(one => [one.keyId, one.publicKey]))
  await app.register(async plain => {
    const scope = plain as App
    requireSignedMessages(scope, {
      publicOrigin: given.publicOrigin,
      key: given.answerKey,
      keyOf: keyId => Promise.resolve(keys.get(keyId)),
      nonces: createNonceTable(given.world.store),
    })
    scope.get('/v1/pinless-standing', { schema: { response: { 200: pinlessStanding } } }, () =>
      readStanding(given.pinless),
    )
  })
}
