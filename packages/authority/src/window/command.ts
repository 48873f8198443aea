/** The window's operations as commands of the admin socket, for the command line. */
import { Refusal } from '@sekisho/contract'
import { z } from 'zod'
import { publishDue } from '../revocation/publish.ts'
import type { World } from '../world.ts'
import { performEvent, residentEvent } from './event.ts'

/** Commands by name. */
export function windowCommands(world: World) {
  return {
    'resident-list': async () =>
      world.store.read(db =>
        db
          .selectFrom('resident')
          .select(['id', 'municipality', 'status', 'persona'])
          .where('persona', 'is not', null)
          .orderBy('persona')
          .execute(),
      ),
    'resident-event': async (body: unknown) => {
      const parsed = z.strictObject({ resident: z.string(), event: residentEvent }).safeParse(body)
      if (!parsed.success) throw new Refusal('request-malformed')
      const id = await residentId(world, parsed.data.resident)
      return performEvent(world, id, parsed.data.event)
    },
    publish: async () => ({ lists: await publishDue(world) }),
  }
}

/** A resident's id by itself or by the name of the persona. */
async function residentId(world: World, name: string): Promise<string> {
  const row = await world.store.read(db =>
    db
      .selectFrom('resident')
      .select('id')
      .where(eb => eb.or([eb('id', '=', name), eb('persona', '=', name)]))
      .executeTakeFirst(),
  )
  if (row === undefined) throw new Refusal('resident-unknown')
  return row.id
}
