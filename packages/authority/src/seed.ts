/** The first start of a town's authority: personas live their lives, residents are registered. */
import { jsonb, sql } from '@sekisho/runtime/store'
import type { Random } from '@sekisho/runtime/random'
import { messages } from './message.ts'
import { generateResidents } from './registry/generate.ts'
import { livePersona, type Persona } from './window/persona.ts'
import { createPoolKeys } from './town-keys.ts'
import type { World } from './world.ts'

/** Who is to live in the town. */
export type Population = {
  readonly personas: readonly Persona[]
  /** Residents besides the personas. */
  readonly residents: number
  /** Deterministic source for residents. */
  readonly seed: Random
}

const insertRowsMax = 500

/** Seeds the town unless that was done. What a process that died left half done is thrown away and done anew. */
export async function seedOnce(world: World, population: Population): Promise<void> {
  const finished = await world.store.read(db =>
    db.selectFrom('seeding').select('finished_at').executeTakeFirst(),
  )
  if (finished !== undefined) return
  await world.store.transaction(async tx => {
    await sql`truncate resident, personal_number, event, card, certificate, partition, partition_change`.execute(
      tx,
    )
  })
  const seeding = { ...world, cardKey: createPoolKeys() }
  for (const persona of population.personas) await livePersona(seeding, persona)
  const at = world.clock.now()
  const year = new Date(at).getUTCFullYear()
  const rows = Array.from(
    generateResidents(population.seed, population.residents, year),
    ({ municipality, attributes }) => ({
      id: world.random.uuidv7(at),
      municipality,
      attributes: jsonb<unknown>(attributes),
      status: 'resident' as const,
      is_ward: false,
      persona: null,
      recorded_at: at,
      household_id: null,
      reading: null,
      stay: null,
      stay_until: null,
    }),
  )
  await world.store.transaction(async tx => {
    for (let from = 0; from < rows.length; from += insertRowsMax)
      await tx
        .insertInto('resident')
        .values(rows.slice(from, from + insertRowsMax))
        .execute()
    await tx.insertInto('seeding').values({ finished_at: at }).execute()
  })
  world.log.write(messages['authority.town-seeded'], {
    residents: population.residents,
    personas: population.personas.length,
  })
}
