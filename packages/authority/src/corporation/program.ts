/** The registry of companies and the other CAs as parts of the authority's program: opened on its engine, under its origin. */
import type { Certificate } from '@sekisho/pki'
import type { Clock } from '@sekisho/runtime/clock'
import type { App } from '@sekisho/runtime/http'
import type { Random } from '@sekisho/runtime/random'
import type { Engine } from '@sekisho/runtime/store'
import { createOtherCas, otherRootOf } from '../other-ca/authority.ts'
import { otherMigrations, type OtherTables } from '../other-ca/database.ts'
import { publishOthers } from '../other-ca/publication.ts'
import { addOtherCaRoutes } from '../other-ca/route.ts'
import type { OtherWorld } from '../other-ca/world.ts'
import { createHolderKeys, townOtherCaPlan } from '../town-keys.ts'
import { addCorporationRoutes } from './route.ts'
import { seedCorporations } from './town.ts'

/** Root of the town's government CA: what those trust who recognise the other PKIs. The same in every town. */
export function townGovernmentAnchor(): Certificate {
  return otherRootOf('government', townOtherCaPlan())
}

/** Opens the tables. */
export async function openOtherWorld(given: {
  readonly engine: Engine
  readonly publicOrigin: string
  readonly holdersFolder: string
  readonly clock: Clock
  readonly random: Random
}): Promise<OtherWorld> {
  const { engine, publicOrigin, ...rest } = given
  const store = await engine.store<OtherTables>({
    schema: 'authority',
    migrations: otherMigrations,
  })
  const cas = createOtherCas(townOtherCaPlan(), publicOrigin)
  return { ...rest, store, cas, holderKey: createHolderKeys() }
}

/** Seeds at the first start, publishes what is due and adds the routes. */
export async function startOthers(app: App, world: OtherWorld): Promise<void> {
  await seedCorporations(world)
  await publishOthers(world)
  await addOtherCaRoutes(app, world)
  await addCorporationRoutes(app, world)
}
