/** The first start of a town's authority: personas live their lives, residents are registered. */
import { sql } from '@sekisho/runtime/store'
import { municipalities } from '@sekisho/contract/japan'
import type { Random } from '@sekisho/runtime/random'
import { messages } from './message.ts'
import { registerMany } from './registry/bulk.ts'
import { townMunicipalities } from './registry/town-place.ts'
import { livePersona, type Persona } from './window/persona.ts'
import { createPoolKeys } from './town-keys.ts'
import type { World } from './world.ts'

/** Who is to live in the town. */
export type Population = {
  readonly personas: readonly Persona[]
  /** Residents besides the personas. */
  readonly residents: number
  /** They live in all municipalities of the table and have cards as registered numbers; else in the town's own, without cards. */
  readonly isCountry?: boolean | undefined
  /** Deterministic source for residents. */
  readonly seed: Random
}

/** Seeds the town unless that was done. What a process that died left half done is thrown away and done anew. */
export async function seedOnce(world: World, population: Population): Promise<void> {
  const finished = await world.store.read(db =>
    db.selectFrom('seeding').select('finished_at').executeTakeFirst(),
  )
  if (finished !== undefined) return
  await world.store.transaction(async tx => {
    // And with the residents whatever belongs to one.
    await sql`truncate resident, partition, partition_change cascade`.execute(tx)
  })
  const seeding = { ...world, cardKey: createPoolKeys() }
  for (const persona of population.personas) await livePersona(seeding, persona)
  const at = world.clock.now()
  await registerMany(world, {
    count: population.residents,
    places:
      population.isCountry === true ? municipalities.map(one => one.code) : townMunicipalities,
    withCards: population.isCountry === true,
    seed: population.seed,
  })
  await world.store.transaction(tx =>
    tx.insertInto('seeding').values({ finished_at: at }).execute(),
  )
  world.log.write(messages['authority.town-seeded'], {
    residents: population.residents,
    personas: population.personas.length,
  })
}
